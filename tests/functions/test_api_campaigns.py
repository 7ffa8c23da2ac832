"""Campaigns through the operators' API: made, changed where it is safe, scheduled, halted, counted."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dialer import wiring
from dialer.campaign_form import checked
from dialer.errors import Conflict
from dialer.lifecycle import State
from dialer.model import FinishedAttempt, Outcome, attempt_id
from dialer.tokens import Role
from tests.builders import a_contact, a_phone, a_sid, now, stored
from tests.functions.conftest import Stack, forget_wiring
from tests.functions.events import event
from tests.functions.operators import FORM, Operator, a_token


def test_a_campaign_is_made_read_and_listed(operator: Operator) -> None:
    made = operator.post("/campaigns", FORM)
    assert (made["state"], made["may"]) == ("draft", ["start", "stop", "archive"])
    assert made["form"]["call"]["say"] == "Hello {name}."
    assert operator.get(f"/campaigns/{made['id']}") == made
    assert operator.get("/campaigns")["items"] == [made]


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ({"name": ""}, "body.name: String should have at least 1 character"),
        (
            {"from_numbers": ["2015550199"]},
            "body.from_numbers.0: must be a number in international form, such as +12125550100",
        ),
        ({"hours": {"zone": "Mars"}}, "'Mars' is not a time zone"),
        ({"colour": "red"}, "body.colour: Extra inputs are not permitted"),
        ({"call": {}}, "give one of `say`, `script` and `twiml`"),
    ],
)
def test_a_wrong_campaign_is_refused_by_field(operator: Operator, wish: dict[str, Any], told: str) -> None:
    refused = operator.refused("POST", "/campaigns", {**FORM, **wish})
    assert refused.status == 422
    assert told in refused.body["detail"]


def test_campaigns_are_listed_page_by_page_the_newest_first(operator: Operator) -> None:
    made = [operator.campaign(name=f"number {index}") for index in range(5)]
    operator.post(f"/campaigns/{made[1]}/start")
    seen: list[str] = []
    cursor = ""
    for _ in range(3):
        page = operator.get("/campaigns", query=f"limit=2&cursor={cursor}" if cursor else "limit=2")
        seen, cursor = seen + [one["id"] for one in page["items"]], page["next"]
    assert (seen, cursor) == (made[::-1], "")
    assert [one["id"] for one in operator.get("/campaigns", query="state=running")["items"]] == [made[1]]
    assert operator.refused("GET", "/campaigns", query="cursor=nonsense").status == 422


WAY = {"start": "running", "pause": "paused", "resume": "running", "stop": "stopped", "archive": "archived"}


def test_a_campaign_goes_its_way_and_asking_twice_is_harmless(operator: Operator) -> None:
    campaign_id = operator.campaign()
    for verb, state in WAY.items():
        for _ in range(2):
            assert operator.post(f"/campaigns/{campaign_id}/{verb}", {"reason": "because"})["state"] == state
    for verb in ("start", "pause", "resume", "stop"):
        refused = operator.refused("POST", f"/campaigns/{campaign_id}/{verb}")
        assert refused.status == 409
        assert refused.body["detail"] == f"Campaign {campaign_id!r} is archived: it cannot {verb}."
    assert operator.refused("POST", "/campaigns/000000000000/start").status == 404


def test_a_campaign_remembers_its_first_start_through_every_pause(stack: Stack, operator: Operator) -> None:
    campaign_id = operator.campaign()
    assert operator.get(f"/campaigns/{campaign_id}")["started_at"] is None
    started = operator.post(f"/campaigns/{campaign_id}/start")
    assert started["started_at"] == started["state_at"] > started["created_at"]
    turned = [operator.post(f"/campaigns/{campaign_id}/{verb}") for verb in ("start", "pause", "resume", "stop")]
    assert {one["started_at"] for one in turned} == {started["started_at"]}
    assert turned[-1]["state_at"] > started["started_at"]
    old = operator.running()
    stack.database["campaigns"].update_one({"_id": old}, {"$unset": {"started_at": ""}})
    for verb in ("pause", "resume"):
        assert operator.post(f"/campaigns/{old}/{verb}")["started_at"] is None


def test_a_pause_says_why_since_when_and_what_may_be_asked_now(operator: Operator) -> None:
    campaign_id = operator.running()
    before = datetime.now(UTC) - timedelta(seconds=5)
    paused = operator.post(f"/campaigns/{campaign_id}/pause", {"reason": "the office is closed"})
    assert (paused["reason"], paused["may"]) == ("the office is closed", ["resume", "stop"])
    assert datetime.fromisoformat(paused["state_at"]) > before
    assert operator.refused("POST", f"/campaigns/{campaign_id}/resume", {"reason": "call +12015550123"}).status == 422


ALWAYS = [
    {"name": "Other"},
    {"pacing": {"max_concurrent": 3}},
    {"hours": {"zone": "America/New_York", "opens": "09:00", "closes": "17:00"}},
    {"from_numbers": ["+12015550198"]},
    {"retry": {"delays_s": {"busy": 60}}},
]
STILL = [{"call": {"say": "Good evening."}}, {"call": {"talk_limit_s": 60}}]
NEW = [
    {"call": {"opt_out_digit": "5"}},
    {"doubt": "redial"},
    {"retry": {"max_attempts": 5}},
    {"purpose": "survey", "any_hour_because": ""},
]


@pytest.mark.parametrize("patch", [*ALWAYS, *STILL, *NEW], ids=str)
@pytest.mark.parametrize("state", ["draft", "running", "paused", "stopped"])
def test_only_what_is_safe_in_its_state_is_changed(operator: Operator, patch: dict[str, Any], state: str) -> None:
    campaign_id = operator.campaign()
    for verb in {"draft": [], "running": ["start"], "paused": ["start", "pause"], "stopped": ["stop"]}[state]:
        operator.post(f"/campaigns/{campaign_id}/{verb}")
    allowed = {"draft": [*ALWAYS, *STILL, *NEW], "running": ALWAYS, "paused": [*ALWAYS, *STILL], "stopped": []}[state]
    before = operator.get(f"/campaigns/{campaign_id}")["form"]
    answer = operator.ask("PATCH", f"/campaigns/{campaign_id}", patch)
    after = operator.get(f"/campaigns/{campaign_id}")["form"]
    assert answer.status == (200 if patch in allowed else 409), answer
    assert (after != before) == (patch in allowed)


def test_a_change_is_what_the_functions_see(stack: Stack, operator: Operator) -> None:
    campaign_id = operator.running()
    operator.patch(f"/campaigns/{campaign_id}", {"pacing": {"call_delay_s": 2}, "retry": {"delays_s": {"busy": 60}}})
    sight = wiring.campaigns().see(campaign_id)
    assert sight is not None
    assert (sight.campaign.pacing.call_delay, sight.campaign.pacing.max_concurrent) == (timedelta(seconds=2), 100)
    assert sight.campaign.retry.delays[Outcome.BUSY] == timedelta(minutes=1)
    assert Outcome.NO_ANSWER not in sight.campaign.retry.delays
    operator.patch(f"/campaigns/{campaign_id}", {"hours": {"opens": "09:00"}})
    operator.patch(f"/campaigns/{campaign_id}", {"hours": None})
    sight = wiring.campaigns().see(campaign_id)
    assert sight is not None
    assert sight.campaign.hours is None


def test_several_windows_a_day_are_copied_and_changed_and_can_be_one_again(operator: Operator) -> None:
    windows = [{"opens": "09:00", "closes": "12:00", "days": ["mon"]}, {"opens": "13:00", "closes": "17:00"}]
    campaign_id = operator.campaign(hours={"zone": "Europe/Paris", "windows": windows})
    copied = operator.post(f"/campaigns/{campaign_id}/copy")["id"]
    operator.patch(f"/campaigns/{copied}", {"name": "Other", "hours": {"zone": "Europe/London"}})
    hours = operator.get(f"/campaigns/{copied}")["form"]["hours"]
    assert (hours["zone"], [one["opens"] for one in hours["windows"]]) == ("Europe/London", ["09:00", "13:00"])
    sight = wiring.campaigns().see(copied)
    assert sight is not None
    assert sight.campaign.hours is not None
    assert [one.closes for one in sight.campaign.hours.windows] == ["12:00", "17:00"]
    refused = operator.refused("PATCH", f"/campaigns/{copied}", {"hours": {"opens": "10:00"}})
    assert (refused.status, "a change sets the others to null" in refused.body["detail"]) == (422, True)
    operator.patch(f"/campaigns/{copied}", {"hours": {"opens": "10:00", "windows": None}})
    assert operator.get(f"/campaigns/{copied}")["form"]["hours"]["opens"] == "10:00"


RICH = {
    "say": None,
    "script": [{"say": "Hi."}, {"transfer": {"to": "+12125550100", "otherwise": [{"say": "Bye."}]}}],
    "detect_machine": True,
    "detect_first": True,
    "on_machine": "voicemail",
    "voicemail": "Please call us.",
    "identification": "This is the clinic.",
    "opt_out_line": "Press 9.",
    "opt_out_words": ["arret"],
    "callback_number": "+12125550100",
    "farewell": "Good bye.",
}


def test_what_is_taken_out_of_a_call_is_said_no_more(operator: Operator) -> None:
    """What stands at its usual value is in no document: it must leave the one that has another value."""
    campaign_id = operator.campaign()
    before = wiring.campaign_office().show(campaign_id).campaign
    operator.patch(f"/campaigns/{campaign_id}", {"call": RICH})
    assert wiring.campaign_office().show(campaign_id).campaign.call.voicemail
    operator.patch(f"/campaigns/{campaign_id}", {"call": {**dict.fromkeys(RICH), "say": before.call.say}})
    after = wiring.campaign_office().show(campaign_id).campaign
    assert after.call == before.call
    assert after.form["call"] == before.form["call"]


def test_attempts_are_not_changed_under_contacts_that_were_given_others(operator: Operator) -> None:
    campaign_id = operator.campaign()
    operator.patch(f"/campaigns/{campaign_id}", {"retry": {"max_attempts": 5}})
    operator.post(f"/campaigns/{campaign_id}/contacts", {"rows": [{"phone": "+12015550101"}]})
    refused = operator.refused("PATCH", f"/campaigns/{campaign_id}", {"retry": {"max_attempts": 1}})
    assert (refused.status, "each was given 5 attempts" in refused.body["detail"]) == (409, True)
    operator.patch(f"/campaigns/{campaign_id}", {"name": "Others"})


def test_a_wrong_change_is_refused_by_field_and_changes_nothing(operator: Operator) -> None:
    campaign_id = operator.campaign()
    before = operator.get(f"/campaigns/{campaign_id}")
    for patch in ({"pacing": {"max_concurrent": 0}}, {"state": "running"}, {"pacing": 5}, {"name": None}):
        assert operator.refused("PATCH", f"/campaigns/{campaign_id}", patch).status == 422
    assert operator.get(f"/campaigns/{campaign_id}") == before


def test_two_changes_of_different_things_do_not_undo_each_other(operator: Operator) -> None:
    """Both read before either writes: what each did not touch is not written."""
    campaign_id = operator.campaign()
    desk, before = wiring.desk(), wiring.campaign_office().show(campaign_id).campaign
    desk.desk.change(before, replace(before, name="One"), states=[before.state])
    desk.desk.change(before, replace(before, pacing=replace(before.pacing, max_concurrent=7)), states=[before.state])
    after = wiring.campaign_office().show(campaign_id).campaign
    assert (after.name, after.pacing.max_concurrent) == ("One", 7)


@pytest.mark.parametrize("form", [{"$set": {"name": "Appointments"}}, {"$set": {"form": {}}}, {"$unset": {"form": ""}}])
def test_of_two_changes_from_one_look_the_second_is_to_look_again(
    stack: Stack, operator: Operator, form: dict[str, Any]
) -> None:
    """Their parts of the form are one: the second would write the first one's old pace into it."""
    campaign_id = operator.running()
    stack.database["campaigns"].update_one({"_id": campaign_id}, form)
    desk, before = wiring.desk(), wiring.campaign_office().show(campaign_id).campaign
    slower, fewer = {"call_delay_s": 60, "max_concurrent": 100}, {"call_delay_s": 0.001, "max_concurrent": 7}
    desk.change(before, checked({**FORM, "pacing": slower}))
    with pytest.raises(Conflict, match="has been changed meanwhile"):
        desk.change(before, checked({**FORM, "pacing": fewer}))
    operator.patch(f"/campaigns/{campaign_id}", {"pacing": {"max_concurrent": 7}})
    after = wiring.campaign_office().show(campaign_id).campaign
    assert (after.pacing.call_delay, after.pacing.max_concurrent) == (timedelta(minutes=1), 7)
    assert (after.form["pacing"]["call_delay_s"], after.form["pacing"]["max_concurrent"]) == (60, 7)


def test_a_copy_is_a_draft_with_the_same_form(operator: Operator) -> None:
    campaign_id = operator.running()
    operator.post(f"/campaigns/{campaign_id}/contacts", {"rows": [{"phone": "+12015550101"}]})
    copied = operator.post(f"/campaigns/{campaign_id}/copy")
    assert (copied["state"], copied["name"]) == ("draft", "Appointments (copy)")
    assert copied["form"] == operator.get(f"/campaigns/{campaign_id}")["form"] | {"name": copied["name"]}
    assert operator.get(f"/campaigns/{copied['id']}/stats")["counts"] == {}
    assert operator.post(f"/campaigns/{campaign_id}/copy", {"name": "Mine"})["name"] == "Mine"


def at(span: timedelta) -> str:
    return (datetime.now(UTC) + span).isoformat()


def test_a_draft_starts_when_its_moment_comes_and_ends_when_its_end_comes(stack: Stack, operator: Operator) -> None:
    soon, later = operator.campaign(), operator.campaign()
    operator.ask("PUT", f"/campaigns/{soon}/schedule", {"start_at": at(timedelta(0)), "end_at": at(timedelta(hours=1))})
    operator.ask("PUT", f"/campaigns/{later}/schedule", {"start_at": at(timedelta(hours=1))})
    contact = stored(stack.database, a_contact(soon))
    report = stack.invoke("tick", event("tick_schedule"))
    assert [one["campaign_id"] for one in report["campaigns"]] == [soon]
    assert stack.contact(contact).state is State.CLAIMED
    started = operator.get(f"/campaigns/{soon}")
    assert started["reason"] == "started by its schedule"
    assert started["created_at"] < started["started_at"] <= started["state_at"]
    assert operator.get(f"/campaigns/{later}")["state"] == "draft"
    stack.database["campaigns"].update_one({"_id": soon}, {"$set": {"end_at": now()}})
    assert stack.invoke("tick", event("tick_schedule"))["campaigns"] == []
    ended = operator.get(f"/campaigns/{soon}")
    assert (ended["reason"], ended["started_at"]) == ("its scheduled end has come", started["started_at"])


def test_a_draft_that_cannot_be_read_keeps_no_other_from_its_start(stack: Stack, operator: Operator) -> None:
    torn, other = operator.campaign(), operator.campaign()
    for campaign_id in (torn, other):
        operator.ask("PUT", f"/campaigns/{campaign_id}/schedule", {"start_at": at(timedelta(0))})
    stack.database["campaigns"].update_one({"_id": torn}, {"$unset": {"pacing": ""}})
    report = stack.invoke("tick", event("tick_schedule"))
    assert [one["campaign_id"] for one in report["campaigns"]] == [other]
    (turn,) = [line for line in stack.log if line["message"] == "turn" and line["campaign_id"] == torn]
    assert (turn["state"], turn["reason"]) == ("draft", "its schedule could not start it: it cannot be read")


def test_what_a_start_by_hand_refuses_its_schedule_refuses_too(stack: Stack, operator: Operator) -> None:
    """The list came after the moment was set: people would hear "Hello ." The others start as they should."""
    nameless, other = operator.campaign(), operator.campaign()
    for campaign_id in (nameless, other):
        operator.ask("PUT", f"/campaigns/{campaign_id}/schedule", {"start_at": at(timedelta(0))})
    operator.post(f"/campaigns/{nameless}/contacts", {"rows": [{"phone": "+12015550101"}]})
    by_hand = operator.refused("POST", f"/campaigns/{nameless}/start")
    report = stack.invoke("tick", event("tick_schedule"))
    assert [one["campaign_id"] for one in report["campaigns"]] == [other]
    left = operator.get(f"/campaigns/{nameless}")
    assert (left["state"], left["start_at"], left["may"]) == ("draft", None, ["start", "stop", "archive"])
    assert left["reason"].startswith("its schedule could not start it: the list has no column `name`")
    assert left["reason"].partition(": ")[2] in by_hand.body["detail"]
    assert operator.get(f"/campaigns/{nameless}/live")["why"]["text"] == left["reason"]
    turns = {line["campaign_id"]: (line["state"], line["reason"]) for line in stack.log if line["message"] == "turn"}
    assert turns == {nameless: ("draft", left["reason"]), other: ("running", "started by its schedule")}
    assert stack.invoke("tick", event("tick_schedule"))["campaigns"][0]["campaign_id"] == other
    operator.patch(f"/campaigns/{nameless}", {"call": {"say": "Hello {name|you}.", "opt_out_digit": "9"}})
    assert operator.post(f"/campaigns/{nameless}/start")["reason"] == ""


LATE = {"zone": "America/New_York", "opens": "21:00", "closes": "23:00"}


def test_a_campaign_that_can_never_call_anybody_does_not_start_and_its_page_says_whom_it_can_never_call(
    stack: Stack, operator: Operator
) -> None:
    campaign_id = operator.campaign(hours=LATE, any_hour_because="")
    stored(stack.database, a_contact(campaign_id, region="US-NY New_York"))
    refused = operator.refused("POST", f"/campaigns/{campaign_id}/start")
    reason = "no minute of the campaign's hours is lawful where it may ring (US-NY New_York), rules "
    assert f"cannot start: nobody of its list can ever be called: {reason}" in refused.body["detail"]
    stored(stack.database, a_contact(campaign_id, region="US-WA Los_Angeles"))
    assert operator.post(f"/campaigns/{campaign_id}/start")["state"] == "running"
    seen = operator.get(f"/campaigns/{campaign_id}/live")
    assert seen["waiting"]["never"] == 1
    told = {one["region"]: (one["never"], one["open"], one["reason"].startswith(reason)) for one in seen["zones"]}
    assert told["US-NY New_York"] == (True, False, True)
    assert told["US-WA Los_Angeles"][0] is False


def test_a_campaign_is_not_started_after_its_own_end(stack: Stack, operator: Operator) -> None:
    """It would be stopped within a minute, and for good."""
    draft = operator.campaign()
    operator.ask("PUT", f"/campaigns/{draft}/schedule", {"end_at": at(timedelta(hours=1))})
    stack.database["campaigns"].update_one({"_id": draft}, {"$set": {"end_at": now()}})
    refused = operator.refused("POST", f"/campaigns/{draft}/start")
    assert (refused.status, "its scheduled end has passed" in refused.body["detail"]) == (409, True)
    operator.ask("PUT", f"/campaigns/{draft}/schedule", {"end_at": None})
    assert operator.post(f"/campaigns/{draft}/start")["state"] == "running"


def test_a_schedule_that_makes_no_sense_is_refused(operator: Operator) -> None:
    draft, running = operator.campaign(), operator.running()
    hour, past = at(timedelta(hours=1)), at(timedelta(hours=-1))
    assert operator.refused("PUT", f"/campaigns/{draft}/schedule", {"end_at": past}).status == 422
    assert operator.refused("PUT", f"/campaigns/{draft}/schedule", {"start_at": hour, "end_at": hour}).status == 422
    assert operator.refused("PUT", f"/campaigns/{draft}/schedule", {"start_at": "2030-01-01T00:00:00"}).status == 422
    assert operator.refused("PUT", f"/campaigns/{running}/schedule", {"start_at": hour}).status == 409
    assert operator.ask("PUT", f"/campaigns/{running}/schedule", {"end_at": hour}).status == 200
    assert operator.ask("PUT", f"/campaigns/{running}/schedule", {}).body["end_at"] is None


def test_stop_all_halts_every_campaign_and_takes_every_start_away(stack: Stack, operator: Operator) -> None:
    running = sorted(operator.running() for _ in range(3))
    scheduled = operator.campaign()
    operator.ask("PUT", f"/campaigns/{scheduled}/schedule", {"start_at": at(timedelta(0))})
    assert wiring.campaigns().permit(running[0])
    halted = operator.post("/stop-all", {"reason": "wrong text"})
    assert (sorted(halted["paused"]), halted["unscheduled"]) == (running, 1)
    assert halted["last_permit_at"] <= halted["halted_at"] < halted["no_request_after"]
    assert {operator.get(f"/campaigns/{one}")["reason"] for one in running} == {"wrong text"}
    assert not any(wiring.campaigns().permit(one) for one in running)
    assert stack.invoke("tick", event("tick_schedule"))["campaigns"] == []
    assert operator.get(f"/campaigns/{scheduled}")["state"] == "draft"
    assert operator.post("/stop-all")["paused"] == []


@pytest.mark.parametrize("verb", ["pause", "stop"])
def test_a_halt_is_confirmed_only_when_no_request_can_leave_any_more(
    operator: Operator, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    """The guard, and as much again for the request's connection."""
    monkeypatch.setenv("DIAL_GUARD_SECONDS", "0.3")
    forget_wiring()
    campaign_id = operator.running()
    began = time.monotonic()
    operator.post(f"/campaigns/{campaign_id}/{verb}")
    assert time.monotonic() - began >= 0.6
    assert operator.post("/stop-all")["paused"] == []
    assert time.monotonic() - began >= 1.2


def test_who_opts_out_by_the_api_is_confirmed_only_then_too(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIAL_GUARD_SECONDS", "0.3")
    forget_wiring()
    began = time.monotonic()
    operator.post("/suppressions", {"phone": "+12015550100", "reason": "asked"})
    assert time.monotonic() - began >= 0.6


def test_what_was_announced_of_a_halt_names_each_campaign(stack: Stack, operator: Operator) -> None:
    running = operator.running()
    wiring.announcer().publish()
    operator.post("/stop-all")
    assert wiring.announcer().noted("CampaignPaused") == 0  # sent at the end of the invocation
    assert operator.get(f"/campaigns/{running}")["state"] == "paused"


def finished(contact_id: str, *outcomes: Outcome) -> tuple[FinishedAttempt, ...]:
    return tuple(
        FinishedAttempt(
            id=attempt_id(contact_id, f"{n:024}"), n=n, from_number="+12015550199", dial_at=now(), ended_at=now(),
            sid=a_sid(), outcome=outcome,
        )
        for n, outcome in enumerate(outcomes, 1)
    )  # fmt: skip


def settled(stack: Stack, campaign_id: str, state: State, reason: str, *outcomes: Outcome, ago: float = 60) -> None:
    contact = a_contact(campaign_id, state=state, reason=reason, used=len(outcomes))
    stored(stack.database, replace(contact, history=finished(contact.id, *outcomes)))
    stack.database["contacts"].update_one({"_id": contact.id}, {"$set": {"settled_at": now() - timedelta(seconds=ago)}})


def test_statistics_say_how_it_goes(stack: Stack, operator: Operator) -> None:
    campaign_id = operator.running()
    for _ in range(3):
        settled(stack, campaign_id, State.DONE, "answered", Outcome.BUSY, Outcome.ANSWERED)
    settled(stack, campaign_id, State.FAILED, "busy", Outcome.BUSY, Outcome.BUSY)
    settled(stack, campaign_id, State.SUPPRESSED, "suppressed", ago=1)
    for state in (State.PENDING, State.PENDING, State.CLAIMED, State.PLACED, State.HELD):
        stored(stack.database, a_contact(campaign_id, state=state))
    told = operator.get(f"/campaigns/{campaign_id}/stats")
    assert told["counts"] == {
        "pending": 2,
        "claimed": 1,
        "placed": 1,
        "held": 1,
        "done": 3,
        "failed": 1,
        "suppressed": 1,
    }
    assert told["ended"] == [
        {"state": "done", "reason": "answered", "contacts": 3},
        {"state": "failed", "reason": "busy", "contacts": 1},
        {"state": "suppressed", "reason": "suppressed", "contacts": 1},
    ]
    assert told["outcomes"] == {"answered": 3, "busy": 5}
    assert (told["answer_rate"], told["attempts_per_contact"]) == (3 / 8, 2)
    assert (told["left"], told["whole"]) == (4, True)
    assert 5 / 2 <= told["settled_per_minute"] <= 5  # within one minute or two, as it falls
    assert datetime.fromisoformat(told["done_at"]) > datetime.now(UTC)
    assert operator.get(f"/campaigns/{campaign_id}/stats")["outcomes"] == told["outcomes"]


def test_the_answer_rate_is_of_all_attempts_that_have_ended_and_not_only_of_those_of_the_settled(
    stack: Stack, operator: Operator
) -> None:
    campaign_id = operator.running()
    for _ in range(2):
        settled(stack, campaign_id, State.DONE, "answered", Outcome.ANSWERED)
    for _ in range(9):
        waits = a_contact(campaign_id, used=2, reason="no-answer")
        history = finished(waits.id, Outcome.NO_ANSWER, Outcome.NO_ANSWER)
        stored(stack.database, replace(waits, history=history))
    stored(stack.database, a_contact(campaign_id, state=State.PLACED))
    told = operator.get(f"/campaigns/{campaign_id}/stats")
    assert (told["answer_rate"], told["outcomes"]) == (2 / 20, {"answered": 2, "no-answer": 18})


SURVEY = [
    {"menu": {"name": "rating", "say": "How was it?", "keys": {"1": {"outcome": "good"}, "2": {"outcome": "bad"}}}},
    {"ask": {"name": "why", "say": "Why?"}},
    {"transfer": {"to": "queue:support"}},
]


def test_statistics_count_what_was_answered_but_nobody_s_own_words(stack: Stack, operator: Operator) -> None:
    campaign_id = operator.running(call={"script": SURVEY})
    assert operator.get(f"/campaigns/{campaign_id}/stats")["answers"] == {}
    for kept in (
        {"rating": "good", "why": "I live at 5 Elm Street", "transfer": "hangup"},
        {"rating": "good", "transfer": "bridged"},
        {"rating": "bad", "opt_out": "keypress"},
        {},
    ):
        contact = a_contact(campaign_id, state=State.DONE, used=1)
        (past,) = finished(contact.id, Outcome.ANSWERED)
        stored(stack.database, replace(contact, history=(replace(past, answers=kept),)))
    counted = {
        "rating": {"good": 2, "bad": 1}, "why": {"other": 1}, "transfer": {"hangup": 1, "bridged": 1},
        "opt_out": {"keypress": 1},
    }  # fmt: skip
    viewer = operator.with_token(a_token(Role.VIEWER))
    assert viewer.get(f"/campaigns/{campaign_id}/stats")["answers"] == counted
    assert operator.get(f"/campaigns/{campaign_id}/live")["stats"]["answers"] == counted


def test_calls_a_minute_are_counted_from_permits_and_a_minute_by_reconcile(stack: Stack, operator: Operator) -> None:
    campaign_id = operator.running(pacing={"call_delay_s": 0.001, "max_concurrent": 5})
    stack.invoke("reconcile", event("reconcile"))
    earlier = now() - timedelta(seconds=60)
    stack.database["statistics"].update_one({"_id": campaign_id}, {"$set": {"samples.0.at": earlier}})
    permits = 0
    while permits < 6:
        permits += wiring.campaigns().permit(campaign_id)
    told = operator.get(f"/campaigns/{campaign_id}/stats")
    assert told["dials"] == 6
    assert told["calls_per_minute"] == pytest.approx(6, rel=0.2)
    assert operator.get(f"/campaigns/{operator.running()}/stats")["calls_per_minute"] is None


def test_a_preview_is_all_that_a_call_says_and_calls_nobody(stack: Stack, operator: Operator) -> None:
    campaign_id = operator.campaign()
    contact = stored(stack.database, a_contact(campaign_id))
    told = operator.post(f"/campaigns/{campaign_id}/preview", {"contact_id": contact.id})
    assert [scene["when"] for scene in told["scenes"]] == ["answer", "opt-out"]
    assert "Hello Ada." in told["scenes"][0]["twiml"]
    assert stack.contact(contact) == contact
    other = operator.refused("POST", f"/campaigns/{operator.campaign()}/preview", {"contact_id": contact.id})
    assert other.status == 422


def test_a_test_call_is_one_person_s_campaign_that_runs_through_every_check(stack: Stack, operator: Operator) -> None:
    campaign_id, phone = operator.campaign(), a_phone()
    listener = stored(stack.database, a_contact(campaign_id))
    made = operator.post(f"/campaigns/{campaign_id}/test-call", {"to": phone, "contact_id": listener.id})
    assert (made["test_of"], made["state"]) == (campaign_id, "running")
    (person,) = operator.post("/contacts/find", {"campaign_id": made["campaign_id"], "state": "pending"})["items"]
    assert person["phone"] == phone
    operator.post("/suppressions", {"phone": phone, "reason": "asked"})
    stack.invoke("tick", {"campaign_id": made["campaign_id"]})
    assert operator.get(f"/contacts/{person['id']}")["state"] == "suppressed"
    assert operator.refused("POST", f"/campaigns/{campaign_id}/test-call", {"to": "911", "region": "US"}).status == 422


def test_a_call_that_nobody_can_take_is_neither_made_changed_nor_started_as_a_live_one(
    stack: Stack, operator: Operator
) -> None:
    campaign = operator.campaign()
    form = operator.get(f"/campaigns/{campaign}")["form"] | {"voice": "live"}
    for method, path, body in (
        ("POST", "/campaigns", form),
        ("PATCH", f"/campaigns/{campaign}", {"voice": "live"}),
    ):
        refused = operator.refused(method, path, body)
        assert (refused.status, "nobody takes the call" in refused.body["detail"]) == (422, True), method
    stack.database["campaigns"].update_one(
        {"_id": campaign}, {"$set": {"voice": "live"}}
    )  # made before there was a rule
    refused = operator.refused("POST", f"/campaigns/{campaign}/start")
    assert (refused.status, "nobody takes the call" in refused.body["detail"]) == (422, True)


def test_a_sales_call_by_machine_neither_starts_nor_is_scheduled_without_what_the_rules_ask(operator: Operator) -> None:
    selling = operator.campaign(purpose="telemarketing", any_hour_because="")
    refused = operator.refused("POST", f"/campaigns/{selling}/start")
    assert (refused.status, "`call.identification`" in refused.body["detail"]) == (422, True)
    moment = {"start_at": at(timedelta(hours=1))}
    assert operator.refused("PUT", f"/campaigns/{selling}/schedule", moment).status == 422
    assert operator.get(f"/campaigns/{selling}")["state"] == "draft"
