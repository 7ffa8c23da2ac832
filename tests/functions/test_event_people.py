"""What the files in events/ come to, as they stand, where their people are: each is for what its name says."""

import re

import pytest

from dialer.adapters.contact_documents import contact_of
from dialer.model import attempt_of
from local import event_people
from tests.functions.conftest import PARAMETERS, Stack
from tests.functions.events import event, fields_of

OK, NO_CONTENT = 200, 204
MENU = "Press 1 if you are coming, 2 or 3 to speak with us, 9 if we shall not call again."


@pytest.fixture
def peopled(stack: Stack) -> Stack:
    """The address and the token with which the files were signed, and the person they speak of, in a call."""
    signed = {"TWILIO_AUTH_TOKEN_PARAMETER": event_people.TOKEN, "VOICE_BASE_URL_PARAMETER": event_people.VOICE_URL}
    for setting, value in signed.items():
        stack.aws.ssm.put_parameter(Name=PARAMETERS[setting], Value=value, Type="SecureString", Overwrite=True)
    event_people.await_event(stack.database, "voice")
    return stack


PAGES: dict[str, tuple[str, dict[str, str]]] = {
    "voice_answer": (rf"Hello Ada\..*{MENU}.*Is there anything else\?.*<Record", {}),
    "voice_voicemail": (r"<Response><Gather[^>]*><Say[^>]*>Ada, please call us back\.</Say></Gather><Hangup />", {}),
    "voice_finding": (r"<Response><Gather[^>]*/><Redirect[^>]*>[^<]*keypress\?finding=2", {}),
    "voice_goes_on": (rf"<Response><Gather[^>]*><Say[^>]*>{MENU}", {}),
    "voice_keypress": (r"You will not be called again\. Goodbye\.</Say><Hangup />", {"opt_out": "keypress"}),
    "voice_speech": (r"See you then\..*<Record", {"coming": "yes"}),
    "voice_recording": ("<Response><Hangup />", {"message": fields_of(event("voice_recording"))["RecordingUrl"]}),
    "voice_whisper": (r"<Response><Say[^>]*>Ada is on the line\.</Say></Response>", {}),
    "voice_transfer_ended": (r"We call back\.", {"transfer": "no-answer"}),
    "voice_wait": (r"<Response><Gather[^>]*/></Response>", {}),
    "voice_queue_left": ("<Response><Hangup />", {"queue": "bridged"}),
}


@pytest.mark.parametrize("name", PAGES)
def test_who_asks_for_a_page_gets_its_own_and_what_was_answered_is_kept(peopled: Stack, name: str) -> None:
    heard, kept = PAGES[name]
    reply = peopled.invoke("voice", event(name))
    assert reply["statusCode"] == OK
    assert re.search(heard, reply["body"]), reply["body"]
    assert answers(peopled) == kept


def test_an_agents_answer_is_kept(peopled: Stack) -> None:
    assert peopled.invoke("voice", event("voice_agent"))["statusCode"] == NO_CONTENT
    assert answers(peopled) == {"day": "Tuesday"}


def test_the_bus_tells_of_a_pause_and_the_campaign_is_drained(peopled: Stack) -> None:
    told = event("reconcile_campaign_paused")
    event_people.await_event(peopled.database, "reconcile", paused=True)
    drained = peopled.invoke("reconcile", told)
    assert drained == {"campaigns": [told["detail"]["campaign_id"]], "taken_back": 0, "unavailable": []}


def answers(stack: Stack) -> dict[str, str]:
    (document,) = stack.database["contacts"].find()
    return attempt_of(contact_of(document)).answers
