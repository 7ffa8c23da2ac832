"""Campaigns: create, look, change, copy, schedule, start, pause, resume, stop, archive, and stop all of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler.openapi.params import Body, Query
from aws_lambda_powertools.event_handler.router import LambdaFunctionUrlRouter
from pydantic import AwareDatetime, BaseModel, Field

from dialer import announcements, wiring
from dialer.campaign_form import CampaignForm, checked
from dialer.campaigns import WISHES
from dialer.model import Campaign, CampaignState
from shapes import Because, CampaignId, Cursor, Given, Limit, Page, Why, cursor_of, place_of

router = LambdaFunctionUrlRouter()  # type: ignore[no-untyped-call]
_TAG = ["campaigns"]
_HALTING = {"pause", "stop"}


class CampaignShape(BaseModel):
    """A campaign as it is now."""

    id: str
    name: str
    state: CampaignState
    reason: str = Field(description="Why it is in this state, where that was not plainly somebody's wish.")
    state_at: datetime | None = Field(description="Since when.")
    created_at: datetime | None
    started_at: datetime | None = Field(description="When it was first started; null while it was not.")
    start_at: datetime | None = Field(description="When a draft starts by itself.")
    end_at: datetime | None = Field(description="When it is stopped by itself.")
    blocked_regions: dict[str, str] = Field(description="Countries that the carrier refuses, each with its reason.")
    may: list[str] = Field(description="What may be asked of it now.")
    form: dict[str, Any] = Field(description="What the operator filled in.")


class CampaignPage(Page):
    items: list[CampaignShape]


class Copied(Given):
    name: str = Field(default="", max_length=200, description="Of the copy; empty for the old name with “(copy)”.")


class Schedule(Given):
    start_at: AwareDatetime | None = Field(default=None, description="When the draft starts; null for not by itself.")
    end_at: AwareDatetime | None = Field(default=None, description="When it is stopped; null for not by itself.")


class Halt(Given):
    reason: Why = "everything was stopped"


class HaltShape(BaseModel):
    """Everything has been halted, and no request to the carrier leaves any more."""

    paused: list[str] = Field(description="The campaigns that were running; each has to be resumed by itself.")
    unscheduled: int = Field(description="Drafts whose own start was taken away.")
    last_permit_at: datetime | None = Field(description="When the last dial was granted, by the database's clock.")
    halted_at: datetime = Field(description="When no campaign was running any more: no dial is granted after it.")
    no_request_after: datetime = Field(description="The latest moment at which a request granted before can have left.")


@router.post("/campaigns", tags=_TAG, status_code=201, summary="Create a campaign")
def create(form: Annotated[CampaignForm, Body()]) -> CampaignShape:
    """A draft: it calls nobody until it is started, and has no contacts yet."""
    return shape_of(wiring.campaign_office().create(**checked(form.model_dump(mode="json"))))


@router.get("/campaigns", tags=_TAG, summary="List campaigns")
def page(
    cursor: Cursor = "",
    limit: Limit = 50,
    state: Annotated[CampaignState | None, Query(description="Only those in this state.")] = None,
) -> CampaignPage:
    """The newest first."""
    found, following = newest(cursor=cursor, limit=limit, state=state)
    return CampaignPage(items=[shape_of(one) for one in found], next=following)


def newest(*, cursor: str, limit: int, state: CampaignState | None) -> tuple[Sequence[Campaign], str]:
    """A page of campaigns, and the cursor of the next one; empty where there is none."""
    found = wiring.desk().page(limit=limit, state=state, behind=place_of(cursor))
    return found, cursor_of(found[-1].created_at, found[-1].id) if len(found) == limit else ""


@router.get("/campaigns/<campaign_id>", tags=_TAG, summary="Read a campaign")
def read(campaign_id: CampaignId) -> CampaignShape:
    return shape_of(wiring.campaign_office().show(campaign_id).campaign)


@router.patch("/campaigns/<campaign_id>", tags=_TAG, summary="Change a campaign")
def change(
    campaign_id: CampaignId,
    patch: Annotated[dict[str, Any], Body(description="The fields of the form that change (JSON merge patch).")],
) -> CampaignShape:
    """Always: name, from_numbers, caller, pacing, hours, any_hour_because, voice, caps, the waits of retry. Unless it
    runs: what `call` says. Only in a draft: call.opt_out_digit, call.opt_out_words, doubt, retry.max_attempts, purpose.
    """
    before = wiring.campaign_office().show(campaign_id).campaign
    return shape_of(wiring.desk().change(before, checked(_merged(dict(before.form), patch))))


@router.post("/campaigns/<campaign_id>/copy", tags=_TAG, status_code=201, summary="Copy a campaign")
def copy(campaign_id: CampaignId, wish: Annotated[Copied | None, Body()] = None) -> CampaignShape:
    """A new draft with the same form: without contacts, schedule and history."""
    form = dict(wiring.campaign_office().show(campaign_id).campaign.form)
    form["name"] = (wish.name if wish else "") or f"{form.get('name', '')[:190]} (copy)"
    return shape_of(wiring.campaign_office().create(**checked(form)))


@router.put("/campaigns/<campaign_id>/schedule", tags=_TAG, summary="Schedule a campaign")
def schedule(campaign_id: CampaignId, moments: Annotated[Schedule, Body()]) -> CampaignShape:
    """Within a minute of its moment a draft starts, or a campaign is stopped; from its end on nobody is dialed."""
    return shape_of(wiring.desk().schedule(campaign_id, start_at=moments.start_at, end_at=moments.end_at))


@router.post("/campaigns/<campaign_id>/start", tags=_TAG, summary="Start a draft")
def start(campaign_id: CampaignId, because: Because = None) -> CampaignShape:
    return _asked(campaign_id, "start", because)


@router.post("/campaigns/<campaign_id>/pause", tags=_TAG, summary="Pause a campaign")
def pause(campaign_id: CampaignId, because: Because = None) -> CampaignShape:
    """Answered only when no request of this campaign can leave any more."""
    return _asked(campaign_id, "pause", because)


@router.post("/campaigns/<campaign_id>/resume", tags=_TAG, summary="Resume a paused campaign")
def resume(campaign_id: CampaignId, because: Because = None) -> CampaignShape:
    return _asked(campaign_id, "resume", because)


@router.post("/campaigns/<campaign_id>/stop", tags=_TAG, summary="Stop a campaign for good")
def stop(campaign_id: CampaignId, because: Because = None) -> CampaignShape:
    """Answered only when no request of this campaign can leave any more. Calls that are on are not cut off."""
    return _asked(campaign_id, "stop", because)


@router.post("/campaigns/<campaign_id>/archive", tags=_TAG, summary="Archive a draft or a stopped campaign")
def archive(campaign_id: CampaignId, because: Because = None) -> CampaignShape:
    return _asked(campaign_id, "archive", because)


@router.post("/stop-all", tags=_TAG, summary="Halt every dial")
def stop_all(halt: Annotated[Halt | None, Body()] = None) -> HaltShape:
    """Pauses every running campaign, and answers only when no request of any of them can leave any more."""
    reason = (halt or Halt()).reason
    halted = wiring.desk().halt_all(reason=reason)
    wiring.announcer().note(*(announcements.campaign_turned(one, "paused", reason) for one in halted.paused))
    return HaltShape(
        paused=list(halted.paused),
        unscheduled=halted.unscheduled,
        last_permit_at=halted.last_permit_at,
        halted_at=halted.at,
        no_request_after=halted.at + wiring.settings().bounds.last_request,
    )


def _asked(
    campaign_id: str, verb: Literal["start", "pause", "resume", "stop", "archive"], because: Because
) -> CampaignShape:
    reason = because.reason if because else ""
    if verb in _HALTING:
        return shape_of(wiring.desk().halt(campaign_id, verb, reason=reason).campaign)
    return shape_of(wiring.campaign_office().ask(campaign_id, verb, reason=reason))


def _merged(form: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """RFC 7396: null takes a field away, an object is merged, anything else replaces."""
    merged = dict(form)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict):
            old = merged.get(name)
            merged[name] = _merged(old if isinstance(old, dict) else {}, value)
        else:
            merged[name] = value
    return merged


def shape_of(campaign: Campaign) -> CampaignShape:
    return CampaignShape(
        id=campaign.id,
        name=campaign.name,
        state=campaign.state,
        reason=campaign.reason,
        state_at=campaign.state_at or campaign.created_at,
        created_at=campaign.created_at,
        started_at=campaign.started_at,
        start_at=campaign.start_at,
        end_at=campaign.end_at,
        blocked_regions=dict(campaign.blocked_regions),
        may=[verb for verb, wish in WISHES.items() if campaign.state in wish.sources],
        form=dict(campaign.form),
    )
