"""A contact as a document: its mapping, the guards derived from the table of moves, and the pieces of every update.

Traps of the database that this file avoids, each seen by running it:
- values in pipeline updates are wrapped in `$literal`, or a text that starts with `$` would be read as a field;
- a pipeline `$set` of an object merges into the old one, so `attempt` is unset before it is set anew;
- a path in a pipeline `$set` makes the objects on its way, even for a value that is missing;
- `$expr` takes a missing or wrong-typed field for earlier than now, so every time clause also asks for a date;
- a filter without `_id` scans, so every guard starts with it.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from pymongo.collection import Collection

from dialer.adapters.decisions import decisions_of, noted
from dialer.adapters.mongo import Document, literal
from dialer.lifecycle import IN_FLIGHT, MOVES, TERMINAL, UNSETTLED, Move, State
from dialer.model import Attempt, Contact, FinishedAttempt, Number, Outcome, attempt_id, claim_of

_BEGINNING = datetime.min.replace(tzinfo=UTC)
HISTORY_KEPT = 40  # more than the 20 attempts a campaign may make
_PATIENCE_LOST_MS = 600_000  # where a rollback took the attempt's own patience: then the carrier is asked
Stage = dict[str, Any]

CLAIM_INDEX = "claim_by_region"
BOOKED_INDEX = "booked"
SETTLED_INDEX = "settled_in_order"
ENDED_INDEX = "attempts_in_order"
REASON_INDEX = "waiting_by_reason"
UNTIL_INDEX = "until"
PHONE_INDEX = "phone"
PERSON_INDEX = "one_contact_per_listed_phone"
EXTERNAL_INDEX = "external_id"

INDEXES: dict[str, tuple[list[tuple[str, int]], Document]] = {
    CLAIM_INDEX: (
        # The queue's order within each zone group, so that a group whose hours are over is not walked past; and behind
        # it all that a tick asks of a contact: it reads no document to claim one.
        [("campaign_id", 1), ("region", 1), ("priority", -1), ("due_at", 1), ("_id", 1), ("phone", 1)],
        {"partialFilterExpression": {"due_at": {"$exists": True}}},
    ),
    PERSON_INDEX: ([("campaign_id", 1), ("listed", 1)], {"unique": True}),
    PHONE_INDEX: ([("phone", 1)], {}),
    "alternates": ([("numbers.phone", 1)], {"sparse": True}),
    EXTERNAL_INDEX: ([("external_id", 1)], {"partialFilterExpression": {"external_id": {"$gt": ""}}}),
    "one_unsettled_attempt_per_phone": (
        [("phone", 1)],
        {"unique": True, "partialFilterExpression": {"state": {"$in": sorted(UNSETTLED)}}},
    ),
    "one_contact_per_call": (
        [("attempt.sid", 1)],
        {"unique": True, "partialFilterExpression": {"attempt.sid": {"$gt": ""}}},
    ),
    # Two indexes and not one of every state: a key that has just been deleted stays in an index's pages for minutes,
    # and whoever counts the lines in use would walk past all who were waiting until a moment ago.
    BOOKED_INDEX: (
        [("campaign_id", 1), ("state", 1)],
        {"partialFilterExpression": {"state": {"$in": sorted(IN_FLIGHT)}}},
    ),
    SETTLED_INDEX: (
        # With the moment behind it, so that the latest are found first and statistics read each contact only once.
        [("campaign_id", 1), ("state", 1), ("settled_at", 1)],
        {"partialFilterExpression": {"state": {"$in": sorted(TERMINAL)}}},
    ),
    ENDED_INDEX: (
        # A key for each attempt that has ended and is in its contact's story, whatever has become of the contact: the
        # end of an attempt costs one key more. Whoever was never called is not in it.
        [("campaign_id", 1), ("history.ended_at", 1)],
        {"partialFilterExpression": {"history.0": {"$exists": True}}},
    ),
    REASON_INDEX: (
        # Who waits for more than their first turn: a new list has no key in it, and each wait for another costs one.
        [("campaign_id", 1), ("reason", 1), ("due_at", 1)],
        {"partialFilterExpression": {"due_at": {"$exists": True}, "reason": {"$gt": ""}}},
    ),
    UNTIL_INDEX: (
        [("state", 1), ("attempt.until", 1)],
        {"partialFilterExpression": {"state": {"$in": sorted(IN_FLIGHT)}}},
    ),
}


def guard(move: Move, contact_id: str, attempt: str, *clauses: Stage) -> Document:
    """The filter of a move: this contact, a state the table allows, this attempt, and more clauses in `$expr`."""
    return {
        "_id": contact_id,
        "state": states(move),
        "attempt.id": claim_of(attempt),
        **({"$expr": {"$and": list(clauses)}} if clauses else {}),
    }


def holds(move: Move, attempt: str, sid: str, *clauses: Stage) -> Stage:
    """The guard of a move of one call as an expression, for `only_where`: the same as `guard` with `no_other_call`."""
    call_known = {"$ifNull": ["$attempt.sid", None]}
    return {
        "$and": [
            {"$in": ["$state", sorted(MOVES[move].sources)]},
            {"$eq": ["$attempt.id", literal(claim_of(attempt))]},
            {"$in": [call_known, [None, literal(sid)]]},
            *clauses,
        ]
    }


def only_where(guarded: Stage, stages: list[Stage]) -> list[Stage]:
    """These changes where the guard holds, and elsewhere none, not even an empty `attempt`: it is merged as a whole.

    For an update that finds everybody by their id, and so can tell of whom it leaves how they stand.
    """
    (stage,) = stages
    changed: Document = {}
    within: Document = {}
    for path, value in stage["$set"].items():
        outer, _, inner = path.partition(".")
        if inner:
            within[inner] = value
        else:
            changed[outer] = value
    whole = {"$mergeObjects": ["$$ROOT", changed, {"attempt": {"$mergeObjects": ["$attempt", within]}}]}
    return [{"$replaceWith": {"$cond": [guarded, whole, "$$ROOT"]}}]


def states(move: Move) -> Any:
    sources = sorted(MOVES[move].sources)
    return sources[0] if len(sources) == 1 else {"$in": sources}


def booked_in(campaign_id: str, among: Iterable[State]) -> Document:
    """A campaign's contacts in some of the states in flight, by BOOKED_INDEX.

    The index's own filter is repeated: the planner does not see that one `$in` lies within another, and would read
    what every campaign has in flight.
    """
    indexed = {"state": {"$in": sorted(IN_FLIGHT)}}
    return {"campaign_id": campaign_id, "$and": [indexed, {"state": {"$in": sorted(among)}}]}


def count_booked_in(contacts: Collection[Document], campaign_id: str, among: Iterable[State], *, limit: int) -> int:
    """How many they are, keys counted up to the limit and no further.

    By the `count` command, which with a query is no estimate: `count_documents` is an aggregation, a quarter dearer.
    pymongo repeats this one after a cut connection, and no command that is passed to it by name.
    """
    standing = booked_in(campaign_id, among)
    return contacts.estimated_document_count(query=standing, limit=limit, hint=BOOKED_INDEX)


def waiting_in(campaign_id: str) -> Document:
    """A campaign's contacts who wait, by CLAIM_INDEX: `$exists` would read every document."""
    return {"campaign_id": campaign_id, "due_at": {"$gte": _BEGINNING}}


def regions_waiting_in(contacts: Collection[Document], campaign_id: str) -> list[str]:
    """The zone groups of all who wait, each once: the database looks at the first key of each."""
    each_once: list[Document] = [{"$match": waiting_in(campaign_id)}, {"$group": {"_id": "$region"}}]
    return [found["_id"] or "" for found in contacts.aggregate(each_once, hint=CLAIM_INDEX)]


def having(phones: Sequence[str]) -> Document:
    """Whoever has one of these phones, as the one that is dialed or as another: two indexes, a key for each found."""
    return {"$or": [{"phone": {"$in": phones}}, {"numbers.phone": {"$in": phones}}]}


def standing_in(campaign_id: str, state: State) -> tuple[Document, str]:
    """A campaign's contacts in one state, and the index that has just these: every state is in one of three."""
    if state is State.PENDING:
        return waiting_in(campaign_id), CLAIM_INDEX
    return {"campaign_id": campaign_id, "state": state}, SETTLED_INDEX if state in TERMINAL else BOOKED_INDEX


def attempted_in(campaign_id: str) -> Document:
    """A campaign's contacts of whom an attempt has ended, by ENDED_INDEX."""
    return {"campaign_id": campaign_id, "history.0": {"$exists": True}}


def milliseconds(span: timedelta) -> int:
    return round(span / timedelta(milliseconds=1))


def from_now(span: timedelta) -> Any:
    """A moment by the database's clock."""
    return {"$add": ["$$NOW", milliseconds(span)]}


def is_date(path: str) -> Stage:
    return {"$eq": [{"$type": path}, "date"]}


def is_past(path: str) -> Stage:
    return {"$and": [is_date(path), {"$lte": [path, "$$NOW"]}]}


def no_sooner_than_asked(due_at: Any) -> Stage:
    """Or the moment at which the person is to be called back, where that is later: one that is past never is."""
    return {"$max": [due_at, "$callback_at"]}


def to_pending(
    due_at: Any, *, reason: str, used: int = 0, setbacks: int = 0, number: Number | None = None, tried: bool = False
) -> list[Stage]:
    """Waiting again: due at a moment, without an attempt.

    `number`: to be dialed at another one than before; `tried`: because of what an attempt came to.
    """
    return [
        {
            "$set": {
                "state": State.PENDING,
                "due_at": due_at,
                "reason": literal(reason),
                **_counters(used=used, setbacks=setbacks),
                **noted(State.PENDING, reason, due_at=due_at, anew=tried),
                **({"phone": literal(number.phone), "region": literal(number.region)} if number else {}),
            }
        },
        {"$unset": "attempt"},
    ]


def to_terminal(state: State, *, reason: str, used: int = 0, tried: bool = False) -> list[Stage]:
    """Settled for good; `tried`: by an attempt, whose story says so."""
    decision = {} if tried else noted(state, reason)
    counters = _counters(used=used)
    return [
        {"$set": {"state": state, "reason": literal(reason), "settled_at": "$$NOW", **counters, **decision}},
        {"$unset": ["attempt", "due_at"]},
    ]


def to_uncertain(poll: timedelta, *, reason: str) -> list[Stage]:
    return [
        {
            "$set": {
                "state": State.UNCERTAIN,
                "reason": literal(reason),
                "attempt.until": from_now(poll),
                **noted(State.UNCERTAIN, reason),
            }
        }
    ]


def to_placed(sid: str, *, answered: bool = False, **more: Any) -> list[Stage]:
    """The carrier has the call: it may be silent for the attempt's own patience, and once answered, for a talk."""
    known = ["$attempt.patience_ms", _PATIENCE_LOST_MS]
    patience = ["$attempt.talk_limit_ms", *known] if answered else known
    return [
        {
            "$set": {
                "state": State.PLACED,
                "reason": "",
                "setbacks": 0,
                "attempt.sid": literal(sid),
                "attempt.until": {"$add": ["$$NOW", {"$ifNull": patience}]},
                **more,
            }
        }
    ]


def archive(
    outcome: Outcome,
    *,
    detail: str = "",
    sid: str | None = None,
    answered_by: str = "",
    duration: timedelta | None = None,
    price: Decimal | None = None,
) -> list[Stage]:
    """Move the attempt's facts to the contact's story, before it is removed; what is not known takes no room."""
    entry: Stage = {
        "id": "$attempt.id",
        "n": "$attempt.n",
        "to": "$phone",
        "from": "$attempt.from",
        "dial_at": "$attempt.dial_at",
        "ended_at": "$$NOW",
        "sid": literal(sid) if sid else {"$ifNull": ["$attempt.sid", ""]},
        "outcome": literal(outcome),
        "detail": literal(detail),
        # No field for any of these three where there was none.
        "answered_by": literal(answered_by) if answered_by else "$attempt.answered_by",
        "voicemail_left": "$attempt.voicemail_left",
        "answers": "$attempt.answers",
        "region": "$attempt.region",
        "rules": "$attempt.rules",
        "rule": "$attempt.rule",
        "zone_source": "$attempt.zone_source",
    }
    if duration is not None:
        entry["duration_s"] = literal(round(duration.total_seconds()))
    if price is not None:
        entry["price"] = literal(str(price))
    story = {"$concatArrays": [{"$ifNull": ["$history", []]}, [entry]]}
    return [{"$set": {"history": {"$slice": [story, -HISTORY_KEPT]}}}]


def no_other_call(sid: str) -> Document:
    """The attempt's call is not known yet, or it is this one."""
    return {"attempt.sid": {"$in": [None, sid]}}


def contact_of(document: Document) -> Contact:
    contact_id = document["_id"]
    attempt = document.get("attempt")
    row = document.get("row", {})
    listed: str = document.get("listed") or document["phone"]  # before there were alternates, no other was dialed
    return Contact(
        id=contact_id,
        campaign_id=document["campaign_id"],
        phone=document["phone"],
        region=document.get("region", ""),
        listed=listed,
        numbers=tuple(Number(**number) for number in document.get("numbers", ())),
        priority=document.get("priority", 0),
        due_at=document.get("due_at"),
        callback_at=document.get("callback_at"),
        state=State(document["state"]),
        reason=document.get("reason", ""),
        used=document.get("used", 0),
        max=document.get("max", 1),
        setbacks=document.get("setbacks", 0),
        vars=document.get("vars", {}),
        external_id=document.get("external_id", ""),
        caller_id=document.get("caller_id", ""),
        attempt=_attempt_of(contact_id, attempt) if attempt else None,
        history=tuple(_finished_of(contact_id, listed, past) for past in document.get("history", ())),
        decisions=decisions_of(document),
        list_id=row.get("list", ""),
        line=row.get("line", 0),
    )


def contacts_of(documents: Iterable[Document]) -> list[Contact]:
    return [contact_of(document) for document in documents]


def _counters(*, used: int, setbacks: int = 0) -> Stage:
    counters: Stage = {"used": {"$add": ["$used", used]}} if used else {}
    if setbacks:
        counters["setbacks"] = {"$add": [{"$ifNull": ["$setbacks", 0]}, setbacks]}
    return counters


def _attempt_of(contact_id: str, attempt: Document) -> Attempt:
    return Attempt(
        id=attempt_id(contact_id, attempt["id"]),
        until=_moment(attempt["until"]),
        n=attempt.get("n", 0),
        from_number=attempt.get("from", ""),
        token=attempt.get("token", ""),
        dial_at=attempt.get("dial_at"),
        sid=attempt.get("sid", ""),
        status=attempt.get("status", ""),
        rank=attempt.get("rank", 0),
        answered_by=attempt.get("answered_by", ""),
        voicemail_left=attempt.get("voicemail_left", False),
        answers=attempt.get("answers", {}),
        region=attempt.get("region", ""),
        rules=attempt.get("rules", ""),
        rule=attempt.get("rule", ""),
        zone_source=attempt.get("zone_source", ""),
    )


def _finished_of(contact_id: str, listed: str, past: Document) -> FinishedAttempt:
    return FinishedAttempt(
        id=attempt_id(contact_id, past["id"]),
        n=past.get("n", 0),
        to=past.get("to", listed),
        from_number=past.get("from", ""),
        dial_at=past.get("dial_at"),
        ended_at=_moment(past["ended_at"]),
        sid=past.get("sid", ""),
        outcome=Outcome(past["outcome"]),
        detail=past.get("detail", ""),
        answered_by=past.get("answered_by", ""),
        voicemail_left=past.get("voicemail_left", False),
        answers=past.get("answers", {}),
        region=past.get("region", ""),
        rules=past.get("rules", ""),
        rule=past.get("rule", ""),
        zone_source=past.get("zone_source", ""),
        duration=timedelta(seconds=past["duration_s"]) if "duration_s" in past else None,
        price=Decimal(past["price"]) if "price" in past else None,
    )


def _moment(value: Any) -> datetime:
    if not isinstance(value, datetime):
        raise TypeError("a moment is stored as a date")
    return value
