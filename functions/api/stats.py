"""Stats: how a campaign goes, cheap however long its list is."""

from datetime import datetime

from aws_lambda_powertools.event_handler.router import LambdaFunctionUrlRouter
from pydantic import BaseModel, Field

from dialer import wiring
from dialer.lifecycle import State
from shapes import CampaignId

router = LambdaFunctionUrlRouter()


class EndedShape(BaseModel):
    state: State
    reason: str
    contacts: int


class Figures(BaseModel):
    """How a campaign goes."""

    at: datetime
    counts: dict[State, int] = Field(description="Contacts in each state.")
    ended: list[EndedShape] = Field(description="Settled contacts by state and reason.")
    outcomes: dict[str, int] = Field(description="How the attempts of settled contacts ended.")
    dials: int = Field(description="Permits to dial granted so far.")
    calls_per_minute: float | None = Field(description="Over the last minute; null while nobody has counted so long.")
    settled_per_minute: float | None = Field(description="Over the last quarter of an hour.")
    answer_rate: float | None = Field(description="Answered by a person, of all attempts of settled contacts.")
    attempts_per_contact: float | None = Field(description="Of settled contacts that were called at all.")
    left: int = Field(description="Contacts neither settled nor held.")
    done_at: datetime | None = Field(description="When all are settled at this pace; null where it cannot be told.")
    settled_upto: datetime = Field(description="Sums over settled contacts are up to here.")
    whole: bool = Field(description="Whether that is now; a long list takes several looks the first time.")


@router.get("/campaigns/<campaign_id>/stats", tags=["campaigns"], summary="Read how a campaign goes")
def stats(campaign_id: CampaignId) -> Figures:
    """Counts of a very long list may be a minute old."""
    found = wiring.survey()(campaign_id)
    told = {name: getattr(found, name) for name in Figures.model_fields if name not in {"ended", "counts"}}
    ended = [EndedShape(state=one.state, reason=one.reason, contacts=one.contacts) for one in found.ended]
    return Figures(**told, counts=dict(found.counts), ended=ended)
