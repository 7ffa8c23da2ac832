"""The append-only memory of everything the carrier was asked and did, one JSON object a line.

Every record has `n` (1, 2, 3 …), `at` (epoch seconds) and `kind`:
    opened    seed, time_scale, cps
    fates     book                     the fates in force from here on
    request   op, to, from, url, ip, contact_id, attempt_id, torn, fault, fate,
              sid (accepted) or code and status (refused)
    call      sid, to, contact_id, attempt_id, fate, status, and at its end answered_by, duration, detection
    callback  sid, event, url, status (null: no answer), error, fault, tries
    stream    sid, url, parameters, sent, received (messages by event), error (null: it was opened)
"""

import json
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

Record = dict[str, Any]


class Ledger:
    """Written line by line, flushed each time; what an earlier process left is kept under another name."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "ledger.jsonl"
        if self.path.exists():
            self.path.rename(folder / f"ledger-{time.time_ns()}.jsonl")
        self._file = self.path.open("w", encoding="utf-8", buffering=1)
        self.written = 0

    def write(self, kind: str, **fields: Any) -> None:
        self.written += 1
        record = {"n": self.written, "at": round(time.time(), 6), "kind": kind, **fields}
        self._file.write(json.dumps(record, separators=(",", ":")) + "\n")

    def close(self) -> None:
        self._file.close()


def read(path: Path, *, after: int = 0) -> Iterator[Record]:
    """The records after number `after`. A last line cut short by a kill is passed over."""
    with path.open(encoding="utf-8") as lines:
        for line in islice(lines, after, None):
            if not line.endswith("\n"):
                return
            yield json.loads(line)
