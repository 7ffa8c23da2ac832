"""Contacts: added, found, looked at, and moved by a person. Phones are asked for in bodies, never in URLs."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Literal

from aws_lambda_powertools.event_handler.openapi.params import Body
from aws_lambda_powertools.event_handler.router import LambdaFunctionUrlRouter
from pydantic import BaseModel, Field, StringConstraints, model_validator

import shapes
from dialer import wiring
from dialer.lifecycle import State
from dialer.model import Contact
from dialer.tokens import Role
from shapes import Because, CampaignId, ContactId, Given, Page, Why, e164

router = LambdaFunctionUrlRouter()  # type: ignore[no-untyped-call]
_TAG = ["contacts"]
_HIDDEN = "•"
Column = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\r\n]+$")]
Cell = Annotated[str, StringConstraints(max_length=1000)] | int | float | bool | None


class NewContacts(Given):
    """A small list: the same rules as for a file, whose columns are the names in the rows."""

    rows: list[dict[Column, Cell]] = Field(
        min_length=1, max_length=1000, description="Each with `phone`; every other name is a column of the list."
    )
    region: Annotated[str, Field(pattern=r"^([A-Z]{2})?$")] = Field(
        default="", description="Country of numbers without one, such as US."
    )


class RejectShape(BaseModel):
    row: int = Field(description="Its place in `rows`, from 0.")
    reason: str


class AddedShape(BaseModel):
    """What became of every row: rows = added + updated + known + repeated + rejected."""

    rows: int
    added: int
    updated: int = Field(description="The campaign had this phone, it still waits, and something is new.")
    known: int = Field(description="The campaign had this phone, and nothing changes.")
    repeated: int = Field(description="The phone stands earlier in the same list.")
    rejected: int
    rejects: list[RejectShape]


class Wanted(Given):
    """One of: a phone, an external id, or a campaign and a state."""

    phone: str = Field(default="", max_length=40)
    external_id: str = Field(default="", max_length=200)
    campaign_id: Annotated[str, Field(pattern=r"^([0-9a-f]{12})?$")] = ""
    state: State | None = None
    limit: int = Field(default=50, ge=1, le=200)
    cursor: str = Field(default="", max_length=200)

    @model_validator(mode="after")
    def asks_one_thing(self) -> "Wanted":
        ways = [bool(self.phone), bool(self.external_id), bool(self.campaign_id and self.state)]
        if sum(ways) != 1 or bool(self.campaign_id) != bool(self.state):
            raise ValueError("give `phone`, or `external_id`, or `campaign_id` and `state`")
        return self


class AttemptShape(BaseModel):
    id: str
    n: int
    from_number: str
    dial_at: datetime | None
    ended_at: datetime | None = Field(default=None, description="Null while it goes on.")
    sid: str = Field(description="The carrier's id of the call; empty while unknown.")
    outcome: str = Field(description="How it ended; or the call's status, while it goes on.")
    detail: str = ""


class ContactShape(BaseModel):
    """A contact with its whole story."""

    id: str
    campaign_id: str
    external_id: str
    phone: str = Field(description="With its middle hidden from a viewer.")
    region: str
    state: State
    reason: str = Field(description="Why it is in this state: the last decision.")
    due_at: datetime | None
    priority: int
    used: int = Field(description="Attempts used.")
    max: int
    vars: dict[str, str] = Field(description="Variables; their values are hidden from a viewer.")
    attempts: list[AttemptShape] = Field(description="The oldest first; the last one may still go on.")


class ContactPage(Page):
    items: list[ContactShape]


class Moved(BaseModel):
    """Where the contact is now."""

    id: str
    state: State
    reason: str
    due_at: datetime | None


class Decision(Given):
    to: Literal[State.PENDING, State.FAILED] = Field(description="Call again, or not.")
    reason: Why = Field(min_length=1)


@router.post("/campaigns/<campaign_id>/contacts", tags=_TAG, summary="Add contacts to a campaign")
def add(campaign_id: CampaignId, wish: Annotated[NewContacts, Body()]) -> AddedShape:
    """Up to 1,000 rows; a larger list is uploaded. Adding the same again adds nobody twice."""
    sheet, lines = _sheet(wish.rows)
    report = wiring.intake()(campaign_id, sheet, region=wish.region or None)
    rejects = [RejectShape(row=_row(lines, reject.line), reason=reject.reason) for reject in report.rejects]
    return AddedShape(
        rows=report.rows,
        added=report.added,
        updated=report.updated,
        known=report.known,
        repeated=report.repeated,
        rejected=report.rejected,
        rejects=rejects,
    )


@router.post("/contacts/find", tags=_TAG, summary="Find contacts")
def find(wanted: Annotated[Wanted, Body()]) -> ContactPage:
    """By phone or external id in every campaign, or a campaign's by state, page by page. It changes nothing."""
    registry = wiring.registry()
    if wanted.phone:
        return _page(registry.with_phone(e164(wanted.phone)))
    if wanted.external_id:
        return _page(registry.with_external_id(wanted.external_id))
    assert wanted.state is not None  # noqa: S101  the form has seen to it
    found = registry.in_state(wanted.campaign_id, wanted.state, limit=wanted.limit, cursor=wanted.cursor)
    return _page(found.contacts, found.next)


@router.get("/contacts/<contact_id>", tags=_TAG, summary="Read a contact")
def read(contact_id: ContactId) -> ContactShape:
    """Every attempt, what became of it, and why the contact is where it is."""
    return _shape(wiring.registry().find(contact_id))


@router.post("/contacts/<contact_id>/hold", tags=_TAG, summary="Put a contact on hold")
def hold(contact_id: ContactId, because: Because = None) -> Moved:
    """Not called until it is released."""
    return _moved(wiring.registry().hold_back(contact_id, reason=_why(because)))


@router.post("/contacts/<contact_id>/release", tags=_TAG, summary="Release a contact that is on hold")
def release(contact_id: ContactId, because: Because = None) -> Moved:
    """Due at once, in its campaign's hours."""
    return _moved(wiring.registry().let_go(contact_id, reason=_why(because)))


@router.post("/contacts/<contact_id>/cancel", tags=_TAG, summary="Cancel a contact")
def cancel(contact_id: ContactId, because: Because = None) -> Moved:
    """Not called any more in this campaign."""
    return _moved(wiring.registry().cancel(contact_id, reason=_why(because)))


@router.post("/contacts/<contact_id>/resolve", tags=_TAG, summary="Settle a held contact")
def resolve(contact_id: ContactId, decision: Annotated[Decision, Body()]) -> Moved:
    """For somebody of whom the carrier cannot say whether a call went out: a person decides."""
    return _moved(wiring.registry().resolve(contact_id, to=State(decision.to), reason=decision.reason))


def _sheet(rows: Sequence[dict[str, Cell]]) -> tuple[io.BytesIO, list[int]]:
    """The rows as a list in a file, and the line on which each begins."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    lines, line = [], 2
    for row in rows:
        cells = {name: _text(cell) for name, cell in row.items()}
        lines.append(line)
        line += 1 + sum(cell.count("\n") for cell in cells.values())
        writer.writerow(cells)
    return io.BytesIO(text.getvalue().encode()), lines


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    return str(cell).replace("\r\n", "\n").replace("\r", "\n")


def _row(lines: Sequence[int], line: int) -> int:
    return max(0, sum(start <= line for start in lines) - 1)


def _why(because: Because) -> str:
    return (because.reason if because else "") or "by hand"


def _page(contacts: Iterable[Contact], following: str = "") -> ContactPage:
    return ContactPage(items=[_shape(contact) for contact in contacts], next=following)


def _moved(contact: Contact) -> Moved:
    return Moved(id=contact.id, state=contact.state, reason=contact.reason, due_at=contact.due_at)


def _shape(contact: Contact) -> ContactShape:
    whole = router.context["who"].role is Role.OPERATOR
    return ContactShape(
        id=contact.id,
        campaign_id=contact.campaign_id,
        external_id=contact.external_id,
        phone=contact.phone if whole else shapes.masked(contact.phone),
        region=contact.region,
        state=contact.state,
        reason=contact.reason,
        due_at=contact.due_at,
        priority=contact.priority,
        used=contact.used,
        max=contact.max,
        vars=dict(contact.vars) if whole else dict.fromkeys(contact.vars, _HIDDEN),
        attempts=_attempts(contact),
    )


def _attempts(contact: Contact) -> list[AttemptShape]:
    names = AttemptShape.model_fields
    past = [AttemptShape(**{name: getattr(one, name) for name in names}) for one in contact.history]
    now = contact.attempt
    if now is None or now.dial_at is None:
        return past
    going = AttemptShape(
        id=now.id,
        n=now.n,
        from_number=now.from_number,
        dial_at=now.dial_at,
        sid=now.sid,
        outcome=now.status or contact.state,
    )
    return [*past, going]
