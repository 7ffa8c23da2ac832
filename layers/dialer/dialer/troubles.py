"""What an error means, in the words of whoever must do something about it.

Source of the SIP codes, which the carrier reports with a call's end: RFC 3261 section 21, RFC 8197, RFC 8688.
"""

import re
from dataclasses import dataclass

from dialer.model import Outcome

TROUBLED = frozenset({Outcome.FAILED, Outcome.REJECTED, Outcome.REFUSED, Outcome.UNKNOWN, Outcome.CANCELED})
"""Ends that an operator may have to do something about: their details are counted one by one."""
_CODE = re.compile(r"\((\d{3,6})\)$|code (\d{3,6})$|^HTTP (\d{3})$")
_SIP = {
    "403": "the network refuses this call",
    "404": "there is no such number",
    "408": "the network did not answer in time",
    "410": "the number is no longer in service",
    "480": "the phone is switched off or out of reach",
    "484": "the number is incomplete",
    "486": "the line is busy",
    "487": "the call was ended before it was answered",
    "488": "the other network takes no such call",
    "500": "the other network failed",
    "502": "the other network failed",
    "503": "the other network is overloaded",
    "504": "the other network did not answer in time",
    "600": "the line is busy everywhere",
    "603": "the call was declined",
    "604": "there is no such number",
    "607": "the person has marked these calls as unwanted",
    "608": "a filter on the way has rejected the call",
}


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """A code, where there is one, and what it means."""

    code: str
    meaning: str


def trouble_of(text: str) -> Trouble:
    """From what an attempt's end, or a request's refusal, was noted down as."""
    if text in _SIP:
        return Trouble(code=text, meaning=_SIP[text])
    found = _CODE.search(text)
    code = next(filter(None, found.groups()), "") if found else ""
    meaning = text[: found.start()].strip(" ,") if found else text
    return Trouble(code=code, meaning=meaning or "the carrier did not say what is wrong")
