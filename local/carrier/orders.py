"""What a create request asks for, checked as Twilio checks it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from local.carrier.attribution import Attribution, attribute
from local.carrier.refusals import (
    INVALID_EVENTS,
    INVALID_FROM,
    INVALID_METHOD,
    INVALID_PARAMETER,
    INVALID_SEND_DIGITS,
    INVALID_STATUS_CALLBACK,
    INVALID_TIMEOUT,
    INVALID_TO,
    INVALID_URL,
    NO_FROM,
    NO_TO,
    Refusal,
)

Form = Mapping[str, Sequence[str]]
EVENTS = ("initiated", "ringing", "answered", "completed")
NUMBER = re.compile(r"\+[1-9]\d{6,14}")
OTHER_ENDS = ("sip:", "sim:", "client:")
LONGEST_TWIML = 4000


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """`timeout` and `time_limit` in carrier seconds; an empty text where nothing was given."""

    to: str
    from_: str
    url: str
    method: str
    twiml: str
    fallback_url: str
    fallback_method: str
    status_callback: str
    status_callback_method: str
    events: tuple[str, ...]
    timeout: int
    time_limit: int
    detection: str
    async_amd: bool
    amd_callback: str
    amd_callback_method: str

    @property
    def detects_at_once(self) -> bool:
        return bool(self.detection) and not self.async_amd

    def attribution(self) -> Attribution:
        return attribute(self.status_callback, self.url, self.amd_callback, self.twiml)


def claimed_by(form: Form) -> Attribution:
    """Whose call a request is about, before anything in it is checked."""
    names = ("StatusCallback", "Url", "AsyncAmdStatusCallback", "Twiml")
    return attribute(*(_one(form, name) for name in names))


def read_order(form: Form) -> Order:
    """Raises Refusal with Twilio's code for the first thing wrong."""
    to, from_ = _ends(form)
    return Order(
        to=to,
        from_=from_,
        url=_url(form, "Url", INVALID_URL),
        method=_method(form, "Method"),
        twiml=_twiml(form),
        fallback_url=_url(form, "FallbackUrl", INVALID_URL),
        fallback_method=_method(form, "FallbackMethod"),
        status_callback=_url(form, "StatusCallback", INVALID_STATUS_CALLBACK),
        status_callback_method=_method(form, "StatusCallbackMethod"),
        events=_events(form),
        timeout=_seconds(form, "Timeout", usual=60, most=600),
        time_limit=_seconds(form, "TimeLimit", usual=14400, most=86400),
        detection=_detection(form),
        async_amd=_one(form, "AsyncAmd").lower() == "true",
        amd_callback=_url(form, "AsyncAmdStatusCallback", INVALID_STATUS_CALLBACK),
        amd_callback_method=_method(form, "AsyncAmdStatusCallbackMethod"),
    )


def _ends(form: Form) -> tuple[str, str]:
    to, from_ = _one(form, "To"), _one(form, "From")
    if not to:
        raise Refusal(NO_TO)
    if not from_:
        raise Refusal(NO_FROM)
    if not is_end(to):
        raise Refusal(INVALID_TO, to=to)
    if not is_end(from_):
        raise Refusal(INVALID_FROM, from_=from_)
    return to, from_


def is_end(end: str) -> bool:
    return bool(NUMBER.fullmatch(end)) or end.startswith(OTHER_ENDS)


def _twiml(form: Form) -> str:
    twiml = _one(form, "Twiml")
    if not twiml and not _one(form, "Url"):
        raise Refusal(INVALID_URL)
    if len(twiml) > LONGEST_TWIML:
        raise Refusal(INVALID_PARAMETER, f"Twiml is longer than {LONGEST_TWIML} characters.")
    return twiml


def _url(form: Form, name: str, code: int) -> str:
    url = _one(form, name)
    if url and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname):
        raise Refusal(code, f"{name} is not a valid URL: {url}")
    return url


def _method(form: Form, name: str) -> str:
    method = (_one(form, name) or "POST").upper()
    if method not in ("GET", "POST"):
        raise Refusal(INVALID_METHOD, f"{name} must be GET or POST.")
    return method


def _events(form: Form) -> tuple[str, ...]:
    asked = [event for value in form.get("StatusCallbackEvent", ()) for event in value.split()]
    if unknown := set(asked) - set(EVENTS):
        raise Refusal(INVALID_EVENTS, f"Invalid StatusCallbackEvent: {', '.join(sorted(unknown))}.")
    return tuple(event for event in EVENTS if event in asked) or ("completed",)


def _seconds(form: Form, name: str, *, usual: int, most: int) -> int:
    given = _one(form, name)
    if given and not (given.isdecimal() and 0 < int(given) <= most):
        raise Refusal(INVALID_TIMEOUT, f"{name} must be a whole number from 1 to {most}.")
    return int(given) if given else usual


def _detection(form: Form) -> str:
    """Digits sent at answer switch detection off, as Twilio has it."""
    detection, digits = _one(form, "MachineDetection"), _one(form, "SendDigits")
    if digits and not re.fullmatch(r"[0-9A-D*#wW]{1,32}", digits):
        raise Refusal(INVALID_SEND_DIGITS, f"Invalid SendDigits: {digits}")
    if detection not in ("", "Enable", "DetectMessageEnd"):
        raise Refusal(INVALID_PARAMETER, f"MachineDetection must be Enable or DetectMessageEnd: {detection}")
    return "" if digits else detection


def _one(form: Form, name: str) -> str:
    return (form.get(name) or ("",))[0]
