"""The voice function under anything that can arrive: never a server's error, never a move without a valid signature."""

import base64
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from dialer.adapters.signature import FRAGMENT, form
from dialer.lifecycle import MOVES, Owner, State
from dialer.model import CallPlan, Contact, attempt_of
from tests.builders import a_campaign, a_contact, a_sid, created, stored
from tests.functions.conftest import Stack
from tests.functions.events import TOKEN, VOICE_URL, Event, fields_of, request, webhook, with_body

REFUSED = {403, 404}
TAKEN = {200, 204}
KINDS = ("status", "answer", "keypress", "amd")
OUR_FIELDS = ("CallSid", "CallStatus", "AnsweredBy", "Digits", "ErrorCode", "SipResponseCode", "To", "AccountSid")
STATUSES = ("queued", "initiated", "ringing", "in-progress", "completed", "busy", "no-answer", "failed", "canceled")
IN_A_CALL = (State.DIALING, State.PLACED, State.UNCERTAIN, State.HELD)
HEARD = frozenset((source, to) for rule in MOVES.values() if rule.owner is Owner.VOICE
                  for source in rule.sources for to in rule.targets)  # fmt: skip

fuzzed = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
texts = st.one_of(
    st.text(max_size=40),
    st.sampled_from(["", " ", "\x00", "$phone", "$$NOW", "é", "\ud7ff", "a" * 3000, "../..", "%00", "🕿", "-1"]),
)
fields_ = st.dictionaries(
    st.one_of(st.sampled_from(OUR_FIELDS), st.text(min_size=1, max_size=20)),
    st.one_of(texts, st.sampled_from(STATUSES), st.sampled_from(["9", "machine_start", "human"])),
    max_size=10,
)
bodies = st.one_of(st.binary(max_size=300), fields_.map(lambda fields: urlencode(fields).encode("utf-8", "replace")))


@pytest.fixture
def contact(stack: Stack) -> Contact:
    """Somebody in a call, who may be asked for a key."""
    plan = CallPlan(say="Press 9.", opt_out_digit="9")
    return stored(stack.database, a_contact(created(stack.database, a_campaign(call=plan)), state=State.PLACED))


def everything(stack: Stack) -> dict[str, list[Any]]:
    """All that the database holds."""
    return {name: list(stack.database[name].find({})) for name in ("contacts", "campaigns", "suppressions")}


def refused(stack: Stack, told: Event) -> None:
    """A stranger's request: a quiet no, and nothing has changed."""
    before = everything(stack)
    reply = stack.invoke("voice", told)
    assert reply["statusCode"] in REFUSED
    assert everything(stack) == before


Forge = Callable[[Event, st.DataObject], Event]


def _another_body(told: Event, data: st.DataObject) -> Event:
    body = data.draw(bodies)
    assume(_fields(body) != fields_of(told))
    return with_body(told, body)


def _fields(body: bytes) -> dict[str, str]:
    try:
        return dict(form(body.decode()))
    except ValueError:
        return {}


def _body_as_text(told: Event, data: st.DataObject) -> Event:
    return told | {"body": data.draw(texts), "isBase64Encoded": data.draw(st.booleans())}


def _another_signature(told: Event, data: st.DataObject) -> Event:
    signature = data.draw(
        st.one_of(texts, st.binary(min_size=20, max_size=20).map(lambda b: base64.b64encode(b).decode()))
    )
    assume(signature != told["headers"]["x-twilio-signature"])
    return told | {"headers": told["headers"] | {"x-twilio-signature": signature}}


def _no_signature(told: Event, data: st.DataObject) -> Event:
    return told | {"headers": {name: value for name, value in told["headers"].items() if name != "x-twilio-signature"}}


def _another_token(told: Event, data: st.DataObject) -> Event:
    token = data.draw(st.text(min_size=1, max_size=40))
    assume(token != TOKEN)
    return request(told, path=told["rawPath"], fields=fields_of(told), token=token)


def _another_path(told: Event, data: st.DataObject) -> Event:
    parts = told["rawPath"].split("/")
    place = data.draw(st.integers(2, 4))
    part = quote(data.draw(texts), safe="")
    assume(part != parts[place])
    return _at(told, "/".join([*parts[:place], part, *parts[place + 1 :]]))


def _at(told: Event, path: str) -> Event:
    http = told["requestContext"]["http"] | {"path": path}
    return told | {"rawPath": path, "requestContext": told["requestContext"] | {"http": http}}


def _a_query(told: Event, data: st.DataObject) -> Event:
    query = data.draw(st.sampled_from(["a=1", "=", "&", "?", "%23", FRAGMENT[1:], "CallStatus=busy", "é", "\x00"]))
    return told | {"rawQueryString": query}


FORGERIES: dict[str, Forge] = {
    "another body": _another_body,
    "a body as text": _body_as_text,
    "another signature": _another_signature,
    "no signature": _no_signature,
    "another account's token": _another_token,
    "another path": _another_path,
    "a query that was not signed": _a_query,
}


@pytest.mark.parametrize("kind", FORGERIES, ids=str)
@fuzzed
@given(data=st.data())
def test_whatever_is_changed_after_signing_moves_nobody(
    stack: Stack, contact: Contact, kind: str, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(["voice_status_completed", "voice_answer", "voice_keypress", "voice_amd"]))
    refused(stack, FORGERIES[kind](webhook(name, contact), data))


def signed(contact: Contact, kind: str, fields: dict[str, str], *, fragment: str = "") -> Event:
    """A webhook about the contact's attempt with any fields, signed as the carrier signs."""
    told = webhook("voice_status_completed", contact)
    path = f"/voice/{contact.id}/{attempt_of(contact).id}/{kind}"
    told = request(told, path=path, fields=fields)
    received = form(urlencode(fields))
    signature = RequestValidator(TOKEN).compute_signature(f"{VOICE_URL}{path}{fragment}", received)
    return told | {"headers": told["headers"] | {"x-twilio-signature": signature}}


@fuzzed
@given(
    kind=st.sampled_from(KINDS),
    state=st.sampled_from(IN_A_CALL),
    fields=fields_,
    fragment=st.sampled_from(["", FRAGMENT]),
    own=st.booleans(),
)
def test_whatever_the_carrier_signs_is_taken_and_moves_only_its_own_contact_along_the_table(
    stack: Stack, kind: str, state: State, fields: dict[str, str], fragment: str, own: bool
) -> None:
    campaign = created(stack.database, a_campaign(call=CallPlan(say="Press 9.", opt_out_digit="9")))
    contact, other = (stored(stack.database, a_contact(campaign, state=state)) for _ in range(2))
    fields = fields | ({"CallSid": attempt_of(contact).sid or a_sid()} if own else {})
    reply = stack.invoke("voice", signed(contact, kind, fields, fragment=fragment))
    assert reply["statusCode"] in TAKEN
    after = stack.contact(contact)
    assert (state, after.state) in HEARD or after.state is state
    assert stack.contact(other) == other
    assert after.used == contact.used


@fuzzed
@given(data=st.data())
def test_a_signature_is_worth_nothing_for_another_attempt(stack: Stack, data: st.DataObject) -> None:
    campaign = created(stack.database, a_campaign())
    contact, other = (stored(stack.database, a_contact(campaign, state=State.PLACED)) for _ in range(2))
    told = webhook(data.draw(st.sampled_from(["voice_status_completed", "voice_amd", "voice_answer"])), contact)
    refused(stack, _at(told, told["rawPath"].replace(contact.id, other.id)))
    refused(stack, _at(told, told["rawPath"].replace(attempt_of(contact).id, attempt_of(other).id)))


LIFE = (
    "voice_status_initiated",
    "voice_status_ringing",
    "voice_status_answered",
    "voice_answer",
    "voice_status_completed",
)


@settings(fuzzed, max_examples=40)
@given(order=st.permutations(LIFE), again=st.lists(st.sampled_from(LIFE), max_size=6), state=st.sampled_from(IN_A_CALL))
def test_replayed_and_reordered_a_call_ends_the_same(
    stack: Stack, order: list[str], again: list[str], state: State
) -> None:
    contact = stored(stack.database, a_contact(created(stack.database, a_campaign()), state=state))
    sid = attempt_of(contact).sid or a_sid()
    for name in [*order, *again]:
        assert stack.invoke("voice", webhook(name, contact, sid=sid))["statusCode"] in TAKEN
    after = stack.contact(contact)
    (past,) = after.history
    assert (after.state, after.attempt, past.sid, after.used) == (State.DONE, None, sid, contact.used)


@pytest.mark.parametrize("size", [1_000_000, 4_000_000])
@pytest.mark.parametrize("field", ["CallSid", "CallStatus", "AnsweredBy", "Digits", "ErrorCode", "Unheard"])
def test_a_huge_field_is_no_error_signed_or_not(stack: Stack, contact: Contact, field: str, size: int) -> None:
    told = webhook("voice_status_completed", contact)
    huge = fields_of(told) | {field: "x" * size}
    refused(stack, with_body(told, urlencode(huge).encode()))
    assert stack.invoke("voice", signed(contact, "status", huge))["statusCode"] in TAKEN
