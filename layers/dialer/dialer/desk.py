"""Desk: an operator's view of all campaigns, and what may be changed of one while it runs."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

from dialer.bounds import Bounds
from dialer.campaigns import CampaignOffice
from dialer.errors import BadInput, Conflict
from dialer.model import Campaign, CampaignState, Sight
from dialer.office_ports import CampaignDesk, Halted, Place

_ANY = frozenset({CampaignState.DRAFT, CampaignState.RUNNING, CampaignState.PAUSED})
_STILL = frozenset({CampaignState.DRAFT, CampaignState.PAUSED})
_NEW = frozenset({CampaignState.DRAFT})


@dataclass(frozen=True, kw_only=True)
class Confirmed:
    """A halt that holds: the campaign, and how long it took until no request could leave any more."""

    campaign: Campaign
    waited: timedelta


@dataclass(frozen=True, kw_only=True)
class Desk:
    """The parts behind the operators' API."""

    office: CampaignOffice
    desk: CampaignDesk
    bounds: Bounds

    def page(self, *, limit: int, state: CampaignState | None, behind: Place | None) -> Sequence[Campaign]:
        return self.desk.page(limit=limit, state=state, behind=behind)

    def change(self, before: Campaign, wishes: dict[str, Any]) -> Campaign:
        """The campaign with other wishes. What may be changed depends on its state: see `changeable_in`.

        Raises Conflict naming what may not, and where somebody else has changed it since it was read.
        """
        known = {field.name for field in fields(Campaign)}
        after = replace(before, **{name: value for name, value in wishes.items() if name in known})
        states = _ANY.intersection(*(changeable_in(name) for name in changes(before, after)))
        refused = [name for name in changes(before, after) if before.state not in changeable_in(name)]
        if refused:
            raise Conflict(f"Campaign {before.id!r} is {before.state}: {_listed(refused)} cannot be changed now.")
        if before.retry.max_attempts != after.retry.max_attempts and self.office.has_contacts(before.id):
            raise Conflict(
                f"Campaign {before.id!r} has contacts, and each was given {before.retry.max_attempts} attempts when it"
                " was added: copy the campaign and change the copy."
            )
        if after.state is not CampaignState.DRAFT or after.start_at:
            self.office.demand_ready(after)
        if not self.desk.change(before, after, states=states):
            raise Conflict(
                f"Campaign {before.id!r} has been changed meanwhile, or is no longer {before.state}: look at it again"
                " before you change it."
            )
        return self.office.show(before.id).campaign

    def schedule(self, campaign_id: str, *, start_at: datetime | None, end_at: datetime | None) -> Campaign:
        """When a draft starts and when the campaign is stopped, by themselves; None for neither.

        Only a draft has a start; an end may be set, moved and taken away until it has come.
        """
        sight = self.office.show(campaign_id)
        campaign = sight.campaign
        if campaign.state not in _ANY:
            raise Conflict(f"Campaign {campaign_id!r} is {campaign.state}: it has no schedule any more.")
        if start_at != campaign.start_at and campaign.state is not CampaignState.DRAFT:
            raise Conflict(f"Campaign {campaign_id!r} is {campaign.state}: it has had its start.")
        if end_at is not None and end_at <= max(start_at or sight.now, sight.now):
            raise BadInput("The end must lie in the future, and after the start.")
        if start_at is not None:
            self.office.demand_ready(campaign)
        if not self.desk.schedule(campaign_id, start_at=start_at, end_at=end_at, states=[campaign.state]):
            raise Conflict(f"Campaign {campaign_id!r} is no longer {campaign.state}.")
        return self.office.show(campaign_id).campaign

    def halt(self, campaign_id: str, verb: str, *, reason: str) -> Confirmed:
        """Pause or stop, confirmed only when no request of this campaign can leave any more."""
        self.office.ask(campaign_id, verb, reason=reason)
        sight = self.office.show(campaign_id)
        return Confirmed(campaign=sight.campaign, waited=self._wait_out(sight))

    def halt_all(self, *, reason: str) -> Halted:
        """Pause every running campaign, and confirm it only when no request can leave any more."""
        halted = self.desk.halt(reason=reason)
        self.wait_out_dials()
        return halted

    def wait_out_dials(self) -> None:
        """Returns when whatever had its last look before now has sent its request or given up."""
        self.office.clock.sleep(self.bounds.last_request.total_seconds())

    def _wait_out(self, sight: Sight) -> timedelta:
        since = sight.campaign.state_at or sight.now
        waiting = max(timedelta(0), since + self.bounds.last_request - sight.now)
        self.office.clock.sleep(waiting.total_seconds())
        return waiting


def changes(before: Campaign, after: Campaign) -> Sequence[str]:
    """What differs, as the operator calls it: `call.say`, `pacing`, `retry.max_attempts`."""
    names = [name for name in _WISHES if getattr(before, name) != getattr(after, name)]
    return [part for name in names for part in _parts(name, getattr(before, name), getattr(after, name))]


def changeable_in(name: str) -> frozenset[CampaignState]:
    """In which states a thing may be changed.

    Always safe, since each dial reads it anew: the name, the pace, the hours, the numbers called from, the waits
    between attempts. Not while it runs: what is said, which would change in the middle of calls. Only in a draft, since
    somebody may have heard or been promised the old: the key that opts out (who was told to press it must be heard),
    what becomes of a doubt, how many attempts each contact was given, and the purpose that opt-outs are looked up for.
    """
    if name in _FROM_THE_START:
        return _NEW
    return _STILL if name.startswith("call.") else _ANY


_WISHES = tuple(
    field.name
    for field in fields(Campaign)
    if field.name
    not in {
        "id", "state", "reason", "blocked_regions", "fence", "next_slot_at", "next_dial_at", "setbacks", "form",
        "latest_setbacks", "dials", "share", "shadow_of", "failures", "carrier_free_at",
        "created_at", "started_at", "state_at",
        "start_at", "end_at",
    }
)  # fmt: skip
_FROM_THE_START = {"call.opt_out_digit", "call.opt_out_words", "doubt", "retry.max_attempts", "purpose"}
_IN_PARTS = {"call", "retry"}


def _parts(name: str, before: Any, after: Any) -> list[str]:
    if name not in _IN_PARTS:
        return [name]
    inner = (field.name for field in fields(before))
    return [f"{name}.{part}" for part in inner if getattr(before, part) != getattr(after, part)]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else names[0]
