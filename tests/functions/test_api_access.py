"""Who gets into the operators' API, how often, and what stays: tokens, roles, rates, the audit log, repetitions."""

import json
import secrets
from datetime import timedelta
from typing import Any

import pytest

from dialer import wiring
from tests.builders import a_contact, a_phone, stored
from tests.functions.conftest import Stack, telling
from tests.functions.events import event
from tests.functions.operators import FORM, Operator, a_token, request

CHANGES = [
    ("POST", "/campaigns", FORM),
    ("POST", "/stop-all", None),
    ("POST", "/campaigns/{campaign}/start", None),
    ("PATCH", "/campaigns/{campaign}", {"name": "Other"}),
    ("PUT", "/campaigns/{campaign}/schedule", {}),
    ("POST", "/campaigns/{campaign}/contacts", {"rows": [{"phone": "+12015550100"}]}),
    ("POST", "/contacts/{contact}/cancel", None),
    ("POST", "/contacts/{contact}/call-back", {"at": "2027-03-02T10:00:00Z"}),
    ("POST", "/suppressions", {"phone": "+12015550100", "reason": "asked"}),
    ("POST", "/erase", {"phone": "+12015550100"}),
    ("POST", "/tokens", {"name": "me", "role": "operator"}),
    ("DELETE", "/tokens/000000000000", None),
]


def test_the_first_token_is_made_by_whoever_may_invoke_the_function_itself(stack: Stack, stranger: Operator) -> None:
    made = stack.invoke("api", event("api_operator_token"))
    holder = stranger.with_token(made["token"])
    assert holder.get("/tokens/own")["created_by"] == "IAM"
    assert holder.get("/tokens/own")["role"] == "operator"
    (deed,) = holder.get("/audit")["items"]
    assert (deed["who"], deed["outcome"], deed["about"]) == ("IAM", "201", {"id": made["id"]})


def test_it_is_made_once_unless_the_invoker_insists(stack: Stack, stranger: Operator) -> None:
    stack.invoke("api", {"operator_token": {"name": "first"}})
    with pytest.raises(Exception, match="There is an operator already"):
        stack.invoke("api", {"operator_token": {"name": "second"}})
    again = stack.invoke("api", {"operator_token": {"name": "lost", "anyway": True}})
    assert stranger.with_token(again["token"]).get("/tokens/own")["name"] == "lost"


def test_no_request_through_the_url_makes_a_first_token(stack: Stack, stranger: Operator) -> None:
    """Whatever its body, path, query and headers say: they stay below the event's own names."""
    wish = {"operator_token": {"name": "mine", "anyway": True}}
    for asked in (
        request("POST", "/", wish),
        request("POST", "/operator_token", wish, query="operator_token=1", operator_token="1"),
        request("POST", "/", wish) | wish,
    ):
        assert stranger.send(asked).status == 401
    assert wiring.keyring().all() == []


def test_an_invocation_that_is_neither_a_request_nor_the_wish_does_nothing(stack: Stack) -> None:
    for nothing in ({}, {"operator_token": {"name": "x"}, "more": 1}, {"rawPath": "/campaigns"}):
        with pytest.raises(Exception, match="Invoke it through its URL"):
            stack.invoke("api", nothing)


@pytest.mark.parametrize(
    "written",
    ["", "dial_", "Basic abc", "dial_000000000000_" + "A" * 43, "dial_000000000000_" + "A" * 42, "x" * 5000, "dial_é"],
)
def test_whoever_has_no_good_token_is_a_stranger_and_learns_nothing(stranger: Operator, written: str) -> None:
    plain = stranger.refused("GET", "/campaigns")
    told = stranger.refused("GET", "/campaigns", authorization=f"Bearer {written}")
    assert (told.status, told.body, told.headers["WWW-Authenticate"]) == (401, plain.body, "Bearer")
    assert stranger.refused("GET", "/nowhere", authorization=written).body == plain.body


def test_a_secret_that_is_nearly_right_is_wrong(operator: Operator) -> None:
    last = "B" if operator.token[-1] != "B" else "C"
    assert operator.with_token(operator.token[:-1] + last).refused("GET", "/campaigns").status == 401
    other = a_token()
    mixed = other[:18] + operator.token[18:]
    assert operator.with_token(mixed).refused("GET", "/campaigns").status == 401


def test_a_token_ends_by_itself_and_by_a_word(operator: Operator, stranger: Operator) -> None:
    over = stranger.with_token(a_token(lasts=timedelta(milliseconds=1)))
    assert over.refused("GET", "/campaigns").status == 401
    made = operator.post("/tokens", {"name": "guest", "role": "viewer", "days": 1})
    guest = stranger.with_token(made["token"])
    assert guest.get("/tokens/own")["name"] == "guest"
    assert operator.ask("DELETE", f"/tokens/{made['id']}").status == 200
    assert guest.refused("GET", "/tokens/own").status == 401


def test_a_secret_is_shown_once_and_kept_as_a_hash(stack: Stack, operator: Operator) -> None:
    made = operator.post("/tokens", {"name": "guest"})
    secret = made["token"].split("_", 2)[2]
    assert secret not in json.dumps(operator.get("/tokens"))
    kept = [str(document) for name in ("tokens", "audit") for document in stack.database[name].find()]
    assert len(kept) >= 3
    assert not [text for text in kept if secret in text or operator.token in text]
    assert secret not in stack.written.getvalue()


@pytest.mark.parametrize(("method", "path", "body"), CHANGES, ids=[f"{m} {p}" for m, p, _ in CHANGES])
def test_a_viewer_changes_nothing(operator: Operator, viewer: Operator, method: str, path: str, body: Any) -> None:
    place = path.format(campaign=operator.campaign(), contact="0" * 24)
    before = len(operator.get("/audit")["items"])
    assert viewer.refused(method, place, body).status == 403
    assert len(operator.get("/audit")["items"]) == before


def test_a_viewer_sees_neither_numbers_nor_variables(stack: Stack, operator: Operator, viewer: Operator) -> None:
    contact = stored(stack.database, a_contact(operator.campaign(), external_id="A-1"))
    for found in (
        viewer.get(f"/contacts/{contact.id}"),
        viewer.post("/contacts/find", {"phone": contact.phone})["items"][0],
        viewer.post("/contacts/find", {"campaign_id": contact.campaign_id, "state": "pending"})["items"][0],
    ):
        assert (found["id"], found["external_id"]) == (contact.id, "A-1")
        assert found["phone"] == f"+1••••••••{contact.phone[-2:]}"
        assert set(found["vars"]) == {"name"}
        assert '"Ada"' not in json.dumps(found)
    assert operator.get(f"/contacts/{contact.id}")["phone"] == contact.phone


@pytest.mark.parametrize(
    ("external_id", "shown"),
    [
        ("ada@example.org", "ad•••••••••••rg"),
        ("+1 (201) 555-0123", "+1•••••••••••••23"),
        ("2015550123", "20••••••23"),
        ("C-2024-17", "C-2024-17"),
        ("123456", "123456"),
        ("acct 2015550123", "acct 2015550123"),
    ],
)
def test_an_own_id_that_may_be_an_e_mail_or_a_phone_has_its_middle_hidden_from_a_viewer(
    stack: Stack, operator: Operator, viewer: Operator, external_id: str, shown: str
) -> None:
    contact = stored(stack.database, a_contact(operator.campaign(), external_id=external_id))
    assert viewer.get(f"/contacts/{contact.id}")["external_id"] == shown
    (found,) = viewer.post("/contacts/find", {"external_id": external_id})["items"]
    assert (found["id"], found["external_id"]) == (contact.id, shown)
    assert operator.get(f"/contacts/{contact.id}")["external_id"] == external_id


def test_a_token_has_so_many_requests_and_another_one_its_own(operator: Operator, stranger: Operator) -> None:
    hasty = stranger.with_token(a_token(burst=3, per_second=0.001))
    assert [hasty.ask("GET", "/tokens/own").status for _ in range(5)] == [200, 200, 200, 429, 429]
    assert hasty.refused("GET", "/tokens/own").headers["Retry-After"] == "1"
    assert operator.get("/tokens/own")


def test_every_change_is_in_the_audit_log_without_a_number(stack: Stack, operator: Operator) -> None:
    campaign_id, phone = operator.campaign(), a_phone()
    operator.post("/suppressions", {"phone": phone, "reason": "asked by mail"})
    operator.refused("POST", f"/campaigns/{campaign_id}/resume")
    operator.get("/campaigns")
    told = [(one["what"], one["outcome"]) for one in operator.get("/audit")["items"]]
    assert told == [
        ("POST /campaigns/{campaign_id}/resume", "409"),
        ("POST /suppressions", "201"),
        ("POST /campaigns", "201"),
    ]
    resumed, suppressed, created = operator.get("/audit")["items"]
    assert resumed["about"] == {"campaign_id": campaign_id}
    assert created["about"] == {"id": campaign_id}
    assert suppressed["fields"] == ["phone", "reason"]
    assert suppressed["reason"] == "asked by mail"
    assert {one["who"] for one in (resumed, suppressed, created)} == {operator.get("/tokens/own")["id"]}
    assert telling(str(list(stack.database["audit"].find()))) == []


def test_who_let_somebody_be_called_again_and_why_is_found_by_their_phone(stack: Stack, operator: Operator) -> None:
    phone = a_phone()
    operator.post("/suppressions", {"phone": phone, "scope": "purpose:survey", "reason": "asked by mail"})
    digest = operator.post("/suppressions/find", {"phone": phone})["hash"]
    operator.post("/suppressions/remove", {"phone": phone, "scope": "purpose:survey", "reason": "asked for a call"})
    refused = operator.refused("POST", "/suppressions/find", {"phone": phone})
    assert (refused.status, digest in refused.body["detail"]) == (404, True)
    operator.post("/erase", {"phone": phone})
    operator.post("/erase", {"phone": phone, "reason": "asked by letter"})
    told = [(one["what"], one["about"], one["reason"]) for one in operator.get("/audit")["items"]]
    survey = {"hash": digest, "scope": "purpose:survey"}
    assert told == [
        ("POST /erase", {"hash": digest}, "asked by letter"),
        ("POST /erase", {"hash": digest}, ""),
        ("POST /suppressions/remove", survey, "asked for a call"),
        ("POST /suppressions", survey, "asked by mail"),
    ]
    assert telling(str(list(stack.database["audit"].find()))) == []


def test_a_change_that_is_refused_names_whom_it_was_about_all_the_same(operator: Operator) -> None:
    """The change comes after its line, also where it is refused."""
    phone = a_phone()
    assert operator.refused("POST", "/suppressions/remove", {"phone": phone, "reason": "a mistake"}).status == 404
    (deed,) = operator.get("/audit")["items"]
    assert (deed["about"]["hash"], deed["outcome"]) == (wiring.suppression_list().hash_of(phone), "404")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/stop-all", {}),
        ("/campaigns/{campaign}/start", {}),
        ("/campaigns/{campaign}/stop", {}),
        ("/contacts/{contact}/hold", {}),
        ("/contacts/{contact}/cancel", {}),
        ("/contacts/{contact}/call-back", {"at": "2027-03-02T10:00:00Z"}),
        ("/contacts/{contact}/resolve", {"to": "failed"}),
        ("/suppressions/import", {"phones": ["+12015550100"]}),
    ],
)
def test_a_reason_is_kept_in_the_audit_log(operator: Operator, path: str, body: dict[str, Any]) -> None:
    operator.ask("POST", path.format(campaign=operator.campaign(), contact="0" * 24), {**body, "reason": "a test"})
    assert operator.get("/audit")["items"][0]["reason"] == "a test"


def test_what_is_no_reason_is_kept_nowhere(stack: Stack, operator: Operator) -> None:
    for given in ("call +12015550100", "x" * 201, 7, {"a": "b"}):
        operator.refused("PATCH", f"/campaigns/{operator.campaign()}", {"reason": given})
    assert {one["reason"] for one in operator.get("/audit")["items"]} == {""}
    assert telling(str(list(stack.database["audit"].find()))) == []


def test_a_deed_of_an_older_version_is_read_and_found_by_what_it_is_about(stack: Stack, operator: Operator) -> None:
    campaign_id, _ = operator.campaign(), operator.campaign()
    stack.database["audit"].update_many({}, {"$unset": {"reason": "", "subjects": ""}})
    (deed,) = operator.get("/audit", query=f"about={campaign_id}")["items"]
    assert (deed["about"], deed["reason"]) == ({"id": campaign_id}, "")
    assert deed in operator.get("/audit")["items"]


def test_the_audit_log_is_read_page_by_page(operator: Operator) -> None:
    made = [operator.campaign() for _ in range(5)]
    first = operator.get("/audit", query="limit=2")
    second = operator.get("/audit", query=f"limit=2&cursor={first['next']}")
    last = operator.get("/audit", query=f"limit=2&cursor={second['next']}")
    assert [one["about"]["id"] for page in (first, second, last) for one in page["items"]] == made[::-1]
    assert last["next"] == ""


def test_what_is_about_one_thing_is_read_page_by_page_and_nothing_else(operator: Operator) -> None:
    campaign_id, other = operator.campaign(), operator.campaign()
    for one in (campaign_id, other):
        for verb in ("start", "pause", "resume", "pause"):
            operator.post(f"/campaigns/{one}/{verb}")
    told: list[dict[str, Any]] = []
    cursor = ""
    for size in (2, 2, 1):
        page = operator.get("/audit", query=f"about={campaign_id}&limit=2&cursor={cursor}")
        assert len(page["items"]) == size
        told, cursor = told + page["items"], page["next"]
    assert cursor == ""
    assert told == [one for one in operator.get("/audit")["items"] if campaign_id in one["about"].values()]
    assert [one["what"].rpartition("/")[2] for one in told] == ["pause", "resume", "pause", "start", "campaigns"]


@pytest.mark.parametrize("name", ["hash", "scope"])
def test_whatever_a_change_is_about_finds_it_whatever_it_is_called(operator: Operator, name: str) -> None:
    """What was told of it while it was made, too; and of a change that never came to an end."""
    operator.post("/suppressions", {"phone": a_phone(), "scope": "purpose:survey", "reason": "asked"})
    operator.campaign()
    (deed,) = [one for one in operator.get("/audit")["items"] if name in one["about"]]
    assert operator.get("/audit", query=f"about={deed['about'][name]}")["items"] == [deed]


def test_what_a_token_has_done_is_found_by_its_id(operator: Operator, stranger: Operator) -> None:
    made = operator.post("/tokens", {"name": "a script", "role": "operator", "days": 1})
    script = stranger.with_token(made["token"])
    campaign_id = script.campaign()
    operator.post(f"/campaigns/{campaign_id}/start")
    script.post(f"/campaigns/{campaign_id}/pause")
    (paused, created) = operator.get("/audit", query=f"who={made['id']}")["items"]
    assert [one["what"] for one in (paused, created)] == ["POST /campaigns/{campaign_id}/pause", "POST /campaigns"]
    assert {one["who"] for one in (paused, created)} == {made["id"]}
    script.campaign()
    both = operator.get("/audit", query=f"who={made['id']}&about={campaign_id}")["items"]
    assert both == [paused, created]
    page = operator.get("/audit", query=f"who={made['id']}&about={campaign_id}&limit=1")
    assert operator.get("/audit", query=f"who={made['id']}&limit=1&cursor={page['next']}")["items"] == [created]


@pytest.mark.parametrize("query", ["about=0123456789ab", "about=nothing", "who=0123456789ab", "who=x&about=y"])
def test_what_names_nothing_in_the_audit_log_is_an_empty_page(operator: Operator, query: str) -> None:
    operator.campaign()
    assert operator.get("/audit", query=query) == {"items": [], "next": ""}


@pytest.mark.parametrize("phone", ["+12015550142", "12015550142", "(201) 555-0142"])
def test_who_asks_the_audit_log_about_a_phone_is_told_what_it_goes_by(operator: Operator, phone: str) -> None:
    refused = operator.refused("GET", "/audit", query=f"about={phone}")
    assert (refused.status, "its hash, which `POST /suppressions/find` names" in refused.body["detail"]) == (422, True)


def test_a_post_with_a_key_is_carried_out_once(stack: Stack, operator: Operator) -> None:
    key = secrets.token_hex(8)
    first, again = (operator.ask("POST", "/campaigns", FORM, Idempotency_Key=key) for _ in range(2))
    assert (first.status, again.status, first.body) == (201, 201, again.body)
    assert stack.database["campaigns"].count_documents({}) == 1
    assert stack.database["audit"].count_documents({}) == 1
    assert operator.ask("POST", "/campaigns", FORM).body["id"] != first.body["id"]


def test_what_a_preview_says_of_somebody_is_kept_under_no_key(stack: Stack, operator: Operator) -> None:
    campaign_id = operator.campaign()
    assert operator.post(f"/campaigns/{campaign_id}/preview", Idempotency_Key="heard")
    kept = stack.aws.dynamodb.scan(TableName=stack.environment["IDEMPOTENCY_TABLE"])["Items"]
    assert kept == []


def test_a_halt_is_made_again_though_its_key_was_used(operator: Operator) -> None:
    campaign_id = operator.running()
    for _ in range(2):
        assert operator.post(f"/campaigns/{campaign_id}/pause", Idempotency_Key="halt")["state"] == "paused"
        operator.post(f"/campaigns/{campaign_id}/resume")
        assert operator.post("/stop-all", Idempotency_Key="halt")["paused"] == [campaign_id]
        operator.post(f"/campaigns/{campaign_id}/resume")
    assert operator.get(f"/campaigns/{campaign_id}")["state"] == "running"


def test_a_key_is_its_holders_own_and_for_one_request(operator: Operator, stranger: Operator) -> None:
    key = secrets.token_hex(8)
    mine = operator.post("/campaigns", FORM, Idempotency_Key=key)
    theirs = stranger.with_token(a_token()).post("/campaigns", FORM, Idempotency_Key=key)
    assert mine["id"] != theirs["id"]
    other = operator.refused("POST", "/campaigns", {**FORM, "name": "Other"}, Idempotency_Key=key)
    assert (other.status, "another request" in other.body["detail"]) == (422, True)
    assert operator.ask("POST", f"/campaigns/{mine['id']}/copy", Idempotency_Key=key).status == 201


def test_what_was_refused_may_be_asked_again_with_the_same_key(operator: Operator) -> None:
    campaign_id, key = operator.campaign(), secrets.token_hex(8)
    assert operator.refused("POST", f"/campaigns/{campaign_id}/resume", Idempotency_Key=key).status == 409
    operator.post(f"/campaigns/{campaign_id}/start")
    operator.post(f"/campaigns/{campaign_id}/pause")
    assert operator.post(f"/campaigns/{campaign_id}/resume", Idempotency_Key=key)["state"] == "running"


def test_a_token_is_not_made_by_a_request_that_may_be_repeated(stack: Stack, operator: Operator) -> None:
    assert operator.refused("POST", "/tokens", {"name": "x"}, Idempotency_Key="again").status == 422
    assert len(operator.get("/tokens")["items"]) == 1


def test_no_number_is_kept_for_a_repetition(stack: Stack, operator: Operator) -> None:
    contact = stored(stack.database, a_contact(operator.campaign()))
    operator.post(f"/contacts/{contact.id}/hold", Idempotency_Key="hold-it")
    row = {"phone": contact.phone, "name": "Ada"}
    operator.post(f"/campaigns/{contact.campaign_id}/contacts", {"rows": [row, {"phone": "1"}]}, Idempotency_Key="add")
    kept = stack.aws.dynamodb.scan(TableName=stack.environment["IDEMPOTENCY_TABLE"])["Items"]
    assert len(kept) == 2
    assert contact.phone.removeprefix("+") not in str(kept)
