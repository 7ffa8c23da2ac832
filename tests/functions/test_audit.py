"""An audit, through the reconcile function: what the carrier and the attempts do not agree on is found and named."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from dialer import wiring
from dialer.audit import Audited, Question
from dialer.carrier_answers import Placed
from dialer.lifecycle import State
from dialer.model import Campaign, Contact, FinishedAttempt, Outcome, attempt_id
from dialer.ports import CallRequest
from tests.builders import FROM_NUMBER, a_campaign, a_contact, a_message, a_phone, a_sid, created, now, stored
from tests.functions.conftest import Stack
from tests.functions.events import batch

NOTHING = {"duplicates": 0, "orphans": 0, "missing": 0, "mismatched": 0}
AN_HOUR = timedelta(hours=1)
WINDOW = {"since": (now() - AN_HOUR).isoformat(), "until": (now() + AN_HOUR).isoformat()}


@pytest.fixture
def number(stack: Stack) -> str:
    """A number to call from that no other test has: the carrier's log is one for all."""
    used = len({call["from"] for call in stack.carrier.calls()})
    return f"+1323555{100 + used:04}"


def audit(
    stack: Stack, campaign: Campaign, wish: Mapping[str, str] | None = None, *, seconds: float = 0.0
) -> dict[str, Any]:
    wanted = {"audit": {"campaign_id": campaign.id, **WINDOW, **(wish or {})}}
    report: dict[str, Any] = stack.invoke("reconcile", wanted, seconds=seconds)
    return report


def called(stack: Stack, campaign: Campaign, fault: str = "") -> Contact:
    """Somebody whom the call function called; the carrier's words about it reach nobody."""
    contact = stored(stack.database, a_contact(campaign, state=State.CLAIMED))
    stack.carrier.set_faults([{"kind": fault, "match": contact.phone}] if fault else [])
    stack.invoke("call", batch(a_message(contact)))
    stack.carrier.wait_idle()
    return stack.contact(contact)


def settled(stack: Stack, campaign: Campaign) -> Contact:
    """The same, and reconcile has asked how it ended."""
    contact = called(stack, campaign)
    overdue = {"$set": {"attempt.until": now() - timedelta(milliseconds=1)}}
    stack.database["contacts"].update_one({"_id": contact.id}, overdue)
    stack.invoke("reconcile", {})
    after = stack.contact(contact)
    assert after.state is State.DONE
    return after


def again(stack: Stack, contact: Contact, *, attempt: str) -> str:
    """One more call to this phone, asked for by somebody, in the name of an attempt."""
    stack.carrier.set_faults()
    request = CallRequest(
        to=contact.phone,
        from_number=(contact.attempt or contact.history[-1]).from_number,
        contact_id=contact.id,
        attempt_id=attempt,
        ring_timeout=timedelta(seconds=5),
        talk_limit=timedelta(seconds=5),
        detect_machine=False,
    )
    answer = wiring.dial(lambda: AN_HOUR).dialer.place(request)
    assert isinstance(answer, Placed)
    stack.carrier.wait_idle()
    return answer.sid


def found(report: dict[str, Any]) -> list[tuple[str, str]]:
    return [(kind, one["sid"]) for kind, first in report["first"].items() for one in first]


def test_a_campaign_that_agrees_with_the_carrier_has_nothing_wrong(stack: Stack, number: str) -> None:
    campaign = created(stack.database, a_campaign(from_numbers=(number,)))
    settled(stack, campaign)
    called(stack, campaign)
    report = audit(stack, campaign)
    assert (report["counts"], report["calls"], report["attempts"], report["next"]) == (NOTHING, 2, 2, "")
    assert [line["level"] for line in stack.log if line["message"] == "audit"] == ["INFO"]


def test_duration_and_price_are_kept_where_the_carrier_said_them(stack: Stack, number: str) -> None:
    contact = settled(stack, created(stack.database, a_campaign(from_numbers=(number,))))
    (past,) = contact.history
    assert past.duration is not None
    assert past.duration >= timedelta(seconds=1)
    assert past.price == Decimal("-0.01400")


@pytest.mark.parametrize("ended", [True, False])
def test_a_second_call_for_one_attempt_is_a_duplicate(stack: Stack, number: str, ended: bool) -> None:
    campaign = created(stack.database, a_campaign(from_numbers=(number,)))
    contact = settled(stack, campaign) if ended else called(stack, campaign)
    attempt = contact.attempt or contact.history[-1]
    second = again(stack, contact, attempt=attempt.id)
    report = audit(stack, campaign)
    assert report["counts"] == NOTHING | {"duplicates": 1}
    (finding,) = report["first"]["duplicates"]
    assert (finding["sid"], finding["attempt_id"], finding["contact_id"]) == (second, attempt.id, contact.id)
    assert attempt.sid in finding["detail"]
    assert [line["level"] for line in stack.log if line["message"] == "audit"] == ["ERROR"]


def test_two_calls_for_an_attempt_in_doubt_are_a_duplicate_and_one_is_not(stack: Stack, number: str) -> None:
    campaign = created(stack.database, a_campaign(from_numbers=(number,)))
    contact = called(stack, campaign, "accepted_then_cut")
    assert contact.attempt is not None
    assert contact.state is State.UNCERTAIN
    report = audit(stack, campaign)
    assert (report["counts"], report["unsettled"]) == (NOTHING, 1)
    again(stack, contact, attempt=contact.attempt.id)
    report = audit(stack, campaign)
    assert (report["counts"], report["unsettled"]) == (NOTHING | {"duplicates": 1}, 1)


def test_a_call_that_no_attempt_owns_is_an_orphan(stack: Stack, number: str) -> None:
    """To a stranger, to somebody of ours for an attempt that does not exist, or for one that was given up."""
    campaign = created(stack.database, a_campaign(from_numbers=(number,)))
    ours = settled(stack, campaign)
    given_up = called(stack, campaign)
    story = {"history": [a_past(given_up, number)], "state": "failed"}
    stack.database["contacts"].update_one({"_id": given_up.id}, {"$set": story, "$unset": {"attempt": ""}})
    lost = next(call["sid"] for call in stack.carrier.calls() if call["to"] == given_up.phone)
    stranger = again(stack, replace(ours, phone=a_phone()), attempt="nobody-s")
    unknown = again(stack, ours, attempt=f"{ours.id}-unknown")
    report = audit(stack, campaign)
    assert report["counts"] == NOTHING | {"orphans": 3}
    assert sorted(found(report)) == sorted(("orphans", sid) for sid in (lost, stranger, unknown))


@pytest.mark.parametrize(
    ("fault", "later", "kind"),
    [
        ("", timedelta(0), "orphans"),
        ("500_before", timedelta(0), "unsettled"),
        ("500_before", timedelta(minutes=10), "orphans"),
    ],
    ids=["its attempt has a call", "in doubt", "in doubt since later"],
)
def test_a_call_of_which_nothing_is_known_may_be_a_doubt_s_and_nobody_else_s(
    stack: Stack, number: str, fault: str, later: timedelta, kind: str
) -> None:
    campaign = created(stack.database, a_campaign(from_numbers=(number,)))
    contact = called(stack, campaign, fault)
    assert contact.attempt is not None
    assert contact.attempt.dial_at is not None
    dialed = {"$set": {"attempt.dial_at": contact.attempt.dial_at + later}}
    stack.database["contacts"].update_one({"_id": contact.id}, dialed)
    stack.carrier.set_faults()
    wiring._twilio(fresh=False).calls.create(to=contact.phone, from_=number, twiml="<Response/>")
    stack.carrier.wait_idle()
    report = audit(stack, campaign)
    assert {**report["counts"], "unsettled": report["unsettled"]} == {**NOTHING, "unsettled": 0, kind: 1}


def a_past(contact: Contact, number: str) -> dict[str, Any]:
    assert contact.attempt is not None
    dialed = {"n": 1, "from": number, "dial_at": contact.attempt.dial_at, "ended_at": now(), "sid": ""}
    return {"id": contact.attempt.id.partition("-")[2], "outcome": "unknown", **dialed}


def test_an_attempt_whose_call_the_carrier_does_not_know_is_missing(stack: Stack, number: str) -> None:
    campaign = created(stack.database, a_campaign(from_numbers=(number,)))
    settled(stack, campaign)
    invented = a_finished(stack, campaign, number)
    report = audit(stack, campaign)
    assert report["counts"] == NOTHING | {"missing": 1}
    assert found(report) == [("missing", invented)]


def a_finished(stack: Stack, campaign: Campaign, number: str, *, dialed: datetime | None = None) -> str:
    """Somebody who is said to have been called, with a call that never was."""
    contact = a_contact(campaign, state=State.DONE)
    past = FinishedAttempt(
        id=attempt_id(contact.id, "0" * 24),
        n=1,
        from_number=number,
        dial_at=dialed or now(),
        ended_at=now(),
        sid=a_sid(),
        outcome=Outcome.ANSWERED,
    )
    stored(stack.database, replace(contact, history=(past,)))
    return past.sid


@pytest.mark.parametrize(("fact", "value"), [("duration_s", 4711), ("price", "-47.11")])
def test_another_duration_or_price_at_the_carrier_is_a_mismatch(
    stack: Stack, number: str, fact: str, value: object
) -> None:
    campaign = created(stack.database, a_campaign(from_numbers=(number,)))
    contact = settled(stack, campaign)
    stack.database["contacts"].update_one({"_id": contact.id}, {"$set": {f"history.0.{fact}": value}})
    report = audit(stack, campaign)
    assert report["counts"] == NOTHING | {"mismatched": 1}
    assert found(report) == [("mismatched", contact.history[0].sid)]


def test_what_lies_outside_the_window_or_in_other_campaigns_is_not_asked_about(stack: Stack, number: str) -> None:
    campaign, other = (created(stack.database, a_campaign(from_numbers=(number,))) for _ in range(2))
    settled(stack, other)
    a_finished(stack, campaign, number, dialed=now() - 2 * AN_HOUR)
    a_finished(stack, other, number)
    again(stack, a_stranger(campaign, number), attempt="nobody-s")
    before = {"since": (now() - 3 * AN_HOUR).isoformat(), "until": (now() - 2.5 * AN_HOUR).isoformat()}
    assert audit(stack, campaign, before)["counts"] == NOTHING
    assert audit(stack, campaign)["counts"] == NOTHING | {"orphans": 1}


def a_stranger(campaign: Campaign, number: str) -> Contact:
    """Somebody who is in no list."""
    contact = a_contact(campaign, state=State.DIALING)
    assert contact.attempt is not None
    return replace(contact, attempt=replace(contact.attempt, from_number=number))


def test_an_audit_that_runs_out_of_time_goes_on_where_it_was_and_finds_the_same(stack: Stack, number: str) -> None:
    """With too little time for a page it reads none; page by page, it comes to the same as all at once."""
    campaign = created(stack.database, a_campaign(from_numbers=(FROM_NUMBER, number)))
    for _ in range(3):
        settled(stack, campaign)
    invented = a_finished(stack, campaign, number)
    whole = audit(stack, campaign)
    hurried = audit(stack, campaign, seconds=1)
    assert (hurried["calls"], hurried["attempts"]) == (0, 0)
    assert hurried["next"]
    assert audit(stack, campaign, {"next": hurried["next"]})["counts"] == whole["counts"]
    assert ("missing", invented) in found(whole)


def test_page_by_page_it_comes_to_the_same_as_all_at_once(stack: Stack, number: str) -> None:
    """Every page in an invocation of its own, one call or one contact long."""
    campaign = created(stack.database, a_campaign(from_numbers=(number,)))
    people = [settled(stack, campaign) for _ in range(3)]
    again(stack, people[0], attempt=people[0].history[0].id)
    a_finished(stack, campaign, number)
    question = Question(campaign_id=campaign.id, since=now() - AN_HOUR, until=now() + AN_HOUR)
    at_once, page_by_page = wiring.audit()(question, enough_time=lambda: True), Audited()
    one_by_one, places = replace(wiring.audit(), page=1), [""]
    while len(places) < 100:
        once = iter([True])
        audited = one_by_one(question, goes_on=places[-1], enough_time=partial(next, once, False))
        page_by_page.add(audited)
        if not audited.next:
            break
        places.append(audited.next)
    assert len(places) >= 4 + 1 + 4 + 4  # calls, no number left, attempts, and again those that were not listed
    assert page_by_page == at_once
    assert at_once.counts == NOTHING | {"duplicates": 1, "missing": 1}


def test_an_audit_does_not_go_on_where_another_one_was(stack: Stack, number: str) -> None:
    one, other = (created(stack.database, a_campaign(from_numbers=(number,))) for _ in range(2))
    goes_on = audit(stack, one, seconds=1)["next"]
    assert "another audit" in audit(stack, other, {"next": goes_on})["refused"]


def test_a_carrier_that_does_not_answer_ends_the_audit_for_now(stack: Stack, number: str) -> None:
    campaign = created(stack.database, a_campaign(from_numbers=(number,)))
    settled(stack, campaign)
    stack.carrier.set_faults([{"kind": "500", "op": "list", "limit": 1}])
    report = audit(stack, campaign)
    assert (report["counts"], report["calls"]) == (NOTHING, 0)
    assert "did not answer" in report["unavailable"]
    assert audit(stack, campaign, {"next": report["next"]})["calls"] == 1


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"since": "yesterday"}, "wrong: since"),
        ({"until": "2026-03-02T00:00:00"}, "wrong: until"),
        ({"since": "2026-03-02T00:00:00Z", "until": "2026-03-02T00:00:00Z"}, "before its `until`"),
        ({"campaign_id": "nobody's"}, "no campaign"),
        ({"next": "not a place"}, "`next`"),
        ({"next": "WyJhIiwgImNhbGxzIiwgMCwgMCwgIiIsICIiXQo="}, "`next`"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused_in_a_sentence(stack: Stack, wish: dict[str, str], said: str) -> None:
    campaign = created(stack.database, a_campaign())
    answer = audit(stack, campaign, wish)
    assert list(answer) == ["refused"]
    assert said in answer["refused"]


def test_a_contact_that_cannot_be_read_is_counted_and_costs_the_others_nothing(stack: Stack, number: str) -> None:
    campaign = created(stack.database, a_campaign(from_numbers=(number,)))
    settled(stack, campaign)
    broken = stored(stack.database, a_contact(campaign, state=State.DONE))
    stack.database["contacts"].update_one({"_id": broken.id}, {"$set": {"history": "gone"}})
    report = audit(stack, campaign)
    assert (report["counts"], report["unreadable"]) == (NOTHING, 1)
