"""How fast calls are dialed: calls a second, a queue before it, and a limit on requests. All in real seconds."""

import time
from collections import deque
from dataclasses import dataclass, field

from local.carrier.refusals import QUEUE_FULL, TOO_MANY, Refusal


@dataclass(kw_only=True, slots=True)
class Gate:
    """`cps` 0: no limit. `waiting` counts calls that are queued for their turn; `told`: replies say for how long."""

    cps: float = 0.0
    told: bool = True
    queue_limit: int = 0
    waiting: int = 0
    _free_at: float = 0.0

    def set_pace(self, cps: float, *, told: bool = True) -> None:
        """From here on; the next call is dialed at once, whatever waited before."""
        self.cps, self.told, self._free_at = cps, told, 0.0

    def take_turn(self) -> float:
        """How many seconds the next call has to wait; raises Refusal where the queue is full."""
        if not self.cps:
            return 0.0
        now = time.monotonic()
        if self.queue_limit and self.waiting >= self.queue_limit and self._free_at > now:
            raise Refusal(QUEUE_FULL)
        turn = max(now, self._free_at)
        self._free_at = turn + 1 / self.cps
        return turn - now


@dataclass(kw_only=True, slots=True)
class RateLimit:
    """At most `per_second` requests in any second; 0: no limit."""

    per_second: int = 0
    _recent: deque[float] = field(default_factory=deque)

    def admit(self) -> None:
        if not self.per_second:
            return
        now = time.monotonic()
        while self._recent and self._recent[0] <= now - 1:
            self._recent.popleft()
        if len(self._recent) >= self.per_second:
            raise Refusal(TOO_MANY)
        self._recent.append(now)
