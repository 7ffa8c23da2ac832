"""Opting out while nothing can be written down: it is kept, confirmed to nobody, and written as soon as it can be."""

import json
import time

import pytest

from dialer import wiring
from dialer.errors import BadSettings
from dialer.lifecycle import State
from dialer.model import CallPlan, Contact, attempt_of
from tests.adapters.tcp_proxy import TcpProxy
from tests.builders import a_campaign, a_contact, created, stored
from tests.functions.conftest import TIMEOUTS, Stack, forget_wiring
from tests.functions.events import Event, batch, webhook

OK, UNAVAILABLE = 200, 503
NOBODY = "mongodb://127.0.0.1:9/"
pytestmark = pytest.mark.usefixtures("impatient")


@pytest.fixture
def contact(stack: Stack) -> Contact:
    """Somebody whose call is on."""
    campaign = created(stack.database, a_campaign(call=CallPlan(say="Hello.", opt_out_digit="9")))
    return stored(stack.database, a_contact(campaign, state=State.PLACED))


def away(stack: Stack, uri: str = NOBODY) -> None:
    _point_at(stack, uri)


def back(stack: Stack, mongodb_uri: str) -> None:
    _point_at(stack, mongodb_uri)


def _point_at(stack: Stack, uri: str) -> None:
    _put(stack, uri)
    forget_wiring()


def _put(stack: Stack, uri: str) -> None:
    name = stack.environment["MONGODB_URI_PARAMETER"]
    stack.aws.ssm.put_parameter(Name=name, Value=uri, Type="SecureString", Overwrite=True)


def kept(stack: Stack) -> list[str]:
    """The message bodies that lie in the queue of opt-outs."""
    return [
        json.dumps({name: value for name, value in message.items() if name != "delay"})
        for message in stack.queued("OPT_OUT_QUEUE_URL")
    ]


def heard_again(stack: Stack) -> Event:
    reply: Event = stack.invoke("voice", batch(*kept(stack), name="voice_opt_outs"))
    return reply


def suppressed(contact: Contact) -> bool:
    return contact.phone in wiring.suppressions().among("any", [contact.phone])


@pytest.mark.parametrize(
    ("fields", "source"), [({"Digits": "9"}, "keypress"), ({"Digits": "", "SpeechResult": "Please stop!"}, "speech")]
)
def test_who_opts_out_while_the_database_is_away_is_suppressed_when_it_is_back(
    stack: Stack, contact: Contact, mongodb_uri: str, fields: dict[str, str], source: str
) -> None:
    pressed = webhook("voice_keypress", contact, **fields)
    away(stack)
    assert stack.invoke("voice", pressed)["statusCode"] == UNAVAILABLE
    assert len(heard_again(stack)["batchItemFailures"]) == 1
    back(stack, mongodb_uri)
    assert not suppressed(contact)
    assert heard_again(stack) == {"batchItemFailures": []}
    assert suppressed(contact)
    assert attempt_of(stack.contact(contact)).answers == {"opt_out": source}


def test_it_is_written_whatever_became_of_the_call_since(stack: Stack, contact: Contact, mongodb_uri: str) -> None:
    away(stack)
    stack.invoke("voice", webhook("voice_keypress", contact, Digits="9"))
    back(stack, mongodb_uri)
    stack.invoke("voice", webhook("voice_status_completed", contact))
    heard_again(stack)
    assert suppressed(contact)


@pytest.mark.parametrize("fields", [{"Digits": "1"}, {"Digits": "", "SpeechResult": "yes"}])
def test_what_is_no_opt_out_is_let_go(stack: Stack, contact: Contact, mongodb_uri: str, fields: dict[str, str]) -> None:
    """Nobody can say what the campaign's key is while its database is away."""
    away(stack)
    stack.invoke("voice", webhook("voice_keypress", contact, **fields))
    back(stack, mongodb_uri)
    before = stack.contact(contact)
    assert heard_again(stack) == {"batchItemFailures": []}
    assert not suppressed(contact)
    assert stack.contact(contact) == before


@pytest.mark.parametrize("uri", ["mongodb://somebody:wrong@{}", "mongodb://somebody:wr/ong@{}"])
def test_it_is_kept_from_a_database_that_refuses_our_credentials_too(
    stack: Stack, contact: Contact, mongodb_uri: str, uri: str
) -> None:
    """A wrong password, and one that makes the URI none. Once it is right, a warm container finds it at once."""
    pressed = webhook("voice_keypress", contact, Digits="9")
    away(stack, uri.format(mongodb_uri.removeprefix("mongodb://")))
    with pytest.raises(BadSettings):
        stack.invoke("voice", pressed)
    forget_wiring()
    wiring.twilio_auth_token()  # all values are read at once
    _put(stack, mongodb_uri)
    assert len(heard_again(stack)["batchItemFailures"]) == 1
    assert heard_again(stack) == {"batchItemFailures": []}
    assert suppressed(contact)


@pytest.mark.patient
def test_a_database_that_is_slow_at_everything_leaves_the_time_to_keep_it(
    stack: Stack, contact: Contact, mongodb_uri: str
) -> None:
    """No answer takes long enough to be given up by itself; all of them together outlast the function."""
    with TcpProxy(mongodb_uri, delay=1.4) as slow:
        away(stack, slow.uri)
        began = time.monotonic()
        assert stack.invoke("voice", webhook("voice_keypress", contact, Digits="9"))["statusCode"] == UNAVAILABLE
        assert time.monotonic() - began < TIMEOUTS["voice"] - 1
        forget_wiring()
    assert len(kept(stack)) == 1


def test_where_the_queue_is_away_too_the_log_says_that_it_is_lost(stack: Stack, contact: Contact) -> None:
    stack.aws.sqs.delete_queue(QueueUrl=stack.environment["OPT_OUT_QUEUE_URL"])
    away(stack)
    assert stack.invoke("voice", webhook("voice_keypress", contact, Digits="9"))["statusCode"] == UNAVAILABLE
    assert "what was pressed or said is lost" in stack.log[-1]["cause"]


def test_a_call_that_only_goes_on_keeps_nothing(stack: Stack, contact: Contact) -> None:
    away(stack)
    assert stack.invoke("voice", webhook("voice_keypress", contact, Digits=""))["statusCode"] == UNAVAILABLE
    assert kept(stack) == []


def test_what_can_be_written_down_is_not_kept(stack: Stack, contact: Contact) -> None:
    assert stack.invoke("voice", webhook("voice_keypress", contact, Digits="9"))["statusCode"] == OK
    assert kept(stack) == []


def test_somebody_elses_signature_keeps_nothing(stack: Stack, contact: Contact) -> None:
    away(stack)
    stack.invoke("voice", webhook("voice_keypress", contact, Digits="9", token="somebody else's"))
    assert kept(stack) == []


def test_who_is_known_no_longer_is_let_go(stack: Stack, contact: Contact, mongodb_uri: str) -> None:
    """Erasing somebody suppresses their numbers itself."""
    away(stack)
    stack.invoke("voice", webhook("voice_keypress", contact, Digits="9"))
    back(stack, mongodb_uri)
    stack.database["contacts"].delete_one({"_id": contact.id})
    assert heard_again(stack) == {"batchItemFailures": []}


@pytest.mark.parametrize(
    "body",
    [
        "",
        "9",
        "[]",
        "{}",
        '{"contact_id": "1"}',
        '{"contact_id": "1", "attempt_id": "2", "key": "9"}',
        '{"contact_id": "1", "attempt_id": "2", "sid": "3", "digits": 9}',
        '{"contact_id": {"$ne": ""}, "attempt_id": "2", "sid": "3", "digits": "9"}',
    ],
)
def test_a_message_that_nobody_should_send_fails_alone(
    stack: Stack, contact: Contact, mongodb_uri: str, body: str
) -> None:
    away(stack)
    stack.invoke("voice", webhook("voice_keypress", contact, Digits="9"))
    back(stack, mongodb_uri)
    reply = stack.invoke("voice", batch(body, *kept(stack), name="voice_opt_outs"))
    assert [one["itemIdentifier"][-1] for one in reply["batchItemFailures"]] == ["0"]
    assert suppressed(contact)
