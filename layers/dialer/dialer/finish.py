"""Finish: which campaigns have just run out of work, found by the ticks that had nothing to claim."""

from collections.abc import Sequence
from dataclasses import dataclass

from dialer.errors import Unavailable
from dialer.model import CampaignState
from dialer.ports import Campaigns, Endings
from dialer.tick import CampaignTick, TickReport


@dataclass(frozen=True, kw_only=True)
class Finish:
    """The parts that know, and that end a test."""

    endings: Endings
    campaigns: Campaigns

    def __call__(self, report: TickReport) -> Sequence[str]:
        """Their ids. Never raises: whoever cannot be asked now is asked by the next tick."""
        return [tick.campaign_id for tick in report.campaigns if self._has_finished(tick)]

    def _has_finished(self, tick: CampaignTick) -> bool:
        if not tick.found_nobody:
            return False
        try:
            finished = self.endings.just_finished(tick.campaign_id)
            if finished:
                self._end_test(tick.campaign_id)
        except Unavailable:
            return False
        return finished

    def _end_test(self, campaign_id: str) -> None:
        """A campaign made for one test call is over with it: no later tick need look at it again."""
        sight = self.campaigns.see(campaign_id)
        if sight and sight.campaign.shadow_of:
            over = "the test call is over"
            self.campaigns.set_state(campaign_id, CampaignState.STOPPED, sources=[CampaignState.RUNNING], reason=over)
