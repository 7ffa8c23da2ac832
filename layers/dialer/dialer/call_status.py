"""The carrier's call statuses: their order in a call's life, and the outcome each final one stands for.

Source: Twilio's Call resource and status callback documentation. `initiated` appears only in callbacks.
"""

import re
from datetime import timedelta
from decimal import Decimal

from dialer.model import CallReport, Outcome

_ORDER = {"queued": 0, "initiated": 1, "ringing": 2, "answered": 3, "in-progress": 3}
_FINAL_RANK = 9
_SECONDS, _MONEY = re.compile(r"[0-9]{1,6}"), re.compile(r"-?[0-9]{1,6}(\.[0-9]{1,6})?")
_OUTCOMES = {
    "completed": Outcome.ANSWERED,
    "busy": Outcome.BUSY,
    "no-answer": Outcome.NO_ANSWER,
    "failed": Outcome.FAILED,
    "canceled": Outcome.CANCELED,
}


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


def outcome(report: CallReport, *, heard_before: str = "", by_a_person: bool = False) -> Outcome:
    """How a call with a final status ended; who answered may have been heard in an earlier webhook.

    `by_a_person`: somebody pressed a key or spoke. They are a person, whatever the carrier thinks it heard.
    """
    ended = _OUTCOMES[report.status]
    answered_by = report.answered_by or heard_before
    machine = ended is Outcome.ANSWERED and is_machine(answered_by) and not by_a_person
    return Outcome.MACHINE if machine else ended


def is_machine(answered_by: str) -> bool:
    """Whether the carrier heard a machine. Whoever it could not make out is taken for a person."""
    return answered_by.startswith(("machine", "fax"))


def duration(text: str) -> timedelta | None:
    """How long a call lasted, from the carrier's seconds; None for whatever else stands there."""
    return timedelta(seconds=int(text)) if _SECONDS.fullmatch(text) else None


def price(text: str) -> Decimal | None:
    """What a call cost, from the carrier's number; None while it has none, and for whatever else stands there."""
    return Decimal(text) if _MONEY.fullmatch(text) else None
