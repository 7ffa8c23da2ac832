"""Access: whose token a request brings, and whether its holder may do what they ask for."""

import base64
import binascii
from typing import Any

from dialer import wiring
from dialer.errors import BadInput, Stranger
from dialer.tokens import Role, Token
from problems import Forbidden, TooLarge

OPEN = frozenset({"/openapi.json"})
"""Paths that anybody may read."""
LOOKS = frozenset({"/contacts/find", "/suppressions/find"})
"""Paths that are asked by POST, so that no phone stands in a URL, and change nothing."""
LARGEST_BODY = 1_000_000
_PREFIX = "bearer "


def admitted(event: dict[str, Any]) -> Token | None:
    """The caller; None where anybody may look. Raises Stranger, TooFast or Forbidden."""
    method, path = event["requestContext"]["http"]["method"].upper(), event["rawPath"]
    if path in OPEN:
        return None
    header = _header(event, "authorization")
    if not header.lower().startswith(_PREFIX):
        raise Stranger("no token")
    token = wiring.keyring().admit(header[len(_PREFIX) :].strip())
    if token.role is not Role.OPERATOR and is_change(method, path):
        raise Forbidden
    return token


def is_change(method: str, path: str) -> bool:
    """Whatever is not known to be a look is a change."""
    return method not in {"GET", "HEAD", "OPTIONS"} and path not in LOOKS


def check_body(event: dict[str, Any]) -> None:
    """Raises TooLarge or BadInput before anybody parses it."""
    body = event.get("body") or ""
    if len(body) > LARGEST_BODY * 4 // 3 + 4 or len(raw := _decoded(event, body)) > LARGEST_BODY:
        raise TooLarge(f"A body may have {LARGEST_BODY} bytes; upload a larger list as a file.")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise BadInput("The body is not UTF-8 text.") from None
    if "\\u0000" in text or "\0" in text:
        raise BadInput("The body has a NUL character in it.")


def _decoded(event: dict[str, Any], body: str) -> bytes:
    if not event.get("isBase64Encoded"):
        return body.encode()
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error:
        raise BadInput("The body is not what its encoding says.") from None


def _header(event: dict[str, Any], name: str) -> str:
    return next((str(value) for key, value in (event.get("headers") or {}).items() if key.lower() == name), "")
