"""The form fields Twilio posts with every request about a call."""

import math
import time

from local.carrier.calls import Call
from local.carrier.resource import VERSION, rfc2822

PLACES = tuple(
    f"{who}{part}" for who in ("Called", "Caller", "From", "To") for part in ("City", "Country", "State", "Zip")
)


def about(call: Call, status: str) -> dict[str, str]:
    """What every request carries; the places are there and empty, as Twilio sends them for numbers it cannot place."""
    return {
        **dict.fromkeys(PLACES, ""),
        "AccountSid": call.account_sid,
        "ApiVersion": VERSION,
        "CallSid": call.sid,
        "CallStatus": status,
        "Called": call.order.to,
        "Caller": call.order.from_,
        "Direction": "outbound-api",
        "From": call.order.from_,
        "To": call.order.to,
    }


def progress(call: Call, event: str) -> dict[str, str]:
    """A status callback, with the next sequence number of its call."""
    status = {"initiated": "initiated", "ringing": "ringing", "answered": "in-progress"}.get(event, str(call.status))
    params = about(call, status) | {
        "CallbackSource": "call-progress-events",
        "SequenceNumber": str(call.sequence),
        "Timestamp": rfc2822(time.time()),
    }
    call.sequence += 1
    return params | _ended(call) if event == "completed" else params


def _ended(call: Call) -> dict[str, str]:
    length = {"CallDuration": str(call.seconds), "Duration": str(math.ceil(call.seconds / 60))}
    return length | detected(call) if call.order.detects_at_once else length


def detected(call: Call) -> dict[str, str]:
    return {"AnsweredBy": call.answered_by} if call.answered_by else {}


def detection(call: Call, milliseconds: int) -> dict[str, str]:
    """The verdict of asynchronous answering machine detection."""
    found = {"AccountSid": call.account_sid, "CallSid": call.sid, "MachineDetectionDuration": str(milliseconds)}
    return found | detected(call)
