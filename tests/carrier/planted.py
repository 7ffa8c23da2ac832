"""A ledger written by hand, record for record as the carrier writes it, so that wrongs can be planted in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from local.carrier.case import read_case
from local.carrier.fates import read_book
from local.carrier.judge import judge
from local.carrier.ledger import Record

PHONE = "+15551230001"
STATUS = {"human": "completed", "machine": "completed", "fax": "completed", "rejected": "busy"}
POLICY: dict[str, Any] = {"max_attempts": 3, "retry_on": ["busy", "no-answer", "failed", "machine"], "doubt": "hold"}


def row(phone: str = PHONE, state: str = "done", **more: object) -> dict[str, object]:
    return {"phone": phone, "campaign_id": "spring", "contact_id": f"c{phone[-4:]}", "state": state} | more


@dataclass
class Planted:
    """`call` is a whole call, `begin` and `end` its halves; attempts are numbered by themselves unless named."""

    records: list[Record] = field(default_factory=list)
    _sids: Any = field(default_factory=lambda: count(1))
    _attempts: Any = field(default_factory=lambda: count(1))

    def fates(self, numbers: Mapping[str, Any] | None = None, **more: Any) -> "Planted":
        book = read_book({"numbers": numbers or {}, **more})
        return self._write("fates", book=book.as_json())

    def call(self, fate: str = "human", phone: str = PHONE, **more: Any) -> "Planted":
        sid = self.begin(fate, phone, **more)
        return self.end(sid)

    def begin(self, fate: str = "human", phone: str = PHONE, **more: Any) -> str:
        sid = f"CA{next(self._sids)}"
        owner = self._owner(phone, more)
        self._write("call", sid=sid, to=phone, fate=fate, status="queued", **owner)
        self._request(phone, owner, sid=sid, fate=fate, **more)
        return sid

    def end(self, sid: str, *, status: str | None = None, detection: str | None = "sync") -> "Planted":
        first = next(record for record in self.records if record["kind"] == "call" and record["sid"] == sid)
        over = status or STATUS.get(first["fate"], first["fate"])
        return self._write("call", **(_bare(first) | {"status": over, "detection": detection}))

    def refused(self, code: int, phone: str = PHONE, *, status: int = 400, **more: Any) -> "Planted":
        return self._request(phone, self._owner(phone, more), code=code, status=status, fate="refuse")

    def struck(self, fault: str, phone: str = PHONE, **more: Any) -> "Planted":
        code = {"500_before": 20500, "503_before": 20503, "429": 20429}.get(fault)
        return self._request(phone, self._owner(phone, more), fault=fault, code=code)

    def heard(self, sid: str, event: str, *, status: int | None = 200) -> "Planted":
        return self._write("callback", sid=sid, event=event, status=status, fault=None)

    def verdict(self, *rows: Mapping[str, object], policies: Any = None, **policy: Any) -> dict[str, Any]:
        case = {"rows": list(rows), "policy": POLICY | policy, "policies": policies or {}}
        return judge(self.records, read_case(case))

    def _owner(self, phone: str, more: dict[str, Any]) -> dict[str, Any]:
        attempt = more.pop("attempt", None) or f"attempt-{next(self._attempts)}"
        return {"contact_id": more.pop("contact", f"c{phone[-4:]}"), "attempt_id": attempt}

    def _request(self, phone: str, owner: Mapping[str, Any], **more: Any) -> "Planted":
        empty: dict[str, Any] = dict.fromkeys(("sid", "code", "status", "fault", "fate"))
        return self._write("request", **(empty | {"op": "create", "to": phone, "torn": False} | dict(owner) | more))

    def _write(self, kind: str, **fields: Any) -> "Planted":
        self.records.append({"n": len(self.records) + 1, "at": 0.0, "kind": kind, **fields})
        return self


def _bare(record: Record) -> Record:
    return {name: value for name, value in record.items() if name not in ("n", "at", "kind")}


def found(verdict: Mapping[str, Any]) -> set[str]:
    """The kinds of wrong that the verdict names."""
    kinds: Sequence[str] = [kind for kind in verdict if kind not in ("ok", "summary", "duplicates", "held")]
    return {kind for kind in kinds if verdict[kind]} | ({"duplicates"} if verdict["duplicates"] else set())
