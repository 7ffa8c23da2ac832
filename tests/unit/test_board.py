"""The board: what a campaign is doing and why, in one clause; what errors mean; and what is done about a doubt."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from dialer import board, carrier_answers
from dialer.board import Board, Outline, Stage, Zone
from dialer.bounds import Bounds
from dialer.carrier_answers import OurFault
from dialer.lifecycle import State
from dialer.model import Campaign, CampaignState, Doubt, Setback
from dialer.office_ports import Ends, Standing, Sums, WaitingGroup
from dialer.ports import Clock
from dialer.statistics import Figures, figures
from dialer.troubles import Trouble, trouble_of
from dialer.views import Progress
from tests.builders import a_campaign, a_contact

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
OPENS = NOW + timedelta(hours=2)
CLOSED = "the account is not active (20005)"
REFUSED = "its schedule could not start it: the list has no column `name`"


def figures_of(campaign: Campaign, counts: dict[State, int], ends: list[Ends] | None = None) -> Figures:
    sums = Sums(
        ended=[], attempts=0, attempted=0, outcomes={}, settled_by_minute=[], dials_by_minute=[], ends=ends or [],
        answers={}, upto=NOW, whole=True, now=NOW,
    )  # fmt: skip
    return figures(Progress(campaign=campaign, counts=counts), sums)


def waiting(**given: Any) -> WaitingGroup:
    return WaitingGroup(**{"region": "", "contacts": 10, "due": 10, "held_back": 0, "next_at": None, **given})


def zone(*, opened: bool, changes_at: datetime | None = OPENS) -> Zone:
    return Zone(
        region="US", left=10, due=10, open=opened, changes_at=changes_at, zone="America/Chicago", reason="calling hours"
    )


def why(campaign: Campaign, counts: dict[State, int] | None = None, **given: Any) -> board.Why:
    told = {"zones": [zone(opened=True)], "waiting": waiting(), "lines": 0, "now": NOW, **given}
    return board.why(campaign, figures_of(campaign, {State.PENDING: 10} if counts is None else counts), **told)


def test_a_running_campaign_says_what_it_does() -> None:
    running = a_campaign()
    full = running.pacing.max_concurrent
    assert why(running, lines=1).text == "calling"
    assert why(running, lines=full).text == "calling, with all lines in use"
    rested = why(replace(running, carrier_free_at=NOW + timedelta(seconds=9)), lines=1)
    assert (rested.text, rested.until) == ("the carrier has calls enough to dial", NOW + timedelta(seconds=9))
    assert why(replace(running, carrier_free_at=NOW), lines=1).text == "calling"
    assert why(running).text.startswith("calls are about to begin")
    assert why(running, {State.DONE: 5}).text == "everybody is settled"
    assert why(running, {State.DONE: 5, State.HELD: 2}).text == "nobody is left to call; 2 held for a person to decide"
    assert why(running, {}).text == "it has no contacts yet: upload a list"


def test_outside_the_hours_of_every_zone_it_says_until_when_and_on_whose_clock() -> None:
    later = replace(zone(opened=False), changes_at=OPENS + timedelta(hours=1), zone="America/Denver")
    closed = why(a_campaign(), zones=[later, zone(opened=False)])
    assert (closed.text, closed.until, closed.zone) == ("outside calling hours in every zone", OPENS, "America/Chicago")
    assert why(a_campaign(), zones=[later, zone(opened=True)]).until is None


def test_hours_are_the_reason_only_where_somebody_is_due() -> None:
    """At night nobody is called; but whoever is on hold, or due in three days, would not be called by day either."""
    night = replace(zone(opened=False), due=0)
    held = why(a_campaign(), zones=[night], waiting=waiting(due=0, held_back=10))
    assert (held.text, held.until) == ("everybody who is left is on hold", None)
    in_three_days = NOW + timedelta(days=3)
    later = why(a_campaign(), zones=[night], waiting=waiting(due=0, next_at=in_three_days))
    assert (later.text, later.until) == ("nobody is due yet", in_three_days)
    day = replace(zone(opened=True), due=0)
    due = why(a_campaign(), zones=[zone(opened=False), night, day], waiting=waiting(next_at=in_three_days))
    assert (due.text, due.until) == ("outside calling hours where they are", OPENS)


def test_where_nobody_who_is_left_can_ever_be_called_it_says_how_many_and_why_and_is_wrong() -> None:
    """However late they are due: a moment is no help."""
    shut = replace(zone(opened=False, changes_at=None), never=True, due=0, reason="no minute is lawful")
    told = why(a_campaign(), zones=[shut, replace(shut, left=2), replace(zone(opened=True), left=0)])
    assert (told.text, told.until, told.wrong) == ("12 can never be called: no minute is lawful", None, True)
    assert why(a_campaign(), zones=[shut, zone(opened=False)]).text == "outside calling hours where they are"
    on_hold = replace(zone(opened=True), left=3, on_hold=3, due=0)
    assert why(a_campaign(), zones=[shut, on_hold], waiting=waiting(contacts=13, due=0, held_back=3)) == told_of(shut)
    everybody = why(a_campaign(), zones=[replace(shut, on_hold=10)], waiting=waiting(due=0, held_back=10))
    assert everybody.text == "everybody who is left is on hold"


def told_of(shut: Zone) -> board.Why:
    return board.Why(text=f"{shut.left} can never be called: {shut.reason}", wrong=True)


def test_a_country_that_the_carrier_does_not_call_is_no_zone_that_opens() -> None:
    campaign = a_campaign(blocked_regions={"CU": "no permission to call this country (21215)"})
    blocked, other = (board.zone_of(campaign, waiting(region=region), NOW) for region in ("CU Havana", "US Chicago"))
    assert (blocked.open, blocked.never, blocked.changes_at) == (False, True, None)
    assert blocked.reason == "no permission to call this country (21215)"
    assert (other.open, other.never) == (True, False)


def test_who_waits_for_a_later_moment_or_a_person_is_told_apart() -> None:
    later = why(a_campaign(), waiting=waiting(due=0, next_at=OPENS))
    assert (later.text, later.until) == ("nobody is due yet", OPENS)
    assert why(a_campaign(), waiting=waiting(due=0, held_back=10)).text == "everybody who is left is on hold"


def test_a_streak_of_setbacks_comes_first_and_is_wrong() -> None:
    setback = Setback(at=NOW, reason="the carrier takes no calls: too many requests (20429)")
    striking = a_campaign(setbacks=3, latest_setbacks=(setback,))
    said = why(striking, lines=1)
    assert said.wrong
    assert said.text == ("3 in a row did not reach the carrier: the carrier takes no calls: too many requests (20429)")
    once = why(a_campaign(setbacks=1, latest_setbacks=(setback,)), lines=1)
    assert (once.text.partition(":")[0], once.wrong) == ("the last request did not reach the carrier", False)


@pytest.mark.parametrize(
    ("campaign", "text"),
    [
        (a_campaign(state=CampaignState.PAUSED, reason=CLOSED), CLOSED),
        (a_campaign(state=CampaignState.PAUSED), "by an operator"),
        (a_campaign(state=CampaignState.STOPPED), "for good, by an operator"),
        (a_campaign(state=CampaignState.DRAFT), "a draft: nobody is called until it is started"),
        (a_campaign(state=CampaignState.DRAFT, start_at=OPENS), "a draft that starts by itself"),
        (a_campaign(state=CampaignState.DRAFT, reason=REFUSED), REFUSED),
        (a_campaign(end_at=NOW), "its end has come"),
    ],
)  # fmt: skip
def test_a_campaign_that_calls_nobody_says_why(campaign: Campaign, text: str) -> None:
    assert why(campaign).text == text


def test_lines_are_told_by_what_they_do_and_who_is_held_has_none() -> None:
    standing = [
        Standing(state=State.CLAIMED, status="", reason="", contacts=4),
        Standing(state=State.DIALING, status="", reason="", contacts=1),
        Standing(state=State.PLACED, status="", reason="", contacts=2),
        Standing(state=State.PLACED, status="ringing", reason="", contacts=3),
        Standing(state=State.PLACED, status="in-progress", reason="", contacts=5),
        Standing(state=State.UNCERTAIN, status="", reason="HTTP 500", contacts=1),
        Standing(state=State.HELD, status="", reason="the carrier lists no call", contacts=7),
    ]
    assert board.stages_of(standing) == {
        Stage.QUEUED: 4, Stage.DIALING: 1, Stage.PLACED: 2, Stage.RINGING: 3, Stage.TALKING: 5, Stage.UNCERTAIN: 1,
    }  # fmt: skip
    assert [(one.state, one.contacts) for one in board.reasons_of(standing)][:2] == [
        (State.PLACED, 10),
        (State.HELD, 7),
    ]


def test_errors_are_those_of_the_last_quarter_of_an_hour_by_code_and_what_went_well_is_none() -> None:
    campaign = a_campaign(
        latest_setbacks=(
            Setback(at=NOW - timedelta(minutes=16), reason="too many requests (20429)"),
            Setback(at=NOW - timedelta(minutes=2), reason="too many requests (20429)"),
            Setback(at=NOW - timedelta(minutes=1), reason="HTTP 500"),
        )
    )
    ends = [
        Ends(at=NOW - timedelta(minutes=3), outcome="failed", detail="404", attempts=4),
        Ends(at=NOW - timedelta(minutes=30), outcome="failed", detail="404", attempts=9),
        Ends(at=NOW - timedelta(minutes=3), outcome="answered", detail="", attempts=9),
        Ends(at=NOW - timedelta(minutes=3), outcome="refused", detail="number cannot be reached (21214)", attempts=2),
    ]
    found = [
        (one.code, one.meaning, one.count) for one in board.errors(campaign, figures_of(campaign, {}, ends), now=NOW)
    ]
    assert found == [
        ("404", "there is no such number", 4),
        ("21214", "number cannot be reached", 2),
        ("20429", "too many requests", 1),
        ("500", "the carrier did not say what is wrong", 1),
    ]


@pytest.mark.parametrize(("status", "code"), [(401, 20003), (401, None), (403, 20005), (400, 21215)])
def test_a_refusal_of_the_account_that_paused_a_campaign_is_among_the_errors(status: int, code: int | None) -> None:
    """It is no setback: nobody else is called after it."""
    refusal = carrier_answers.meaning(http_status=status, code=code)
    assert isinstance(refusal, OurFault)
    paused = a_campaign(state=CampaignState.PAUSED, reason=refusal.reason, state_at=NOW - timedelta(minutes=14))
    (error,) = board.errors(paused, figures_of(paused, {}), now=NOW)
    assert (error.code, error.count, error.last_at) == (str(code or status), 1, paused.state_at)
    for other in (
        replace(paused, state_at=NOW - timedelta(minutes=16)),
        replace(paused, state=CampaignState.RUNNING),
        replace(paused, reason="an operator's: the account is not active (20005)"),
    ):
        assert board.errors(other, figures_of(other, {}), now=NOW) == []


@pytest.mark.parametrize(
    ("text", "code", "meaning"),
    [
        ("486", "486", "the line is busy"),
        ("the carrier refused the credentials (20003)", "20003", "the carrier refused the credentials"),
        ("HTTP 503, code 20500", "20500", "HTTP 503"),
        ("no connection", "", "no connection"),
        ("", "", "the carrier did not say what is wrong"),
    ],
)
def test_a_code_is_told_apart_from_what_it_means(text: str, code: str, meaning: str) -> None:
    assert trouble_of(text) == Trouble(code=code, meaning=meaning)


def test_what_is_done_about_a_doubt_says_until_when() -> None:
    held = board.doubt_of(a_contact(state=State.HELD), a_campaign(), Bounds())
    assert held.contact.attempt is not None
    assert held.contact.attempt.dial_at is not None
    assert held.until == held.contact.attempt.dial_at + Bounds().hold_limit
    asked = board.doubt_of(a_contact(state=State.UNCERTAIN), a_campaign(doubt=Doubt.REDIAL), Bounds())
    assert asked.doing == "The carrier is asked for the call every 60 s. If it has none, they are called again."


@dataclass
class Minutes:
    """A clock that is moved by whoever looks."""

    at: float = 0

    def monotonic(self) -> float:
        return self.at


def test_a_list_of_campaigns_is_looked_at_as_far_as_the_time_allows() -> None:
    """What is remembered costs no time, so the next look comes further."""
    clock = Minutes()
    known: dict[str, Outline] = {}

    def remember(key: str, _: Callable[[], Outline]) -> Outline:
        clock.at += 0 if key in known else 2
        return known.setdefault(key, Outline(why=board.Why(text="calling"), figures=None))

    parts: Any = {"survey": None, "contacts": None, "floor": None, "bounds": Bounds()}
    seer = Board(clock=cast("Clock", clock), remember=remember, **parts)
    running = [a_campaign(id=f"{n}") for n in range(5)]
    draft = a_campaign(id="draft", state=CampaignState.DRAFT)
    three_seconds = timedelta(seconds=3)
    first = seer.outlines([*running, draft], within=three_seconds)
    assert set(first) == {"0", "1", "draft"}
    assert set(seer.outlines([*running, draft], within=three_seconds)) == {"0", "1", "2", "3", "draft"}
