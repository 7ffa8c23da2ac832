"""Campaigns, contacts and messages with sensible values; a test says only what matters to it.

campaign = a_campaign(pacing=Pacing(max_concurrent=1))
contact = stored(database, a_contact(campaign, state=State.DIALING, used=2))
"""

import secrets
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from typing import Any

from bson import ObjectId
from pymongo.database import Database

from dialer.adapters.campaigns import MongoCampaigns
from dialer.adapters.contact_documents import milliseconds
from dialer.calling.places import place_of_area
from dialer.lifecycle import IN_FLIGHT, TERMINAL, State
from dialer.model import (
    Attempt,
    CallMessage,
    CallPlan,
    Campaign,
    CampaignState,
    Claimed,
    Contact,
    FinishedAttempt,
    NewContact,
    Pacing,
    attempt_id,
    attempt_of,
    claim_of,
)

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
FROM_NUMBER = "+12015550199"
PATIENCE = timedelta(minutes=16)
TALK_LIMIT = timedelta(minutes=5)
_numbers = count()


def now() -> datetime:
    """This moment, in the milliseconds that the database keeps."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


@cache
def _phones() -> tuple[str, ...]:
    """The range reserved for fiction (+1 NPA 555 01xx) in every area code of the states."""
    starts = (f"+1{area}55501" for area in range(201, 990) if place_of_area(str(area)).startswith("US-"))
    return tuple(phone for start in starts for last in range(100) if (phone := f"{start}{last:02}") != FROM_NUMBER)


def a_phone(index: int | None = None) -> str:
    """A number reserved for fiction; each call gives another.

    There are more than all tests together use up: a carrier that lives through many tests lists an earlier test's call
    as a call to whoever has the number now.
    """
    phones = _phones()
    return phones[(next(_numbers) if index is None else index) % len(phones)]


def a_region_at(hour: int) -> str:
    """A zone group in which it is this hour of the day now, wherever that is."""
    east = (hour - datetime.now(UTC).hour + 11) % 24 - 11
    return f"BR Etc/GMT{-east:+d}" if east else "BR Etc/GMT"


def a_campaign(**overrides: Any) -> Campaign:
    """A running campaign with a fast pace that has never dialed."""
    usual = Campaign(
        id=secrets.token_hex(6),
        name="Appointments",
        state=CampaignState.RUNNING,
        from_numbers=(FROM_NUMBER,),
        call=CallPlan(say="Hello {name}."),
        any_hour_because="a test runs at any hour",
        pacing=Pacing(call_delay=timedelta(milliseconds=1), max_concurrent=100),
        next_slot_at=LONG_AGO,
        next_dial_at=LONG_AGO,
    )
    return replace(usual, **overrides)


def a_contact(campaign: Campaign | str = "campaign", **overrides: Any) -> Contact:
    """A contact with all that its state implies: pending is due, in flight has an attempt, terminal has neither."""
    state = State(overrides.pop("state", State.PENDING))
    contact_id = overrides.pop("id", str(ObjectId()))
    dialed = state in IN_FLIGHT - {State.CLAIMED}
    usual = Contact(
        id=contact_id,
        campaign_id=campaign if isinstance(campaign, str) else campaign.id,
        phone=a_phone(),
        region="US",
        state=state,
        due_at=now() - timedelta(seconds=1) if state is State.PENDING else None,
        used=1 if dialed or state in TERMINAL - {State.SUPPRESSED} else 0,
        max=3,
        vars={"name": "Ada"},
        attempt=an_attempt(contact_id, state) if state in IN_FLIGHT else None,
    )
    contact = replace(usual, **overrides)
    return contact if contact.listed else replace(contact, listed=contact.phone)


def an_attempt(contact_id: str, state: State = State.DIALING, **overrides: Any) -> Attempt:
    """An attempt as a contact in this state has it, not overdue yet."""
    usual = Attempt(id=attempt_id(contact_id, secrets.token_hex(12)), until=now() + timedelta(minutes=6))
    if state is not State.CLAIMED:
        usual = replace(usual, n=1, from_number=FROM_NUMBER, token=secrets.token_hex(12), dial_at=now())
    if state is State.PLACED:
        usual = replace(usual, sid=a_sid(), until=now() + PATIENCE)
    if state is State.HELD:
        usual = replace(usual, until=now() + timedelta(hours=25))
    return replace(usual, **overrides)


def a_row(phone: str = "", **overrides: Any) -> NewContact:
    return replace(NewContact(phone=phone or a_phone(), region="US", vars={"name": "Ada"}), **overrides)


def a_message(contact: Contact, **overrides: Any) -> CallMessage:
    """The call message of a claimed contact, whose slot is here."""
    attempt = attempt_of(contact)
    usual = CallMessage(
        campaign_id=contact.campaign_id,
        contact_id=contact.id,
        attempt_id=attempt.id,
        slot_at=now() - timedelta(seconds=1),
        not_after=attempt.until,
    )
    return replace(usual, **overrides)


def a_claimed(contact: Contact) -> Claimed:
    return Claimed(contact_id=contact.id, attempt_id=attempt_of(contact).id, phone=contact.phone, region=contact.region)


def a_sid() -> str:
    """A call id as the carrier makes them."""
    return f"CA{secrets.token_hex(16)}"


def created(database: Database[Any], campaign: Campaign) -> Campaign:
    """The campaign, now in the database."""
    MongoCampaigns(database["campaigns"]).create(campaign)
    return campaign


def stored(database: Database[Any], contact: Contact, *, patience: timedelta = PATIENCE) -> Contact:
    """The contact, now in the database in whatever state it is."""
    database["contacts"].insert_one(document_of(contact, patience=patience))
    return contact


def document_of(contact: Contact, *, patience: timedelta = PATIENCE) -> dict[str, Any]:
    """A contact as the product stores it: what is not set is absent."""
    plain = {name: getattr(contact, name) for name in _PLAIN}
    document = {"_id": contact.id, **plain, "listed": contact.listed, "state": str(contact.state)}
    if contact.numbers:
        document["numbers"] = [asdict(number) for number in contact.numbers]
    if contact.due_at is not None:
        document["due_at"] = contact.due_at
    if contact.attempt is not None:
        document["attempt"] = _attempt_document(contact.attempt, patience)
    if contact.external_id:
        document["external_id"] = contact.external_id
    if contact.caller_id:
        document["caller_id"] = contact.caller_id
    if contact.history:
        document["history"] = [_past_document(past) for past in contact.history]
    return document


_PLAIN = ("campaign_id", "phone", "region", "priority", "reason", "used", "max", "setbacks", "vars")


def _attempt_document(attempt: Attempt, patience: timedelta) -> dict[str, Any]:
    document = _short(asdict(attempt))
    if attempt.dial_at is not None:
        spans = {"patience_ms": milliseconds(patience), "talk_limit_ms": milliseconds(TALK_LIMIT)}
        document |= {**spans, "rank": attempt.rank}
    return document


def _past_document(past: FinishedAttempt) -> dict[str, Any]:
    document = _short(asdict(past)) | {"sid": past.sid, "outcome": str(past.outcome)}
    if past.duration is not None:
        document["duration_s"] = round(document.pop("duration", past.duration).total_seconds())
    if past.price is not None:
        document["price"] = str(past.price)
    return document


def _short(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Only what is known, under the names the product gives it."""
    known = {name: value for name, value in fields.items() if value not in (None, "", 0, {})}
    known["id"] = claim_of(known["id"])
    if "from_number" in known:
        known["from"] = known.pop("from_number")
    return known
