"""Exports: a campaign's calls, contacts or lists as CSV, written elsewhere and fetched from the store."""

from datetime import datetime
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Path
from aws_lambda_powertools.event_handler.router import LambdaFunctionUrlRouter
from pydantic import BaseModel, Field

from dialer import wiring
from dialer.list_records import Export, ExportKind, ExportState
from dialer.tokens import Role
from shapes import CampaignId, Given

router = LambdaFunctionUrlRouter()  # type: ignore[no-untyped-call]
_TAG = ["exports"]
ExportId = Annotated[str, Path(pattern=r"^[0-9a-f]{12}$", description="The id of an export.")]


class NewExport(Given):
    kind: ExportKind = Field(description="A line for each attempt, for each contact, or for each list.")


class ExportShape(BaseModel):
    """A file, and whether it has been written."""

    id: str
    campaign_id: str
    kind: ExportKind
    state: ExportState
    rows: int = Field(description="Lines so far.")
    made_at: datetime | None
    ended_at: datetime | None
    link: str = Field(description="Where to fetch it, for an hour; empty until it is written, and for a viewer.")


@router.post("/campaigns/<campaign_id>/exports", tags=_TAG, status_code=202, summary="Export calls, contacts or lists")
def begin(campaign_id: CampaignId, wish: Annotated[NewExport, Body()]) -> ExportShape:
    """It is written by itself; ask for it until its state is `written`."""
    return _shape(wiring.export_desk().begin(campaign_id, wish.kind))


@router.get("/exports/<export_id>", tags=_TAG, summary="Read whether an export is written, and where it is")
def show(export_id: ExportId) -> ExportShape:
    """A viewer sees how far it is, and gets no link: the file has whole phone numbers in it."""
    return _shape(wiring.export_desk().show(export_id))


def _shape(found: Export) -> ExportShape:
    operator = router.context["who"].role is Role.OPERATOR
    return ExportShape(
        id=found.id,
        campaign_id=found.campaign_id,
        kind=found.kind,
        state=found.state,
        rows=found.rows,
        made_at=found.made_at,
        ended_at=found.ended_at,
        link=wiring.export_desk().link(found) if operator else "",
    )
