"""The token by which an agent's websocket knows that a media stream is this dialer's, and whose call it is.

`v1.<expires>.<contact id>.<attempt id>.<signature>`: `expires` in epoch seconds, the signature HMAC-SHA256 over all
that stands before its dot, under the stream key, as base64url without padding. The stream key is HMAC-SHA256 under the
auth token of the carrier's account over the text `dialer media stream v1`, in hex: whoever has the auth token can make
it, and nobody can make the auth token of it.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dialer.secret import Secret

LIFETIME = timedelta(minutes=2)
"""From the answer to the start of the stream; the stream itself may last longer."""
_VERSION = "v1"
_PARTS = 5


@dataclass(frozen=True, kw_only=True)
class Bearer:
    """Whose call a token is about."""

    contact_id: str
    attempt_id: str
    expires: datetime


def stream_key(auth_token: Secret) -> Secret:
    """What an agent needs to check tokens."""
    return Secret(_signed(auth_token.reveal().encode(), "dialer media stream v1").hex())


def sign(key: Secret, *, contact_id: str, attempt_id: str, now: datetime) -> str:
    expires = int((now + LIFETIME).timestamp())
    claim = f"{_VERSION}.{expires}.{contact_id}.{attempt_id}"
    return f"{claim}.{_signature(key, claim)}"


def verify(key: Secret, token: str, *, now: datetime, grace: timedelta = timedelta(0)) -> Bearer | None:
    """Whose token this is; None when somebody else made it, or `grace` after it expired."""
    claim, _, signature = token.rpartition(".")
    parts = token.split(".")
    if len(parts) != _PARTS or parts[0] != _VERSION or not token.isascii():
        return None
    if not hmac.compare_digest(signature.encode(), _signature(key, claim).encode()):
        return None
    expires = datetime.fromtimestamp(int(parts[1]), UTC)  # signed by us: a number
    if now > expires + grace:
        return None
    return Bearer(contact_id=parts[2], attempt_id=parts[3], expires=expires)


def _signature(key: Secret, claim: str) -> str:
    return urlsafe_b64encode(_signed(key.reveal().encode(), claim)).decode().rstrip("=")


def _signed(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
