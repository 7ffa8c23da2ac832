"""Campaigns whose changes of state are announced, whoever made them: an operator, or the dialer itself."""

from collections.abc import Iterable

from pymongo.collection import Collection

from dialer.adapters.campaigns import MongoCampaigns
from dialer.adapters.mongo import Document
from dialer.model import CampaignState
from dialer.ports import Announcement, Announcer


class AnnouncedCampaigns(MongoCampaigns):
    """The same campaigns; a change that lost its race is not announced."""

    def __init__(self, campaigns: Collection[Document], announcer: Announcer) -> None:
        super().__init__(campaigns)
        self._announcer = announcer

    def set_state(
        self, campaign_id: str, state: CampaignState, *, sources: Iterable[CampaignState], reason: str = ""
    ) -> bool:
        changed = super().set_state(campaign_id, state, sources=sources, reason=reason)
        if changed:
            facts = {"campaign_id": campaign_id, "reason": reason}
            self._announcer.note(Announcement(kind=f"Campaign{state.capitalize()}", facts=facts))
        return changed
