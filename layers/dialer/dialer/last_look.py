"""Whether a person may be called at this moment: asked when claimed and again at the instant of dialing."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from dialer.calling.group import country_of
from dialer.calling.hinted import zone_source
from dialer.calling.lawful import Closed, allowed_by, judged_by, look
from dialer.model import Campaign, Contact, Grounds

_PAUSED = timedelta(0)
_CROWDED = timedelta(seconds=5)
_BLOCKED = timedelta(hours=1)
_ENDED = timedelta(minutes=1)  # within it the timetable stops the campaign


@dataclass(frozen=True, kw_only=True)
class Go:
    """Nothing forbids the call."""


@dataclass(frozen=True, kw_only=True)
class NotNow:
    """Forbidden until a later moment."""

    until: datetime
    reason: str


@dataclass(frozen=True, kw_only=True)
class Never:
    """Forbidden for good."""

    reason: str


Verdict = Go | NotNow | Never


def may_call(*, campaign: Campaign, region: str, suppressed: bool, now: datetime) -> Verdict:
    """What the campaign, the suppression list and the hours say; the first refusal wins, the lasting one first.

    `region` is the contact's zone group.
    """
    if suppressed:
        return Never(reason="suppressed")
    if not campaign.running:
        return NotNow(until=now + _PAUSED, reason=f"campaign {campaign.state}")
    if campaign.has_ended(now):
        return NotNow(until=now + _ENDED, reason="the campaign's end has come")
    country = country_of(region)
    if country in campaign.blocked_regions:
        return NotNow(until=now + _BLOCKED, reason=campaign.blocked_regions[country])
    hours = look(campaign, region, now)
    if isinstance(hours, Closed):
        if hours.by_law:
            return Never(reason=hours.reason)
        return NotNow(until=hours.until, reason=hours.reason)
    return Go()


def may_dial(*, campaign: Campaign, region: str, suppressed: bool, live: int, now: datetime) -> Verdict:
    """The same at the instant of dialing, when this call already counts among the live lines."""
    verdict = may_call(campaign=campaign, region=region, suppressed=suppressed, now=now)
    if isinstance(verdict, Go) and live > campaign.pacing.max_concurrent:
        return NotNow(until=now + _CROWDED, reason="all lines in use")
    return verdict


def grounds_for(campaign: Campaign, contact: Contact | None) -> Grounds:
    """By what this contact may be dialed, if it may. A test call's number was given without any columns of a list."""
    rules = judged_by(campaign)
    if contact is None:
        return Grounds(rules=rules)
    variables = {} if campaign.shadow_of else contact.vars
    return Grounds(
        rules=rules,
        rule=allowed_by(campaign, contact.region),
        zone_source=zone_source(contact.region, variables),
    )
