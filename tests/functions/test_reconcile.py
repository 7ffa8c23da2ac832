"""The reconcile function: whatever has outlived its time is returned, doubted, asked about or given up."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from dialer import wiring
from dialer.adapters.carrier import TwilioDialer
from dialer.adapters.mongo import connect
from dialer.adapters.overdue import MongoOverdue
from dialer.adapters.people import MongoPeople
from dialer.errors import BadSettings
from dialer.lifecycle import State
from dialer.model import Campaign, CampaignState, Contact, Doubt, Outcome, RetryPolicy, attempt_of
from dialer.ports import CallRequest
from dialer.secret import Secret
from tests.builders import FROM_NUMBER, a_campaign, a_contact, a_message, a_phone, a_sid, created, now, stored
from tests.functions.conftest import Stack
from tests.functions.events import VOICE_URL, batch, event

SUMMARY = {"expired", "silenced", "settled", "alarms", "unavailable", "ran_out_of_time"}
NOTHING_DRAINED = {"campaigns": [], "taken_back": 0, "unavailable": []}
QUIET = dict.fromkeys(SUMMARY, 0) | {"ran_out_of_time": False, "unavailable": [], "drained": NOTHING_DRAINED}
HALF_AN_HOUR = timedelta(minutes=31)  # and a minute more than the horizon


def overdue(
    stack: Stack, state: State, campaign: Campaign | None = None, *, since: timedelta = timedelta(seconds=1)
) -> Contact:
    """A contact whose attempt has outlived its time; `since`: how long ago it was dialed."""
    contact = a_contact(created(stack.database, campaign or a_campaign()), state=state)
    attempt = replace(attempt_of(contact), until=now() - timedelta(seconds=1))
    if attempt.dial_at is not None:
        attempt = replace(attempt, dial_at=now() - since)
    return stored(stack.database, replace(contact, attempt=attempt))


def dialed(stack: Stack, fault: str = "", *, fate: Any = "human", **campaign: Any) -> Contact:
    """A contact that the call function really dialed, and whose attempt has outlived its time since."""
    contact = stored(stack.database, a_contact(created(stack.database, a_campaign(**campaign)), state=State.CLAIMED))
    stack.carrier.set_fates({contact.phone: fate})
    stack.carrier.set_faults([{"kind": fault, "match": contact.phone}] if fault else [])
    stack.invoke("call", batch(a_message(contact)))
    stack.carrier.wait_idle()
    passed(stack, contact)
    return stack.contact(contact)


def passed(stack: Stack, contact: Contact) -> None:
    """Time goes by for this contact: its attempt is overdue."""
    stack.database["contacts"].update_one(
        {"_id": contact.id}, {"$set": {"attempt.until": now() - timedelta(milliseconds=1)}}
    )


def findings(stack: Stack) -> list[tuple[str, str]]:
    return [(line["finding"], line["alarm"]) for line in stack.log if line["message"] == "settled"]


def test_with_nothing_overdue_it_does_nothing_and_says_so(stack: Stack) -> None:
    for state in (State.PENDING, State.CLAIMED, State.DIALING, State.PLACED, State.UNCERTAIN, State.HELD, State.DONE):
        stored(stack.database, a_contact(created(stack.database, a_campaign()), state=state))
    before = list(stack.database["contacts"].find())
    assert stack.invoke("reconcile", event("reconcile")) == QUIET
    assert list(stack.database["contacts"].find()) == before


@pytest.mark.parametrize(
    ("campaign", "state"),
    [
        (CampaignState.RUNNING, State.PENDING),
        (CampaignState.PAUSED, State.PENDING),
        (CampaignState.STOPPED, State.FAILED),
        (CampaignState.ARCHIVED, State.FAILED),
    ],
)
def test_a_claim_nobody_dialed_returns_or_ends_with_its_campaign(
    stack: Stack, campaign: CampaignState, state: State
) -> None:
    contact = overdue(stack, State.CLAIMED, a_campaign(state=campaign))
    assert stack.invoke("reconcile", event("reconcile")) == QUIET | {"expired": 1}
    after = stack.contact(contact)
    assert (after.state, after.used, after.attempt) == (state, 0, None)


def test_a_function_that_died_while_dialing_leaves_a_doubt_and_the_carrier_is_asked_at_once(stack: Stack) -> None:
    contact = overdue(stack, State.DIALING, since=timedelta(minutes=2))
    report = stack.invoke("reconcile", event("reconcile"))
    assert report == QUIET | {"silenced": 1, "settled": 1}
    assert findings(stack) == [("waits: no call listed yet", "")]
    after = stack.contact(contact)
    assert after.state is State.UNCERTAIN
    assert attempt_of(after).until > now()


@pytest.mark.parametrize(
    ("doubt", "used", "state"),
    [
        (Doubt.HOLD, 1, State.HELD),
        (Doubt.HOLD, 3, State.HELD),
        (Doubt.REDIAL, 1, State.PENDING),
        (Doubt.REDIAL, 3, State.FAILED),
    ],
)
def test_after_the_horizon_no_call_is_held_or_redialed_as_the_campaign_chose(
    stack: Stack, doubt: Doubt, used: int, state: State
) -> None:
    contact = overdue(stack, State.UNCERTAIN, a_campaign(doubt=doubt), since=HALF_AN_HOUR)
    stack.database["contacts"].update_one({"_id": contact.id}, {"$set": {"used": used}})
    stack.invoke("reconcile", event("reconcile"))
    assert stack.contact(contact).state is state


def test_a_redial_waits_until_the_day_is_not_full_any_more(stack: Stack) -> None:
    campaign = a_campaign(doubt=Doubt.REDIAL, retry=RetryPolicy(max_per_day=2))
    contact = overdue(stack, State.UNCERTAIN, campaign, since=HALF_AN_HOUR)
    first = now() - timedelta(minutes=40)
    busy = {"id": "b" * 24, "n": 1, "dial_at": first, "ended_at": first, "sid": a_sid(), "outcome": "busy"}
    stack.database["contacts"].update_one({"_id": contact.id}, {"$set": {"used": 2, "history": [busy]}})
    stack.invoke("reconcile", event("reconcile"))
    after = stack.contact(contact)
    assert (after.state, after.due_at) == (State.PENDING, first + timedelta(hours=24))
    assert [past.outcome for past in after.history] == [Outcome.BUSY, Outcome.UNKNOWN]


def test_a_redial_is_at_the_persons_next_number(stack: Stack) -> None:
    contact = overdue(stack, State.UNCERTAIN, a_campaign(doubt=Doubt.REDIAL), since=HALF_AN_HOUR)
    home, office = {"phone": contact.phone, "region": "US"}, {"phone": a_phone(), "region": "US-CA Los_Angeles"}
    stack.database["contacts"].update_one({"_id": contact.id}, {"$set": {"numbers": [home, office]}})
    stack.invoke("reconcile", event("reconcile"))
    after = stack.contact(contact)
    assert (after.state, after.phone, after.region) == (State.PENDING, office["phone"], office["region"])
    assert after.history[-1].to == contact.phone


def test_who_asked_to_be_called_at_a_time_is_redialed_then_and_there(stack: Stack) -> None:
    contact = overdue(stack, State.UNCERTAIN, a_campaign(doubt=Doubt.REDIAL), since=HALF_AN_HOUR)
    home, office = {"phone": contact.phone, "region": "US"}, {"phone": a_phone(), "region": "US-CA Los_Angeles"}
    stack.database["contacts"].update_one({"_id": contact.id}, {"$set": {"numbers": [home, office]}})
    asked = now() + timedelta(days=1)
    assert MongoPeople(stack.database["contacts"]).remember(contact, at=asked)
    stack.invoke("reconcile", event("reconcile"))
    after = stack.contact(contact)
    assert (after.state, after.due_at, after.phone) == (State.PENDING, asked, contact.phone)


def test_a_call_whose_reply_was_lost_is_found_adopted_and_ends_as_it_ended(stack: Stack) -> None:
    contact = dialed(stack, "accepted_then_cut")
    assert contact.state is State.UNCERTAIN
    report = stack.invoke("reconcile", event("reconcile"))
    assert report == QUIET | {"settled": 1}
    (call,) = [call for call in stack.carrier.calls() if call["contact_id"] == contact.id]
    after = stack.contact(contact)
    assert (after.state, after.history[-1].sid, after.history[-1].outcome) == (
        State.DONE,
        call["sid"],
        Outcome.ANSWERED,
    )
    assert findings(stack) == [(f"adopted {call['sid']}", "")]
    assert len(stack.asked(contact)) == 1


def test_an_adopted_call_keeps_its_duration_and_what_it_cost(stack: Stack) -> None:
    contact = dialed(stack, "accepted_then_cut")
    stack.invoke("reconcile", event("reconcile"))
    past = stack.contact(contact).history[-1]
    assert past.duration is not None
    assert past.duration >= timedelta(seconds=1)
    assert past.price == Decimal("-0.01400")


def test_a_call_that_another_contact_of_this_phone_has_is_not_adopted(stack: Stack) -> None:
    called = dialed(stack)
    stack.invoke("reconcile", event("reconcile"))
    assert stack.contact(called).state is State.DONE
    doubtful = overdue(stack, State.UNCERTAIN, since=timedelta(seconds=30))
    stack.database["contacts"].update_one({"_id": doubtful.id}, {"$set": {"phone": called.phone}})
    stack.invoke("reconcile", event("reconcile"))
    assert stack.contact(doubtful).state is State.UNCERTAIN


@pytest.mark.parametrize(
    ("fate", "state", "outcome"),
    [
        ("human", State.DONE, Outcome.ANSWERED),
        ("busy", State.PENDING, Outcome.BUSY),
        ("no-answer", State.PENDING, Outcome.NO_ANSWER),
        ("failed", State.PENDING, Outcome.FAILED),
    ],
)
def test_a_call_the_carrier_fell_silent_about_is_asked_after_and_settled(
    stack: Stack, fate: str, state: State, outcome: Outcome
) -> None:
    contact = dialed(stack, fate=fate)
    assert contact.state is State.PLACED
    assert stack.invoke("reconcile", event("reconcile")) == QUIET | {"settled": 1}
    after = stack.contact(contact)
    assert (after.state, after.history[-1].outcome) == (state, outcome)
    assert after.history[-1].sid == attempt_of(contact).sid


def test_a_call_on_which_somebody_answered_is_asked_after_and_ends_as_answered(stack: Stack) -> None:
    contact = dialed(stack, fate="human")
    kept = {"attempt.answered_by": "machine_start", "attempt.answers": {"coming": "yes"}}
    stack.database["contacts"].update_one({"_id": contact.id}, {"$set": kept})
    assert stack.invoke("reconcile", event("reconcile")) == QUIET | {"settled": 1}
    after = stack.contact(contact)
    assert (after.state, after.history[-1].outcome) == (State.DONE, Outcome.ANSWERED)


def test_a_call_the_carrier_does_not_know_is_an_alarm_and_asked_after_again(stack: Stack) -> None:
    contact = overdue(stack, State.PLACED)
    assert stack.invoke("reconcile", event("reconcile")) == QUIET | {"settled": 1, "alarms": 1}
    sid = attempt_of(contact).sid
    assert findings(stack) == [("unknown to the carrier", f"no such call: {sid}")]
    after = stack.contact(contact)
    assert after.state is State.PLACED
    assert attempt_of(after).until > now()


def test_a_call_the_carrier_has_not_known_for_a_day_is_given_up_and_frees_its_line(stack: Stack) -> None:
    contact = overdue(stack, State.PLACED, since=timedelta(hours=25, seconds=1))
    assert stack.invoke("reconcile", event("reconcile")) == QUIET | {"settled": 1, "alarms": 1}
    sid = attempt_of(contact).sid
    assert findings(stack) == [("given up", f"no such call: {sid}")]
    after = stack.contact(contact)
    assert (after.state, after.history[-1].outcome, after.history[-1].sid) == (State.FAILED, Outcome.UNKNOWN, sid)


def test_a_document_that_is_no_contact_is_named_and_the_others_are_settled(stack: Stack) -> None:
    torn, well = (overdue(stack, State.HELD, since=timedelta(hours=25)) for _ in range(2))
    stack.database["contacts"].update_one({"_id": torn.id}, {"$unset": {"campaign_id": ""}})
    report = stack.invoke("reconcile", event("reconcile"))
    assert report == QUIET | {"settled": 1, "unavailable": [f"contact {torn.id}: unreadable"]}
    assert stack.contact(well).state is State.FAILED


def test_a_slow_carrier_ends_the_run_between_two_contacts_and_not_in_the_middle_of_one(stack: Stack) -> None:
    contacts = [overdue(stack, State.UNCERTAIN, since=HALF_AN_HOUR) for _ in range(24)]
    phones = [contact.phone for contact in contacts]
    stack.carrier.set_faults([{"kind": "slow", "op": "list", "match": phones, "seconds": 1}])
    report = stack.invoke("reconcile", event("reconcile"), seconds=21)  # one more than a question may take
    assert report["ran_out_of_time"]
    states = [stack.contact(contact).state for contact in contacts]
    assert 0 < report["settled"] == states.count(State.HELD) < len(contacts)
    assert set(states) == {State.HELD, State.UNCERTAIN}


def test_a_contact_held_for_too_long_is_given_up_as_unknown(stack: Stack) -> None:
    contact = overdue(stack, State.HELD, since=timedelta(hours=25))
    assert stack.invoke("reconcile", event("reconcile")) == QUIET | {"settled": 1}
    after = stack.contact(contact)
    assert (after.state, after.history[-1].outcome) == (State.FAILED, Outcome.UNKNOWN)


@pytest.mark.parametrize("fault", ["500", "429", "reset", "truncated"])
def test_a_carrier_that_does_not_answer_proves_nothing(stack: Stack, fault: str) -> None:
    contact = overdue(stack, State.UNCERTAIN, since=HALF_AN_HOUR)
    stack.carrier.set_faults([{"kind": fault, "op": "list", "match": contact.phone}])
    report = stack.invoke("reconcile", event("reconcile"))
    assert (report["settled"], len(report["unavailable"])) == (0, 1)
    assert stack.contact(contact).state is State.UNCERTAIN


def test_one_contact_that_cannot_be_asked_about_does_not_cost_the_others_their_turn(stack: Stack) -> None:
    silent, asked = (overdue(stack, State.UNCERTAIN, since=HALF_AN_HOUR) for _ in range(2))
    stack.carrier.set_faults([{"kind": "500", "op": "list", "match": silent.phone}])
    stack.invoke("reconcile", event("reconcile"))
    assert stack.contact(silent).state is State.UNCERTAIN
    assert stack.contact(asked).state is State.HELD


def test_every_campaign_is_gone_through_whatever_its_state(stack: Stack) -> None:
    contacts = [
        overdue(stack, State.HELD, a_campaign(state=state), since=timedelta(hours=25)) for state in CampaignState
    ]
    assert stack.invoke("reconcile", event("reconcile"))["settled"] == len(contacts)
    assert {stack.contact(contact).state for contact in contacts} == {State.FAILED}


def test_with_too_little_time_it_starts_nothing_and_says_so(stack: Stack) -> None:
    contact = overdue(stack, State.CLAIMED)
    assert stack.invoke("reconcile", event("reconcile"), seconds=10) == QUIET | {"ran_out_of_time": True}
    assert stack.contact(contact) == contact


def test_two_runs_in_a_row_settle_everything_once(stack: Stack) -> None:
    contact = dialed(stack, "accepted_then_cut")
    stack.invoke("reconcile", event("reconcile"))
    settled = stack.contact(contact)
    assert stack.invoke("reconcile", event("reconcile")) == QUIET
    assert stack.contact(contact) == settled


@pytest.mark.parametrize("given", [{}, {"scheduled_at": "2026-03-02T12:00:00Z", "more": [1]}, {"detail": None}])
def test_any_event_is_a_run(stack: Stack, given: dict[str, Any]) -> None:
    assert stack.invoke("reconcile", given) == QUIET


@pytest.mark.parametrize("name", ["MONGODB_URI_PARAMETER", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN_PARAMETER"])
def test_a_missing_setting_is_named(stack: Stack, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    contact = overdue(stack, State.UNCERTAIN, since=HALF_AN_HOUR)
    monkeypatch.delenv(name)
    with pytest.raises(BadSettings, match=f"^The setting {name} is missing"):
        stack.invoke("reconcile", event("reconcile"))
    assert stack.contact(contact) == contact


def called_again(stack: Stack, contact: Contact) -> None:
    """The carrier places a second call for the same attempt, as only a fault beyond us could make it."""
    request = CallRequest(
        to=contact.phone,
        from_number=FROM_NUMBER,
        contact_id=contact.id,
        attempt_id=attempt_of(contact).id,
        ring_timeout=timedelta(seconds=30),
        talk_limit=timedelta(minutes=5),
        detect_machine=False,
    )
    TwilioDialer(wiring._twilio(fresh=True), voice_base_url=VOICE_URL).place(request)
    stack.carrier.wait_idle()


def test_several_calls_that_may_be_ours_are_held_for_a_person_with_an_alarm(stack: Stack) -> None:
    contact = dialed(stack, "accepted_then_cut")
    called_again(stack, contact)
    assert stack.invoke("reconcile", event("reconcile")) == QUIET | {"settled": 1, "alarms": 1}
    after = stack.contact(contact)
    assert after.state is State.HELD
    assert after.reason.startswith("several calls for one attempt: CA")


@pytest.mark.parametrize("fault", ["empty", "500", "cut"])
def test_several_calls_wait_until_the_carrier_says_what_each_of_them_asked_us(stack: Stack, fault: str) -> None:
    contact = dialed(stack, "accepted_then_cut")
    called_again(stack, contact)
    stack.carrier.set_faults([{"kind": fault, "op": "events", "match": contact.phone}])
    stack.invoke("reconcile", event("reconcile"))
    after = stack.contact(contact)
    assert after.state is State.UNCERTAIN
    assert attempt_of(after).until > now()


def test_of_several_calls_the_one_that_names_our_attempt_is_adopted(stack: Stack) -> None:
    """The other was made by somebody else from the same number: an older attempt, or a person."""
    contact = dialed(stack, "accepted_then_cut")
    other = replace(contact, attempt=replace(attempt_of(contact), id=f"{contact.id}-anotherattempt"))
    called_again(stack, other)
    stack.invoke("reconcile", event("reconcile"))
    (ours,) = [call for call in stack.carrier.calls() if call["attempt_id"] == attempt_of(contact).id]
    assert stack.contact(contact).history[-1].sid == ours["sid"]
    assert stack.contact(contact).state is State.DONE


def test_a_run_whose_credentials_are_refused_is_an_error_and_no_report_of_nothing(
    stack: Stack, mongodb_uri: str
) -> None:
    """Each state's work is kept from the others' failures; credentials are everybody's."""
    contact = overdue(stack, State.PLACED)
    wrong = Secret(mongodb_uri.replace("mongodb://", "mongodb://somebody:wrong@"))
    database = connect(wrong, stack.database.name)
    with database.client, pytest.raises(BadSettings):
        replace(wiring.reconcile(), overdue=MongoOverdue(database["contacts"]))(enough_time=lambda: True)
    assert stack.contact(contact) == contact
