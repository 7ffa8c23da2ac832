"""The roll: contacts in a state, to be looked at; for the tick too, which knows nothing of lists and phone numbers."""

from collections.abc import Sequence

from pymongo.collection import Collection

from dialer.adapters.contact_documents import contacts_of, regions_waiting_in, standing_in
from dialer.adapters.mongo import Document, available
from dialer.lifecycle import State
from dialer.model import Contact


class MongoRoll:
    """Reads contacts by index."""

    def __init__(self, contacts: Collection[Document]) -> None:
        self._contacts = contacts

    def holding(self, campaign_id: str, state: State, *, limit: int) -> Sequence[Contact]:
        standing, index = standing_in(campaign_id, state)
        with available():
            return contacts_of(self._contacts.find(standing, limit=limit, hint=index))

    def regions_waiting(self, campaign_id: str) -> Sequence[str]:
        with available():
            return regions_waiting_in(self._contacts, campaign_id)
