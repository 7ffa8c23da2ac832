"""Reach: whom we have called, read from the contacts' own stories: they are the only count of calls there is."""

from collections.abc import Mapping, Sequence

from pymongo.collection import Collection

from dialer.adapters.contact_documents import contacts_of, having
from dialer.adapters.mongo import Document, available
from dialer.model import Contact


class MongoReach:
    """Finds by the indexes on phones; one request for a whole batch."""

    def __init__(self, contacts: Collection[Document]) -> None:
        self._contacts = contacts

    def sharing(self, phones: Sequence[str]) -> Mapping[str, Sequence[Contact]]:
        found: dict[str, list[Contact]] = {phone: [] for phone in phones}
        if found:
            with available():
                for contact in contacts_of(self._contacts.find(having([*found]))):
                    for phone in found.keys() & set(contact.phones):
                        found[phone].append(contact)
        return found
