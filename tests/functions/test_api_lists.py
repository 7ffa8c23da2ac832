"""Lists and exports over the operators' API: it only begins them, and says how far they are."""

import pytest

from dialer import wiring
from dialer.list_records import ListState
from dialer.tokens import Role
from tests.builders import a_contact, a_phone, stored
from tests.functions.conftest import Stack
from tests.functions.operators import Operator, a_token
from tests.functions.test_intake import asked, noticed, stored_as

ADA = a_phone(1900)


def test_a_list_is_begun_put_into_the_store_read_and_reported(stack: Stack, operator: Operator) -> None:
    campaign = operator.campaign()
    begun = operator.post(f"/campaigns/{campaign}/lists", {"name": "spring", "region": "US"})
    assert begun["upload"]["fields"]["key"] == f"lists/{campaign}/{begun['id']}.csv"
    assert (begun["list"]["state"], begun["list"]["rejects_link"]) == ("awaited", "")
    stored_as(stack, begun["upload"]["fields"]["key"], f"phone\n{ADA.removeprefix('+1')}\n911\n")
    stack.invoke("intake", noticed(wiring.list_desk().report(begun["id"])))
    report = operator.get(f"/lists/{begun['id']}")
    assert (report["state"], report["name"], report["region"]) == (ListState.READ, "spring", "US")
    assert report["size"] == report["offset"] > 0
    assert report["counts"] == {"rows": 2, "added": 1, "updated": 0, "known": 0, "repeated": 0, "rejected": 1}
    assert report["rejects_link"].startswith("http")
    (listed,) = operator.get(f"/campaigns/{campaign}/lists")["items"]
    assert listed["id"] == begun["id"]


def test_an_export_is_begun_written_and_linked_to_for_an_operator_alone(stack: Stack, operator: Operator) -> None:
    campaign = operator.campaign()
    stored(stack.database, a_contact(campaign, phone=ADA))
    begun = operator.post(f"/campaigns/{campaign}/exports", {"kind": "contacts"})
    assert (begun["state"], begun["link"]) == ("writing", "")
    (message,) = stack.queued("INTAKE_QUEUE_URL")
    stack.invoke("intake", asked(export_id=message["export_id"]))
    written = operator.get(f"/exports/{begun['id']}")
    assert (written["state"], written["rows"]) == ("written", 1)
    assert written["link"].startswith("http")
    viewer = operator.with_token(a_token(Role.VIEWER))
    assert viewer.get(f"/exports/{begun['id']}")["link"] == ""
    assert viewer.refused("POST", f"/campaigns/{campaign}/exports", {"kind": "contacts"}).status == 403
    assert viewer.refused("POST", f"/campaigns/{campaign}/lists", {}).status == 403


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/lists/000000000000", None, 404),
        ("GET", "/exports/000000000000", None, 404),
        ("GET", "/campaigns/000000000000/lists", None, 404),
        ("POST", "/campaigns/000000000000/lists", {}, 404),
        ("POST", "/campaigns/000000000000/exports", {"kind": "calls"}, 404),
        ("POST", "/campaigns/000000000000/exports", {"kind": "everything"}, 422),
        ("POST", "/campaigns/000000000000/lists", {"region": "usa"}, 422),
        ("GET", "/lists/..%2Fother", None, 422),
    ],
)
def test_what_cannot_be_is_refused(
    stack: Stack, operator: Operator, method: str, path: str, body: dict[str, str] | None, status: int
) -> None:
    assert operator.refused(method, path, body).status == status


def test_a_stopped_campaign_takes_no_list(stack: Stack, operator: Operator) -> None:
    campaign = operator.running()
    operator.post(f"/campaigns/{campaign}/stop")
    assert operator.refused("POST", f"/campaigns/{campaign}/lists", {}).status == 422
