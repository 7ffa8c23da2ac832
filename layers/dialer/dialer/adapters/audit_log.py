"""The audit log: one document for each change that was asked for, in the order of their ids, which are their times."""

from collections.abc import Mapping, Sequence

from bson import ObjectId
from pymongo import IndexModel
from pymongo.collection import Collection

from dialer.adapters.mongo import Document, available, within
from dialer.office_ports import Deed

ABOUT_INDEX = "about"
WHO_INDEX = "who"
INDEXES = [
    IndexModel([("subjects", 1), ("_id", -1)], name=ABOUT_INDEX),
    IndexModel([("who", 1), ("_id", -1)], name=WHO_INDEX),
]
_UNKNOWN = "unknown"
_PREPARING_S = 40  # of a log that has grown for years, within the API function's minute
_VALUES = {"$map": {"input": {"$objectToArray": "$about"}, "in": "$$this.v"}}


class MongoAuditLog:
    """Written before the change: whoever cannot be written down does not change anything.

    `subjects` has the values of `about` once more, in a list: one index finds them, whatever they are called.
    """

    def __init__(self, audit: Collection[Document]) -> None:
        self._audit = audit
        self._prepared = False

    def begin(
        self, *, who: str, name: str, what: str, about: Mapping[str, str], fields: Sequence[str], reason: str = ""
    ) -> str:
        deed_id = str(ObjectId())
        asked = {"who": who, "name": name, "what": what}
        deed = {**asked, "about": dict(about), "subjects": _each(about), "reason": reason, "fields": list(fields)}
        with available():
            self._audit.update_one(
                {"_id": deed_id},
                {"$setOnInsert": {**deed, "outcome": _UNKNOWN}, "$currentDate": {"at": True}},
                upsert=True,
            )
        return deed_id

    def tell(self, deed_id: str, *, about: Mapping[str, str]) -> None:
        with available():
            self._audit.update_one({"_id": deed_id}, _learnt(about))

    def end(self, deed_id: str, *, outcome: str, about: Mapping[str, str]) -> None:
        with available():
            self._audit.update_one({"_id": deed_id}, _learnt(about, outcome=outcome))

    def page(self, *, limit: int, behind: str, about: str = "", who: str = "") -> Sequence[Deed]:
        asked = {"_id": {"$lt": behind} if behind else None, "subjects": about, "who": who}
        wanted = {name: value for name, value in asked.items() if value}
        index = ABOUT_INDEX if about else WHO_INDEX if who else None
        if index:
            self._prepare()
        with available():
            return [_deed_of(one) for one in self._audit.find(wanted, sort=[("_id", -1)], limit=limit, hint=index)]

    def _prepare(self) -> None:
        """Once per process, and never before a change, which waits for no index. Deeds of older versions get their
        subjects."""
        if self._prepared:
            return
        with within(_PREPARING_S), available():
            self._audit.create_indexes(INDEXES)
            self._audit.update_many(
                {"subjects": {"$exists": False}}, [{"$set": {"subjects": {"$setUnion": [_VALUES]}}}], hint=ABOUT_INDEX
            )
        self._prepared = True


def _each(about: Mapping[str, str]) -> list[str]:
    return sorted(set(about.values()))


def _learnt(about: Mapping[str, str], **more: str) -> Document:
    told = {f"about.{name}": value for name, value in about.items()}
    return {"$set": {**told, **more}, "$addToSet": {"subjects": {"$each": _each(about)}}}


def _deed_of(document: Document) -> Deed:
    """Deeds of older versions have no reason."""
    names = ("at", "who", "name", "what", "about", "fields", "outcome")
    reason = document.get("reason", "")
    return Deed(id=document["_id"], reason=reason, **{name: document[name] for name in names})
