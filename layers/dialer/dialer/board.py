"""The board: all that an operator's page shows of a campaign, taken in one look.

Who is in flight, in doubt or was called last is read; of the others there are counts of keys, remembered where they
took long, and sums that go forward by marks.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from dialer.bounds import Bounds
from dialer.calling.group import country_of
from dialer.calling.lawful import Spell, spell
from dialer.carrier_answers import is_our_fault
from dialer.lifecycle import BOOKED, State
from dialer.model import Campaign, CampaignState, Contact
from dialer.office_ports import Called, ContactBook, Ended, Floor, Standing, Wait, WaitingGroup
from dialer.ports import Clock
from dialer.statistics import Figures, Survey
from dialer.troubles import TROUBLED, trouble_of

DOUBTS = 25
CALLS = 50
_RECENT = timedelta(minutes=15)
_LOOKED_INTO = {CampaignState.RUNNING, CampaignState.PAUSED}


class Stage(StrEnum):
    """What a line is doing."""

    QUEUED = "queued"
    """Promised to somebody whose dial time has not come."""
    DIALING = "dialing"
    PLACED = "placed"
    """The carrier has the call and has not said more."""
    RINGING = "ringing"
    TALKING = "talking"
    UNCERTAIN = "uncertain"
    """Nobody knows yet whether a call went out."""


_STAGES = {State.CLAIMED: Stage.QUEUED, State.DIALING: Stage.DIALING, State.UNCERTAIN: Stage.UNCERTAIN}
_HEARD = {"ringing": Stage.RINGING, "answered": Stage.TALKING, "in-progress": Stage.TALKING}


@dataclass(frozen=True, kw_only=True)
class Why:
    """What a campaign is doing, and until when where that is known."""

    text: str
    until: datetime | None = None
    zone: str = ""
    """Whose clock the moment should be read on; empty: the reader's own."""
    wrong: bool = False
    """Whether somebody should look into it."""


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """Somebody of whom it is not known whether they were called, and what is being done about it."""

    contact: Contact
    doing: str
    until: datetime | None


@dataclass(frozen=True, kw_only=True)
class Error:
    """How often something went wrong lately."""

    code: str
    meaning: str
    count: int
    last_at: datetime


@dataclass(frozen=True, kw_only=True)
class Zone:
    """Those who wait in one zone group."""

    region: str
    left: int
    due: int
    open: bool
    changes_at: datetime | None
    """When it closes, or opens again."""
    zone: str
    """Whose clock that is read on."""
    reason: str
    never: bool = False
    """Whether nobody there can ever be called, as the campaign is."""
    on_hold: int = 0


@dataclass(frozen=True, kw_only=True)
class View:
    """One look."""

    campaign: Campaign
    figures: Figures
    why: Why
    stages: Mapping[Stage, int]
    reasons: Sequence[Ended]
    """Of all but those who wait: contacts by state and reason."""
    waiting: WaitingGroup
    """Of all zones together."""
    waits: Sequence[Wait]
    """Of those who wait: why, where it is not for their first turn."""
    zones: Sequence[Zone]
    doubts: Sequence[Doubt]
    calls: Sequence[Called]
    errors: Sequence[Error]


@dataclass(frozen=True, kw_only=True)
class Outline:
    """One line about a campaign, among others."""

    why: Why
    figures: Figures | None
    """None where nobody is called or held back: a draft, or what is over."""


Remember = Callable[[str, Callable[[], Outline]], Outline]
"""What is known under a key, or what is found out now."""


@dataclass(frozen=True, kw_only=True)
class Board:
    """The parts that look."""

    survey: Survey
    contacts: ContactBook
    floor: Floor
    bounds: Bounds
    clock: Clock
    remember: Remember

    def __call__(self, campaign_id: str) -> View:
        """Raises UnknownCampaign."""
        sight = self.survey.views.office.show(campaign_id)
        campaign, now = sight.campaign, sight.now
        figures = self.survey(campaign_id)
        standing = self.floor.in_flight(campaign_id)
        waiting = self.floor.waiting(campaign_id, now=now)
        zones = [zone_of(campaign, one, now) for one in waiting]
        stages = stages_of(standing)
        return View(
            campaign=campaign,
            figures=figures,
            why=why(campaign, figures, zones=zones, waiting=_all(waiting), lines=sum(stages.values()), now=now),
            stages=stages,
            reasons=[*figures.ended, *reasons_of(standing)],
            waiting=_all(waiting),
            waits=self.floor.waits(campaign_id, now=now),
            zones=zones,
            doubts=self._doubts(campaign),
            calls=self.floor.latest(campaign_id, limit=CALLS),
            errors=errors(campaign, figures, now=now),
        )

    def outlines(self, campaigns: Sequence[Campaign], *, within: timedelta) -> Mapping[str, Outline]:
        """By id; of those that call, or would, as many as the time allows. A later look finds these remembered and goes
        on to the others."""
        began = self.clock.monotonic()
        found: dict[str, Outline] = {}
        for campaign in campaigns:
            if campaign.state not in _LOOKED_INTO:
                found[campaign.id] = Outline(why=_why_not_running(campaign), figures=None)
            elif self.clock.monotonic() - began < within.total_seconds():
                found[campaign.id] = self._remembered(campaign)
        return found

    def _remembered(self, campaign: Campaign) -> Outline:
        """A campaign that is in another state than a moment ago is looked at anew."""
        return self.remember(f"{campaign.id} {campaign.state} {campaign.state_at}", lambda: self._outline(campaign))

    def _outline(self, campaign: Campaign) -> Outline:
        figures = self.survey(campaign.id)
        if not campaign.running:
            return Outline(why=_why_not_running(campaign), figures=figures)
        waiting = self.floor.waiting(campaign.id, now=figures.at)
        lines = sum(stages_of(self.floor.in_flight(campaign.id)).values())
        zones = [zone_of(campaign, one, figures.at) for one in waiting]
        said = why(campaign, figures, zones=zones, waiting=_all(waiting), lines=lines, now=figures.at)
        return Outline(why=said, figures=figures)

    def _doubts(self, campaign: Campaign) -> Sequence[Doubt]:
        """Whom a person must decide about comes first."""
        return [
            doubt_of(contact, campaign, self.bounds)
            for state in (State.HELD, State.UNCERTAIN)
            for contact in self.contacts.holding(campaign.id, state, limit=DOUBTS)
        ]


def stages_of(standing: Sequence[Standing]) -> dict[Stage, int]:
    """Lines in use; whoever is held for a person uses none."""
    stages: Counter[Stage] = Counter()
    for one in standing:
        if one.state in BOOKED:
            stages[_STAGES.get(one.state) or _HEARD.get(one.status, Stage.PLACED)] += one.contacts
    return {stage: stages[stage] for stage in Stage}


def reasons_of(standing: Sequence[Standing]) -> Sequence[Ended]:
    """Those in flight, by state and reason."""
    found: Counter[tuple[State, str]] = Counter()
    for one in standing:
        found[one.state, one.reason] += one.contacts
    return [Ended(state=state, reason=reason, contacts=count) for (state, reason), count in found.most_common()]


def doubt_of(contact: Contact, campaign: Campaign, bounds: Bounds) -> Doubt:
    """What is done about it by itself, and until when."""
    dialed = contact.attempt.dial_at if contact.attempt else None
    if contact.state is State.HELD:
        return Doubt(
            contact=contact,
            doing="Nobody is called until the carrier reports the call or a person decides. In the end it is given up.",
            until=dialed and dialed + bounds.hold_limit,
        )
    then = {"hold": "it is held for a person", "redial": "they are called again"}[campaign.doubt]
    every = round(bounds.settle_poll.total_seconds())
    return Doubt(
        contact=contact,
        doing=f"The carrier is asked for the call every {every} s. If it has none, {then}.",
        until=dialed and dialed + bounds.settle_horizon,
    )


def errors(campaign: Campaign, figures: Figures, *, now: datetime) -> Sequence[Error]:
    """Of the last quarter of an hour, the most frequent first: how calls failed, requests that came to nothing,
    and the refusal of the account that has paused the campaign."""
    seen = [(end.detail or end.outcome, end.at, end.attempts) for end in figures.ends if end.outcome in TROUBLED]
    seen += [(one.reason, one.at, 1) for one in campaign.latest_setbacks]
    if refused_at := _refused_at(campaign):
        seen.append((campaign.reason, refused_at, 1))
    counts: Counter[tuple[str, str]] = Counter()
    last: dict[tuple[str, str], datetime] = {}
    for text, at, count in seen:
        if now - at <= _RECENT:
            trouble = trouble_of(text)
            key = (trouble.code, trouble.meaning)
            counts[key] += count
            last[key] = max(at, last.get(key, at))
    return [
        Error(code=code, meaning=meaning, count=count, last_at=last[code, meaning])
        for (code, meaning), count in counts.most_common()
    ]


def _refused_at(campaign: Campaign) -> datetime | None:
    """When a refusal of the account has paused it, which is no setback; None where none has."""
    refused = campaign.state is CampaignState.PAUSED and is_our_fault(campaign.reason)
    return campaign.state_at if refused else None


def why(
    campaign: Campaign, figures: Figures, *, zones: Sequence[Zone], waiting: WaitingGroup, lines: int, now: datetime
) -> Why:
    """In one clause: why it is where it is, and what happens next."""
    if not campaign.running:
        return _why_not_running(campaign)
    if campaign.has_ended(now):
        return Why(text="its end has come")
    if campaign.setbacks:
        reason = campaign.latest_setbacks[-1].reason if campaign.latest_setbacks else "see the errors"
        many = "the last request" if campaign.setbacks == 1 else f"{campaign.setbacks} in a row"
        return Why(text=f"{many} did not reach the carrier: {reason}", wrong=campaign.setbacks > 1)
    if not figures.left:
        return _why_nobody_is_left(figures)
    if campaign.carrier_free_at and campaign.carrier_free_at > now:
        return Why(text="the carrier has calls enough to dial", until=campaign.carrier_free_at)
    if lines:
        full = lines >= campaign.pacing.max_concurrent
        return Why(text="calling, with all lines in use" if full else "calling")
    return _why_nobody_is_called(zones, waiting, now)


def _why_not_running(campaign: Campaign) -> Why:
    if campaign.state is CampaignState.DRAFT:
        if campaign.start_at:
            return Why(text="a draft that starts by itself", until=campaign.start_at)
        return Why(text=campaign.reason or "a draft: nobody is called until it is started", wrong=bool(campaign.reason))
    usual = {
        CampaignState.PAUSED: "by an operator",
        CampaignState.STOPPED: "for good, by an operator",
        CampaignState.ARCHIVED: "put away",
    }
    return Why(text=campaign.reason or usual[campaign.state])


def _why_nobody_is_left(figures: Figures) -> Why:
    held = figures.counts.get(State.HELD, 0)
    if held:
        return Why(text=f"nobody is left to call; {held} held for a person to decide")
    return Why(text="everybody is settled" if figures.counts else "it has no contacts yet: upload a list")


def _why_nobody_is_called(zones: Sequence[Zone], waiting: WaitingGroup, now: datetime) -> Why:
    due = [zone for zone in zones if zone.due]
    left = [zone for zone in zones if zone.left > zone.on_hold]
    if left and all(zone.never for zone in left):
        return Why(text=f"{sum(zone.left for zone in left)} can never be called: {left[0].reason}", wrong=True)
    if due and not any(zone.open for zone in due):
        first = min((zone for zone in due if zone.changes_at), key=lambda zone: zone.changes_at or now, default=None)
        in_every = len(due) > 1 and not any(zone.open for zone in zones)
        where = "in every zone" if in_every else "where they are"
        return Why(
            text=f"outside calling hours {where}",
            until=first.changes_at if first else None,
            zone=first.zone if first else "",
        )
    if waiting.due:
        return Why(text="calls are about to begin: the next minute's tick takes up to a minute")
    if waiting.held_back == waiting.contacts:
        return Why(text="everybody who is left is on hold")
    return Why(text="nobody is due yet", until=waiting.next_at)


def zone_of(campaign: Campaign, waiting: WaitingGroup, now: datetime) -> Zone:
    hours = spell(campaign, waiting.region, now)
    if refused := campaign.blocked_regions.get(country_of(waiting.region)):
        hours = Spell(open=False, until=None, zone="", reason=refused, never=True)
    return Zone(
        region=waiting.region,
        left=waiting.contacts,
        due=waiting.due,
        on_hold=waiting.held_back,
        never=hours.never,
        open=hours.open,
        changes_at=hours.until,
        zone=hours.zone,
        reason=hours.reason,
    )


def _all(waiting: Sequence[WaitingGroup]) -> WaitingGroup:
    later = [one.next_at for one in waiting if one.next_at]
    return WaitingGroup(
        region="",
        contacts=sum(one.contacts for one in waiting),
        due=sum(one.due for one in waiting),
        held_back=sum(one.held_back for one in waiting),
        next_at=min(later, default=None),
    )
