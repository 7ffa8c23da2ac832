"""When a campaign has nothing left to do."""

import pytest

from dialer.lifecycle import BOOKED, TERMINAL, State
from dialer.model import CampaignState
from dialer.views import Progress
from tests.builders import a_campaign

OVER = {CampaignState.STOPPED, CampaignState.ARCHIVED}


def completed(campaign: CampaignState, **counts: int) -> bool:
    return Progress(
        campaign=a_campaign(state=campaign), counts={State(name): n for name, n in counts.items()}
    ).completed


@pytest.mark.parametrize("campaign", CampaignState)
def test_whoever_is_settled_or_held_for_a_person_is_no_work(campaign: CampaignState) -> None:
    assert completed(campaign)
    assert completed(campaign, held=2, pending=0, **dict.fromkeys(TERMINAL, 3))


@pytest.mark.parametrize("campaign", CampaignState)
@pytest.mark.parametrize("state", sorted(BOOKED))
def test_whoever_has_a_line_is_work_even_where_the_campaign_has_ended(campaign: CampaignState, state: State) -> None:
    assert not completed(campaign, done=5, **{state: 1})


@pytest.mark.parametrize("campaign", CampaignState)
def test_whoever_waits_is_work_unless_the_campaign_has_ended(campaign: CampaignState) -> None:
    assert completed(campaign, pending=1) == (campaign in OVER)
