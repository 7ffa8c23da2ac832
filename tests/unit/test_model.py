"""The ids that tie a message, an attempt and a webhook together, and whose number a contact is called from."""

import pytest
from bson import ObjectId

from dialer.lifecycle import State
from dialer.model import CampaignState, attempt_id, attempt_of, claim_of
from dialer.wiring import new_token
from tests.builders import a_campaign, a_contact

NUMBERS = ("+12015550191", "+12015550192", "+12015550193")


def test_an_attempts_id_names_its_contact_and_its_claim() -> None:
    contact_id, claim = str(ObjectId()), new_token()
    assert attempt_id(contact_id, claim) == f"{contact_id}-{claim}"
    assert claim_of(attempt_id(contact_id, claim)) == claim


def test_two_contacts_of_one_claim_have_two_attempts() -> None:
    claim = new_token()
    assert attempt_id(str(ObjectId()), claim) != attempt_id(str(ObjectId()), claim)


@pytest.mark.parametrize("foreign", ["", "no dash".replace(" ", ""), "5f"])
def test_an_id_that_is_none_of_ours_came_from_no_claim(foreign: str) -> None:
    assert claim_of(foreign) == ""


def test_tokens_never_meet() -> None:
    tokens = {new_token() for _ in range(10_000)}
    assert len(tokens) == 10_000
    assert {len(token) for token in tokens} == {24}


@pytest.mark.parametrize("state", CampaignState)
def test_a_campaign_runs_in_one_state_only(state: CampaignState) -> None:
    assert a_campaign(state=state).running == (state is CampaignState.RUNNING)


def test_the_attempt_of_a_waiting_contact_is_a_bug_and_said_so() -> None:
    contact = a_contact()
    with pytest.raises(ValueError, match=f"contact {contact.id} is pending and has no attempt"):
        attempt_of(contact)
    assert attempt_of(a_contact(state=State.CLAIMED)).id
