"""Trying a campaign out: hearing all of it, one call through every check, and what keeps it from starting."""

import json
from datetime import timedelta
from typing import Any

import pytest

from dialer import wiring
from dialer.adapters import twiml
from dialer.adapters.contact_documents import contact_of
from dialer.errors import BadCampaign, BadInput, UnknownCampaign
from dialer.lifecycle import State
from dialer.model import (
    CallPlan,
    Campaign,
    CampaignState,
    Cap,
    Contact,
    FinishedAttempt,
    Hours,
    OnMachine,
    Outcome,
    attempt_of,
)
from dialer.script import Ask, Choice, Menu, Record, Say, Stream, Transfer
from tests.builders import a_campaign, a_contact, a_message, a_phone, a_row, created, now, stored
from tests.functions.conftest import Stack
from tests.functions.events import batch, queried, webhook

PLAN = CallPlan(
    script=(
        Say(text="Hello {name|there}."),
        Menu(
            name="coming",
            prompt=(Say(text="Coming?"),),
            choices=(
                Choice(key="1", outcome="yes", then=(Ask(name="why", prompt=()),)),
                Choice(key="*", outcome="agent", then=(Transfer(to="+12015550100", otherwise=(Say(text="Busy."),)),)),
            ),
        ),
        Record(name="more", prompt=()),
        Stream(url="wss://agent.example/a"),
    ),
    voicemail=(Say(text="Call us, {name|you}."),),
)


def a_draft(stack: Stack, **overrides: Any) -> Campaign:
    return created(stack.database, a_campaign(**{"state": CampaignState.DRAFT, "call": PLAN, **overrides}))


def heard(campaign: Campaign, contact: Contact | None = None) -> dict[str, str]:
    scenes = wiring.rehearsal().preview(campaign.id, contact_id=contact.id if contact else "")
    return {scene.when: twiml.render(scene.page, about="https://voice.example/voice/x/y") for scene in scenes}


def test_a_preview_is_every_page_of_the_call_and_calls_nobody(stack: Stack) -> None:
    campaign = a_draft(stack)
    contact = stored(stack.database, a_contact(campaign))
    before = list(stack.database["contacts"].find())
    pages = heard(campaign, contact)
    assert list(pages) == [
        "answer", "coming: key 1", "coming: key *", "why: answered", "transfer: nobody took it", "more: answered",
        "stream: ended", "voicemail", "opt-out",
    ]  # fmt: skip
    assert "Hello Ada." in pages["answer"]
    assert "Call us, Ada." in pages["voicemail"]
    assert 'value="preview"' in pages["answer"]
    assert "Busy." in pages["transfer: nobody took it"]
    assert stack.carrier.state()["requests"].get("create", 0) == len(_creates(stack))
    assert list(stack.database["contacts"].find()) == before
    assert "Hello there." in heard(campaign)["answer"]


def _creates(stack: Stack) -> list[dict[str, Any]]:
    return [one for one in stack.carrier.ledger() if one["kind"] == "request" and one["op"] == "create"]


def test_what_cannot_be_previewed_is_said(stack: Stack) -> None:
    campaign, other = a_draft(stack), a_draft(stack)
    stranger = stored(stack.database, a_contact(other))
    with pytest.raises(BadInput, match="has no contact"):
        heard(campaign, stranger)
    with pytest.raises(UnknownCampaign):
        wiring.rehearsal().preview("nobody")
    fixed = a_draft(stack, call=CallPlan(twiml="<Response><Hangup/></Response>"))
    assert heard(fixed) == {"answer": "<Response><Hangup/></Response>"}


def test_a_preview_has_what_is_heard_in_a_queue_and_by_whoever_takes_a_transfer(stack: Stack) -> None:
    handed = (
        Transfer(to="+12015550100", name="sales", whisper="{name} is on the line."),
        Transfer(to="queue:support", name="support", timeout=timedelta(seconds=4), whisper="Nobody hears this."),
    )
    campaign = a_draft(stack, call=CallPlan(script=handed, opt_out_digit=""))
    contact = stored(stack.database, a_contact(campaign, state=State.PLACED))
    pages = heard(campaign, contact)
    assert list(pages) == [
        "answer", "sales: whoever takes it", "sales: nobody took it", "support: waits in the queue",
        "support: nobody took it",
    ]  # fmt: skip
    assert "Ada is on the line." in pages["sales: whoever takes it"]
    assert '<Pause length="4" />' in pages["support: waits in the queue"]
    assert "Nobody hears this." not in "".join(pages.values())


@pytest.mark.parametrize(
    ("plan", "listens"),
    [
        ({}, False),
        ({"detect_machine": True, "on_machine": OnMachine.VOICEMAIL}, True),
        ({"detect_machine": True, "on_machine": OnMachine.VOICEMAIL, "opt_out_digit": ""}, True),
        ({"detect_machine": True, "on_machine": OnMachine.VOICEMAIL, "detect_first": True}, False),
        ({"detect_machine": True, "on_machine": OnMachine.HANG_UP}, False),
    ],
)
def test_what_is_previewed_is_what_is_sent(stack: Stack, plan: dict[str, Any], listens: bool) -> None:
    """The answer; and, where the line stays open for a machine's greeting, the silence behind it."""
    call = CallPlan(say="Hello {name}.", voicemail=(Say(text="Call us, {name}."),), **plan)
    campaign = a_draft(stack, call=call, state=CampaignState.RUNNING)
    contact = stored(stack.database, a_contact(campaign, state=State.PLACED))
    about = f"{wiring.voice_base_url()}/voice/{contact.id}/{attempt_of(contact).id}"
    scenes = {
        scene.when: twiml.render(scene.page, about=about)
        for scene in wiring.rehearsal().preview(campaign.id, contact_id=contact.id)
    }
    assert scenes["answer"] == stack.invoke("voice", webhook("voice_answer", contact))["body"]
    silence = scenes.get("answer: nobody knows yet whether it is a machine")
    asked = queried(webhook("voice_keypress", contact, Digits=""), "finding=1")
    assert silence == (stack.invoke("voice", asked)["body"] if listens else None)
    asked = queried(webhook("voice_answer", contact), "voicemail=1")
    assert scenes["voicemail"] == stack.invoke("voice", asked)["body"]


def test_a_preview_of_a_document_has_the_voicemail_and_one_that_hears_words_the_farewell(stack: Stack) -> None:
    fixed = CallPlan(
        twiml="<Response><Hangup/></Response>", detect_machine=True, on_machine=OnMachine.VOICEMAIL,
        voicemail=(Say(text="Call us."),),
    )  # fmt: skip
    assert list(heard(a_draft(stack, call=fixed))) == ["answer", "voicemail", "opt-out"]
    spoken = CallPlan(script=(Ask(name="why", prompt=()),), opt_out_digit="")
    assert list(heard(a_draft(stack, call=spoken))) == ["answer", "why: answered", "opt-out"]


def dialed(stack: Stack, campaign: Campaign) -> list[str]:
    """What a tick and the call function make of a campaign: whom the carrier is asked to call."""
    stack.invoke("tick", {"campaign_id": campaign.id})
    for message in stack.queued():
        body = {name: value for name, value in message.items() if name != "delay"}
        if body["campaign_id"] == campaign.id:
            stack.invoke("call", batch(json.dumps(body)))
    contacts = [document["_id"] for document in stack.database["contacts"].find({"campaign_id": campaign.id})]
    return [one["to"] for one in _creates(stack) if one["contact_id"] in contacts]


@pytest.mark.parametrize("state", [CampaignState.DRAFT, CampaignState.RUNNING, CampaignState.PAUSED])
def test_a_test_call_is_one_call_through_the_queue_and_ends_with_its_campaign(
    stack: Stack, state: CampaignState
) -> None:
    campaign, to = a_draft(stack, state=state), a_phone()
    made = wiring.rehearsal().test_call(campaign.id, to)
    assert (made.shadow_of, made.state, made.call) == (campaign.id, CampaignState.RUNNING, campaign.call)
    assert dialed(stack, made) == [to]
    stack.database["contacts"].update_many(
        {"campaign_id": made.id}, {"$set": {"state": State.DONE}, "$unset": {"attempt": "", "due_at": ""}}
    )
    stack.invoke("tick", {"campaign_id": made.id})
    after = stack.campaign(made)
    assert (after.state, after.reason) == (CampaignState.STOPPED, "the test call is over")
    assert stack.campaign(campaign).state is state


def test_a_test_call_meets_every_check(stack: Stack) -> None:
    suppressed, closed = a_phone(), a_phone()
    wiring.suppressions().suppress(suppressed, scope="global", source="keypress", reason="opted out on a call")
    another_day = Hours(days=frozenset({(now().weekday() + 3) % 7}))
    first = wiring.rehearsal().test_call(a_draft(stack).id, suppressed)
    second = wiring.rehearsal().test_call(a_draft(stack, hours=another_day).id, closed)
    assert dialed(stack, first) == []
    states = {one["phone"]: one["state"] for one in stack.database["contacts"].find()}
    assert states[suppressed] == State.SUPPRESSED
    assert dialed(stack, second) == []


def test_a_test_call_meets_the_suppressions_of_the_campaign_that_it_tests(stack: Stack) -> None:
    """As it would be if the campaign called: another campaign's suppressions keep nobody from it."""
    campaign, other = a_draft(stack), a_draft(stack)
    here, there = a_phone(), a_phone()
    for phone, scope in ((here, f"campaign:{campaign.id}"), (there, f"campaign:{other.id}")):
        wiring.suppressions().suppress(phone, scope=scope, source="operator", reason="asked")
    assert dialed(stack, wiring.rehearsal().test_call(campaign.id, here)) == []
    assert dialed(stack, wiring.rehearsal().test_call(campaign.id, there)) == [there]
    (refused,) = stack.database["contacts"].find({"phone": here})
    assert (refused["state"], refused["reason"]) == (State.SUPPRESSED, "suppressed")


def a_message_of(stack: Stack, made: Campaign) -> Contact:
    """The only contact of a test, as a tick claims it and the call function finds it."""
    (document,) = stack.database["contacts"].find({"campaign_id": made.id})
    stack.database["contacts"].delete_one({"_id": document["_id"]})
    return stored(stack.database, a_contact(made, phone=document["phone"], state=State.CLAIMED))


def test_a_suppression_that_comes_after_the_claim_is_met_by_the_last_look_of_a_test_call(stack: Stack) -> None:
    campaign = a_draft(stack)
    contact = a_message_of(stack, wiring.rehearsal().test_call(campaign.id, a_phone()))
    wiring.suppressions().suppress(contact.phone, scope=f"campaign:{campaign.id}", source="operator", reason="asked")
    stack.invoke("call", batch(a_message(contact)))
    assert stack.asked(contact) == []
    assert (stack.contact(contact).state, stack.contact(contact).reason) == (State.SUPPRESSED, "suppressed")


def test_a_test_call_counts_with_the_calls_of_the_campaign_that_it_tests(stack: Stack) -> None:
    """Where a cap counts one campaign's calls alone: at the claim, and at the last look."""
    cap = Cap(name="one a day", most=1, within=timedelta(days=1), campaign_only=True)
    campaign, to = a_draft(stack, caps=(cap,)), a_phone()
    call = FinishedAttempt(
        id="x-1", n=1, from_number="", dial_at=None, ended_at=now() - timedelta(hours=1), sid="CA1",
        outcome=Outcome.BUSY,
    )  # fmt: skip
    stored(stack.database, a_contact(campaign, phone=to, state=State.DONE, history=(call,)))
    made = wiring.rehearsal().test_call(campaign.id, to)
    assert dialed(stack, made) == []
    (waiting,) = stack.database["contacts"].find({"campaign_id": made.id})
    assert waiting["reason"] == "cap one a day: 1 call within 24 hours"
    contact = a_message_of(stack, made)
    stack.invoke("call", batch(a_message(contact)))
    assert stack.asked(contact) == []
    assert stack.contact(contact).reason == "cap one a day: 1 call within 24 hours"


def test_a_test_call_speaks_as_to_somebody_and_keeps_nothing_of_them(stack: Stack) -> None:
    """While it is on they may be erased: then it has no values for them any more, and nothing is left of them."""
    campaign = a_draft(stack, call=CallPlan(say="Hello {name}, {city|anywhere}."))
    person = stored(stack.database, a_contact(campaign, vars={"name": "Ada", "city": "Turin"}))
    made = wiring.rehearsal().test_call(campaign.id, a_phone(), contact_id=person.id)
    (document,) = stack.database["contacts"].find({"campaign_id": made.id})
    assert document["vars"] == {"name": "", "city": ""}
    assert len(dialed(stack, made)) == 1
    tested = stack.contact(contact_of(document))
    assert "Hello Ada, Turin." in stack.invoke("voice", webhook("voice_answer", tested))["body"]
    erased = wiring.registry().erase(person.phone)
    assert (erased.erased, erased.waiting) == (1, [])
    assert "Hello , anywhere." in stack.invoke("voice", webhook("voice_answer", tested))["body"]
    stack.invoke("voice", webhook("voice_status_completed", tested))
    left = repr([*stack.database["contacts"].find(), *stack.database["campaigns"].find()])
    assert not [known for known in ("Ada", "Turin", person.phone) if known in left]


def test_a_preview_and_a_test_call_as_to_somebody_speak_their_language(stack: Stack) -> None:
    campaign = a_draft(stack)
    person = stored(stack.database, a_contact(campaign, vars={"language": "fr-CA"}))
    pages = "".join(heard(campaign, person).values())
    assert '<Say language="fr-CA">Hello there.</Say>' in pages
    assert ("<Say " in pages, pages.count("<Say ")) == (True, pages.count('<Say language="fr-CA">'))
    made = wiring.rehearsal().test_call(campaign.id, a_phone(), contact_id=person.id)
    dialed(stack, made)
    (document,) = stack.database["contacts"].find({"campaign_id": made.id})
    answered = webhook("voice_answer", stack.contact(contact_of(document)))
    assert '<Say language="fr-CA">Hello there.</Say>' in stack.invoke("voice", answered)["body"]


def test_a_test_call_as_to_somebody_is_made_from_the_number_that_they_are_called_from(stack: Stack) -> None:
    numbers = ("+12015550198", "+12025550197")
    campaign = a_draft(stack, from_numbers=numbers, call=CallPlan(say="Hello."))
    for own in numbers:
        person = stored(stack.database, a_contact(campaign, caller_id=own))
        made = wiring.rehearsal().test_call(campaign.id, a_phone(), contact_id=person.id)
        dialed(stack, made)
        (document,) = stack.database["contacts"].find({"campaign_id": made.id})
        assert attempt_of(contact_of(document)).from_number == own


@pytest.mark.parametrize("number", ["", "hello", "+1", "2015550100"])
def test_a_test_call_needs_a_number(stack: Stack, number: str) -> None:
    with pytest.raises(BadInput, match="The number to call cannot be used"):
        wiring.rehearsal().test_call(a_draft(stack).id, number)


def test_a_test_call_that_could_not_start_is_no_draft_that_somebody_may_start(stack: Stack) -> None:
    campaign = a_draft(stack, call=CallPlan(say="Hello, {name}, in {city}."))
    person = stored(stack.database, a_contact(campaign, vars={"name": "Ada"}))
    with pytest.raises(BadCampaign, match="the list has no column `city`"):
        wiring.rehearsal().test_call(campaign.id, a_phone(), contact_id=person.id)
    states = {one["_id"]: one["state"] for one in stack.database["campaigns"].find()}
    assert (states.pop(campaign.id), list(states.values())) == (CampaignState.DRAFT, [CampaignState.ARCHIVED])


def test_there_is_no_test_of_a_test_nor_of_what_is_archived(stack: Stack) -> None:
    made = wiring.rehearsal().test_call(a_draft(stack).id, a_phone())
    for campaign_id in (made.id, a_draft(stack, state=CampaignState.ARCHIVED).id):
        with pytest.raises(BadCampaign, match="makes no test calls"):
            wiring.rehearsal().test_call(campaign_id, a_phone())


# what keeps a campaign from starting


def start(campaign: Campaign) -> Campaign:
    return wiring.campaign_office().ask(campaign.id, "start")


def test_a_variable_that_the_list_lacks_is_named_before_anybody_is_called(stack: Stack) -> None:
    campaign = a_draft(stack, call=CallPlan(say="{name}, {city} and {day|some day}."))
    wiring.campaign_office().contacts.add(campaign.id, [a_row(vars={"name": ""})], max_attempts=1)
    with pytest.raises(BadCampaign, match=r"the list has no column `city`: add it, or write `{city\|…}`") as refused:
        start(campaign)
    assert "name" not in str(refused.value).partition("start:")[2]
    assert stack.campaign(campaign).state is CampaignState.DRAFT


def test_a_list_with_every_variable_starts(stack: Stack) -> None:
    campaign = a_draft(stack, call=CallPlan(say="{name}, {city}."))
    wiring.campaign_office().contacts.add(campaign.id, [a_row(vars={"name": "", "city": "x"})], max_attempts=1)
    assert start(campaign).state is CampaignState.RUNNING
    assert start(campaign).state is CampaignState.RUNNING  # asked twice: harmless
