"""What the carrier's answer to "place this call" can mean: a closed set, and a table from error codes into it.

Source of the classes: Twilio's error reference (https://www.twilio.com/docs/api/errors) and FACTS gathered by running
its client against broken replies. A code that is not in the table is never taken for a "no": it is doubt.
"""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, kw_only=True)
class Placed:
    """The carrier has the call."""

    sid: str
    status: str
    queue_time: timedelta = timedelta(0)
    """How long the carrier expects to keep it queued, for it dials no faster than the account allows."""


@dataclass(frozen=True, kw_only=True)
class Refused:
    """This number can never be called; no call exists."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class NotPlaced:
    """Proved that no call exists, for a passing cause."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class OurFault:
    """The account or our request is wrong; no call exists, and the contact must not pay for it."""

    reason: str
    region_only: bool = False
    """Only this number's country is closed to the account."""
    credentials: bool = False
    """The account's token was refused."""


@dataclass(frozen=True, kw_only=True)
class Unsure:
    """A call may or may not exist."""

    reason: str


Answer = Placed | Refused | NotPlaced | OurFault | Unsure

_NUMBER = {
    21202: "premium number",
    21211: "not a valid number",
    21214: "number cannot be reached",
    21216: "number blocked for this account",
    21217: "number is not valid",
    13223: "number cannot be reached",
    13224: "number is not valid",
    13225: "number is restricted",
    13226: "number is not valid",
}
_REGION = {21215: "no permission to call this country", 13227: "no permission to call this country"}
_CREDENTIALS = 20003
_ACCOUNT = {
    _CREDENTIALS: "the carrier refused the credentials",
    20005: "the account is not active",
    20006: "access denied",
    20008: "test credentials used",
    20403: "access forbidden",
    10001: "the account is not active",
    10002: "a trial account may not do this",
    10005: "voice calls are not enabled for the account",
    21203: "international calls are not enabled",
    21205: "the answer URL is not valid",
    21206: "the request is not valid",
    21207: "the request is not valid",
    21208: "the request is not valid",
    21209: "the callback URL is not valid",
    21210: "the from-number is not verified",
    21212: "the from-number is not valid",
    21213: "no from-number",
    21218: "the application is not valid",
    21219: "a trial account may only call verified numbers",
    21609: "the callback URL is not valid",
    21626: "the callback events are not valid",
    573005: "a trial account may only call verified numbers",
}
_PASSING = {20429: "too many requests", 10004: "the account's concurrent calls are used up"}

_CREDENTIALS_REFUSED = "the carrier refused the credentials (401)"
_OUR_FAULTS = {f"{text} ({code})" for code, text in (_REGION | _ACCOUNT).items()} | {_CREDENTIALS_REFUSED}

KNOWN_CODES = frozenset(_NUMBER | _REGION | _ACCOUNT | _PASSING)


def meaning(*, http_status: int, code: int | None) -> Answer:
    """What an error reply means. Only a code that the carrier documents as "not processed" is a no."""
    if code in _NUMBER and 400 <= http_status < 500:
        return Refused(reason=f"{_NUMBER[code]} ({code})")
    if code in _REGION and 400 <= http_status < 500:
        return OurFault(reason=f"{_REGION[code]} ({code})", region_only=True)
    if code in _ACCOUNT and 400 <= http_status < 500:
        return OurFault(reason=f"{_ACCOUNT[code]} ({code})", credentials=code == _CREDENTIALS)
    if code in _PASSING and 400 <= http_status < 500:
        return NotPlaced(reason=f"{_PASSING[code]} ({code})")
    if http_status == 429:
        return NotPlaced(reason="too many requests (429)")
    if http_status == 401:
        return OurFault(reason=_CREDENTIALS_REFUSED, credentials=True)
    return Unsure(reason=f"HTTP {http_status}" + (f", code {code}" if code else ""))


def is_our_fault(reason: str) -> bool:
    """Whether this is the sentence of an OurFault, and no person's own."""
    return reason in _OUR_FAULTS
