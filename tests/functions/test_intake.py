"""The intake function: uploaded lists and exports, in one run or in many, killed at every step, and always the same."""

import csv
import io
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dialer import list_sums, wiring
from dialer.adapters.contact_documents import contact_of
from dialer.calling.rules import rule_version
from dialer.errors import BadCampaign, BadInput, Unavailable, UnknownCampaign, UnknownExport, UnknownList
from dialer.exports import CALL_COLUMNS, CONTACT_COLUMNS
from dialer.intake import ListReading
from dialer.lifecycle import UNSETTLED, State
from dialer.list_records import Counts, Export, ExportKind, ExportState, ListState, UploadedList
from dialer.model import CallReport, CampaignState, Contact, FinishedAttempt, Hours, Outcome, RetryPolicy, attempt_of
from dialer.ports import CallRef
from tests.builders import (
    a_campaign,
    a_contact,
    a_message,
    a_phone,
    a_region_at,
    a_sid,
    created,
    document_of,
    now,
    stored,
)
from tests.functions.conftest import Stack
from tests.functions.events import batch, event

ADA, BO, CY = (a_phone(index) for index in (1900, 1901, 1902))
SHEET = f"phone,name\n{ADA},Ada\n{BO},Bo\n911,Nobody\n{ADA},Ada again\n{CY},Cy\n"
READ = Counts(rows=5, added=3, repeated=1, rejected=1)
MINUTE = timedelta(minutes=1)


def uploaded(stack: Stack, content: str | bytes, campaign_id: str = "", **wishes: Any) -> UploadedList:
    """A list whose file is in the store."""
    campaign_id = campaign_id or created(stack.database, a_campaign()).id
    new, _ = wiring.list_desk().begin_upload(campaign_id, **wishes)
    stored_as(stack, new.key, content)
    return new


def stored_as(stack: Stack, key: str, content: str | bytes) -> None:
    body = content.encode() if isinstance(content, str) else content
    stack.aws.s3.put_object(Bucket=stack.environment["STORE_BUCKET"], Key=key, Body=body)


def file(stack: Stack, key: str) -> str:
    body: bytes = stack.aws.s3.get_object(Bucket=stack.environment["STORE_BUCKET"], Key=key)["Body"].read()
    return body.decode()


def keys(stack: Stack) -> set[str]:
    found = stack.aws.s3.list_objects_v2(Bucket=stack.environment["STORE_BUCKET"]).get("Contents", [])
    return {one["Key"] for one in found}


def noticed(new: UploadedList, key: str = "") -> dict[str, Any]:
    """The store's notification of the list's file."""
    notice = json.loads(event("intake_upload")["Records"][0]["body"])
    notice["Records"][0]["s3"]["object"]["key"] = key or new.key
    return batch(json.dumps(notice), name="intake_upload")


def asked(**what: str) -> dict[str, Any]:
    return batch(json.dumps(what), name="intake_read_on")


def people(stack: Stack, campaign_id: str) -> dict[str, tuple[str, int]]:
    found = map(contact_of, stack.database["contacts"].find({"campaign_id": campaign_id}))
    return {one.phone: (one.vars.get("name", ""), one.line) for one in found}


def test_a_list_is_read_as_soon_as_its_file_is_there_and_once(stack: Stack) -> None:
    new = uploaded(stack, SHEET, name="spring")
    (report,) = stack.invoke("intake", noticed(new))["reports"]
    assert (report["outcome"], report["campaign_id"]) == ("read", new.campaign_id)
    read = wiring.list_desk().report(new.id)
    assert (read.state, read.counts, read.name, read.size) == (ListState.READ, READ, "spring", len(SHEET))
    assert people(stack, new.campaign_id) == {ADA: ("Ada", 2), BO: ("Bo", 3), CY: ("Cy", 6)}
    assert read.ended_at is not None
    before = list(stack.database["contacts"].find())
    (again,) = stack.invoke("intake", noticed(new))["reports"]
    assert again["outcome"] == "no-op"
    assert list(stack.database["contacts"].find()) == before


def test_rejects_are_one_file_with_line_and_reason_and_no_phone(stack: Stack) -> None:
    new = uploaded(stack, SHEET)
    stack.invoke("intake", noticed(new))
    read = wiring.list_desk().report(new.id)
    assert file(stack, read.rejects_key) == (
        "line,reason\r\n4,no country code: write the number as +<country><number>\r\n"
    )
    assert read.rejects_key in wiring.list_desk().rejects_link(read)
    assert keys(stack) == {read.key, read.rejects_key}


def test_nothing_in_the_rejects_is_run_by_a_spreadsheet(stack: Stack) -> None:
    new = uploaded(stack, f"phone,=1+1\n{ADA},{'x' * 1001}\n")
    stack.invoke("intake", noticed(new))
    assert file(stack, new.rejects_key) == "line,reason\r\n2,'=1+1 is longer than 1000 characters\r\n"


def test_a_list_whose_rows_are_all_good_has_an_empty_file_of_rejects(stack: Stack) -> None:
    new = uploaded(stack, f"phone\n{ADA}\n")
    stack.invoke("intake", noticed(new))
    assert file(stack, new.rejects_key) == "line,reason\r\n"


def test_numbers_without_a_country_are_read_as_the_sender_said(stack: Stack) -> None:
    new = uploaded(stack, f"phone\n{ADA.removeprefix('+1')}\n", region="US")
    stack.invoke("intake", noticed(new))
    assert list(people(stack, new.campaign_id)) == [ADA]


def test_a_list_is_held_to_the_numbers_that_its_campaign_has_when_it_is_read(stack: Stack) -> None:
    """They may have changed since the form for its file was given out."""
    new = uploaded(stack, f"phone,caller_id\n{ADA},+12125550177\n{BO},{a_campaign().from_numbers[0]}\n")
    stack.database["campaigns"].update_one({"_id": new.campaign_id}, {"$set": {"from_numbers": ["+12125550177"]}})
    stack.invoke("intake", noticed(new))
    (found,) = map(contact_of, stack.database["contacts"].find())
    assert (found.phone, found.caller_id) == (ADA, "+12125550177")
    assert file(stack, new.rejects_key).splitlines()[1].startswith("3,")


def test_a_running_campaign_takes_a_second_list_and_tells_only_those_who_wait(stack: Stack) -> None:
    new = uploaded(stack, SHEET)
    stack.invoke("intake", noticed(new))
    stack.database["contacts"].update_one({"phone": ADA}, {"$set": {"state": State.DONE}, "$unset": {"due_at": ""}})
    again = uploaded(stack, f"phone,name\n{ADA},new\n{BO},new\n{a_phone(1903)},Di\n", new.campaign_id)
    stack.invoke("intake", noticed(again))
    assert wiring.list_desk().report(again.id).counts == Counts(rows=3, added=1, updated=1, known=1)
    assert people(stack, new.campaign_id)[ADA] == ("Ada", 2)
    assert people(stack, new.campaign_id)[BO] == ("new", 3)
    assert [one.id for one in wiring.list_desk().of_campaign(new.campaign_id)] == [again.id, new.id]


def test_a_list_that_corrects_somebody_s_state_changes_by_which_clocks_they_are_called(stack: Stack) -> None:
    new = uploaded(stack, "phone,name,state\n+12125550100,Ada,NY\n+12145550100,Bo,TX\n")
    stack.invoke("intake", noticed(new))
    corrected = "phone,name,state\n+12125550100,Ada,CA\n+12145550100,Bo,TX\n"
    for counts in (Counts(rows=2, updated=1, known=1), Counts(rows=2, known=2)):
        again = uploaded(stack, corrected, new.campaign_id)
        stack.invoke("intake", noticed(again))
        assert wiring.list_desk().report(again.id).counts == counts
        found = stack.database["contacts"].find({"campaign_id": new.campaign_id})
        assert {one["phone"]: (one["region"], one["vars"]["state"]) for one in found} == {
            "+12125550100": ("US-NY+US-CA Los_Angeles,New_York", "CA"),
            "+12145550100": ("US-TX Chicago,Denver", "TX"),
        }


REFUSED = "the list says not to call"


def a_dnc_list(*phones: str, header: str = "phone,dnc") -> str:
    return f"{header}\n" + "".join(f"{phone},yes\n" for phone in phones)


@pytest.mark.parametrize("state", [State.PENDING, State.CLAIMED])
def test_who_waits_is_cancelled_by_a_list_that_says_not_to_call_them(stack: Stack, state: State) -> None:
    campaign = created(stack.database, a_campaign())
    waiting, neighbour = (stored(stack.database, a_contact(campaign, state=state)) for _ in range(2))
    new = uploaded(stack, a_dnc_list(waiting.phone, CY), campaign.id)
    stack.invoke("intake", noticed(new))
    told = stack.contact(waiting)
    assert (told.state, told.reason, told.used) == (State.FAILED, f"cancelled: {REFUSED}", 0)
    assert stack.contact(neighbour).state is state
    read = wiring.list_desk().report(new.id)
    assert read.counts == Counts(rows=2, rejected=2)
    assert file(stack, read.rejects_key) == f"line,reason\r\n2,{REFUSED}\r\n3,{REFUSED}\r\n"
    if state is State.CLAIMED:
        stack.invoke("call", batch(a_message(waiting)))
        assert stack.asked(waiting) == []


@pytest.mark.parametrize("state", sorted(UNSETTLED))
def test_who_is_on_the_line_is_left_to_this_call_and_not_called_again(stack: Stack, state: State) -> None:
    campaign = created(stack.database, a_campaign(retry=RetryPolicy(delays={Outcome.BUSY: timedelta(0)})))
    called = stored(stack.database, a_contact(campaign, state=state))
    stack.invoke("intake", noticed(uploaded(stack, a_dnc_list(called.phone), campaign.id)))
    assert stack.contact(called) == called
    ref = CallRef(contact_id=called.id, attempt_id=attempt_of(called).id)
    wiring.callback().status(ref, CallReport(sid=attempt_of(called).sid or a_sid(), status="busy"))
    assert stack.contact(called).state is State.PENDING
    stack.invoke("tick", {"campaign_id": campaign.id})
    assert stack.contact(called).state is State.SUPPRESSED


def test_a_list_that_says_not_to_call_bars_its_own_campaign_alone(stack: Stack) -> None:
    campaign, other = (created(stack.database, a_campaign()) for _ in range(2))
    here, there = (stored(stack.database, a_contact(one, phone=ADA)) for one in (campaign, other))
    stack.invoke("intake", noticed(uploaded(stack, a_dnc_list(ADA), campaign.id)))
    assert (stack.contact(here).state, stack.contact(there)) == (State.FAILED, there)
    assert wiring.suppressions().among(campaign.id, [ADA]) == {ADA}
    assert wiring.suppressions().among(other.id, [ADA]) == frozenset()


@pytest.mark.parametrize("first", [0, 1])
def test_whoever_comes_in_by_another_row_or_list_is_not_called_either(stack: Stack, first: int) -> None:
    campaign = created(stack.database, a_campaign())
    rows = [f"{ADA},yes\n", f"{ADA},no\n"]
    same = uploaded(stack, f"phone,dnc\n{rows[first]}{rows[1 - first]}", campaign.id)
    stack.invoke("intake", noticed(same))
    assert wiring.list_desk().report(same.id).counts == Counts(rows=2, added=1, rejected=1)
    for phone in (ADA, BO):
        stack.invoke("intake", noticed(uploaded(stack, a_dnc_list(phone), campaign.id)))
        stack.invoke("intake", noticed(uploaded(stack, f"phone\n{phone}\n", campaign.id)))
    stack.invoke("tick", {"campaign_id": campaign.id})
    assert stack.queued() == []
    found = map(contact_of, stack.database["contacts"].find())
    assert {one.phone: one.state for one in found} == {ADA: State.FAILED, BO: State.SUPPRESSED}


def test_whoever_has_the_unwanted_phone_as_another_number_is_cancelled_too(stack: Stack) -> None:
    new = uploaded(stack, f"phone,alt_phone\n{ADA},{BO}\n")
    stack.invoke("intake", noticed(new))
    stack.invoke("intake", noticed(uploaded(stack, a_dnc_list(BO), new.campaign_id)))
    (found,) = map(contact_of, stack.database["contacts"].find())
    assert (found.phone, found.state) == (ADA, State.FAILED)


@pytest.mark.parametrize("bad", ["", "\xff"], ids=["read", "refused"])
def test_a_list_that_says_not_to_call_is_over_when_no_request_can_leave_any_more(stack: Stack, bad: str) -> None:
    for content, waits in ((a_dnc_list(ADA), [True]), (f"phone,dnc\n{ADA},\n", [])):
        new = uploaded(stack, content.encode() + bad.encode("latin-1"))
        assert waited(new, wiring.list_reading(lambda: MINUTE, leave_with=timedelta(0))) == waits
        assert not wiring.list_desk().report(new.id).open


def test_a_run_that_leaves_the_rest_to_another_waits_for_those_it_barred(stack: Stack) -> None:
    new = uploaded(stack, a_dnc_list(ADA) + f"{BO},\n")
    short = replace(wiring.list_reading(lambda: timedelta(0), leave_with=MINUTE), batch=1)
    assert [waited(new, short) for _ in range(3)] == [[True], [], []]
    assert not wiring.list_desk().report(new.id).open


def waited(new: UploadedList, run: ListReading) -> list[bool]:
    """Whether the list was still open, each time that this run waited for dials to be over."""
    seen: list[bool] = []
    bar = replace(run.bar, wait_out_dials=lambda: seen.append(wiring.list_desk().report(new.id).open))
    replace(run, bar=bar)(new.id)
    return seen


def test_dials_are_over_when_the_last_request_may_have_left(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIAL_GUARD_SECONDS", "0.1")
    began = time.monotonic()
    wiring._barring().wait_out_dials()
    assert time.monotonic() - began >= wiring.settings().bounds.last_request.total_seconds() == 0.2


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "The list is empty"),
        ("name\nAda\n", "has no `phone` column"),
        (b"PK\x03\x04\x00", "not text"),
        (b"phone,pr\xe9nom\n", "not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_what_to_do(stack: Stack, content: str | bytes, reason: str) -> None:
    new = uploaded(stack, content)
    (report,) = stack.invoke("intake", noticed(new))["reports"]
    assert report["outcome"] == "refused"
    refused = wiring.list_desk().report(new.id)
    assert refused.state is ListState.REFUSED
    assert reason in refused.reason


def test_what_was_read_before_a_list_broke_off_is_kept_and_counted(stack: Stack) -> None:
    good = "".join(f"{a_phone(index)},Ada\n" for index in range(1000)) + "911,Nobody\n" * 1500
    new = uploaded(stack, f"phone,name\n{good}{CY},Zo\xeb\n".encode("latin-1"))
    stack.invoke("intake", noticed(new))
    refused = wiring.list_desk().report(new.id)
    assert "not UTF-8 text after line" in refused.reason
    assert (refused.counts.rows, refused.counts.added, refused.counts.rejected) == (2500, 1000, 1500)
    assert file(stack, refused.rejects_key).count("\n") == 1501
    assert refused.rejects_key in wiring.list_desk().rejects_link(refused)


def test_a_list_for_a_campaign_that_has_been_stopped_is_refused(stack: Stack) -> None:
    new = uploaded(stack, SHEET)
    wiring.campaigns().set_state(new.campaign_id, CampaignState.STOPPED, sources=[CampaignState.RUNNING])
    stack.invoke("intake", noticed(new))
    assert "it takes no more contacts" in wiring.list_desk().report(new.id).reason
    with pytest.raises(BadCampaign):
        wiring.list_desk().begin_upload(new.campaign_id)


def test_what_nobody_began_is_not_read(stack: Stack) -> None:
    new = UploadedList(id="unknown", campaign_id="c")
    for key in (new.key, "lists/elsewhere.txt", "other/c/unknown.csv"):
        reports = stack.invoke("intake", noticed(new, key))["reports"]
        assert [one["outcome"] for one in reports] in ([], ["unknown"])
    with pytest.raises(UnknownList):
        wiring.list_desk().report("unknown")
    with pytest.raises(UnknownCampaign):
        wiring.list_desk().begin_upload("unknown")
    with pytest.raises(UnknownExport):
        wiring.export_desk().show("unknown")


@pytest.mark.parametrize("body", ["", "[]", "nonsense", '{"list_id": 7}', '{"Records": [{"s3": {}}]}'])
def test_a_message_that_nobody_should_send_fails_and_ends_among_the_dead_letters(stack: Stack, body: str) -> None:
    with pytest.raises(BadInput, match="A message names files in the store"):
        stack.invoke("intake", batch(body, name="intake_upload"))


def test_a_list_that_another_run_reads_is_left_to_it_and_the_message_returns(stack: Stack) -> None:
    new = uploaded(stack, SHEET)
    wiring._lists().own(new.id, owner="another run", lease=MINUTE)
    with pytest.raises(Unavailable):
        stack.invoke("intake", noticed(new))
    assert people(stack, new.campaign_id) == {}


def test_a_run_that_gets_nowhere_asks_for_no_other(stack: Stack) -> None:
    new = uploaded(stack, "phone\n")
    run = wiring.list_reading(lambda: MINUTE, leave_with=timedelta(0))
    assert run(new.id).outcome == "read"  # nothing to read is no standstill
    stuck = uploaded(stack, SHEET)
    with pytest.raises(Unavailable):
        replace(run, contacts=Silent())(stuck.id)
    assert stack.queued("INTAKE_QUEUE_URL") == []


class Silent:
    """A database that has gone away."""

    def __getattr__(self, _: str) -> Any:
        raise Unavailable("the database did not answer")


class Killed(BaseException):
    """A function dies: nothing of it runs any more."""


@dataclass
class Fuse:
    """Kills at the n-th request that leaves the function, before it is carried out or after."""

    at: int
    after: bool
    burnt: int = 0
    dead: bool = False

    def __call__(self, do: Callable[[], Any]) -> Any:
        if self.dead:
            raise Killed
        self.burnt += 1
        if self.burnt == self.at and not self.after:
            self.dead = True
            raise Killed
        done = do()
        if self.burnt == self.at:
            self.dead = True
            raise Killed
        return done


@dataclass
class Fused:
    """A part behind a fuse."""

    behind_it: Any
    fuse: Fuse

    def __getattr__(self, verb: str) -> Any:
        whole = getattr(self.behind_it, verb)
        if verb == "reading":
            return lambda *args, **named: self._stream(whole, *args, **named)
        return lambda *args, **named: self.fuse(lambda: whole(*args, **named))

    @contextmanager
    def _stream(self, whole: Any, *args: Any, **named: Any) -> Iterator[Any]:
        self.fuse(lambda: None)
        with whole(*args, **named) as stream:
            yield stream


def in_runs(make: Callable[[Fuse], Callable[[], Any]], fuse: Fuse) -> Any:
    """Run after run until one is at the end; the first ones may be killed."""
    for _ in range(40):
        run = make(fuse)
        try:
            report = run()
        except Killed:
            fuse = Fuse(at=0, after=False)  # the message comes again, to a new process
            continue
        if report.outcome != "goes on":
            return report
    raise AssertionError("it does not come to an end")


ROWS = 8
UNWANTED = a_phone(1002)
LONG = "phone,name,dnc\n" + "".join(
    f"{a_phone(1000 + index % 4)},{index},\n" if index % 3 else f"911,{index},\n" for index in range(ROWS - 1)
)
LONG += f"{UNWANTED},,yes\n"  # in a later batch than the one that brings them in


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_wherever_a_run_is_killed_every_row_counts_once(stack: Stack, after: bool) -> None:
    """Killed before or after its n-th request, for every n: the report, the rejects and the people are the same."""

    def read_by(fuse: Fuse) -> tuple[Any, ...]:
        new = uploaded(stack, LONG)
        whole = wiring.list_reading(lambda: timedelta(0), leave_with=MINUTE)  # each batch by a run of its own
        parts = ("contacts", "lists", "store", "queue")

        def run(fuse: Fuse) -> Callable[[], Any]:
            fused: Any = {name: Fused(getattr(whole, name), fuse) for name in parts}
            at_once = replace(whole.bar, wait_out_dials=lambda: None)  # nobody is on the line here
            return lambda: replace(whole, batch=4, bar=at_once, **fused)(new.id)

        assert in_runs(run, fuse).outcome in {"read", "no-op"}
        read = wiring.list_desk().report(new.id)
        cancelled = stack.database["contacts"].distinct("phone", {"campaign_id": new.campaign_id, "state": "failed"})
        assert cancelled == [UNWANTED]
        assert wiring.suppressions().among(new.campaign_id, [UNWANTED]) == {UNWANTED}
        return read.state, read.counts, read.place, people(stack, new.campaign_id), file(stack, read.rejects_key)

    unharmed = Fuse(at=0, after=False)
    expected = read_by(unharmed)
    assert expected[1].rows == ROWS
    assert expected[1].rejected == expected[4].count("\n") - 1 == 4
    assert expected[1].repeated > 0
    assert unharmed.burnt > 12
    for at in range(1, unharmed.burnt + 1):
        fuse = Fuse(at=at, after=after)
        assert read_by(fuse) == expected, at
        assert fuse.dead


@dataclass(frozen=True)
class Told:
    """Contacts with a story, for exports."""

    campaign_id: str
    phones: list[str] = field(default_factory=list)


def told(stack: Stack, count: int = 7, **wishes: Any) -> Told:
    campaign = created(stack.database, a_campaign())
    phones = sorted(a_phone(index) for index in range(count))
    for phone in phones:
        contact = a_contact(campaign, phone=phone, **wishes)
        past = [
            FinishedAttempt(
                id=f"{contact.id}-{n}",
                n=n,
                to=phone,
                from_number="+12015550199",
                dial_at=now(),
                ended_at=now(),
                sid=a_sid(),
                outcome=Outcome.BUSY,
            )
            for n in (1, 2)
        ]
        stored(stack.database, replace(contact, history=tuple(past), used=2))
    return Told(campaign_id=campaign.id, phones=phones)


def exported(stack: Stack, campaign_id: str, kind: ExportKind) -> list[dict[str, str]]:
    export = wiring.export_desk().begin(campaign_id, kind)
    assert wiring.export_desk().link(export) == ""
    (message,) = stack.queued("INTAKE_QUEUE_URL")
    (report,) = stack.invoke("intake", asked(export_id=message["export_id"]))["reports"]
    assert report["outcome"] == "written"
    written = wiring.export_desk().show(export.id)
    assert written.state is ExportState.WRITTEN
    assert written.key in wiring.export_desk().link(written)
    return list(csv.DictReader(io.StringIO(file(stack, written.key))))


def test_an_export_of_calls_has_a_line_for_each_attempt_and_what_joins_it_to_the_sender_s_records(
    stack: Stack,
) -> None:
    told_ = told(stack)
    odd = {"Metadata": '{"a": "b,\n"}', "name": "Zo\xeb"}
    stack.database["contacts"].update_many({}, {"$set": {"vars": odd, "external_id": "=A,7"}})
    stored(stack.database, a_contact(told_.campaign_id, phone=a_phone(1500), state=State.PLACED))
    lines = exported(stack, told_.campaign_id, ExportKind.CALLS)
    assert tuple(lines[0]) == CALL_COLUMNS
    assert [line["phone_number_dialed"] for line in lines[:14]] == [p for p in told_.phones for _ in (1, 2)]
    assert {line["status"] for line in lines} == {"busy", "placed"}
    assert {(line["external_id"], line["metadata"]) for line in lines[:14]} == {("'=A,7", odd["Metadata"])}
    assert json.loads(lines[0]["variables"]) == {"name": "Zo\xeb"}


def test_of_two_columns_of_metadata_an_export_leaves_none_out(stack: Stack) -> None:
    told_ = told(stack, vars={"metadata": "old", "Metadata": "new"})
    first, *_ = exported(stack, told_.campaign_id, ExportKind.CALLS)
    assert (first["metadata"], json.loads(first["variables"])) == ("old", {"Metadata": "new"})


def test_an_export_of_calls_says_how_long_each_was_what_it_cost_and_what_was_answered(stack: Stack) -> None:
    campaign = created(stack.database, a_campaign())
    contact = a_contact(campaign, state=State.DONE, phone=a_phone(1))
    survey = {"why": "=cmd()", "coming": "yes", "more": "https://api.twilio.com/recordings/RE1"}
    talked = FinishedAttempt(
        id=f"{contact.id}-{1:024x}",
        n=1,
        to=contact.phone,
        from_number="+12015550199",
        dial_at=now(),
        ended_at=now(),
        sid=a_sid(),
        outcome=Outcome.ANSWERED,
        detail="200",
        answers=survey,
        duration=timedelta(seconds=37),
        price=Decimal("-0.0130"),
    )
    silent = replace(talked, id=f"{contact.id}-{2:024x}", answers={}, duration=None, price=None, detail="480")
    machine = replace(silent, id=f"{contact.id}-{3:024x}", answered_by="machine_end_beep", voicemail_left=True)
    stored(stack.database, replace(contact, history=(talked, silent, machine)))
    on = a_contact(campaign, state=State.PLACED, phone=a_phone(2))
    stored(stack.database, replace(on, attempt=replace(attempt_of(on), answers={"coming": "no"}, answered_by="human")))
    first, second, left, third = exported(stack, campaign.id, ExportKind.CALLS)
    assert first["answers"] == '{"coming": "yes", "more": "https://api.twilio.com/recordings/RE1", "why": "=cmd()"}'
    assert (first["duration_s"], first["price"], first["detail"]) == ("37", "-0.0130", "200")
    assert (second["answers"], second["duration_s"], second["price"], second["detail"]) == ("", "", "", "480")
    assert (third["answers"], third["duration_s"], third["price"]) == ('{"coming": "no"}', "", "")
    assert [(one["answered_by"], one["voicemail_left"]) for one in (second, left, third)] == [
        ("", ""), ("machine_end_beep", "true"), ("human", ""),
    ]  # fmt: skip


def test_an_export_of_calls_says_by_whose_clocks_each_was_allowed_and_what_they_showed(stack: Stack) -> None:
    """As it was then: a list may have moved them since."""
    region = "US-FL Chicago,New_York"
    campaign = created(stack.database, a_campaign())
    where = {"Time Zone": "America/Chicago", "state": "FL"}
    called = a_contact(campaign, state=State.CLAIMED, region=region, phone=a_phone(1), priority=7, vars=where)
    stored(stack.database, called)
    stack.invoke("call", batch(a_message(called)))
    settled(stack, called, "completed")
    moved = {"region": "GB Europe/London", "vars": {"country": "GB"}}
    stack.database["contacts"].update_one({"_id": called.id}, {"$set": moved})
    before = FinishedAttempt(
        id=f"{called.id}-{1:024x}", n=1, to=a_phone(2), from_number="", dial_at=now(), ended_at=now(), sid=a_sid(),
        outcome=Outcome.BUSY,
    )  # fmt: skip
    stored(stack.database, a_contact(campaign, phone=a_phone(2), history=(before,)))
    told, unknown = exported(stack, campaign.id, ExportKind.CALLS)
    assert (told["zone_group"], told["zones"]) == (region, "America/Chicago America/New_York")
    moments = [datetime.fromisoformat(moment) for moment in told["local_time"].split()]
    dialed = datetime.fromisoformat(told["call_date"]).replace(microsecond=0)
    assert [moment.astimezone(UTC) for moment in moments] == [dialed, dialed]
    assert [moment.utcoffset() for moment in moments] == [
        dialed.astimezone(ZoneInfo(zone)).utcoffset() for zone in told["zones"].split()
    ]
    assert told["zone_source"] == "number, timezone, state"
    assert (told["rule"], told["rules"], told["phone_number"]) == ("any hour", "any hour", called.phone)
    assert told["priority"] == "7"
    judged = ("zone_group", "zones", "zone_source", "local_time", "rule", "rules")
    assert {unknown[name] for name in judged} == {""}


def settled(stack: Stack, contact: Contact, status: str) -> None:
    """The carrier's word that the call is over."""
    (asked_for,) = stack.asked(contact)
    ref = CallRef(contact_id=contact.id, attempt_id=asked_for["attempt_id"])
    wiring.callback().status(ref, CallReport(sid=asked_for["sid"], status=status))


def test_a_call_under_the_rules_names_them_and_their_version_while_it_is_on_and_when_it_is_over(stack: Stack) -> None:
    campaign = created(stack.database, a_campaign(any_hour_because="", hours=Hours(opens="00:00", closes="24:00")))
    region = a_region_at(12)
    called = [stored(stack.database, a_contact(campaign, state=State.CLAIMED, region=region)) for _ in range(2)]
    stack.invoke("call", batch(*map(a_message, called)))
    settled(stack, called[0], "completed")
    lines = exported(stack, campaign.id, ExportKind.CALLS)
    assert {told["status"] for told in lines} == {"answered", "placed"}
    for told in lines:
        assert (told["zone_group"], told["zone_source"]) == (region, "number")
        assert (told["rule"], told["rules"]) == ("the campaign's hours; every place", rule_version())


def test_an_export_of_contacts_names_the_country_and_beside_it_where_the_phone_may_ring(stack: Stack) -> None:
    campaign = created(stack.database, a_campaign())
    stored(stack.database, a_contact(campaign, region="US-FL Chicago,New_York"))
    (line,) = exported(stack, campaign.id, ExportKind.CONTACTS)
    assert (line["country"], line["zone_group"]) == ("US", "US-FL Chicago,New_York")


def test_an_export_of_contacts_has_a_line_for_each(stack: Stack) -> None:
    told_ = told(stack)
    lines = exported(stack, told_.campaign_id, ExportKind.CONTACTS)
    assert tuple(lines[0]) == CONTACT_COLUMNS
    assert [line["phone_number"] for line in lines] == told_.phones
    assert {(line["state"], line["called_count"], line["last_status"]) for line in lines} == {("pending", "2", "busy")}


def test_an_export_of_a_campaign_without_anybody_is_a_header(stack: Stack) -> None:
    assert exported(stack, created(stack.database, a_campaign()).id, ExportKind.CALLS) == []


def test_an_export_is_written_in_parts_that_the_store_takes(stack: Stack) -> None:
    """Five megabytes are the least, but for the last."""
    told_ = told(stack, count=1100, vars={f"v{n}": "x" * 1000 for n in range(6)})
    export = wiring.export_desk().begin(told_.campaign_id, ExportKind.CONTACTS)
    run = replace(wiring.writing(lambda: MINUTE, leave_with=timedelta(0)), part_bytes=5 * 1024 * 1024)
    assert run(export.id).outcome == "written"
    written = wiring.export_desk().show(export.id)
    assert (len(written.parts), written.rows) == (2, 1100)
    assert len(file(stack, written.key).splitlines()) == 1101


def test_a_long_list_that_few_were_called_of_is_exported_in_as_many_runs_as_it_needs(stack: Stack) -> None:
    """No run has enough for a part, and none begins anew."""
    told_ = told(stack)
    export = wiring.export_desk().begin(told_.campaign_id, ExportKind.CALLS)
    run = replace(wiring.writing(lambda: timedelta(0), leave_with=MINUTE), page=2)
    seen = list[str]()
    while (outcome := run(export.id).outcome) == "goes on":
        seen.append(wiring.export_desk().show(export.id).behind)
    assert (outcome, seen) == ("written", sorted(set(seen)))
    assert len(seen) > 2
    written = wiring.export_desk().show(export.id)
    assert (len(written.parts), written.rows, written.unsent) == (1, 14, "")
    assert len(file(stack, written.key).splitlines()) == 15


def test_an_export_of_lists_has_a_line_for_each_and_one_for_whoever_comes_from_none(stack: Stack) -> None:
    """The rows as the list's report counts them, and the people as they stand."""
    read = uploaded(stack, SHEET, name="=spring")
    stack.invoke("intake", noticed(read))
    begun, _ = wiring.list_desk().begin_upload(read.campaign_id, name="summer")
    stack.queued("INTAKE_QUEUE_URL")
    stands(stack, ADA, State.DONE, Outcome.NO_ANSWER, Outcome.ANSWERED)
    stands(stack, BO, State.FAILED, Outcome.MACHINE)
    for phone, state in ((a_phone(1), State.PLACED), (a_phone(2), State.CLAIMED)):
        stored(stack.database, a_contact(read.campaign_id, phone=phone, state=state))
    stored(stack.database, a_contact("another", phone=a_phone(3)))
    for n in (4, 5):  # each in the body of a request of its own
        wiring.intake()(read.campaign_id, io.BytesIO(f"phone\n{a_phone(n)}\n".encode()))
    first, second, none = exported(stack, read.campaign_id, ExportKind.LISTS)
    assert tuple(first) == list_sums.COLUMNS
    assert (first["list_id"], first["list_name"]) == (read.id, "'=spring")
    assert datetime.fromisoformat(first["uploaded_at"]) <= now()
    assert {name: int(first[name]) for name in vars(READ)} == vars(READ)
    assert counted(first) == {"contacts": 3, "pending": 1, "done": 1, "failed": 1, "attempts": 3, "answered": 1}
    assert first["settled_percent"] == "66.7"
    assert (second["list_id"], second["list_name"], second["rows"], counted(second)) == (begun.id, "summer", "0", {})
    assert second["settled_percent"] == ""
    assert {none[name] for name in ("list_id", "list_name", "uploaded_at", *vars(READ))} == {""}
    assert counted(none) == {"contacts": 4, "pending": 2, "placed": 1, "claimed": 1, "attempts": 1}
    assert none["settled_percent"] == "0.0"


def stands(stack: Stack, phone: str, state: State, *outcomes: Outcome) -> None:
    """What somebody of a list has come to, by attempts that ended so."""
    found = stack.database["contacts"].find_one({"phone": phone}) or {}
    one = contact_of(found)
    past = [
        FinishedAttempt(
            id=f"{one.id}-{n}", n=n, to=phone, from_number="", dial_at=now(), ended_at=now(), sid=a_sid(), outcome=how
        )
        for n, how in enumerate(outcomes, 1)
    ]
    after = document_of(replace(one, state=state, due_at=None, history=tuple(past)))
    stack.database["contacts"].replace_one({"_id": one.id}, {**after, "row": found["row"]})


def counted(line: dict[str, str]) -> dict[str, int]:
    """What a line says of people, without what there is none of."""
    sums = {name: int(line[name]) for name in ("contacts", *State, "attempts", "answered")}
    return {name: count for name, count in sums.items() if count}


@pytest.mark.parametrize("kind", [ExportKind.CALLS, ExportKind.LISTS])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_wherever_an_export_is_killed_it_has_each_line_once(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, after: bool, kind: ExportKind
) -> None:
    monkeypatch.setattr("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", 1)
    told_ = told(stack)

    def write_by(fuse: Fuse) -> str:
        export = Export(id=wiring.new_id(), campaign_id=told_.campaign_id, kind=kind)
        wiring._exports().begin(export)
        whole = replace(wiring.writing(lambda: timedelta(0), leave_with=MINUTE), part_bytes=1, page=2, noted_after=1)

        def run(fuse: Fuse) -> Callable[[], Any]:
            parts: Any = {n: Fused(getattr(whole, n), fuse) for n in ("contacts", "lists", "exports", "store", "queue")}
            return lambda: replace(whole, **parts)(export.id)

        assert in_runs(run, fuse).outcome in {"written", "no-op"}
        return file(stack, export.key)

    unharmed = Fuse(at=0, after=False)
    expected = write_by(unharmed)
    assert len(expected.splitlines()) == {ExportKind.CALLS: 15, ExportKind.LISTS: 2}[kind]
    assert unharmed.burnt > 20
    for at in range(1, unharmed.burnt + 1):
        assert write_by(Fuse(at=at, after=after)) == expected, at
