"""Answers that one process remembers: so a page that asks every few seconds costs the database little."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from dialer.ports import Clock

Answer = TypeVar("Answer")
_MOST = 200


class Remembering(Generic[Answer]):
    """An answer is good for nine times as long as it took, and `at_least` so many seconds: however many look, the
    database spends at most a tenth of its time on it."""

    def __init__(self, clock: Clock, *, at_least: float) -> None:
        self._clock = clock
        self._at_least = at_least
        self._known: OrderedDict[str, tuple[float, Answer]] = OrderedDict()

    def __call__(self, key: str, ask: Callable[[], Answer]) -> Answer:
        began = self._clock.monotonic()
        good_until, known = self._known.get(key, (began, None))
        if known is not None and began < good_until:
            return known
        answer = ask()
        ended = self._clock.monotonic()
        self._known[key] = (ended + max(self._at_least, 9 * (ended - began)), answer)
        self._known.move_to_end(key)
        while len(self._known) > _MOST:
            self._known.popitem(last=False)
        return answer
