"""Where the carrier finds the voice function: an HTTP request becomes the event of a function URL, and back."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from local.emulator import Reply
from tests.functions.events import event, with_body

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """A request as it came over the wire."""

    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    def event(self) -> Json:
        """What the function behind a URL is given."""
        like = event("voice_status_completed")
        http = like["requestContext"]["http"] | {"path": self.path}
        request = {"rawPath": self.path, "rawQueryString": self.query, "headers": dict(self.headers)}
        return with_body(like | request | {"requestContext": like["requestContext"] | {"http": http}}, self.body)


def answered(reply: Reply) -> tuple[int, str, str]:
    """Status, content type and body, as a function URL makes them of what the function returned."""
    if reply.kind != "ok":
        return 502, "text/plain", "Internal Server Error"
    return reply.value["statusCode"], reply.value["headers"]["Content-Type"], reply.value["body"]


Hear = Callable[[Webhook], tuple[int, str, str]]


class Door(ThreadingHTTPServer):
    """Every webhook is given to `hear`; what goes wrong in it is added to `broken`."""

    def __init__(self, hear: Hear, *, broken: list[BaseException]) -> None:
        super().__init__(("127.0.0.1", 0), _Knock)
        self.hear, self._broken = hear, broken

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        broken = sys.exception()
        if broken and not isinstance(broken, OSError):  # the carrier may hang up
            self._broken.append(broken)


class _Knock(BaseHTTPRequestHandler):
    server: Door

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, kind, answer = self.server.hear(Webhook(path=path, query=query, headers=headers, body=body))
        self.send_response_only(status)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, *args: object) -> None:
        """The carrier's ledger is the record."""
