"""`make sam-local`: it says plainly when it skips, and its wires carry what a function and our parts say."""

import json
import re
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
from pymongo.database import Database
from twilio.request_validator import RequestValidator

from dialer.adapters.contact_documents import contact_of
from dialer.adapters.mongo import Document
from dialer.lifecycle import State
from dialer.model import attempt_of
from dialer.tokens import WRITTEN, hash_of
from local import event_people, sam_local, sam_local_page
from local.environments import ROOT, Refused
from local.processes import free_port
from local.sam_local_page import Invoked
from local.wires import led
from tests.functions.conftest import telling
from tests.functions.events import event, fields_of, names, query_of, webhooks

PAGE = ROOT / "docs" / "sam-local.md"


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


def test_the_page_has_what_every_event_came_to_and_gives_nothing_away() -> None:
    page = PAGE.read_text()
    sections = dict(re.findall(r"^## (\S+)\n\n```\n(.*?)\n```$", page, re.DOTALL | re.MULTILINE))
    assert list(sections) == names()
    for name, said in sections.items():
        command, _, came_to = said.partition("\n")
        function = f"{name.partition('_')[0].capitalize()}Function"
        assert command == f"$ sam local invoke {function} --event events/{name}.json"
        assert Invoked(event=name, function=function, said=came_to).answered
        assert isinstance(json.loads(came_to.splitlines()[-1]), dict)
    assert telling(page) == []
    assert not WRITTEN.search(page)
    assert not re.search(r"/(tmp|home|root|work)/", page)
    assert {f"https://{host}" for host in re.findall(r"https?://([\w.-]+)", page)} == {event_people.VOICE_URL}


def test_a_page_tells_what_the_image_is_and_no_folder_of_this_machine() -> None:
    one = Invoked(event="reconcile", function="ReconcileFunction", said=f'{{"location": "{ROOT}/x.py"}}\n{{}}\n')
    page = sam_local_page.written([one], system="Fiction 1 with Python 3")
    assert "This run's image calls itself Fiction 1 with Python 3." in page
    assert page.endswith(
        "## reconcile\n\n```\n$ sam local invoke ReconcileFunction --event events/reconcile.json\n"
        '{"location": "x.py"}\n{}\n```\n'
    )


def test_a_page_shows_no_number_no_secret_and_the_beginning_of_a_long_body() -> None:
    token = f"dial_0123456789ab_{43 * 'x'}"
    answer = json.dumps({"statusCode": 200, "body": f"+12015550123 {token} " + 2000 * "y"})
    page = sam_local_page.section(Invoked(event="api_x", function="ApiFunction", said=f"{{}}\n{answer}"))
    assert telling(page) == []
    assert token not in page
    body = json.loads(page.splitlines()[-2])["body"]
    assert body.startswith("+1201…23 dial_0123456789ab_… y")
    assert body.endswith(f"y… and {len(f'+12015550123 {token} ') + 2000 - 1000:,} characters more")


def test_what_sam_says_of_itself_is_left_out_wherever_a_line_of_the_function_begins() -> None:
    started, logged = "START RequestId: 1 Version: $LATEST", '{"message": "tick"}'
    said = (
        f"Mounting it, \x1b[2K{started}\n{started}\n{logged}\nSaved nothing.\nREPORT RequestId: 1\tDuration: 2 ms\t\n"
    )
    assert sam_local.of_the_function(said) == [started, logged, "REPORT RequestId: 1\tDuration: 2 ms"]


@pytest.mark.parametrize("said", ["", '{"errorMessage": "no"}', "Function 'x' timed out after 3 seconds"])
def test_whatever_is_no_answer_is_told_apart(said: str) -> None:
    assert not Invoked(event="reconcile", function="ReconcileFunction", said=said).answered


def test_a_page_is_never_written_of_some_events_only(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="A page tells of every event"):
        sam_local.sam_local(only="voice", write=tmp_path / "page.md")


@pytest.mark.parametrize("name", sorted({*webhooks()} - {"voice_unsigned", "voice_wrong_signature"}))
def test_a_webhook_is_signed_with_the_token_that_belongs_to_nobody(name: str) -> None:
    webhook = event(name)
    signature = webhook["headers"]["x-twilio-signature"]
    url = event_people.VOICE_URL + webhook["rawPath"] + query_of(webhook)
    assert RequestValidator(event_people.TOKEN).validate(url, fields_of(webhook), signature)
    assert webhook["headers"]["host"] in event_people.VOICE_URL


@pytest.mark.parametrize(("function", "state"), [*event_people._STATES.items(), ("tick", State.PENDING)])
def test_the_person_of_the_events_is_found_as_the_function_needs_them(
    database: Database[Document], function: str, state: State
) -> None:
    for _ in range(2):  # whatever was left behind
        event_people.await_event(database, function)
    (document,) = database["contacts"].find()
    person = contact_of(document)
    assert person.state is state
    if state is not State.PENDING:
        assert f"/voice/{person.id}/{attempt_of(person).id}/answer" == event("voice_answer")["rawPath"]
    assert database["campaigns"].count_documents({"_id": event("tick_one_campaign")["campaign_id"]}) == 1


def test_the_operator_of_the_events_is_there_for_those_who_bring_their_token_alone(
    database: Database[Document],
) -> None:
    event_people.await_event(database, "api", operator=True)
    (kept,) = database["tokens"].find()
    assert event("api_campaigns")["headers"]["authorization"] == f"Bearer {event_people.OPERATOR_TOKEN}"
    assert kept["hash"] == hash_of(event_people.OPERATOR_TOKEN)
    event_people.await_event(database, "api")
    assert database["tokens"].count_documents({}) == 0


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
