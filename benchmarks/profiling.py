"""Where this process's processor time goes, by package: cProfile in every thread, on the threads' own clocks."""

import cProfile
import pstats
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

_OWN = "dialer"


class Profiler:
    """Use it as a context. What waits for a lock or a socket takes no processor time, and is not in it."""

    def __init__(self) -> None:
        self._profiles: list[cProfile.Profile] = []

    def __enter__(self) -> Self:
        threading.setprofile(self._begin)
        self._begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        threading.setprofile(None)
        sys.setprofile(None)

    def _begin(self, frame: FrameType | None = None, event: str = "", argument: object = None) -> None:
        """In each thread, at its first step."""
        profile = cProfile.Profile(time.thread_time)
        self._profiles.append(profile)
        profile.enable()

    def said(self, count: int = 6) -> str:
        """`botocore 41%, urllib3 20%, …`: shares of the whole."""
        spent: Counter[str] = Counter()
        for profile in self._profiles:
            profile.create_stats()
            for module, seconds in _by_module(profile):
                spent[module] += seconds  # type: ignore[assignment]  # a counter counts seconds as well
        whole = sum(spent.values()) or 1
        return ", ".join(f"{name} {seconds / whole:.0%}" for name, seconds in spent.most_common(count))


def _by_module(profile: cProfile.Profile) -> Iterator[tuple[str, float]]:
    """Each function's own time; that of what is built in belongs to whoever called it."""
    stats: Any = pstats.Stats(profile)
    for (file, _, _), (_, _, own, _, callers) in stats.stats.items():
        if file != "~":
            yield _module(file), own
        for (caller, _, _), (_, _, spent, _) in callers.items() if file == "~" else ():
            yield _module(caller), spent


def _module(file: str) -> str:
    """The package of a file; of our own, the module."""
    parts = Path(file).with_suffix("").parts
    if _OWN in parts:
        return ".".join(parts[len(parts) - parts[::-1].index(_OWN) - 1 :])
    if "site-packages" in parts:
        return parts[parts.index("site-packages") + 1]
    return "Python's own library"
