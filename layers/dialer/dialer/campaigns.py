"""Campaigns: what an operator may ask of one: create, start, pause, resume, stop, archive."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from dialer import presets
from dialer.abandon_guard import AbandonGuard
from dialer.calling.lawful import never
from dialer.errors import BadCampaign, Conflict, Unavailable, UnknownCampaign
from dialer.lifecycle import State
from dialer.model import Campaign, CampaignState, Sight
from dialer.office_ports import ContactBook, Roll
from dialer.ports import CallerIds, CallQueue, Campaigns, Clock
from dialer.speech import needed
from dialer.variables import value_of

_LOOKED_AT = 1000  # contacts whose variables are looked at before a start: all of one list have the same columns
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
class Readiness:
    """What keeps a campaign from starting, whoever wants it to."""

    contacts: Roll

    def lacking(self, campaign: Campaign) -> list[str]:
        """A sentence for each thing; nothing where it may start."""
        lacking = presets.missing(purpose=campaign.purpose, voice=campaign.voice, call=campaign.call)
        if campaign.state is CampaignState.DRAFT:
            lacking += self._missing_variables(campaign)
            lacking += self._missing_hours(campaign)
        return lacking

    def _missing_variables(self, campaign: Campaign) -> list[str]:
        names = needed(campaign.call)
        if not names:
            return []
        waiting = self.contacts.holding(campaign.id, State.PENDING, limit=_LOOKED_AT)
        lacking = sorted(name for name in names if any(value_of(contact.vars, name) is None for contact in waiting))
        return [f"the list has no column `{name}`: add it, or write `{{{name}|…}}`" for name in lacking]

    def _missing_hours(self, campaign: Campaign) -> list[str]:
        """Where some can be called it starts, and its page says how many of the others there are."""
        closed = None
        for region in self.contacts.regions_waiting(campaign.id):
            closed = never(campaign, region)
            if closed is None:
                return []
        return [f"nobody of its list can ever be called: {closed.reason}"] if closed else []


@dataclass(frozen=True, kw_only=True)
class CampaignOffice:
    """The parts that carry out an operator's wishes."""

    campaigns: Campaigns
    contacts: ContactBook
    caller_ids: CallerIds
    queue: CallQueue
    abandon_guard: AbandonGuard
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
        self.abandon_guard.answers.prepare()
        if campaign.caller.daily_limit is not None:
            self.caller_ids.prepare()
        self.campaigns.create(campaign)
        return campaign

    def shadow(self, campaign: Campaign) -> Campaign:
        """A draft campaign that calls as this one does, once and one person at a time."""
        once = replace(campaign.retry, max_attempts=1)
        made = replace(
            campaign,
            id=self.new_id(),
            name=f"Test call of {campaign.name}"[:200],
            state=CampaignState.DRAFT,
            reason="",
            retry=once,
            fence=0,
            next_slot_at=_NEVER_DIALED,
            next_dial_at=_NEVER_DIALED,
            carrier_free_at=None,
            setbacks=0,
            failures=0,
            dials=0,
            created_at=_milliseconds(self.clock.now()),
            started_at=None,
            state_at=None,
            start_at=None,
            end_at=None,
            shadow_of=campaign.id,
        )
        self.campaigns.create(made)
        return made

    def show(self, campaign_id: str) -> Sight:
        sight = self.campaigns.see(campaign_id)
        if sight is None:
            raise UnknownCampaign(campaign_id)
        return sight

    def ask(self, campaign_id: str, verb: str, *, reason: str = "") -> Campaign:
        """Carry out a wish by name; asking twice is harmless. Raises Conflict where it cannot be granted."""
        wish = WISHES[verb]
        if wish is START:
            sight = self.show(campaign_id)
            self._demand_time(sight)
            self.demand_ready(sight.campaign)
        if wish is RESUME:
            self._demand_agents(self.show(campaign_id))
        self.campaigns.set_state(campaign_id, wish.target, sources=wish.sources, reason=reason)
        campaign = self.show(campaign_id).campaign
        if campaign.state is not wish.target:
            raise Conflict(f"Campaign {campaign_id!r} is {campaign.state}: it cannot {verb}.")
        if wish is RESUME:  # somebody may have found nobody between the look above and the resume
            self.abandon_guard.enforce(self.show(campaign_id))
        if campaign.running:
            self._tick_soon(campaign_id)
        return campaign

    def has_contacts(self, campaign_id: str) -> bool:
        return bool(self.contacts.page(campaign_id, after="", limit=1))

    def _demand_agents(self, sight: Sight) -> None:
        """Raises Conflict where too many of those who were handed on have found nobody."""
        objection = self.abandon_guard.objection(sight) if sight.campaign.state in RESUME.sources else ""
        if objection:
            raise Conflict(f"Campaign {sight.campaign.id!r} cannot resume: {objection}")

    def _demand_time(self, sight: Sight) -> None:
        """Raises Conflict where it would be stopped at once, and for good."""
        campaign = sight.campaign
        if campaign.state in START.sources and campaign.has_ended(sight.now):
            raise Conflict(
                f"Campaign {campaign.id!r} cannot start: its scheduled end has passed. Schedule a later end, or none."
            )

    def demand_ready(self, campaign: Campaign) -> None:
        """Raises BadCampaign naming all that it lacks, before anybody is called."""
        lacking = Readiness(contacts=self.contacts).lacking(campaign)
        if lacking:
            raise BadCampaign(f"Campaign {campaign.id!r} cannot start: {'; '.join(lacking)}.")

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
