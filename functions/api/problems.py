"""Problems: every refusal is one sentence in the shape of RFC 9457, with nothing in it that is not the caller's."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.exceptions import (
    RequestUnsupportedContentType,
    RequestValidationError,
)
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyAlreadyInProgressError,
    IdempotencyPersistenceLayerError,
    IdempotencyValidationError,
)

from dialer.complaints import complaint
from dialer.errors import BadInput, Conflict, NotFound, Stranger, TooFast, Unavailable, Unproven

CONTENT_TYPE = "application/problem+json"
_TOLD = 10  # wrong fields named in one answer
_LONGEST = 1000


class Forbidden(Exception):
    """A viewer asks for what only an operator may do."""


class TooLarge(Exception):
    """The body is larger than any this API takes."""


class NoJson(Exception):
    """The body says of itself that it is something else."""


class NoSuchPath(Exception):
    """There is nothing at this path."""


class NoSuchMethod(Exception):
    """There is something at this path, but not for this method."""

    def __init__(self, allowed: Sequence[str]) -> None:
        super().__init__(f"Use {' or '.join(allowed)} here.")
        self.allowed = ", ".join(allowed)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A status and a sentence."""

    status: HTTPStatus
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> str:
        told = {"type": "about:blank", "title": self.status.phrase, "status": self.status.value, "detail": self.detail}
        return json.dumps(told)

    def as_response(self) -> Response[str]:
        return Response(self.status.value, CONTENT_TYPE, self.body, headers=dict(self.headers))

    def as_reply(self) -> dict[str, Any]:
        """What Lambda hands back, for whoever is refused before the resolver is asked."""
        headers = {"Content-Type": CONTENT_TYPE, **self.headers}
        return {"statusCode": self.status.value, "headers": headers, "body": self.body, "isBase64Encoded": False}


_SOON = {"Retry-After": "1"}
_BEARER = {"WWW-Authenticate": "Bearer"}
_BUSY = "The first request with this Idempotency-Key is still being answered: repeat it a little later."
_OTHER = "This Idempotency-Key was used for another request: take a new one."
_STRANGE = "Bring a valid token: `Authorization: Bearer dial_…`."
_VIEWER = "A viewer may only look: this needs an operator's token."
_SILENT = "A part of the dialer does not answer: nothing is known to have changed; repeat it a little later."
_NO_JSON = "Send JSON: `Content-Type: application/json`."
_OURS = "Something is wrong with the dialer itself; its log says more under this request's id."


_OWN_WORDS = ""
_KINDS: dict[type[Exception], tuple[HTTPStatus, str, Mapping[str, str]]] = {
    Stranger: (HTTPStatus.UNAUTHORIZED, _STRANGE, _BEARER),
    Forbidden: (HTTPStatus.FORBIDDEN, _VIEWER, {}),
    NoSuchPath: (HTTPStatus.NOT_FOUND, "There is nothing at this path.", {}),
    NotFound: (HTTPStatus.NOT_FOUND, _OWN_WORDS, {}),
    NoSuchMethod: (HTTPStatus.METHOD_NOT_ALLOWED, _OWN_WORDS, {}),
    Conflict: (HTTPStatus.CONFLICT, _OWN_WORDS, {}),
    IdempotencyAlreadyInProgressError: (HTTPStatus.CONFLICT, _BUSY, _SOON),
    TooLarge: (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _OWN_WORDS, {}),
    NoJson: (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, _NO_JSON, {}),
    RequestUnsupportedContentType: (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, _NO_JSON, {}),
    BadInput: (HTTPStatus.UNPROCESSABLE_ENTITY, _OWN_WORDS, {}),
    IdempotencyValidationError: (HTTPStatus.UNPROCESSABLE_ENTITY, _OTHER, {}),
    TooFast: (HTTPStatus.TOO_MANY_REQUESTS, "Too many requests with this token: slow down.", _SOON),
    Unavailable: (HTTPStatus.SERVICE_UNAVAILABLE, _SILENT, _SOON),
    Unproven: (HTTPStatus.SERVICE_UNAVAILABLE, _SILENT, _SOON),
    IdempotencyPersistenceLayerError: (HTTPStatus.SERVICE_UNAVAILABLE, _SILENT, _SOON),
    Exception: (HTTPStatus.INTERNAL_SERVER_ERROR, _OURS, {}),
}


def of(cause: Exception) -> Problem:
    """The problem that an error is to the caller. Only our own sentences are quoted."""
    if isinstance(cause, RequestValidationError):
        return Problem(status=HTTPStatus.UNPROCESSABLE_ENTITY, detail=_wrong_fields(cause))
    kind = next(kind for kind in type(cause).__mro__ if kind in _KINDS)
    status, sentence, headers = _KINDS[kind]
    allowed = {"Allow": cause.allowed} if isinstance(cause, NoSuchMethod) else {}
    return Problem(status=status, detail=sentence or str(cause)[:_LONGEST], headers={**headers, **allowed})


def _wrong_fields(wrong: RequestValidationError) -> str:
    """Where and what, never the value: it may be a phone."""
    complaints = [f"{_place(error['loc'])}: {complaint(error)}" for error in wrong.errors()[:_TOLD]]
    return ("; ".join(complaints) or "The request is malformed.")[:_LONGEST]


def _place(loc: Sequence[Any]) -> str:
    return ".".join(str(part) for part in loc) or "body"
