"""The voice function: what the carrier says moves a contact, and what a stranger says moves nobody."""

import base64
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode
from xml.etree import ElementTree as ET

import pytest

from dialer import wiring
from dialer.adapters import signature
from dialer.breaker import FORGIVEN, STREAK
from dialer.errors import BadSettings
from dialer.lifecycle import State
from dialer.model import CallPlan, CampaignState, Contact, Outcome, Purpose, attempt_of
from dialer.retry_presets import preset
from tests.builders import a_campaign, a_contact, a_message, a_region_at, a_sid, created, now, stored
from tests.functions.conftest import Stack
from tests.functions.events import Event, batch, event, fields_of, request, webhook, webhooks, with_body

FORBIDDEN, NOT_FOUND, NO_CONTENT, OK, UNAVAILABLE = 403, 404, 204, 200, 503


def in_call(stack: Stack, state: State = State.PLACED, *, used: int = 1, **campaign: Any) -> Contact:
    """A contact whose call the carrier has."""
    return stored(stack.database, a_contact(created(stack.database, a_campaign(**campaign)), state=state, used=used))


def verbs(reply: Event) -> list[str]:
    """The TwiML verbs of a reply, outermost first."""
    assert (reply["statusCode"], reply["headers"]["Content-Type"]) == (OK, "text/xml")
    return [element.tag for element in ET.fromstring(reply["body"]).iter()][1:]


def logged(stack: Stack) -> list[tuple[str, str]]:
    return [(line["outcome"], line["alarm"]) for line in stack.log if line["message"] == "webhook"]


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("voice_status_initiated", "initiated"),
        ("voice_status_ringing", "ringing"),
        ("voice_status_answered", "in-progress"),
    ],
)
@pytest.mark.parametrize("state", [State.DIALING, State.UNCERTAIN, State.PLACED, State.HELD])
def test_progress_places_a_contact_whatever_we_thought(stack: Stack, name: str, status: str, state: State) -> None:
    contact = in_call(stack, state)
    sid = attempt_of(contact).sid or a_sid()
    assert stack.invoke("voice", webhook(name, contact, sid=sid))["statusCode"] == NO_CONTENT
    after = stack.contact(contact)
    assert (after.state, attempt_of(after).sid, attempt_of(after).status) == (State.PLACED, sid, status)
    assert logged(stack) == [("moved", "")]


ENDS = [
    ("voice_status_completed", State.DONE, State.DONE, Outcome.ANSWERED),
    ("voice_status_completed_machine", State.PENDING, State.DONE, Outcome.MACHINE),
    ("voice_status_busy", State.PENDING, State.FAILED, Outcome.BUSY),
    ("voice_status_no_answer", State.PENDING, State.FAILED, Outcome.NO_ANSWER),
    ("voice_status_failed", State.PENDING, State.FAILED, Outcome.FAILED),
]


@pytest.mark.parametrize(("name", "first", "last", "outcome"), ENDS)
@pytest.mark.parametrize("used", [1, 3])
def test_an_end_settles_the_attempt_and_the_policy_says_what_follows(
    stack: Stack, name: str, first: State, last: State, outcome: Outcome, used: int
) -> None:
    contact = in_call(stack, used=used)
    assert stack.invoke("voice", webhook(name, contact))["statusCode"] == NO_CONTENT
    after = stack.contact(contact)
    assert after.state is (first if used == 1 else last)
    assert after.attempt is None
    (past,) = after.history
    assert (past.id, past.sid, past.outcome) == (attempt_of(contact).id, attempt_of(contact).sid, outcome)
    if after.state is State.PENDING:
        wait = a_campaign().retry.delays[outcome]
        assert after.due_at is not None
        assert timedelta(0) <= now() + wait - after.due_at < timedelta(seconds=10)


def test_what_the_carrier_could_not_do_uses_no_attempt_up_where_the_schedule_says_so(stack: Stack) -> None:
    contact = in_call(stack, used=3, retry=preset(Purpose.INFORMATIONAL))
    stack.invoke("voice", webhook("voice_status_failed", contact))
    after = stack.contact(contact)
    assert (after.state, after.used, [past.outcome for past in after.history]) == (State.PENDING, 2, [Outcome.FAILED])


def test_a_carrier_that_takes_every_call_and_fails_it_pauses_the_campaign(stack: Stack) -> None:
    campaign = created(stack.database, a_campaign())
    for _ in range(STREAK):
        assert stack.campaign(campaign).running
        contact = stored(stack.database, a_contact(campaign, state=State.PLACED))
        stack.invoke("voice", webhook("voice_status_failed", contact, SipResponseCode="503"))
    paused = stack.campaign(campaign)
    assert paused.state is CampaignState.PAUSED
    assert paused.reason == "nearly every call fails: the other network is overloaded"


@pytest.mark.parametrize("between", ["voice_status_busy", "voice_status_no_answer", "voice_status_completed"])
def test_a_call_that_gets_through_makes_up_for_some_that_failed(stack: Stack, between: str) -> None:
    campaign = created(stack.database, a_campaign(failures=STREAK - 1))
    for name in (between, "voice_status_failed"):
        contact = stored(stack.database, a_contact(campaign, state=State.PLACED))
        stack.invoke("voice", webhook(name, contact))
    assert (stack.campaign(campaign).running, stack.campaign(campaign).failures) == (True, STREAK - FORGIVEN)


def test_a_voicemail_that_was_left_got_through_too(stack: Stack) -> None:
    campaign = created(stack.database, a_campaign(failures=STREAK - 1))
    contact = a_contact(campaign, state=State.PLACED)
    stored(stack.database, replace(contact, attempt=replace(attempt_of(contact), voicemail_left=True)))
    stack.invoke("voice", webhook("voice_status_completed_machine", contact))
    assert stack.contact(contact).history[-1].outcome is Outcome.VOICEMAIL
    assert stack.campaign(campaign).failures == STREAK - 1 - FORGIVEN


@pytest.mark.parametrize("code", ["404", "410", "484"])
def test_a_number_that_the_network_does_not_know_is_not_called_again(stack: Stack, code: str) -> None:
    contact = in_call(stack, retry=preset(Purpose.INFORMATIONAL))
    stack.invoke("voice", webhook("voice_status_failed", contact, SipResponseCode=code))
    after = stack.contact(contact)
    assert (after.state, [past.outcome for past in after.history]) == (State.FAILED, [Outcome.REFUSED])
    assert after.history[-1].detail.endswith(f"({code})")


@pytest.mark.parametrize(("code", "state"), [("603", State.PENDING), ("607", State.FAILED), ("608", State.PENDING)])
@pytest.mark.parametrize("name", ["voice_status_failed", "voice_status_busy"])
def test_who_turned_a_call_away_is_tried_once_the_next_day_and_not_where_such_calls_are_unwanted(
    stack: Stack, name: str, code: str, state: State
) -> None:
    contact = in_call(stack, retry=preset(Purpose.INFORMATIONAL))
    stack.invoke("voice", webhook(name, contact, SipResponseCode=code))
    after = stack.contact(contact)
    assert (after.state, after.used, after.history[-1].outcome) == (state, 1, Outcome.REJECTED)
    assert after.history[-1].detail == code
    if after.due_at:
        assert after.due_at > now() + timedelta(hours=23)


@pytest.mark.parametrize("heard", ["in time", "with the end"])
def test_a_fax_is_not_called_again(stack: Stack, heard: str) -> None:
    contact = in_call(stack, retry=preset(Purpose.INFORMATIONAL))
    if heard == "in time":
        stack.invoke("voice", webhook("voice_amd", contact, AnsweredBy="fax"))
        stack.invoke("voice", webhook("voice_status_completed", contact))
    else:
        stack.invoke("voice", webhook("voice_status_completed_machine", contact, AnsweredBy="fax"))
    (past,) = stack.contact(contact).history
    assert (stack.contact(contact).state, past.outcome, past.detail) == (State.DONE, Outcome.MACHINE, "fax")


def test_a_retry_that_would_ring_at_night_is_due_in_the_morning_of_where_the_phone_is(stack: Stack) -> None:
    contact = in_call(stack, used=1, any_hour_because="")
    stack.database["contacts"].update_one({"_id": contact.id}, {"$set": {"region": a_region_at(22)}})
    stack.invoke("voice", webhook("voice_status_busy", contact))
    due_at = stack.contact(contact).due_at
    assert due_at is not None
    assert timedelta(hours=9) <= due_at - now() <= timedelta(hours=10)


@pytest.mark.parametrize("state", [State.DIALING, State.UNCERTAIN, State.HELD])
def test_an_end_that_comes_before_everything_else_settles_too(stack: Stack, state: State) -> None:
    contact = in_call(stack, state)
    stack.invoke("voice", webhook("voice_status_completed", contact, sid=a_sid()))
    assert stack.contact(contact).state is State.DONE


def test_an_end_frees_a_line_and_says_so_while_the_campaign_runs(stack: Stack) -> None:
    contact, paused = in_call(stack), in_call(stack, state=State.PLACED, name="x")
    stack.database["campaigns"].update_one({"_id": paused.campaign_id}, {"$set": {"state": CampaignState.PAUSED}})
    for one in (contact, paused):
        stack.invoke("voice", webhook("voice_status_completed", one))
    assert [hint["campaign_id"] for hint in stack.queued("REFILL_QUEUE_URL")] == [contact.campaign_id]


def test_a_whole_call_backwards_and_twice_ends_as_it_would_in_order(stack: Stack) -> None:
    contact = in_call(stack)
    story = ["voice_status_initiated", "voice_status_ringing", "voice_status_answered", "voice_status_completed"]
    for name in [*reversed(story), *story, *reversed(story)]:
        assert stack.invoke("voice", webhook(name, contact))["statusCode"] == NO_CONTENT
    after = stack.contact(contact)
    assert (after.state, after.used, len(after.history)) == (State.DONE, 1, 1)
    assert [outcome for outcome, _ in logged(stack)].count("settled") == 1
    assert not any(alarm for _, alarm in logged(stack))


def test_an_earlier_status_never_replaces_a_later_one(stack: Stack) -> None:
    contact = in_call(stack)
    for name in ("voice_status_answered", "voice_status_ringing", "voice_status_initiated"):
        stack.invoke("voice", webhook(name, contact))
    assert attempt_of(stack.contact(contact)).status == "in-progress"


def test_a_word_the_carrier_never_used_before_changes_nothing(stack: Stack) -> None:
    contact = in_call(stack)
    told = webhook("voice_status_completed", contact, CallStatus="teleported")
    assert stack.invoke("voice", told)["statusCode"] == NO_CONTENT
    assert stack.contact(contact) == contact
    assert logged(stack) == [("unknown", "")]


def test_a_machine_heard_during_the_call_counts_at_its_end(stack: Stack) -> None:
    contact = in_call(stack, used=3)
    assert stack.invoke("voice", webhook("voice_amd", contact))["statusCode"] == NO_CONTENT
    assert attempt_of(stack.contact(contact)).answered_by == "machine_start"
    stack.invoke("voice", webhook("voice_status_completed", contact))
    assert stack.contact(contact).history[-1].outcome is Outcome.MACHINE


def test_who_answers_hears_the_campaigns_text_with_their_own_words(stack: Stack) -> None:
    contact = in_call(stack, State.DIALING, call=CallPlan(say="Hello {name}, it is {day}."))
    reply = stack.invoke("voice", webhook("voice_answer", contact, sid=a_sid()))
    assert verbs(reply) == ["Gather", "Say"]
    assert "Hello Ada, it is ." in reply["body"]
    assert stack.contact(contact).state is State.PLACED


def test_who_is_asked_for_a_key_is_asked_at_the_attempts_own_url(stack: Stack) -> None:
    contact = in_call(stack, call=CallPlan(say="Press 9.", opt_out_digit="9"))
    reply = stack.invoke("voice", webhook("voice_answer", contact))
    assert verbs(reply) == ["Gather", "Say"]
    gather = ET.fromstring(reply["body"])[0]
    own = f"https://voice.example/voice/{contact.id}/{attempt_of(contact).id}/keypress"
    assert gather.attrib["action"] == f"{own}?to=1#rc=5&rp=all"  # or an opt-out that meets a 503 would never come again


def test_of_two_calls_for_one_attempt_only_the_first_may_speak(stack: Stack) -> None:
    contact = in_call(stack, State.DIALING)
    first, second = a_sid(), a_sid()
    assert verbs(stack.invoke("voice", webhook("voice_answer", contact, sid=first))) == ["Gather", "Say"]
    assert verbs(stack.invoke("voice", webhook("voice_answer", contact, sid=second))) == ["Hangup"]
    assert verbs(stack.invoke("voice", webhook("voice_answer", contact, sid=first))) == ["Gather", "Say"]  # asked again
    assert attempt_of(stack.contact(contact)).sid == first
    assert [alarm for _, alarm in logged(stack)] == ["", f"call {second} has no right to speak", ""]


@pytest.mark.parametrize("state", [State.DONE, State.FAILED, State.PENDING, State.SUPPRESSED])
def test_a_call_nobody_waits_for_is_hung_up_with_an_alarm(stack: Stack, state: State) -> None:
    in_flight = in_call(stack)
    stack.database["contacts"].update_one({"_id": in_flight.id}, {"$set": {"state": state}, "$unset": {"attempt": ""}})
    assert verbs(stack.invoke("voice", webhook("voice_answer", in_flight))) == ["Hangup"]
    assert logged(stack) == [("hung up", f"call {attempt_of(in_flight).sid} has no right to speak")]


def test_an_answer_that_is_told_after_its_own_calls_end_is_late_and_no_alarm(stack: Stack) -> None:
    """The carrier may repeat it, or be slow: the call is over, and nobody hears anything twice."""
    contact = in_call(stack)
    stack.invoke("voice", webhook("voice_status_completed", contact))
    assert verbs(stack.invoke("voice", webhook("voice_answer", contact))) == ["Hangup"]
    assert logged(stack) == [("settled", ""), ("hung up", "")]


def test_an_answer_of_another_call_after_the_end_is_an_alarm(stack: Stack) -> None:
    contact, other = in_call(stack), a_sid()
    stack.invoke("voice", webhook("voice_status_completed", contact))
    assert verbs(stack.invoke("voice", webhook("voice_answer", contact, sid=other))) == ["Hangup"]
    assert logged(stack)[-1] == ("hung up", f"call {other} has no right to speak")


def test_every_line_about_a_webhook_names_campaign_contact_and_attempt(stack: Stack) -> None:
    contact = in_call(stack, call=CallPlan(say="Press 9.", opt_out_digit="9"))
    told = [webhook(name, contact) for name in ("voice_status_ringing", "voice_answer", "voice_amd", "voice_keypress")]
    for event_ in [*told, *told, webhook("voice_status_completed", contact), *told]:
        stack.invoke("voice", event_)
    lines = [line for line in stack.log if line["message"] == "webhook"]
    assert {line["outcome"] for line in lines} == {"moved", "no-op", "speaks", "opted out", "settled", "hung up"}
    for line in lines:
        who = (line["campaign_id"], line["contact_id"], line["attempt_id"])
        assert who == (contact.campaign_id, contact.id, attempt_of(contact).id), line


def test_an_end_of_another_call_is_no_end_and_an_alarm(stack: Stack) -> None:
    contact, other = in_call(stack), a_sid()
    stack.invoke("voice", webhook("voice_status_completed", contact, sid=other))
    assert stack.contact(contact) == contact
    assert logged(stack) == [("no-op", f"second call {other} for one attempt")]


@pytest.mark.parametrize("state", [State.PLACED, State.DONE])
def test_an_opt_out_is_written_whatever_became_of_the_attempt(stack: Stack, state: State) -> None:
    contact = in_call(stack, call=CallPlan(say="Press 9.", opt_out_digit="9"))
    if state is State.DONE:
        stack.invoke("voice", webhook("voice_status_completed", contact))
    assert verbs(stack.invoke("voice", webhook("voice_keypress", contact))) == ["Say", "Hangup"]
    assert wiring.suppressions().among("any", [contact.phone]) == {contact.phone}
    kept = stack.database["suppressions"].find_one({}) or {}
    assert contact.phone not in str(kept)


@pytest.mark.parametrize(("offered", "pressed"), [("9", "8"), ("9", ""), ("9", "99"), ("", "9"), ("", "")])
def test_another_key_opts_nobody_out(stack: Stack, offered: str, pressed: str) -> None:
    contact = in_call(stack, call=CallPlan(say="Hello.", opt_out_digit=offered))
    assert verbs(stack.invoke("voice", webhook("voice_keypress", contact, Digits=pressed))) == ["Hangup"]
    assert wiring.suppressions().among("any", [contact.phone]) == frozenset()


SIGNED = [name for name in webhooks() if name not in {"voice_unsigned", "voice_unknown_path"}]


@pytest.mark.parametrize("name", webhooks())
def test_no_file_is_believed_as_it_stands(stack: Stack, name: str) -> None:
    reply = stack.invoke("voice", event(name))
    assert reply["statusCode"] == (NOT_FOUND if name == "voice_unknown_path" else FORBIDDEN)
    assert logged(stack) == []


@pytest.mark.parametrize("name", SIGNED)
def test_what_somebody_else_signed_moves_nobody(stack: Stack, name: str) -> None:
    contact = in_call(stack)
    reply = stack.invoke("voice", webhook(name, contact, token="somebody else's"))
    assert (reply["statusCode"], reply["body"]) == (FORBIDDEN, "")
    assert stack.contact(contact) == contact


def test_what_nobody_signed_moves_nobody(stack: Stack) -> None:
    contact = in_call(stack)
    reply = stack.invoke("voice", webhook("voice_unsigned", contact))
    assert (reply["statusCode"], reply["body"]) == (FORBIDDEN, "")
    assert stack.contact(contact) == contact


@pytest.mark.parametrize("signature", ["", " ", "AAAA", "é", "a" * 10_000, "\x00"])
def test_a_signature_that_is_none_is_a_strangers(stack: Stack, signature: str) -> None:
    contact = in_call(stack)
    told = webhook("voice_status_completed", contact)
    told["headers"]["x-twilio-signature"] = signature
    assert stack.invoke("voice", told)["statusCode"] == FORBIDDEN
    assert stack.contact(contact) == contact


@pytest.mark.parametrize("field", ["CallSid", "CallStatus", "CalledCity"])
def test_a_field_that_was_changed_or_dropped_after_signing_is_noticed(stack: Stack, field: str) -> None:
    contact = in_call(stack)
    told = webhook("voice_status_completed", contact)
    for forged in (fields_of(told) | {field: "forged"}, {k: v for k, v in fields_of(told).items() if k != field}):
        assert stack.invoke("voice", with_body(told, urlencode(forged).encode()))["statusCode"] == FORBIDDEN
    assert stack.contact(contact) == contact


def test_a_signature_of_one_url_is_worth_nothing_at_another(stack: Stack) -> None:
    contact, other = in_call(stack), in_call(stack)
    told = webhook("voice_status_completed", contact)
    replayed = told | {"rawPath": webhook("voice_status_completed", other)["rawPath"]}
    replayed["requestContext"] |= {"http": told["requestContext"]["http"] | {"path": replayed["rawPath"]}}
    assert stack.invoke("voice", replayed)["statusCode"] == FORBIDDEN
    assert stack.contact(other) == other


def test_the_host_that_the_request_names_is_not_asked_what_was_signed(stack: Stack) -> None:
    """The address that was given out decides: a header that a stranger chooses must not."""
    contact = in_call(stack)
    told = webhook("voice_status_completed", contact)
    told["headers"]["host"] = "elsewhere.example"
    assert stack.invoke("voice", told)["statusCode"] == NO_CONTENT
    assert stack.contact(contact).state is State.DONE


def test_a_query_is_part_of_what_is_signed(stack: Stack) -> None:
    contact = in_call(stack)
    told = webhook("voice_status_completed", contact) | {"rawQueryString": "a=1"}
    assert stack.invoke("voice", told)["statusCode"] == FORBIDDEN
    signed = request(told, path=f"{told['rawPath']}?a=1", fields=fields_of(told))
    assert (
        stack.invoke("voice", signed | {"rawPath": told["rawPath"], "requestContext": told["requestContext"]})[
            "statusCode"
        ]
        == NO_CONTENT
    )


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/voice",
        "/voice/hello",
        "/voice/a/b",
        "/voice/a/b/status/more",
        "/voice/a/b/elsewhere",
        "/voice//b/status",
        "/voice/../../etc/passwd",
        f"/voice/{quote('a/b', safe='')}/status",
        "/" + "x" * 5000,
    ],
)
def test_an_unknown_path_is_not_found_signed_or_not(stack: Stack, path: str) -> None:
    for file in (event("voice_status_completed"), event("voice_unsigned")):
        reply = stack.invoke("voice", request(file, path=path, fields=fields_of(file)))
        assert reply["statusCode"] == NOT_FOUND


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "PATCH"])
def test_only_a_post_is_a_webhook(stack: Stack, method: str) -> None:
    contact = in_call(stack)
    told = webhook("voice_status_completed", contact)
    told["requestContext"]["http"]["method"] = method
    assert stack.invoke("voice", told)["statusCode"] == NOT_FOUND
    assert stack.contact(contact) == contact


BODIES = {
    "not text": b"\xff\xfe\x00CallSid=1",
    "JSON": b'{"CallSid": "CA1", "CallStatus": "completed"}',
    "nothing": b"",
    "no form": b"hello",
    "half a form": b"CallSid=%E9%FF&&&=&CallStatus",
    "huge": b"CallStatus=" + b"x" * 4_000_000,
    "many fields": b"&".join(b"a%d=1" % index for index in range(100_000)),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=list(BODIES))
def test_a_body_of_any_kind_without_a_signature_over_it_is_a_strangers(stack: Stack, body: bytes) -> None:
    contact = in_call(stack)
    told = with_body(webhook("voice_status_completed", contact), body)
    assert stack.invoke("voice", told)["statusCode"] == FORBIDDEN
    assert stack.contact(contact) == contact


def test_a_form_with_more_fields_than_the_carrier_ever_sends_is_none() -> None:
    assert len(signature.form("&".join(f"a{index}=" for index in range(500)))) == 500
    with pytest.raises(ValueError, match="Max number of fields exceeded"):
        signature.form("&".join(f"a{index}=" for index in range(501)))


@pytest.mark.parametrize("body", ["%%%", "====", "aGVsbG8", "é"])
def test_a_body_that_is_not_what_its_event_says_is_a_strangers(stack: Stack, body: str) -> None:
    told = webhook("voice_status_completed", in_call(stack)) | {"body": body, "isBase64Encoded": True}
    assert stack.invoke("voice", told)["statusCode"] == FORBIDDEN


def test_a_request_without_a_body_or_headers_of_its_own_is_a_strangers(stack: Stack) -> None:
    told = webhook("voice_status_completed", in_call(stack))
    bare = {name: value for name, value in told.items() if name != "body"} | {"headers": {}, "isBase64Encoded": False}
    assert stack.invoke("voice", bare)["statusCode"] == FORBIDDEN


def test_a_form_that_comes_as_plain_text_is_believed_too(stack: Stack) -> None:
    """Lambda encodes bodies by their content type; another front door may not."""
    contact = in_call(stack)
    told = webhook("voice_status_completed", contact)
    plain = told | {"body": base64.b64decode(told["body"]).decode(), "isBase64Encoded": False}
    assert stack.invoke("voice", plain)["statusCode"] == NO_CONTENT
    assert stack.contact(contact).state is State.DONE


def test_an_unknown_contact_is_no_error_and_hears_nothing(stack: Stack) -> None:
    stranger = a_contact(state=State.PLACED)
    assert stack.invoke("voice", webhook("voice_status_completed", stranger))["statusCode"] == NO_CONTENT
    assert stack.invoke("voice", webhook("voice_amd", stranger))["statusCode"] == NO_CONTENT
    assert verbs(stack.invoke("voice", webhook("voice_answer", stranger))) == ["Hangup"]
    assert verbs(stack.invoke("voice", webhook("voice_keypress", stranger))) == ["Hangup"]
    assert {outcome for outcome, _ in logged(stack)} == {"unknown"}


@pytest.mark.parametrize("attempt", ["x", "no-such-attempt", "0123456789abcdef01234567"])
def test_an_unknown_attempt_of_a_known_contact_moves_nothing(stack: Stack, attempt: str) -> None:
    contact = in_call(stack)
    other = replace(contact, attempt=replace(attempt_of(contact), id=attempt))
    for name in SIGNED:
        assert stack.invoke("voice", webhook(name, other))["statusCode"] in {NO_CONTENT, OK}
    assert stack.contact(contact) == contact


@pytest.mark.usefixtures("impatient")
def test_a_database_that_does_not_answer_asks_the_carrier_to_come_again(stack: Stack) -> None:
    contact = in_call(stack)
    name = stack.environment["MONGODB_URI_PARAMETER"]
    stack.aws.ssm.put_parameter(Name=name, Value="mongodb://127.0.0.1:9/", Type="SecureString", Overwrite=True)
    assert stack.invoke("voice", webhook("voice_status_completed", contact))["statusCode"] == UNAVAILABLE
    assert stack.contact(contact) == contact


@pytest.mark.parametrize("name", ["TWILIO_AUTH_TOKEN_PARAMETER", "VOICE_BASE_URL_PARAMETER", "REFILL_QUEUE_URL"])
def test_a_missing_setting_is_named(stack: Stack, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    contact = in_call(stack)
    monkeypatch.delenv(name)
    with pytest.raises(BadSettings, match=f"^The setting {name} is missing.$"):
        stack.invoke("voice", webhook("voice_status_completed", contact))
    assert stack.contact(contact) == contact


def test_what_the_carrier_itself_sends_is_believed_word_for_word(stack: Stack) -> None:
    """Its own requests, with its own signatures, from the first to the last: the contact ends as reached."""
    campaign = created(stack.database, a_campaign())
    contact = stored(stack.database, a_contact(campaign, state=State.CLAIMED))
    stack.invoke("call", batch(a_message(contact)))
    stack.carrier.wait_idle()
    assert {got.path.rpartition("/")[2] for got in stack.received.got} == {"answer", "status"}
    for got in stack.received.got:
        told = request(event("voice_status_completed"), path=got.path, fields=got.params)
        told["headers"]["x-twilio-signature"] = got.signature
        assert stack.invoke("voice", told)["statusCode"] in {OK, NO_CONTENT}
    after = stack.contact(contact)
    assert (after.state, after.used) == (State.DONE, 1)
    assert [past.outcome for past in after.history] == [Outcome.ANSWERED]
