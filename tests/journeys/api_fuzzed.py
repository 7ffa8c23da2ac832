"""Whatever the API's description allows, and what it does not, is answered as the description says: no server error.

Schemathesis makes the requests from docs/openapi.json. `make fuzz-api` runs it; no other run collects it, because each
halt and each suppression takes two seconds to be confirmed.
"""
# mypy: ignore-errors

import os
from datetime import timedelta

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from local.environments import ROOT
from local.world import World
from tests.journeys.office import Office

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "50"))
DESCRIPTION = schemathesis.openapi.from_path(ROOT / "docs" / "openapi.json")

EXCLUDED = [positive_data_acceptance]  # a moment in the past, or a number that no country has, is refused all the same


@pytest.fixture(scope="session")
def hasty(world: World) -> Office:
    """An operator who may ask as often as they like."""
    office = Office(url=world.api_url, token=world.operator_token)
    wish = {"name": "a fuzzer", "role": "operator", "days": 1, "per_second": 1000, "burst": 10_000}
    return Office(url=world.api_url, token=office.do("POST", "/tokens", wish)["token"])


@DESCRIPTION.parametrize()
@settings(max_examples=EXAMPLES, deadline=timedelta(seconds=60), suppress_health_check=list(HealthCheck), database=None)
def test_every_operation_keeps_to_its_description(case: schemathesis.Case, hasty: Office) -> None:
    case.call_and_validate(
        base_url=hasty.url, headers={"Authorization": f"Bearer {hasty.token}"}, excluded_checks=EXCLUDED
    )
