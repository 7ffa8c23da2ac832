"""The queues of a universe with the shape of boto3's SQS client: at least once, in any order, late or twice."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

from tests.simulation.collection import Wire
from tests.simulation.universe import Ended, Universe

CALL_QUEUE, REFILL_QUEUE, OPT_OUT_QUEUE = "call", "refill.fifo", "opt-outs"
_DELIVERIES = 5  # then the message goes to the dead-letter queue
_REMEMBERED_MS = 300_000  # how long a FIFO queue knows a deduplication id

Deliver = Callable[[str, str, Ended], None]


@dataclass(frozen=True, kw_only=True)
class Habits:
    """How often the queues do what they may do."""

    refuse: float = 0.0
    twice: float = 0.0
    """A message is delivered twice."""
    resent: float = 0.0
    """The client sends a batch a second time, because its first answer was lost."""
    redriven: float = 0.0
    """A message that was done with comes back much later."""
    stalls: tuple[int, int] = (0, 0)
    """From when to when nothing is delivered: then everything comes at once."""


@dataclass(kw_only=True)
class Message:
    name: str
    body: str
    deliveries: int = 0
    gone: bool = False


@dataclass(kw_only=True)
class Queues:
    """Every queue, and whoever they wake."""

    universe: Universe
    habits: Habits
    wire: Wire
    visibility: timedelta
    call: Deliver
    """Starts a call function with a message: its name, its body, and who hears how it ended."""
    refill: Callable[[str, str], None]
    """Starts a tick of a campaign."""
    opt_out: Deliver
    """Starts a voice function with what may be an opt-out."""
    unheard: int = 0
    """How many of those no voice function is done with yet."""
    lost: list[Message] = field(default_factory=list)
    """What lies in the dead-letter queue."""
    _count: int = 0
    _hints: dict[str, int] = field(default_factory=dict)

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        luck = self.universe.luck(f"a batch of {self.universe.me().name}, {self.universe.me().requests}")
        return self.wire("queue.send", lambda: self._take(Entries, luck))

    def send_message(
        self,
        *,
        QueueUrl: str,  # noqa: N803
        MessageBody: str,  # noqa: N803
        MessageGroupId: str = "",  # noqa: N803
        MessageDeduplicationId: str = "",  # noqa: N803
    ) -> None:
        if QueueUrl == OPT_OUT_QUEUE:
            self.wire("queue.opt_out", lambda: self._keep(MessageBody))
        else:
            self.wire("queue.refill", lambda: self._hint(MessageDeduplicationId, MessageBody))

    def _take(self, entries: list[dict[str, Any]], luck: Random) -> dict[str, Any]:
        resent = self._strikes("a batch is sent twice", luck, self.habits.resent)
        taken, refused = [], []
        for entry in entries:
            if self._strikes("a message is refused", luck, self.habits.refuse):
                refused.append({"Id": entry["Id"]})
            else:
                taken.append({"Id": entry["Id"]})
                self._enqueue(entry, luck)
            if resent and luck.random() < 0.9:
                self._enqueue(entry, luck)
        return {"Successful": taken, "Failed": refused, "ResponseMetadata": {"RetryAttempts": int(resent)}}

    def _enqueue(self, entry: dict[str, Any], luck: Random) -> None:
        self._count += 1
        message = Message(name=f"message {self._count}", body=entry["MessageBody"])
        self._visible(message, 1000 * int(entry["DelaySeconds"]) + 5 + luck.random() ** 4 * 1500)
        if self._strikes("a message is delivered twice", luck, self.habits.twice):
            self._visible(message, 1000 * int(entry["DelaySeconds"]) + 5 + luck.random() ** 3 * 60_000)
        if self._strikes("a message is redriven", luck, self.habits.redriven):
            self._visible(message, luck.random() * 600_000, again=True)

    def _visible(self, message: Message, after: float, *, again: bool = False) -> None:
        when, (begins, ends) = self.universe.now + round(after), self.habits.stalls
        if begins <= when < ends and self.universe.weather.strikes(f"{message.name} is held up at {when}"):
            when = ends
        self.universe.at(when, lambda: self._deliver(message, again=again))

    def _deliver(self, message: Message, *, again: bool = False) -> None:
        if message.gone and not again:
            return
        if message.deliveries >= _DELIVERIES:
            message.gone = True
            self.lost.append(message)
            return
        message.deliveries += 1
        failed: list[bool] = []

        def ended(_: Any, raised: BaseException | None) -> None:
            failed.append(raised is not None)
            message.gone = message.gone or raised is None

        self.call(f"call {message.name}, delivery {message.deliveries}", message.body, ended)
        self._visible(message, self.visibility.total_seconds() * 1000)

    def _hint(self, deduplication: str, body: str) -> None:
        now = self.universe.now
        if self._hints.get(deduplication, -_REMEMBERED_MS) + _REMEMBERED_MS > now:
            return
        self._hints[deduplication] = now
        name = f"tick by hint {len(self._hints)}"
        campaign_id = json.loads(body)["campaign_id"]
        self.universe.after(1000, lambda: self.refill(name, campaign_id))

    def _keep(self, body: str) -> None:
        """It is delivered until it is done with: more often than any universe lasts."""
        self._count += 1
        self.unheard += 1
        self._hear_again(Message(name=f"kept message {self._count}", body=body))

    def _hear_again(self, message: Message) -> None:
        if message.gone:
            return
        message.deliveries += 1

        def ended(_: Any, raised: BaseException | None) -> None:
            if raised is None and not message.gone:
                message.gone = True
                self.unheard -= 1

        self.opt_out(f"voice hears {message.name}, delivery {message.deliveries}", message.body, ended)
        self.universe.after(self.visibility.total_seconds() * 1000, lambda: self._hear_again(message))

    def _strikes(self, what: str, luck: Random, rate: float) -> bool:
        drawn = luck.random()
        weather = self.universe.weather
        return drawn < rate and self.universe.now < weather.ends and weather.strikes(f"{what} ({drawn:.12f})")
