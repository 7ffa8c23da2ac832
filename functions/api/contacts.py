"""Contacts: added, found, looked at, and moved by a person. Phones are asked for in bodies, never in URLs."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from aws_lambda_powertools.event_handler.openapi.params import Body
from aws_lambda_powertools.event_handler.router import LambdaFunctionUrlRouter
from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, StringConstraints, model_validator

import shapes
from dialer import wiring
from dialer.calling.group import group_of
from dialer.lifecycle import State
from dialer.model import Contact
from dialer.tokens import Role
from dialer.troubles import trouble_of
from shapes import Because, CampaignId, ContactId, Given, Page, Region, Why, e164

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
    region: Region = ""


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
    region: Region = ""
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
        if self.region and not self.phone:
            raise ValueError("a `region` is the country of a `phone`: give both")
        return self


class AttemptShape(BaseModel):
    id: str
    n: int
    to: str = Field(description="The phone that was dialed, with its middle hidden from a viewer.")
    from_number: str
    dial_at: datetime | None
    ended_at: datetime | None = Field(default=None, description="Null while it goes on.")
    sid: str = Field(description="The carrier's id of the call; empty while unknown.")
    outcome: str = Field(description="How it ended; or the call's status, while it goes on.")
    detail: str = ""
    duration_s: int | None = Field(default=None, description="How long they talked, where the carrier said so.")
    answered_by: str = Field(
        default="",
        description="Who the carrier took it for, in its own words: `human`, `fax`, `unknown`, or `machine_` and what "
        "it had heard; empty where it did not say.",
    )
    voicemail_left: bool = Field(
        default=False, description="The voicemail text was handed to the carrier, to be spoken to a machine."
    )
    answers: dict[str, str] = Field(
        default_factory=dict, description="What was pressed or said, by the question's name; hidden from a viewer."
    )
    region: str = Field(description="Where that phone may ring, as it was judged then; empty where nobody noted it.")
    zones: list[str] = Field(
        description="Every zone in which it may ring; where hours hold, each said that it is time."
    )
    rules: str = Field(description="The version of the calling hours it was judged by, or that these were set aside.")
    rule: str = Field(
        description="Which hours those were, all of them open: the campaign's own first, where it has any, then the "
        "rows of the table by their ids; empty where nobody noted it."
    )
    zone_source: str = Field(
        description="What `region` was made from: `number`, and the hints of the list that were read with it, such as "
        "`number, postal_code, state`; empty where nobody noted it."
    )


class DecisionShape(BaseModel):
    at: datetime
    state: State = Field(description="What it was put into.")
    reason: str
    due_at: datetime | None = Field(default=None, description="From when it waits, where it does.")


class ContactShape(BaseModel):
    """A contact with its whole story."""

    id: str
    campaign_id: str
    external_id: str = Field(
        description="The operator's own; its middle is hidden from a viewer where it may be an e-mail or a phone."
    )
    phone: str = Field(description="The one that is dialed, or will be next; its middle is hidden from a viewer.")
    numbers: list[str] = Field(description="All of the person's phones, in the order in which they are tried.")
    caller_id: str = Field(
        description="The number that its list has it called from, while that is one of the campaign's; empty: the "
        "campaign's `caller` chooses."
    )
    region: str
    zones: list[str] = Field(description="Where its phone may ring: every zone whose clock must say that it is time.")
    state: State
    reason: str = Field(description="Why it is in this state: the last decision.")
    due_at: datetime | None
    callback_at: datetime | None = Field(description="When the person asked to be called; it wins over every schedule.")
    list_id: str = Field(description="The list that it comes from; empty where none was uploaded.")
    line: int = Field(description="Its line there.")
    priority: int
    used: int = Field(description="Attempts used.")
    max: int
    vars: dict[str, str] = Field(description="Variables; their values are hidden from a viewer.")
    attempts: list[AttemptShape] = Field(description="The oldest first; the last one may still go on.")
    meanings: dict[str, str] = Field(default_factory=dict, description="What each attempt's `detail` means, in words.")
    decisions: list[DecisionShape] = Field(
        description="Beside what its attempts came to: the latest 20, the oldest first; what was decided again and "
        "again is here once."
    )


class ContactPage(Page):
    items: list[ContactShape]


class Moved(BaseModel):
    """Where the contact is now."""

    id: str
    state: State
    reason: str
    due_at: datetime | None


def _soon(moment: datetime) -> datetime:
    if not datetime.now(UTC) < moment < datetime.now(UTC) + timedelta(days=366):
        raise ValueError("must be ahead, and within a year")
    return moment


class CallBack(Given):
    at: Annotated[AwareDatetime, AfterValidator(_soon)] = Field(description="With a zone: 2026-03-02T10:00-05:00.")
    reason: Why = ""


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
        return _page(registry.with_phone(e164(wanted.phone, region=wanted.region)))
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
    """Due when it was before the hold, or at once where that is past, in its campaign's hours."""
    return _moved(wiring.registry().let_go(contact_id, reason=_why(because)))


@router.post("/contacts/<contact_id>/call-back", tags=_TAG, summary="Call a contact back at a certain time")
def call_back(contact_id: ContactId, wish: Annotated[CallBack, Body()]) -> Moved:
    """At that time, in its campaign's hours, whatever the schedule says. Who is being called now is called again then,
    where an attempt is left."""
    return _moved(wiring.registry().call_back(contact_id, at=wish.at, reason=wish.reason or "by hand"))


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
    attempts = attempts_of(contact, whole=whole)
    details = {attempt.detail for attempt in attempts if attempt.detail}
    return ContactShape(
        id=contact.id,
        campaign_id=contact.campaign_id,
        external_id=shapes.shown_id(contact.external_id, whole=whole),
        phone=shapes.shown(contact.phone, whole=whole),
        numbers=[shapes.shown(phone, whole=whole) for phone in _in_order(contact)],
        caller_id=contact.caller_id,
        region=contact.region,
        zones=_zones(contact.region),
        state=contact.state,
        reason=contact.reason,
        due_at=contact.due_at,
        callback_at=contact.callback_at,
        list_id=contact.list_id,
        line=contact.line,
        priority=contact.priority,
        used=contact.used,
        max=contact.max,
        vars=_values(contact.vars, whole=whole),
        attempts=attempts,
        meanings={detail: trouble_of(detail).meaning for detail in sorted(details)},
        decisions=[DecisionShape(**asdict(one)) for one in contact.decisions],
    )


def _in_order(contact: Contact) -> list[str]:
    return [number.phone for number in contact.numbers] or [contact.phone]


def _zones(region: str) -> list[str]:
    return list(group_of(region).zones)


def _values(named: Mapping[str, str], *, whole: bool) -> dict[str, str]:
    """A viewer reads the names alone."""
    return dict(named) if whole else dict.fromkeys(named, _HIDDEN)


def attempts_of(contact: Contact, *, whole: bool) -> list[AttemptShape]:
    """The oldest first. `whole`: with phones and answers as they are, which are not a viewer's to read."""
    names = AttemptShape.model_fields.keys() - {"duration_s", "to", "answers", "zones"}
    past = [
        AttemptShape(
            **{name: getattr(one, name) for name in names},
            to=shapes.shown(one.to, whole=whole),
            answers=_values(one.answers, whole=whole),
            zones=_zones(one.region),
            duration_s=None if one.duration is None else round(one.duration.total_seconds()),
        )
        for one in contact.history
    ]
    now = contact.attempt
    if now is None or now.dial_at is None:
        return past
    going = AttemptShape(
        id=now.id,
        n=now.n,
        to=shapes.shown(contact.phone, whole=whole),
        from_number=now.from_number,
        dial_at=now.dial_at,
        sid=now.sid,
        outcome=now.status or contact.state,
        answered_by=now.answered_by,
        voicemail_left=now.voicemail_left,
        answers=_values(now.answers, whole=whole),
        region=now.region,
        zones=_zones(now.region),
        rules=now.rules,
        rule=now.rule,
        zone_source=now.zone_source,
    )
    return [*past, going]
