"""One look at a campaign through the operators' API: what a page shows, and what a viewer is not shown."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from cli.watching import waits_in_vain
from dialer import wiring
from dialer.calling.lawful import Closed, look
from dialer.lifecycle import State
from dialer.model import CampaignState, FinishedAttempt, Outcome, attempt_id, attempt_of
from dialer.tokens import Role
from tests.builders import a_campaign, a_contact, a_phone, a_sid, now, stored
from tests.functions.conftest import Stack, telling
from tests.functions.operators import FORM, Operator, a_token


def test_a_look_has_the_state_and_why_lines_zones_doubts_calls_and_errors(stack: Stack, operator: Operator) -> None:
    campaign_id = operator.running(pacing={"call_delay_s": 0.5, "max_concurrent": 7}, any_hour_because="a test")
    for n, region in enumerate(["US-NY New_York", "US-NY New_York", "US-IL Chicago"]):
        stored(stack.database, a_contact(campaign_id, phone=a_phone(n), region=region))
    ringing = a_contact(campaign_id, state=State.PLACED, phone=a_phone(10))
    stored(stack.database, replace(ringing, attempt=replace(attempt_of(ringing), status="ringing")))
    held = a_contact(campaign_id, state=State.HELD, phone=a_phone(11), reason="the carrier lists no call")
    stored(stack.database, held)
    failed = a_contact(campaign_id, state=State.FAILED, phone=a_phone(12), reason="failed")
    past = FinishedAttempt(
        id=attempt_id(failed.id, "0" * 24), n=1, from_number="", dial_at=now(), ended_at=now(), sid=a_sid(),
        outcome=Outcome.FAILED, detail="404", duration=timedelta(seconds=3),
    )  # fmt: skip
    stored(stack.database, replace(failed, history=(past,)))
    stack.database["contacts"].update_one({"_id": failed.id}, {"$set": {"settled_at": now()}})

    seen = operator.get(f"/campaigns/{campaign_id}/live")
    assert (seen["campaign"]["id"], seen["campaign"]["state"], seen["why"]["text"]) == (
        campaign_id,
        "running",
        "calling",
    )
    assert seen["limits"] == {"calls_per_minute": 120.0, "lines": 7}
    assert {stage: count for stage, count in seen["lines"].items() if count} == {"ringing": 1}
    assert seen["waiting"] == {
        "due": 3,
        "closed": 0,
        "never": 0,
        "later": 0,
        "on_hold": 0,
        "in_vain": 0,
        "next_at": None,
        "first_turn": 3,
        "reasons": [],
    }
    zones = [(zone["region"], zone["left"], zone["open"], zone["changes_at"]) for zone in seen["zones"]]
    assert zones == [("US-NY New_York", 2, True, None), ("US-IL Chicago", 1, True, None)]
    (doubt,) = seen["doubts"]
    assert (doubt["contact_id"], doubt["state"], doubt["reason"]) == (held.id, "held", held.reason)
    assert datetime.fromisoformat(doubt["until"]) > datetime.fromisoformat(doubt["dialed_at"])
    calls = {call["contact_id"]: (call["outcome"], call["duration_s"]) for call in seen["calls"]}
    assert calls == {ringing.id: ("ringing", None), failed.id: ("failed", 3)}
    assert [(one["code"], one["meaning"], one["count"]) for one in seen["errors"]] == [
        ("404", "there is no such number", 1)
    ]
    assert {"state": "failed", "reason": "failed", "contacts": 1} in seen["reasons"]


def test_a_call_that_failed_is_among_the_calls_outcomes_and_errors_though_its_contact_waits_for_another(
    stack: Stack, operator: Operator
) -> None:
    campaign_id = operator.running(any_hour_because="a test")
    later = now() + timedelta(hours=2)
    waits = a_contact(campaign_id, phone=a_phone(1), reason="failed", used=2, due_at=later)
    history = tuple(
        FinishedAttempt(
            id=attempt_id(waits.id, f"{n:024}"), n=n, from_number="", dial_at=now() - timedelta(minutes=10 - n),
            ended_at=now() - timedelta(minutes=10 - n), sid=a_sid(), outcome=outcome, detail=detail,
            region=region,
        )
        for n, (outcome, detail, region) in enumerate(
            [(Outcome.BUSY, "486", "US-IL Chicago"), (Outcome.FAILED, "503", "")], 1
        )
    )  # fmt: skip
    stored(stack.database, replace(waits, history=history))
    stored(stack.database, a_contact(campaign_id, phone=a_phone(2)))
    seen = operator.get(f"/campaigns/{campaign_id}/live")
    assert [(call["n"], call["outcome"], call["reason"]) for call in seen["calls"]] == [
        (2, "failed", "failed"),
        (1, "busy", "failed"),
    ]
    assert [call["region"] for call in seen["calls"]] == [waits.region, "US-IL Chicago"]
    assert (seen["stats"]["outcomes"], seen["stats"]["ended"]) == ({"busy": 1, "failed": 1}, [])
    assert {end["outcome"] for end in seen["stats"]["ends"]} == {"busy", "failed"}
    assert [(one["code"], one["count"]) for one in seen["errors"]] == [("503", 1)]
    (wait,) = seen["waiting"]["reasons"]
    assert (wait["reason"], wait["contacts"], seen["waiting"]["first_turn"]) == ("failed", 1, 1)
    assert datetime.fromisoformat(wait["next_at"]) == later


def test_calling_hours_of_every_zone_group_are_told_with_the_rule(stack: Stack, operator: Operator) -> None:
    """At any hour it is night in one of these places."""
    campaign_id = operator.running(any_hour_because="")
    for n, region in enumerate(["US-NY New_York", "GB Europe/London", "JP Asia/Tokyo"]):
        stored(stack.database, a_contact(campaign_id, phone=a_phone(n), region=region))
    zones = operator.get(f"/campaigns/{campaign_id}/live")["zones"]
    assert not any(zone["never"] for zone in zones)
    closed = [zone for zone in zones if not zone["open"]]
    assert closed
    assert all(zone["reason"] and zone["changes_at"] for zone in closed)
    assert all(zone["changes_at"] and zone["zone"] for zone in zones if zone["open"])


@pytest.mark.parametrize("on_hold", [1, 2])
def test_whoever_is_on_hold_or_can_never_be_called_waits_in_vain_and_is_counted_once(
    stack: Stack, operator: Operator, on_hold: int
) -> None:
    """The command line's watch ends where these are all who are left."""
    campaign_id = operator.running(any_hour_because="a test")
    regions = ["CU Havana", "CU Havana", "US-IL Chicago"]
    people = [a_contact(campaign_id, phone=a_phone(n), region=region) for n, region in enumerate(regions)]
    for n, one in enumerate(people):
        stored(stack.database, one)
        if n in range(1, 1 + on_hold):
            operator.post(f"/contacts/{one.id}/hold")
    blocked = {"blocked_regions": {"CU": "no permission to call this country (21215)"}}
    stack.database["campaigns"].update_one({"_id": campaign_id}, {"$set": blocked})
    seen = operator.get(f"/campaigns/{campaign_id}/live")
    counts = {name: seen["waiting"][name] for name in ("never", "on_hold", "in_vain")}
    assert counts == {"never": 2, "on_hold": on_hold, "in_vain": 1 + on_hold}
    zones = [(zone["region"], zone["left"], zone["on_hold"]) for zone in seen["zones"]]
    assert zones == [("CU Havana", 2, 1), ("US-IL Chicago", 1, on_hold - 1)]
    assert waits_in_vain(seen) is (on_hold == 2)
    assert ("2 can never be called: no permission" in seen["why"]["text"]) is (on_hold == 2)


def test_those_who_are_due_in_closed_zones_are_summed_over_all_zones_also_over_those_that_are_not_sent(
    stack: Stack, operator: Operator
) -> None:
    campaign_id = operator.running(any_hour_because="")
    for n in range(201):
        stored(stack.database, a_contact(campaign_id, phone=a_phone(n), region=f"US-{n:03} Nowhere"))
    seen = operator.get(f"/campaigns/{campaign_id}/live")
    assert (len(seen["zones"]), seen["more_zones"]) == (200, 1)
    assert (seen["waiting"]["due"], seen["waiting"]["closed"]) == (201, 201)


def test_a_viewer_sees_no_phone(stack: Stack, operator: Operator) -> None:
    campaign_id = operator.running(any_hour_because="a test")
    for n, state in enumerate([State.HELD, State.UNCERTAIN, State.PLACED]):
        stored(stack.database, a_contact(campaign_id, state=state, phone=a_phone(n)))
    viewer = operator.with_token(a_token(Role.VIEWER))
    answer = viewer.ask("GET", f"/campaigns/{campaign_id}/live")
    assert len(answer.body["doubts"]) == 2
    assert len(answer.body["calls"]) == 2
    assert {one["phone"][2:-2] for one in (*answer.body["doubts"], *answer.body["calls"])} == {"•" * 8}
    assert not [n for n in range(3) if a_phone(n) in answer.raw]
    assert a_phone(0) in operator.ask("GET", f"/campaigns/{campaign_id}/live").raw
    assert telling(stack.written.getvalue(), viewer.token) == []


def test_nobody_s_campaign_is_not_there(operator: Operator) -> None:
    assert operator.refused("GET", "/campaigns/000000000000/live").status == 404


def lines_of(operator: Operator, query: str = "") -> dict[str, Any]:
    return {one["id"]: one for one in operator.get("/overview", query=query)["items"]}


def test_an_overview_says_of_every_campaign_what_it_does_and_why(stack: Stack, operator: Operator) -> None:
    draft = operator.post("/campaigns", FORM)["id"]
    calling, closed, refused = operator.running(), operator.running(any_hour_because=""), operator.running()
    stored(stack.database, a_contact(calling, state=State.PLACED, phone=a_phone(1)))
    stored(stack.database, a_contact(calling, state=State.DONE, phone=a_phone(2)))
    for n, region in enumerate(somewhere_closed()):
        stored(stack.database, a_contact(closed, phone=a_phone(10 + n), region=region))
    reason = "the carrier refused the account (20003)"
    wiring.campaigns().set_state(refused, CampaignState.PAUSED, sources=[CampaignState.RUNNING], reason=reason)
    seen = lines_of(operator)
    assert seen[draft]["why"]["text"] == "a draft: nobody is called until it is started"
    assert seen[draft]["figures"] is None
    assert seen[calling]["why"]["text"] == "calling"
    assert (seen[calling]["figures"]["counts"], seen[calling]["figures"]["left"]) == ({"placed": 1, "done": 1}, 1)
    assert seen[closed]["why"]["text"] == "outside calling hours where they are"
    assert seen[closed]["why"]["until"] > seen[closed]["state_at"]
    assert seen[refused]["why"]["text"] == reason
    assert set(lines_of(operator, "state=paused")) == {refused}


def somewhere_closed() -> list[str]:
    """At any hour it is night in New York, in London or in Tokyo: from 23 to 2 UTC in London alone."""
    campaign = a_campaign(any_hour_because="")
    places = ["US-NY New_York", "GB Europe/London", "JP Asia/Tokyo"]
    return [next(one for one in places if isinstance(look(campaign, one, now()), Closed))]


def test_an_overview_is_page_by_page_and_a_campaign_s_new_state_is_seen_at_once(operator: Operator) -> None:
    ids = [operator.running() for _ in range(3)]
    first = operator.get("/overview", query="limit=2")
    assert [one["id"] for one in first["items"]] == [ids[2], ids[1]]
    (last,) = operator.get("/overview", query=f"limit=2&cursor={first['next']}")["items"]
    assert last["id"] == ids[0]
    operator.post(f"/campaigns/{ids[0]}/pause", {"reason": "a look first"})
    assert lines_of(operator)[ids[0]]["why"]["text"] == "a look first"
