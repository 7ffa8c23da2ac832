"""Overview: one line for each campaign: what it is doing and why, for a page that looks every few seconds."""

from datetime import datetime, timedelta
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.router import LambdaFunctionUrlRouter
from pydantic import BaseModel, Field

from campaigns import newest
from dialer import wiring
from dialer.board import Outline
from dialer.lifecycle import State
from dialer.model import Campaign, CampaignState
from dialer.statistics import Figures
from live import WhyShape, why_of
from shapes import Cursor, Limit, Page

router = LambdaFunctionUrlRouter()  # type: ignore[no-untyped-call]
_LOOKING = timedelta(seconds=3)


class BriefShape(BaseModel):
    """How a campaign goes, in few words."""

    counts: dict[State, int] = Field(description="Contacts in each state.")
    left: int = Field(description="Contacts neither settled nor held.")
    calls_per_minute: float | None
    answer_rate: float | None = Field(description="As in the statistics.")
    done_at: datetime | None = Field(description="As in the statistics.")


class OutlineShape(BaseModel):
    """One line about a campaign."""

    id: str
    name: str
    state: CampaignState
    state_at: datetime | None
    created_at: datetime | None
    why: WhyShape | None = Field(description="Null where there was no time to look: it comes with a later request.")
    figures: BriefShape | None = Field(description="Of running and paused campaigns.")


class Overview(Page):
    items: list[OutlineShape]


@router.get("/overview", tags=["campaigns"], summary="See what every campaign is doing and why")
def overview(
    cursor: Cursor = "",
    limit: Limit = 50,
    state: Annotated[CampaignState | None, Query(description="Only those in this state.")] = None,
) -> Overview:
    """The newest first. It may be asked every few seconds: what was counted is remembered."""
    found, following = newest(cursor=cursor, limit=limit, state=state)
    outlines = wiring.board().outlines(found, within=_LOOKING)
    return Overview(items=[_line(one, outlines.get(one.id)) for one in found], next=following)


def _line(campaign: Campaign, outline: Outline | None) -> OutlineShape:
    return OutlineShape(
        id=campaign.id,
        name=campaign.name,
        state=campaign.state,
        state_at=campaign.state_at or campaign.created_at,
        created_at=campaign.created_at,
        why=why_of(outline.why) if outline else None,
        figures=_brief(outline.figures) if outline and outline.figures else None,
    )


def _brief(figures: Figures) -> BriefShape:
    return BriefShape(**{name: getattr(figures, name) for name in BriefShape.model_fields})
