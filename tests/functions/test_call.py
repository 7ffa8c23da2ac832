"""The call function: what each message does to the contact and at the carrier, whose ledger counts the requests."""

import json
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from dialer import wiring
from dialer.adapters.call_queue import body_of
from dialer.breaker import MANY
from dialer.calling.rules import rule_version
from dialer.errors import BadSettings
from dialer.lifecycle import State
from dialer.model import Campaign, CampaignState, Contact, Hours, Pacing, attempt_of
from tests.builders import FROM_NUMBER, a_campaign, a_contact, a_message, a_region_at, created, now, stored
from tests.functions.conftest import Stack
from tests.functions.events import TOKEN, VOICE_URL, batch, event

ALL_WELL: dict[str, Any] = {"batchItemFailures": []}


def claimed(stack: Stack, contacts: int = 1, **overrides: Any) -> list[Contact]:
    """Contacts of a new campaign, claimed and with their slots here."""
    campaign = created(stack.database, a_campaign(**overrides))
    return [stored(stack.database, a_contact(campaign, state=State.CLAIMED)) for _ in range(contacts)]


def failed(*indexes: int) -> dict[str, Any]:
    """The reply that gives these records of a batch back to the queue."""
    return {"batchItemFailures": [{"itemIdentifier": f"00000000-0000-4000-8000-{index:012}"} for index in indexes]}


def reports(stack: Stack) -> list[dict[str, Any]]:
    return [line for line in stack.log if line["message"] == "dial"]


def test_each_message_of_a_batch_becomes_one_call(stack: Stack) -> None:
    contacts = claimed(stack, 2)
    assert stack.invoke("call", batch(*map(a_message, contacts))) == ALL_WELL
    for contact in contacts:
        (request,) = stack.asked(contact)
        settled = stack.contact(contact)
        assert (settled.state, settled.used) == (State.PLACED, 1)
        assert attempt_of(settled).sid == request["sid"]
        assert (request["to"], request["from"]) == (contact.phone, FROM_NUMBER)
        assert request["attempt_id"] == attempt_of(contact).id
        assert request["url"].startswith(f"{VOICE_URL}/voice/{contact.id}/{attempt_of(contact).id}/answer")


def test_every_message_is_one_log_line_that_names_contact_attempt_and_call(stack: Stack) -> None:
    (contact,) = claimed(stack)
    stack.invoke("call", batch(a_message(contact)))
    (line,) = reports(stack)
    assert line["contact_id"] == contact.id
    assert line["attempt_id"] == attempt_of(contact).id
    assert line["sid"] == attempt_of(stack.contact(contact)).sid
    assert (line["outcome"], line["alarm"], line["service"]) == ("placed", "", "call")
    assert line["function_request_id"]


WELL_FORMED = json.loads(event("call_batch")["Records"][0]["body"])
POISON = {
    "not JSON": event("call_batch_with_poison")["Records"][1]["body"],
    "empty": "",
    "another shape": "[]",
    "no fields": "{}",
    "a number": "7",
    "no attempt": json.dumps(WELL_FORMED | {"attempt_id": None}),
    "no moment": json.dumps(WELL_FORMED | {"slot_at": "soon"}),
}


@pytest.mark.parametrize("poison", POISON.values(), ids=list(POISON))
def test_a_malformed_message_fails_alone_and_says_which_fields_are_wrong(stack: Stack, poison: str) -> None:
    one, other = claimed(stack, 2)
    assert stack.invoke("call", batch(a_message(one), poison, a_message(other))) == failed(1)
    assert [stack.contact(contact).state for contact in (one, other)] == [State.PLACED] * 2
    (complaint,) = [line for line in stack.log if line["message"] == "message returns"]
    assert complaint["level"] == "ERROR"
    assert complaint["message_id"] == "00000000-0000-4000-8000-000000000001"
    assert complaint["cause"].startswith("malformed call message: ")


def test_a_moment_without_a_zone_fails_before_anything_is_sent(stack: Stack) -> None:
    (contact,) = claimed(stack)
    body = json.loads(body_of(a_message(contact)))
    body["slot_at"] = body["slot_at"][:19]
    assert stack.invoke("call", batch(json.dumps(body))) == failed(0)
    assert stack.asked(contact) == []


def test_a_batch_of_poison_alone_fails_record_by_record_and_the_function_does_not(stack: Stack) -> None:
    assert stack.invoke("call", batch("", "{}")) == failed(0, 1)


def test_a_message_that_comes_twice_is_one_request(stack: Stack) -> None:
    (contact,) = claimed(stack)
    for _ in range(2):
        assert stack.invoke("call", batch(a_message(contact))) == ALL_WELL
    assert len(stack.asked(contact)) == 1


def test_a_message_that_is_twice_in_one_batch_is_one_request(stack: Stack) -> None:
    (contact,) = claimed(stack)
    assert stack.invoke("call", batch(a_message(contact), a_message(contact))) == ALL_WELL
    assert len(stack.asked(contact)) == 1


def test_without_idempotency_a_message_that_comes_twice_is_still_one_request(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    (contact,) = claimed(stack)
    monkeypatch.setenv("POWERTOOLS_IDEMPOTENCY_DISABLED", "true")
    monkeypatch.setenv("POWERTOOLS_DEV", "true")
    with pytest.warns(UserWarning, match="Disabling idempotency"):
        replies = [stack.invoke("call", batch(a_message(contact))) for _ in range(2)]
    assert replies == [ALL_WELL, ALL_WELL]
    assert len(stack.asked(contact)) == 1
    assert [report["outcome"] for report in reports(stack)] == ["placed", "dropped"]


def test_when_the_idempotency_table_is_gone_the_record_returns_and_nobody_is_called_twice(stack: Stack) -> None:
    (contact,) = claimed(stack)
    stack.aws.dynamodb.delete_table(TableName=stack.environment["IDEMPOTENCY_TABLE"])
    for _ in range(2):
        assert stack.invoke("call", batch(a_message(contact))) == failed(0)
    assert len(stack.asked(contact)) <= 1


@pytest.mark.parametrize(
    ("fate", "state", "used", "campaign_state"),
    [
        ({"kind": "refuse", "code": 21211}, State.FAILED, 1, CampaignState.RUNNING),
        ({"kind": "refuse", "code": 21215}, State.PENDING, 0, CampaignState.RUNNING),
        ({"kind": "refuse", "code": 21212}, State.PENDING, 0, CampaignState.PAUSED),
        ({"kind": "refuse", "code": 20429, "status": 429}, State.PENDING, 0, CampaignState.RUNNING),
        ({"kind": "refuse", "code": 99999, "status": 400}, State.UNCERTAIN, 1, CampaignState.RUNNING),
    ],
    ids=["number", "country", "account", "too many", "unknown"],
)
def test_a_refusal_costs_the_contact_only_what_is_its_own(
    stack: Stack, fate: dict[str, Any], state: State, used: int, campaign_state: CampaignState
) -> None:
    (contact,) = claimed(stack)
    stack.carrier.set_fates({contact.phone: fate})
    assert stack.invoke("call", batch(a_message(contact))) == ALL_WELL
    after = stack.contact(contact)
    assert (after.state, after.used) == (state, used)
    assert (after.due_at is None) == (state is not State.PENDING)
    assert campaign_of(stack, contact).state == campaign_state
    assert len(stack.asked(contact)) == 1


@pytest.mark.parametrize("fault", ["accepted_then_cut", "accepted_truncated", "500_before", "html_502", "reset"])
def test_doubt_is_acknowledged_kept_as_doubt_and_not_dialed_again(stack: Stack, fault: str) -> None:
    (contact,) = claimed(stack)
    stack.carrier.set_faults([{"kind": fault, "match": contact.phone}])
    for _ in range(2):
        assert stack.invoke("call", batch(a_message(contact))) == ALL_WELL
    assert stack.contact(contact).used == 1
    assert stack.contact(contact).state in {State.UNCERTAIN, State.PLACED}  # placed: a webhook of it came in meanwhile
    assert len(stack.asked(contact)) == 1


def test_wrong_credentials_pause_the_campaign_and_cost_nobody_an_attempt(stack: Stack) -> None:
    name = stack.environment["TWILIO_AUTH_TOKEN_PARAMETER"]
    stack.aws.ssm.put_parameter(Name=name, Value="not-the-token", Type="SecureString", Overwrite=True)
    one, other = claimed(stack, 2)
    assert stack.invoke("call", batch(a_message(one), a_message(other))) == ALL_WELL
    assert campaign_of(stack, one).state is CampaignState.PAUSED
    assert "credentials" in campaign_of(stack, one).reason
    assert [(stack.contact(each).state, stack.contact(each).used) for each in (one, other)] == [(State.PENDING, 0)] * 2
    assert "not-the-token" not in stack.written.getvalue()


def campaign_of(stack: Stack, contact: Contact) -> Campaign:
    sight = wiring.campaigns().see(contact.campaign_id)
    assert sight is not None
    return sight.campaign


def test_a_message_of_an_unknown_campaign_is_dropped(stack: Stack) -> None:
    assert stack.invoke("call", batch(a_message(a_contact("nobodys", state=State.CLAIMED)))) == ALL_WELL
    assert [(line["outcome"], line["detail"]) for line in reports(stack)] == [("dropped", "unknown campaign")]


def test_a_message_of_an_unknown_contact_is_dropped(stack: Stack) -> None:
    stranger = a_contact(created(stack.database, a_campaign()), state=State.CLAIMED)
    assert stack.invoke("call", batch(a_message(stranger))) == ALL_WELL
    assert [(line["outcome"], line["detail"]) for line in reports(stack)] == [("dropped", "unknown contact")]


@pytest.mark.parametrize("contact_id", ["x", "", "not an id", "$where"])
def test_a_message_with_an_id_that_is_none_of_ours_fails_alone(stack: Stack, contact_id: str) -> None:
    (contact,) = claimed(stack)
    stranger = a_message(contact, contact_id=contact_id)
    assert stack.invoke("call", batch(stranger, a_message(contact))) == failed(0)
    assert stack.contact(contact).state is State.PLACED


def test_a_message_of_an_older_attempt_is_dropped(stack: Stack) -> None:
    (contact,) = claimed(stack)
    older = a_message(contact, attempt_id=f"{contact.id}-0123456789abcdef01234567")
    assert stack.invoke("call", batch(older)) == ALL_WELL
    assert stack.contact(contact) == contact
    assert stack.asked(contact) == []


LATE = {"slot_at": timedelta(minutes=-8), "not_after": timedelta(minutes=-2)}
FORBIDDEN: dict[str, tuple[dict[str, Any], dict[str, timedelta]]] = {
    "paused": ({"state": CampaignState.PAUSED}, {}),
    "stopped": ({"state": CampaignState.STOPPED}, {}),
    "closed": ({"hours": Hours(days=frozenset({(now().weekday() + 3) % 7}))}, {}),
    "too early": ({}, {"slot_at": timedelta(minutes=5)}),
    "too late": ({}, LATE),
    "too late when its turn comes": ({}, {"slot_at": timedelta(seconds=1), "not_after": timedelta(seconds=0.5)}),
}


@pytest.mark.parametrize(("campaign", "moments"), FORBIDDEN.values(), ids=list(FORBIDDEN))
def test_who_may_not_be_called_now_waits_and_no_attempt_is_used(
    stack: Stack, campaign: dict[str, Any], moments: dict[str, timedelta]
) -> None:
    (contact,) = claimed(stack, **campaign)
    message = a_message(contact, **{name: now() + shift for name, shift in moments.items()})
    assert stack.invoke("call", batch(message)) == ALL_WELL
    after = stack.contact(contact)
    assert (after.state, after.used, after.attempt) == (State.PENDING, 0, None)
    assert after.due_at is not None
    assert stack.asked(contact) == []


def test_a_suppressed_phone_is_never_called_and_the_freed_line_is_told(stack: Stack) -> None:
    (contact,) = claimed(stack)
    wiring.suppressions().suppress(contact.phone, scope="global", source="test", reason="asked")
    assert stack.invoke("call", batch(a_message(contact))) == ALL_WELL
    assert stack.contact(contact).state is State.SUPPRESSED
    assert stack.asked(contact) == []
    assert [hint["campaign_id"] for hint in stack.queued("REFILL_QUEUE_URL")] == [contact.campaign_id]


def test_who_has_fallen_asleep_since_the_claim_is_not_called_and_waits_for_morning_with_the_rule(stack: Stack) -> None:
    (contact,) = claimed(stack, any_hour_because="")
    region = a_region_at(22)
    stack.database["contacts"].update_one({"_id": contact.id}, {"$set": {"region": region}})
    assert stack.invoke("call", batch(a_message(contact))) == ALL_WELL
    found = stack.contact(contact)
    assert (found.state, found.used, found.attempt) == (State.PENDING, 0, None)
    assert found.reason.startswith("calling hours: every place, ")
    assert found.reason.endswith(f" {region.partition(' ')[2]}, rules {rule_version()}")
    assert found.due_at is not None
    assert timedelta(hours=9) <= found.due_at - now() <= timedelta(hours=10)
    assert stack.asked(contact) == []


def test_lines_that_are_all_in_use_are_not_joined_by_one_more(stack: Stack) -> None:
    (contact,) = claimed(stack, pacing=Pacing(call_delay=timedelta(milliseconds=1), max_concurrent=1))
    stored(stack.database, a_contact(contact.campaign_id, state=State.PLACED))
    assert stack.invoke("call", batch(a_message(contact))) == ALL_WELL
    assert stack.contact(contact).state is State.PENDING
    assert stack.asked(contact) == []


def test_two_messages_whose_slots_are_both_here_are_still_a_call_delay_apart(stack: Stack) -> None:
    """The campaign grants every dial: messages that piled up do not leave together."""
    one, other = claimed(stack, 2, pacing=Pacing(call_delay=timedelta(seconds=60), max_concurrent=10))
    assert stack.invoke("call", batch(a_message(one), a_message(other))) == ALL_WELL
    assert [stack.contact(contact).state for contact in (one, other)] == [State.PLACED, State.PENDING]
    assert stack.asked(other) == []


def test_a_phone_in_a_call_of_another_campaign_is_put_off(stack: Stack) -> None:
    (contact,) = claimed(stack)
    stored(stack.database, a_contact("elsewhere", state=State.PLACED, phone=contact.phone))
    assert stack.invoke("call", batch(a_message(contact))) == ALL_WELL
    assert stack.contact(contact).state is State.PENDING
    assert stack.asked(contact) == []


@pytest.mark.parametrize(("setbacks", "seconds"), [(0, 30), (1, 60), (3, 240), (9, 900)])
def test_a_phone_that_stays_unsettled_elsewhere_is_tried_less_and_less_often(
    stack: Stack, setbacks: int, seconds: int
) -> None:
    """A held contact keeps its phone for a day."""
    campaign = created(stack.database, a_campaign())
    contact = stored(stack.database, a_contact(campaign, state=State.CLAIMED, setbacks=setbacks))
    stored(stack.database, a_contact("elsewhere", state=State.HELD, phone=contact.phone))
    before = now()
    stack.invoke("call", batch(a_message(contact)))
    after = stack.contact(contact)
    assert (after.state, after.used, after.setbacks) == (State.PENDING, 0, setbacks + 1)
    assert after.due_at is not None
    assert before <= after.due_at - timedelta(seconds=seconds) <= now()


def test_with_too_little_time_left_nothing_is_sent(stack: Stack) -> None:
    """The function would be killed with the request in the air."""
    (contact,) = claimed(stack)
    assert stack.invoke("call", batch(a_message(contact)), seconds=5) != ALL_WELL  # the message returns
    after = stack.contact(contact)
    assert (after.state, after.used) == (State.CLAIMED, 0)
    assert stack.asked(contact) == []


@pytest.mark.parametrize(
    "name",
    [
        "MONGODB_URI_PARAMETER",
        "IDEMPOTENCY_TABLE",
        "TWILIO_ACCOUNT_SID",
        "TWILIO_AUTH_TOKEN_PARAMETER",
        "VOICE_BASE_URL_PARAMETER",
        "PHONE_HASH_KEY_PARAMETER",
        "REFILL_QUEUE_URL",
    ],
)
def test_a_missing_setting_is_named_and_the_message_returns(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (contact,) = claimed(stack)
    monkeypatch.delenv(name)
    try:
        assert stack.invoke("call", batch(a_message(contact))) == failed(0)
    except BadSettings as refused:
        said = str(refused)
    else:
        (said,) = [line["cause"] for line in stack.log if line["message"] == "message returns"]
    assert f"The setting {name} is missing" in said
    assert TOKEN not in said
    assert stack.contact(contact) == contact
    assert stack.asked(contact) == []


def test_a_wrong_bound_is_named_and_its_value_not_shown(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIAL_GUARD_SECONDS", "much")
    with pytest.raises(BadSettings, match=r"^DIAL_GUARD_SECONDS must be a number of seconds\.$"):
        stack.invoke("call", batch(a_message(a_contact(state=State.CLAIMED))))


def test_the_file_with_a_poison_message_fails_only_that_record(stack: Stack) -> None:
    """As it stands: its good message is of a campaign that this database does not have."""
    file = event("call_batch_with_poison")
    assert stack.invoke("call", file) == {"batchItemFailures": [{"itemIdentifier": file["Records"][1]["messageId"]}]}


def test_a_carrier_that_takes_every_other_call_pauses_the_campaign(stack: Stack) -> None:
    """No streak grows long, and yet half of the list is in doubt."""
    contacts = claimed(stack, MANY * 2)
    stack.carrier.set_faults([{"kind": "500_before", "op": "create", "every": 2}])
    for contact in contacts:
        stack.invoke("call", batch(a_message(contact)))
    states = Counter(stack.contact(contact).state for contact in contacts)
    assert states[State.UNCERTAIN] == MANY
    paused = stack.database["campaigns"].find_one({"_id": contacts[0].campaign_id}) or {}
    assert paused["state"] == "paused"
    assert paused["reason"].startswith(f"{MANY} of the last ")


def test_answers_that_stay_unclear_pause_the_campaign(stack: Stack) -> None:
    """Doubt is somebody's wait for a person: a carrier that is out of order must not hold the whole list."""
    (contact,) = claimed(stack)
    stack.database["campaigns"].update_one({"_id": contact.campaign_id}, {"$set": {"setbacks": 19}})
    stack.carrier.set_faults([{"kind": "500_before", "op": "create", "every": 1}])
    stack.invoke("call", batch(a_message(contact)))
    assert stack.contact(contact).state is State.UNCERTAIN
    paused = stack.database["campaigns"].find_one({"_id": contact.campaign_id}) or {}
    assert paused["state"] == "paused"
    assert "unclear" in paused["reason"]
