"""Stats: how a campaign goes: counts of keys, remembered where they took long, and sums that go forward by marks."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from aws_lambda_powertools.event_handler.router import LambdaFunctionUrlRouter
from pydantic import BaseModel, Field

from dialer import statistics, wiring
from dialer.lifecycle import State
from dialer.office_ports import Ends
from shapes import CampaignId

router = LambdaFunctionUrlRouter()  # type: ignore[no-untyped-call]


class EndedShape(BaseModel):
    state: State
    reason: str
    contacts: int


class EndsShape(BaseModel):
    at: datetime = Field(description="A minute.")
    outcome: str
    attempts: int


class PaceShape(BaseModel):
    at: datetime
    calls_per_minute: float = Field(description="Since the count before.")


class Figures(BaseModel):
    """How a campaign goes."""

    at: datetime
    counts: dict[State, int] = Field(description="Contacts in each state.")
    ended: list[EndedShape] = Field(description="Settled contacts by state and reason.")
    outcomes: dict[str, int] = Field(description="How attempts ended, whether their contacts are settled or wait.")
    answers: dict[str, dict[str, int]] = Field(
        description="How many of these attempts have each answer, by the name of the step that asked. Choices of menus,"
        " ends of transfers and ways to opt out are counted each by itself, and every other answer as `other`."
    )
    dials: int = Field(description="Permits to dial granted so far.")
    calls_per_minute: float | None = Field(description="Over the last minute; null while nobody has counted so long.")
    settled_per_minute: float | None = Field(description="Over the last quarter of an hour.")
    answer_rate: float | None = Field(
        description="Answered by a person, of all ended attempts; null while there is none, or not all are counted."
    )
    attempts_per_contact: float | None = Field(description="Of settled contacts that were called at all.")
    left: int = Field(description="Contacts neither settled nor held.")
    done_at: datetime | None = Field(
        description="When all are settled at this pace, each in their calling hours; null where it cannot be told."
    )
    calling_left_s: int | None = Field(
        description="Seconds of calling left at this pace, closed hours not counted; null where it cannot be told."
    )
    ends: list[EndsShape] = Field(description="How attempts ended, minute by minute, for an hour.")
    pace: list[PaceShape] = Field(description="Calls a minute, from counts that are taken once a minute, for an hour.")
    live_answers: int | None = Field(
        description="Calls answered by a person in the last 30 days; null, as the next two, where none is transferred."
    )
    abandoned: int | None = Field(description="Those of them that were transferred and found nobody.")
    abandon_rate: float | None = Field(description="Of the live answers. `pacing.max_abandon` pauses the campaign.")
    settled_upto: datetime = Field(description="Sums over settled contacts and ended attempts are up to here.")
    whole: bool = Field(description="Whether that is now; a long list takes several looks the first time.")


@router.get("/campaigns/<campaign_id>/stats", tags=["campaigns"], summary="Read how a campaign goes")
def stats(campaign_id: CampaignId) -> Figures:
    """Counts of a very long list may be a minute old."""
    return figures_of(wiring.survey()(campaign_id))


def figures_of(found: statistics.Figures) -> Figures:
    shaped = {"ended", "counts", "ends", "pace", "calling_left_s"}
    told = {name: getattr(found, name) for name in Figures.model_fields if name not in shaped}
    ended = [EndedShape(state=one.state, reason=one.reason, contacts=one.contacts) for one in found.ended]
    return Figures(
        **told,
        counts=dict(found.counts),
        ended=ended,
        calling_left_s=None if found.calling_left is None else round(found.calling_left.total_seconds()),
        ends=_ends(found.ends),
        pace=[PaceShape(at=at, calls_per_minute=round(rate, 1)) for at, rate in found.dials_by_minute],
    )


def _ends(ends: Sequence[Ends]) -> list[EndsShape]:
    """Whatever the carrier said in detail."""
    sums: Counter[tuple[datetime, str]] = Counter()
    for end in ends:
        sums[end.at, end.outcome] += end.attempts
    return [EndsShape(at=at, outcome=outcome, attempts=count) for (at, outcome), count in sorted(sums.items())]
