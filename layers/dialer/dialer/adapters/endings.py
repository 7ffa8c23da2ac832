"""Endings: a mark on the campaign, set when nothing is left to do and taken away when there is more again."""

from pymongo.collection import Collection

from dialer.adapters.contact_documents import CLAIM_INDEX, count_booked_in
from dialer.adapters.mongo import Document, available
from dialer.lifecycle import BOOKED
from dialer.model import CampaignState


class MongoEndings:
    """Two looks at two indexes, then one compare-and-set: of two ticks at once only one says that it is over."""

    def __init__(self, campaigns: Collection[Document], contacts: Collection[Document]) -> None:
        self._campaigns = campaigns
        self._contacts = contacts

    def just_finished(self, campaign_id: str) -> bool:
        running = {"_id": campaign_id, "state": CampaignState.RUNNING}
        with available():
            if self._work_is_left(campaign_id):
                marked = {"finished_at": {"$exists": True}}
                self._campaigns.update_one(running | marked, {"$unset": {"finished_at": ""}})
                return False
            unmarked = {"finished_at": {"$exists": False}}
            done = self._campaigns.update_one(running | unmarked, {"$currentDate": {"finished_at": True}})
            return done.modified_count == 1

    def _work_is_left(self, campaign_id: str) -> bool:
        waiting = {"campaign_id": campaign_id, "due_at": {"$exists": True}}
        if self._contacts.find_one(waiting, {"_id": 1}, hint=CLAIM_INDEX):
            return True
        return count_booked_in(self._contacts, campaign_id, BOOKED, limit=1) > 0
