"""Whom the files in events/ speak of: their campaign, their person, and the token with which they are signed.

The token and the address belong to nobody, so the files can be believed only where somebody says so: here.
"""

from datetime import UTC, datetime, timedelta

from pymongo.database import Database

from dialer.adapters.campaigns import MongoCampaigns
from dialer.adapters.contact_book import MongoContactBook
from dialer.adapters.contact_documents import milliseconds
from dialer.adapters.mongo import Document
from dialer.lifecycle import State
from dialer.model import CallPlan, Campaign, CampaignState

TOKEN = "the-token-that-signed-the-files-in-events"
VOICE_URL = "https://exampleexampleexampleexample0000.lambda-url.us-east-1.on.aws"

_CAMPAIGN, _CONTACT, _CLAIM = "0a1b2c3d4e5f", "67c3f1a2b4d5e6f708192a3b", "9f8e7d6c5b4a39281706f5e4"
_PHONE, _FROM, _SID = "+12015550123", "+12015550199", "CA0123456789abcdef0123456789abcdef"
_STATES = {"call": State.CLAIMED, "voice": State.PLACED, "reconcile": State.DIALING}
"""As each function finds the person; the others find them waiting."""
_KEPT = ("campaigns", "contacts", "suppressions")


def await_event(database: Database[Document], function: str) -> None:
    """The database as an event of this function finds it, whatever the one before left behind."""
    for name in _KEPT:
        database[name].delete_many({})
    now = datetime.now(UTC)
    MongoCampaigns(database["campaigns"]).create(_campaign(now))
    MongoContactBook(database["contacts"]).prepare()
    database["contacts"].insert_one(_person(_STATES.get(function, State.PENDING), now))


def _campaign(now: datetime) -> Campaign:
    return Campaign(
        id=_CAMPAIGN,
        name="Appointments",
        state=CampaignState.RUNNING,
        from_numbers=(_FROM,),
        call=CallPlan(say="Hello {name}.", opt_out_digit="9"),
        next_slot_at=now,
        next_dial_at=now,
    )


def _person(state: State, now: datetime) -> Document:
    known = {"_id": _CONTACT, "campaign_id": _CAMPAIGN, "phone": _PHONE, "region": "US", "vars": {"name": "Ada"}}
    counted = {"priority": 0, "reason": "", "used": int(state in {State.DIALING, State.PLACED}), "max": 3}
    person = {**known, **counted, "setbacks": 0, "state": state}
    if state is State.PENDING:
        return {**person, "due_at": now}
    return {**person, "attempt": _attempt(state, now)}


def _attempt(state: State, now: datetime) -> Document:
    """A claimed one has no more than its claim; a dialing one has been silent for too long."""
    soon = now + timedelta(minutes=6)
    if state is State.CLAIMED:
        return {"id": _CLAIM, "until": soon}
    spans = {"patience_ms": milliseconds(timedelta(minutes=16)), "talk_limit_ms": milliseconds(timedelta(minutes=5))}
    dialed = {"id": _CLAIM, "n": 1, "from": _FROM, "token": "0" * 24, "dial_at": now, "rank": 0, **spans}
    if state is State.DIALING:
        return {**dialed, "until": now}
    return {**dialed, "until": soon, "sid": _SID}
