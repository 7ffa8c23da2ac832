"""Shapes that several resources share: ids, pages and cursors, reasons, and a phone with its middle hidden."""

import re
from datetime import UTC, datetime
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from dialer import phones
from dialer.errors import BadInput
from dialer.office_ports import Place

CampaignId = Annotated[str, Path(pattern=r"^[0-9a-f]{12}$", description="The id of a campaign.")]
ContactId = Annotated[str, Path(pattern=r"^[0-9a-f]{24}$", description="The id of a contact.")]
TokenId = Annotated[str, Path(pattern=r"^[0-9a-f]{12}$", description="The id of a token, not the token itself.")]
Limit = Annotated[int, Query(ge=1, le=200, description="How many at most.")]
Cursor = Annotated[str, Query(max_length=200, description="`next` of the page before; empty for the first page.")]


class Given(BaseModel):
    """Something that a caller sends: unknown fields are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


_A_DATE = re.compile(r"(?<!\d)(?:(?:19|20)\d\d([-./])\d\d?\1\d\d?|\d\d?([-./])\d\d?\2(?:19|20)\d\d)(?!\d)")
_LIKE_A_PHONE = re.compile(r"0(?:[\s()./-]*0){7}|0{7}")
"""Of digits that have all become 0: seven of them in a row, or eight with what people put between those of a phone."""


def _without_phones(text: str) -> str:
    if _LIKE_A_PHONE.search("".join("0" if c.isdigit() else c for c in _A_DATE.sub("|", text))):
        raise ValueError("leave numbers out: reasons are logged")
    return text


Why = Annotated[str, Field(max_length=200), AfterValidator(_without_phones)]


class Reason(Given):
    """Why somebody does this; it is shown beside what was done, and logged: without names and numbers."""

    reason: Why = ""


_MAY_BE_AN_ADDRESS = re.compile(r"@|^\+?(?:[\s().-]*\d){7,}[\s().-]*$")
"""What an e-mail has; or at least seven digits, with nothing between them but what people put into phones."""

Because = Annotated[Reason | None, Body(description="Why.")]


def _of_a_country(code: str) -> str:
    if code and not phones.is_country(code):
        raise ValueError("is no country's code in ISO 3166, such as US, or GB for the United Kingdom")
    return code


Region = Annotated[
    str,
    Field(pattern=r"^([A-Z]{2})?$", description="Country of numbers written without one, such as US."),
    AfterValidator(_of_a_country),
]


class Page(BaseModel):
    """What all pages have."""

    next: str = Field(default="", description="The cursor of the next page; empty on the last one.")


def place_of(cursor: str) -> Place | None:
    """Where a page of dated things ended. Raises BadInput for what is no cursor of ours."""
    if not cursor:
        return None
    milliseconds, dash, identity = cursor.partition("-")
    if not dash or not milliseconds.isdecimal() or len(milliseconds) > 14 or not identity.isalnum():
        raise BadInput("This cursor is none of ours: take `next` of the page before.")
    return Place(at=datetime.fromtimestamp(int(milliseconds) / 1000, UTC), id=identity)


def cursor_of(at: datetime | None, identity: str) -> str:
    return f"{round((at.timestamp() if at else 0) * 1000)}-{identity}"


def shown(phone: str, *, whole: bool) -> str:
    """As it is, or with its middle hidden, which is all that a viewer reads."""
    return phone if whole else masked(phone)


def shown_id(external_id: str, *, whole: bool) -> str:
    """An operator's own id for somebody. Many lists take an e-mail or a phone for one, which no viewer reads whole."""
    return external_id if whole or not _MAY_BE_AN_ADDRESS.search(external_id) else masked(external_id)


def masked(phone: str) -> str:
    """Enough to recognise a number that one knows, not enough to call it."""
    return f"{phone[:2]}{'•' * max(0, len(phone) - 4)}{phone[-2:]}"


def e164(written: str, *, region: str = "", place: int | None = None) -> str:
    """A phone as contacts have it. Raises BadInput, without the phone in it."""
    try:
        return phones.e164(written, region=region or None)
    except ValueError as wrong:
        raise BadInput(f"phone{'' if place is None else f' {place}'}: {wrong}.") from None
