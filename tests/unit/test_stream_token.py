"""The token of a media stream: an agent with the key knows whose call it is, and nobody else can make one."""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.secret import Secret
from dialer.stream_token import LIFETIME, sign, stream_key, verify

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = stream_key(Secret("an auth token"))
TOKEN = sign(KEY, contact_id="6b05", attempt_id="6b05-c0ffee", now=NOW)


def test_a_token_says_whose_call_it_is_and_until_when() -> None:
    bearer = verify(KEY, TOKEN, now=NOW)
    assert bearer is not None
    assert (bearer.contact_id, bearer.attempt_id, bearer.expires) == ("6b05", "6b05-c0ffee", NOW + LIFETIME)


def test_the_documented_way_to_check_it_is_the_way_it_is_made() -> None:
    """As an agent in any language would: the recipe in the module, without the module."""
    key = hmac.new(b"an auth token", b"dialer media stream v1", hashlib.sha256).hexdigest()
    claim, _, signature = TOKEN.rpartition(".")
    digest = hmac.new(key.encode(), claim.encode(), hashlib.sha256).digest()
    assert signature == urlsafe_b64encode(digest).decode().rstrip("=")
    assert claim == f"v1.{int((NOW + LIFETIME).timestamp())}.6b05.6b05-c0ffee"


@pytest.mark.parametrize(
    ("late", "good"), [(timedelta(0), True), (LIFETIME, True), (LIFETIME + timedelta(seconds=1), False)]
)
def test_it_does_not_last(late: timedelta, good: bool) -> None:
    assert (verify(KEY, TOKEN, now=NOW + late) is not None) is good
    assert verify(KEY, TOKEN, now=NOW + late, grace=timedelta(hours=1)) is not None


def test_another_key_knows_nothing_of_it() -> None:
    assert verify(stream_key(Secret("another")), TOKEN, now=NOW) is None
    assert verify(Secret("an auth token"), TOKEN, now=NOW) is None


@pytest.mark.parametrize("token", ["", ".", "....", "v1.1.2.3.4", TOKEN[:-1], f"{TOKEN}A", TOKEN.replace("v1", "v2")])
def test_what_is_no_token_is_none(token: str) -> None:
    assert verify(KEY, token, now=NOW) is None


@given(place=st.integers(0, len(TOKEN) - 1), sign_=st.characters())
def test_no_sign_of_it_can_be_changed(place: int, sign_: str) -> None:
    forged = TOKEN[:place] + sign_ + TOKEN[place + 1 :]
    assert (verify(KEY, forged, now=NOW) is not None) is (forged == TOKEN)


@given(token=st.text())
def test_whatever_a_stranger_sends_is_only_wrong(token: str) -> None:
    assert verify(KEY, token, now=NOW) is None
