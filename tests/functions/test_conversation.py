"""A call that is on: what each key, word, recording and transfer leads to, and what is kept of it."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from dialer import wiring
from dialer.adapters.hearing import MongoHearing
from dialer.conversation import Input
from dialer.errors import BadSettings
from dialer.lifecycle import State
from dialer.model import CallPlan, CallReport, Contact, OnMachine, Outcome, attempt_of
from dialer.ports import CallRef
from dialer.script import Ask, Choice, HangUp, Menu, Record, Say, Script, Stream, Transfer
from dialer.secret import Secret
from dialer.speech import START, Asks, Hook
from dialer.stream_token import stream_key, verify
from tests.builders import a_campaign, a_contact, a_message, a_sid, created, now, stored
from tests.functions.conftest import Stack
from tests.functions.events import TOKEN, Event, batch, queried, webhook

OK, NO_CONTENT, FORBIDDEN, UNPROCESSABLE = 200, 204, 403, 422
KEY = stream_key(Secret(TOKEN))
PHONE = "+12015550100"


def menu(name: str, *choices: Choice, **more: Any) -> Menu:
    return Menu(name=name, prompt=(Say(text=f"{name}?"),), choices=choices, tries=1, **more)


def says(text: str) -> tuple[Say]:
    return (Say(text=text),)


SURVEY: Script = (
    Say(text="Hello {name}."),
    menu(
        "coming",
        Choice(key="1", outcome="yes", words=("yes",), then=says("Good.")),
        Choice(
            key="2",
            outcome="move",
            then=(
                menu("day", Choice(key="1", outcome="monday"), Choice(key="*", outcome="other", then=says("Another."))),
            ),
        ),
        Choice(key="3", outcome="agent", then=(Transfer(to=PHONE, whisper="{name} calls.", otherwise=says("Busy.")),)),
        Choice(key="4", outcome="queue", then=(Transfer(to="queue:support", name="queue"),)),
    ),
    Ask(name="why", prompt=says("Why?")),
    Record(name="more", prompt=()),
)


def in_call(stack: Stack, script: Script = SURVEY, *, state: State = State.PLACED, **plan: Any) -> Contact:
    """A contact whose call is on."""
    campaign = created(stack.database, a_campaign(call=CallPlan(script=script, **plan)))
    return stored(stack.database, a_contact(campaign, state=state))


def press(stack: Stack, contact: Contact, query: str, *, name: str = "voice_keypress", **fields: str) -> list[str]:
    """What follows a webhook of the call: the texts, and the verbs that are no text."""
    told = webhook(name, contact, Digits=fields.pop("Digits", ""), **fields)
    reply = stack.invoke("voice", queried(told, query) if query else told)
    assert reply["statusCode"] == OK
    return story(reply)


def story(reply: Event) -> list[str]:
    return [
        (element.text or "") if element.tag == "Say" else element.tag
        for element in ET.fromstring(reply["body"]).iter()
        if element.tag not in {"Response", "Gather", "Number"}
    ]


def answers(stack: Stack, contact: Contact) -> dict[str, str]:
    return attempt_of(stack.contact(contact)).answers


LATER: Script = (
    menu("coming", Choice(key="1", outcome="later", then=says("Later then."), call_back=timedelta(hours=5))),
)


@pytest.mark.parametrize(("used", "after"), [(1, State.PENDING), (3, State.DONE)])
def test_who_asks_to_be_called_later_is_called_then_where_an_attempt_is_left(
    stack: Stack, used: int, after: State
) -> None:
    campaign = created(stack.database, a_campaign(call=CallPlan(script=LATER)))
    contact = stored(stack.database, a_contact(campaign, state=State.PLACED, used=used, max=3))
    assert press(stack, contact, "at=0", Digits="1") == ["Later then."]
    asked = now() + timedelta(hours=5)
    stack.invoke("voice", webhook("voice_status_completed", contact))
    found = stack.contact(contact)
    assert (found.state, found.used, found.history[-1].answers) == (after, used, {"coming": "later"})
    assert after is State.DONE or (found.due_at and abs(found.due_at - asked) < timedelta(minutes=1))


class _EndsOnceAnswered(MongoHearing):
    """The call is over as soon as an answer of it is written."""

    def note_answer(self, ref: CallRef, *, sid: str = "", **answer: Any) -> bool:
        noted = super().note_answer(ref, sid=sid, **answer)
        wiring.callback().status(ref, CallReport(sid=sid, status="completed"))
        return noted


def test_who_asks_to_be_called_later_and_hangs_up_at_once_is_called_then(stack: Stack) -> None:
    campaign = created(stack.database, a_campaign(call=CallPlan(script=LATER)))
    contact = stored(stack.database, a_contact(campaign, state=State.PLACED, used=1, max=3))
    conversation = replace(wiring.conversation(), hearing=_EndsOnceAnswered(stack.database["contacts"]))
    key = Input(sid=attempt_of(contact).sid, hook=Hook(asks=Asks.INPUT, place=START), digits="1")
    conversation.go_on(CallRef(contact_id=contact.id, attempt_id=attempt_of(contact).id), key)
    found = stack.contact(contact)
    assert (found.state, found.history[-1].answers) == (State.PENDING, {"coming": "later"})
    assert found.due_at
    assert abs(found.due_at - (now() + timedelta(hours=5))) < timedelta(minutes=1)


def test_another_calls_key_asks_for_no_call_back(stack: Stack) -> None:
    campaign = created(stack.database, a_campaign(call=CallPlan(script=LATER)))
    contact = stored(stack.database, a_contact(campaign, state=State.PLACED))
    press(stack, contact, "at=0", Digits="1", CallSid=a_sid())
    assert stack.contact(contact).callback_at is None


REST = ["Why?", "Record"]


@pytest.mark.parametrize(
    ("query", "fields", "heard", "kept"),
    [
        ("at=1", {"Digits": "1"}, ["Good.", *REST], {"coming": "yes"}),
        ("at=1", {"SpeechResult": "Yes, please."}, ["Good.", *REST], {"coming": "yes"}),
        ("at=1", {"Digits": "2"}, ["day?", *REST], {"coming": "move"}),
        ("at=1.2.0", {"Digits": "1"}, REST, {"day": "monday"}),
        ("at=1.2.0", {"Digits": "*"}, ["Another.", *REST], {"day": "other"}),
        ("at=1", {"Digits": "8"}, ["coming?", *REST], {}),
        ("at=1", {"SpeechResult": "perhaps"}, ["coming?", *REST], {}),
        ("at=1", {"Digits": "3"}, ["Dial"], {"coming": "agent"}),
        ("at=1.3.0", {"DialCallStatus": "completed"}, ["Hangup"], {"transfer": "completed"}),
        ("at=1.3.0", {"DialCallStatus": "busy"}, ["Busy.", *REST], {"transfer": "busy"}),
        ("at=1", {"Digits": "4"}, ["Enqueue"], {"coming": "queue"}),
        ("at=1.4.0", {"QueueResult": "bridged"}, ["Hangup"], {"queue": "bridged"}),
        ("at=1.4.0", {"QueueResult": "leave"}, REST, {"queue": "leave"}),
        ("at=2", {"SpeechResult": "I am ill."}, ["Record"], {"why": "I am ill."}),
        ("at=3", {"RecordingUrl": "https://api.example/RE1"}, ["Hangup"], {"more": "https://api.example/RE1"}),
        ("to=1", {"Digits": "5"}, ["coming?", *REST], {}),
        ("to=4", {"Digits": "5"}, ["Hangup"], {}),
        ("at=0", {"Digits": "1"}, ["Hangup"], {}),
        ("at=1.7.0", {"Digits": "1"}, ["Hangup"], {}),
        ("at=", {"Digits": "1"}, ["Hangup"], {}),
        ("", {"Digits": "1"}, ["Hangup"], {}),
    ],
)
def test_each_answer_leads_on_and_is_kept(
    stack: Stack, query: str, fields: dict[str, str], heard: list[str], kept: dict[str, str]
) -> None:
    contact = in_call(stack)
    assert press(stack, contact, query, **fields) == heard
    assert answers(stack, contact) == kept


def test_all_answers_of_a_call_are_in_the_story_of_its_attempt(stack: Stack) -> None:
    contact = in_call(stack)
    for query, digits in (("at=1", "1"), ("at=1", "2"), ("at=1.2.0", "*")):
        press(stack, contact, query, Digits=digits)
    stack.invoke("voice", webhook("voice_status_completed", contact))
    (past,) = stack.contact(contact).history
    assert (past.outcome, past.answers) == (Outcome.ANSWERED, {"coming": "move", "day": "other"})


def test_an_answer_is_kept_only_so_long(stack: Stack) -> None:
    contact = in_call(stack)
    press(stack, contact, "at=2", SpeechResult="x" * 5000)
    assert answers(stack, contact) == {"why": "x" * 500}


@pytest.mark.parametrize(
    ("fields", "source"),
    [
        ({"Digits": "9"}, "keypress"),
        ({"SpeechResult": "Please STOP."}, "speech"),
        ({"SpeechResult": "opt-out"}, "speech"),
    ],
)
@pytest.mark.parametrize("query", ["at=1", "at=1.2.0", "to=1", "at=2", "at=3", "at=77", "to=x", ""])
def test_an_opt_out_is_heard_at_any_point_and_written_before_it_is_confirmed(
    stack: Stack, query: str, fields: dict[str, str], source: str
) -> None:
    contact = in_call(stack)
    assert press(stack, contact, query, **fields) == ["You will not be called again. Goodbye.", "Hangup"]
    assert wiring.suppressions().among("any", [contact.phone]) == {contact.phone}
    assert answers(stack, contact) == {"opt_out": source}


@pytest.mark.parametrize("state", [State.DIALING, State.UNCERTAIN, State.HELD, State.DONE, State.PENDING])
def test_an_opt_out_is_written_whatever_became_of_the_attempt_and_kept_in_its_story(stack: Stack, state: State) -> None:
    contact = in_call(stack, state=state if state in {State.DIALING, State.UNCERTAIN, State.HELD} else State.PLACED)
    if state is State.DONE:
        stack.invoke("voice", webhook("voice_status_completed", contact))
    if state is State.PENDING:
        stack.invoke("voice", webhook("voice_status_busy", contact))
    assert press(stack, contact, "at=2", SpeechResult="stop")[-1] == "Hangup"
    assert wiring.suppressions().among("any", [contact.phone]) == {contact.phone}
    after = stack.contact(contact)
    kept = after.history[-1].answers if after.attempt is None else after.attempt.answers
    assert kept == ({"opt_out": "speech"} if state in {State.DONE, State.PENDING} or after.attempt else {})


def in_spanish(stack: Stack) -> Contact:
    """Somebody whose list asks for another language than the campaign's, while their call is on."""
    plan = CallPlan(script=SURVEY, voice="Polly.Joanna", farewell="{bye|Goodbye.}")
    campaign = created(stack.database, a_campaign(call=plan))
    said = {"name": "Ada", "language": "es-MX", "bye": "Adiós."}
    return stored(stack.database, a_contact(campaign, state=State.PLACED, vars=said))


def test_a_person_is_spoken_to_and_heard_in_the_language_of_their_row(stack: Stack) -> None:
    reply = stack.invoke("voice", webhook("voice_answer", in_spanish(stack)))
    elements = list(ET.fromstring(reply["body"]).iter())
    assert {(one.get("voice"), one.get("language")) for one in elements if one.tag == "Say"} == {(None, "es-MX")}
    heard = [one for one in elements if one.tag == "Gather" and "speech" in one.attrib["input"]]
    assert {one.get("language") for one in heard} == {"es-MX"}
    assert all({"stop", "dar de baja"} <= {*one.attrib["hints"].split(", ")} for one in heard)


@pytest.mark.parametrize("words", ["Dar de baja, por favor.", "¡Basta!", "stop"])
def test_who_opts_out_in_the_language_of_their_row_is_heard(stack: Stack, words: str) -> None:
    contact = in_spanish(stack)
    assert press(stack, contact, "at=2", SpeechResult=words) == ["Adiós.", "Hangup"]
    assert wiring.suppressions().among("any", [contact.phone]) == {contact.phone}


def test_a_word_of_another_language_opts_nobody_out_who_is_not_spoken_to_in_it(stack: Stack) -> None:
    contact = in_call(stack)
    assert press(stack, contact, "at=2", SpeechResult="basta") == ["Record"]
    assert not wiring.suppressions().among("any", [contact.phone])


def test_an_opt_out_that_cannot_be_written_is_not_confirmed(stack: Stack) -> None:
    """The suppressions are sealed with another key: writing under this one would lose the opt-out."""
    contact = in_call(stack)
    stack.database["suppressions"].insert_one({"_id": "the key's own hash", "hash": "of another key"})
    with pytest.raises(BadSettings):
        press(stack, contact, "at=1", Digits="9")
    assert answers(stack, contact) == {}
    stack.database["suppressions"].delete_many({})
    assert press(stack, contact, "at=1", Digits="9") == ["You will not be called again. Goodbye.", "Hangup"]


def test_who_has_opted_out_hears_nothing_more(stack: Stack) -> None:
    contact = in_call(stack)
    press(stack, contact, "at=1", Digits="9")
    assert press(stack, contact, "at=1", Digits="1") == ["Hangup"]
    assert answers(stack, contact) == {"opt_out": "keypress"}


@pytest.mark.parametrize("query", ["at=1", "to=1", "voicemail=1"])
def test_a_call_that_is_over_or_another_one_is_told_nothing(stack: Stack, query: str) -> None:
    contact = in_call(stack)
    name = "voice_answer" if query == "voicemail=1" else "voice_keypress"
    assert press(stack, contact, query, name=name, sid=a_sid(), Digits="1") == ["Hangup"]
    stack.invoke("voice", webhook("voice_status_completed", contact))
    assert press(stack, contact, query, name=name, Digits="1") == ["Hangup"]
    past = stack.contact(contact).history[-1]
    assert (past.answers, past.voicemail_left) == ({}, False)


def test_a_query_that_somebody_else_wrote_is_a_strangers(stack: Stack) -> None:
    contact = in_call(stack)
    told = queried(webhook("voice_keypress", contact, Digits="1"), "at=2") | {"rawQueryString": "at=1"}
    assert stack.invoke("voice", told)["statusCode"] == FORBIDDEN
    assert answers(stack, contact) == {}


def test_who_takes_a_transfer_hears_who_calls_and_it_is_no_second_call(stack: Stack) -> None:
    contact = in_call(stack)
    assert press(stack, contact, "whisper=1.3.0", name="voice_answer", sid=a_sid()) == ["Ada calls."]
    assert [line["alarm"] for line in stack.log if line["message"] == "webhook"] == [""]
    assert attempt_of(stack.contact(contact)).sid == attempt_of(contact).sid
    assert press(stack, contact, "whisper=0", name="voice_answer") == ["Hangup"]


@pytest.mark.parametrize(
    ("waited", "heard"), [("0", "Pause"), ("29", "Pause"), ("30", "Leave"), ("x", "Pause"), ("inf", "Pause")]
)
def test_who_waits_in_a_queue_waits_only_so_long(stack: Stack, waited: str, heard: str) -> None:
    contact = in_call(stack, opt_out_digit="")
    assert press(stack, contact, "wait=1.4.0", name="voice_answer", QueueTime=waited) == [heard]


FAREWELL = "You will not be called again. Goodbye."


def test_who_opts_out_in_a_queue_leaves_it_before_anything_is_said(stack: Stack) -> None:
    """In the queue somebody could still take them while the farewell is spoken."""
    contact = in_call(stack)
    assert press(stack, contact, "waiting=1.4.0", Digits="9") == ["Leave"]
    assert wiring.suppressions().among("any", [contact.phone]) == {contact.phone}
    assert press(stack, contact, "at=1.4.0", QueueResult="leave") == [FAREWELL, "Hangup"]
    assert answers(stack, contact) == {"opt_out": "keypress", "queue": "leave"}


def test_another_key_in_a_queue_goes_on_waiting(stack: Stack) -> None:
    contact = in_call(stack)
    assert press(stack, contact, "waiting=1.4.0", Digits="5") == ["Redirect"]
    assert answers(stack, contact) == {}


def test_somebody_who_opted_out_and_was_taken_all_the_same_hears_no_farewell_behind_the_talk(stack: Stack) -> None:
    contact = in_call(stack)
    press(stack, contact, "waiting=1.4.0", Digits="9")
    assert press(stack, contact, "at=1.4.0", QueueResult="bridged") == ["Hangup"]


QUEUED: Script = (Transfer(to="queue:support", otherwise=says("Nobody.")), *says("Never."))
NOTHING_ASKED: dict[str, tuple[Script, dict[str, Any], dict[str, Any]]] = {
    "in a queue": (QUEUED, {}, {"kind": "human", "queue": 60, "digits": ["", "9"]}),
    "in a queue, after another key": (QUEUED, {}, {"kind": "human", "queue": 60, "digits": ["5", "9"]}),
    "in a recording": ((Record(name="more", prompt=()), *says("Never.")), {}, {"kind": "human", "digits": ["9"]}),
    "in the voicemail": (
        says("Never."),
        {
            "voicemail": says("Call us."),
            "on_machine": OnMachine.VOICEMAIL,
            "detect_machine": True,
            "detect_first": True,
        },
        {"kind": "machine", "digits": ["9"]},
    ),
}


@pytest.mark.parametrize("where", NOTHING_ASKED)
def test_the_key_opts_out_where_nothing_is_asked_and_the_call_ends(stack: Stack, where: str) -> None:
    script, plan, fate = NOTHING_ASKED[where]
    campaign = created(stack.database, a_campaign(call=CallPlan(script=script, **plan)))
    contact = stored(stack.database, a_contact(campaign, state=State.CLAIMED))
    call = called(stack, contact, **fate)
    assert (call["status"], call["heard"][-1]) == ("completed", FAREWELL)
    assert not {"Never.", "Nobody."} & {*call["heard"]}
    assert wiring.suppressions().among("any", [contact.phone]) == {contact.phone}


# machines


def in_machine(stack: Stack, on_machine: OnMachine, **plan: Any) -> Contact:
    words: dict[str, Any] = {"say": "Hello.", "voicemail": says("Call us, {name}."), "detect_machine": True}
    campaign = created(stack.database, a_campaign(call=CallPlan(on_machine=on_machine, **words, **plan)))
    return stored(stack.database, a_contact(campaign, state=State.CLAIMED))


def called(stack: Stack, contact: Contact, kind: str, **fate: Any) -> dict[str, Any]:
    """The carrier's record of a call to somebody of this kind, answered by this process's own voice function."""
    stack.carrier.set_fates({contact.phone: {"kind": kind, "talk": 600, **fate}})
    stack.received.answers |= dict.fromkeys(("/answer", "/amd", "/keypress"), lambda got: _relayed(stack, got))
    stack.invoke("call", batch(a_message(contact)))
    stack.carrier.wait_idle()
    (call,) = [one for one in stack.carrier.calls() if one["contact_id"] == contact.id]
    return call


def _relayed(stack: Stack, got: Any) -> tuple[int, str]:
    reply = stack.invoke("voice", relay(got))
    return reply["statusCode"], reply["body"]


def relay(got: Any) -> Event:
    from tests.functions.events import event, request

    told = request(event("voice_status_completed"), path=got.path, fields=got.params)
    query = got.url.partition("?")[2]
    told["headers"]["x-twilio-signature"] = got.signature
    return told | {"rawQueryString": query}


@pytest.mark.parametrize(
    ("on_machine", "kind", "heard"),
    [
        (OnMachine.VOICEMAIL, "machine", [["Hello.", "Call us, Ada."], ["Call us, Ada."]]),
        (OnMachine.VOICEMAIL, "human", [["Hello."]]),
        (OnMachine.HANG_UP, "machine", [["Hello."], []]),
        (OnMachine.GO_ON, "machine", [["Hello."]]),
    ],
)
def test_a_machine_gets_its_own_text_and_a_person_is_never_kept_waiting(
    stack: Stack, on_machine: OnMachine, kind: str, heard: list[list[str]]
) -> None:
    """The carrier's four seconds last four milliseconds here: a machine may be found before our first words are."""
    contact = in_machine(stack, on_machine)
    call = called(stack, contact, kind)
    assert call["status"] == "completed"
    assert call["heard"] in heard
    assert attempt_of(stack.contact(contact)).voicemail_left == ("Call us, Ada." in call["heard"])


@pytest.mark.parametrize(
    ("on_machine", "answered_by", "heard"),
    [
        (OnMachine.VOICEMAIL, "machine_end_beep", ["Call us, Ada.", "Hangup"]),
        (OnMachine.VOICEMAIL, "unknown", ["Hello."]),
        (OnMachine.VOICEMAIL, "human", ["Hello."]),
        (OnMachine.VOICEMAIL, "fax", ["Hangup"]),
        (OnMachine.HANG_UP, "machine_start", ["Hangup"]),
        (OnMachine.HANG_UP, "fax", ["Hangup"]),
        (OnMachine.HANG_UP, "unknown", ["Hello."]),
        (OnMachine.GO_ON, "machine_start", ["Hello."]),
    ],
)
def test_where_the_carrier_listens_first_its_finding_decides_the_first_words(
    stack: Stack, on_machine: OnMachine, answered_by: str, heard: list[str]
) -> None:
    contact = in_machine(stack, on_machine, detect_first=True)
    stack.database["contacts"].delete_one({"_id": contact.id})
    contact = stored(stack.database, a_contact(contact.campaign_id, state=State.PLACED))
    assert press(stack, contact, "", name="voice_answer", AnsweredBy=answered_by) == heard
    attempt = attempt_of(stack.contact(contact))
    assert (attempt.answered_by, attempt.voicemail_left) == (answered_by, "Call us, Ada." in heard)


def test_a_voicemail_is_left_once_the_carrier_takes_its_text_and_the_story_says_so(stack: Stack) -> None:
    contact = in_machine(stack, OnMachine.VOICEMAIL)
    stack.database["contacts"].delete_one({"_id": contact.id})
    contact = stored(stack.database, a_contact(contact.campaign_id, state=State.PLACED))
    stack.invoke("voice", webhook("voice_amd", contact, AnsweredBy="machine_end_beep"))
    assert not attempt_of(stack.contact(contact)).voicemail_left
    assert press(stack, contact, "voicemail=1", name="voice_answer") == ["Call us, Ada.", "Hangup"]
    stack.invoke("voice", webhook("voice_status_completed", contact))
    (past,) = stack.contact(contact).history
    assert (past.outcome, past.answered_by, past.voicemail_left) == (Outcome.VOICEMAIL, "machine_end_beep", True)


def test_the_line_stays_open_until_a_greeting_is_over_and_no_longer_than_the_carrier_listens(stack: Stack) -> None:
    """A short text is over before a machine's greeting is: without this, nobody would ever get the voicemail."""
    contact = in_machine(stack, OnMachine.VOICEMAIL)
    stack.database["contacts"].delete_one({"_id": contact.id})
    contact = stored(stack.database, a_contact(contact.campaign_id, state=State.PLACED))
    assert press(stack, contact, "", name="voice_answer") == ["Hello.", "Redirect"]
    assert press(stack, contact, "finding=1") == ["Redirect"]
    assert press(stack, contact, "finding=10") == press(stack, contact, "finding=x") == ["Hangup"]
    stack.invoke("voice", webhook("voice_amd", contact, AnsweredBy="human"))
    assert press(stack, contact, "finding=2") == ["Hangup"]
    assert press(stack, contact, "to=9") == ["Hangup"]


def test_whoever_has_pressed_a_key_is_no_machine_whatever_was_heard(stack: Stack) -> None:
    contact = in_call(stack, detect_machine=True, on_machine=OnMachine.HANG_UP)
    press(stack, contact, "at=1", Digits="1")
    assert stack.invoke("voice", webhook("voice_amd", contact))["statusCode"] == NO_CONTENT
    assert [one for one in stack.carrier.ledger() if one.get("about") == attempt_of(contact).sid] == []


def pressed(contact: Contact) -> Event:
    return queried(webhook("voice_keypress", contact, Digits="1"), "at=1")


def found_a_machine(contact: Contact) -> Event:
    return webhook("voice_amd", contact)


def opted_out(contact: Contact) -> Event:
    return webhook("voice_keypress", contact, Digits="9")


@pytest.mark.parametrize("end", ["voice_status_completed", "voice_status_completed_machine"])
@pytest.mark.parametrize(
    "story", [(pressed, found_a_machine), (found_a_machine, pressed), (pressed,), (opted_out, found_a_machine)]
)
def test_a_call_on_which_somebody_answered_ends_as_answered_whatever_was_heard_and_when(
    stack: Stack, story: tuple[Any, ...], end: str
) -> None:
    contact = in_call(stack, detect_machine=True, on_machine=OnMachine.GO_ON)
    for one in story:
        stack.invoke("voice", one(contact))
    stack.invoke("voice", webhook(end, contact))
    after = stack.contact(contact)
    assert (after.state, [past.outcome for past in after.history]) == (State.DONE, [Outcome.ANSWERED])


def test_words_that_were_kept_do_not_make_a_call_that_was_never_answered_a_conversation(stack: Stack) -> None:
    contact = in_call(stack)
    stack.invoke("voice", pressed(contact))
    stack.invoke("voice", webhook("voice_status_busy", contact))
    assert stack.contact(contact).history[-1].outcome is Outcome.BUSY


class _AnsweredMeanwhile(MongoHearing):
    """Somebody presses a key just after it has been looked at what is known of their call."""

    def find(self, contact_id: str) -> Contact | None:
        found = super().find(contact_id)
        if found and found.attempt:
            ref = CallRef(contact_id=contact_id, attempt_id=found.attempt.id)
            self.note_answer(ref, name="coming", value="yes", sid=found.attempt.sid)
        return found


def test_a_key_that_is_pressed_while_the_end_is_decided_is_not_overlooked(stack: Stack) -> None:
    contact = in_call(stack)
    sid = attempt_of(contact).sid
    callback = replace(wiring.callback(), hearing=_AnsweredMeanwhile(stack.database["contacts"]))
    end = CallReport(sid=sid, status="completed", answered_by="machine_start")
    settled = callback.status(CallRef(contact_id=contact.id, attempt_id=attempt_of(contact).id), end)
    after = stack.contact(contact)
    assert (settled.outcome, settled.detail) == ("settled", Outcome.ANSWERED)
    assert (after.state, after.history[-1].outcome) == (State.DONE, Outcome.ANSWERED)
    assert after.history[-1].answers == {"coming": "yes"}


def test_a_transfer_that_ended_makes_nobody_a_person(stack: Stack) -> None:
    """A machine that hears what a person would hear is handed on, too."""
    contact = in_call(stack, (Transfer(to=PHONE, name="sales"),), detect_machine=True)
    press(stack, contact, "at=0", DialCallStatus="no-answer")
    stack.invoke("voice", found_a_machine(contact))
    stack.invoke("voice", webhook("voice_status_completed", contact))
    assert stack.contact(contact).history[-1].outcome is Outcome.MACHINE


def test_a_finding_that_comes_twice_changes_the_call_once(stack: Stack) -> None:
    contact = in_machine(stack, OnMachine.HANG_UP)
    stack.database["contacts"].delete_one({"_id": contact.id})
    contact = stored(stack.database, a_contact(contact.campaign_id, state=State.PLACED))
    for _ in range(3):
        assert stack.invoke("voice", webhook("voice_amd", contact))["statusCode"] == NO_CONTENT
    updates = [one for one in stack.carrier.ledger() if one.get("about") == attempt_of(contact).sid]
    assert len(updates) == 1


# media streams


STREAM: Script = (
    Stream(url="wss://agent.example/a", parameters=(("who", "{name}"),), answers=("mood",)),
    *says("Bye."),
)


def streamed(stack: Stack, contact: Contact) -> dict[str, str]:
    reply = stack.invoke("voice", webhook("voice_answer", contact))
    return {one.attrib["name"]: one.attrib["value"] for one in ET.fromstring(reply["body"]).iter("Parameter")}


def agent(stack: Stack, contact: Contact, token: str, body: object) -> int:
    told = webhook("voice_keypress", contact)
    path = told["rawPath"].replace("/keypress", "/agent")
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    text = body if isinstance(body, str) else json.dumps(body)
    http = told["requestContext"]["http"] | {"path": path}
    sent = told | {
        "rawPath": path, "headers": headers, "body": text, "isBase64Encoded": False,
        "requestContext": told["requestContext"] | {"http": http},
    }  # fmt: skip
    return int(stack.invoke("voice", sent)["statusCode"])


def test_an_agent_is_told_whose_call_it_is_with_a_proof_that_does_not_last(stack: Stack) -> None:
    contact = in_call(stack, STREAM)
    told = streamed(stack, contact)
    assert {name: value for name, value in told.items() if name != "token"} == {
        "who": "Ada",
        "campaign_id": contact.campaign_id,
        "contact_id": contact.id,
        "attempt_id": attempt_of(contact).id,
    }
    bearer = verify(KEY, told["token"], now=now())
    assert bearer is not None
    assert (bearer.contact_id, bearer.attempt_id) == (contact.id, attempt_of(contact).id)
    assert verify(KEY, told["token"], now=now() + timedelta(minutes=3)) is None


def test_after_the_stream_the_script_goes_on(stack: Stack) -> None:
    contact = in_call(stack, STREAM)
    assert press(stack, contact, "to=1") == ["Bye."]


def test_an_agent_says_what_it_heard_and_who_wants_no_more_calls(stack: Stack) -> None:
    contact = in_call(stack, STREAM)
    token = streamed(stack, contact)["token"]
    assert agent(stack, contact, token, {"name": "mood", "value": "good"}) == NO_CONTENT
    assert agent(stack, contact, token, {"name": "elsewhere", "value": "x"}) == NO_CONTENT  # no name of the campaign's
    assert answers(stack, contact) == {"mood": "good"}
    assert agent(stack, contact, token, '{"name": "mood", "value": "\\ud800 odd"}') == NO_CONTENT
    assert answers(stack, contact) == {"mood": "? odd"}
    assert agent(stack, contact, token, {"opt_out": True}) == NO_CONTENT
    assert wiring.suppressions().among("any", [contact.phone]) == {contact.phone}
    assert press(stack, contact, "to=1") == ["Hangup"]  # the stream is over, and so is the call


def test_nobody_else_speaks_for_a_call(stack: Stack) -> None:
    contact, other = in_call(stack, STREAM), in_call(stack, STREAM)
    token = streamed(stack, contact)["token"]
    for forged in ("", "x", token[:-1], streamed(stack, other)["token"]):
        assert agent(stack, contact, forged, {"opt_out": True}) == FORBIDDEN
    assert wiring.suppressions().among("any", [contact.phone]) == frozenset()


@pytest.mark.parametrize(
    "body",
    ["", "no json", "[]", '{"opt_out": "perhaps"}', '{"more": 1}', '"\\ud800"', pytest.param("[" * 100_000, id="deep")],
)
def test_what_an_agent_says_wrongly_is_refused(stack: Stack, body: str) -> None:
    contact = in_call(stack, STREAM)
    assert agent(stack, contact, streamed(stack, contact)["token"], body) == UNPROCESSABLE


def test_an_attempt_that_was_given_up_without_its_call_keeps_an_agents_answer(stack: Stack) -> None:
    contact = in_call(stack, STREAM)
    token = streamed(stack, contact)["token"]
    stack.invoke("voice", webhook("voice_status_completed", contact))
    assert agent(stack, replace(contact), token, {"name": "mood", "value": "late"}) == NO_CONTENT
    assert stack.contact(contact).history[-1].answers == {"mood": "late"}


def test_a_step_that_hangs_up_ends_the_call(stack: Stack) -> None:
    contact = in_call(stack, (*says("Hello."), HangUp(), *says("Never.")))
    assert press(stack, contact, "", name="voice_answer") == ["Hello.", "Hangup"]
