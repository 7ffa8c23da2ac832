"""Live: one look at a campaign, for a page that looks every few seconds: all of it in one answer."""

from datetime import datetime

from aws_lambda_powertools.event_handler.router import LambdaFunctionUrlRouter
from pydantic import BaseModel, Field

import contacts
import shapes
from campaigns import CampaignShape, shape_of
from dialer import wiring
from dialer.board import Doubt, Stage, Why
from dialer.board import Zone as ZoneGroup
from dialer.lifecycle import State
from dialer.model import Contact
from dialer.office_ports import Called
from dialer.tokens import Role
from shapes import CampaignId
from stats import EndedShape, Figures, figures_of

router = LambdaFunctionUrlRouter()  # type: ignore[no-untyped-call]
_ZONES = 200


class WhyShape(BaseModel):
    text: str = Field(description="What the campaign is doing, in one clause.")
    until: datetime | None = Field(description="Until when, where that is known.")
    zone: str = Field(description="Whose clock that moment is read on; empty: the reader's own.")
    wrong: bool = Field(description="Whether somebody should look into it.")


class LimitsShape(BaseModel):
    calls_per_minute: float = Field(description="The most that its pace allows.")
    lines: int = Field(description="The most lines in use at once.")


class WaitShape(BaseModel):
    """Those who wait for the same reason."""

    reason: str = Field(
        description="How their last attempt ended, as in `outcomes`; or in words, what was decided about them."
    )
    contacts: int
    next_at: datetime | None = Field(description="When the next of them is due whose moment is still to come.")


class WaitingShape(BaseModel):
    """Those who wait."""

    due: int = Field(description="Whose moment has come: they wait for a line, or for their calling hours.")
    closed: int = Field(description="Of the due, those outside their calling hours, in all zones.")
    never: int = Field(
        description="Of all who wait, those who can never be called as the campaign is: no minute of its hours is "
        "lawful where they are, or the carrier does not call their country. Their zones say why."
    )
    later: int = Field(description="Whose moment is still to come.")
    on_hold: int
    in_vain: int = Field(
        description="Of all who wait, those whom nobody calls whatever the hour: on hold, or among `never`."
    )
    next_at: datetime | None = Field(description="When the next of the later ones is due.")
    first_turn: int = Field(description="Who wait for their first turn, and for nothing else.")
    reasons: list[WaitShape] = Field(
        description="Why the others wait, the most frequent reasons first; rare ones together, as `other`."
    )


class ZoneShape(BaseModel):
    """Those who wait and share their calling hours."""

    region: str = Field(description="Where their phones may ring; empty where nobody knows.")
    left: int
    due: int
    on_hold: int
    open: bool = Field(description="Whether they may be called now.")
    never: bool = Field(description="Whether they can never be called as the campaign is; the reason says why.")
    changes_at: datetime | None = Field(description="When that changes; null where it does not.")
    zone: str = Field(description="Whose clock that moment is read on.")
    reason: str = Field(description="Why they may not be called.")


class DoubtShape(BaseModel):
    """Somebody of whom it is not known whether they were called."""

    contact_id: str
    phone: str = Field(description="With its middle hidden from a viewer.")
    state: State
    reason: str
    dialed_at: datetime | None
    doing: str = Field(description="What is done about it by itself.")
    until: datetime | None


class CallShape(BaseModel):
    """One attempt: somebody who was called twice lately is in two of these."""

    contact_id: str
    phone: str = Field(description="With its middle hidden from a viewer.")
    region: str = Field(description="Where that phone may ring; empty where nobody knows.")
    n: int = Field(description="Which attempt it is.")
    dialed_at: datetime | None
    ended_at: datetime | None = Field(description="Null while it goes on.")
    outcome: str = Field(description="How it ended; or the call's status, while it goes on.")
    reason: str = Field(description="Why the contact is where it is now, whatever attempt this is.")
    duration_s: int | None
    sid: str


class ErrorShape(BaseModel):
    code: str = Field(description="Of the carrier, or of the telephone network; empty where there is none.")
    meaning: str
    count: int
    last_at: datetime


class LiveShape(BaseModel):
    """A campaign as it is now, or was a second or two ago."""

    campaign: CampaignShape
    stats: Figures
    why: WhyShape
    limits: LimitsShape
    lines: dict[Stage, int] = Field(description="Lines in use, by what they are doing.")
    reasons: list[EndedShape] = Field(description="Contacts by state and reason, but for those who wait.")
    waiting: WaitingShape
    zones: list[ZoneShape] = Field(description=f"The largest {_ZONES} first.")
    more_zones: int = Field(description="How many there are beyond these.")
    doubts: list[DoubtShape] = Field(description="The first of those who are held or uncertain.")
    calls: list[CallShape] = Field(
        description="The last 50: calls that are on, and those that ended last, also of contacts that wait for another "
        "attempt. Where more are on, no more than half of the 50 are."
    )
    errors: list[ErrorShape] = Field(description="Of the last 15 minutes.")


@router.get("/campaigns/<campaign_id>/live", tags=["campaigns"], summary="Look at all of a campaign at once")
def live(campaign_id: CampaignId) -> LiveShape:
    """What an operator's page shows. It may be asked every few seconds: counts that take long are remembered."""
    seen = wiring.board()(campaign_id)
    pacing = seen.campaign.pacing
    waiting = seen.waiting
    return LiveShape(
        campaign=shape_of(seen.campaign),
        stats=figures_of(seen.figures),
        why=why_of(seen.why),
        limits=LimitsShape(
            calls_per_minute=60 / pacing.call_delay.total_seconds(),
            lines=pacing.max_concurrent,
        ),
        lines=dict(seen.stages),
        reasons=[EndedShape(state=one.state, reason=one.reason, contacts=one.contacts) for one in seen.reasons],
        waiting=WaitingShape(
            due=waiting.due,
            closed=sum(zone.due for zone in seen.zones if not zone.open),
            never=sum(zone.left for zone in seen.zones if zone.never),
            later=waiting.contacts - waiting.due - waiting.held_back,
            on_hold=waiting.held_back,
            in_vain=sum(zone.left if zone.never else zone.on_hold for zone in seen.zones),
            next_at=waiting.next_at,
            first_turn=max(0, waiting.contacts - sum(wait.contacts for wait in seen.waits)),
            reasons=[WaitShape(reason=one.reason, contacts=one.contacts, next_at=one.next_at) for one in seen.waits],
        ),
        zones=[_zone(one) for one in seen.zones[:_ZONES]],
        more_zones=max(0, len(seen.zones) - _ZONES),
        doubts=[_doubt(one) for one in seen.doubts],
        calls=[_call(one) for one in seen.calls],
        errors=[
            ErrorShape(code=one.code, meaning=one.meaning, count=one.count, last_at=one.last_at) for one in seen.errors
        ],
    )


def why_of(why: Why) -> WhyShape:
    return WhyShape(text=why.text, until=why.until, zone=why.zone, wrong=why.wrong)


def _zone(group: ZoneGroup) -> ZoneShape:
    return ZoneShape(**{name: getattr(group, name) for name in ZoneShape.model_fields})


def _doubt(doubt: Doubt) -> DoubtShape:
    contact = doubt.contact
    return DoubtShape(
        contact_id=contact.id,
        phone=_phone(contact),
        state=contact.state,
        reason=contact.reason,
        dialed_at=contact.attempt.dial_at if contact.attempt else None,
        doing=doubt.doing,
        until=doubt.until,
    )


def _call(call: Called) -> CallShape:
    contact = call.contact
    attempt = next(one for one in contacts.attempts_of(contact, whole=_sees_all()) if one.id == call.attempt_id)
    return CallShape(
        contact_id=contact.id,
        phone=attempt.to,
        region=attempt.region or contact.region,
        n=attempt.n,
        dialed_at=attempt.dial_at,
        ended_at=attempt.ended_at,
        outcome=attempt.outcome,
        reason=contact.reason,
        duration_s=attempt.duration_s,
        sid=attempt.sid,
    )


def _phone(contact: Contact) -> str:
    return shapes.shown(contact.phone, whole=_sees_all())


def _sees_all() -> bool:
    return router.context["who"].role is Role.OPERATOR
