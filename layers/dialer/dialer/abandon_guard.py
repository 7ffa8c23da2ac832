"""Abandon guard: a campaign that hands people on stops calling when too many of them find nobody to talk to."""

from dataclasses import dataclass

from dialer.abandonment import WINDOW, Answers, explained, hands_on, too_many
from dialer.model import CampaignState, Sight
from dialer.ports import CallRef, Campaigns, LiveAnswers


@dataclass(frozen=True, kw_only=True)
class AbandonGuard:
    """The parts that count, and stop."""

    answers: LiveAnswers
    campaigns: Campaigns

    def answered(self, ref: CallRef, sight: Sight) -> None:
        """A call that was answered live has ended. Before its attempt is settled, so that none goes uncounted."""
        if hands_on(sight.campaign.call) and self.answers.note(ref, campaign_id=sight.campaign.id, at=sight.now):
            self.enforce(sight)

    def transferred(self, ref: CallRef, sight: Sight, *, somebody: bool) -> None:
        """A transfer has ended, during its call or heard of after it: somebody took it, or nobody."""
        if self.answers.reached(ref, somebody=somebody, at=sight.now):
            self.enforce(sight)

    def enforce(self, sight: Sight) -> str:
        """Pause the campaign where it must not go on; why, and empty where it may."""
        reason = self.objection(sight)
        if reason:
            running = [CampaignState.RUNNING]
            self.campaigns.set_state(sight.campaign.id, CampaignState.PAUSED, sources=running, reason=reason)
        return reason

    def objection(self, sight: Sight) -> str:
        """Why this campaign must not call now; empty while it may."""
        campaign, limit = sight.campaign, sight.campaign.pacing.max_abandon
        if limit is None or not hands_on(campaign.call):
            return ""
        abandoned = self.answers.abandoned(campaign.id, since=sight.now - WINDOW)
        if not too_many(Answers(live=0, abandoned=abandoned), limit=limit):  # and no more answers make it too many
            return ""
        found = Answers(live=self.answers.live(campaign.id, since=sight.now - WINDOW), abandoned=abandoned)
        return explained(found, limit=limit) if too_many(found, limit=limit) else ""

    def count(self, sight: Sight) -> Answers | None:
        """To be shown; None where the campaign hands nobody on."""
        campaign, since = sight.campaign, sight.now - WINDOW
        if not hands_on(campaign.call):
            return None
        live = self.answers.live(campaign.id, since=since)
        return Answers(live=live, abandoned=self.answers.abandoned(campaign.id, since=since))
