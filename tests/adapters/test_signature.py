"""Signatures: only what the carrier signed with our token, over the whole URL and every field, passes."""

import base64
import hashlib
import hmac
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.adapters.signature import FRAGMENT, form, is_genuine
from dialer.secret import Secret

TOKEN = Secret("the account's token")
URL = "https://voice.example/voice/contact/contact-attempt/status"
FIELDS = [("CallSid", "CA1"), ("CallStatus", "completed"), ("To", "+12015550100")]


def signed(url: str, pairs: list[tuple[str, str]], *, token: Secret = TOKEN) -> str:
    """As the carrier documents it: URL, then each distinct name and value in order; HMAC-SHA1; base64."""
    said = url + "".join(name + value for name, value in sorted(set(pairs)))
    return base64.b64encode(hmac.new(token.reveal().encode(), said.encode(), hashlib.sha1).digest()).decode()


def genuine(signature: str, *, url: str = URL, pairs: list[tuple[str, str]] | None = None) -> bool:
    fields = form(urlencode(FIELDS if pairs is None else pairs))
    return is_genuine(TOKEN, url=url, fields=fields, signature=signature)


def test_what_the_carrier_signed_passes() -> None:
    assert genuine(signed(URL, FIELDS))


def test_a_url_signed_with_its_fragment_passes_too() -> None:
    """Whether the fragment of our callback URLs is signed is not documented."""
    assert genuine(signed(URL + FRAGMENT, FIELDS))


def test_another_fragment_does_not_pass() -> None:
    assert not genuine(signed(URL + "#rc=0", FIELDS))


@pytest.mark.parametrize(
    "pairs",
    [
        [],
        [("Empty", "")],
        [*FIELDS, ("AnsweredBy", ""), ("Digits", "")],
        [("Digits", "1"), ("Digits", "2"), ("Digits", "1")],
        [("To", "a b&c=d+e%20"), ("é", "✓"), ("", "")],
        [("b", "1"), ("a", "2"), ("B", "3")],
    ],
    ids=str,
)
def test_every_field_counts_blanks_and_repetitions_included(pairs: list[tuple[str, str]]) -> None:
    assert genuine(signed(URL, pairs), pairs=pairs)
    assert not genuine(signed(URL, [*pairs, ("More", "1")]), pairs=pairs)
    if pairs:
        assert not genuine(signed(URL, pairs[1:]), pairs=pairs) or pairs[0] in pairs[1:]


@given(st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)), max_size=6))
def test_whatever_form_the_carrier_signs_passes(pairs: list[tuple[str, str]]) -> None:
    pairs = [pair for pair in pairs if _encodable(pair)]
    assert genuine(signed(URL, pairs), pairs=pairs)


def _encodable(pair: tuple[str, str]) -> bool:
    try:
        return bool("".join(pair).encode()) or True
    except UnicodeEncodeError:
        return False


@pytest.mark.parametrize(
    ("wrong", "url"),
    [
        ("scheme", URL.replace("https", "http")),
        ("host", URL.replace("voice.example", "voice2.example")),
        ("another attempt", URL.replace("contact-attempt", "contact-other")),
        ("another contact", URL.replace("/contact/", "/other/")),
        ("another action", URL.replace("status", "answer")),
        ("a query", f"{URL}?a=1"),
        ("a slash more", f"{URL}/"),
        ("a port", URL.replace("voice.example", "voice.example:8443")),
    ],
)
def test_a_signature_for_another_url_does_not_pass(wrong: str, url: str) -> None:
    assert not genuine(signed(url, FIELDS)), wrong


def test_the_usual_port_may_be_written_or_not() -> None:
    assert genuine(signed(URL.replace("voice.example", "voice.example:443"), FIELDS))


def test_a_query_is_signed_in_its_order() -> None:
    url = f"{URL}?b=2&a=1&empty="
    assert genuine(signed(url, FIELDS), url=url)
    assert not genuine(signed(f"{URL}?a=1&b=2&empty=", FIELDS), url=url)


def test_a_changed_field_does_not_pass() -> None:
    changed = [("CallSid", "CA2"), *FIELDS[1:]]
    assert not genuine(signed(URL, FIELDS), pairs=changed)
    assert not genuine(signed(URL, FIELDS), pairs=FIELDS[1:])


def test_another_account_s_signature_does_not_pass() -> None:
    assert not genuine(signed(URL, FIELDS, token=Secret("another token")))
    assert not genuine(signed(URL, FIELDS, token=Secret("")))


@pytest.mark.parametrize("signature", ["", " ", "0", "=" * 28, "é" * 28, "\0" * 28, "A" * 10_000])
def test_no_signature_or_nonsense_does_not_pass(signature: str) -> None:
    assert not genuine(signature)


def test_a_signature_cut_short_does_not_pass() -> None:
    whole = signed(URL, FIELDS)
    assert not any(genuine(whole[:length]) for length in range(len(whole)))
    assert not genuine(whole.swapcase())
    assert not genuine(f"{whole} ")


def test_a_replay_passes_so_the_contact_s_state_must_stop_it() -> None:
    """The carrier signs no moment: that a repetition changes nothing is the hearing's law, and tested there."""
    signature = signed(URL, FIELDS)
    assert genuine(signature)
    assert genuine(signature)


@pytest.mark.parametrize("body", ["", "{}", '{"CallSid": "CA1"}', "%ff%fe=1", "&&=&", "\0", "+" * 1000])
def test_a_body_that_is_no_form_of_ours_is_read_and_names_no_call(body: str) -> None:
    assert "CallSid" not in form(body)
    assert not is_genuine(TOKEN, url=URL, fields=form(body), signature=signed(URL, FIELDS))


def test_a_hash_of_the_body_in_the_query_does_not_replace_the_fields() -> None:
    """The carrier's JSON webhooks carry one; ours are forms, and a stranger must not choose the easier check."""
    url = f"{URL}?bodySHA256={hashlib.sha256(b'').hexdigest()}"
    assert not genuine(signed(url, []), url=url)
    assert genuine(signed(url, FIELDS), url=url)
