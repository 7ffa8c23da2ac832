"""Views: what an operator wants to see of a campaign, without touching it."""

from collections.abc import Sequence
from dataclasses import dataclass

from dialer.campaigns import CampaignOffice
from dialer.lifecycle import BOOKED, State
from dialer.model import Campaign, CampaignState, Contact
from dialer.office_ports import ContactBook


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a campaign's contacts stand."""

    campaign: Campaign
    counts: dict[State, int]

    @property
    def completed(self) -> bool:
        """Nothing is left to do: every contact is settled, or waits for a person, or for a campaign that has ended."""
        ended = self.campaign.state in {CampaignState.STOPPED, CampaignState.ARCHIVED}
        left = BOOKED if ended else BOOKED | {State.PENDING}
        return not any(self.counts.get(state) for state in left)


@dataclass(frozen=True, kw_only=True)
class Views:
    """The read-only parts."""

    office: CampaignOffice
    contacts: ContactBook

    def progress(self, campaign_id: str) -> Progress:
        campaign = self.office.show(campaign_id).campaign
        return Progress(campaign=campaign, counts=self.contacts.count_by_state(campaign_id))

    def contacts_in(self, campaign_id: str, state: State, *, limit: int) -> Sequence[Contact]:
        return self.contacts.holding(campaign_id, state, limit=limit)
