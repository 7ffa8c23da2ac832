"""A small sampling profiler: every few milliseconds, what each thread of this process is at work on."""

import sys
from collections import Counter
from threading import Event, Thread, get_ident
from types import FrameType, TracebackType
from typing import Self

_EVERY_S = 0.002
_WAITING = {"threading", "selectors", "socket", "ssl", "queue"}  # where a thread's innermost frame means that it waits
_OWN = "dialer"


class Sampler:
    """Use it as a context. A thread that waits for a lock or a socket is not at work."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()
        self._over = Event()
        self._thread = Thread(target=self._sample)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def said(self, count: int = 6) -> str:
        """`botocore 41%, urllib3 20%, …`: shares of all samples that were at work."""
        whole = sum(self._seen.values()) or 1
        return ", ".join(f"{name} {times / whole:.0%}" for name, times in self._seen.most_common(count))

    def _sample(self) -> None:
        while not self._over.wait(_EVERY_S):
            for thread, frame in sys._current_frames().items():
                if thread != get_ident():
                    self._note(frame)

    def _note(self, frame: FrameType) -> None:
        module = frame.f_globals.get("__name__", "?")
        package = module.partition(".")[0]
        if package not in _WAITING and not module.startswith("concurrent.futures"):
            self._seen[module if package == _OWN else package] += 1
