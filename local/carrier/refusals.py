"""Twilio's error bodies: which code, which HTTP status, which words."""

from typing import Any

UNAUTHORIZED, NOT_FOUND, TOO_MANY, SERVER_ERROR, UNAVAILABLE = 20003, 20404, 20429, 20500, 20503
NO_TO, INVALID_URL, INVALID_SEND_DIGITS, INVALID_TIMEOUT, INVALID_METHOD = 21201, 21205, 21206, 21208, 21209
INVALID_TO, INVALID_FROM, NO_FROM, NOT_IN_PROGRESS = 21211, 21212, 21213, 21220
INVALID_STATUS_CALLBACK, INVALID_EVENTS, INVALID_PARAMETER = 21609, 21626, 20001
QUEUE_FULL = 15001

STATUS = {UNAUTHORIZED: 401, NOT_FOUND: 404, TOO_MANY: 429, SERVER_ERROR: 500, UNAVAILABLE: 503, QUEUE_FULL: 429}
WORDS = {
    UNAUTHORIZED: "Authenticate",
    TOO_MANY: "Too Many Requests",
    SERVER_ERROR: "Internal Server Error",
    UNAVAILABLE: "Service Unavailable",
    QUEUE_FULL: "Call queue is full",
    NO_TO: "No 'To' number is specified",
    NO_FROM: "'From' phone number is required",
    INVALID_URL: "Url parameter is required.",
    21202: "The number {to} is a premium number.",
    21210: "The source phone number provided, {from_}, is not yet verified for your account.",
    INVALID_TO: "The phone number you are attempting to call, {to}, is not valid.",
    INVALID_FROM: "The source phone number provided, {from_}, is not a valid phone number.",
    21214: "The phone number you are attempting to call, {to}, cannot be reached.",
    21215: "Account not authorized to call {to}. Perhaps you need to enable some international permissions.",
    21216: "The number {to} is blocked for this account.",
    21217: "Phone number {to} does not appear to be valid.",
    21219: "The number {to} is unverified. Trial accounts may only make calls to verified numbers.",
    13224: "Twilio does not support calling {to}, or the number is invalid.",
}


class Refusal(Exception):
    """The request is refused; nothing was done. `fated`: because the number's fate says so."""

    def __init__(
        self, code: int, message: str | None = None, *, status: int = 0, to: str = "", from_: str = ""
    ) -> None:
        self.code = code
        self.fated = False
        self.status = status or STATUS.get(code, 400)
        self.message = message or WORDS.get(code, "Refused with code {code}.").format(to=to, from_=from_, code=code)
        super().__init__(self.message)

    def body(self) -> dict[str, Any]:
        more = f"https://www.twilio.com/docs/errors/{self.code}"
        return {"code": self.code, "message": self.message, "more_info": more, "status": self.status}
