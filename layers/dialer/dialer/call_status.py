"""The carrier's call statuses: their order in a call's life, and the outcome each final one stands for.

Source: Twilio's Call resource and status callback documentation. `initiated` appears only in callbacks.
"""

import re
from datetime import timedelta
from decimal import Decimal

from dialer.model import FAX, UNWANTED, CallReport, Outcome
from dialer.troubles import trouble_of

_ORDER = {"queued": 0, "initiated": 1, "ringing": 2, "answered": 3, "in-progress": 3}
_FINAL_RANK = 9
_SECONDS, _MONEY = re.compile(r"[0-9]{1,6}"), re.compile(r"-?[0-9]{1,6}(\.[0-9]{1,6})?")
_MILLISECONDS = re.compile(r"[0-9]{1,8}")  # the carrier keeps a call for a day at most
_OUTCOMES = {
    "completed": Outcome.ANSWERED,
    "busy": Outcome.BUSY,
    "no-answer": Outcome.NO_ANSWER,
    "failed": Outcome.FAILED,
    "canceled": Outcome.CANCELED,
}
_NOWHERE = {code: trouble_of(code).meaning for code in ("404", "410", "484", "604")}
"""SIP codes that say that a number will not ring tomorrow either."""
_DECLINED = frozenset({"603", UNWANTED, "608"})
"""SIP codes with which a person or their filter turns a call away, whatever status the carrier gives it."""
_NOT_TAKEN = frozenset({Outcome.FAILED, Outcome.BUSY, Outcome.NO_ANSWER})


def is_known(status: str) -> bool:
    return status in _ORDER or status in _OUTCOMES


def is_final(status: str) -> bool:
    return status in _OUTCOMES


def is_answered(status: str) -> bool:
    return _ORDER.get(status) == _ORDER["answered"]


def has_rung(rank_heard: int) -> bool:
    """Whether a call was heard to ring: before that it is in the carrier's queue, or on its way to the phone."""
    return rank_heard >= _ORDER["ringing"]


def rank(status: str) -> int:
    """Where a status stands in a call's life: a lower one never replaces a higher one."""
    return _FINAL_RANK if is_final(status) else _ORDER[status]


def outcome(
    report: CallReport, *, heard_before: str = "", by_a_person: bool = False, voicemail_left: bool = False
) -> Outcome:
    """How a call with a final status ended; who answered may have been heard in an earlier webhook.

    A number that the network says does not exist is refused for good, as if the carrier had known it at once.
    `by_a_person`: somebody pressed a key or spoke. They are a person, whatever the carrier thinks it heard.
    """
    ended = _OUTCOMES[report.status]
    if ended is Outcome.FAILED and report.detail in _NOWHERE:
        return Outcome.REFUSED
    if ended in _NOT_TAKEN and report.detail in _DECLINED:
        return Outcome.REJECTED
    answered_by = report.answered_by or heard_before
    machine = ended is Outcome.ANSWERED and is_machine(answered_by) and not by_a_person
    return (Outcome.VOICEMAIL if voicemail_left else Outcome.MACHINE) if machine else ended


def detail(report: CallReport, outcome: Outcome, *, heard_before: str = "") -> str:
    """What is kept of such an end beside its outcome: why a number is refused, or that a fax answered."""
    if outcome is Outcome.REFUSED:
        return f"{_NOWHERE[report.detail]} ({report.detail})"
    is_fax = outcome is Outcome.MACHINE and (report.answered_by or heard_before) == FAX
    return FAX if is_fax else report.detail


def is_machine(answered_by: str) -> bool:
    """Whether the carrier heard a machine. Whoever it could not make out is taken for a person."""
    return answered_by.startswith(("machine", "fax"))


def duration(text: str) -> timedelta | None:
    """How long a call lasted, from the carrier's seconds; None for whatever else stands there."""
    return timedelta(seconds=int(text)) if _SECONDS.fullmatch(text) else None


def queue_time(text: str) -> timedelta:
    """How long a call waits at the carrier, from its milliseconds; nothing for whatever else stands there."""
    return timedelta(milliseconds=int(text)) if _MILLISECONDS.fullmatch(text) else timedelta(0)


def price(text: str) -> Decimal | None:
    """What a call cost, from the carrier's number; None while it has none, and for whatever else stands there."""
    return Decimal(text) if _MONEY.fullmatch(text) else None
