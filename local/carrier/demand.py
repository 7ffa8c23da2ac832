"""How many calls a row is owed: by its policy, by what happened to the calls it had, and by the fates still to come."""

from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from enum import StrEnum
from itertools import chain

from local.carrier.case import Policy
from local.carrier.fates import Fate, Kind
from local.carrier.history import Asking, CallStory, History
from local.carrier.refusals import QUEUE_FULL

MOST_TURNS = 100


class Turn(StrEnum):
    """What one request came to."""

    ANSWERED = "answered"
    MACHINE = "machine"
    MACHINE_UNHEARD = "machine unheard"
    """A machine, but the customer may have heard of the end first and taken it for a person."""
    FAX = "fax"
    """Nobody is called there again, whatever the policy says of machines."""
    FAX_PASSED = "fax passed"
    """The same, and another number of the person's is tried."""
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    FAILED = "failed"
    CANCELED = "canceled"
    WITHDRAWN = "withdrawn"
    """Canceled before it rang: a call that spends no attempt."""
    BARRED = "barred"
    """Refused for good: no call, no more attempts."""
    PERHAPS_BARRED = "perhaps barred"
    """13224: may be the number, may be an outage."""
    NOT_YET = "not yet"
    """Provably no call, and no attempt spent: throttled, or a fault of the account that pauses the campaign."""
    PASSED = "passed"
    """Refused for good, and another number of the person's is tried: no call, and no attempt spent."""
    DOUBT = "doubt"
    """No call, and the customer could not know."""


CALLED = (
    Turn.ANSWERED,
    Turn.MACHINE,
    Turn.MACHINE_UNHEARD,
    Turn.FAX,
    Turn.FAX_PASSED,
    Turn.BUSY,
    Turn.NO_ANSWER,
    Turn.FAILED,
    Turn.CANCELED,
    Turn.WITHDRAWN,
)
REACHED = (Turn.ANSWERED, Turn.MACHINE, Turn.MACHINE_UNHEARD, Turn.FAX, Turn.FAX_PASSED)
BARRED_CODES = frozenset({21202, 21211, 21214, 21216, 21217, 13223, 13225, 13226})
PERHAPS_BARRED_CODES = frozenset({13224})
NOT_YET_CODES = frozenset(
    {20429, 10004}
    | {20003, 20005, 20006, 20008, 20403, 10001, 10002, 10005}
    | {21201, 21203, 21205, 21206, 21207, 21208, 21209, 21210, 21212, 21213, 21215, 21218, 21219, 21609, 21626}
    | {13227, 573005}
)
OUTCOMES = {
    Kind.HUMAN: Turn.ANSWERED,
    Kind.SLOW: Turn.ANSWERED,
    Kind.MACHINE: Turn.MACHINE,
    Kind.FAX: Turn.FAX,
    Kind.BUSY: Turn.BUSY,
    Kind.REJECTED: Turn.BUSY,
    Kind.NO_ANSWER: Turn.NO_ANSWER,
    Kind.FAILED: Turn.FAILED,
}


def demanded(past: Iterable[Turn], future: Iterable[Turn], policy: Policy, *, generous: bool) -> int:
    """Calls until a turn is final or the attempts are used up; what is uncertain counts for more if `generous`."""
    calls = used = 0
    for turn in chain(past, future):
        if used >= policy.max_attempts:
            break
        calls += turn in CALLED
        used += (turn in CALLED and turn is not Turn.WITHDRAWN) or (turn is Turn.DOUBT and not generous)
        if _final(turn, policy, generous=generous):
            break
    return calls


def _final(turn: Turn, policy: Policy, *, generous: bool) -> bool:
    match turn:
        case Turn.NOT_YET | Turn.PASSED | Turn.FAX_PASSED | Turn.DOUBT:
            return False
        case Turn.PERHAPS_BARRED:
            return not generous
        case Turn.MACHINE_UNHEARD:
            return not (generous and Turn.MACHINE in policy.retry_on)
        case Turn.WITHDRAWN:
            return Turn.CANCELED not in policy.retry_on
    return turn not in policy.retry_on


def turn_of(asking: Asking, history: History) -> Turn:
    if asking.sid is not None:
        return _turn_of_call(history.calls[asking.sid])
    if asking.code is None:
        return Turn.DOUBT
    return _turn_of_code(asking.code, asking.status or 400)


def _turn_of_call(call: CallStory) -> Turn:
    """A machine is a machine even where the customer did not ask: the policy that wants it retried has to ask."""
    if call.alive or call.status == "completed":
        reached = OUTCOMES[Kind(call.fate)]
        unheard = call.detection == "async" and not call.machine_heard
        return Turn.MACHINE_UNHEARD if unheard and reached is not Turn.ANSWERED else reached
    return Turn.WITHDRAWN if call.status == Turn.CANCELED and not call.rang else Turn(call.status)


def _turn_of_code(code: int, status: int) -> Turn:
    if code in NOT_YET_CODES:
        return Turn.NOT_YET
    if status >= 500 or code == QUEUE_FULL:
        return Turn.DOUBT
    if code in PERHAPS_BARRED_CODES:
        return Turn.PERHAPS_BARRED
    return Turn.BARRED if code in BARRED_CODES else Turn.DOUBT


class Numbers:
    """A person's numbers, dialed in turn: `past` is what the requests so far came to, `to_come` what the next would."""

    def __init__(self, numbers: Sequence[str], askings: Sequence[Asking], history: History) -> None:
        self._history, self._turns = history, _Turns(numbers)
        self.past = [self._turns.took(asking.to, turn_of(asking, history)) for asking in askings]

    def to_come(self) -> Iterator[Turn]:
        turns = deepcopy(self._turns)
        fates = {number: _fates_of(number, self._history) for number in turns.numbers}
        for _ in range(MOST_TURNS):
            yield turns.took(turns.next, next(fates[turns.next]))


class _Turns:
    """Whose turn it is: whatever rang or was refused passes to the number after it; the last one that is left stays."""

    def __init__(self, numbers: Sequence[str]) -> None:
        self.numbers = numbers
        self.next = numbers[0]
        self._refused = set[str]()

    def took(self, number: str, turn: Turn) -> Turn:
        if turn in {Turn.NOT_YET, Turn.WITHDRAWN, Turn.DOUBT}:
            self.next = number
            return turn
        barred = turn in {Turn.BARRED, Turn.PERHAPS_BARRED}
        self._refused |= {number} if barred or turn is Turn.FAX else set()
        behind = self.numbers.index(number) + 1
        in_turn = (*self.numbers[behind:], *self.numbers[:behind])
        self.next = next((one for one in in_turn if one not in self._refused), number)
        if turn is Turn.FAX and self.next != number:
            return Turn.FAX_PASSED
        return Turn.PASSED if barred and self.next != number else turn


def _fates_of(to: str, history: History) -> Iterator[Turn]:
    """What the number's next requests would come to."""
    turn, accepted = history.turns[to], history.accepted[to]
    while True:
        fate = history.book.fate(to, turn=turn, accepted=accepted)
        yield _turn_of_fate(fate)
        turn += 1
        accepted += fate.kind is not Kind.REFUSE


def _turn_of_fate(fate: Fate) -> Turn:
    return _turn_of_code(fate.code, fate.status or 400) if fate.kind is Kind.REFUSE else OUTCOMES[fate.kind]
