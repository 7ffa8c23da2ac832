"""Campaigns: what an operator may ask of one: create, start, pause, resume, stop, archive."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from dialer.errors import BadCampaign, Conflict, Unavailable, UnknownCampaign
from dialer.model import Campaign, CampaignState, Sight
from dialer.ports import CallQueue, Campaigns, Clock, ContactBook

_NEVER_DIALED = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What an operator may ask, from which states, and what it leads to."""

    sources: frozenset[CampaignState]
    target: CampaignState


START = Wish(sources=frozenset({CampaignState.DRAFT}), target=CampaignState.RUNNING)
PAUSE = Wish(sources=frozenset({CampaignState.RUNNING}), target=CampaignState.PAUSED)
RESUME = Wish(sources=frozenset({CampaignState.PAUSED}), target=CampaignState.RUNNING)
STOP = Wish(
    sources=frozenset({CampaignState.DRAFT, CampaignState.RUNNING, CampaignState.PAUSED}),
    target=CampaignState.STOPPED,
)
ARCHIVE = Wish(sources=frozenset({CampaignState.DRAFT, CampaignState.STOPPED}), target=CampaignState.ARCHIVED)
WISHES = {"start": START, "pause": PAUSE, "resume": RESUME, "stop": STOP, "archive": ARCHIVE}


@dataclass(frozen=True, kw_only=True)
class CampaignOffice:
    """The parts that carry out an operator's wishes."""

    campaigns: Campaigns
    contacts: ContactBook
    queue: CallQueue
    clock: Clock
    new_id: Callable[[], str]

    def create(self, **wishes: object) -> Campaign:
        """A draft campaign from `Campaign`'s own fields; the rules are in `campaign_form`."""
        campaign = Campaign(
            id=self.new_id(),
            state=CampaignState.DRAFT,
            next_slot_at=_NEVER_DIALED,
            next_dial_at=_NEVER_DIALED,
            created_at=_milliseconds(self.clock.now()),
            **wishes,  # type: ignore[arg-type]  # campaign_form has checked them
        )
        self.contacts.prepare()
        self.campaigns.create(campaign)
        return campaign

    def show(self, campaign_id: str) -> Sight:
        sight = self.campaigns.see(campaign_id)
        if sight is None:
            raise UnknownCampaign(campaign_id)
        return sight

    def ask(self, campaign_id: str, verb: str, *, reason: str = "") -> Campaign:
        """Carry out a wish by name; asking twice is harmless. Raises Conflict where it cannot be granted."""
        wish = WISHES[verb]
        self.campaigns.set_state(campaign_id, wish.target, sources=wish.sources, reason=reason)
        campaign = self.show(campaign_id).campaign
        if campaign.state is not wish.target:
            raise Conflict(f"Campaign {campaign_id!r} is {campaign.state}: it cannot {verb}.")
        if campaign.running:
            self._tick_soon(campaign_id)
        return campaign

    def _tick_soon(self, campaign_id: str) -> None:
        """A hint only: when it is lost, the schedule starts the campaign within a minute."""
        try:
            self.queue.refill(campaign_id, now=self.clock.now())
        except Unavailable:
            return


def demand_open(campaign: Campaign) -> None:
    """Raises BadCampaign where the campaign takes nobody any more."""
    if campaign.state in {CampaignState.STOPPED, CampaignState.ARCHIVED}:
        raise BadCampaign(f"Campaign {campaign.id!r} is {campaign.state}: it takes no more contacts.")


def _milliseconds(moment: datetime) -> datetime:
    """As the database keeps it."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
