"""Whether a phone may ring now: every row of every place, in every zone that is possible, and the campaign's window.

All of them must be open, with the margin that ringing needs. The answer says until when not, and by which rule.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dialer.calling.group import Group, group_of
from dialer.calling.rules import Row, rows_for, rule_version
from dialer.calling.week import Schedule, Stretch, open_together, stretches_together
from dialer.hours import schedule_of
from dialer.model import Campaign, Hours, Purpose, Voice

_SETUP = timedelta(seconds=60)  # from the request to the first ring, and a clock that is a little off
_NEVER = timedelta(days=1)  # to look again: rules change, and so do clocks
_SEASONS = ((1, 10), (3, 15), (7, 10), (10, 26))  # in which the world's clocks differ in every way that they do
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_REGION = 60
_LONGEST_RULE = 120
OWN_WINDOW = "outside the campaign's hours"
_IN_OWN_WINDOW = "the campaign's hours"
ANY_HOUR = "any hour"


@dataclass(frozen=True, kw_only=True)
class Open:
    """The phone may ring now."""


@dataclass(frozen=True, kw_only=True)
class Closed:
    """It may not, until a moment, and why: the rule, the time there, and the version of the rules."""

    until: datetime
    reason: str
    never: bool = False
    """No minute of any week is open, holidays apart: whoever waits for one waits for other hours, or other rules."""
    by_law: bool = False
    """And by the rules that are known there is none, whatever hours the campaign has of its own."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What of a campaign decides about calling hours."""

    purpose: Purpose
    voice: Voice
    any_hour: bool
    ring: timedelta
    window: Hours | None


def plan_of(campaign: Campaign) -> Plan:
    return Plan(
        purpose=campaign.purpose,
        voice=campaign.voice,
        any_hour=bool(campaign.any_hour_because),
        ring=campaign.call.ring_timeout,
        window=campaign.hours,
    )


def look(campaign: Campaign, region: str, now: datetime) -> Open | Closed:
    """Whether a contact of this zone group may be called at this moment."""
    plan = plan_of(campaign)
    rules = _rules(plan, region)
    if rules is None:
        return replace(_nobody_knows(), until=now + _NEVER)
    opens = open_together(tuple(rule.schedule for rule in rules), now)
    if opens == now:
        return Open()
    if opens is None:
        return replace(_never(plan, region), until=now + _NEVER)
    return Closed(until=opens, reason=_reason(rules, now))


def never(campaign: Campaign, region: str) -> Closed | None:
    """Why contacts of this zone group can never be called; None where they can, whenever that is."""
    plan = plan_of(campaign)
    rules = _rules(plan, region)
    closed = _nobody_knows() if rules is None else _never(plan, region)
    return closed if closed.never else None


def judged_by(campaign: Campaign) -> str:
    """What such a look goes by: the version of the rules, or that this campaign sets them aside."""
    return ANY_HOUR if campaign.any_hour_because else rule_version()


def allowed_by(campaign: Campaign, region: str) -> str:
    """Every rule that such a look asks, by the ids of their rows: all of them were open where it said so.

    The campaign's own hours come first, where it has any; empty where nobody knows of any zone, and nobody is called.
    """
    return _asked(plan_of(campaign), region)


def first_open(campaign: Campaign, region: str, moment: datetime) -> datetime:
    """A moment, or the first one after it at which a contact of this zone group may be called."""
    said = look(campaign, region, moment)
    return said.until if isinstance(said, Closed) else moment


@dataclass(frozen=True, kw_only=True)
class Spell:
    """What an operator wants to see of a zone group's hours."""

    open: bool
    until: datetime | None
    """When that changes; None where it does not within two weeks."""
    zone: str
    """Whose clock decides that; empty where no clock does."""
    reason: str
    never: bool = False
    """Whether it stays closed for good."""


def spell(campaign: Campaign, region: str, now: datetime) -> Spell:
    """Whether contacts of this zone group may be called now, and until when that is so."""
    rules = _rules(plan_of(campaign), region) or ()
    said = look(campaign, region, now)
    if isinstance(said, Closed):
        if said.never:
            return Spell(open=False, until=None, zone="", reason=said.reason, never=True)
        zone = _longest(rules, now).schedule.zone if rules else ""
        return Spell(open=False, until=said.until, zone=zone, reason=said.reason)
    ends = [(closes, rule.schedule.zone) for rule in rules if (closes := rule.schedule.closes_next(now))]
    until, zone = min(ends, default=(None, ""))
    return Spell(open=True, until=until, zone=zone, reason="")


def openings(campaign: Campaign, region: str, now: datetime) -> Sequence[Stretch]:
    """When contacts of this zone group may be called, in order, two weeks ahead; never where nobody knows."""
    return _openings(plan_of(campaign), region, now.astimezone(UTC).date())


@lru_cache(maxsize=512)
def _openings(plan: Plan, region: str, day: date) -> tuple[Stretch, ...]:
    rules = _rules(plan, region)
    if rules is None:
        return ()
    midnight = datetime.combine(day, time(), UTC)
    return tuple(stretches_together(tuple(rule.schedule for rule in rules), midnight))


@dataclass(frozen=True, kw_only=True)
class _Rule:
    """A schedule, and what it is called when it forbids."""

    name: str
    schedule: Schedule


@lru_cache(maxsize=4096)
def _rules(plan: Plan, region: str) -> tuple[_Rule, ...] | None:
    """Every schedule that must be open; None where nobody knows of any zone."""
    margin = plan.ring + _SETUP
    window = None if plan.window is None else replace(schedule_of(plan.window), margin=margin)
    own = () if window is None else (_Rule(name=OWN_WINDOW, schedule=window),)
    if plan.any_hour:
        return own
    group = group_of(region)
    if not group.zones or not all(map(_is_known, group.zones)):
        return None
    rows = _rows(plan, group)
    named = {_schedule(row, zone, margin): row.id for row in rows for zone in group.zones}  # a state's own name is last
    return (*own, *(_Rule(name=name, schedule=schedule) for schedule, name in named.items()))


def _rows(plan: Plan, group: Group) -> list[Row]:
    return [row for place in group.places for row in rows_for(place, plan.purpose, plan.voice)]


@lru_cache(maxsize=4096)
def _asked(plan: Plan, region: str) -> str:
    """Each row once, in the table's order for each place: two zones ask the same rows, and places share some."""
    if _rules(plan, region) is None:
        return ""
    own = [] if plan.window is None else [_IN_OWN_WINDOW]
    ids = [ANY_HOUR] if plan.any_hour else [row.id for row in _rows(plan, group_of(region))]
    return _cut("; ".join(dict.fromkeys([*own, *ids])), ";", longest=_LONGEST_RULE)


def _is_known(zone: str) -> bool:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        return False
    return True


def _schedule(row: Row, zone: str, margin: timedelta) -> Schedule:
    return Schedule(
        zone=zone,
        week=row.week,
        holidays=row.holidays,
        holidays_known_to=row.holidays_known_to,
        margin=margin,
    )


def _nobody_knows() -> Closed:
    return Closed(until=_FIRST, reason=f"nobody knows where it rings, rules {rule_version()}", never=True)


@lru_cache(maxsize=4096)
def _never(plan: Plan, region: str) -> Closed:
    """Judged without holidays, of which there are never enough to close a week for good, in every season."""
    rules = _rules(plan, region) or ()
    lawful = tuple(rule for rule in rules if rule.name != OWN_WINDOW)
    where, version = _spoken(region), f"rules {rule_version()}"
    if not _ever_meet(lawful):
        reason = f"no minute of the week is lawful wherever it may ring ({where}), {version}"
        return Closed(until=_FIRST, reason=reason, never=True, by_law=True)
    if not _ever_meet(rules):
        reason = f"no minute of the campaign's hours is lawful where it may ring ({where}), {version}"
        return Closed(until=_FIRST, reason=reason, never=True)
    return Closed(until=_FIRST, reason=f"no moment within two weeks is open for all its rules, {version}")


def _ever_meet(rules: tuple[_Rule, ...]) -> bool:
    ordinary = tuple(replace(rule.schedule, holidays=frozenset(), holidays_known_to=None) for rule in rules)
    year = date.fromisoformat(rule_version()).year
    seasons = (datetime(year, month, day, tzinfo=UTC) for month, day in _SEASONS)
    return any(stretches_together(ordinary, season) for season in seasons)


def _spoken(region: str) -> str:
    """A zone group, without the end of a list of many zones."""
    return _cut(region, ",", longest=_LONGEST_REGION)


def _cut(listed: str, between: str, *, longest: int) -> str:
    return listed if len(listed) <= longest else f"{listed[:longest].rpartition(between)[0]} and others"


def _reason(rules: tuple[_Rule, ...], now: datetime) -> str:
    longest = _longest(rules, now)
    if longest.name == OWN_WINDOW:
        return OWN_WINDOW
    local = now.astimezone(ZoneInfo(longest.schedule.zone))
    return f"calling hours: {longest.name}, {local:%a %H:%M} {longest.schedule.zone}, rules {rule_version()}"


def _longest(rules: tuple[_Rule, ...], now: datetime) -> _Rule:
    """The rule that stays closed longest from now on: the one to look up when somebody asks."""
    return max(rules, key=lambda rule: rule.schedule.opens_next(now) or now)
