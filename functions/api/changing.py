"""Changing: every change stands in the audit log before it is made, and is made once for each Idempotency-Key."""

import hashlib
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from aws_lambda_powertools.event_handler import LambdaFunctionUrlResolver, Response
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware
from pydantic import TypeAdapter, ValidationError

import access
import problems
from dialer import wiring
from dialer.errors import BadInput, Unavailable
from shapes import Why

KEY = "Idempotency-Key"
_KEY = re.compile(r"[!-~]{1,200}")
_FIELD = re.compile(r"[a-z][a-z0-9_]{0,40}")
_IN_PATH = re.compile(r"<(\w+)>")
_WHY = TypeAdapter[str](Why)
SECRETS = frozenset({"/tokens"})
"""Paths whose answer is never kept."""
_AT_ONCE = re.compile(r"/stop-all|/campaigns/[^/]+/(pause|stop|preview)|/suppressions(/import)?|/erase")


def once(app: LambdaFunctionUrlResolver, next_middleware: NextMiddleware) -> Response[Any]:
    """A POST with an Idempotency-Key is carried out once a day; the same request again gets the same answer."""
    key = app.current_event.headers.get(KEY, "")
    if not key or not _is_a_changing_post(app) or acts_again(app.current_event.path):
        return next_middleware(app)
    if app.current_event.path in SECRETS:
        raise BadInput("A token's secret is kept nowhere, so this cannot be repeated: leave the Idempotency-Key out.")
    if not _KEY.fullmatch(key):
        raise BadInput("An Idempotency-Key is 1 to 200 visible ASCII characters.")

    def answer(*, request: dict[str, str]) -> dict[str, Any]:  # noqa: ARG001  the decorator reads it
        response = next_middleware(app)
        return {"status": response.status_code, "body": response.body}

    request = {
        "who": app.context["who"].id,
        "what": f"{app.current_event.http_method} {app.current_event.path}",
        "key": key,
        "body": hashlib.sha256((app.current_event.decoded_body or "").encode()).hexdigest(),
    }
    kept = wiring.once_per_key(answer, app.lambda_context)(request=request)
    return Response(kept["status"], "application/json", kept["body"])


def acts_again(path: str) -> bool:
    """Whether a request is carried out however often it comes: nobody may believe that a halt was made anew when an
    old answer came from memory, and making it again is harmless."""
    return _AT_ONCE.fullmatch(path) is not None


def audited(app: LambdaFunctionUrlResolver, next_middleware: NextMiddleware) -> Response[Any]:
    """Who, what and when, before it is done; how it ended, after it."""
    if not access.is_change(app.current_event.http_method, app.current_event.path) or not _is_known(app):
        return next_middleware(app)
    route, who = app.context["_route"], app.context["who"]
    deed = wiring.audit_log().begin(
        who=who.id,
        name=who.name,
        what=f"{route.method} {route.openapi_path}",
        about={name: str(app.context["_route_args"][name]) for name in _IN_PATH.findall(route.path)},
        reason=_reason_of(app.current_event.json_body),
        fields=_fields_of(app.current_event.json_body),
    )
    app.append_context(deed=deed)  # type: ignore[no-untyped-call]
    try:
        response = next_middleware(app)
    except Exception as refused:
        _end(deed, str(problems.of(refused).status.value), {})
        raise
    _end(deed, str(response.status_code), _made(response.body))
    return response


def tell(context: Mapping[str, Any], **about: str) -> None:
    """More of what the change is about, in the audit log before it is made. Raises Unavailable."""
    wiring.audit_log().tell(context["deed"], about=about)


def _end(deed: str, outcome: str, about: dict[str, str]) -> None:
    """It is done: where this cannot be written, the deed stays there with an unknown outcome."""
    with suppress(Unavailable):
        wiring.audit_log().end(deed, outcome=outcome, about=about)


def _made(body: Any) -> dict[str, str]:
    """The id of what was made."""
    return {"id": str(body["id"])} if isinstance(body, dict) and "id" in body else {}


def _reason_of(body: Any) -> str:
    """Only what a reason may be: not every body has been judged by then."""
    try:
        return _WHY.validate_python(body.get("reason", "") if isinstance(body, dict) else "")
    except ValidationError:
        return ""


def _fields_of(body: Any) -> list[str]:
    return sorted(name for name in body if _FIELD.fullmatch(name)) if isinstance(body, dict) else []


def _is_a_changing_post(app: LambdaFunctionUrlResolver) -> bool:
    event = app.current_event
    return event.http_method == "POST" and access.is_change("POST", event.path) and _is_known(app)


def _is_known(app: LambdaFunctionUrlResolver) -> bool:
    """Not the resolver's own route for what it does not know."""
    return str(app.context["_route"].rule.pattern) != "^.*$"
