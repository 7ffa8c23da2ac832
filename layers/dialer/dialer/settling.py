"""What to do about a doubtful attempt, given all that the carrier lists and all that we know: a pure decision."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dialer.model import CallRecord, Contact, Outcome


@dataclass(frozen=True, kw_only=True)
class Adopt:
    """Exactly one call can be ours."""

    call: CallRecord


@dataclass(frozen=True, kw_only=True)
class Several:
    """More than one call can be ours: a person must look."""

    sids: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Wait:
    """Too early to tell."""


@dataclass(frozen=True, kw_only=True)
class NoCall:
    """A complete list, made after the horizon, shows none."""


Finding = Adopt | Several | Wait | NoCall


def candidates(
    listed: Sequence[CallRecord], *, contact: Contact, sharing: Sequence[Contact], margin: timedelta
) -> list[CallRecord]:
    """The listed calls that can be this attempt's: made since its dial, and nobody's yet."""
    since = dialed_at(contact) - margin
    owned = {sid for other in sharing for sid in _sids(other)}
    return [call for call in listed if call.created_at >= since and call.sid not in owned]


def needs_proof(sharing: Sequence[Contact]) -> bool:
    """Whether a call in the list could belong to an older attempt that was given up without knowing its call."""
    return any(past.outcome is Outcome.UNKNOWN and not past.sid for other in sharing for past in other.history)


def judge(possible: Sequence[CallRecord], *, dialed: datetime, now: datetime, horizon: timedelta) -> Finding:
    """One: ours. Several: a person's matter. None: wait until the horizon, then there is no call."""
    if len(possible) == 1:
        return Adopt(call=possible[0])
    if possible:
        return Several(sids=tuple(call.sid for call in possible))
    return NoCall() if now - dialed >= horizon else Wait()


def dialed_at(contact: Contact) -> datetime:
    """When the attempt in doubt was dialed: doubt always follows a dial."""
    if contact.attempt is None or contact.attempt.dial_at is None:
        raise ValueError(f"contact {contact.id} is in doubt without a dial")
    return contact.attempt.dial_at


def _sids(contact: Contact) -> set[str]:
    own = {contact.attempt.sid} if contact.attempt and contact.attempt.sid else set()
    return own | {past.sid for past in contact.history if past.sid}
