"""Finish: which campaigns have just run out of work, found by the ticks that had nothing to claim."""

from collections.abc import Sequence
from dataclasses import dataclass

from dialer.errors import Unavailable
from dialer.ports import Endings
from dialer.tick import CampaignTick, TickReport


@dataclass(frozen=True, kw_only=True)
class Finish:
    """The part that knows."""

    endings: Endings

    def __call__(self, report: TickReport) -> Sequence[str]:
        """Their ids. Never raises: whoever cannot be asked now is asked by the next tick."""
        return [tick.campaign_id for tick in report.campaigns if self._has_finished(tick)]

    def _has_finished(self, tick: CampaignTick) -> bool:
        if not tick.found_nobody:
            return False
        try:
            return self.endings.just_finished(tick.campaign_id)
        except Unavailable:
            return False
