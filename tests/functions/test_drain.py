"""Pause and stop empty the carrier's own queue: what waits there is cancelled, and the attempt given back."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dialer import wiring
from dialer.adapters.people import MongoPeople
from dialer.lifecycle import State
from dialer.model import CallReport, Campaign, CampaignState, Contact, Outcome, RetryPolicy, attempt_of
from dialer.ports import CallRef
from tests.builders import a_campaign, a_contact, a_message, created, now, stored
from tests.functions.conftest import Stack
from tests.functions.events import batch

LONG_S = 1000.0


@pytest.fixture
def slow(stack: Stack) -> Iterator[Stack]:
    """Its carrier dials one call, and keeps the next ones in its queue without saying so: nobody rests for it."""
    stack.carrier.set_pace(1 / LONG_S, told=False)
    yield stack
    stack.carrier.set_pace(0)


def dialed(stack: Stack, *, contacts: int = 3, **overrides: Any) -> tuple[Campaign, list[Contact]]:
    campaign = created(stack.database, a_campaign(retry=RetryPolicy(max_attempts=1), **overrides))
    people = [stored(stack.database, a_contact(campaign, state=State.CLAIMED, max=1)) for _ in range(contacts)]
    stack.invoke("call", batch(*map(a_message, people)))
    return campaign, people


def ask(campaign: Campaign, state: CampaignState) -> None:
    source = CampaignState.PAUSED if state is CampaignState.RUNNING else CampaignState.RUNNING
    assert wiring.campaigns().set_state(campaign.id, state, sources=[source])


def at_the_carrier(stack: Stack, contacts: list[Contact]) -> list[str]:
    found = {call["contact_id"]: call["status"] for call in stack.carrier.calls()}
    return [found[contact.id] for contact in contacts]


def told(campaign: Campaign, kind: str = "CampaignPaused") -> dict[str, Any]:
    """As the event bus sends it."""
    return {"source": "dialer", "detail-type": kind, "detail": {"version": 1, "campaign_id": campaign.id}}


@pytest.mark.parametrize("left", [CampaignState.PAUSED, CampaignState.STOPPED])
def test_what_waits_in_the_carrier_s_queue_is_cancelled_and_its_attempt_given_back(
    slow: Stack, left: CampaignState
) -> None:
    campaign, (_, *waiting) = dialed(slow)
    ask(campaign, left)
    report = slow.invoke("reconcile", told(campaign))
    assert report["taken_back"] == 2
    assert at_the_carrier(slow, waiting) == ["canceled"] * 2
    for contact in map(slow.contact, waiting):
        assert (contact.state, contact.used, contact.reason) == (State.PENDING, 0, "canceled")
        assert [past.outcome for past in contact.history] == [Outcome.CANCELED]


def test_who_asked_to_be_called_at_a_time_waits_for_it_when_the_call_is_taken_back(slow: Stack) -> None:
    campaign = created(slow.database, a_campaign())
    first, waiting = (stored(slow.database, a_contact(campaign, state=State.CLAIMED)) for _ in range(2))
    slow.invoke("call", batch(a_message(first), a_message(waiting)))
    asked = now() + timedelta(days=1)
    assert MongoPeople(slow.database["contacts"]).remember(slow.contact(waiting), at=asked)
    ask(campaign, CampaignState.PAUSED)
    assert slow.invoke("reconcile", told(campaign))["taken_back"] == 1
    after = slow.contact(waiting)
    assert (after.state, after.used, after.due_at) == (State.PENDING, 0, asked)


def test_every_run_of_the_schedule_drains_and_another_campaign_is_left_alone(slow: Stack) -> None:
    campaign, (_, *waiting) = dialed(slow)
    _, others = dialed(slow)
    ask(campaign, CampaignState.PAUSED)
    assert slow.invoke("reconcile", {})["drained"]["taken_back"] == 2
    assert at_the_carrier(slow, waiting + others) == ["canceled"] * 2 + ["queued"] * 3
    for contact in others:
        wiring.reconcile().witness.cancel(slow.asked(contact)[0]["sid"])


def test_a_campaign_is_drained_once_and_again_after_each_pause(slow: Stack) -> None:
    campaign, (first, *_) = dialed(slow)
    ask(campaign, CampaignState.PAUSED)
    heard(slow, first)
    assert slow.invoke("reconcile", told(campaign))["campaigns"] == [campaign.id]
    assert slow.invoke("reconcile", told(campaign))["campaigns"] == []
    ask(campaign, CampaignState.RUNNING)
    ask(campaign, CampaignState.PAUSED)
    assert slow.invoke("reconcile", told(campaign))["campaigns"] == [campaign.id]


def heard(stack: Stack, contact: Contact) -> None:
    """The carrier's word that this call rings has arrived."""
    ref = CallRef(contact_id=contact.id, attempt_id=stack.asked(contact)[0]["attempt_id"])
    report = CallReport(sid=stack.asked(contact)[0]["sid"], status="ringing")
    assert wiring.callback().status(ref, report).outcome == "moved"


@pytest.mark.parametrize("state", [State.DIALING, State.UNCERTAIN])
def test_while_a_request_may_still_turn_into_a_call_the_campaign_is_not_drained(stack: Stack, state: State) -> None:
    campaign = created(stack.database, a_campaign())
    stored(stack.database, a_contact(campaign, state=state))
    ask(campaign, CampaignState.PAUSED)
    assert stack.invoke("reconcile", told(campaign))["campaigns"] == []
    stack.database["contacts"].delete_many({})
    assert stack.invoke("reconcile", told(campaign))["campaigns"] == [campaign.id]


def test_who_resumed_meanwhile_keeps_its_calls(slow: Stack) -> None:
    campaign, (_, *waiting) = dialed(slow)
    ask(campaign, CampaignState.PAUSED)
    ask(campaign, CampaignState.RUNNING)
    assert slow.invoke("reconcile", told(campaign))["taken_back"] == 0
    assert at_the_carrier(slow, waiting) == ["queued"] * 2
    ask(campaign, CampaignState.PAUSED)
    slow.invoke("reconcile", told(campaign))


def test_a_call_that_was_heard_to_ring_before_it_was_cancelled_is_an_attempt(slow: Stack) -> None:
    campaign, (_, waiting, other) = dialed(slow)
    heard(slow, waiting)
    ask(campaign, CampaignState.PAUSED)
    sid, ref = slow.asked(waiting)[0]["sid"], slow.asked(waiting)[0]["attempt_id"]
    wiring.callback().status(CallRef(contact_id=waiting.id, attempt_id=ref), CallReport(sid=sid, status="canceled"))
    after = slow.contact(waiting)
    assert (after.state, after.used) == (State.FAILED, 1)
    wiring.drain().witness.cancel(sid)
    slow.invoke("reconcile", told(campaign))
    assert slow.contact(other).used == 0


def test_a_carrier_that_does_not_answer_is_asked_again_in_the_next_run(slow: Stack) -> None:
    campaign, (_, *waiting) = dialed(slow)
    ask(campaign, CampaignState.PAUSED)
    slow.carrier.set_faults([{"kind": "500", "op": "fetch", "every": 1}])
    report = slow.invoke("reconcile", told(campaign))
    assert (report["taken_back"], len(report["unavailable"]), report["campaigns"]) == (0, 1, [])
    slow.carrier.set_faults()
    assert slow.invoke("reconcile", told(campaign))["taken_back"] == 2
    assert at_the_carrier(slow, waiting) == ["canceled"] * 2


def test_a_document_that_is_no_contact_is_named_and_keeps_nobody_else_waiting(slow: Stack) -> None:
    campaign, (_, torn, other) = dialed(slow)
    slow.database["contacts"].update_one({"_id": torn.id}, {"$set": {"history": [{"outcome": "of a newer version"}]}})
    ask(campaign, CampaignState.PAUSED)
    silent = a_contact(created(slow.database, a_campaign()), state=State.CLAIMED)
    overdue = replace(attempt_of(silent), until=now() - timedelta(seconds=1))
    silent = stored(slow.database, replace(silent, attempt=overdue))
    report = slow.invoke("reconcile", {})
    assert report["drained"] == {
        "campaigns": [], "taken_back": 1, "unavailable": [f"contact {torn.id}: unreadable"],
    }  # fmt: skip
    assert at_the_carrier(slow, [other]) == ["canceled"]
    assert slow.contact(silent).state is State.PENDING
    wiring.drain().witness.cancel(slow.asked(torn)[0]["sid"])
