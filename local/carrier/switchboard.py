"""Takes orders for calls: decides each one's fate, gives it its turn, and starts it."""

from collections import Counter

from local.carrier.calls import Call, place
from local.carrier.fates import Fate, FateBook, Kind
from local.carrier.gate import Gate
from local.carrier.ledger import Ledger
from local.carrier.line import Line
from local.carrier.orders import Order
from local.carrier.refusals import Refusal


class Switchboard:
    def __init__(self, *, account_sid: str, seed: int, gate: Gate, line: Line, ledger: Ledger) -> None:
        self.seed = seed
        self.accepted: Counter[str] = Counter()
        self._account_sid = account_sid
        self._gate = gate
        self._line = line
        self._ledger = ledger
        self.open_book(FateBook(seed=seed))

    def open_book(self, book: FateBook) -> None:
        """From here on these fates hold; every number's list starts at its first entry."""
        self._book = book
        self._turns: Counter[str] = Counter()
        self._ledger.write("fates", book=book.as_json())

    def connect(self, order: Order) -> Call:
        """One request, one call; raises Refusal where there is none."""
        fate = self._fate(order.to)
        if fate.kind is Kind.REFUSE:
            self._turns[order.to] += 1
            raise _fated(fate, order)
        wait = self._gate.take_turn()
        self._turns[order.to] += 1
        self.accepted[order.to] += 1
        call = place(self._account_sid, order, fate, queue_seconds=wait, queue_told=self._gate.told)
        self._line.start(call)
        return call

    def _fate(self, to: str) -> Fate:
        return self._book.fate(to, turn=self._turns[to], accepted=self.accepted[to])


def _fated(fate: Fate, order: Order) -> Refusal:
    refusal = Refusal(fate.code, status=fate.status, to=order.to, from_=order.from_)
    refusal.fated = True
    return refusal
