"""A call that shows itself when its attempt has long been given up: it is written into the story, with an alarm."""

from dataclasses import replace
from datetime import timedelta

from dialer.lifecycle import State
from dialer.model import Contact, FinishedAttempt, Outcome
from tests.builders import FROM_NUMBER, a_campaign, a_contact, a_sid, an_attempt, created, now, stored
from tests.functions.conftest import Stack
from tests.functions.events import webhook


def given_up(stack: Stack, *, sid: str = "") -> Contact:
    """Failed as unknown, after a day without a word."""
    contact = a_contact(created(stack.database, a_campaign()), state=State.FAILED)
    past = FinishedAttempt(
        id=an_attempt(contact.id).id,
        n=1,
        from_number=FROM_NUMBER,
        dial_at=now() - timedelta(hours=25),
        ended_at=now(),
        sid=sid,
        outcome=Outcome.UNKNOWN,
    )
    return stored(stack.database, replace(contact, history=(past,)))


def about(contact: Contact) -> Contact:
    """As its webhooks still speak of it."""
    return replace(contact, attempt=an_attempt(contact.id, State.PLACED, id=contact.history[0].id))


def test_a_late_call_of_an_attempt_that_was_given_up_is_written_into_its_story(stack: Stack) -> None:
    contact, sid = given_up(stack), a_sid()
    stack.invoke("voice", webhook("voice_status_ringing", about(contact), sid=sid))
    after = stack.contact(contact)
    assert (after.state, after.history[0].sid, after.history[0].outcome) == (State.FAILED, sid, Outcome.UNKNOWN)
    (line,) = (line for line in stack.log if line["message"] == "webhook")
    assert line["alarm"] == f"call {sid} belongs to an attempt that was given up"


def test_only_the_first_late_call_is_written(stack: Stack) -> None:
    contact, first = given_up(stack), a_sid()
    for sid in (first, a_sid(), first):
        stack.invoke("voice", webhook("voice_status_completed", about(contact), sid=sid))
    assert stack.contact(contact).history[0].sid == first
