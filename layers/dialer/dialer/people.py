"""People: what an operator may do about one person: look, hold, release, cancel, decide, suppress, forget."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from dialer.errors import BadInput, Conflict, NotFound, UnknownCampaign
from dialer.lifecycle import UNSETTLED, State
from dialer.model import Contact
from dialer.office_ports import ContactPage, Listing, People, Suppressed, SuppressionList
from dialer.ports import Campaigns, Overdue
from dialer.retry import RetryDecision, redialed
from dialer.shredding import Shredding

EVERYWHERE = "global"
_ERASED = "asked to be forgotten"
_OF_CAMPAIGN = "campaign:"


@dataclass(frozen=True, kw_only=True)
class Erased:
    """What was removed of somebody, and what could not be yet."""

    erased: int
    waiting: Sequence[str]
    """Ids of contacts whose phone may be ringing, whose doubt a person must settle first, or whose campaign has a file
    that is still worked on."""
    files: int = 0
    """Lists and exports that were removed from the store."""
    open_files: Sequence[str] = ()
    """Ids of lists that are still read and exports that are still written, and may name them."""


@dataclass(frozen=True, kw_only=True)
class Registry:
    """The parts that know people."""

    people: People
    campaigns: Campaigns
    overdue: Overdue
    suppressions: SuppressionList
    shred: Shredding
    confirm: Callable[[], None]
    """Returns when whatever had its last look before now has sent its request or given up."""

    def find(self, contact_id: str) -> Contact:
        contact = self.people.find(contact_id)
        if contact is None:
            raise NotFound(f"There is no contact {contact_id!r}.")
        return contact

    def with_phone(self, phone: str) -> Sequence[Contact]:
        """In whatever campaign."""
        return self.people.with_phone(phone)

    def with_external_id(self, external_id: str) -> Sequence[Contact]:
        return self.people.with_external_id(external_id)

    def in_state(self, campaign_id: str, state: State, *, limit: int, cursor: str) -> ContactPage:
        """Raises UnknownCampaign where nobody is found because there is no such campaign."""
        page = self.people.in_state(campaign_id, state, limit=limit, cursor=cursor)
        if not page.contacts and self.campaigns.see(campaign_id) is None:
            raise UnknownCampaign(campaign_id)
        return page

    def hold_back(self, contact_id: str, *, reason: str) -> Contact:
        """Not called until released. Raises Conflict where the phone may be ringing, or it is over."""
        return self._asked(contact_id, lambda one: self.people.hold_back(one, reason=reason), "be put on hold")

    def let_go(self, contact_id: str, *, reason: str) -> Contact:
        """Due when they were before the hold, or at once where that is past. Raises Conflict for whoever is not on
        hold."""
        return self._asked(contact_id, lambda one: self.people.let_go(one, reason=reason), "be released")

    def call_back(self, contact_id: str, *, at: datetime, reason: str) -> Contact:
        """At this time, in its campaign's hours, whatever the schedule says; who is being called, after that call.

        Raises Conflict for who is on hold or held, has no attempt left, or is settled.
        """

        def move(one: Contact) -> bool:
            return self.people.call_back(one, at=at, reason=reason) or self.people.remember(one, at=at)

        return self._asked(contact_id, move, "be called back")

    def cancel(self, contact_id: str, *, reason: str) -> Contact:
        """Not called any more. Raises Conflict where the phone may be ringing, or it is over."""
        return self._asked(contact_id, lambda one: self.people.cancel(one, reason=reason), "be cancelled")

    def resolve(self, contact_id: str, *, to: State, reason: str) -> Contact:
        """What a person has found out about somebody who is held: call again as soon as they may be called, or not.

        Raises Conflict for others.
        """
        return self._asked(contact_id, lambda one: self._resolved(one, to, reason), f"be resolved to {to}")

    def _resolved(self, contact: Contact, to: State, reason: str) -> bool:
        if contact.state is not State.HELD or contact.attempt is None:
            return False
        decision = self._again(contact) if to is State.PENDING else RetryDecision(state=to)
        if decision.state is not to:
            return False
        why = f"a person decided: {reason}"
        return self.overdue.resolve(contact.id, contact.attempt.id, decision=decision, reason=why)

    def _again(self, contact: Contact) -> RetryDecision:
        """As the campaign would by itself: nobody knows that there was no call."""
        sight = self.campaigns.see(contact.campaign_id)
        if sight is None:
            raise Conflict(f"The campaign {contact.campaign_id!r} is gone.")
        return redialed(sight.campaign, contact, now=sight.now)

    def _asked(self, contact_id: str, move: Callable[[Contact], bool], what: str) -> Contact:
        contact = self.find(contact_id)
        if not move(contact):
            now = self.find(contact_id)
            why = f" ({now.reason})" if now.reason else ""
            used = f", with {now.used} of {now.max} attempts used" if now.state in UNSETTLED else ""
            raise Conflict(f"Contact {contact_id!r} is {now.state}{why}{used}: it cannot {what}.")
        return self.find(contact_id)

    def suppress(self, phones: Sequence[str], *, scope: str, source: str, reason: str) -> int:
        """Phones, or hashes of ours. How many are new; confirmed only when no request to them can leave any more."""
        return self.enlist([Listing(phone=phone, scope=scope, source=source, reason=reason) for phone in phones])

    def enlist(self, listings: Sequence[Listing]) -> int:
        """As `suppress`, where each says its own scope, source, reason and moment."""
        new = self.suppressions.add(listings)
        self.confirm()
        return new

    def suppressed(self, phone: str) -> Suppressed | None:
        return self.suppressions.find(self.suppressions.hash_of(phone))

    def unsuppress(self, phone: str, *, scope: str) -> None:
        """Raises NotFound where it is not on the list in this scope."""
        if not self.suppressions.remove(self.suppressions.hash_of(phone), scope=scope):
            raise NotFound(f"This phone is not suppressed in {scope!r}.")

    def erase(self, phone: str) -> Erased:
        """Forget a person, in every campaign, but for the hashes that keep them from being called, at any number.

        The files of their campaigns go before they do, since only they tell which campaigns these are. Whose phone may
        be ringing is left for later: their end must find them; and so is whom a list that is being read would bring
        back, or an export is being told of. Asking again is harmless.
        """
        if not phone.startswith("+"):
            raise BadInput("Erasing needs the phone itself: a hash says nothing about whom to forget.")
        self.suppress([phone], scope=EVERYWHERE, source="erasure", reason=_ERASED)
        known = self.people.with_phone(phone)
        if others := {one for contact in known for one in contact.phones} - {phone}:
            self.suppress(sorted(others), scope=EVERYWHERE, source="erasure", reason=_ERASED)
        erased, files, campaigns = 0, 0, self._barring(phone)
        while True:  # a look finds no more than a thousand; and the last one meets what was begun meanwhile
            campaigns |= {one.campaign_id for one in known}
            shredded = self.shred(campaigns)
            waiting = [one.id for one in known if one.campaign_id in shredded.busy or not self.people.erase(one)]
            erased, files = erased + len(known) - len(waiting), files + shredded.removed
            if len(waiting) == len(known):
                return Erased(erased=erased, waiting=waiting, files=files, open_files=shredded.open)
            known = self.people.with_phone(phone)

    def _barring(self, phone: str) -> set[str]:
        """Campaigns that must not call it: a list of theirs may have said so, of somebody whom they never had."""
        listed = self.suppressed(phone)
        scopes = [one.scope for one in listed.scopes] if listed else []
        return {scope.removeprefix(_OF_CAMPAIGN) for scope in scopes if scope.startswith(_OF_CAMPAIGN)}
