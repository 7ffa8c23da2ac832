"""Schedule: campaigns whose own start or end has come, each judged at its start as an operator's wish is."""

from collections.abc import Iterator
from dataclasses import dataclass

from dialer.campaigns import Readiness
from dialer.model import Campaign, CampaignState
from dialer.office_ports import Timetable, Turn

_STARTED = "started by its schedule"
_ENDED = "its scheduled end has come"
_LONGEST = 500  # of a reason


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """The parts that keep it."""

    timetable: Timetable
    readiness: Readiness

    def keep(self) -> Iterator[Turn]:
        """Each turn as it is made, and once, however many look at the same time. Raises Unavailable between turns.

        Whoever may not start stays a draft, without a start: when that was set nobody could know the list.
        """
        starting = self.timetable.starting()
        for campaign in starting.campaigns:
            turn = self._turn(campaign)
            if turn:
                yield turn
        for campaign_id in starting.unreadable:
            turn = self._refused(campaign_id, "it cannot be read")
            if turn:
                yield turn
        for campaign_id in self.timetable.stop_ended(reason=_ENDED):
            yield Turn(campaign_id=campaign_id, state=CampaignState.STOPPED, reason=_ENDED)

    def _turn(self, campaign: Campaign) -> Turn | None:
        """None where somebody else was first."""
        objections = "; ".join(self.readiness.lacking(campaign))
        if not objections:
            moved = self.timetable.start(campaign.id, reason=_STARTED)
            return Turn(campaign_id=campaign.id, state=CampaignState.RUNNING, reason=_STARTED) if moved else None
        return self._refused(campaign.id, objections)

    def _refused(self, campaign_id: str, objections: str) -> Turn | None:
        reason = f"its schedule could not start it: {objections}"[:_LONGEST]
        kept = self.timetable.refuse_start(campaign_id, reason=reason)
        return Turn(campaign_id=campaign_id, state=CampaignState.DRAFT, reason=reason) if kept else None
