"""The timetable: campaigns whose own start or end has come, by the database's clock."""

from collections.abc import Sequence

from pymongo.collection import Collection

from dialer.adapters.campaigns import ENDING_INDEX, EPOCH, STARTING_INDEX, TO_DRAIN, campaign_of
from dialer.adapters.contact_documents import is_past
from dialer.adapters.mongo import Document, available, readable
from dialer.model import CampaignState
from dialer.office_ports import StartingBatch

_SOME = {"$gt": EPOCH}  # what the indexes hold
_STARTING = {"state": CampaignState.DRAFT, "start_at": _SOME, "$expr": is_past("$start_at")}
_ENDING = {
    "end_at": _SOME,
    "state": {"$in": [CampaignState.PAUSED, CampaignState.RUNNING]},
    "$expr": is_past("$end_at"),
}


class MongoTimetable:
    """Two looks at two small indexes, and one compare-and-set for each campaign whose time has come."""

    def __init__(self, campaigns: Collection[Document]) -> None:
        self._campaigns = campaigns

    def starting(self) -> StartingBatch:
        with available():
            campaigns, unreadable = readable(self._campaigns.find(_STARTING, hint=STARTING_INDEX), campaign_of)
        return StartingBatch(campaigns=campaigns, unreadable=unreadable)

    def start(self, campaign_id: str, *, reason: str) -> bool:
        change = {"$set": {"state": CampaignState.RUNNING, "reason": reason}}
        return self._move(_STARTING, campaign_id, change, "state_at", "started_at")

    def refuse_start(self, campaign_id: str, *, reason: str) -> bool:
        """It is a draft since it was one."""
        with available():
            change = {"$set": {"reason": reason}, "$unset": {"start_at": ""}}
            return self._campaigns.update_one(_STARTING | {"_id": campaign_id}, change).modified_count == 1

    def stop_ended(self, *, reason: str) -> Sequence[str]:
        change = {"$set": {"state": CampaignState.STOPPED, "reason": reason, **TO_DRAIN}}
        with available():
            due = [one["_id"] for one in self._campaigns.find(_ENDING, {"_id": 1}, hint=ENDING_INDEX)]
        return [one for one in due if self._move(_ENDING, one, change)]

    def _move(self, wanted: Document, campaign_id: str, change: Document, *moments: str) -> bool:
        since = {"$currentDate": dict.fromkeys(moments or ("state_at",), True)}
        with available():
            return self._campaigns.update_one(wanted | {"_id": campaign_id}, change | since).modified_count == 1
