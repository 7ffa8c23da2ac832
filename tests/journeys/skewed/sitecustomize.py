"""A machine whose clock is wrong: Python runs this before a program's first line, where this folder is on PYTHONPATH.

CLOCK_AHEAD_SECONDS says by how much. Everything that asks for the time of day is told the wrong one, as on such a
machine; spans (`time.monotonic`, `time.perf_counter`) stay right, as they do there.
"""

import datetime as dt
import os
import time
from typing import Any

AHEAD = float(os.environ.get("CLOCK_AHEAD_SECONDS", "0"))
_time, _time_ns = time.time, time.time_ns
_right = dt.datetime


class _Kind(type):
    """A moment made by code that knows only the real class is one of ours, too."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _right)


class _Wrong(_right, metaclass=_Kind):
    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> Any:
        return _right.now(tz) + dt.timedelta(seconds=AHEAD)

    @classmethod
    def utcnow(cls) -> Any:
        return _right.utcnow() + dt.timedelta(seconds=AHEAD)

    @classmethod
    def today(cls) -> Any:
        return cls.now()


if AHEAD:
    time.time = lambda: _time() + AHEAD
    time.time_ns = lambda: _time_ns() + round(AHEAD * 1e9)
    dt.datetime = _Wrong  # type: ignore[misc]
