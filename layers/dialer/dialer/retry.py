"""What follows the end of an attempt: a pure decision over the campaign's retry policy and the contact's own story.

A schedule says how long to wait after the first, the second and every further end of a kind. What it asks for is then
made lawful: not more often in a day than allowed, at another part of the day than before, within the contact's calling
hours, and not all at the same second. The little that is random comes from the attempt's id: the same end always leads
to the same moment.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import blake2b
from zoneinfo import ZoneInfo

from dialer.alternates import following
from dialer.calling.group import group_of
from dialer.calling.lawful import first_open
from dialer.lifecycle import State
from dialer.model import Campaign, Contact, Number, Outcome, RetryPolicy

_CANCELED = RetryPolicy().delays[Outcome.CANCELED]
_MISSED = frozenset({Outcome.BUSY, Outcome.NO_ANSWER})
_CALL_BACK_WAITS = (timedelta(minutes=15), timedelta(hours=1))
_REACHED = frozenset({Outcome.ANSWERED, Outcome.MACHINE, Outcome.VOICEMAIL})
_DAY = timedelta(hours=24)
_JITTER = timedelta(minutes=10)
_PART_ENDS = (12, 16, 24)  # o'clock: morning, afternoon, evening
_LONG = timedelta(hours=3)  # shorter waits are for a line that is busy: they need no other part of the day
_MOVES = 12  # part by part, and so a few days ahead at most


@dataclass(frozen=True, kw_only=True)
class RetryDecision:
    """Where a contact goes when an attempt has ended; `after` or `due_at` only when it waits for another."""

    state: State
    after: timedelta | None = None
    due_at: datetime | None = None
    """When exactly; wins over `after`."""
    counts: bool = True
    """Whether the attempt was one: a failure of the carrier is none, nor is a call that never rang."""
    number: Number | None = None
    """The number of the next attempt, where it is another one."""

    @property
    def waits(self) -> bool:
        return self.state is State.PENDING


def decide(*, policy: RetryPolicy, outcome: Outcome, used: int, max_attempts: int, before: int = 0) -> RetryDecision:
    """Another attempt while one is left and the policy names a wait for this outcome; else done or failed.

    `before`: how many earlier attempts ended in the same way. A machine counts as reached once no attempt is left.
    """
    schedule = policy.schedule_for(outcome)
    wait = schedule.wait(before) if schedule else None
    if schedule is None or wait is None or (schedule.counts and used >= max_attempts):
        return RetryDecision(state=State.DONE if outcome in _REACHED else State.FAILED)
    return RetryDecision(state=State.PENDING, after=wait, counts=schedule.counts)


def after_end(campaign: Campaign, contact: Contact, outcome: Outcome, *, now: datetime) -> RetryDecision:
    """The decision about this contact, whose attempt has just ended so, with the lawful moment of its next attempt.

    Whoever has other numbers is called at the next of them. Somebody who asked to be called at a certain time is called
    then and there, whatever the schedule says; and soon again where they miss that, at the number that they asked for.
    """
    if contact.used < contact.max and (asked := _as_asked(campaign, contact, now)):
        return asked
    if missed := _after_a_missed_call_back(campaign, contact, outcome, now):
        return missed
    other = following(contact)
    turned = replace(contact, phone=other.phone, region=other.region) if other else contact
    return replace(_by_schedule(campaign, turned, outcome, now=now), number=other)


def at_next_number(campaign: Campaign, contact: Contact, outcome: Outcome, *, now: datetime) -> RetryDecision:
    """What follows an end that rules its number out, whatever the schedule says: the next number, once it may ring.

    A number that does not exist costs no attempt; a fax that answered does, and fills the day.
    """
    other, counts = following(contact), outcome is not Outcome.REFUSED
    if other is None or (counts and contact.used >= contact.max):
        return RetryDecision(state=State.DONE if outcome in _REACHED else State.FAILED)
    due_at = _at_once(campaign, contact, other, now=now, counts=counts)
    return RetryDecision(state=State.PENDING, due_at=due_at, counts=counts, number=other)


def redialed(campaign: Campaign, contact: Contact, *, now: datetime) -> RetryDecision:
    """What follows an attempt of which the carrier lists no call, where the campaign redials: as soon as it may ring.

    Nobody knows that it was none: it counts, and fills the day. Who asked to be called at a certain time is called
    then.
    """
    if contact.used >= contact.max:
        return RetryDecision(state=State.FAILED)
    if asked := _as_asked(campaign, contact, now):
        return asked
    other = following(contact)
    return RetryDecision(state=State.PENDING, due_at=_at_once(campaign, contact, other, now=now), number=other)


def taken_back(campaign: Campaign, contact: Contact, *, now: datetime) -> RetryDecision:
    """What follows a call that was cancelled before it rang: its attempt is given back.

    Where the campaign runs, the carrier's queue was too long, and it is given time. Where it was paused or stopped, the
    contact waits for nothing but the campaign.
    """
    if not campaign.running:
        return RetryDecision(state=State.PENDING, after=timedelta(0), counts=False)
    if campaign.retry.schedule_for(Outcome.CANCELED) is None:
        return RetryDecision(state=State.PENDING, after=_CANCELED, counts=False)
    unused = replace(contact, used=contact.used - 1)
    return replace(_by_schedule(campaign, unused, Outcome.CANCELED, now=now), counts=False)


def _as_asked(campaign: Campaign, contact: Contact, now: datetime) -> RetryDecision | None:
    """At the number and the time that were asked for; None where no time was, or it is past."""
    if contact.callback_at is None or contact.callback_at <= now:
        return None
    return RetryDecision(state=State.PENDING, due_at=first_open(campaign, contact.region, contact.callback_at))


def _after_a_missed_call_back(
    campaign: Campaign, contact: Contact, outcome: Outcome, now: datetime
) -> RetryDecision | None:
    """They expect the call; None where they did not ask for one, or have missed it often enough.

    Waits that a campaign names by `delays` are kept exactly.
    """
    if contact.callback_at is None or outcome not in _MISSED & campaign.retry.schedules.keys():
        return None
    since = sum(dial >= contact.callback_at for dial in _dials(contact))
    if not 0 < since <= len(_CALL_BACK_WAITS) or contact.used >= contact.max:
        return None
    due_at = _due(campaign, contact, now=now, wait=_CALL_BACK_WAITS[since - 1])
    return RetryDecision(state=State.PENDING, due_at=due_at)


def _at_once(
    campaign: Campaign, contact: Contact, other: Number | None, *, now: datetime, counts: bool = True
) -> datetime:
    """The first moment at which this number may ring, behind a day that is full where the next attempt would count."""
    most = campaign.retry.max_per_day if counts else 0
    wanted = max(now, _after_a_full_day(_dials(contact), now, most)) if most else now
    return first_open(campaign, (other or contact).region, wanted)


def _by_schedule(campaign: Campaign, contact: Contact, outcome: Outcome, *, now: datetime) -> RetryDecision:
    policy = campaign.retry
    before = sum(past.outcome is outcome for past in contact.history)
    decision = decide(policy=policy, outcome=outcome, used=contact.used, max_attempts=contact.max, before=before)
    if decision.after is None:
        return decision
    return replace(decision, due_at=_due(campaign, contact, now=now, wait=decision.after))


def _due(campaign: Campaign, contact: Contact, *, now: datetime, wait: timedelta) -> datetime:
    policy, dials = campaign.retry, _dials(contact)
    wanted = now + wait
    if policy.max_per_day:
        wanted = max(wanted, _after_a_full_day(dials, wanted, policy.max_per_day))
    moment = first_open(campaign, contact.region, wanted)
    if not policy.spread:
        return moment
    if wait >= _LONG:
        moment = _in_another_part(campaign, contact, moment, dials)
    jittered = moment + _jitter(contact)
    return jittered if first_open(campaign, contact.region, jittered) == jittered else moment


def _dials(contact: Contact) -> list[datetime]:
    """When this person was called, the attempt that has just ended included."""
    now = [contact.attempt.dial_at] if contact.attempt and contact.attempt.dial_at else []
    return sorted([past.dial_at for past in contact.history if past.dial_at] + now)


def _after_a_full_day(dials: Sequence[datetime], wanted: datetime, most: int) -> datetime:
    """The first moment from which fewer than `most` calls lie within the 24 hours before it."""
    return wanted if len(dials) < most else dials[-most] + _DAY


def _in_another_part(campaign: Campaign, contact: Contact, moment: datetime, dials: Sequence[datetime]) -> datetime:
    """The first lawful moment in a part of the day that was not tried yet; once all were, another than the last."""
    zone = _zone(contact)
    tried = {_part(dial, zone) for dial in dials}
    avoided = tried if len(tried) < len(_PART_ENDS) else {_part(dials[-1], zone)}
    candidate = moment
    for _ in range(_MOVES):
        if _part(candidate, zone) not in avoided:
            return candidate
        candidate = first_open(campaign, contact.region, _next_part(candidate, zone))
    return moment


def _zone(contact: Contact) -> ZoneInfo:
    return ZoneInfo((*group_of(contact.region).zones, "UTC")[0])


def _part(moment: datetime, zone: ZoneInfo) -> int:
    hour = moment.astimezone(zone).hour
    return next(part for part, end in enumerate(_PART_ENDS) if hour < end)


def _next_part(moment: datetime, zone: ZoneInfo) -> datetime:
    local = moment.astimezone(zone)
    begins = _PART_ENDS[_part(moment, zone)]
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    return (midnight + timedelta(hours=begins)).astimezone(moment.tzinfo)


def _jitter(contact: Contact) -> timedelta:
    attempt = contact.attempt.id if contact.attempt else ""
    drawn = int.from_bytes(blake2b(f"{contact.id} {attempt}".encode(), digest_size=4).digest())
    return timedelta(seconds=drawn % int(_JITTER.total_seconds() + 1))
