"""The attempts of many contacts at once, by index, for an audit."""

from collections.abc import Iterable
from typing import Any

from pymongo.collection import Collection
from pymongo.cursor import Cursor

from dialer.adapters.contact_documents import PERSON_INDEX, contact_of, having
from dialer.adapters.mongo import Document, available
from dialer.model import Contact
from dialer.office_ports import AttemptedContacts

_NO_VARIABLES = {"vars": 0}  # the list's own columns may be long, and an audit does not speak


class MongoAttemptBook:
    """Both reads go through an index and see as many keys as they return contacts."""

    def __init__(self, contacts: Collection[Document]) -> None:
        self._contacts = contacts

    def to_phones(self, phones: Iterable[str]) -> AttemptedContacts:
        with available():
            contacts, unreadable, _ = _read(self._contacts.find(having(sorted(set(phones))), _NO_VARIABLES))
        return AttemptedContacts(contacts=contacts, unreadable=unreadable)

    def in_campaign(self, campaign_id: str, *, behind: str, limit: int) -> AttemptedContacts:
        behind_it: dict[str, Any] = {"campaign_id": campaign_id, "listed": {"$gt": behind}}
        with available():
            found = self._contacts.find(behind_it, _NO_VARIABLES, sort=[("listed", 1)], limit=limit, hint=PERSON_INDEX)
            contacts, unreadable, last = _read(found)
        more = len(contacts) + unreadable == limit
        return AttemptedContacts(contacts=contacts, unreadable=unreadable, last=last if more else "")


def _read(documents: Cursor[Document]) -> tuple[list[Contact], int, str]:
    """The contacts, how many could not be read as one, and the last listed phone."""
    contacts, unreadable, last = list[Contact](), 0, ""
    for document in documents:
        last = document.get("listed", "")
        try:
            contacts.append(contact_of(document))
        except (KeyError, TypeError, ValueError, ArithmeticError):
            unreadable += 1
    return contacts, unreadable, last
