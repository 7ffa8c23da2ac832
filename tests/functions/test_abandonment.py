"""Whoever is handed on and finds nobody: each is counted once, and at too many of them nobody else is called."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest

from dialer import wiring
from dialer.abandonment import WINDOW, Answers
from dialer.lifecycle import State
from dialer.model import CallPlan, Campaign, CampaignState, Contact, Pacing, Sight
from dialer.ports import Campaigns
from dialer.script import Choice, Menu, Say, Script, Transfer
from tests.builders import a_campaign, a_contact, a_message, a_sid, created, now, stored
from tests.functions.conftest import Stack
from tests.functions.events import Event, batch, event, queried, webhook
from tests.functions.operators import Operator
from tests.functions.test_conversation import press

SORRY = (Say(text="Nobody is free."),)
HANDED_ON: Script = (Transfer(to="+12015550100", otherwise=SORRY),)
REASON = "found nobody to talk to"


def a_desk(stack: Stack, script: Script = HANDED_ON, **wishes: Any) -> Campaign:
    """A campaign that hands everybody on at once."""
    return created(stack.database, a_campaign(call=CallPlan(script=script), **wishes))


def in_call(stack: Stack, campaign: Campaign) -> Contact:
    return stored(stack.database, a_contact(campaign, state=State.PLACED))


def handed_on(contact: Contact, ended: str = "no-answer", **fields: str) -> Event:
    return queried(webhook("voice_keypress", contact, Digits="", DialCallStatus=ended, **fields), "at=0")


def over(contact: Contact) -> Event:
    return webhook("voice_status_completed", contact)


def tell(stack: Stack, *webhooks: Event) -> None:
    for told in webhooks:
        assert stack.invoke("voice", told)["statusCode"] < 300


def abandon(stack: Stack, campaign: Campaign, count: int = 1) -> None:
    for contact in [in_call(stack, campaign) for _ in range(count)]:
        tell(stack, handed_on(contact), over(contact))


def already(stack: Stack, campaign: Campaign, *, live: int, abandoned: int, ago: timedelta = timedelta(days=1)) -> None:
    """What was counted before."""
    stack.database["live_answers"].insert_many(
        {"_id": f"{campaign.id} {n} {ago}", "campaign_id": campaign.id, "found": int(n < abandoned), "at": now() - ago}
        for n in range(live)
    )


def counted(campaign: Campaign) -> Answers | None:
    return wiring.abandon_guard().count(Sight(campaign=campaign, now=now()))


@pytest.mark.parametrize(
    ("ended", "abandoned"),
    [
        *(({"DialCallStatus": status}, 1) for status in ("no-answer", "busy", "failed", "canceled")),
        *(({"QueueResult": result}, 1) for result in ("leave", "hangup", "queue-full", "system-error")),
        *(({"DialCallStatus": status}, 0) for status in ("completed", "answered")),
        ({"QueueResult": "bridged"}, 0),
    ],
)
def test_a_transfer_that_nobody_took_is_an_abandoned_live_answer(
    stack: Stack, ended: dict[str, str], abandoned: int
) -> None:
    campaign = a_desk(stack)
    contact = in_call(stack, campaign)
    heard = press(stack, contact, "at=0", Digits="", **ended)
    assert heard == (["Nobody is free."] if abandoned else ["Hangup"])
    assert counted(campaign) == Answers(live=0, abandoned=0)  # a machine may still be found out
    tell(stack, over(contact))
    assert counted(campaign) == Answers(live=1, abandoned=abandoned)


def test_who_hung_up_while_it_rang_has_found_nobody_though_their_call_was_settled_first(stack: Stack) -> None:
    campaign = a_desk(stack)
    contact = in_call(stack, campaign)
    tell(stack, over(contact), handed_on(contact, "canceled", CallStatus="completed"))
    assert counted(campaign) == Answers(live=1, abandoned=1)
    (past,) = stack.contact(contact).history
    assert past.answers == {"transfer": "canceled"}


def test_who_was_served_and_hung_up_first_has_found_somebody(stack: Stack) -> None:
    campaign = a_desk(stack)
    contact = in_call(stack, campaign)
    tell(stack, over(contact), handed_on(contact, "completed", CallStatus="completed"))
    assert counted(campaign) == Answers(live=1, abandoned=0)


def test_who_is_taken_at_the_second_try_has_found_somebody(stack: Stack) -> None:
    second = (Transfer(to="+12015550101", name="others"),)
    campaign = a_desk(stack, (Transfer(to="+12015550100", otherwise=second),))
    contact = in_call(stack, campaign)
    taken = queried(webhook("voice_keypress", contact, Digits="", DialCallStatus="completed"), "at=0.o.0")
    tell(stack, handed_on(contact, "busy"), taken, over(contact))
    assert counted(campaign) == Answers(live=1, abandoned=0)


def test_who_hangs_up_before_anything_is_transferred_is_a_live_answer_and_abandoned_by_nobody(stack: Stack) -> None:
    campaign = a_desk(stack)
    tell(stack, over(in_call(stack, campaign)))
    assert counted(campaign) == Answers(live=1, abandoned=0)


def test_a_machine_is_no_live_answer_wherever_it_was_put_through(stack: Stack) -> None:
    campaign = a_desk(stack)
    for ending in ([webhook("voice_amd", in_call(stack, campaign))], []):
        contact = in_call(stack, campaign)
        amd = [webhook("voice_amd", contact, AnsweredBy="machine_start")] if ending else []
        end = over(contact) if ending else webhook("voice_status_completed_machine", contact)
        tell(stack, handed_on(contact), *amd, end)
    for name in ("voice_status_busy", "voice_status_no_answer", "voice_status_failed"):
        tell(stack, webhook(name, in_call(stack, campaign)))
    assert counted(campaign) == Answers(live=0, abandoned=0)


def test_who_pressed_a_key_and_was_taken_for_a_machine_is_a_live_answer_that_found_nobody(stack: Stack) -> None:
    choice = Choice(key="1", outcome="agent", then=(Transfer(to="+12015550100", name="sales"),))
    campaign = a_desk(stack, (Menu(name="what", prompt=(Say(text="Press 1."),), choices=(choice,), tries=1),))
    contact = in_call(stack, campaign)
    key = queried(webhook("voice_keypress", contact, Digits="1"), "at=0")
    nobody = queried(webhook("voice_keypress", contact, Digits="", DialCallStatus="no-answer"), "at=0.1.0")
    tell(stack, key, webhook("voice_amd", contact), nobody, over(contact))
    assert counted(campaign) == Answers(live=1, abandoned=1)


def test_the_end_of_another_call_counts_for_nobody(stack: Stack) -> None:
    campaign = a_desk(stack)
    contact = in_call(stack, campaign)
    other = a_sid()
    tell(
        stack,
        webhook("voice_status_completed", contact, sid=other),
        queried(webhook("voice_keypress", contact, sid=other, Digits="", DialCallStatus="busy"), "at=0"),
    )
    assert counted(campaign) == Answers(live=0, abandoned=0)
    tell(stack, over(contact))
    tell(stack, queried(webhook("voice_keypress", contact, sid=other, Digits="", DialCallStatus="busy"), "at=0"))
    assert counted(campaign) == Answers(live=1, abandoned=0)


def test_a_campaign_that_hands_nobody_on_counts_nothing_and_writes_nothing(stack: Stack) -> None:
    campaign = a_desk(stack, (Say(text="Hello."),))
    tell(stack, over(in_call(stack, campaign)))
    assert counted(campaign) is None
    assert stack.database["live_answers"].count_documents({}) == 0


def test_repeated_webhooks_count_once_and_the_last_one_too_many_pauses_the_campaign(stack: Stack) -> None:
    campaign = a_desk(stack)
    for number in range(1, 5):
        contact = in_call(stack, campaign)
        tell(stack, *[handed_on(contact)] * 3, *[over(contact)] * 3, handed_on(contact))
        assert counted(campaign) == Answers(live=number, abandoned=number)
        assert stack.campaign(campaign).state is CampaignState.RUNNING
    abandon(stack, campaign)
    paused = stack.campaign(campaign)
    assert paused.state is CampaignState.PAUSED
    assert paused.reason.startswith(f"5 of 5 live answers in 30 days {REASON}")


def test_one_too_many_heard_of_behind_the_end_of_its_call_pauses_the_campaign_too(stack: Stack) -> None:
    campaign = a_desk(stack)
    already(stack, campaign, live=199, abandoned=4)
    contact = in_call(stack, campaign)
    tell(stack, over(contact))
    assert stack.campaign(campaign).state is CampaignState.RUNNING
    tell(stack, handed_on(contact, "canceled"))
    assert stack.campaign(campaign).reason.startswith(f"5 of 200 live answers in 30 days {REASON}")


def test_what_is_older_than_thirty_days_no_longer_counts(stack: Stack) -> None:
    campaign = a_desk(stack)
    already(stack, campaign, live=50, abandoned=50, ago=WINDOW + timedelta(seconds=1))
    already(stack, campaign, live=3, abandoned=3, ago=WINDOW - timedelta(minutes=5))
    abandon(stack, campaign)
    assert counted(campaign) == Answers(live=4, abandoned=4)
    assert stack.campaign(campaign).state is CampaignState.RUNNING
    abandon(stack, campaign)
    assert stack.campaign(campaign).state is CampaignState.PAUSED


def test_an_answer_that_cannot_be_counted_is_not_settled_and_its_webhook_comes_again(stack: Stack) -> None:
    campaign = a_desk(stack)
    contact = in_call(stack, campaign)
    stack.database.drop_collection("live_answers")
    stack.database.create_collection("live_answers", validator={"never": True})
    try:
        assert stack.invoke("voice", over(contact))["statusCode"] == 503
        assert stack.contact(contact).state is State.PLACED
    finally:
        stack.database.drop_collection("live_answers")
    tell(stack, over(contact))
    assert stack.contact(contact).state is State.DONE
    assert counted(campaign) == Answers(live=1, abandoned=0)


def test_the_schedule_pauses_a_campaign_whose_share_has_grown_and_claims_nobody(stack: Stack) -> None:
    campaign = a_desk(stack)
    waiting = [stored(stack.database, a_contact(campaign)) for _ in range(3)]
    already(stack, campaign, live=200, abandoned=5)
    ticked = stack.invoke("tick", event("tick_schedule"))["campaigns"]
    assert [(one["outcome"], one["claimed"]) for one in ticked] == [("paused", 0)]
    assert (stack.queued(), {stack.contact(one).state for one in waiting}) == ([], {State.PENDING})
    assert REASON in stack.campaign(campaign).reason


def test_the_schedule_goes_on_below_the_limit(stack: Stack) -> None:
    campaign = a_desk(stack)
    stored(stack.database, a_contact(campaign))
    already(stack, campaign, live=201, abandoned=5)
    assert [one["claimed"] for one in stack.invoke("tick", event("tick_schedule"))["campaigns"]] == [1]


def test_a_message_that_is_queued_already_dials_nobody_once_it_is_paused(stack: Stack) -> None:
    campaign = a_desk(stack)
    claimed = stored(stack.database, a_contact(campaign, state=State.CLAIMED))
    abandon(stack, campaign, 5)
    stack.invoke("call", batch(a_message(claimed)))
    assert stack.asked(claimed) == []
    waiting = stack.contact(claimed)
    assert (waiting.state, waiting.used) == (State.PENDING, 0)


def test_news_go_on_and_are_counted(stack: Stack) -> None:
    campaign = a_desk(stack, pacing=Pacing(max_abandon=None))
    abandon(stack, campaign, 6)
    assert counted(campaign) == Answers(live=6, abandoned=6)
    stack.invoke("tick", event("tick_schedule"))
    assert stack.campaign(campaign).state is CampaignState.RUNNING


def test_a_stricter_campaign_stops_earlier(stack: Stack) -> None:
    campaign = a_desk(stack, pacing=Pacing(max_abandon=0.01))
    abandon(stack, campaign, 2)
    assert stack.campaign(campaign).state is CampaignState.PAUSED


WISH = {
    "call": {
        "script": [{"transfer": {"to": "+12015550100", "otherwise": [{"say": "Nobody is free."}]}}],
        "opt_out_digit": "9",
    }
}


def paused_for_it(stack: Stack, operator: Operator, *, others: Sequence[int] = (200, 4)) -> Campaign:
    campaign_id = operator.running(**WISH)
    sight = wiring.campaigns().see(campaign_id)
    assert sight is not None
    already(stack, sight.campaign, live=others[0] - 1, abandoned=others[1])
    abandon(stack, sight.campaign)
    return sight.campaign


def test_it_cannot_be_resumed_while_the_share_stands_and_says_why(stack: Stack, operator: Operator) -> None:
    campaign = paused_for_it(stack, operator)
    shown = operator.get(f"/campaigns/{campaign.id}")
    assert shown["state"] == "paused"
    assert shown["reason"].startswith(f"5 of 200 live answers in 30 days {REASON}: 2.5%, and 2.5% is the limit.")
    refused = operator.refused("POST", f"/campaigns/{campaign.id}/resume")
    assert (refused.status, REASON in refused.body["detail"]) == (409, True)
    assert operator.get(f"/campaigns/{campaign.id}") == shown
    told = operator.get(f"/campaigns/{campaign.id}/stats")
    assert (told["live_answers"], told["abandoned"], told["abandon_rate"]) == (200, 5, 0.025)


def test_a_transfer_that_fails_between_the_look_and_the_resume_pauses_again(stack: Stack, operator: Operator) -> None:
    campaign = paused_for_it(stack, operator)
    stack.database["live_answers"].update_many({"found": 1}, {"$set": {"at": now() - WINDOW}})

    class Between:
        """The campaigns; while one is set running, somebody whose call is still on finds nobody."""

        def __init__(self) -> None:
            self._real = wiring.campaigns()

        def __getattr__(self, name: str) -> Any:
            return getattr(self._real, name)

        def set_state(self, *args: Any, **named: Any) -> bool:
            stack.database["live_answers"].update_many({"found": 1}, {"$set": {"at": now()}})
            return self._real.set_state(*args, **named)

    office = replace(wiring.campaign_office(), campaigns=cast("Campaigns", Between()))
    office.ask(campaign.id, "resume")
    assert operator.get(f"/campaigns/{campaign.id}")["state"] == "paused"


@pytest.mark.parametrize(
    "way_on",
    [
        {"pacing": {"max_abandon": 0.03}},
        {"call": {"script": [{"say": "Call us at noon."}]}},
        {},
    ],
)
def test_it_can_be_resumed_under_a_higher_limit_or_without_transfers_or_after_the_window(
    stack: Stack, operator: Operator, way_on: dict[str, Any]
) -> None:
    campaign = paused_for_it(stack, operator)
    if way_on:
        operator.patch(f"/campaigns/{campaign.id}", way_on)
    else:
        gone = {"$set": {"at": now() - WINDOW}}
        stack.database["live_answers"].update_many({"found": 1}, gone)
    assert operator.post(f"/campaigns/{campaign.id}/resume")["state"] == "running"
    assert operator.post(f"/campaigns/{campaign.id}/resume")["state"] == "running"


def test_a_campaign_that_hands_nobody_on_shows_no_share(operator: Operator) -> None:
    told = operator.get(f"/campaigns/{operator.running()}/stats")
    assert (told["live_answers"], told["abandoned"], told["abandon_rate"]) == (None, None, None)
