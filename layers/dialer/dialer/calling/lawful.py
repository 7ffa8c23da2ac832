"""Whether a phone may ring now: every row of every place, in every zone that is possible, and the campaign's window.

All of them must be open, with the margin that ringing needs. The answer says until when not, and by which rule.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dialer.calling.group import group_of
from dialer.calling.rules import Row, rows_for, rule_version
from dialer.calling.week import Schedule, Stretch, open_together, stretches_together
from dialer.hours import schedule_of
from dialer.model import Campaign, Hours, Purpose, Voice

_SETUP = timedelta(seconds=60)  # from the request to the first ring, and a clock that is a little off
_NEVER = timedelta(days=1)  # to look again: rules change, and so do clocks
OWN_WINDOW = "outside the campaign's hours"
ANY_HOUR = "any hour"


@dataclass(frozen=True, kw_only=True)
class Open:
    """The phone may ring now."""


@dataclass(frozen=True, kw_only=True)
class Closed:
    """It may not, until a moment, and why: the rule, the time there, and the version of the rules."""

    until: datetime
    reason: str


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
    rules = _rules(plan_of(campaign), region)
    if rules is None:
        return Closed(until=now + _NEVER, reason=f"nobody knows where it rings, rules {rule_version()}")
    opens = open_together(tuple(rule.schedule for rule in rules), now)
    if opens == now:
        return Open()
    return Closed(until=opens or now + _NEVER, reason=_reason(rules, now, never=opens is None))


def judged_by(campaign: Campaign) -> str:
    """What such a look goes by: the version of the rules, or that this campaign sets them aside."""
    return ANY_HOUR if campaign.any_hour_because else rule_version()


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


def spell(campaign: Campaign, region: str, now: datetime) -> Spell:
    """Whether contacts of this zone group may be called now, and until when that is so."""
    rules = _rules(plan_of(campaign), region) or ()
    said = look(campaign, region, now)
    if isinstance(said, Closed):
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
    rows = [row for place in group.places for row in rows_for(place, plan.purpose, plan.voice)]
    named = {_schedule(row, zone, margin): row.id for row in rows for zone in group.zones}  # a state's own name is last
    return (*own, *(_Rule(name=name, schedule=schedule) for schedule, name in named.items()))


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


def _reason(rules: tuple[_Rule, ...], now: datetime, *, never: bool) -> str:
    if never:
        return f"no moment within two weeks is open for all its rules, rules {rule_version()}"
    longest = _longest(rules, now)
    if longest.name == OWN_WINDOW:
        return OWN_WINDOW
    local = now.astimezone(ZoneInfo(longest.schedule.zone))
    return f"calling hours: {longest.name}, {local:%a %H:%M} {longest.schedule.zone}, rules {rule_version()}"


def _longest(rules: tuple[_Rule, ...], now: datetime) -> _Rule:
    """The rule that stays closed longest from now on: the one to look up when somebody asks."""
    return max(rules, key=lambda rule: rule.schedule.opens_next(now) or now)
