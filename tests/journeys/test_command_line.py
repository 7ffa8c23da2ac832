"""The operator's command line in a real terminal, against the deployed API: a campaign from its file to its end."""

import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from local.world import World
from tests.journeys.conftest import Numbers
from tests.journeys.journey import FROM, Journey, until
from tests.journeys.office import Office
from tests.journeys.terminal import CTRL_C, Terminal

FORM = f"""
name: by the command line
from_numbers: [{FROM}]  # unquoted: YAML alone would read a number
call: {{say: "Hello {{name}}.", ring_timeout_s: 15, talk_limit_s: 5, opt_out_digit: 9}}
pacing: {{call_delay_s: 0.02, max_concurrent: 20}}
hours: {{opens: 00:00, closes: 24:00, zone: UTC}}
any_hour_because: a test runs at any hour
"""


@pytest.fixture
def terminal(world: World, tmp_path: Path) -> Terminal:
    there = {"DIALER_API_URL": world.api_url, "DIALER_TOKEN": world.operator_token}
    return Terminal(home=tmp_path, environment=there)


@pytest.fixture
def form(tmp_path: Path) -> Path:
    path = tmp_path / "campaign.yaml"
    path.write_text(FORM)
    return path


def test_a_campaign_is_made_from_a_file_started_watched_and_read(
    journey: Journey, world: World, terminal: Terminal, form: Path, numbers: Numbers
) -> None:
    people = numbers(3)
    campaign_id = terminal.json("campaign", "create", str(form))["id"]
    office = Office(url=world.api_url, token=world.operator_token)
    office.do("POST", f"/campaigns/{campaign_id}/contacts", {"rows": [{"phone": one, "name": "Ada"} for one in people]})
    assert "by the command line is running." in terminal("campaign", "start", campaign_id).text
    journey.finish(campaign_id)
    watched = terminal("campaign", "watch", campaign_id)
    assert (watched.code, "3 of 3 settled" in watched.text) == (0, True), watched.text
    shown = terminal("campaign", "show", campaign_id)
    assert "done: 3" in shown.text
    assert "answered: 3" in shown.text
    found = terminal.json("contact", "find", "--phone", people[0])
    story = terminal("contact", "show", found["id"])
    assert found["attempts"][0]["sid"] in story.text
    assert campaign_id in terminal("campaign", "list").text
    assert "stopped" in terminal("campaign", "stop", campaign_id, answers={"[y/N]": "y\n"}).text
    assert "POST /campaigns/{campaign_id}/stop" in terminal("audit", "--limit", "5").text


def test_a_watch_ends_with_ctrl_c_and_leaves_the_campaign_as_it_is(terminal: Terminal, form: Path) -> None:
    campaign_id = terminal.json("campaign", "create", str(form))["id"]
    watched = terminal("campaign", "watch", campaign_id, answers={"0 of 0 settled": CTRL_C})
    assert (watched.code, "Traceback" in watched.text) == (130, False), watched.text
    assert terminal.json("campaign", "show", campaign_id)["state"] == "draft"


def test_who_logs_in_is_remembered_in_a_file_of_their_own(world: World, tmp_path: Path) -> None:
    stranger = Terminal(home=tmp_path, environment={})
    assert stranger("campaign", "list").code == 3
    login = stranger("login", world.api_url, answers={"Token: ": f"{world.operator_token}\n"})
    assert (login.code, "Logged in as the local world (operator)" in login.text) == (0, True), login.text
    assert world.operator_token not in login.text
    kept = tmp_path / "dialer" / "credentials.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stranger("campaign", "list").code == 0
    assert "Forgotten." in stranger("logout").text
    assert "You are not logged in" in stranger("campaign", "list").text


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("campaign", "create", "{tmp}/nothing.yaml"), 2, "nothing.yaml cannot be read: No such file"),
        (("campaign", "create", "{tmp}/broken.yaml"), 2, "broken.yaml, line 2: "),
        (("campaign", "create", "{tmp}/list.yaml"), 2, "holds no campaign"),
        (("campaign", "create", "{tmp}/wrong.yaml"), 1, "pacing.max_concurrent"),
        (("campaign", "show", "000000000000"), 1, "There is no campaign"),
        (("campaign", "pause", "what?"), 2, "'what?' is no id"),
        (("contact", "find",), 2, "Give --phone, or --external-id, or --campaign and --state."),
        (("list", "upload", "000000000000", "{tmp}/nothing.csv"), 2, "nothing.csv cannot be read: No such file"),
        (("login", "http://example.com"), 2, "A token is sent over https only"),
        (("login", "ftp://example.com"), 2, "is not the URL of an API"),
    ],
)  # fmt: skip
def test_a_mistake_gets_one_sentence_and_a_code(
    terminal: Terminal, tmp_path: Path, words: tuple[str, ...], code: int, sentence: str
) -> None:
    (tmp_path / "broken.yaml").write_text("name: [\n  : x: y\n")
    (tmp_path / "list.yaml").write_text("- 1\n- 2\n")
    (tmp_path / "wrong.yaml").write_text(FORM.replace("max_concurrent: 20", "max_concurrent: many"))
    shown = terminal(*(word.format(tmp=tmp_path) for word in words))
    assert (shown.code, "Traceback" in shown.text) == (code, False), shown.text
    assert sentence in " ".join(shown.text.split())


def test_an_api_that_is_away_or_none_at_all_is_said_so(terminal: Terminal, world: World) -> None:
    nowhere = Terminal(home=terminal.home, environment={"DIALER_API_URL": "http://127.0.0.1:9", "DIALER_TOKEN": "x"})
    shown = nowhere("campaign", "list")
    assert (shown.code, "does not answer" in shown.text) == (4, True), shown.text
    other = Terminal(home=terminal.home, environment={"DIALER_API_URL": world.carrier_url, "DIALER_TOKEN": "x"})
    assert "is no dialer's API" in other("campaign", "list").text


def test_a_viewer_may_look_but_not_touch(terminal: Terminal, world: World, form: Path) -> None:
    made = terminal.json("token", "make", "somebody who looks")
    viewer = Terminal(home=terminal.home, environment={"DIALER_API_URL": world.api_url, "DIALER_TOKEN": made["token"]})
    assert viewer("campaign", "list").code == 0
    refused = viewer("campaign", "create", str(form))
    assert (refused.code, "only look" in refused.text) == (3, True), refused.text
    assert terminal("token", "revoke", made["id"], "--yes").code == 0
    assert viewer("campaign", "list").code == 3


def test_a_suppression_list_comes_in_and_goes_out(terminal: Terminal, tmp_path: Path, numbers: Numbers) -> None:
    people = numbers(5)
    given = tmp_path / "never.csv"
    given.write_text("phone\n" + "\n".join([*people[:3], "not a phone", *people[3:]]) + "\n")
    brought = terminal("suppress", "import", str(given), "-m", "asked us")
    assert (brought.code, "6 rows: 5 new, 0 known, 1 rejected." in brought.text) == (1, True), brought.text
    assert "line 5: " in brought.text
    written = tmp_path / "out.csv"
    assert terminal("suppress", "export", str(written)).code == 0
    lines = written.read_text().splitlines()
    assert len(lines) >= 6
    assert terminal.json("suppress", "export", str(written))["rows"] == len(lines) - 1
    assert {one["hash"] for one in terminal.json("suppress", "export")} == {line.split(",")[0] for line in lines[1:]}
    assert not [line for line in lines if people[0] in line]
    written.write_text("\n".join([lines[0], *(line for line in lines[1:] if "asked us" in line)]))
    again = terminal.json("suppress", "import", str(written))
    assert (again["new"], again["known"], again["rejects"]) == (0, 5, [])
    told = terminal("suppress", "find", people[0])
    assert "asked us" in told.text
    assert "`dialer audit --about " in told.text
    assert terminal("suppress", "remove", people[0], "-m", "asked again").code == 0
    assert "not suppressed" in terminal("suppress", "find", people[0]).text


def test_whoever_goes_out_of_a_campaigns_scope_comes_back_into_no_other(
    terminal: Terminal, tmp_path: Path, numbers: Numbers
) -> None:
    (phone,) = numbers(1)
    scopes = ("campaign:0123456789ab", "purpose:survey")
    for scope in scopes:
        terminal.json("suppress", "add", phone, "--scope", scope, "-m", "there and back")
    before = terminal.json("suppress", "find", phone)["scopes"]
    written = tmp_path / "out.csv"
    assert terminal("suppress", "export", str(written)).code == 0
    lines = written.read_text().splitlines()
    ours = [line for line in lines if "there and back" in line]
    written.write_text("\n".join([lines[0], *ours, ours[0].replace("0123456789ab", "x")]))
    for scope in scopes:
        terminal.json("suppress", "remove", phone, "--scope", scope, "-m", "a test")
    brought = terminal("suppress", "import", str(written))
    assert (brought.code, "3 rows: 2 new, 0 known, 1 rejected." in brought.text) == (1, True), brought.text
    assert "line 4: its scope is none of `global`" in brought.text
    assert terminal.json("suppress", "find", phone)["scopes"] == before


def test_whoever_stands_before_a_bad_byte_is_suppressed(terminal: Terminal, tmp_path: Path, numbers: Numbers) -> None:
    """A spreadsheet that was saved in an old encoding: what is said of it is what has been done."""
    people = numbers(5)
    given = tmp_path / "never.csv"
    rows = [f"{phone},mail,{name}" for phone, name in zip(people, ["A", "B", "C", "Zo\xeb", "E"], strict=True)]
    given.write_bytes("\n".join(["phone,source,name", *rows]).encode("latin-1"))
    brought = terminal("suppress", "import", str(given))
    assert (brought.code, "3 rows: 3 new, 0 known, 0 rejected." in brought.text) == (2, True), brought.text
    assert "Line 5 is not CSV in UTF-8: only what stands before it has been read." in brought.text
    assert "mail" in terminal("suppress", "find", people[2]).text
    assert "not suppressed" in terminal("suppress", "find", people[3]).text


def test_a_list_is_uploaded_called_and_exported(
    journey: Journey, terminal: Terminal, form: Path, tmp_path: Path, numbers: Numbers
) -> None:
    people = numbers(3)
    campaign_id = terminal.json("campaign", "create", str(form))["id"]
    sheet = tmp_path / "people.csv"
    sheet.write_text(
        "\n".join(["Mobile;Name", *(f"{phone};Ada" for phone in people), "12;too short", f"{people[0]};Ada"])
    )
    uploaded = terminal("list", "upload", campaign_id, str(sheet))
    assert uploaded.code == 0, uploaded.text
    assert "rows: 5, added: 3, updated: 0, known: 0, repeated: 1, rejected: 1" in " ".join(uploaded.text.split())
    (found,) = [terminal.json("list", "list", campaign_id)]
    rejects = tmp_path / "rejects.csv"
    assert terminal("list", "report", found["id"], "--rejects", str(rejects)).code == 0
    assert "5,no country code" in rejects.read_text()
    terminal.json("campaign", "start", campaign_id)
    journey.finish(campaign_id)
    calls = tmp_path / "calls.csv"
    assert "3 rows in" in terminal("export", "calls", campaign_id, str(calls)).text
    assert all(phone in calls.read_text() for phone in people)
    assert terminal.json("export", "status", campaign_id, str(tmp_path / "people-now.csv"))["rows"] == 3
    terminal.json("campaign", "stop", campaign_id, "--yes")


def test_whatever_a_person_may_decide_is_one_command_and_its_reason_is_kept(
    journey: Journey, terminal: Terminal, world: World, form: Path, numbers: Numbers
) -> None:
    doubtful, kept, later, mine = numbers(4)
    journey.carrier.set_faults([{"kind": "reset", "op": "create", "match": doubtful}])
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    people = Office(url=world.api_url, token=world.operator_token)
    draft = people.do("POST", "/campaigns", yaml.load(form.read_text(), yaml.BaseLoader))["id"]
    campaign_id = terminal.json("campaign", "copy", draft, "--name", "the copy")["id"]
    rows = [{"phone": phone, "name": "Ada"} for phone in (doubtful, kept, later)]
    people.do("POST", f"/campaigns/{campaign_id}/contacts", {"rows": rows})
    pending = people.do("POST", "/contacts/find", {"campaign_id": campaign_id, "state": "pending"})["items"]
    ids = {one["phone"]: one["id"] for one in pending}
    assert "is pending: on hold: asked by mail" in terminal("contact", "hold", ids[kept], "-m", "asked by mail").text
    assert "is pending: on hold" in terminal("contact", "hold", ids[later]).text
    assert "is pending: released: a mistake" in terminal("contact", "release", ids[later], "-m", "a mistake").text
    called_back = terminal.json("contact", "call-back", ids[later], "--at", tomorrow, "-m", "asked for it")
    assert called_back["due_at"][:16] == tomorrow[:16]
    assert "is failed: cancelled: moved away" in terminal("contact", "cancel", ids[later], "-m", "moved away").text
    people.do("POST", f"/campaigns/{campaign_id}/start")
    journey.tick(campaign_id)
    form.write_text("name: decided about\n")
    assert "is changed." in terminal("campaign", "change", campaign_id, str(form)).text
    scheduled = terminal("campaign", "schedule", campaign_id, "--end", tomorrow)
    assert f"Starts: by hand. Ends: {tomorrow[:10]}" in scheduled.text
    assert "is archived." in terminal("campaign", "archive", draft, "-m", "its copy runs").text
    test_call = terminal.json("campaign", "test-call", campaign_id, "--to", mine)["campaign_id"]
    journey.finish(test_call)
    assert [call["to"] for call in journey.carrier.calls() if call["to"] == mine] == [mine]
    erased = terminal("suppress", "erase", later, answers={"[y/N]": "y\n"})
    assert "1 contacts and 0 files erased." in erased.text
    assert "the local world" in terminal("token", "list").text
    assert "operator" in terminal("token", "own").text
    until(lambda: journey.pass_time(campaign_id) or journey.in_state("held", campaign_id))
    watched = terminal("campaign", "watch", campaign_id)
    assert (watched.code, "called by itself: the watch ends." in watched.text) == (0, True), watched.text
    assert "on hold: 1" in terminal("campaign", "show", campaign_id).text
    resolved = terminal("contact", "resolve", ids[doubtful], "--do-not-call", "-m", "it never rang")
    assert f"{ids[doubtful]} is failed: a person decided: it never rang" in resolved.text
    assert "it never rang" in terminal("audit", "--about", ids[doubtful]).text
    people.do("POST", f"/campaigns/{campaign_id}/stop")


def test_the_example_is_a_campaign(terminal: Terminal, tmp_path: Path) -> None:
    example = terminal("campaign", "example").text
    path = tmp_path / "example.yaml"
    path.write_text(example.replace("\r", ""))
    assert terminal.json("campaign", "create", str(path))["form"]["hours"]["opens"] == "09:00"
    assert yaml.safe_load(example)["name"] == "Appointment reminders"
    assert '"from_numbers"' in terminal("campaign", "schema").text
    path.write_text(json.dumps(terminal.json("campaign", "example")))
    assert terminal.json("campaign", "create", str(path))["form"]["hours"]["opens"] == "09:00"
    assert "#/$defs/" in json.dumps(terminal.json("campaign", "schema")["properties"])


def test_everything_is_stopped_with_one_word(
    journey: Journey, terminal: Terminal, world: World, form: Path, numbers: Numbers
) -> None:
    campaign_id = terminal.json("campaign", "create", str(form))["id"]
    office = Office(url=world.api_url, token=world.operator_token)
    rows = [{"phone": phone, "name": "Ada"} for phone in numbers(40)]
    office.do("POST", f"/campaigns/{campaign_id}/contacts", {"rows": rows})
    terminal.json("campaign", "start", campaign_id)
    until(journey.requests)
    halted = terminal("stop-all", "-m", "the wrong text", answers={"[y/N]": "y\n"})
    asked = len(journey.requests())
    assert (halted.code, campaign_id in halted.text) == (0, True), halted.text
    shown = terminal.json("campaign", "show", campaign_id)
    assert (shown["state"], shown["reason"]) == ("paused", "the wrong text")
    journey.tick(campaign_id)
    assert len(journey.requests()) == asked
    terminal.json("campaign", "stop", campaign_id, "--yes")
