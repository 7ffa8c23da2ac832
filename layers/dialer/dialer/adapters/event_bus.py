"""The event bus: announcements are kept until the invocation's work is done, then sent in batches, once and briefly."""

import json
from collections.abc import Callable, Sequence
from threading import Thread
from typing import TYPE_CHECKING, Any

from botocore.config import Config

from dialer.adapters.aws import available
from dialer.adapters.clock import SystemClock
from dialer.errors import Unavailable
from dialer.ports import Announcement
from dialer.workers import each

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

CONFIG = Config(connect_timeout=0.5, read_timeout=1, retries={"total_max_attempts": 1})
PATIENCE_S = 1.5
"""All announcements of an invocation together are worth a second and a half of its time, and no more."""

SOURCE = "dialer"
VERSION = 1
_BATCH = 10  # EventBridge takes no more in one request
_MOST = 1000
"""Noted in one invocation: what one tick can claim. More would be a loop of ours."""


class EventBridgeAnnouncer:
    """Without a bus nothing is kept and nothing sent."""

    def __init__(self, events: Callable[[], "EventBridgeClient"], *, bus: str) -> None:
        """`events` makes the client when there is something to send: most invocations need none."""
        self._events = events
        self._bus = bus
        self._noted: list[Announcement] = []

    def note(self, *announcements: Announcement) -> None:
        if self._bus:
            self._noted += announcements[: _MOST - len(self._noted)]

    def noted(self, kind: str) -> int:
        """How many of a kind wait to be sent."""
        return sum(announcement.kind == kind for announcement in self._noted)

    def publish(self) -> int:
        noted, self._noted = self._noted, []
        if not noted:
            return 0
        untaken = [len(noted)]
        # In a thread of its own: a bus that drips its answer byte by byte outlives every timeout of a socket.
        sending = Thread(target=lambda: untaken.append(self._send_all(noted)), daemon=True)
        sending.start()
        sending.join(PATIENCE_S)
        return untaken[-1]

    def _send_all(self, noted: Sequence[Announcement]) -> int:
        batches = [noted[start : start + _BATCH] for start in range(0, len(noted), _BATCH)]
        clock = SystemClock()
        deadline = clock.monotonic() + PATIENCE_S
        return sum(each(batches, lambda one: self._send(one) if clock.monotonic() < deadline else len(one), workers=8))

    def _send(self, batch: Sequence[Announcement]) -> int:
        entries: list[Any] = [
            {
                "EventBusName": self._bus,
                "Source": SOURCE,
                "DetailType": announcement.kind,
                "Detail": json.dumps({"version": VERSION, **announcement.facts}),
            }
            for announcement in batch
        ]
        try:
            with available("the event bus"):
                return int(self._events().put_events(Entries=entries)["FailedEntryCount"])
        except (Unavailable, KeyError, TypeError, ValueError, AttributeError):  # no answer, or one without sense
            return len(batch)
