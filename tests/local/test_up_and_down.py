"""A world leaves nothing behind, however it ends."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local import runs
from local.environments import MONGOD_NEEDED, ROOT
from local.processes import MARK, born, marked

pytestmark = [pytest.mark.world, pytest.mark.timeout(120)]
Up = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def up() -> Iterator[Up]:
    """`python -m local up`, as a person starts it."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "local", "up", *arguments]
        settings = {**os.environ, **environment}
        process = subprocess.Popen(
            command, cwd=ROOT, env=settings, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
    runs.heal()


def ready(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, process.communicate()[1]
    endpoints: dict[str, Any] = json.loads(line)
    return endpoints


def run_of(process: subprocess.Popen[str]) -> runs.Run:
    (folder,) = runs.STATE.glob(f"{process.pid}-*")
    return runs.Run(name=folder.name)


def gone(run: runs.Run, *, within: float = 10.0) -> bool:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if not marked(run.name) and not run.folder.exists():
            return True
        time.sleep(0.05)
    return False


def test_a_world_says_one_line_and_ends_without_a_trace(up: Up) -> None:
    process = up()
    endpoints = ready(process)
    run = run_of(process)
    assert len(marked(run.name)) >= 5
    assert {"aws", "carrier", "voice", "mongodb", "functions", "function_urls"} <= endpoints.keys()
    with pytest.raises(urllib.error.HTTPError, match="403"):  # the function answers: an unsigned webhook
        urllib.request.urlopen(f"{endpoints['voice']['url']}/voice/c/a/status", data=b"CallSid=CA1", timeout=20)
    process.send_signal(signal.SIGTERM)
    rest, _ = process.communicate(timeout=20)
    assert (process.returncode, rest) == (128 + signal.SIGTERM, "")
    assert gone(run, within=0.5)


def test_ctrl_c_while_it_starts_ends_it_as_well(up: Up) -> None:
    process = up()
    deadline = time.monotonic() + 20
    while not (list(runs.STATE.glob(f"{process.pid}-*")) and len(marked(run_of(process).name)) >= 3):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    run = run_of(process)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert gone(run, within=0.5)


def test_a_killed_owner_takes_its_world_along(up: Up) -> None:
    process = up()
    ready(process)
    run = run_of(process)
    process.kill()
    process.wait()
    assert gone(run)


def test_what_a_power_cut_left_is_healed_by_the_next_run(up: Up) -> None:
    process = up()
    ready(process)
    run = run_of(process)
    (warden,) = [pid for pid in marked(run.name) if b"local.warden" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    os.kill(warden, signal.SIGKILL)
    process.kill()
    process.wait()
    assert run.folder.exists()
    assert marked(run.name)
    assert run.name in runs.heal()
    assert gone(run, within=0.5)


def test_healing_touches_no_process_without_the_mark() -> None:
    stranger = subprocess.Popen(["sleep", "60"])
    ours = subprocess.Popen(["sleep", "60"], env={**os.environ, MARK: "left-over"})
    folder = runs.STATE / "left-over"
    folder.mkdir(parents=True)
    # The owner's pid was given out again: to the stranger.
    (folder / "owner.json").write_text(json.dumps({"pid": stranger.pid, "born": "long ago"}))
    try:
        assert "left-over" in runs.heal()
        assert ours.wait(5) == -signal.SIGKILL
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_process_is_named_by_its_pid_and_birth() -> None:
    assert born(os.getpid()) == born(os.getpid()) != ""
    ended = subprocess.Popen(["true"])
    ended.wait()
    assert born(ended.pid) == ""


def refusal(process: subprocess.Popen[str]) -> str:
    out, sentence = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, ""), sentence
    return sentence.strip().splitlines()[-1]


def test_a_taken_port_gets_one_sentence(up: Up) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        said = refusal(up("--port", str(port)))
    assert said == f"Port {port} on 127.0.0.1 is taken: choose another one, or stop what uses it."


def test_a_missing_mongod_gets_one_sentence(up: Up, tmp_path: Path) -> None:
    """The package is hidden behind an empty one of its name, and PATH holds no mongod."""
    hidden = tmp_path / "fiftyone" / "db"
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").touch()
    (hidden.parent / "__init__.py").touch()
    assert refusal(up(PYTHONPATH=str(tmp_path), PATH="/nowhere", MONGODB_URI="")) == MONGOD_NEEDED


def test_an_unreachable_database_gets_one_sentence_without_its_password(up: Up) -> None:
    said = refusal(up("--mongodb", f"mongodb://me:{secrets.token_hex(4)}@127.0.0.1:9/?timeoutMS=300"))
    assert said.startswith("The MongoDB at mongodb://127.0.0.1:9/?timeoutMS=300 cannot serve")
