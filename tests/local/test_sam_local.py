"""`make sam-local`: it says plainly when it skips, and its wires carry what a function and our parts say."""

import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from local import sam_local
from local.environments import ROOT
from local.processes import free_port
from local.wires import led


def test_without_docker_it_says_so_and_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert sam_local.missing() == "there is no `docker` on PATH."


def test_without_an_engine_it_says_what_docker_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    docker = tmp_path / "docker"
    docker.write_text('#!/bin/sh\necho "Cannot connect to the Docker daemon." >&2\nexit 1\n')
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert sam_local.missing() == "no Docker engine answers (Cannot connect to the Docker daemon)."


def test_without_the_image_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    docker = tmp_path / "docker"
    docker.write_text('#!/bin/sh\n[ "$1" = info ]\n')
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert sam_local.missing() == f"the image is not here: `docker pull {sam_local.image()}` fetches it."


class Echo(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


def test_a_port_beyond_a_wire_answers_byte_for_byte(tmp_path: Path) -> None:
    """Both ends on this machine: the far port is another, since it could not be the same here."""
    near, far, there = tmp_path / "near", tmp_path / "far", free_port()
    with _echoing() as port, led([near], [port]):
        far.mkdir()
        (far / str(there)).symlink_to(near / str(port))
        with _far_end(tmp_path, far):
            sent = bytes(range(256)) * 4000
            with urllib.request.urlopen(f"http://127.0.0.1:{there}/", sent, timeout=10) as reply:
                assert reply.read() == sent


@contextmanager
def _echoing() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    serving = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    serving.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


@contextmanager
def _far_end(place: Path, sockets: Path) -> Iterator[None]:
    """Beside nothing of ours, as in a container."""
    shutil.copy(ROOT / "local" / "wire_end.py", place)
    end = subprocess.Popen([sys.executable, str(place / "wire_end.py"), str(sockets)], stdout=subprocess.PIPE)
    assert end.stdout is not None
    try:
        assert end.stdout.readline() == b"ready\n"
        yield
    finally:
        end.kill()
        end.communicate()
