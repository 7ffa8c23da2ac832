"""The carrier's adapters as wiring makes them, for whatever server a test chose."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from twilio.rest import Client

from dialer.adapters.call_log import TwilioCallLog
from dialer.adapters.carrier import TwilioDialer, TwilioWitness, client
from dialer.ports import CallRequest
from dialer.secret import Secret
from tests.builders import FROM_NUMBER, a_phone

ACCOUNT, TOKEN = "AC" + "3" * 32, "the-token-of-these-tests"
VOICE_URL = "http://127.0.0.1:9"  # nobody listens: these tests need no callbacks
TIMEOUT_S = 0.4


def a_request(**overrides: Any) -> CallRequest:
    usual = CallRequest(
        to=a_phone(),
        from_number=FROM_NUMBER,
        contact_id="contact",
        attempt_id="contact-attempt",
        ring_timeout=timedelta(seconds=30),
        talk_limit=timedelta(minutes=5),
        detect_machine=False,
    )
    return replace(usual, **overrides)


def _client(url: str, *, timeout_s: float, connect_s: float = TIMEOUT_S, fresh: bool, token: str) -> Client:
    return client(
        ACCOUNT,
        Secret(token),
        api_url=url,
        connect=timedelta(seconds=connect_s),
        timeout=timedelta(seconds=timeout_s),
        fresh=fresh,
    )


def dialer(url: str, *, timeout_s: float = TIMEOUT_S, token: str = TOKEN, voice_url: str = VOICE_URL) -> TwilioDialer:
    return TwilioDialer(_client(url, timeout_s=timeout_s, fresh=True, token=token), voice_base_url=voice_url)


@contextmanager
def witness(url: str, *, timeout_s: float = TIMEOUT_S) -> Iterator[TwilioWitness]:
    """Its connections are kept, as reconcile keeps them, and closed at the end."""
    with asking(url, timeout_s=timeout_s) as twilio:
        yield TwilioWitness(twilio)


@contextmanager
def call_log(url: str, *, timeout_s: float = TIMEOUT_S) -> Iterator[TwilioCallLog]:
    with asking(url, timeout_s=timeout_s) as twilio:
        yield TwilioCallLog(twilio)


@contextmanager
def asking(url: str, *, timeout_s: float) -> Iterator[Client]:
    twilio = _client(url, timeout_s=timeout_s, fresh=False, token=TOKEN)
    yield twilio
    twilio.http_client.session.close()
