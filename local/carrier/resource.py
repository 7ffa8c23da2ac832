"""A call, and its requests to the customer, as Twilio's JSON shows them."""

import math
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from local.carrier.calls import Call, Exchange

VERSION = "2010-04-01"
A_MINUTE = 0.014  # what this carrier charges for a minute that has begun, of a call that was answered
PARTS = ("events", "notifications", "payments", "recordings", "siprec", "streams", "transcriptions")


def rfc2822(at: float) -> str:
    return format_datetime(datetime.fromtimestamp(at, UTC))


def resource(call: Call) -> dict[str, Any]:
    uri = f"/{VERSION}/Accounts/{call.account_sid}/Calls/{call.sid}"
    talked = call.answered is not None and call.ended is not None
    return {
        "sid": call.sid,
        "account_sid": call.account_sid,
        "api_version": VERSION,
        "to": call.order.to,
        "to_formatted": call.order.to,
        "from": call.order.from_,
        "from_formatted": call.order.from_,
        "status": str(call.status),
        "direction": "outbound-api",
        "date_created": rfc2822(call.created),
        "date_updated": rfc2822(call.updated),
        "start_time": rfc2822(call.started) if call.started else None,
        "end_time": rfc2822(call.ended) if call.ended else None,
        "duration": str(call.seconds) if talked else None,
        "queue_time": str(round(call.queue_seconds * 1000) if call.queue_told else 0),
        "answered_by": call.answered_by,
        "price": f"{-A_MINUTE * math.ceil(call.seconds / 60):.5f}" if talked else None,
        "price_unit": "USD",
        "annotation": None,
        "caller_name": None,
        "forwarded_from": None,
        "group_sid": None,
        "parent_call_sid": None,
        "phone_number_sid": None,
        "trunk_sid": "",
        "uri": f"{uri}.json",
        "subresource_uris": {part: f"{uri}/{part.capitalize()}.json" for part in PARTS},
    }


def event(exchange: Exchange) -> dict[str, Any]:
    return {
        "request": {
            "method": exchange.method,
            "url": exchange.url,
            "parameters": {_snake(name): value for name, value in exchange.params.items()},
        },
        "response": {
            "response_code": exchange.status,
            "request_duration": round(exchange.seconds * 1000),
            "content_type": exchange.content_type,
            "response_body": exchange.body,
            "date_created": rfc2822(exchange.at),
        },
    }


def _snake(name: str) -> str:
    """CallSid -> call_sid"""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
