"""Bad input and rotated secrets: said once, in one sentence, without the secret; nothing is lost, nobody pays."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from dialer import wiring
from dialer.errors import BadSettings, Unavailable
from dialer.lifecycle import State
from dialer.model import CampaignState, Contact, attempt_of
from tests.adapters.http_wire import Reply, WireServer
from tests.builders import a_campaign, a_contact, a_message, created, now, stored
from tests.functions.conftest import HASH_KEY, PARAMETERS, Stack
from tests.functions.events import TOKEN, VOICE_URL, batch, event, webhook

FUNCTIONS = ("tick", "call", "voice", "reconcile")
OLD = "the-token-before-it-was-rotated"
WRONG = "not-the-password"


def put(stack: Stack, setting: str, value: str) -> None:
    stack.aws.ssm.put_parameter(Name=PARAMETERS[setting], Value=value, Type="SecureString", Overwrite=True)


def claimed(stack: Stack, **campaign: Any) -> Contact:
    return stored(stack.database, a_contact(created(stack.database, a_campaign(**campaign)), state=State.CLAIMED))


def in_call(stack: Stack) -> Contact:
    return stored(stack.database, a_contact(created(stack.database, a_campaign()), state=State.PLACED))


def run(stack: Stack, function: str, contact: Contact, *, token: str = TOKEN) -> str:
    """What the function says is wrong; empty where all went well."""
    told = {
        "tick": event("tick_schedule"),
        "call": batch(a_message(contact)),
        "voice": webhook("voice_status_ringing", contact, sid="CA" + "1" * 32, token=token),
        "reconcile": event("reconcile"),
    }[function]
    try:
        answer = stack.invoke(function, told)
    except (BadSettings, Unavailable) as wrong:
        return str(wrong)
    if answer.get("batchItemFailures") or answer.get("statusCode", 200) >= 300:
        return str(stack.log[-1]["cause"])
    return ", ".join(answer.get("unavailable", []))


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("setting", ["MONGODB_URI_PARAMETER", "PHONE_HASH_KEY_PARAMETER"])
def test_a_parameter_that_is_not_there_is_named_and_all_goes_on_once_it_is(
    stack: Stack, mongodb_uri: str, function: str, setting: str
) -> None:
    contact = claimed(stack) if function == "call" else in_call(stack)
    stack.aws.ssm.delete_parameter(Name=PARAMETERS[setting])
    assert run(stack, function, contact) == f"SSM has no parameter named {PARAMETERS[setting]}."
    assert stack.contact(contact) == contact
    put(stack, setting, mongodb_uri if setting.startswith("MONGODB") else HASH_KEY)
    assert run(stack, function, contact) == ""


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_wrong_password_is_said_in_one_sentence_every_time_and_loses_nothing(
    stack: Stack, mongodb_uri: str, function: str
) -> None:
    contact = claimed(stack) if function == "call" else in_call(stack)
    put(stack, "MONGODB_URI_PARAMETER", _with_a_wrong_password(mongodb_uri))
    for _ in range(2):
        assert run(stack, function, contact) == "The database refused the credentials in MONGODB_URI_PARAMETER."
    assert WRONG not in stack.written.getvalue()
    assert "reconcile" not in {line["message"] for line in stack.log}  # no run pretends to have been one
    assert stack.contact(contact) == contact
    assert stack.asked(contact) == []


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_password_that_was_replaced_is_used_by_the_next_invocation(
    stack: Stack, mongodb_uri: str, function: str
) -> None:
    """A warm container met the old one; the new value comes out of a file, with the end of its line."""
    contact = claimed(stack) if function == "call" else in_call(stack)
    put(stack, "MONGODB_URI_PARAMETER", _with_a_wrong_password(mongodb_uri))
    wiring.twilio_auth_token()  # all values are read at once
    put(stack, "MONGODB_URI_PARAMETER", f"{mongodb_uri}\n")
    assert "refused the credentials" in run(stack, function, contact)
    assert run(stack, function, contact) == ""


def _with_a_wrong_password(uri: str) -> str:
    address = urlsplit(uri)
    return f"mongodb://somebody:{WRONG}@{address.netloc}/?{address.query}"


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_database_that_is_not_there_loses_nothing(stack: Stack, function: str) -> None:
    contact = claimed(stack) if function == "call" else in_call(stack)
    put(stack, "MONGODB_URI_PARAMETER", f"mongodb://somebody:{WRONG}@127.0.0.1:9/")
    assert run(stack, function, contact).startswith("the database did not answer")
    assert WRONG not in stack.written.getvalue()
    assert stack.contact(contact) == contact
    assert stack.asked(contact) == []


def test_a_token_that_is_wrong_is_said_once_by_a_run_that_met_it_for_many(stack: Stack) -> None:
    put(stack, "TWILIO_AUTH_TOKEN_PARAMETER", WRONG)
    contacts = [_overdue(stack) for _ in range(5)]
    assert run(stack, "reconcile", contacts[0]) == "the carrier refused the credentials (401)"
    assert {stack.contact(contact).state for contact in contacts} == {State.PLACED}


def _overdue(stack: Stack) -> Contact:
    contact = a_contact(created(stack.database, a_campaign()), state=State.PLACED)
    return stored(
        stack.database, replace(contact, attempt=replace(attempt_of(contact), until=now() - timedelta(seconds=1)))
    )


def warm_with_the_old_token(stack: Stack) -> None:
    """A container that has served with the old token, when the new one comes into force."""
    put(stack, "TWILIO_AUTH_TOKEN_PARAMETER", OLD)
    assert run(stack, "voice", in_call(stack), token=OLD) == ""
    put(stack, "TWILIO_AUTH_TOKEN_PARAMETER", TOKEN)


def test_a_webhook_that_is_signed_with_the_new_token_is_believed_at_once(stack: Stack) -> None:
    warm_with_the_old_token(stack)
    contact = in_call(stack)
    assert stack.invoke("voice", webhook("voice_status_completed", contact))["statusCode"] == 204
    assert stack.contact(contact).state is State.DONE
    other = in_call(stack)
    assert stack.invoke("voice", webhook("voice_status_completed", other, token=OLD))["statusCode"] == 403
    assert stack.contact(other) == other


def test_a_call_refused_for_the_old_token_is_nobodys_fault_and_goes_out_with_the_new_one(stack: Stack) -> None:
    """One request per attempt all the same: the next attempt has the new token."""
    warm_with_the_old_token(stack)
    contact = claimed(stack)
    assert stack.invoke("call", batch(a_message(contact))) == {"batchItemFailures": []}
    after = stack.contact(contact)
    assert (after.state, after.used) == (State.PENDING, 0)
    assert [asked["status"] for asked in stack.asked(contact)] == [401]
    other = claimed(stack)
    assert stack.invoke("call", batch(a_message(other))) == {"batchItemFailures": []}
    assert stack.contact(other).state is State.PLACED
    assert {sight.campaign.state for sight in map(_sight, (contact, other))} == {CampaignState.RUNNING}


def _sight(contact: Contact) -> Any:
    return wiring.campaigns().see(contact.campaign_id)


def test_strangers_cannot_make_us_ask_for_our_secrets_again_and_again(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {
        PARAMETERS["MONGODB_URI_PARAMETER"]: "mongodb://127.0.0.1:9",
        PARAMETERS["TWILIO_AUTH_TOKEN_PARAMETER"]: TOKEN,
        PARAMETERS["PHONE_HASH_KEY_PARAMETER"]: HASH_KEY,
        PARAMETERS["VOICE_BASE_URL_PARAMETER"]: VOICE_URL,
    }
    found = [{"Name": name, "Value": value} for name, value in values.items()]
    body = json.dumps({"Parameters": found, "InvalidParameters": []}).encode()
    with WireServer(lambda _: Reply(body=body)) as store:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", store.url)
        for _ in range(50):
            assert stack.invoke("voice", event("voice_wrong_signature"))["statusCode"] == 403
    assert len(store.asked) == 2  # when it started, and at the first wrong signature
