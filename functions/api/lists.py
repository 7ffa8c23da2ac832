"""Lists: contact lists of any length, put into the store by whoever has them, and read from there by themselves."""

from datetime import datetime
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Path
from aws_lambda_powertools.event_handler.router import LambdaFunctionUrlRouter
from pydantic import BaseModel, Field

from dialer import wiring
from dialer.list_records import ListState, UploadedList
from shapes import CampaignId, Given, Region

router = LambdaFunctionUrlRouter()  # type: ignore[no-untyped-call]
_TAG = ["lists"]
ListId = Annotated[str, Path(pattern=r"^[0-9a-f]{12}$", description="The id of a list.")]


class NewList(Given):
    name: str = Field(default="", max_length=200, description="For people; the file's name, say.")
    region: Region = ""


class CountsShape(BaseModel):
    """What became of the rows read so far: rows = added + updated + known + repeated + rejected."""

    rows: int
    added: int
    updated: int = Field(description="Of people who wait, with something new.")
    known: int = Field(description="Of people whom the campaign has, with nothing new, or who no longer wait.")
    repeated: int = Field(description="Their phone stands earlier in the list.")
    rejected: int


class ListShape(BaseModel):
    """A list, and how far it has been read."""

    id: str
    campaign_id: str
    name: str
    region: str
    state: ListState
    reason: str = Field(description="Why it was refused.")
    made_at: datetime | None
    ended_at: datetime | None
    size: int = Field(description="Bytes of its file; 0 until it is there.")
    offset: int = Field(description="Bytes read so far.")
    counts: CountsShape
    rejects_link: str = Field(
        description="Its rejects as CSV, each with line and reason, for an hour; empty until then."
    )


class UploadShape(BaseModel):
    """POST a multipart form with these fields and then the file, as `file`, to this address, within an hour."""

    url: str
    fields: dict[str, str]


class BegunShape(BaseModel):
    id: str
    list: ListShape
    upload: UploadShape


class ListPage(BaseModel):
    items: list[ListShape]


@router.post("/campaigns/<campaign_id>/lists", tags=_TAG, status_code=201, summary="Upload a contact list")
def begin(campaign_id: CampaignId, wish: Annotated[NewList, Body()]) -> BegunShape:
    """Where to put the file. It is read as soon as it is there; the same people again are added once."""
    begun, form = wiring.list_desk().begin_upload(campaign_id, name=wish.name, region=wish.region or None)
    upload = UploadShape(url=form.url, fields=dict(form.fields))
    return BegunShape(id=begun.id, list=_shape(begun), upload=upload)


@router.get("/campaigns/<campaign_id>/lists", tags=_TAG, summary="List a campaign's lists")
def lists(campaign_id: CampaignId) -> ListPage:
    """The newest hundred first."""
    return ListPage(items=[_shape(one) for one in wiring.list_desk().of_campaign(campaign_id)])


@router.get("/lists/<list_id>", tags=_TAG, summary="Read how far a list is, and what became of its rows")
def report(list_id: ListId) -> ListShape:
    """While it is being read, and after."""
    return _shape(wiring.list_desk().report(list_id))


def _shape(found: UploadedList) -> ListShape:
    return ListShape(
        id=found.id,
        campaign_id=found.campaign_id,
        name=found.name,
        region=found.region or "",
        state=found.state,
        reason=found.reason,
        made_at=found.made_at,
        ended_at=found.ended_at,
        size=found.size,
        offset=found.place.offset,
        counts=CountsShape(**vars(found.counts)),
        rejects_link=wiring.list_desk().rejects_link(found),
    )
