"""What the person hears: the campaign's text with the contact's own words in it, or a fixed document."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from dialer.model import CallPlan

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")  # any name that a column of a list may have


@dataclass(frozen=True, kw_only=True)
class HangUp:
    """Say nothing and end the call."""


@dataclass(frozen=True, kw_only=True)
class Speech:
    """Text to speak, or a TwiML document that stands for all of it."""

    text: str = ""
    twiml: str = ""
    voice: str = ""
    language: str = ""
    listens_for: str = ""
    """A key to listen for; empty: none."""


def speech_for(plan: CallPlan, variables: Mapping[str, str]) -> Speech:
    """The plan with the contact's variables; a variable the contact lacks is left out."""
    return Speech(
        text=fill(plan.say, variables),
        twiml=plan.twiml,
        voice=plan.voice,
        language=plan.language,
        listens_for=plan.opt_out_digit,
    )


def farewell(plan: CallPlan) -> Speech:
    """What somebody hears who has just opted out."""
    return Speech(text="You will not be called again. Goodbye.", voice=plan.voice, language=plan.language)


def fill(text: str, variables: Mapping[str, str]) -> str:
    """Replace each `{name}` by the variable of that name; nothing else in the text has a meaning."""
    return _PLACEHOLDER.sub(lambda found: variables.get(found.group(1).strip(), ""), text)
