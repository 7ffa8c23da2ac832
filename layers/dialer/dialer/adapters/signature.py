"""Whether a webhook comes from the carrier: its signature over the URL as we gave it out, and every field."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from twilio.request_validator import RequestValidator

from dialer.secret import Secret

FRAGMENT = "#rc=5&rp=all"
"""Connection overrides on our callback URLs: five more tries, on every kind of failure. By default a 5xx of ours is
not retried. Whether the fragment is part of the signed URL is not documented, so both forms are checked."""


class Fields(dict[str, str]):
    """A form as the validator wants it: every value of a name, blanks included."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        super().__init__(pairs)
        self._pairs = pairs

    def getall(self, name: str) -> list[str]:
        return [value for key, value in self._pairs if key == name]


def form(body: str) -> Fields:
    """The fields of a form body; empty ones count, because the signature covers them."""
    return Fields(parse_qsl(body, keep_blank_values=True))


def is_genuine(token: Secret, *, url: str, fields: Mapping[str, str], signature: str) -> bool:
    """Whether the carrier signed this request. A request without a signature is a stranger's."""
    validator = RequestValidator(token.reveal())
    return bool(signature) and any(
        validator.validate(signed, fields, signature) for signed in (url, f"{url}{FRAGMENT}")
    )
