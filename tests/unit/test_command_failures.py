"""The command line where something fails: one sentence and an exit code, whatever it was, and never a trace.

Each command is a process of its own; an API at the wire answers it what the real one would.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
LIST = {
    "id": "0a", "campaign_id": "0b", "name": "people.csv", "state": "read", "reason": "", "made_at": "", "ended_at": "",
    "counts": {"rows": 3, "added": 1, "updated": 0, "known": 0, "repeated": 0, "rejected": 2},
}  # fmt: skip
TOKEN = f"dial_0123456789ab_{'x' * 43}"
NOBODY: dict[str, Any] = {
    "campaign": {
        "id": "0b", "name": "Appointments", "state": "draft", "reason": "", "state_at": None, "created_at": None,
        "started_at": None, "start_at": None, "end_at": None, "blocked_regions": [], "may": ["start"],
    },
    "why": {"text": "a draft", "until": None, "zone": ""},
    "waiting": {"due": 0, "closed": 0, "never": 0, "later": 0, "on_hold": 0, "in_vain": 0},
    "stats": {"counts": {}, "dials": 0, "left": 0, "done_at": "2026-03-02T10:00:00Z", "ended": [], "answers": {}},
}  # fmt: skip
ANSWERED = {**NOBODY["stats"], "answers": {"rating": {"good": 5120, "bad": 880}, "why": {"other": 3}}}
REJECTS = b"line,reason\r\n2,no phone\r\n3,no phone\r\n"


class Wire(ThreadingHTTPServer):
    """Takes phones that begin with a plus, or any digits with a region, and has one list with two rejects."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.asked: list[str] = []
        self.sent: list[dict[str, Any]] = []
        self.imports: list[list[str]] = []


class _Answers(BaseHTTPRequestHandler):
    server: Wire

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.path.startswith("/lists/"):
            self._say(200, {**LIST, "rejects_link": f"{self.server.url}/rejects"})
        elif self.path.startswith("/rejects"):
            self._send(200, REJECTS)
        elif self.path.startswith("/exports/"):
            self._say(200, {"id": "0a", "state": "written", "rows": 2, "link": f"{self.server.url}/rejects"})
        elif self.headers["Authorization"] == "Bearer nobodys":
            self._say(401, {"detail": "Bring a valid token: `Authorization: Bearer dial_…`."})
        elif self.path == "/campaigns/0b/live":
            self._say(200, NOBODY)
        elif self.path == "/campaigns/0d/live":
            self._say(200, {**NOBODY, "stats": ANSWERED})
        elif self.path == "/campaigns/0c/live":
            self._say(404, {"detail": "There is no campaign '0c'."})
        elif self.path.startswith(("/suppressions", "/audit", "/campaigns?")):
            self._say(200, {"items": [], "next": ""})
        else:
            self._say(200, {"name": "ann", "role": "operator", "expires_at": "2030-01-01T00:00:00Z"})

    def do_POST(self) -> None:
        self.server.asked.append(self.path)
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.sent.append(sent)
        if self.path.endswith("/exports"):
            return self._say(200, {"id": "0a"})
        if self.path == "/contacts/find":
            return self._say(200, {"items": [], "next": ""})
        if self.path == "/tokens":
            return self._say(200, {"id": "0a", "role": "viewer", "expires_at": "2030-01-01", "token": TOKEN})
        if self.path == "/stop-all":
            never = {"last_permit_at": None, "no_request_after": "2026-03-02T10:00:00.123000Z"}
            return self._say(200, {"paused": ["0b"], "unscheduled": 0, **never})
        if self.path == "/erase":
            return self._say(200, {"erased": 1, "files": 0, "waiting": [], "open_files": []})
        phones = [row["phone"] for row in sent["rows"]]
        self.server.imports.append(phones)
        for place, phone in enumerate(phones):
            if phone.isdigit() and not sent["region"]:
                return self._say(422, {"detail": f"phone {place}: no country code: write it as +<country>."})
            if not phone.startswith("+") and not phone.isdigit():
                return self._say(422, {"detail": f"phone {place}: It is no phone."})
        return self._say(200, {"new": len(phones)})

    def _say(self, status: int, body: dict[str, Any]) -> None:
        self._send(status, json.dumps(body).encode())

    def _send(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture
def wire() -> Iterator[Wire]:
    with Wire() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def dialer(wire: Wire, *words: object, piped: str | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    given = {"DIALER_API_URL": wire.url, "DIALER_TOKEN": "a-token", "COLUMNS": "900", **variables}
    return subprocess.run(
        [sys.executable, "-m", "cli", *map(str, words)],
        cwd=ROOT, env={**os.environ, **given}, input=piped, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def a_file(folder: Path, *lines: str) -> Path:
    path = folder / "never.csv"
    path.write_text("\n".join(lines))
    return path


def test_a_row_without_a_phone_is_named_and_all_others_are_suppressed(wire: Wire, tmp_path: Path) -> None:
    done = dialer(wire, "suppress", "import", a_file(tmp_path, "+12125550100", ",+12125550101", "x", "+12125550102"))
    assert done.returncode == 1
    assert "4 rows: 2 new, 0 known, 2 rejected." in done.stdout
    assert "line 2: The first column is empty" in done.stdout
    assert "line 3: It is no phone." in done.stdout
    assert wire.imports[-1] == ["+12125550100", "+12125550102"]


@pytest.mark.parametrize("line", ["nobody", ",+12125550100"])
def test_a_file_whose_first_hundred_rows_are_refused_is_given_up(wire: Wire, tmp_path: Path, line: str) -> None:
    done = dialer(wire, "suppress", "import", a_file(tmp_path, *[line] * 100, *["nobody"] * 300, "+12125550100"))
    assert done.returncode == 2
    assert "The first 100 rows are all refused, line 1 since: " in done.stderr
    assert len(wire.imports) <= 100


NATIONAL = [f"2125550{number:03}" for number in range(120)]
GIVE_REGION = "Say which country the numbers without a country code are of, such as --region US."


def test_a_file_of_numbers_without_a_country_is_given_up_with_the_option_that_takes_it(
    wire: Wire, tmp_path: Path
) -> None:
    done = dialer(wire, "suppress", "import", a_file(tmp_path, "Telefon", *NATIONAL))
    assert done.returncode == 2
    assert "line 2 since: no country code: write it as +<country>. Nobody is suppressed. Say which" in done.stderr
    assert done.stderr.endswith(f"{GIVE_REGION}\n")


def test_a_few_numbers_without_a_country_are_told_the_option_that_takes_them(wire: Wire, tmp_path: Path) -> None:
    done = dialer(wire, "suppress", "import", a_file(tmp_path, "+12125550100", *NATIONAL[:2]))
    assert done.returncode == 1
    assert done.stdout.endswith(f"  line 3: no country code: write it as +<country>.\n{GIVE_REGION}\n")
    taken = dialer(wire, "suppress", "import", a_file(tmp_path, "+12125550100", *NATIONAL[:2]), "--region", "US")
    assert (taken.returncode, taken.stdout) == (0, "3 rows: 3 new, 0 known, 0 rejected.\n")


def test_a_file_with_a_phone_among_its_first_hundred_rows_is_not_given_up(wire: Wire, tmp_path: Path) -> None:
    done = dialer(wire, "suppress", "import", a_file(tmp_path, *["x"] * 50, "+12125550100", *["x"] * 70))
    assert (done.returncode, "1 new, 0 known, 120 rejected" in done.stdout) == (1, True)


def test_a_pipe_is_read_to_its_end(wire: Wire) -> None:
    people = [f"+1212555{number:04}" for number in range(2500)]
    done = dialer(wire, "suppress", "import", "/dev/stdin", piped="\n".join(people))
    assert (done.returncode, done.stdout) == (0, "2500 rows: 2500 new, 0 known, 0 rejected.\n")
    assert [phone for part in wire.imports for phone in part] == people


def test_a_list_from_a_pipe_is_one_sentence_before_anything_is_asked_for(wire: Wire) -> None:
    assert failed(dialer(wire, "list", "upload", "0b", "/dev/stdin", piped="phone\n")) == (
        2, "/dev/stdin is a pipe, and the store has to know how long a list is: write it into a file first.\n"
    )  # fmt: skip
    assert wire.asked == []


def test_an_export_of_suppressions_into_no_folder_is_one_sentence(wire: Wire, tmp_path: Path) -> None:
    path = tmp_path / "no" / "such" / "x.csv"
    assert failed(dialer(wire, "suppress", "export", path)) == (
        2, f"{path} cannot be read or written: No such file or directory.\n"
    )  # fmt: skip


@pytest.mark.parametrize("words", [("export", "calls", "0b"), ("list", "report", "0a", "--rejects")])
@pytest.mark.parametrize("folder", [".", "/", "", "tests"])
def test_a_folder_in_place_of_a_file_is_one_sentence_before_anything_is_asked_for(
    wire: Wire, words: tuple[str, ...], folder: str
) -> None:
    sentence = f"{Path(folder)} cannot be written: it is a folder. Name a file in it.\n"
    assert failed(dialer(wire, *words, folder)) == (2, sentence)
    assert wire.asked == []


@pytest.mark.parametrize("words", [("export", "calls", "0b"), ("list", "report", "0a", "--rejects")])
def test_a_file_in_no_folder_is_one_sentence_before_anything_is_asked_for(
    wire: Wire, tmp_path: Path, words: tuple[str, ...]
) -> None:
    path = tmp_path / "no" / "such.csv"
    sentence = f"{path} cannot be written: there is no folder {path.parent}.\n"
    assert failed(dialer(wire, *words, path)) == (2, sentence)
    assert wire.asked == []


@pytest.mark.parametrize(("command", "kind"), [("calls", "calls"), ("status", "contacts"), ("lists", "lists")])
def test_each_export_asks_for_its_kind_and_fetches_the_file(
    wire: Wire, tmp_path: Path, command: str, kind: str
) -> None:
    path = tmp_path / "told.csv"
    done = dialer(wire, "export", command, "0b", path)
    assert (done.returncode, wire.sent, path.read_bytes()) == (0, [{"kind": kind}], REJECTS)


def test_an_export_that_cannot_be_written_is_one_sentence_and_leaves_nothing_behind(wire: Wire, tmp_path: Path) -> None:
    path = tmp_path / ("x" * 254)  # what arrives has a longer name until it is whole
    assert failed(dialer(wire, "export", "calls", "0b", path)) == (
        2,
        f"{path} cannot be written: File name too long.\n",
    )
    assert list(tmp_path.iterdir()) == []


def test_a_login_that_cannot_be_kept_is_one_sentence(wire: Wire, tmp_path: Path) -> None:
    in_the_way = a_file(tmp_path, "")
    code, said = failed(dialer(wire, "login", wire.url, DIALER_CONFIG_DIR=str(in_the_way / "dialer")))
    assert (code, said) == (2, f"{in_the_way / 'dialer'} cannot be read or written: Not a directory.\n")


@pytest.mark.parametrize("token", ["a-tok\u0113n", "a token"])
@pytest.mark.parametrize("words", [("login", "http://127.0.0.1:1"), ("audit",)])
def test_a_token_that_no_header_can_hold_is_one_sentence(wire: Wire, token: str, words: tuple[str, ...]) -> None:
    code, said = failed(dialer(wire, *words, DIALER_TOKEN=token))
    assert code == 2
    assert said.startswith("This cannot be a token: it has a space in it, or a letter beyond A to Z.")


HAND_MADE = {
    "no JSON": ("not JSON", "credentials.json cannot be read: remove it and log in again."),
    "a list": ([], "credentials.json cannot be read: remove it and log in again."),
    "no token": ({"default": {"url": "http://127.0.0.1:1"}}, "cannot be read: remove it and log in again."),
    "a number": ({"default": {"url": "http://127.0.0.1:1", "token": 7}}, "cannot be read: remove it and log in again."),
    "a token of two words": ({"default": {"url": "http://127.0.0.1:1", "token": "a b"}}, "This cannot be a token"),
    "plain http": ({"default": {"url": "http://api.example", "token": "a"}}, "A token is sent over https only"),
}


@pytest.mark.parametrize(("kept", "sentence"), HAND_MADE.values(), ids=list(HAND_MADE))
def test_credentials_that_were_written_by_hand_are_one_sentence(
    wire: Wire, tmp_path: Path, kept: object, sentence: str
) -> None:
    (tmp_path / "credentials.json").write_text(kept if isinstance(kept, str) else json.dumps(kept))
    done = dialer(wire, "audit", DIALER_API_URL="", DIALER_TOKEN="", DIALER_CONFIG_DIR=str(tmp_path))
    code, said = failed(done)
    assert (code, done.stdout, said.count("\n")) == (2, "", 1)
    assert sentence in said


@pytest.mark.parametrize(
    ("words", "query", "sentence"),
    [
        ((), "limit=50", "Nothing has been changed yet."),
        (("--about", "0a", "--who", "[0b]", "--limit", 7), "limit=7&about=0a&who=%5B0b%5D",
         "The audit log has nothing about 0a by [0b]."),
    ],
)  # fmt: skip
def test_the_audit_log_is_searched_by_the_api_and_an_empty_answer_is_a_sentence(
    wire: Wire, words: tuple[object, ...], query: str, sentence: str
) -> None:
    done = dialer(wire, "audit", *words)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", f"{sentence}\n")
    assert wire.asked == [f"/audit?{query}"]


def test_a_number_without_a_country_is_looked_for_with_its_region(wire: Wire) -> None:
    done = dialer(wire, "contact", "find", "--phone", "2125550100", "--region", "US")
    assert (done.returncode, done.stderr) == (0, "Nobody was found.\n")
    assert wire.sent == [{"phone": "2125550100", "region": "US", "limit": 50}]


def test_a_region_without_a_phone_is_one_sentence(wire: Wire) -> None:
    done = dialer(wire, "contact", "find", "--external-id", "C-7", "--region", "US")
    assert failed(done) == (2, "--region is the country of a --phone: give both.\n")
    assert wire.asked == []


def test_an_erasure_takes_its_reason_along_where_it_has_one(wire: Wire) -> None:
    for words in ((), ("--reason", "asked by letter")):
        assert dialer(wire, "suppress", "erase", "+12125550100", "--yes", *words).returncode == 0
    assert wire.sent == [
        {"phone": "+12125550100", "region": ""},
        {"phone": "+12125550100", "region": "", "reason": "asked by letter"},
    ]


def test_a_phone_is_put_into_no_url_of_the_audit_log(wire: Wire) -> None:
    code, said = failed(dialer(wire, "audit", "--about", "(212) 555-0100"))
    assert (code, "`dialer suppress find PHONE` tells a phone's." in said, wire.asked) == (2, True, [])


def test_a_token_that_the_api_does_not_know_is_told_in_the_words_of_the_command_line(wire: Wire) -> None:
    code, said = failed(dialer(wire, "campaign", "list", DIALER_TOKEN="nobodys"))
    assert code == 3
    assert said.startswith("The API does not know this token, or it has ended: run `dialer login URL`")


@pytest.mark.parametrize("words", [("token", "make", "ann"), ("audit", "--about", "0" * 64)])
def test_a_sentence_or_a_token_is_one_line_however_narrow_the_screen_is(wire: Wire, words: tuple[str, ...]) -> None:
    done = dialer(wire, *words, COLUMNS="30")
    assert done.returncode == 0
    assert (done.stdout or f"{TOKEN}\n") == f"{TOKEN}\n"
    assert done.stderr.count("\n") == 1


def test_where_no_campaign_is_in_a_state_the_list_says_so(wire: Wire) -> None:
    done = dialer(wire, "campaign", "list", "--state", "running")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "There is no running campaign.\n")


def test_a_watch_of_no_campaign_is_one_sentence_and_nothing_else(wire: Wire) -> None:
    done = dialer(wire, "campaign", "watch", "0c")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "There is no campaign '0c'.\n")


def test_of_a_campaign_with_nobody_left_no_end_is_reckoned(wire: Wire) -> None:
    done = dialer(wire, "campaign", "show", "0b")
    assert (done.returncode, "A draft." in done.stdout, "done at" in done.stdout) == (0, True, False)


def test_what_was_answered_is_shown_step_by_step_where_anything_was(wire: Wire) -> None:
    nothing = dialer(wire, "campaign", "show", "0b")
    assert (nothing.returncode, "answer" in nothing.stdout) == (0, False)
    done = dialer(wire, "campaign", "show", "0d")
    rows = [line.split() for line in done.stdout.splitlines()]
    assert rows[rows.index(["answers"]) :] == [
        ["answers"], ["step", "answer", "attempts"], ["rating", "good", "5120"], ["rating", "bad", "880"],
        ["why", "other", "3"],
    ]  # fmt: skip
    told = json.loads(dialer(wire, "campaign", "show", "0d", "--json").stdout)
    assert told["stats"]["answers"] == ANSWERED["answers"]


def test_a_halt_of_what_has_never_dialed_says_so_and_its_moment_on_this_machine_s_clock(wire: Wire) -> None:
    done = dialer(wire, "stop-all", "--yes", TZ="America/New_York")
    assert done.stdout.splitlines() == [
        "1 campaigns paused: 0b.",
        "No running campaign had dialed yet; no request leaves after 2026-03-02 05:00:00 EST.",
    ]


def test_rejects_that_are_written_into_a_file_are_said_to_be_there(wire: Wire, tmp_path: Path) -> None:
    path = tmp_path / "rejects.csv"
    done = dialer(wire, "list", "report", "0a", "--rejects", path)
    assert (done.returncode, done.stderr, path.read_bytes()) == (0, f"2 rejected rows in {path}.\n", REJECTS)


def test_a_report_alone_says_how_the_rejects_are_fetched(wire: Wire) -> None:
    done = dialer(wire, "list", "report", "0a")
    assert done.stderr == "`dialer list report 0a --rejects FILE` fetches the rejected rows.\n"


def failed(done: subprocess.CompletedProcess[str]) -> tuple[int, str]:
    return done.returncode, done.stderr
