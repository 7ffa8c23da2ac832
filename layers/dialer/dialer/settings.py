"""Settings: the only reader of the environment. Values are parameter names and bounds, never secrets."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta

from dialer.bounds import Bounds, bounds_from, setting
from dialer.errors import BadSettings

_MOST_CALLS_PER_SECOND = 500
_CARRIER = ("twilio_account_sid", "twilio_auth_token_parameter")
NEEDED: Mapping[str, tuple[str, ...]] = {
    "tick": ("phone_hash_key_parameter", "lock_table", "call_queue_url"),
    "call": (
        "phone_hash_key_parameter", "idempotency_table", "refill_queue_url", *_CARRIER, "voice_base_url_parameter",
    ),
    "voice": (
        "phone_hash_key_parameter", "refill_queue_url", "opt_out_queue_url", *_CARRIER, "voice_base_url_parameter",
    ),
    "reconcile": ("refill_queue_url", *_CARRIER),
    "api": ("phone_hash_key_parameter", "idempotency_table", "intake_queue_url", "store_bucket", "refill_queue_url"),
    "intake": ("phone_hash_key_parameter", "store_bucket", "intake_queue_url"),
}  # fmt: skip
"""What each function cannot do its work without, besides the database that all of them need."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What this deployment is told; an empty text means the function does not need it."""

    mongodb_uri_parameter: str
    mongodb_database: str
    bounds: Bounds
    stack: str = ""
    event_bus: str = ""
    twilio_account_sid: str = ""
    twilio_auth_token_parameter: str = ""
    twilio_api_url: str = ""
    voice_base_url_parameter: str = ""
    phone_hash_key_parameter: str = ""
    lock_table: str = ""
    idempotency_table: str = ""
    call_queue_url: str = ""
    refill_queue_url: str = ""
    opt_out_queue_url: str = ""
    account_calls_per_second: str = ""
    store_bucket: str = ""
    intake_queue_url: str = ""

    def need(self, name: str) -> str:
        """A setting by field name. Raises BadSettings naming it when it is missing."""
        value = getattr(self, name)
        if not value:
            raise BadSettings(f"The setting {name.upper()} is missing.")
        return str(value)

    def demand(self, function: str) -> None:
        """Raises BadSettings naming what this function needs and was not told, whatever its first event asks for."""
        for name in NEEDED[function]:
            self.need(name)

    def dial_spacing(self) -> timedelta | None:
        """The least time between two dials of the whole account; None where they are not bounded."""
        name, text = "ACCOUNT_CALLS_PER_SECOND", self.account_calls_per_second or "0"
        try:
            a_second = float(text)
        except ValueError:
            raise BadSettings(f"{name} must be a number.") from None
        if not 0 <= a_second <= _MOST_CALLS_PER_SECOND:  # which a number that is none is not either
            raise BadSettings(f"{name} must be between 0 (no bound) and {_MOST_CALLS_PER_SECOND}.")
        return timedelta(seconds=1 / a_second) if a_second else None


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """Raises BadSettings naming what is missing or wrong."""
    texts = {
        field.name: environment.get(field.name.upper(), "") for field in fields(Settings) if field.name != "bounds"
    }
    missing = [name.upper() for name in ("mongodb_uri_parameter",) if not texts[name]]
    if missing:
        raise BadSettings(f"The setting {missing[0]} is missing: it names the parameter that holds the database's URI.")
    texts["mongodb_database"] = texts["mongodb_database"] or "dialer"
    return Settings(**texts, bounds=bounds_from(_seconds(environment)))


def _seconds(environment: Mapping[str, str]) -> dict[str, float]:
    named = {field.name: environment.get(setting(field.name), "") for field in fields(Bounds)}
    return {name: _number(setting(name), text) for name, text in named.items() if text}


def _number(name: str, text: str) -> float:
    try:
        return timedelta(seconds=float(text)).total_seconds()
    except (ValueError, OverflowError):  # not a number, or one that no span of time can have
        raise BadSettings(f"{name} must be a number of seconds.") from None
