"""The naive ways, each as good as it can be made: the best index it could have, one connection, majority writes."""

import json
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pymongo import ReturnDocument

from benchmarks.lists import CAMPAIGN, Contacts
from benchmarks.measuring import Lap, Watch
from dialer.adapters.contact_documents import CLAIM_INDEX
from dialer.model import CallMessage
from tests.builders import now

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_QUEUE = [("priority", -1), ("due_at", 1)]
LOOP_INDEX: dict[str, Any] = {
    "loop": ([("campaign_id", 1), ("state", 1), ("priority", -1), ("due_at", 1)], {}),
}
LOCKED_INDEX: dict[str, Any] = {
    "loop": ([("campaign_id", 1), ("state", 1), ("priority", -1), ("due_at", 1), ("locked_until", 1)], {}),
}


def claim_one_by_one(contacts: Contacts, *, claims: int) -> Lap:
    """`find_one_and_update` for each contact."""
    with Watch() as watch:
        while watch.units < claims and _one(contacts, {}, {}):
            watch.units += 1
    return watch.lap()


def lock_one_by_one(contacts: Contacts, *, claims: int) -> Lap:
    """The same with a `locked_until` that may have passed."""
    with Watch() as watch:
        while watch.units < claims:
            moment = now()
            free = {"$or": [{"locked_until": None}, {"locked_until": {"$lt": moment}}]}
            if not _one(contacts, free, {"locked_until": moment + timedelta(minutes=5)}):
                break
            watch.units += 1
    return watch.lap()


def _one(contacts: Contacts, wanted: dict[str, Any], lock: dict[str, Any]) -> Any:
    return contacts.find_one_and_update(
        {"campaign_id": CAMPAIGN, "state": "pending", "due_at": {"$lte": now()}, **wanted},
        {"$set": {"state": "claimed", **lock}, "$inc": {"used": 1}},
        sort=_QUEUE,
        return_document=ReturnDocument.AFTER,
    )


def update_known_ids(contacts: Contacts, *, batches: int, batch: int) -> Lap:
    """No choice, no guard, no proof: what the database can write at most, in our collection with our indexes."""
    waiting = {"campaign_id": CAMPAIGN, "region": "US", "due_at": {"$lte": now()}}
    found = contacts.find(
        waiting, {"_id": 1}, hint=CLAIM_INDEX, limit=batches * batch, sort=[("priority", -1), ("due_at", 1)]
    )
    ids = [document["_id"] for document in found]
    with Watch() as watch:
        for start in range(0, len(ids), batch):
            attempt = {"id": secrets.token_hex(12), "until": now() + timedelta(minutes=6)}
            watch.units += contacts.update_many(
                {"_id": {"$in": ids[start : start + batch]}},
                {"$set": {"state": "claimed", "attempt": attempt}, "$unset": {"due_at": ""}},
            ).modified_count
    return watch.lap()


def send_one_by_one(sqs: "SQSClient", *, url: str, messages: int) -> Lap:
    """One thread, one message per request."""
    with Watch() as watch:
        for message in _numbered(messages):
            sqs.send_message(QueueUrl=url, MessageBody=json.dumps(message), DelaySeconds=0)
            watch.units += 1
    return watch.lap()


def send_in_batches(sqs: "SQSClient", *, url: str, messages: int) -> Lap:
    """One thread, ten messages per request."""
    going = list(_numbered(messages))
    with Watch() as watch:
        for start in range(0, messages, 10):
            entries: list[Any] = [
                {"Id": str(index), "MessageBody": json.dumps(message), "DelaySeconds": 0}
                for index, message in enumerate(going[start : start + 10])
            ]
            sqs.send_message_batch(QueueUrl=url, Entries=entries)
            watch.units += len(entries)
    return watch.lap()


def _numbered(count: int) -> Any:
    return ({"campaign_id": CAMPAIGN, "contact_id": f"{n:024}", "attempt_id": f"{n:024}-{n:024}"} for n in range(count))


def call_messages(count: int) -> list[CallMessage]:
    """The messages that our own sender gets."""
    moment = now()
    return [
        CallMessage(
            campaign_id=CAMPAIGN,
            contact_id=f"{n:024}",
            attempt_id=f"{n:024}-{n:024}",
            slot_at=moment,
            not_after=moment + timedelta(minutes=6),
        )
        for n in range(count)
    ]


RANK = {"initiated": 1, "ringing": 2, "in-progress": 3, "completed": 9}


def read_modify_write(contacts: Contacts, events: list[tuple[str, str]]) -> int:
    """Each webhook loads its call and its contact, changes them here, and writes both back whole."""
    calls = contacts.database[f"{contacts.name}_calls"]
    for contact_id, status in events:
        call = calls.find_one({"_id": contact_id}) or {"_id": contact_id, "events": []}
        call["events"].append(status)
        if RANK[status] > RANK.get(call.get("status", ""), 0):
            call["status"] = status
        calls.replace_one({"_id": contact_id}, call, upsert=True)
        contact = contacts.find_one({"_id": contact_id})
        assert contact is not None
        contact["attempt"] = {**contact.get("attempt", {}), "status": call["status"]}
        if call["status"] == "completed":
            contact["state"] = "done"
        contacts.replace_one({"_id": contact_id}, contact)
    return len(events)


def write_plainly(contacts: Contacts, events: list[tuple[str, str]]) -> int:
    """No guard, no proof: what one journalled write for each webhook can reach, and a look before the end of a call."""
    for contact_id, status in events:
        if status == "completed":
            contacts.find_one({"_id": contact_id})
        contacts.update_one({"_id": contact_id}, {"$set": {"attempt.status": status}})
    return len(events)
