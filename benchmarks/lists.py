"""Contact lists of any length, made inside the database, and put back as they were after each lap."""

import time
from datetime import timedelta
from typing import Any

from pymongo import IndexModel, timeout
from pymongo.collection import Collection
from pymongo.database import Database

from dialer.adapters.contact_documents import INDEXES
from dialer.adapters.mongo import Document, connect
from dialer.lifecycle import State
from dialer.secret import Secret
from tests.builders import now

CAMPAIGN = "5f0c9a7be1d2"
_BLOCK = 10_000
_IMPORTED = timedelta(hours=1)  # ago
_LONG_S = 1200
OURS = {name: (keys, options) for name, (keys, options) in INDEXES.items()}
Contacts = Collection[Document]


def opened(uri: str, name: str) -> Database[Document]:
    """As the product connects, with time enough for what makes and empties whole lists."""
    return connect(Secret(uri), name, timeout_ms=_LONG_S * 1000)


def make(contacts: Contacts, size: int, *, early: int = 0, indexes: dict[str, Any] = OURS) -> Contacts:
    """A campaign of `size` contacts that are due, imported in batches of 1000, and `early` ones that are not due yet.

    The early ones have the higher priority: they are in every tick's way. Phones begin with +0, which is nobody's.
    """
    contacts.drop()
    moment = now()
    blocks = contacts.database["blocks"]
    blocks.drop()
    blocks.insert_many(
        {"from": start, "to": min(start + _BLOCK, size + early)} for start in range(0, size + early, _BLOCK)
    )
    with timeout(_LONG_S):
        blocks.aggregate(
            [
                {"$project": {"n": {"$range": ["$from", "$to"]}}},
                {"$unwind": "$n"},
                {"$project": _contact(size, moment)},
                {"$out": contacts.name},
            ],
            allowDiskUse=True,
        )
        contacts.create_indexes([IndexModel(keys, name=name, **options) for name, (keys, options) in indexes.items()])
    blocks.drop()
    return contacts


def _contact(size: int, moment: Any) -> Document:
    is_due = {"$lt": ["$n", size]}
    imported = {"$add": [moment - _IMPORTED, {"$floor": {"$divide": ["$n", 1000]}}]}
    due_at = {"$cond": [is_due, imported, moment + timedelta(hours=5)]}
    number = {"$toString": {"$add": [10**15, "$n"]}}
    phone = {"$concat": ["+0", {"$substrBytes": [number, 4, 12]}]}
    return {
        "_id": {"$concat": ["65a1f0c4", number]},
        "campaign_id": CAMPAIGN,
        "listed": phone,
        "phone": phone,
        "region": "US",
        "priority": {"$cond": [is_due, 0, 9]},
        "due_at": due_at,
        "listed_due_at": due_at,
        "state": "pending",
        "used": {"$toInt": {"$cond": [is_due, 0, 1]}},
        "max": {"$toInt": 3},
        "vars": {"name": "Ada", "appointment": "Tuesday at ten"},
    }


def put_back(contacts: Contacts) -> None:
    """Whoever was claimed waits again as after the import, and the database is at rest."""
    with timeout(_LONG_S):
        contacts.update_many(
            {"campaign_id": CAMPAIGN, "state": State.CLAIMED},
            [
                {"$set": {"state": "pending", "due_at": "$listed_due_at", "used": 0}},
                {"$unset": ["attempt", "locked_until", "settled_at"]},
            ],
        )
    at_rest(contacts.database)


def at_rest(database: Database[Document], *, window: int = 300) -> None:
    """What earlier laps deleted is gone from the indexes' pages; else a lap would pay for the one before.

    The database keeps deleted keys for five minutes. For a moment it keeps none, and writes everything down.
    """
    admin = database.client.admin
    with timeout(_LONG_S):
        admin.command("setParameter", 1, minSnapshotHistoryWindowInSeconds=0)
        for _ in range(2):
            database["rest"].update_one({"_id": 0}, {"$inc": {"n": 1}}, upsert=True)
            time.sleep(0.2)
            admin.command("fsync", 1)
        admin.command("setParameter", 1, minSnapshotHistoryWindowInSeconds=window)
