"""Rehearsal: what a person would hear, without calling anybody; and one call to a number of the operator's own."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from dialer import script, speech
from dialer.campaigns import CampaignOffice
from dialer.errors import BadCampaign, BadInput
from dialer.model import Campaign, CampaignState, Contact, NewContact
from dialer.office_ports import ContactBook
from dialer.phones import dialable
from dialer.ports import Hearing
from dialer.script import Place, Script, Step, Transfer
from dialer.speech import Page


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A page, and how one comes to hear it."""

    when: str
    page: Page


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """The parts that try a campaign out."""

    office: CampaignOffice
    contacts: ContactBook
    hearing: Hearing

    def preview(self, campaign_id: str, *, contact_id: str = "") -> list[Scene]:
        """Every page of a campaign's call on which something is said, asked or waited for, the answer first, with a
        contact's variables. Calls nobody, writes nothing.

        A token for a media stream stands as `preview`: nobody can use it.
        """
        campaign = self.office.show(campaign_id).campaign
        return list(_Playbill(campaign, _variables(campaign, self._contact(campaign, contact_id))).scenes())

    def test_call(self, campaign_id: str, to: str, *, region: str | None = None, contact_id: str = "") -> Campaign:
        """One call to this number, as the campaign would call it: through the queue, the hours, the suppression list
        and the permission to dial, as the only contact of a campaign of its own that ends with the call.

        The values of a contact's variables are not copied, but looked up while the call is on: who is erased is gone.
        Returns that campaign. Raises BadInput where the number is none, and BadCampaign where a start would be refused.
        """
        campaign = self.office.show(campaign_id).campaign
        if campaign.shadow_of or campaign.state is CampaignState.ARCHIVED:
            raise BadCampaign(f"Campaign {campaign_id!r} makes no test calls.")
        try:
            phone, group = dialable(to, region=region)
        except ValueError as wrong:
            raise BadInput(f"The number to call cannot be used: {wrong}.") from None
        contact = self._contact(campaign, contact_id)
        variables = _variables(campaign, contact)
        made = self.office.shadow(campaign)
        own = dict.fromkeys(variables, "") if contact_id else dict(variables)
        caller = contact.caller_id if contact else ""
        person = NewContact(phone=phone, region=group, vars=own, vars_of=contact_id, caller_id=caller)
        self.contacts.add(made.id, [person], max_attempts=1)
        try:
            return self.office.ask(made.id, "start")
        except BadCampaign:  # nobody shall find it as a draft, and start it
            self.office.ask(made.id, "archive", reason="a test call that could not start")
            raise

    def _contact(self, campaign: Campaign, contact_id: str) -> Contact | None:
        """None where nobody is named."""
        if not contact_id:
            return None
        contact = self.hearing.find(contact_id)
        if contact is None or contact.campaign_id != campaign.id:
            raise BadInput(f"Campaign {campaign.id!r} has no contact {contact_id!r}.")
        return contact


def _variables(campaign: Campaign, contact: Contact | None) -> Mapping[str, str]:
    """A contact's; without one each variable that must be there is spoken as its own name."""
    return contact.vars if contact else {name: name for name in speech.needed(campaign.call)}


class _Playbill:
    """All that can be heard on a call, as whoever answers, takes a transfer or waits comes to hear it."""

    def __init__(self, campaign: Campaign, variables: Mapping[str, str]) -> None:
        self._plan = campaign.call
        self._variables = variables
        names = ("contact_id", "attempt_id", "token")
        self._credentials = {"campaign_id": campaign.id, **dict.fromkeys(names, "preview")}

    def scenes(self) -> Iterator[Scene]:
        plan = self._plan
        yield from self._beginning()
        if not plan.twiml:
            yield from self._along(speech.script_of(plan), ())
        if plan.voicemail:
            yield Scene(when="voicemail", page=speech.voicemail(plan, self._variables))
        if self._takes_opt_outs():
            yield Scene(when="opt-out", page=speech.farewell(plan, self._variables))

    def _beginning(self) -> Iterator[Scene]:
        page = self._page(speech.START)
        held = speech.held_open(page) if speech.stays_open(self._plan) else page
        yield Scene(when="answer", page=held)
        if held != page:
            listening = speech.await_finding(self._plan, speech.FIRST_FINDING, answered_by="")
            yield Scene(when="answer: nobody knows yet whether it is a machine", page=listening)

    def _along(self, steps: Script, into: Place) -> Iterator[Scene]:
        """Every place at which the carrier may come back with something, and what is heard then."""
        for number, step in enumerate(steps):
            place = (*into, str(number))
            yield from self._at(place, step)
            for branch, inner in script.branches(step).items():
                yield from self._along(inner, (*place, branch))

    def _at(self, place: Place, step: Step) -> Iterator[Scene]:
        match step:
            case script.Menu(name=name, choices=choices):
                for choice in choices:
                    chosen = script.into(place, script.branch_of(choice.key))
                    yield Scene(when=f"{name}: key {choice.key}", page=self._page(chosen))
            case script.Ask(name=name) | script.Record(name=name):
                yield Scene(when=f"{name}: answered", page=self._page(script.after(place)))
            case script.Transfer(name=name):
                yield from self._aside(place, step)
                yield Scene(when=f"{name}: nobody took it", page=self._page(script.into(place, script.OTHERWISE)))
            case script.Stream():
                yield Scene(when="stream: ended", page=self._page(script.after(place)))

    def _aside(self, place: Place, transfer: Transfer) -> Iterator[Scene]:
        if transfer.to.startswith("queue:"):
            waiting = speech.hold(self._plan, transfer, place, waited=timedelta(0))
            yield Scene(when=f"{transfer.name}: waits in the queue", page=waiting)
        elif transfer.whisper:
            heard = speech.whisper(self._plan, self._variables, transfer)
            yield Scene(when=f"{transfer.name}: whoever takes it", page=heard)

    def _page(self, place: Place) -> Page:
        return speech.page_for(self._plan, self._variables, place=place, credentials=self._credentials)

    def _takes_opt_outs(self) -> bool:
        """By a key on any page of ours, or by words where the call listens to words."""
        plan = self._plan
        by_key = plan.opt_out_digit and (plan.voicemail or not plan.twiml)
        return bool(by_key) or script.takes_speech(plan.script)
