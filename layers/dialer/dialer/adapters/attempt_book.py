"""The attempts of many contacts at once, by index, for an audit."""

from collections.abc import Iterable
from typing import Any

from pymongo.collection import Collection

from dialer.adapters.contact_documents import PERSON_INDEX, contact_of, having
from dialer.adapters.mongo import Document, available, readable
from dialer.office_ports import AttemptedContacts

_NO_VARIABLES = {"vars": 0}  # the list's own columns may be long, and an audit does not speak


class MongoAttemptBook:
    """Both reads go through an index and see as many keys as they return contacts."""

    def __init__(self, contacts: Collection[Document]) -> None:
        self._contacts = contacts

    def to_phones(self, phones: Iterable[str]) -> AttemptedContacts:
        with available():
            found = self._contacts.find(having(sorted(set(phones))), _NO_VARIABLES)
            contacts, unreadable = readable(found, contact_of)
        return AttemptedContacts(contacts=contacts, unreadable=len(unreadable))

    def in_campaign(self, campaign_id: str, *, behind: str, limit: int) -> AttemptedContacts:
        behind_it: dict[str, Any] = {"campaign_id": campaign_id, "listed": {"$gt": behind}}
        with available():
            found = self._contacts.find(behind_it, _NO_VARIABLES, sort=[("listed", 1)], limit=limit, hint=PERSON_INDEX)
            documents = list(found)
        contacts, unreadable = readable(documents, contact_of)
        last = documents[-1]["listed"] if len(documents) == limit else ""
        return AttemptedContacts(contacts=contacts, unreadable=len(unreadable), last=last)
