"""Whom the files in events/ speak of: their campaign, their person, their operator, and the token that signed them.

The tokens and the address belong to nobody, so the files can be believed only where somebody says so: here. The token
of the agent's file is signed as those of a media stream are, but is good until the year 2100.
"""

from datetime import UTC, datetime, timedelta

from pymongo.database import Database

from dialer.adapters.campaigns import MongoCampaigns
from dialer.adapters.contact_book import MongoContactBook
from dialer.adapters.contact_documents import milliseconds
from dialer.adapters.mongo import Document
from dialer.adapters.tokens import MongoTokens
from dialer.lifecycle import State
from dialer.model import CallPlan, Campaign, CampaignState, OnMachine
from dialer.script import Choice, Menu, Record, Say, Script, Stream, Transfer
from dialer.tokens import Role, Token, hash_of

TOKEN = "the-token-that-signed-the-files-in-events"
VOICE_URL = "https://exampleexampleexampleexample0000.lambda-url.us-east-1.on.aws"

OPERATOR_TOKEN = f"dial_{12 * '0'}_{43 * 'A'}"

_CAMPAIGN, _CONTACT, _CLAIM = "0a1b2c3d4e5f", "67c3f1a2b4d5e6f708192a3b", "9f8e7d6c5b4a39281706f5e4"
_PHONE, _FROM, _SID = "+12015550123", "+12015550199", "CA0123456789abcdef0123456789abcdef"
_STATES = {"call": State.CLAIMED, "voice": State.PLACED, "reconcile": State.DIALING}
"""As each function finds the person; the others find them waiting."""
_KEPT = ("campaigns", "contacts", "suppressions", "tokens")
_AGENT = "+12015550100"
_SCRIPT: Script = (
    Say(text="Hello {name}."),
    Menu(
        name="coming",
        prompt=(Say(text="Press 1 if you are coming, 2 or 3 to speak with us, 9 if we shall not call again."),),
        choices=(
            Choice(key="1", outcome="yes", words=("yes",), then=(Say(text="See you then."),)),
            Choice(
                key="2",
                outcome="agent",
                then=(Transfer(to=_AGENT, whisper="{name} is on the line.", otherwise=(Say(text="We call back."),)),),
            ),
            Choice(key="3", outcome="queue", then=(Transfer(to="queue:support", name="queue"),)),
            Choice(key="4", outcome="program", then=(Stream(url="wss://agent.example/", answers=("day",)),)),
        ),
    ),
    Record(name="message", prompt=(Say(text="Is there anything else?"),)),
)
"""Of its places the files speak: 1 is the menu, 1.2.0 and 1.3.0 are the transfers behind its keys, 2 the recording."""


def await_event(database: Database[Document], function: str, *, operator: bool = False, paused: bool = False) -> None:
    """The database as an event of this function finds it, whatever the one before left behind.

    Without an operator the very first one can still be made. Whose campaign has just been paused waits.
    """
    for name in _KEPT:
        database[name].delete_many({})
    now = datetime.now(UTC)
    campaigns = MongoCampaigns(database["campaigns"])
    campaigns.create(_campaign(now))
    if paused:
        running = [CampaignState.RUNNING]
        campaigns.set_state(_CAMPAIGN, CampaignState.PAUSED, sources=running, reason="the office is closed")
    MongoContactBook(database["contacts"]).prepare()
    if operator:
        MongoTokens(database["tokens"]).keep(_operator(now))
    state = State.PENDING if paused else _STATES.get(function, State.PENDING)
    database["contacts"].insert_one(_person(state, now))


def _campaign(now: datetime) -> Campaign:
    return Campaign(
        id=_CAMPAIGN,
        name="Appointments",
        state=CampaignState.RUNNING,
        from_numbers=(_FROM,),
        call=CallPlan(
            script=_SCRIPT,
            detect_machine=True,
            on_machine=OnMachine.VOICEMAIL,
            voicemail=(Say(text="{name}, please call us back."),),
        ),
        next_slot_at=now,
        next_dial_at=now,
        any_hour_because="the events come at any hour",
        created_at=now,
    )


def _operator(now: datetime) -> Token:
    return Token(
        id=12 * "0",
        name="the operator of the events",
        role=Role.OPERATOR,
        hash=hash_of(OPERATOR_TOKEN),
        created_at=now,
        created_by="",
        expires_at=now + timedelta(hours=1),
    )


def _person(state: State, now: datetime) -> Document:
    known = {
        "_id": _CONTACT,
        "campaign_id": _CAMPAIGN,
        "listed": _PHONE,
        "phone": _PHONE,
        "region": "US",
        "vars": {"name": "Ada"},
    }
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
