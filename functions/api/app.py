"""API function: operators' requests, each with a token, each refused or answered in one shape; no phone in any log."""

from collections.abc import Iterable
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import LambdaFunctionUrlResolver, Response
from aws_lambda_powertools.event_handler.api_gateway import Route
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.utilities.typing import LambdaContext

import access
import audit
import campaigns
import changing
import contacts
import document
import exports
import first_token
import lists
import live
import overview
import page
import problems
import rehearsal
import stats
import suppressions
import tokens
from dialer import wiring
from dialer.errors import BadInput, BadSettings

logger = Logger(service="api")
app = LambdaFunctionUrlResolver(enable_validation=True, response_validation_error_http_code=500)
app.use(middlewares=[changing.once, changing.audited])
for resource in (
    campaigns, rehearsal, contacts, lists, exports, suppressions, stats, live, overview, tokens, audit, page,
):  # fmt: skip
    app.include_router(resource.router)

_ALWAYS = {  # where an answer does not say otherwise; only the page does
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
}


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """A function URL request; or, from whoever may invoke the function itself, the wish for a first token."""
    if first_token.is_asked_for(event):
        with wiring.invocation("api"):
            return first_token.make(event)
    if "requestContext" not in event:
        raise BadInput('Invoke it through its URL, or with {"operator_token": {"name": "…"}}.')
    return _with_headers(_answered(event, context), context)


def _answered(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Whatever goes wrong is a problem to the caller, and a line in the log to us."""
    try:
        with wiring.invocation("api"):
            return _resolved(event, context)
    except Exception as cause:  # noqa: BLE001  a caller gets a sentence, whatever broke
        problem = problems.of(cause)
        logger.append_keys(cause=str(cause) if isinstance(cause, BadSettings) else type(cause).__name__)
        _log(event, problem.status)
        return problem.as_reply()
    finally:
        _publish()


def _resolved(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    who = access.admitted(event)
    _check_method(event)
    _check_query(event)
    access.check_body(event)
    if who is not None:
        app.append_context(who=who)  # type: ignore[no-untyped-call]
        logger.append_keys(token=who.id)
    reply = app.resolve(event, context)
    _log(event, reply["statusCode"])
    return reply


def _check_method(event: dict[str, Any]) -> None:
    """Raises NoSuchMethod. `/tokens/own` is no token's id, though it looks like one to the route of ids."""
    allowed = _methods(app._static_routes, event["rawPath"])  # noqa: SLF001
    if allowed and event["requestContext"]["http"]["method"].upper() not in allowed:
        raise problems.NoSuchMethod(allowed)


def _check_query(event: dict[str, Any]) -> None:
    """Raises BadInput for a parameter that is taken by nobody: a filter with a wrong name would show everything."""
    method, path = event["requestContext"]["http"]["method"].upper(), event["rawPath"]
    routes = app._static_routes + app._dynamic_routes  # noqa: SLF001
    route = next((one for one in routes if one.method == method and one.rule.match(path)), None)
    if route is None or access.is_open(method, path):
        return
    known = sorted(str(parameter.alias) for parameter in route.dependant.query_params)
    unknown = sorted((event.get("queryStringParameters") or {}).keys() - known)
    if unknown:
        taken = f"it takes {', '.join(known)}" if known else "it takes none"
        raise BadInput(f"query.{unknown[0][:60]}: is no parameter of this request: {taken}.")


@app.get("/openapi.json", tags=["description"], summary="This description")
def openapi() -> dict[str, Any]:
    """Anybody may read it."""
    return described()


@cache
def described() -> dict[str, Any]:
    """Once per process: it takes a while."""
    return document.describe(app)


@app.not_found
def unknown(_: NotFoundError) -> Response[str]:
    allowed = _methods(app._dynamic_routes, app.current_event.path)  # noqa: SLF001
    if allowed:
        return problems.of(problems.NoSuchMethod(allowed)).as_response()
    logger.debug("nothing here", extra={"method": app.current_event.http_method})
    return problems.of(problems.NoSuchPath()).as_response()


def _methods(routes: Iterable[Route], path: str) -> list[str]:
    return sorted({route.method for route in routes if route.rule.match(path)})


@app.exception_handler(Exception)  # type: ignore[untyped-decorator]
def refuse(cause: Exception) -> Response[str]:
    """BadSettings goes on: the next invocation must read all secrets anew."""
    if isinstance(cause, BadSettings):
        raise cause
    problem = problems.of(cause)
    logger.append_keys(cause=type(cause).__name__)
    return problem.as_response()


def _log(event: dict[str, Any], status: int) -> None:
    """The path is the caller's own text: only its known names are logged, by the route."""
    http = event["requestContext"]["http"]
    told = {"method": http["method"], "route": _route(event["rawPath"]), "status": int(status)}
    (logger.error if status >= 500 else logger.info)("request", extra=told)


def _route(path: str) -> str:
    routes = app._static_routes + app._dynamic_routes  # noqa: SLF001
    return next((route.openapi_path for route in routes if route.rule.match(path)), "unknown")


def _with_headers(reply: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    headers = {**_ALWAYS, **(reply.get("headers") or {}), "X-Request-Id": context.aws_request_id}
    return {**reply, "headers": headers}


def _publish() -> None:
    try:
        untaken = wiring.publish()
    except BadSettings:
        return
    if untaken:
        logger.warning("announcements were not taken", extra={"count": untaken})
