"""The files in events/, with the ids of a living database filled in, and signed again as the carrier signs.

What stands in the files cannot be valid for any deployment: their account, call and contact ids are made up, and their
signatures were made with a token that belongs to nobody.
"""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from twilio.request_validator import RequestValidator

from dialer.adapters.call_queue import body_of
from dialer.model import CallMessage, Contact, attempt_of

EVENTS = Path(__file__).resolve().parents[2] / "events"
VOICE_URL = "https://voice.example"
TOKEN = "the-auth-token-of-these-tests"
Event = dict[str, Any]


def event(name: str) -> Event:
    """A file as it stands."""
    read: Event = json.loads((EVENTS / f"{name}.json").read_text())
    return read


def names(prefix: str = "") -> list[str]:
    return sorted(path.stem for path in EVENTS.glob(f"{prefix}*.json"))


def webhooks() -> list[str]:
    """The files that are the carrier's requests."""
    return [name for name in names("voice_") if name not in {"voice_opt_outs", "voice_agent"}]


def batch(*messages: CallMessage | str, name: str = "call_batch") -> Event:
    """The SQS event with these messages (or bodies) in its records, in their order."""
    filled = event(name)
    first = filled["Records"][0]
    filled["Records"] = [_record(first, message, index) for index, message in enumerate(messages)]
    return filled


def refill(*bodies: str) -> Event:
    return batch(*bodies, name="tick_refill")


def _record(like: Event, message: CallMessage | str, index: int) -> Event:
    body = message if isinstance(message, str) else body_of(message)
    return like | {
        "messageId": f"00000000-0000-4000-8000-{index:012}",
        "body": body,
        "md5OfBody": hashlib.md5(body.encode()).hexdigest(),
    }


def webhook(name: str, contact: Contact, *, sid: str = "", token: str = TOKEN, **fields: str) -> Event:
    """The webhook, about this contact's attempt and call; signed, unless its file has no signature."""
    filled = event(name)
    attempt = attempt_of(contact)
    ids = f"/voice/{contact.id}/{attempt.id}/"
    path = filled["rawPath"] if filled["rawPath"].count("/") < 4 else ids + filled["rawPath"].rpartition("/")[2]
    own = {"CallSid": sid or attempt.sid, "To": contact.phone, "Called": contact.phone}
    return request(filled, path=path, fields=fields_of(filled) | own | fields, token=token)


def request(filled: Event, *, path: str, fields: dict[str, str], token: str = TOKEN) -> Event:
    """A function URL event with this path and form, signed with the token where the event has a signature."""
    headers = dict(filled["headers"])
    if "x-twilio-signature" in headers:
        asked = path if "?" in path else path + query_of(filled)
        headers["x-twilio-signature"] = RequestValidator(token).compute_signature(f"{VOICE_URL}{asked}", fields)
    http = filled["requestContext"]["http"] | {"path": path}
    context = filled["requestContext"] | {"http": http}
    return with_body(
        filled | {"rawPath": path, "headers": headers, "requestContext": context}, urlencode(fields).encode()
    )


def queried(filled: Event, query: str, *, token: str = TOKEN) -> Event:
    """The same request with a query, signed over it."""
    told = request(filled, path=f"{filled['rawPath']}?{query}", fields=fields_of(filled), token=token)
    return told | {"rawPath": filled["rawPath"], "rawQueryString": query, "requestContext": filled["requestContext"]}


def query_of(filled: Event) -> str:
    """With its question mark, or nothing."""
    return f"?{filled['rawQueryString']}" if filled["rawQueryString"] else ""


def with_body(filled: Event, body: bytes) -> Event:
    """The same request with another body, as Lambda encodes it."""
    length = filled["headers"] | {"content-length": str(len(body))}
    return filled | {"headers": length, "body": base64.b64encode(body).decode(), "isBase64Encoded": True}


def fields_of(filled: Event) -> dict[str, str]:
    return dict(parse_qsl(base64.b64decode(filled["body"]).decode(), keep_blank_values=True))
