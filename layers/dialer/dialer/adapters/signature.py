"""Whether a webhook comes from the carrier: its signature over the URL as we gave it out, and every field."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from twilio.request_validator import RequestValidator

from dialer.secret import Secret

FRAGMENT = "#rc=5&rp=all"
"""Connection overrides on our callback URLs: five more tries, on every kind of failure. By default a 5xx of ours is
not retried. Whether the fragment is part of the signed URL is not documented, so both forms are checked."""

_MOST_FIELDS = 500


class Fields(dict[str, str]):
    """A form as the validator wants it: every value of a name, blanks included."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        super().__init__(pairs)
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def getall(self, name: str) -> list[str]:
        return self._values[name]


def form(body: str) -> Fields:
    """The fields of a form body; empty ones count, because the signature covers them. Raises ValueError for a form
    with more fields than the carrier ever sends: a stranger must not keep the function busy."""
    return Fields(parse_qsl(body, keep_blank_values=True, max_num_fields=_MOST_FIELDS))


def is_genuine(token: Secret, *, url: str, fields: Mapping[str, str], signature: str) -> bool:
    """Whether the carrier signed this request. A request without a signature is a stranger's."""
    validator = RequestValidator(token.reveal())
    return bool(signature) and any(
        validator.validate(signed, fields, signature) for signed in (url, f"{url}{FRAGMENT}")
    )
