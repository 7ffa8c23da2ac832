"""The API's own description: OpenAPI 3.1, with the refusals, the token and the key that all operations share."""

import json
from typing import Any

from aws_lambda_powertools.event_handler import LambdaFunctionUrlResolver

import access
import problems
from changing import KEY, SECRETS

Json = dict[str, Any]
_TITLE = "The dialer that never calls twice"
_VERSION = "1.0.0"
_ABOUT = (
    "Operators run campaigns with it. Every request brings a token (`Authorization: Bearer dial_…`); a viewer's may "
    "only look. A refusal is a problem in one sentence (RFC 9457). A POST with an `Idempotency-Key` is carried out "
    "once a day."
)
_PROBLEM: Json = {
    "type": "object",
    "title": "Problem",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "One sentence that says what to do."},
    },
}
_REFUSALS = {
    "401": "No valid token",
    "403": "The token is a viewer's",
    "404": "Nothing has this id",
    "405": "Not with this method",
    "409": "Not in this state, or the first request with this key is still being answered",
    "413": "The body is too large",
    "415": "The body is not JSON",
    "422": "Something that was given is wrong",
    "429": "Too many requests with this token",
    "500": "The dialer is broken",
    "503": "A part of the dialer does not answer",
}
_KEY_PARAMETER: Json = {
    "name": KEY,
    "in": "header",
    "required": False,
    "description": "A text of your own for this request: with it, the request may be repeated.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
}


def describe(app: LambdaFunctionUrlResolver) -> Json:
    """What the routes say, completed by what the edge does for all of them."""
    said: Json = json.loads(app.get_openapi_json_schema(title=_TITLE, version=_VERSION, description=_ABOUT))
    schemas = said["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError", "ResponseValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = _PROBLEM
    said["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    said["security"] = [{"token": []}]
    said.pop("servers", None)
    for path, operations in said["paths"].items():
        for method, operation in operations.items():
            _complete(operation, method, path)
    said["paths"] = dict(sorted(said["paths"].items()))
    said["components"]["schemas"] = dict(sorted(schemas.items()))
    return said


def _complete(operation: Json, method: str, path: str) -> None:
    good = {code: answer for code, answer in operation["responses"].items() if code.startswith("2")}
    content = {problems.CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    refusals = {code: {"description": why, "content": content} for code, why in _REFUSALS.items()}
    operation["responses"] = {**good, **refusals}
    if path in access.OPEN:
        operation["security"] = []
    if method == "post" and access.is_change("POST", path) and path not in SECRETS:
        operation.setdefault("parameters", []).append(_KEY_PARAMETER)
