"""The edge of the operators' API: its description, its refusals, its headers, and what it does not say."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.builders import a_phone
from tests.functions.conftest import Stack, forget_wiring, telling
from tests.functions.events import event, names
from tests.functions.operators import FORM, Operator, request

WISH = {"phone": "+12015550100", "reason": "asked"}
COMMITTED = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"


def test_the_committed_description_is_what_the_code_says(stranger: Operator) -> None:
    """`make openapi` writes it."""
    assert stranger.get("/openapi.json") == json.loads(COMMITTED.read_text())


def test_the_description_is_openapi_and_names_every_route_with_its_refusals(stranger: Operator) -> None:
    said = stranger.get("/openapi.json")
    assert said["openapi"].startswith("3.1")
    operations = [(path, method, one) for path, methods in said["paths"].items() for method, one in methods.items()]
    assert len(operations) > 25
    for path, method, one in operations:
        assert {"401", "422", "429", "503"} <= one["responses"].keys()
        assert one["summary"] != f"{method.upper()} {path}"
        assert [code for code in one["responses"] if code.startswith("2")]


@pytest.mark.parametrize("name", names("api_"))
def test_every_file_is_answered_as_it_stands(stack: Stack, name: str) -> None:
    """Their token is nobody's."""
    reply = stack.invoke("api", event(name))
    if name == "api_operator_token":
        assert reply["token"].startswith("dial_")
    else:
        assert reply["statusCode"] == (200 if name == "api_openapi" else 401)


def test_what_is_not_there_and_what_is_not_for_this_method(operator: Operator) -> None:
    for path in ("/page/none.js", "/campaign", "/campaigns/", "/campaigns/1/2/3", "//"):
        assert operator.refused("GET", path).status == 404
    wrong = operator.refused("DELETE", "/campaigns")
    assert (wrong.status, wrong.headers["Allow"]) == (405, "GET, POST")
    assert wrong.body["detail"] == "Use GET or POST here."
    assert operator.refused("PUT", f"/campaigns/{operator.campaign()}").headers["Allow"] == "GET, PATCH"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("GET", "/contacts/find", "POST"), ("PUT", "/contacts/find", "POST"), ("DELETE", "/tokens/own", "GET")],
)
def test_a_word_is_no_id(operator: Operator, method: str, path: str, allowed: str) -> None:
    refused = operator.refused(method, path)
    assert (refused.status, refused.headers["Allow"]) == (405, allowed)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("{", 422),
        ("[]", 422),
        ('"text"', 422),
        ("null", 422),
        ("", 422),
        ('{"name": "\\u0000"}', 422),
        ('{"name": "' + "x" * 1_000_001 + '"}', 413),
    ],
    ids=["half", "list", "text", "null", "nothing", "NUL", "large"],
)
def test_a_body_that_cannot_be_a_campaign_is_refused(operator: Operator, text: str, status: int) -> None:
    assert operator.refused("POST", "/campaigns", text=text).status == status


def test_a_body_that_is_no_text_or_no_json_is_refused(operator: Operator) -> None:
    bearer = {"authorization": f"Bearer {operator.token}"}
    asked = request("POST", "/campaigns", FORM, **bearer)
    assert operator.send(asked | {"body": "/w==", "isBase64Encoded": True}).status == 422
    assert operator.send(asked | {"body": "no base64", "isBase64Encoded": True}).status == 422
    assert operator.send(asked | {"body": '{"name":' * 100_000}).status == 422
    assert operator.send(asked | {"body": '{"priority": ' + "9" * 5000 + "}"}).status == 422


@pytest.mark.parametrize(
    ("method", "path", "body", "complaint"),
    [
        ("GET", "/campaigns/my-campaign/live", None, "path.campaign_id: is no id: it has 12 characters, "),
        ("POST", "/contacts/7/cancel", None, "path.contact_id: is no id of a contact: it has 24 characters, "),
        ("POST", "/suppressions", WISH | {"scope": "all"}, "body.scope: must be `global`, `campaign:ID` or `purpose:"),
        (
            "POST",
            "/suppressions",
            WISH | {"region": "us"},
            "body.region: must be a country's two capital letters, such ",
        ),
        (
            "POST",
            "/suppressions",
            WISH | {"reason": "call 2015550100"},
            "body.reason: leave numbers out: reasons are l",
        ),
        ("POST", f"/contacts/{'0' * 24}/call-back", {"at": "tomorrow"}, "body.at: must be a moment with its offset, "),
        ("POST", f"/contacts/{'0' * 24}/call-back", {"at": "2026-11-02T09:00"}, "body.at: must be a moment with its "),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_wrong_is_said_in_words_and_not_in_patterns(
    operator: Operator, method: str, path: str, body: Any, complaint: str
) -> None:
    refused = operator.refused(method, path, body)
    assert (refused.status, refused.body["detail"][: len(complaint)]) == (422, complaint)


@pytest.mark.parametrize(
    ("path", "query", "taken"),
    [
        ("/audit", "abuot=0123456789ab", "it takes about, cursor, limit, who."),
        ("/campaigns", "limit=2&State=running", "it takes cursor, limit, state."),
        ("/tokens/own", "=", "it takes none."),
        ("/campaigns/000000000000", "limit=2", "it takes none."),
    ],
)
def test_a_filter_with_a_wrong_name_is_refused_and_shows_nothing(
    operator: Operator, path: str, query: str, taken: str
) -> None:
    refused = operator.refused("GET", path, query=query)
    assert (refused.status, refused.body["detail"].endswith(f": is no parameter of this request: {taken}")) == (
        422,
        True,
    )


def test_whatever_is_open_to_anybody_may_be_asked_with_anything(stranger: Operator) -> None:
    for path in ("/openapi.json", "/"):
        asked = request("GET", path, query="from=a-link")
        assert stranger.stack.invoke("api", asked)["statusCode"] == 200


@pytest.mark.parametrize(
    "kind",
    [
        "text/csv",
        "text/plain",
        "application/x-www-form-urlencoded",
        "Application/X-WWW-Form-Urlencoded; charset=utf-8",
        "multipart/form-data; boundary=x",
        "multipart/form-data",
        "application/jsonlines",
    ],
)
def test_a_body_that_is_called_something_else_is_refused_unread(operator: Operator, kind: str) -> None:
    for path, body in (("/campaigns", FORM), ("/suppressions", {"phone": a_phone(), "reason": "asked"})):
        assert operator.refused("POST", path, body, content_type=kind).status == 415
    assert operator.get("/suppressions")["items"] == []


def test_json_may_be_called_json_or_nothing_and_nothing_may_be_called_a_form(operator: Operator) -> None:
    """As curl does with `-X POST -d ''`, and programs with a body of no bytes."""
    for kind in ("", "application/json", "application/json; charset=utf-8"):
        assert operator.ask("POST", "/campaigns", FORM, content_type=kind).status == 201
    form = "application/x-www-form-urlencoded"
    start = f"/campaigns/{operator.campaign()}/start"
    assert operator.refused("POST", start, text=" ", content_type=form).status == 415
    assert operator.ask("POST", start, content_type=form).status == 200


@pytest.mark.parametrize(
    "text",
    ['{"caps": ["reg-f"], "caps": []}', '{"retry": {"max_attempts": 1, "max_attempts": 9}}', '[{"a": 1, "a": 2}]'],
)
def test_what_is_said_twice_is_refused_and_not_read_as_it_was_said_last(operator: Operator, text: str) -> None:
    refused = operator.refused("PATCH", f"/campaigns/{operator.campaign()}", text=text)
    assert (refused.status, "twice in one object" in refused.body["detail"]) == (422, True)


@pytest.mark.parametrize("space", ["", " \r\n\t"])
def test_a_list_is_never_taken_for_its_first_item(operator: Operator, space: str) -> None:
    wishes = [{"phone": a_phone(), "reason": "asked"} for _ in range(2)]
    for method, path, body in (
        ("POST", "/suppressions", wishes),
        ("POST", "/campaigns", [FORM, FORM]),
        ("POST", "/stop-all", [None]),
        ("PATCH", f"/campaigns/{operator.campaign()}", [{"name": "Another"}]),
    ):
        refused = operator.refused(method, path, text=space + json.dumps(body))
        assert (refused.status, refused.body["detail"]) == (422, "The body is a list: send one object.")
    assert operator.get("/suppressions")["items"] == []


def test_every_answer_has_the_headers_that_keep_it_where_it_is(operator: Operator, stranger: Operator) -> None:
    for answer in (operator.ask("GET", "/campaigns"), stranger.ask("GET", "/campaigns"), operator.ask("GET", "/no")):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert answer.headers["Strict-Transport-Security"]
        assert answer.headers["X-Request-Id"]


def test_no_log_line_and_no_refusal_holds_a_number_or_a_token(stack: Stack, operator: Operator) -> None:
    """Nor a path that a caller made up."""
    phone = a_phone()
    said = [
        operator.ask("GET", f"/contacts/{phone}"),
        operator.ask("GET", f"/{phone}"),
        operator.ask("POST", "/suppressions", {"phone": phone, "scope": phone, "reason": "asked"}),
        operator.ask("POST", "/suppressions", {"phone": phone + "000000", "reason": "asked"}),
        operator.ask("POST", "/suppressions", {"phone": phone, "reason": f"is {phone}"}),
        operator.ask("POST", "/campaigns", {**FORM, phone: 1}),
        operator.ask("POST", "/campaigns", text=json.dumps(FORM)[:-1] + phone),
    ]
    assert {answer.status for answer in said} == {404, 422}
    assert telling(stack.written.getvalue(), operator.token) == []
    assert [line for line in stack.log if line["message"] == "request"]
    assert not [answer for answer in said[2:5] if phone.removeprefix("+") in answer.raw]


def test_every_request_is_one_line_with_its_route_status_and_token(stack: Stack, operator: Operator) -> None:
    operator.campaign()
    (line,) = [line for line in stack.log if line["message"] == "request"]
    told = {name: line[name] for name in ("service", "method", "route", "status")}
    assert told == {"service": "api", "method": "POST", "route": "/campaigns", "status": 201}
    assert line["token"] == operator.token[5:17]


def test_a_database_that_does_not_answer_is_a_503_that_may_be_repeated(stack: Stack, operator: Operator) -> None:
    uri = "mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=200&timeoutMS=200"
    stack.aws.ssm.put_parameter(Name="/test/mongodb-uri", Value=uri, Type="SecureString", Overwrite=True)
    forget_wiring()
    refused = operator.refused("GET", "/campaigns")
    assert (refused.status, refused.headers["Retry-After"]) == (503, "1")


@pytest.mark.parametrize("path", ["/campaigns/{}", "/contacts/{}", "/campaigns/{}/stats"])
@pytest.mark.parametrize("wild", ["%00", "..", "$where", "{}", "a" * 5000, "é", "' or 1=1"])
def test_an_id_that_is_none_finds_nothing_and_breaks_nothing(operator: Operator, path: str, wild: str) -> None:
    assert operator.refused("GET", path.format(wild)).status in {404, 422}


@pytest.mark.parametrize("value", [{"$gt": ""}, ["+12015550101"], 5, True, None])
def test_what_looks_like_a_query_is_no_phone(operator: Operator, value: Any) -> None:
    for path in ("/contacts/find", "/suppressions/find", "/erase"):
        assert operator.refused("POST", path, {"phone": value}).status == 422
