"""The timetable: campaigns whose own start or end has come, by the database's clock."""

from collections.abc import Sequence

from pymongo.collection import Collection

from dialer.adapters.campaigns import ENDING_INDEX, EPOCH, STARTING_INDEX, TO_DRAIN
from dialer.adapters.contact_documents import is_past
from dialer.adapters.mongo import Document, available
from dialer.model import CampaignState
from dialer.office_ports import Turn

_SOME = {"$gt": EPOCH}  # what the indexes hold


class MongoTimetable:
    """Two looks at two small indexes, and one compare-and-set for each campaign whose time has come."""

    def __init__(self, campaigns: Collection[Document]) -> None:
        self._campaigns = campaigns

    def keep(self) -> Sequence[Turn]:
        draft = {"state": CampaignState.DRAFT, "start_at": _SOME, "$expr": is_past("$start_at")}
        going = {"$in": [CampaignState.PAUSED, CampaignState.RUNNING]}
        ending = {"end_at": _SOME, "state": going, "$expr": is_past("$end_at")}
        starts = self._each(draft, STARTING_INDEX, CampaignState.RUNNING, "started by its schedule")
        return [*starts, *self._each(ending, ENDING_INDEX, CampaignState.STOPPED, "its scheduled end has come")]

    def _each(self, wanted: Document, index: str, state: CampaignState, reason: str) -> Sequence[Turn]:
        halted = TO_DRAIN if state is CampaignState.STOPPED else {}
        change = {"$set": {"state": state, "reason": reason, **halted}, "$currentDate": {"state_at": True}}
        with available():
            due = [one["_id"] for one in self._campaigns.find(wanted, {"_id": 1}, hint=index)]
            moved = [one for one in due if self._campaigns.update_one(wanted | {"_id": one}, change).modified_count]
        return [Turn(campaign_id=one, state=state, reason=reason) for one in moved]
