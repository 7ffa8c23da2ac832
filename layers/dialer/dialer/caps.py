"""Caps: how often a person may be called within a rolling span, whatever campaigns the calls come from.

A pure rule over the stories of all contacts that have one of the person's phones. There is no counter beside them that
could be lost, left behind by a crash, or fall out of step: docs/decisions/0014-no-counter-for-caps.md.
"""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from dialer.calling.group import group_of
from dialer.calling.rules import caps_for
from dialer.last_look import Go, NotNow
from dialer.model import Campaign, Cap, Contact, Counted, Outcome
from dialer.variables import value_of

_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)
_ACCOUNT = "account_id"
_TALKING = timedelta(minutes=10)
"""How soon it is asked again whether a call under way has become a conversation."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

PRESETS: dict[str, tuple[Cap, ...]] = {
    # 12 CFR 1006.14(b)(2): per person and debt. A rolling span is never laxer than seven days of the calendar.
    "reg-f": (
        Cap(name="reg-f", most=7, within=7 * _DAY, by=_ACCOUNT),
        Cap(name="reg-f", most=1, within=7 * _DAY, counts=Counted.CONVERSATIONS, by=_ACCOUNT),
    ),
    # Fla. Stat. 501.616(6); 15 O.S. 775C.4; Md. Com. Law 14-4502(c); ORS 646.563.
    "three-a-day": (Cap(name="three-a-day", most=3, within=_DAY),),
    # 47 CFR 64.1200(a)(3)(ii)-(iv): prerecorded, to a residential line, without consent.
    "residential-prerecorded": (Cap(name="residential-prerecorded", most=3, within=30 * _DAY),),
    # 47 CFR 64.1200(a)(3)(v) and (a)(9)(iv): health messages.
    "health": (Cap(name="health", most=1, within=_DAY), Cap(name="health", most=3, within=7 * _DAY)),
    # 940 CMR 7.04(1)(f): collections in Massachusetts, per debtor and debt.
    "massachusetts-collections": (Cap(name="massachusetts-collections", most=2, within=7 * _DAY, by=_ACCOUNT),),
    # 10 M.R.S. 1498: automated calls in Maine.
    "maine-automated": (Cap(name="maine-automated", most=1, within=8 * _HOUR),),
    # Decree 2022-1313: sales calls in France.
    "france": (Cap(name="france", most=4, within=30 * _DAY),),
    # Ofcom: 72 hours after an abandoned call. A story does not tell one from a talk, so both count.
    "after-an-answer": (Cap(name="after-an-answer", most=1, within=3 * _DAY, counts=Counted.CONVERSATIONS),),
}


def caps_of(campaign: Campaign, region: str) -> tuple[Cap, ...]:
    """The campaign's own, and those of the law of every place where a phone of this zone group may ring."""
    places = group_of(region).places
    lawful = [cap for place in places for cap in caps_for(place, campaign.purpose, campaign.voice)]
    return (*campaign.caps, *lawful)


def within_caps(*, caps: Sequence[Cap], contact: Contact, sharing: Sequence[Contact], now: datetime) -> Go | NotNow:
    """Whether the contact may be called, or from when on, and which cap says so.

    `sharing`: every contact with a phone of this person's, the contact itself included; the attempt it is about is not
    counted. A call to another of the phones may be under way, and is.
    """
    waits = [(until, cap) for cap in caps if (until := _free_at(cap, contact, sharing, now)) > now]
    if not waits:
        return Go()
    until, cap = max(waits, key=lambda wait: wait[0])
    return NotNow(until=until, reason=_reason(cap))


def in_bulk(verdict: Go | NotNow, *, now: datetime) -> Go | NotNow:
    """The same, at most a twenty-fifth later, so that many who wait for about as long can be sifted as one."""
    if isinstance(verdict, Go):
        return verdict
    step = 2.0 ** math.ceil(math.log2(max(1.0, (verdict.until - now).total_seconds() / 50)))
    rounded = math.ceil((verdict.until - _EPOCH).total_seconds() / step) * step
    return NotNow(until=_EPOCH + timedelta(seconds=rounded), reason=verdict.reason)


def _free_at(cap: Cap, contact: Contact, sharing: Sequence[Contact], now: datetime) -> datetime:
    """When the cap has room. A call that is over counts from its end: it may have rung at any moment before.

    One under way counts as a call from now on. Whether it becomes a conversation nobody knows: it is asked again soon.
    """
    concerned = [other for other in sharing if _concerns(cap, contact, other)]
    over = sorted(past.ended_at for other in concerned for past in other.history if _counts(cap, past.outcome))
    under_way = sum(other.id != contact.id and _is_dialed(other) for other in concerned)
    surely, perhaps = _room(cap, over, now), _room(cap, [*over, *[now] * under_way], now)
    return max(surely, min(perhaps, now + _TALKING)) if cap.counts is Counted.CONVERSATIONS else perhaps


def _room(cap: Cap, counted: Sequence[datetime], now: datetime) -> datetime:
    """Once the `most`-th last of what it counts has left the span."""
    return counted[-cap.most] + cap.within if len(counted) >= cap.most else now


def _is_dialed(contact: Contact) -> bool:
    return contact.attempt is not None and contact.attempt.dial_at is not None


def _concerns(cap: Cap, contact: Contact, other: Contact) -> bool:
    """What is not known to be about something else is counted."""
    if cap.campaign_only and other.campaign_id != contact.campaign_id:
        return False
    ours, theirs = value_of(contact.vars, cap.by), value_of(other.vars, cap.by)
    return not (cap.by and ours and theirs) or ours == theirs


def _counts(cap: Cap, outcome: Outcome) -> bool:
    """Only a call that provably rang nowhere is no call; an ending that nobody knows may have been one."""
    if cap.counts is Counted.CONVERSATIONS:
        return outcome is Outcome.ANSWERED
    return outcome is not Outcome.REFUSED


def _reason(cap: Cap) -> str:
    what = "conversation" if cap.counts is Counted.CONVERSATIONS else "call"
    return f"cap {cap.name}: {cap.most} {what}{'s' * (cap.most > 1)} within {_spoken(cap.within)}"


def _spoken(span: timedelta) -> str:
    for unit, name in ((_DAY, "days"), (_HOUR, "hours")):
        if span >= 2 * unit and not span % unit:
            return f"{span // unit} {name}"
    return f"{span / _HOUR:g} hours"
