"""The X-Twilio-Signature of a request, as Twilio computes it (and twilio.request_validator checks it)."""

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha1
from hmac import new


def sign(token: str, url: str, params: Mapping[str, str]) -> str:
    """HMAC-SHA1 over the full URL and every posted name and value, sorted by name."""
    signed = url + "".join(name + params[name] for name in sorted(params))
    return b64encode(new(token.encode(), signed.encode(), sha1).digest()).decode()
