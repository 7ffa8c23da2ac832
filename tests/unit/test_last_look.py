"""May this person be called now?"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dialer.calling.rules import rule_version
from dialer.last_look import Go, Never, NotNow, Verdict, grounds_for, may_call, may_dial
from dialer.model import Campaign, CampaignState, Grounds, Hours, Pacing
from tests.builders import a_campaign, a_contact

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
CAMPAIGN = a_campaign(pacing=Pacing(max_concurrent=2))
NIGHTS = Hours(opens="20:00", closes="22:00")


def verdict(campaign: Campaign = CAMPAIGN, *, region: str = "US", suppressed: bool = False, live: int = 1) -> Verdict:
    return may_dial(campaign=campaign, region=region, suppressed=suppressed, live=live, now=NOON)


def test_nothing_forbids_a_call_of_a_running_campaign_with_lines_free() -> None:
    assert verdict() == Go()
    assert may_call(campaign=CAMPAIGN, region="US", suppressed=False, now=NOON) == Go()


def test_a_suppressed_phone_is_never_called_whatever_else_holds() -> None:
    for campaign in (CAMPAIGN, replace(CAMPAIGN, state=CampaignState.PAUSED, hours=NIGHTS)):
        assert verdict(campaign, suppressed=True, live=9) == Never(reason="suppressed")


@pytest.mark.parametrize("state", sorted(set(CampaignState) - {CampaignState.RUNNING}))
def test_a_campaign_that_does_not_run_calls_nobody(state: CampaignState) -> None:
    assert verdict(replace(CAMPAIGN, state=state)) == NotNow(until=NOON, reason=f"campaign {state}")


def test_outside_the_hours_it_waits_for_the_next_opening() -> None:
    said = verdict(replace(CAMPAIGN, hours=NIGHTS))
    assert said == NotNow(until=NOON.replace(hour=20), reason="outside the campaign's hours")


def test_from_its_own_end_on_a_campaign_calls_nobody_though_it_still_runs() -> None:
    said = verdict(replace(CAMPAIGN, end_at=NOON))
    assert said == NotNow(until=NOON + timedelta(minutes=1), reason="the campaign's end has come")
    assert verdict(replace(CAMPAIGN, end_at=NOON + timedelta(milliseconds=1))) == Go()


def test_a_country_closed_to_the_account_waits_while_others_are_called() -> None:
    campaign = replace(CAMPAIGN, blocked_regions={"CU": "no permission to call this country (21215)"})
    said = verdict(campaign, region="CU")
    assert said == NotNow(until=NOON + timedelta(hours=1), reason="no permission to call this country (21215)")
    assert verdict(campaign, region="US") == Go()
    assert verdict(campaign, region="") == Go()


@pytest.mark.parametrize(("live", "free"), [(1, True), (2, True), (3, False), (4, False)])
def test_this_call_counts_among_the_live_lines(live: int, *, free: bool) -> None:
    assert (verdict(live=live) == Go()) == free


def test_a_call_too_many_waits_for_a_line_and_never_returns_as_due_at_once() -> None:
    said = verdict(live=3)
    assert isinstance(said, NotNow)
    assert said.until > NOON
    assert said.reason == "all lines in use"


def test_the_grounds_of_a_call_are_the_rules_and_what_is_known_of_where_it_rings() -> None:
    campaign = replace(CAMPAIGN, any_hour_because="")
    contact = a_contact(campaign, region="US-NY New_York", vars={"Zip Code": "x", "ZIP": "10001"})
    version, rule = rule_version(), "every place; US federal"
    assert grounds_for(campaign, contact) == Grounds(rules=version, rule=rule, zone_source="number, postal_code")
    assert grounds_for(CAMPAIGN, None) == Grounds(rules="any hour")


def test_the_variables_of_a_test_call_say_nothing_of_where_it_rings() -> None:
    """They are spoken alone: its number was given by itself."""
    testing = replace(CAMPAIGN, shadow_of="0a1b2c3d4e5f")
    contact = a_contact(testing, region="US-NY New_York", vars={"state": "state"})
    assert grounds_for(testing, contact).zone_source == "number"
