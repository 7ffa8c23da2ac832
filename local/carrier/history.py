"""The ledger, read once from front to back: who was asked for, who was called, what was alive at the same time."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from local.carrier.calls import ALIVE, Status
from local.carrier.fates import FateBook, read_book
from local.carrier.ledger import Record


@dataclass(frozen=True, kw_only=True, slots=True)
class Asking:
    """A request for a call. Accepted: a `sid`; refused: a `code`; neither: struck by a fault unprocessed."""

    to: str
    contact_id: str | None
    attempt_id: str | None
    torn: bool
    sid: str | None
    code: int | None
    status: int | None
    fault: str | None


@dataclass(kw_only=True, slots=True)
class CallStory:
    """`machine_heard`: the customer was told of a machine before, or together with, the end of the call."""

    sid: str
    to: str
    contact_id: str | None
    attempt_id: str | None
    fate: str
    status: str
    detection: str | None = None
    rang: bool = False
    machine_heard: bool = False
    end_heard: bool = False

    @property
    def alive(self) -> bool:
        return self.status in ALIVE


@dataclass(frozen=True, kw_only=True, slots=True)
class Overlap:
    """A call, or a request for one, while another call to the number was alive."""

    phone: str
    what: str
    sid: str | None
    alive: tuple[str, ...]


@dataclass(kw_only=True, slots=True)
class History:
    """`turns`: fates a number has used since the book was opened; `accepted`: its accepted calls."""

    askings: list[Asking] = field(default_factory=list)
    calls: dict[str, CallStory] = field(default_factory=dict)
    overlaps: list[Overlap] = field(default_factory=list)
    book: FateBook = field(default_factory=FateBook)
    turns: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)
    _alive: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def note_fates(self, record: Record) -> None:
        self.book = read_book(record["book"])
        self.turns.clear()

    def note_asking(self, record: Record) -> None:
        if record["op"] != "create":
            return
        to, sid = record["to"], record["sid"]
        self.turns[to] += record["fate"] is not None
        self.accepted[to] += sid is not None
        if sid is None:
            self._note_overlap(to, "request", None)
        self.askings.append(
            Asking(
                to=to,
                contact_id=record["contact_id"],
                attempt_id=record["attempt_id"],
                torn=record["torn"],
                sid=sid,
                code=record["code"],
                status=record["status"],
                fault=record["fault"],
            )
        )

    def note_call(self, record: Record) -> None:
        call = self.calls.get(record["sid"]) or self._begin(record)
        call.status = record["status"]
        call.rang |= call.status == Status.RINGING
        if not call.alive:
            call.detection = record.get("detection")
            self._alive[call.to].remove(call.sid)

    def note_callback(self, record: Record) -> None:
        """Only what the customer answered well counts as heard."""
        call = self.calls.get(record["sid"])
        heard = record["status"] is not None and record["status"] < 300 and record["fault"] != "forged"
        if call and heard:
            call.machine_heard |= record["event"] == "amd" and not call.end_heard
            call.end_heard |= record["event"] == "completed"

    def _begin(self, record: Record) -> CallStory:
        names = ("sid", "to", "contact_id", "attempt_id", "fate", "status")
        call = CallStory(**{name: record[name] for name in names})
        self._note_overlap(call.to, "call", call.sid)
        self.calls[call.sid] = call
        self._alive[call.to].append(call.sid)
        return call

    def _note_overlap(self, to: str, what: str, sid: str | None) -> None:
        if alive := self._alive[to]:
            self.overlaps.append(Overlap(phone=to, what=what, sid=sid, alive=tuple(alive)))


def read_history(records: Iterable[Record]) -> History:
    history = History()
    notes = {
        "fates": history.note_fates,
        "request": history.note_asking,
        "call": history.note_call,
        "callback": history.note_callback,
    }
    for record in records:
        if note := notes.get(record["kind"]):
            note(record)
    return history
