"""The files in events/: whole, harmless, and each one goes through its handler."""

import base64
import hashlib
import re
from typing import Any

import pytest

from tests.functions.conftest import Stack, telling
from tests.functions.events import EVENTS, TOKEN, Event, event, fields_of, names, webhooks

WANTED = {
    "intake_upload", "intake_store_test", "intake_read_on", "intake_export",
    "tick_schedule", "tick_one_campaign", "tick_refill", "call_batch", "call_batch_with_poison", "reconcile",
    "reconcile_audit", "reconcile_campaign_paused",
    "voice_answer", "voice_keypress", "voice_amd", "voice_unsigned", "voice_wrong_signature", "voice_unknown_path",
    "voice_opt_outs", "voice_agent",
    *(f"voice_{asked}" for asked in ("voicemail", "finding", "goes_on", "speech", "recording")),
    *(f"voice_{asked}" for asked in ("whisper", "transfer_ended", "wait", "queue_left")),
    *(f"api_{what}" for what in ("campaigns", "create_campaign", "find_contact", "pause", "stop_all")),
    *(f"api_{what}" for what in ("openapi", "operator_token", "no_token", "wrong_path")),
    *(f"voice_status_{end}" for end in ("initiated", "ringing", "answered", "completed", "completed_machine")),
    *(f"voice_status_{end}" for end in ("busy", "no_answer", "failed")),
}  # fmt: skip
RESERVED = re.compile(r"\+1\d{3}55501\d{2}$")


def test_there_is_one_for_every_trigger_and_edge_case() -> None:
    assert set(names()) == WANTED


@pytest.mark.parametrize("name", sorted(WANTED))
def test_every_file_goes_through_its_handler_as_it_stands(stack: Stack, name: str) -> None:
    """In a database that knows none of its ids: nothing is called, and nothing fails but what must."""
    asked = stack.carrier.state()["requests"]
    reply = stack.invoke(name.partition("_")[0], event(name))
    assert isinstance(reply, dict)
    assert stack.database["contacts"].count_documents({}) == 0
    assert stack.carrier.state()["requests"] == asked
    assert telling(str(reply)) == []


@pytest.mark.parametrize("name", webhooks())
def test_a_webhook_is_as_lambda_hands_it_over(name: str) -> None:
    webhook = event(name)
    assert (webhook["version"], webhook["isBase64Encoded"]) == ("2.0", True)
    assert webhook["rawPath"] == webhook["requestContext"]["http"]["path"]
    assert int(webhook["headers"]["content-length"]) == len(base64.b64decode(webhook["body"]))
    assert all(header == header.lower() for header in webhook["headers"])


@pytest.mark.parametrize("name", webhooks())
def test_a_webhooks_form_has_what_the_carrier_always_sends(name: str) -> None:
    fields = fields_of(event(name))
    assert {"AccountSid", "ApiVersion", "CallSid", "CallStatus", "Direction", "From", "To"} <= set(fields)
    assert fields["FromCity"] == ""  # empty fields are signed too
    for number in (fields["From"], fields["To"], fields["Called"], fields["Caller"]):
        assert RESERVED.match(number)


@pytest.mark.parametrize("name", ["tick_refill", "call_batch", "call_batch_with_poison", "voice_opt_outs"])
def test_a_record_is_as_the_queue_hands_it_over(name: str) -> None:
    for record in records(event(name)):
        assert record["md5OfBody"] == hashlib.md5(record["body"].encode()).hexdigest()
        assert record["eventSource"] == "aws:sqs"
        assert {"messageId", "receiptHandle", "attributes", "messageAttributes", "eventSourceARN", "awsRegion"} <= set(
            record
        )


def test_ids_in_one_batch_differ() -> None:
    for name in ("call_batch", "call_batch_with_poison"):
        ids = [record["messageId"] for record in records(event(name))]
        assert len(ids) == len(set(ids))


def test_no_file_names_an_account_a_call_or_a_token_that_could_be_somebodys() -> None:
    for path in EVENTS.glob("*.json"):
        text = path.read_text()
        assert not re.search(r"AC[0-9a-f]{32}", text)  # only in the form, and there all zeros
    assert {fields_of(event(name))["AccountSid"] for name in webhooks()} == {"AC" + "0" * 32}


def records(batch: Event) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = batch["Records"]
    return found


@pytest.mark.parametrize("text", ["+12015550123", '"to": "12015550123"', "called +447700900123.", TOKEN])
def test_a_log_that_gives_somebody_or_something_away_is_noticed(text: str) -> None:
    assert telling(text)


@pytest.mark.parametrize("text", ["0a1b2c3d-0000-4000-8000-447700900123", "2026-03-02T12:00:00", "1772452800000"])
def test_ids_and_moments_give_nobody_away(text: str) -> None:
    assert telling(text) == []
