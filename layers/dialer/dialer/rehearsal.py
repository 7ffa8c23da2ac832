"""Rehearsal: what a person would hear, without calling anybody; and one call to a number of the operator's own."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dialer import script, speech
from dialer.campaigns import CampaignOffice
from dialer.errors import BadCampaign, BadInput
from dialer.model import Campaign, CampaignState, NewContact
from dialer.office_ports import ContactBook
from dialer.phones import dialable
from dialer.ports import Hearing
from dialer.script import Place, Script
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
        """Every page of a campaign's call, the answer first, with a contact's variables. Calls nobody, writes nothing.

        A token for a media stream stands as `preview`: nobody can use it.
        """
        campaign = self.office.show(campaign_id).campaign
        variables = self._variables(campaign, contact_id)
        return list(_scenes(campaign, variables))

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
        variables = self._variables(campaign, contact_id)
        made = self.office.shadow(campaign)
        own = dict.fromkeys(variables, "") if contact_id else dict(variables)
        person = NewContact(phone=phone, region=group, vars=own, vars_of=contact_id)
        self.contacts.add(made.id, [person], max_attempts=1)
        try:
            return self.office.ask(made.id, "start")
        except BadCampaign:  # nobody shall find it as a draft, and start it
            self.office.ask(made.id, "archive", reason="a test call that could not start")
            raise

    def _variables(self, campaign: Campaign, contact_id: str) -> Mapping[str, str]:
        """A contact's; without one each variable that must be there is spoken as its own name."""
        if not contact_id:
            return {name: name for name in speech.needed(campaign.call)}
        contact = self.hearing.find(contact_id)
        if contact is None or contact.campaign_id != campaign.id:
            raise BadInput(f"Campaign {campaign.id!r} has no contact {contact_id!r}.")
        return contact.vars


def _scenes(campaign: Campaign, variables: Mapping[str, str]) -> Iterator[Scene]:
    plan = campaign.call
    credentials = {"campaign_id": campaign.id, "contact_id": "preview", "attempt_id": "preview", "token": "preview"}
    for when, place in (("answer", speech.START), *_entrances(speech.script_of(plan), ())):
        yield Scene(when=when, page=speech.page_for(plan, variables, place=place, credentials=credentials))
        if plan.twiml:
            return
    if plan.voicemail:
        yield Scene(when="voicemail", page=speech.voicemail(plan, variables))
    if plan.opt_out_digit:
        yield Scene(when="opt-out", page=speech.farewell(plan))


def _entrances(steps: Script, into: Place) -> Iterator[tuple[str, Place]]:
    """Every place at which the carrier may come back with something, and what it is."""
    for number, step in enumerate(steps):
        place = (*into, str(number))
        match step:
            case script.Menu(name=name, choices=choices):
                for choice in choices:
                    yield f"{name}: key {choice.key}", script.into(place, script.branch_of(choice.key))
            case script.Ask(name=name) | script.Record(name=name):
                yield f"{name}: answered", script.after(place)
            case script.Transfer(name=name):
                yield f"{name}: nobody took it", script.into(place, script.OTHERWISE)
            case script.Stream():
                yield "stream: ended", script.after(place)
        for branch, inner in script.branches(step).items():
            yield from _entrances(inner, (*place, branch))
