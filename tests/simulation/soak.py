"""`make soak`: universe after universe on every core, with a running count, until so many attempts have been made.

What is done is written down chunk by chunk, so that a soak that was interrupted or killed goes on where it was; a
change of the product or of the simulation begins a new one. A broken law is made short, told, and kept, and so is a
universe that could not be lived through; the soak goes on and ends with 1.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path

from tests.mutants.mutation import ROOT
from tests.simulation.plan import CROWDED
from tests.simulation.story import shrunk, told
from tests.simulation.world import history_of

CHUNK = 100
STATE = ROOT / ".local" / "soak"


@dataclass(kw_only=True)
class Chunk:
    """What a run of seeds came to."""

    first: int
    universes: int = CHUNK
    attempts: int = 0
    calls: int = 0
    seconds: float = 0.0
    faults: dict[str, int] = field(default_factory=dict)
    stories: list[str] = field(default_factory=list)


def chunk_from(first: int) -> Chunk:
    """Live through the universes of one chunk."""
    began, chunk, faults = time.process_time(), Chunk(first=first), Counter[str]()
    for seed in range(first, first + CHUNK):
        try:
            outcome = history_of(seed)
        except Exception:  # noqa: BLE001  one universe that cannot be lived through must not end the soak
            chunk.stories.append(f"seed {seed} could not be lived through:\n{traceback.format_exc()}")
            continue
        chunk.attempts += outcome.attempts
        chunk.calls += outcome.calls
        faults.update(_kind(fault) for fault in outcome.faults)
        if outcome.breaches:
            chunk.stories.append(told(shrunk(outcome)))
    chunk.seconds, chunk.faults = time.process_time() - began, dict(faults)
    return chunk


_OTHERS = (
    "is lost",
    "comes twice",
    "is missed",
    "is sent twice",
    "is refused",
    "delivered twice",
    "redriven",
    "held up",
)


def _kind(fault: str) -> str:
    """A fault's kind without whom it struck."""
    if ": " in fault:
        return f"a request {fault.rpartition(': ')[2]}"
    if fault.startswith("operator "):
        return f"the operator {fault.split()[1]}"
    who = (
        "a webhook" if fault.startswith("voice") else "a schedule" if fault.startswith(("tick", "rec")) else "a message"
    )
    return f"{who} {next(other for other in _OTHERS if other in fault)}"


@dataclass(kw_only=True)
class Soak:
    """Every chunk so far."""

    path: Path
    chunks: list[Chunk] = field(default_factory=list)

    @classmethod
    def of_this_source(cls) -> "Soak":
        path = STATE / f"{_source()}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        return cls(path=path, chunks=[*_whole_lines(path)])

    def add(self, chunk: Chunk) -> None:
        """The line begins with an end of line: whatever a kill left unfinished before it is a line of its own."""
        self.chunks.append(chunk)
        with self.path.open("a") as file:
            file.write("\n" + json.dumps(asdict(chunk)) + "\n")

    def firsts(self) -> Iterator[int]:
        """The chunks that are still to do, without an end: by turns of ordinary universes and of crowded ones."""
        done = {chunk.first for chunk in self.chunks}
        for start in count(step=CHUNK):
            yield from (first for first in (start, CROWDED + start) if first not in done)

    @property
    def attempts(self) -> int:
        return sum(chunk.attempts for chunk in self.chunks)

    @property
    def stories(self) -> list[str]:
        return [story for chunk in self.chunks for story in chunk.stories]

    def line(self) -> str:
        universes = sum(chunk.universes for chunk in self.chunks)
        return f"{universes:,} universes, {len(self.stories)} with a broken law, {self.attempts:,} attempts"

    def summary(self) -> str:
        """A table for docs/proof.md."""
        faults: Counter[str] = Counter()
        for chunk in self.chunks:
            faults.update(chunk.faults)
        rows = [
            ("universes", sum(chunk.universes for chunk in self.chunks)),
            ("attempts (requests to place a call)", self.attempts),
            ("calls that the carrier made of them", sum(chunk.calls for chunk in self.chunks)),
            ("faults", faults.total()),
            *((f"· {kind}", count) for kind, count in faults.most_common()),
            ("universes with a broken law", len(self.stories)),
            ("CPU seconds", round(sum(chunk.seconds for chunk in self.chunks))),
        ]
        return "\n".join(["| what | how many |", "|---|---|", *(f"| {name} | {count:,} |" for name, count in rows)])


def _whole_lines(path: Path) -> Iterator[Chunk]:
    """The chunks that were written down to the end; one that a kill cut short is lived through again."""
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            yield Chunk(**json.loads(line))
        except ValueError:
            continue


def _source() -> str:
    """The product and the simulation, as one short hash."""
    digest = hashlib.sha256()
    for path in sorted([*(ROOT / "layers/dialer").rglob("*.py"), *(ROOT / "tests/simulation").glob("*.py")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="soak")
    parser.add_argument("--attempts", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    wanted = parser.parse_args(arguments)
    soak = Soak.of_this_source()
    print(f"so far: {soak.line()}", file=sys.stderr)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _run(soak, attempts=wanted.attempts, workers=wanted.workers)
        interrupted = False
    except KeyboardInterrupt:
        print("\ninterrupted: the same command goes on from here", file=sys.stderr)
        interrupted = True
    print(soak.summary())
    for story in soak.stories:
        print(f"\n{story}")
    return 130 if interrupted else 1 if soak.stories else 0


def _run(soak: Soak, *, attempts: int, workers: int) -> None:
    firsts, under_way = soak.firsts(), set[Future[Chunk]]()
    with ProcessPoolExecutor(workers, initializer=_end_with_the_soak) as pool:
        try:
            while soak.attempts < attempts:
                under_way |= {pool.submit(chunk_from, next(firsts)) for _ in range(workers - len(under_way))}
                done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                for chunk in done:
                    soak.add(chunk.result())
                _say(f"{soak.line()} of {attempts:,}")
            for chunk in under_way:
                soak.add(chunk.result())
        except KeyboardInterrupt:
            for worker in multiprocessing.active_children():
                worker.terminate()
            raise
    if sys.stderr.isatty():
        print(file=sys.stderr)


def _say(line: str) -> None:
    """The running count: in place on a terminal, line by line in a file."""
    at_a_terminal = sys.stderr.isatty()
    print(f"\r{line}" if at_a_terminal else line, end="" if at_a_terminal else "\n", file=sys.stderr, flush=True)


def _end_with_the_soak() -> None:
    """A worker dies without a word when it is told to, and with the soak when that was killed."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    threading.Thread(target=_follow, args=[multiprocessing.parent_process()], daemon=True).start()


def _follow(soak: multiprocessing.process.BaseProcess) -> None:
    soak.join()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
