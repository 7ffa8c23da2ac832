"""Waiting: a campaign's calls of which nothing has been heard since the carrier took them."""

from pymongo.collection import Collection

from dialer.adapters.contact_documents import BOOKED_INDEX, booked_in, contact_of, count_booked_in
from dialer.adapters.mongo import Document, available, readable
from dialer.lifecycle import State
from dialer.ports import ContactBatch

_MAY_COME = {State.DIALING, State.UNCERTAIN}


class MongoWaiting:
    """Reads the lines in use of one campaign by their index, and of the placed ones the rank."""

    def __init__(self, contacts: Collection[Document]) -> None:
        self._contacts = contacts

    def not_heard_of(self, campaign_id: str) -> ContactBatch:
        with available():
            found = self._contacts.find(_unheard(campaign_id), hint=BOOKED_INDEX)
            contacts, unreadable = readable(found, contact_of)
        return ContactBatch(contacts=contacts, unreadable=unreadable)

    def any_left(self, campaign_id: str) -> bool:
        with available():
            unheard = self._contacts.find_one(_unheard(campaign_id), {"_id": 1}, hint=BOOKED_INDEX)
            return bool(unheard) or count_booked_in(self._contacts, campaign_id, _MAY_COME, limit=1) > 0


def _unheard(campaign_id: str) -> Document:
    return {**booked_in(campaign_id, {State.PLACED}), "attempt.rank": 0}
