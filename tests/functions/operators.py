"""An operator before the API's handler: requests as its function URL hands them in, and the answers read."""

import base64
import json
import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from dialer import wiring
from dialer.tokens import Role
from tests.functions.events import Event, event

if TYPE_CHECKING:
    from tests.functions.conftest import Stack

FORM = {
    "name": "Appointments",
    "from_numbers": ["+12015550199"],
    "call": {"say": "Hello {name}.", "opt_out_digit": "9"},
    "pacing": {"call_delay_s": 0.001, "max_concurrent": 100},
    "retry": {"max_attempts": 3},
    "any_hour_because": "a test runs at any hour",
}


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    body: Any
    headers: dict[str, str]
    raw: str


def request(
    method: str, path: str, body: Any = None, *, query: str = "", text: str | None = None, **headers: str
) -> Event:
    """A function URL's event; `text` is a body as it stands."""
    filled = event("api_campaigns")
    http = filled["requestContext"]["http"] | {"method": method, "path": path}
    told = {name: value for name, value in filled["headers"].items() if name != "authorization"}
    written = json.dumps(body) if text is None and body is not None else text
    if written is not None:
        told["content-type"] = "application/json"
        filled |= {"body": base64.b64encode(written.encode()).decode(), "isBase64Encoded": True}
    queries = {"queryStringParameters": dict(pair.split("=", 1) for pair in query.split("&"))} if query else {}
    return filled | {
        "rawPath": path,
        "rawQueryString": query,
        "headers": told | {name.replace("_", "-"): value for name, value in headers.items()},
        "requestContext": filled["requestContext"] | {"http": http},
        **queries,
    }


@dataclass(frozen=True, kw_only=True)
class Operator:
    """Whoever holds a token: `operator.post("/campaigns", form)`."""

    stack: "Stack"
    token: str = ""

    def ask(self, method: str, path: str, body: Any = None, **more: Any) -> Answer:
        if self.token:
            more.setdefault("authorization", f"Bearer {self.token}")
        return self.send(request(method, path, body, **more))

    def send(self, asked: Event) -> Answer:
        reply = self.stack.invoke("api", asked)
        raw = reply["body"]
        body = json.loads(raw) if raw else None
        return Answer(status=reply["statusCode"], body=body, headers=reply["headers"], raw=raw)

    def get(self, path: str, **more: Any) -> Any:
        return _good(self.ask("GET", path, **more))

    def post(self, path: str, body: Any = None, **more: Any) -> Any:
        return _good(self.ask("POST", path, body, **more))

    def patch(self, path: str, body: Any) -> Any:
        return _good(self.ask("PATCH", path, body))

    def refused(self, method: str, path: str, body: Any = None, **more: Any) -> Answer:
        """A problem in the one shape that all have."""
        answer = self.ask(method, path, body, **more)
        assert answer.status >= 400, answer
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert set(answer.body) == {"type", "title", "status", "detail"}
        assert answer.body["status"] == answer.status
        return answer

    def campaign(self, **wishes: Any) -> str:
        created: str = self.post("/campaigns", {**FORM, **wishes})["id"]
        return created

    def running(self, **wishes: Any) -> str:
        campaign_id = self.campaign(**wishes)
        self.post(f"/campaigns/{campaign_id}/start")
        return campaign_id

    def with_token(self, token: str) -> "Operator":
        return replace(self, token=token)


def a_token(role: Role = Role.OPERATOR, **wishes: Any) -> str:
    """A good token, made without a request."""
    usual = {"name": f"somebody {secrets.token_hex(3)}", "lasts": timedelta(days=1), "by": "these tests"}
    return wiring.keyring().issue(role=role, **{**usual, **wishes}).secret.reveal()


def _good(answer: Answer) -> Any:
    assert answer.status < 300, answer
    return answer.body
