"""The audit log: one document for each change that was asked for, in the order of their ids, which are their times."""

from collections.abc import Mapping, Sequence

from bson import ObjectId
from pymongo.collection import Collection

from dialer.adapters.mongo import Document, available
from dialer.office_ports import Deed

_UNKNOWN = "unknown"


class MongoAuditLog:
    """Written before the change: whoever cannot be written down does not change anything."""

    def __init__(self, audit: Collection[Document]) -> None:
        self._audit = audit

    def begin(
        self, *, who: str, name: str, what: str, about: Mapping[str, str], fields: Sequence[str], reason: str = ""
    ) -> str:
        deed_id = str(ObjectId())
        asked = {"who": who, "name": name, "what": what}
        deed = {**asked, "about": dict(about), "reason": reason, "fields": list(fields)}
        with available():
            self._audit.update_one(
                {"_id": deed_id},
                {"$setOnInsert": {**deed, "outcome": _UNKNOWN}, "$currentDate": {"at": True}},
                upsert=True,
            )
        return deed_id

    def tell(self, deed_id: str, *, about: Mapping[str, str]) -> None:
        with available():
            self._audit.update_one({"_id": deed_id}, {"$set": _learnt(about)})

    def end(self, deed_id: str, *, outcome: str, about: Mapping[str, str]) -> None:
        with available():
            self._audit.update_one({"_id": deed_id}, {"$set": {"outcome": outcome, **_learnt(about)}})

    def page(self, *, limit: int, behind: str) -> Sequence[Deed]:
        wanted: Document = {"_id": {"$lt": behind}} if behind else {}
        with available():
            return [_deed_of(one) for one in self._audit.find(wanted, sort=[("_id", -1)], limit=limit)]


def _learnt(about: Mapping[str, str]) -> Document:
    return {f"about.{name}": value for name, value in about.items()}


def _deed_of(document: Document) -> Deed:
    """Deeds of older versions have no reason."""
    names = ("at", "who", "name", "what", "about", "fields", "outcome")
    reason = document.get("reason", "")
    return Deed(id=document["_id"], reason=reason, **{name: document[name] for name in names})
