"""Nobody is called when they must not be: after a pause or a stop, outside the hours, or after they said no."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.journeys.conftest import Numbers
from tests.journeys.desk import RefusedByDeskError
from tests.journeys.journey import CALL_FUNCTIONS, HUMAN, Journey, until

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def test_after_a_pause_no_dial_is_permitted_and_a_resume_forgets_nobody(journey: Journey, numbers: Numbers) -> None:
    delay = timedelta(seconds=0.25)
    pacing = {"call_delay_s": delay.total_seconds(), "max_concurrent": 20}
    campaign = journey.campaign(numbers(20), pacing=pacing)
    until(lambda: len(journey.requests()) >= 3, what=lambda: journey.show(campaign))
    journey.ask(campaign, "pause")
    before = len(journey.requests())
    journey.tick(campaign)
    journey.drain()
    journey.reconcile()
    paused = journey.document(campaign)
    last_permit = paused["next_dial_at"] - delay
    assert last_permit <= paused["state_at"]
    called = len(journey.requests())
    assert 3 <= before <= called < 20
    assert called - before <= CALL_FUNCTIONS  # those whose permits are older than the pause
    assert journey.tick(campaign)["outcome"] == "not running"
    journey.drain()
    assert len(journey.requests()) == called
    journey.ask(campaign, "resume")
    journey.finish(campaign)
    assert set(journey.states(campaign).values()) == {"done"}
    journey.assert_kept(campaign, requests=20)


def test_a_stopped_campaign_calls_nobody_more(journey: Journey, numbers: Numbers) -> None:
    called, claimed = numbers(10)[:4], numbers(10)[4:]
    campaign = journey.campaign(called)
    journey.finish(campaign)
    with journey.messages_kept():
        journey.add(campaign, claimed)
        journey.tick(campaign)
        messages = journey.take_messages(campaign, count=6)
        journey.ask(campaign, "stop")
        delivered, late = messages[:2], messages[2:]
    journey.send_messages(delivered)
    journey.drain()
    until(
        lambda: journey.reconcile() and "claimed" not in journey.states(campaign).values(),
        what=lambda: journey.show(campaign),
    )
    journey.send_messages(late)
    journey.drain()
    assert journey.tick(campaign)["outcome"] == "not running"
    found = journey.contacts(campaign)
    assert {found[phone]["state"] for phone in called} == {"done"}
    assert {found[phone]["reason"] for phone in claimed} == {"campaign stopped"}
    assert sorted(found[phone]["state"] for phone in claimed) == ["failed"] * 4 + ["pending"] * 2
    assert len(journey.requests()) == 4
    assert journey.verdict(campaign)["duplicates"] == 0


def test_a_campaign_whose_transfers_find_nobody_pauses_itself_and_no_message_in_the_queue_is_dialed(
    journey: Journey, numbers: Numbers
) -> None:
    people = numbers(9)
    journey.fates({phone: {**HUMAN, "talk": 3000, "transfers": ["no-answer"]} for phone in people})
    transfer = {"to": "+13105550142", "timeout_s": 5, "otherwise": [{"say": "Nobody is free."}]}
    with journey.messages_kept():
        campaign = journey.campaign(people, call={"script": [{"transfer": transfer}], "talk_limit_s": 3600})
        journey.tick(campaign)
        messages = journey.take_messages(campaign, count=9)
    journey.send_messages(messages[:5])
    until(
        lambda: journey.tick(campaign) and journey.show(campaign)["state"] == "paused",  # one may have to try again
        what=lambda: journey.show(campaign),
    )
    journey.send_messages(messages[5:])
    journey.drain()
    assert journey.tick(campaign)["outcome"] == "not running"
    assert journey.document(campaign)["reason"].startswith("5 of 5 live answers in 30 days found nobody to talk to")
    with pytest.raises(RefusedByDeskError, match="cannot resume: 5 of 5 live answers"):
        journey.ask(campaign, "resume")
    assert len(journey.requests()) == 5
    calls = [call for call in journey.carrier.calls() if call["to"] in people]
    assert [call["heard"][-1] for call in calls] == ["Nobody is free."] * 5
    until(lambda: journey.in_state("done", campaign) == 5, what=lambda: journey.show(campaign))
    assert journey.in_state("pending", campaign) == 4


def test_outside_its_hours_a_campaign_calls_nobody(journey: Journey, numbers: Numbers) -> None:
    closed_for_days = DAYS[(datetime.now(UTC).weekday() + 3) % 7]
    people = numbers(5)
    campaign = journey.campaign(people, hours={"zone": "UTC", "days": [closed_for_days]})
    for _ in range(3):
        assert journey.tick(campaign)["outcome"] == "closed"
        journey.reconcile()
    journey.drain()
    assert journey.requests() == []
    assert journey.states(campaign) == dict.fromkeys(people, "pending")


def test_who_presses_nine_is_never_called_again_by_anybody(journey: Journey, numbers: Numbers) -> None:
    """Neither by a campaign that comes later, nor by one whose message is in the queue already."""
    refusing, *others = numbers(4)
    journey.fates({refusing: {**HUMAN, "talk": 30, "digits": ["9"]}})
    with journey.messages_kept():
        asking, waiting = journey.campaign([refusing]), journey.campaign([refusing, *others])
        messages = journey.take_messages(asking, waiting, count=5)
    journey.send_messages([message for message in messages if asking in message])
    until(lambda: journey.states(asking) == {refusing: "done"}, what=lambda: journey.show(asking))
    journey.send_messages([message for message in messages if waiting in message])
    journey.finish(waiting)
    later = journey.campaign([refusing])
    journey.finish(later)
    assert journey.states(waiting) == {refusing: "suppressed", **dict.fromkeys(others, "done")}
    assert journey.states(later) == {refusing: "suppressed"}
    assert len(journey.requests(refusing)) == 1
    journey.assert_kept(asking, waiting, later, requests=4)
