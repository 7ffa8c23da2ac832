"""Access: whose token a request brings, and whether its holder may do what they ask for."""

import base64
import binascii
import json
from typing import Any

from dialer import wiring
from dialer.errors import BadInput, Stranger
from dialer.tokens import Role, Token
from problems import Forbidden, NoJson, TooLarge

OPEN = frozenset({"/openapi.json"})
"""Paths that anybody may read."""
PAGE, PAGES_FILES = "/", "/page/"
"""And a page that has no data, with its files."""
LOOKS = frozenset({"/contacts/find", "/suppressions/find"})
"""Paths that are asked by POST, so that no phone stands in a URL, and change nothing."""
LARGEST_BODY = 1_000_000
_PREFIX = "bearer "
_JSON, _FORM = "application/json", "application/x-www-form-urlencoded"
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_JSON_SPACE = " \t\n\r"


def admitted(event: dict[str, Any]) -> Token | None:
    """The caller; None where anybody may look. Raises Stranger, TooFast or Forbidden."""
    method, path = event["requestContext"]["http"]["method"].upper(), event["rawPath"]
    if is_open(method, path):
        return None
    header = _header(event, "authorization")
    if not header.lower().startswith(_PREFIX):
        raise Stranger("no token")
    token = wiring.keyring().admit(header[len(_PREFIX) :].strip())
    if token.role is not Role.OPERATOR and is_change(method, path):
        raise Forbidden
    return token


def is_open(method: str, path: str) -> bool:
    """Whether anybody may have what is there."""
    return path in OPEN or (method == "GET" and (path == PAGE or path.startswith(PAGES_FILES)))


def is_change(method: str, path: str) -> bool:
    """Whatever is not known to be a look is a change."""
    return method not in {"GET", "HEAD", "OPTIONS"} and path not in LOOKS


def check_body(event: dict[str, Any]) -> None:
    """Raises NoJson, TooLarge or BadInput before anybody parses it."""
    body = event.get("body") or ""
    is_read = event["requestContext"]["http"]["method"].upper() in _WITH_BODY
    if is_read:
        _check_type(_header(event, "content-type"), body)
    if len(body) > LARGEST_BODY * 4 // 3 + 4 or len(raw := _decoded(event, body)) > LARGEST_BODY:
        raise TooLarge(f"A body may have {LARGEST_BODY} bytes; upload a larger list as a file.")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise BadInput("The body is not UTF-8 text.") from None
    if "\\u0000" in text or "\0" in text:
        raise BadInput("The body has a NUL character in it.")
    if is_read:
        _check_json(text)
    if is_read and text.lstrip(_JSON_SPACE).startswith("["):  # Powertools would take its first item and drop the others
        raise BadInput("The body is a list: send one object.")


def _check_json(text: str) -> None:
    """What Python's own parser gives up on or drops without a word; whatever else is wrong is told by who reads it."""
    try:
        json.loads(text, object_pairs_hook=_each_once)
    except json.JSONDecodeError:
        return
    except (ValueError, RecursionError):
        raise BadInput("The body is nested too deeply, or has a number of thousands of digits.") from None


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Raises BadInput where an object has a name twice: of the two only the last would be read."""
    read = dict(pairs)
    if len(read) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BadInput(f"The body has {twice[:60]!r} twice in one object: say it once.")
    return read


def _check_type(written: str, body: str) -> None:
    """Forms are never read. Many clients call it a form when they send nothing at all, which is no harm."""
    kind = written.partition(";")[0].strip().lower()
    nothing = kind == _FORM and not body
    if kind not in {"", _JSON} and not nothing:
        raise NoJson


def _decoded(event: dict[str, Any], body: str) -> bytes:
    if not event.get("isBase64Encoded"):
        return body.encode()
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error:
        raise BadInput("The body is not what its encoding says.") from None


def _header(event: dict[str, Any], name: str) -> str:
    return next((str(value) for key, value in (event.get("headers") or {}).items() if key.lower() == name), "")
