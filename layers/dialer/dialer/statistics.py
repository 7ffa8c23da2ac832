"""Statistics: how a campaign goes, from counts of states, sums over what is settled, and permits granted."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dialer import forecast
from dialer.abandon_guard import AbandonGuard
from dialer.abandonment import Answers
from dialer.answers import countable
from dialer.calling.lawful import openings
from dialer.calling.week import Stretch
from dialer.forecast import Crowd
from dialer.lifecycle import TERMINAL, State
from dialer.model import Campaign, Outcome, Sight
from dialer.office_ports import Ended, Ends, Floor, Statistics, Sums, WaitingGroup
from dialer.views import Progress, Views

_PACE = timedelta(minutes=15)
_RECENT = timedelta(minutes=1)
_AT_LEAST = timedelta(seconds=10)  # between two looks that a rate is made from
_APART = timedelta(seconds=5)
_SUMMING = timedelta(seconds=5)
_GROUPS = 200  # zone groups whose hours a forecast looks at, the largest; the others are taken to be like them


@dataclass(frozen=True, kw_only=True)
class Figures:
    """How a campaign goes."""

    at: datetime
    counts: Mapping[State, int]
    """Contacts in each state."""
    ended: Sequence[Ended]
    """The settled ones, by state and reason."""
    outcomes: Mapping[str, int]
    """How attempts ended, also of those who wait for another."""
    answers: Mapping[str, Mapping[str, int]]
    """With how many of these attempts each answer was kept, by the name of the step that asked."""
    dials: int
    """Permits granted so far: requests to the carrier, but for those that stepped back after their permit."""
    calls_per_minute: float | None
    """Over the last minute; None while nobody has counted for ten seconds."""
    settled_per_minute: float | None
    """Over the last quarter of an hour; None while nobody was settled in it."""
    answer_rate: float | None
    """Answered by a person, of all attempts that have ended. None while none has, or not all of them are counted."""
    attempts_per_contact: float | None
    """Of the settled contacts that were called at all."""
    left: int
    """Contacts that are neither settled nor held for a person."""
    done_at: datetime | None
    """When all are settled, if it goes on at this pace in everybody's calling hours; None where that cannot be told."""
    calling_left: timedelta | None
    """How long calling takes at this pace, closed hours not counted."""
    ends: Sequence[Ends]
    """How attempts ended, minute by minute, in the last hour in which any did."""
    dials_by_minute: Sequence[tuple[datetime, float]]
    """Calls a minute between one count and the next, at the later one's moment."""
    settled_upto: datetime
    """Sums over settled contacts and ended attempts are up to here."""
    whole: bool
    """Whether that is now; a long list that nobody has asked about yet takes several looks."""
    live_answers: int | None = None
    """Within the last 30 days; None, as the next two, where the campaign hands nobody on."""
    abandoned: int | None = None
    """Those of them that found nobody to talk to."""
    abandon_rate: float | None = None


@dataclass(frozen=True, kw_only=True)
class Survey:
    """The parts that count."""

    views: Views
    statistics: Statistics
    floor: Floor
    abandon_guard: AbandonGuard

    def __call__(self, campaign_id: str) -> Figures:
        progress = self.views.progress(campaign_id)
        campaign = progress.campaign
        sums = self.statistics.sums(campaign_id, within=_SUMMING, countable=countable(campaign.call.script))
        waits = campaign.running and progress.counts.get(State.PENDING)
        waiting = self.floor.waiting(campaign_id, now=sums.now) if waits else ()
        answers = self.abandon_guard.count(Sight(campaign=campaign, now=sums.now))
        return figures(progress, sums, waiting, answers)


def figures(
    progress: Progress, sums: Sums, waiting: Sequence[WaitingGroup] = (), answers: Answers | None = None
) -> Figures:
    """All from counts that were taken, at one moment or nearly so. `waiting`: those who do, by zone group."""
    counts = progress.counts
    left = sum(counts.get(state, 0) for state in State if state not in TERMINAL | {State.HELD})
    crowds = crowds_of(progress.campaign, left, waiting, sums.now)
    pace = _pace_while_open(sums, crowds)
    return Figures(
        at=sums.now,
        counts=counts,
        ended=sums.ended,
        outcomes=sums.outcomes,
        answers=sums.answers,
        dials=progress.campaign.dials,
        calls_per_minute=calls_per_minute(progress.campaign, sums),
        settled_per_minute=settled_per_minute(sums),
        answer_rate=answer_rate(sums),
        attempts_per_contact=sums.attempts / sums.attempted if sums.attempted else None,
        left=left,
        done_at=_done_at(progress.campaign, sums.now, left, crowds, pace),
        calling_left=_calling_left(progress.campaign, crowds, pace),
        ends=sums.ends,
        dials_by_minute=dials_by_minute(sums),
        settled_upto=sums.upto,
        whole=sums.whole,
        live_answers=answers.live if answers else None,
        abandoned=answers.abandoned if answers else None,
        abandon_rate=answers.rate if answers else None,
    )


def answer_rate(sums: Sums) -> float | None:
    ended = sum(sums.outcomes.values())
    return sums.outcomes.get(Outcome.ANSWERED, 0) / ended if ended and sums.whole else None


def calls_per_minute(campaign: Campaign, sums: Sums) -> float | None:
    """From the latest count that is at least a minute old, or else from the oldest that is at least ten seconds old."""
    old = [sample for sample in sums.dials_by_minute if sums.now - sample[0] >= _AT_LEAST]
    a_minute = [sample for sample in old if sums.now - sample[0] >= _RECENT]
    if not old:
        return None
    at, dials = a_minute[-1] if a_minute else old[0]
    return (campaign.dials - dials) / ((sums.now - at) / timedelta(minutes=1))


def dials_by_minute(sums: Sums) -> Sequence[tuple[datetime, float]]:
    """Between one count and the next; counts that were taken at nearly the same moment say nothing."""
    rates: list[tuple[datetime, float]] = []
    before: tuple[datetime, int] | None = None
    for at, dials in sums.dials_by_minute:
        if before is None:
            before = at, dials
        elif at - before[0] >= _APART:
            rates.append((at, (dials - before[1]) / ((at - before[0]) / timedelta(minutes=1))))
            before = at, dials
    return rates


def settled_per_minute(sums: Sums) -> float | None:
    """Over the last quarter of an hour, or since the first was settled in it."""
    return _pace_before(sums, sums.now)


def _pace_before(sums: Sums, moment: datetime) -> float | None:
    recent = [(at, settled) for at, settled in sums.settled_by_minute if timedelta(0) <= moment - at <= _PACE]
    if not recent:
        return None
    span = max(timedelta(minutes=1), moment - recent[0][0])
    return sum(settled for _, settled in recent) / (span / timedelta(minutes=1))


def _pace_while_open(sums: Sums, crowds: Sequence[Crowd]) -> float | None:
    """While nobody may be called, nothing is settled: then it is the pace of the last quarter of an hour before."""
    if any(crowd.is_open(sums.now) for crowd in crowds) or not sums.settled_by_minute:
        return settled_per_minute(sums)
    return _pace_before(sums, min(sums.now, sums.settled_by_minute[-1][0] + timedelta(minutes=1)))


def crowds_of(campaign: Campaign, left: int, waiting: Sequence[WaitingGroup], now: datetime) -> Sequence[Crowd]:
    """Those who are left, by when they may be called. Who is on hold is not called; who is in flight is now."""
    people: Counter[tuple[Stretch, ...]] = Counter()
    for group in waiting[:_GROUPS]:
        people[tuple(_openings_of(campaign, group, now))] += group.contacts - group.held_back
    looked_at = sum(people.values())
    wait = sum(group.contacts - group.held_back for group in waiting)
    like_these = wait / looked_at if looked_at else 0
    in_flight = max(0, left - sum(group.contacts for group in waiting))
    crowds = [Crowd(people=round(many * like_these), openings=when) for when, many in people.items()]
    crowds += [Crowd(people=in_flight, openings=((now, now + 2 * forecast.AHEAD),))]
    return [crowd for crowd in crowds if crowd.people]


def _openings_of(campaign: Campaign, group: WaitingGroup, now: datetime) -> Iterator[Stretch]:
    """Where nobody of a group is due, it is not called before the first of them is."""
    due = now if group.due or group.next_at is None else group.next_at
    for opens, closes in openings(campaign, group.region, now):
        if closes > due:
            yield max(opens, due) if due > now else opens, closes


def _done_at(
    campaign: Campaign, now: datetime, left: int, crowds: Sequence[Crowd], pace: float | None
) -> datetime | None:
    if not left:
        return now
    if not campaign.running or not pace or not crowds:
        return None
    return forecast.done_at(crowds, per_minute=pace, now=now)


def _calling_left(campaign: Campaign, crowds: Sequence[Crowd], pace: float | None) -> timedelta | None:
    if not campaign.running or not pace:
        return None
    return min(timedelta(days=3650), timedelta(minutes=sum(crowd.people for crowd in crowds) / pace))
