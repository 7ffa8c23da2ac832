"""Every variable that the template gives a function: without it the function says so at once, or can do without it."""

from dataclasses import fields
from typing import Any

import pytest

from dialer import wiring
from dialer.bounds import Bounds, setting
from dialer.errors import BadSettings
from dialer.lifecycle import State
from dialer.settings import NEEDED, Settings
from tests.builders import a_campaign, a_contact, created, stored
from tests.functions.conftest import TIMEOUTS, Stack, forget_wiring
from tests.functions.events import event, webhook
from tests.unit.test_template import template, variables

__all__ = ["template"]

OK, SERVER_ERROR = 200, 500
FIRST = {"tick": "tick_schedule", "call": "call_batch", "voice": "voice_status_ringing"}
FIRST |= {"reconcile": "reconcile", "api": "api_campaigns", "intake": "intake_store_test"}
WITHOUT = {
    "STACK": "no metrics",
    "EVENT_BUS": "no announcements",
    "POWERTOOLS_LOG_LEVEL": "INFO",
    "PYTHONWARNINGS": "one line more in the log",
    "MONGODB_DATABASE": "the database `dialer`",
    "ACCOUNT_CALLS_PER_SECOND": "no bound, as with 0",
    "TWILIO_API_URL": "Twilio itself",
    **{setting(bound.name): "its production value" for bound in fields(Bounds)},
}


@pytest.mark.parametrize("function", NEEDED)
def test_what_the_template_gives_is_needed_or_can_be_done_without(template: dict[str, Any], function: str) -> None:
    given = variables(template, f"{function.capitalize()}Function").keys()
    needed = {"MONGODB_URI_PARAMETER", *(name.upper() for name in NEEDED[function])}
    assert needed <= given
    assert given - needed <= WITHOUT.keys()
    assert NEEDED.keys() == TIMEOUTS.keys()


def test_nothing_is_read_that_no_function_is_given(template: dict[str, Any]) -> None:
    read = {field.name.upper() for field in fields(Settings)} - {"BOUNDS"}
    assert read <= {name for one in NEEDED for name in variables(template, f"{one.capitalize()}Function")}


@pytest.mark.parametrize("function", NEEDED)
def test_a_function_says_at_its_first_event_what_it_has_not_been_told(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    for name in ("MONGODB_URI_PARAMETER", *(needed.upper() for needed in NEEDED[function])):
        for value in (None, ""):
            with monkeypatch.context() as start:
                start.setenv(name, value) if value is not None else start.delenv(name)
                forget_wiring()
                assert said(stack, function).startswith(f"The setting {name} is missing"), (name, value)


def said(stack: Stack, function: str) -> str:
    """What its first event comes to, whatever that is about: its one sentence."""
    told = event(FIRST[function])
    if function == "voice":
        told = webhook(FIRST[function], a_contact(state=State.PLACED))
    try:
        reply = stack.invoke(function, told)
    except BadSettings as refused:
        return str(refused)
    assert reply["statusCode"] == SERVER_ERROR
    return str(stack.log[-1]["cause"])


@pytest.mark.parametrize("route", ["answer", "amd"])
def test_every_route_of_the_carriers_says_so_but_those_by_which_somebody_may_opt_out(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, route: str
) -> None:
    monkeypatch.delenv("OPT_OUT_QUEUE_URL")
    contact = stored(stack.database, a_contact(created(stack.database, a_campaign()), state=State.PLACED))
    with pytest.raises(BadSettings, match=r"^The setting OPT_OUT_QUEUE_URL is missing\.$"):
        stack.invoke("voice", webhook(f"voice_{route}", contact))
    assert stack.invoke("voice", webhook("voice_keypress", contact))["statusCode"] == OK
    assert wiring.suppressions().among("any", [contact.phone]) == {contact.phone}


@pytest.mark.parametrize("function", NEEDED)
def test_what_can_be_done_without_may_be_missing_altogether(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    for name in WITHOUT.keys() - {"MONGODB_DATABASE", "TWILIO_API_URL"}:  # which would be somebody's
        monkeypatch.setenv(name, "")
    needed = {"mongodb_uri_parameter", *NEEDED[function]}
    for field in {field.name for field in fields(Settings)} - needed - {"bounds", "mongodb_database", "twilio_api_url"}:
        monkeypatch.delenv(field.upper(), raising=False)
    wiring.settings().demand(function)
    reply = stack.invoke(function, event(FIRST[function]))
    assert reply.get("statusCode", OK) < SERVER_ERROR
