"""The tick function: the schedule, one campaign, a refill hint; and what it does with events it cannot read."""

import time
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import boto3
import pytest

from dialer import wiring
from dialer.adapters.clock import SystemClock
from dialer.errors import BadInput, BadSettings
from dialer.lifecycle import State
from dialer.model import CampaignState, Contact, Hours, Pacing
from tests.builders import a_campaign, a_contact, a_phone, a_region_at, created, now, stored
from tests.functions.conftest import PARAMETERS, Stack
from tests.functions.events import event, refill

FIELDS = {"campaign_id", "outcome", "claimed", "sifted", "sent", "unsent", "doubtful", "closed", "alarm"}


def filled(stack: Stack, contacts: int = 3, **overrides: Any) -> list[Contact]:
    """The due contacts of a new campaign."""
    campaign = created(stack.database, a_campaign(**overrides))
    return [stored(stack.database, a_contact(campaign)) for _ in range(contacts)]


def test_a_campaign_that_cannot_be_read_keeps_no_other_waiting(stack: Stack) -> None:
    (torn,), well = filled(stack, 1), filled(stack, 2)
    stack.database["campaigns"].update_one({"_id": torn.campaign_id}, {"$unset": {"pacing": ""}})
    report = stack.invoke("tick", event("tick_schedule"))
    outcomes = {one["campaign_id"]: (one["outcome"], one["alarm"]) for one in report["campaigns"]}
    assert outcomes == {torn.campaign_id: ("broken", "KeyError"), well[0].campaign_id: ("ticked", "")}
    assert {stack.contact(one).state for one in well} == {State.CLAIMED}


def test_the_schedule_claims_for_every_running_campaign_and_queues_one_message_each(stack: Stack) -> None:
    one, other, paused = filled(stack), filled(stack, 2), filled(stack, state=CampaignState.PAUSED)
    report = stack.invoke("tick", event("tick_schedule"))
    assert report["not_reached"] == 0
    ticked = {campaign["campaign_id"]: campaign for campaign in report["campaigns"]}
    assert set(ticked) == {one[0].campaign_id, other[0].campaign_id}
    assert all(set(campaign) == FIELDS for campaign in report["campaigns"])
    assert [ticked[group[0].campaign_id]["sent"] for group in (one, other)] == [3, 2]
    messages = stack.queued()
    assert {message["contact_id"] for message in messages} == {contact.id for contact in one + other}
    assert {stack.contact(contact).state for contact in one + other} == {State.CLAIMED}
    assert {stack.contact(contact).state for contact in paused} == {State.PENDING}


def test_a_message_holds_ids_and_two_moments_and_nothing_of_the_person(stack: Stack) -> None:
    (contact,) = filled(stack, 1)
    stack.invoke("tick", event("tick_schedule"))
    (message,) = stack.queued()
    assert set(message) == {"delay", "campaign_id", "contact_id", "attempt_id", "slot_at", "not_after"}
    attempt = stack.contact(contact).attempt
    assert attempt is not None
    assert message["attempt_id"] == attempt.id


def test_messages_are_spread_over_their_slots_and_never_early(stack: Stack) -> None:
    filled(stack, 4, pacing=Pacing(call_delay=timedelta(seconds=5), max_concurrent=10))
    stack.invoke("tick", event("tick_schedule"))
    assert sorted(message["delay"] for message in stack.queued()) == [0, 5, 10, 15]


def test_a_second_tick_in_the_same_minute_claims_nobody_again(stack: Stack) -> None:
    filled(stack)
    stack.invoke("tick", event("tick_schedule"))
    report = stack.invoke("tick", event("tick_schedule"))
    assert [campaign["claimed"] for campaign in report["campaigns"]] == [0]
    assert len(stack.queued()) == 3


def test_one_campaign_is_ticked_by_name_and_no_other(stack: Stack) -> None:
    one, other = filled(stack), filled(stack)
    report = stack.invoke("tick", event("tick_one_campaign") | {"campaign_id": one[0].campaign_id})
    assert [campaign["campaign_id"] for campaign in report["campaigns"]] == [one[0].campaign_id]
    assert {stack.contact(contact).state for contact in other} == {State.PENDING}


def test_refill_hints_tick_each_campaign_they_name_once(stack: Stack) -> None:
    one, other = filled(stack), filled(stack)
    hint = f'{{"campaign_id": "{one[0].campaign_id}"}}'
    report = stack.invoke("tick", refill(hint, hint))
    assert [campaign["campaign_id"] for campaign in report["campaigns"]] == [one[0].campaign_id]
    assert {stack.contact(contact).state for contact in other} == {State.PENDING}


@pytest.mark.parametrize("hint", ["", "not JSON", "[]", "7", "{}", '{"campaign_id": null}', '{"campaign_id": ""}'])
def test_a_refill_hint_that_cannot_be_read_is_logged_and_does_not_cost_the_others_theirs(
    stack: Stack, hint: str
) -> None:
    """A hint that failed would block its whole batch; the schedule ticks every campaign anyway."""
    one = filled(stack)
    report = stack.invoke("tick", refill(hint, f'{{"campaign_id": "{one[0].campaign_id}"}}'))
    assert [campaign["sent"] for campaign in report["campaigns"]] == [3]
    assert [line["message"] for line in stack.log if line["level"] == "ERROR"] == ["unreadable refill hint"]


def test_a_batch_of_unreadable_hints_ticks_nobody(stack: Stack) -> None:
    filled(stack)
    assert stack.invoke("tick", refill("not JSON")) == {"campaigns": [], "not_reached": 0}


def test_an_unknown_campaign_is_not_running_and_nothing_happens(stack: Stack) -> None:
    report = stack.invoke("tick", event("tick_one_campaign"))
    assert [campaign["outcome"] for campaign in report["campaigns"]] == ["not running"]
    assert stack.queued() == []


@pytest.mark.parametrize("wrong", [{}, {"detail": {}}, {"campaign_id": ""}, {"campaign_id": None}])
def test_an_event_that_is_none_of_ours_is_refused_in_a_sentence(stack: Stack, wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=r"^A tick event has `scheduled_at`, `campaign_id`, or refill records.$"):
        stack.invoke("tick", wrong)


def test_outside_its_hours_a_campaign_claims_nobody(stack: Stack) -> None:
    tomorrow = frozenset({(now().weekday() + 1) % 7})
    contacts = filled(stack, hours=Hours(days=tomorrow))
    report = stack.invoke("tick", event("tick_schedule"))
    assert [campaign["outcome"] for campaign in report["campaigns"]] == ["closed"]
    assert {stack.contact(contact).state for contact in contacts} == {State.PENDING}


def test_a_suppressed_phone_is_sifted_out_and_no_message_is_sent(stack: Stack) -> None:
    safe, called = filled(stack, 2)
    wiring.suppressions().suppress(safe.phone, scope="global", source="test", reason="asked")
    report = stack.invoke("tick", event("tick_schedule"))
    assert [(campaign["claimed"], campaign["sifted"], campaign["sent"]) for campaign in report["campaigns"]] == [
        (2, 1, 1)
    ]
    assert stack.contact(safe).state is State.SUPPRESSED
    assert [message["contact_id"] for message in stack.queued()] == [called.id]


def test_when_time_runs_low_campaigns_are_left_to_the_next_tick_and_counted(stack: Stack) -> None:
    contacts = filled(stack)
    report = stack.invoke("tick", event("tick_schedule"), seconds=5)
    assert report == {"campaigns": [], "not_reached": 1}
    assert {stack.contact(contact).state for contact in contacts} == {State.PENDING}


def test_when_time_is_short_campaigns_take_turns_whatever_each_had_to_do(stack: Stack) -> None:
    """The one that has waited longest first, and whoever was not reached before everybody who was."""
    tomorrow = Hours(days=frozenset({(now().weekday() + 1) % 7}))
    busy = [filled(stack)[0].campaign_id for _ in range(2)]
    closed = [filled(stack, hours=tomorrow)[0].campaign_id for _ in range(2)]
    full = [filled(stack, pacing=Pacing(max_concurrent=1))[0] for _ in range(2)]
    for contact in full:
        stored(stack.database, a_contact(contact.campaign_id, state=State.PLACED))
    idle = [created(stack.database, a_campaign()).id for _ in range(2)]
    tick, reached = replace(wiring.tick(), workers=1), []
    for _ in range(4):
        two = iter([True, True])
        report = tick.every_campaign(enough_time=partial(next, two, False))
        assert report.not_reached == 6
        reached += [(campaign.campaign_id, campaign.outcome) for campaign in report.campaigns]
        time.sleep(0.003)
    assert sorted(reached) == sorted(
        [(one, "ticked") for one in busy]
        + [(one, "closed") for one in closed]
        + [(one.campaign_id, "lines full") for one in full]
        + [(one, "nobody due") for one in idle]
    )
    again = tick.every_campaign(enough_time=partial(next, iter([True, True]), False))
    assert [campaign.campaign_id for campaign in again.campaigns] == [one for one, _ in reached[:2]]


def test_named_campaigns_are_ticked_in_order_while_there_is_time(stack: Stack) -> None:
    one, other, third = (filled(stack)[0].campaign_id for _ in range(3))
    tick = replace(wiring.tick(), workers=1)
    report = tick.named([third, one, other], enough_time=partial(next, iter([True, True]), False))
    assert [campaign.campaign_id for campaign in report.campaigns] == [third, one]
    assert report.not_reached == 1


def test_where_nobody_is_due_no_dial_time_is_reserved(stack: Stack) -> None:
    campaign = created(stack.database, a_campaign())
    stored(stack.database, a_contact(campaign, due_at=now() + timedelta(minutes=5)))
    report = stack.invoke("tick", event("tick_schedule"))
    assert [one["outcome"] for one in report["campaigns"]] == ["nobody due"]
    assert stack.campaign(campaign) == campaign


def test_a_batch_s_verdicts_are_each_contact_s_own(stack: Stack) -> None:
    """They are judged once for all who have a country in common, and once more for who is suppressed."""
    campaign = created(stack.database, a_campaign(blocked_regions={"FR": "not allowed there"}))
    regions = ("US", "FR", "GB", "FR", "US")
    contacts = [stored(stack.database, a_contact(campaign, region=region)) for region in regions]
    wiring.suppressions().suppress(contacts[0].phone, scope="global", source="test", reason="asked")
    wiring.suppressions().suppress(contacts[1].phone, scope="global", source="test", reason="asked")
    stack.invoke("tick", event("tick_schedule"))
    assert [stack.contact(contact).state for contact in contacts] == [
        State.SUPPRESSED,
        State.SUPPRESSED,
        State.CLAIMED,
        State.PENDING,
        State.CLAIMED,
    ]


def test_who_is_asleep_is_not_claimed_and_stays_as_it_was_while_the_others_are(stack: Stack) -> None:
    campaign = created(stack.database, a_campaign(any_hour_because=""))
    hours = (3, 12, 4, 13, 12)
    contacts = [stored(stack.database, a_contact(campaign, region=a_region_at(hour))) for hour in hours]
    nobody_knows = stored(stack.database, a_contact(campaign, region=""))
    (report,) = stack.invoke("tick", event("tick_schedule"))["campaigns"]
    assert (report["outcome"], report["claimed"], report["sent"], report["closed"]) == ("ticked", 3, 3, 3)
    asleep = [one for one, hour in zip(contacts, hours, strict=True) if hour < 8]
    assert [stack.contact(one) for one in (*asleep, nobody_knows)] == [*asleep, nobody_knows]
    assert {stack.contact(one).state for one in contacts if one not in asleep} == {State.CLAIMED}


def test_whom_no_minute_of_the_week_is_lawful_for_is_settled_with_that_reason(stack: Stack) -> None:
    """Also while everybody else is asleep: a campaign of theirs alone would never be done."""
    campaign = created(stack.database, a_campaign(any_hour_because=""))
    never, asleep = (
        stored(stack.database, a_contact(campaign, region=region))
        for region in ("US-NY New_York,Asia/Tokyo,Europe/Paris", a_region_at(3))
    )
    (report,) = stack.invoke("tick", event("tick_schedule"))["campaigns"]
    assert (report["claimed"], report["sifted"], report["sent"], report["closed"]) == (1, 1, 0, 1)
    after = stack.contact(never)
    assert (after.state, after.used) == (State.SUPPRESSED, 0)
    assert after.reason.startswith("no minute of the week is lawful wherever it may ring (US-NY New_York,")
    assert stack.contact(asleep) == asleep


def test_who_waits_for_other_hours_of_the_campaign_is_not_settled(stack: Stack) -> None:
    """Whoever changes them can still have these people called."""
    elsewhere = Hours(zone=a_region_at(3).partition(" ")[2])
    campaign = created(stack.database, a_campaign(any_hour_because="", hours=replace(elsewhere, closes="05:00")))
    contact = stored(stack.database, a_contact(campaign, region=a_region_at(3)))
    (report,) = stack.invoke("tick", event("tick_schedule"))["campaigns"]
    assert (report["outcome"], report["claimed"]) == ("closed", 0)
    assert stack.contact(contact) == contact


def test_a_campaign_whose_people_are_all_asleep_reserves_nothing_and_is_not_finished(stack: Stack) -> None:
    campaign = created(stack.database, a_campaign(any_hour_because=""))
    contact = stored(stack.database, a_contact(campaign, region=a_region_at(3)))
    (report,) = stack.invoke("tick", event("tick_schedule"))["campaigns"]
    assert (report["outcome"], report["closed"], report["claimed"]) == ("closed", 1, 0)
    assert stack.contact(contact) == contact
    assert stack.campaign(campaign) == campaign


def _a_long_row_of_suppressed(stack: Stack, length: int) -> tuple[list[Contact], Contact]:
    """And behind them, one who may be called, on the campaign's only line."""
    campaign = created(stack.database, a_campaign(pacing=Pacing(max_concurrent=1)))
    refused = [stored(stack.database, a_contact(campaign, priority=1)) for _ in range(length)]
    for contact in refused:
        wiring.suppressions().suppress(contact.phone, scope="global", source="test", reason="asked")
    return refused, stored(stack.database, a_contact(campaign))


def test_a_long_row_of_people_who_must_not_be_called_keeps_nobody_waiting(stack: Stack) -> None:
    refused, called = _a_long_row_of_suppressed(stack, 60)
    report = stack.invoke("tick", event("tick_schedule"))
    assert [(campaign["sifted"], campaign["sent"]) for campaign in report["campaigns"]] == [(60, 1)]
    assert stack.contact(called).state is State.CLAIMED
    assert {stack.contact(contact).state for contact in refused} == {State.SUPPRESSED}


class Rushing(SystemClock):
    """A clock on which three seconds pass whenever somebody looks."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        self.seconds += 3
        return self.seconds


def test_one_campaign_s_row_of_suppressed_does_not_take_the_whole_tick(stack: Stack) -> None:
    refused, called = _a_long_row_of_suppressed(stack, 20)
    tick = replace(wiring.tick(), clock=Rushing())
    assert 0 < tick.campaign(called.campaign_id).sifted < len(refused)
    assert stack.contact(called).state is State.PENDING


def test_every_campaign_is_one_log_line_with_its_counts(stack: Stack) -> None:
    contacts = filled(stack)
    stack.invoke("tick", event("tick_schedule"))
    (line,) = [line for line in stack.log if line["message"] == "tick"]
    assert (line["campaign_id"], line["claimed"], line["sent"]) == (contacts[0].campaign_id, 3, 3)
    assert line["service"] == "tick"
    assert line["function_request_id"]


NEEDED = ["MONGODB_URI_PARAMETER", "PHONE_HASH_KEY_PARAMETER", "LOCK_TABLE", "CALL_QUEUE_URL"]


@pytest.mark.parametrize("name", NEEDED)
def test_a_missing_setting_is_named_and_nobody_is_claimed(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    contacts = filled(stack)
    monkeypatch.delenv(name)
    with pytest.raises(BadSettings, match=f"^The setting {name} is missing"):
        stack.invoke("tick", event("tick_schedule"))
    assert {stack.contact(contact).state for contact in contacts} == {State.PENDING}


def test_a_parameter_that_does_not_exist_is_named(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHONE_HASH_KEY_PARAMETER", "/test/nowhere")
    with pytest.raises(BadSettings, match=r"^SSM has no parameter named /test/nowhere\.$"):
        stack.invoke("tick", event("tick_schedule"))


@pytest.mark.parametrize("value", ["not-a-uri-but-secret", "mongodb://user:pa$$word@:99999/secret", "mongodb+srv://"])
def test_a_wrong_database_uri_is_never_shown(stack: Stack, value: str) -> None:
    name = PARAMETERS["MONGODB_URI_PARAMETER"]
    stack.aws.ssm.put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=True)
    with pytest.raises(BadSettings) as refused:
        stack.invoke("tick", event("tick_schedule"))
    assert str(refused.value) == "The parameter that MONGODB_URI_PARAMETER names does not hold a MongoDB URI."
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
    assert value not in stack.written.getvalue()


def test_a_lock_held_elsewhere_is_respected(stack: Stack) -> None:
    """It saves work; that nobody is called twice does not rest on it."""
    contacts = filled(stack)
    later = str(int((now() + timedelta(seconds=60)).timestamp() * 1000))
    item = {"campaign_id": {"S": contacts[0].campaign_id}, "owner": {"S": "another"}, "fence": {"N": "1"}}
    stack.aws.dynamodb.put_item(TableName=stack.environment["LOCK_TABLE"], Item=item | {"lease_until": {"N": later}})
    report = stack.invoke("tick", event("tick_schedule"))
    assert [campaign["outcome"] for campaign in report["campaigns"]] == ["locked elsewhere"]
    assert stack.queued() == []


def test_a_queue_that_is_gone_is_said_loudly_and_its_claims_are_left_to_expire(stack: Stack) -> None:
    contacts = filled(stack)
    stack.aws.sqs.delete_queue(QueueUrl=stack.environment["CALL_QUEUE_URL"])
    report = stack.invoke("tick", event("tick_schedule"))
    assert [(campaign["sent"], campaign["doubtful"]) for campaign in report["campaigns"]] == [(0, 3)]
    assert {stack.contact(contact).state for contact in contacts} == {State.CLAIMED}


def test_messages_are_sent_without_the_client_which_would_take_twice_the_time(stack: Stack) -> None:
    assert boto3.DEFAULT_SESSION
    through_the_client: list[Any] = []

    def note(**asked: Any) -> None:
        through_the_client.append(asked)

    boto3.DEFAULT_SESSION.events.register("before-call.sqs.SendMessageBatch", note)
    try:
        filled(stack)
        report = stack.invoke("tick", event("tick_schedule"))
    finally:
        boto3.DEFAULT_SESSION.events.unregister("before-call.sqs.SendMessageBatch", note)
    assert [campaign["sent"] for campaign in report["campaigns"]] == [3]
    assert through_the_client == []


def test_two_contacts_with_one_phone_in_two_campaigns_are_both_claimed(stack: Stack) -> None:
    """That their calls never overlap is the call function's business."""
    phone = a_phone()
    for _ in range(2):
        stored(stack.database, a_contact(created(stack.database, a_campaign()), phone=phone))
    report = stack.invoke("tick", event("tick_schedule"))
    assert [campaign["sent"] for campaign in report["campaigns"]] == [1, 1]
