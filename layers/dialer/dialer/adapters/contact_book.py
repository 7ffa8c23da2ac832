"""The contact book: contacts come in once per phone and campaign, are told what is new, counted, and listed."""

import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from pymongo import IndexModel, UpdateOne, timeout
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError
from pymongo.read_concern import ReadConcern

from dialer import languages
from dialer.adapters.clock import SystemClock
from dialer.adapters.contact_documents import (
    INDEXES,
    PERSON_INDEX,
    contacts_of,
    having,
    standing_in,
    states,
    to_terminal,
)
from dialer.adapters.mongo import Document, available, database_clock
from dialer.adapters.people import DUE_BEFORE_HOLD, NEVER
from dialer.adapters.roll import MongoRoll
from dialer.calling.hinted import hint_named
from dialer.calling.whereabouts import Hints
from dialer.columns import hints_in
from dialer.errors import Unavailable
from dialer.lifecycle import Move, State, target
from dialer.model import Contact, NewContact
from dialer.office_ports import Added
from dialer.phones import dialable
from dialer.ports import Clock
from dialer.variables import plainly

_DUPLICATE_KEY = 11000
_COUNTING_S = 60  # ten million contacts take a few seconds, more than any other query may
_QUICK_S = 0.1  # what takes no longer is counted anew each time
_PENDING = str(State.PENDING)  # a plain text, which the driver writes quicker
_COMPARED = dict.fromkeys(
    (
        "listed", "phone", "region", "numbers", "state", "used", "priority", "due_at", DUE_BEFORE_HOLD, "decided",
        "callback_at", "callback_listed", "vars", "external_id", "caller_id", "row",
    ),
    1,
)  # fmt: skip
_SEEN_WITH = {
    "due_at": ("due_at",),
    DUE_BEFORE_HOLD: ("due_at",),
    "callback_at": ("due_at", "callback_at"),
    "region": ("phone",),
    "numbers": ("numbers",),
}
"""What must still be as it was seen where something is written: a hold may have come or gone, or a call-back been asked
for, or the turn of another number have come, or one more number."""


class MongoContactBook(MongoRoll):
    """Adds in unordered batches, and the unique index on (campaign, phone) lets nobody in twice.

    Whoever is already there is looked up first: an old list is quicker so than when it is refused. Where nobody was,
    the next batch is inserted without a look: a new list is quicker so.
    """

    def __init__(self, contacts: Collection[Document], *, clock: Clock | None = None) -> None:
        super().__init__(contacts)
        self._clock = clock or SystemClock()
        self._counted: dict[str, _Counted] = {}
        self._met_nobody_in = ""  # the campaign of the last batch, where nobody of it was there

    def prepare(self) -> None:
        models = [IndexModel(keys, name=name, **options) for name, (keys, options) in INDEXES.items()]
        with available():
            self._contacts.create_indexes(models)

    def add(self, campaign_id: str, contacts: Sequence[NewContact], *, max_attempts: int, list_id: str = "") -> Added:
        rows = _by_phone(contacts)
        if not rows:
            return Added(added=0, known=0)
        with available():
            now = database_clock(self._contacts.database)
            there = {} if self._met_nobody_in == campaign_id else self._there(campaign_id, list(rows))
            new = [row for phone, row in rows.items() if phone not in there] if there else list(rows.values())
            taken = self._insert(_documents(campaign_id, new, max_attempts=max_attempts, now=now, list_id=list_id))
            if taken:  # somebody else brought them in meanwhile, or nobody looked
                there |= self._demanded(campaign_id, taken)
            met = [_meet(rows[phone], document, list_id, now) for phone, document in there.items()]
            updated = self._update([one for one in met if isinstance(one, UpdateOne)])
        self._met_nobody_in = "" if there else campaign_id
        counts = Counter(one for one in met if isinstance(one, str))
        added = len(new) - len(taken) + counts["added"]
        repeated = len(contacts) - len(rows) + counts["repeated"]
        updated += counts["updated"]
        return Added(added=added, updated=updated, repeated=repeated, known=len(contacts) - added - updated - repeated)

    def _there(self, campaign_id: str, phones: list[str]) -> dict[str, Document]:
        """Whom the campaign already has, by phone."""
        wanted = {"campaign_id": campaign_id, "listed": {"$in": phones}}
        found = self._contacts.find(wanted, _COMPARED, hint=PERSON_INDEX, batch_size=len(phones) + 1)
        return {document["listed"]: document for document in found}

    def _demanded(self, campaign_id: str, taken: list[str]) -> dict[str, Document]:
        """Whoever was refused as being there is there, or nobody knows what became of them."""
        there = self._there(campaign_id, taken)
        if len(there) < len(taken):
            raise Unavailable("somebody who was there is not there any more: import the list again")
        return there

    def _insert(self, documents: list[Document]) -> list[str]:
        """The phones that were there already."""
        if not documents:
            return []
        try:
            self._contacts.insert_many(documents, ordered=False)
        except BulkWriteError as partly:
            errors: list[dict[str, Any]] = partly.details.get("writeErrors", [])
            if any(error["code"] != _DUPLICATE_KEY for error in errors) or partly.details.get("writeConcernErrors"):
                raise Unavailable("the database did not take the whole batch: import the list again") from partly
            return [documents[error["index"]]["listed"] for error in errors]
        return []

    def _update(self, updates: list[UpdateOne]) -> int:
        """How many were still waiting."""
        return self._contacts.bulk_write(updates, ordered=False).matched_count if updates else 0

    def cancel_waiting(self, campaign_id: str, phones: Sequence[str], *, reason: str) -> int:
        """Looked up by phone, and then written by id: whoever has begun to be called meanwhile is left alone."""
        stages = to_terminal(target(Move.CANCEL, State.FAILED), reason=f"cancelled: {reason}")
        waiting = {"campaign_id": campaign_id, "state": states(Move.CANCEL)}
        with available():
            found = [one["_id"] for one in self._contacts.find({**waiting, **having(phones)}, {"_id": 1})]
            if not found:
                return 0
            return self._contacts.update_many({"_id": {"$in": found}, **waiting}, stages).modified_count

    def page(self, campaign_id: str, *, after: str, limit: int) -> Sequence[Contact]:
        behind = {"campaign_id": campaign_id, "listed": {"$gt": after}}
        order = [("campaign_id", 1), ("listed", 1)]
        with available():
            return contacts_of(self._contacts.find(behind, sort=order, limit=limit, hint=PERSON_INDEX))

    def count_by_state(self, campaign_id: str) -> dict[State, int]:
        """Counts keys of one snapshot, and reads no document.

        That takes some seconds for ten million contacts. What took long is remembered for nine times as long, so
        however often somebody looks, the database spends at most a tenth of its time on it.
        """
        known = self._counted.get(campaign_id)
        began = self._clock.monotonic()
        if known and began < known.good_until:
            return known.counts
        with available(), timeout(_COUNTING_S):
            counts = self._count_keys(campaign_id)
        self._counted[campaign_id] = _remembered(counts, began=began, ended=self._clock.monotonic())
        return counts

    def _count_keys(self, campaign_id: str) -> dict[State, int]:
        """Everybody, and everybody who does not wait: the rest waits. That is quicker than to count the queue."""
        keys = self._contacts.with_options(read_concern=ReadConcern())  # the session says which
        with self._contacts.database.client.start_session(snapshot=True) as moment:
            everybody = keys.count_documents({"campaign_id": campaign_id}, hint=PERSON_INDEX, session=moment)
            counts: dict[State, int] = {}
            for state in (one for one in State if one is not State.PENDING):
                standing, index = standing_in(campaign_id, state)
                counts[state] = keys.count_documents(standing, hint=index, session=moment)
        counts[State.PENDING] = everybody - sum(counts.values())
        return {state: count for state, count in counts.items() if count}


def _by_phone(contacts: Sequence[NewContact]) -> dict[str, NewContact]:
    """In the list's order; of several with one phone, the first."""
    rows = {row.phone: row for row in contacts}
    if len(rows) < len(contacts):
        rows |= {row.phone: row for row in reversed(contacts)}
    return rows


def _documents(
    campaign_id: str, rows: Sequence[NewContact], *, max_attempts: int, now: datetime, list_id: str
) -> list[Document]:
    return [
        _document(contact_id, campaign_id, row, max_attempts, now, list_id)
        for contact_id, row in zip(_new_ids(now, len(rows)), rows, strict=True)
    ]


def _new_ids(now: datetime, count: int) -> list[str]:
    """Ids that nobody has had, in order, so that the index of ids grows at its end; as long as an ObjectId.

    The second and its milliseconds, 36 random bits for the batch, and a number within it: one by one they would cost a
    tenth of an import.
    """
    batch = f"{int(now.timestamp()):08x}{now.microsecond // 1000:03x}{secrets.token_hex(5)[:9]}"
    return [f"{batch}{number:04x}" for number in range(count)]


def _document(
    contact_id: str, campaign_id: str, row: NewContact, max_attempts: int, now: datetime, list_id: str
) -> Document:
    document: Document = {
        "_id": contact_id,
        "campaign_id": campaign_id,
        "listed": row.phone,
        "phone": row.phone,
        "region": row.region,
        "priority": row.priority or 0,
        "due_at": _no_sooner(row.call_after, now),
        "state": _PENDING,
        "used": 0,
        "max": max_attempts,
        "vars": row.vars,
    }
    if row.vars_of:
        document["vars_of"] = row.vars_of
    if row.external_id:
        document["external_id"] = row.external_id
    if asked := _asked(row, now):
        due_at = _no_sooner(row.call_after, asked)
        document |= {"callback_at": asked, "callback_listed": asked, "due_at": due_at}
    if row.alternates:
        document["numbers"] = [{"phone": row.phone, "region": row.region}, *map(asdict, row.alternates)]
    if row.caller_id:
        document["caller_id"] = row.caller_id
    if list_id:
        document["row"] = {"list": list_id, "line": row.line}
    return document


def _meet(row: NewContact, there: Document, list_id: str, now: datetime) -> UpdateOne | str:
    """What a row means to somebody whom the campaign already has.

    A contact remembers its row. So when the same row comes again, after a crash, it is what it was: added or updated;
    and another row of the same list with this phone is a repetition.
    """
    origin = there.get("row", {})
    if list_id and origin.get("list") == list_id:
        if origin["line"] != row.line:
            return "repeated"
        return "updated" if origin.get("updated") else "added"
    news = _news(row, there, now) if there["state"] == State.PENDING else {}
    if not news:
        return "known"
    if list_id:
        news["row"] = {"list": list_id, "line": row.line, "updated": True}
    still_waiting = {"_id": there["_id"], "state": State.PENDING, "used": there["used"]}
    as_seen = {name: there.get(name) for written in news for name in _SEEN_WITH.get(written, ())}
    return UpdateOne(still_waiting | as_seen, {"$set": news})


def _news(row: NewContact, there: Document, now: datetime) -> Document:
    """What the row says and the contact does not have yet; what the row does not say stays as it is."""
    said: Document = {"vars": _vars(row, there["vars"])}
    if row.priority is not None:
        said["priority"] = row.priority
    if row.external_id:
        said["external_id"] = row.external_id
    if row.caller_id:
        said["caller_id"] = row.caller_id
    where = _where(row, there, said["vars"])
    said |= where
    news = {name: value for name, value in said.items() if value != there.get(name)}
    if "vars" in news:
        news |= where  # of two lists at once the last one counts, and where somebody is must be what the variables say
    asked = _asked(row, now)
    when = DUE_BEFORE_HOLD if there["due_at"] == NEVER else "due_at"  # no list ends a hold
    if asked and asked not in (there.get("callback_at"), there.get("callback_listed")):
        news |= {"callback_at": asked, "callback_listed": asked, when: _no_sooner(row.call_after, asked)}
    elif row.call_after:
        due_at, was_due = _no_sooner(row.call_after, now), there.get(when, now)
        if there["used"] or "decided" in there or "callback_at" in there:  # never cut short
            due_at = max(due_at, was_due)
        if max(due_at, was_due) > now and due_at != was_due:
            news[when] = due_at
    return news


def _asked(row: NewContact, now: datetime) -> datetime | None:
    """When the person is to be called back, whatever the schedule says; None where nobody asked, or it is past.

    A list that says so each night says nothing new: what was asked for since, by the person or for them, stands.
    """
    return row.callback_at if row.callback_at and row.callback_at > now else None


def _no_sooner(moment: datetime | None, due_at: datetime) -> datetime:
    return max(moment, due_at) if moment else due_at


def _vars(row: NewContact, known: dict[str, str]) -> dict[str, str]:
    """What the row says, behind what it does not say. An empty cell takes nobody out of their state or language."""
    if row.vars.items() <= known.items():
        return known
    said = {name: cell for name, cell in row.vars.items() if cell or not (_stands(name) and known.get(name))}
    if said.items() <= known.items():
        return known
    meant = {plainly(name) for name in said}  # an earlier list may have written them otherwise
    return {name: cell for name, cell in known.items() if plainly(name) not in meant} | said


def _stands(name: str) -> bool:
    return name == languages.VARIABLE or bool(hint_named(name))


def _where(row: NewContact, there: Document, variables: dict[str, str]) -> Document:
    """Where the phone that is dialed may ring, and all numbers with those that are new; nothing where all is known.

    No number is forgotten: it may have rung.
    """
    known = {there["phone"]: there.get("region", "")}
    if "numbers" in there:
        known = {number["phone"]: number["region"] for number in there["numbers"]} | known
    said = {row.phone: row.region}
    if row.alternates:
        said |= {number.phone: number.region for number in row.alternates}
    if variables is there["vars"] and said.items() <= known.items():
        return {}
    regions = _regions(row, said, known, there["vars"], variables)
    where: Document = {"region": regions[there["phone"]]}
    if row.alternates or "numbers" in there:
        in_order = dict.fromkeys(number["phone"] for number in there.get("numbers", ())) | dict.fromkeys(said)
        where["numbers"] = [{"phone": phone, "region": regions[phone]} for phone in in_order]
    return where


def _regions(
    row: NewContact, said: dict[str, str], known: dict[str, str], before: dict[str, str], after: dict[str, str]
) -> dict[str, str]:
    """The zone group of each number, by all that the variables say, for an earlier list may have named the state.

    A row has judged its numbers by its own columns. Only where more is known they are judged again, as is a number that
    the row does not name where its columns move the person.
    """
    hints = hints_in(after)
    sure = {phone: region for phone, region in known.items() if phone not in said} if hints == hints_in(before) else {}
    sure |= said if hints == hints_in(row.vars) else {}
    return {phone: sure.get(phone, "") or _judged(phone, hints, told) for phone, told in (known | said).items()}


def _judged(phone: str, hints: Hints, told: str) -> str:
    try:
        _, region = dialable(phone, hints=hints)
    except ValueError:  # an old variable is no zone or country: there was a time when nobody looked
        return told
    return region


@dataclass(frozen=True, kw_only=True)
class _Counted:
    """Counts, and how long they are good enough, on this process's clock."""

    counts: dict[State, int]
    good_until: float


def _remembered(counts: dict[State, int], *, began: float, ended: float) -> _Counted:
    took = ended - began
    return _Counted(counts=counts, good_until=ended + 9 * took if took > _QUICK_S else began)
