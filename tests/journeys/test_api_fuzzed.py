"""Whatever the API's description allows, and what it does not, is answered as the description says: no server error.

Schemathesis makes the requests from docs/openapi.json, the same ones every time: first as they are, about campaigns and
people whom nobody knows, then about those that there are. Whatever is answered only when nobody can be called any more
takes two seconds each time, and so gets fewer. `make fuzz-api` makes more of them, and tries each bound of each field
where this takes every third, and none of a new campaign's, which has two thousand.
"""
# mypy: ignore-errors

import os
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.generation.meta import TestPhase
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    positive_data_acceptance,
    response_schema_conformance,
    status_code_conformance,
)

from local.environments import ROOT
from local.world import World
from tests.journeys.journey import FROM, Number, fictional
from tests.journeys.office import Office

MORE = int(os.environ.get("FUZZ_EXAMPLES", "0"))
EXAMPLES, STRIDE = (MORE, 1) if MORE else (5, 3)
LARGE, HALTING = "POST /campaigns", r"/stop-all$|/(pause|stop)$|^/suppressions(/import)?$|^/erase$"
BOUNDS = {"phases": {"coverage": {"enabled": bool(MORE)}}}


def described(**config: Any) -> schemathesis.schemas.BaseSchema:
    path = ROOT / "docs" / "openapi.json"
    made = schemathesis.openapi.from_path(path, config=SchemathesisConfig.from_dict(config))
    turn = count()

    @made.hook
    def filter_case(_: schemathesis.HookContext, case: schemathesis.Case) -> bool:
        return case.meta.phase.name is not TestPhase.COVERAGE or next(turn) % STRIDE == 0

    return made


FORMS, WAITING = described(**BOUNDS).include(name=LARGE), described().include(path_regex=HALTING)
AT_ONCE = described().exclude(name=LARGE).exclude(path_regex=HALTING)

EXCLUDED = [positive_data_acceptance]  # a moment in the past, or a number that no country has, is refused all the same
ANSWERED = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
FORM = {
    "name": "fuzzed",
    "from_numbers": [FROM],
    "call": {"say": "Hello."},
    "any_hour_because": "a test runs at any hour",
}


def examples(most: int) -> settings:
    return settings(
        max_examples=most,
        deadline=timedelta(seconds=60),
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        database=None,
    )


@pytest.fixture(scope="module")
def hasty(world: World) -> Office:
    """An operator who may ask as often as they like."""
    office = Office(url=world.api_url, token=world.operator_token)
    wish = {"name": "a fuzzer", "role": "operator", "days": 1, "per_second": 1000, "burst": 10_000}
    return Office(url=world.api_url, token=office.do("POST", "/tokens", wish)["token"])


@pytest.fixture(scope="module")
def people(blocks: Iterator[int]) -> Iterator[Number]:
    """One for each operation."""
    return iter(fictional(next(blocks), 100))


@pytest.fixture
def known(hasty: Office, people: Iterator[Number]) -> Iterator[dict[str, Any]]:
    """A campaign, a person, a list, an export and a token, by the names that paths have for them."""
    person = next(people)
    campaign_id = hasty.do("POST", "/campaigns", FORM)["id"]
    about = f"/campaigns/{campaign_id}"
    hasty.do("POST", f"{about}/contacts", {"rows": [{"phone": person, "name": "Ada"}]})
    (found,) = hasty.do("POST", "/contacts/find", {"phone": person})["items"]
    yield {
        "campaign_id": campaign_id,
        "contact_id": found["id"],
        "list_id": hasty.do("POST", f"{about}/lists", {"name": "people.csv"})["id"],
        "export_id": hasty.do("POST", f"{about}/exports", {"kind": "calls"})["id"],
        "token_id": hasty.do("POST", "/tokens", {"name": "to be revoked", "role": "viewer", "days": 1})["id"],
    }
    if hasty.do("GET", about)["state"] == "running":
        hasty.do("POST", f"{about}/stop")


@AT_ONCE.parametrize()
@examples(EXAMPLES)
def test_every_operation_keeps_to_its_description(
    case: schemathesis.Case, hasty: Office, known: dict[str, Any]
) -> None:
    keeps_to_its_description(case, hasty, known)


@FORMS.parametrize()
@examples(10 * EXAMPLES)
def test_every_form_of_a_campaign_is_answered_as_described(
    case: schemathesis.Case, hasty: Office, known: dict[str, Any]
) -> None:
    keeps_to_its_description(case, hasty, known)


@WAITING.parametrize()
@examples(max(1, EXAMPLES // 5))
def test_every_operation_that_halts_keeps_to_its_description(
    case: schemathesis.Case, hasty: Office, known: dict[str, Any]
) -> None:
    keeps_to_its_description(case, hasty, known)


def keeps_to_its_description(case: schemathesis.Case, hasty: Office, known: dict[str, Any]) -> None:
    asked = {"base_url": hasty.url, "headers": {"Authorization": f"Bearer {hasty.token}"}}
    case.call_and_validate(**asked, excluded_checks=EXCLUDED)
    meant = {name: known[name] for name in case.path_parameters if name in known}
    if meant:
        case.path_parameters = {**case.path_parameters, **meant}
        case.validate_response(case.call(**asked), checks=ANSWERED)
