"""The customer's side: a tiny server that keeps every request it gets and answers as it is told."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from twilio.request_validator import RequestValidator

Params = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Got:
    method: str
    path: str
    url: str
    params: Params
    signature: str
    host: str
    at: float

    def signed_with(self, token: str) -> bool:
        posted = self.params if self.method == "POST" else {}
        return bool(RequestValidator(token).validate(self.url, posted, self.signature))


Answer = Callable[[Got], tuple[int, str]]


@dataclass
class Receiver:
    """`answers`: path ending → TwiML, a status, or a function; everything else gets an empty 200."""

    answers: dict[str, str | int | Answer] = field(default_factory=dict)
    got: list[Got] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.02},
            daemon=True,  # a test that fails before it is closed must not keep the run from ending
        )
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def about(self, ending: str) -> list[Got]:
        return [got for got in self.got if got.path.endswith(ending)]

    def statuses(self) -> list[str]:
        return [got.params["CallStatus"] for got in self.about("/status")]

    def _answer(self, got: Got) -> tuple[int, str]:
        for ending, answer in self.answers.items():
            if got.path.endswith(ending):
                if callable(answer):
                    return answer(got)
                return (answer, "") if isinstance(answer, int) else (200, answer)
        return 200, ""

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self._take(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())

            def do_GET(self) -> None:
                self._take(urlsplit(self.path).query)

            def _take(self, form: str) -> None:
                host = self.headers["Host"]
                got = Got(
                    method=self.command,
                    path=urlsplit(self.path).path,
                    url=f"http://{host}{self.path}",
                    params=dict(parse_qsl(form, keep_blank_values=True)),
                    signature=self.headers.get("X-Twilio-Signature", ""),
                    host=host,
                    at=time.time(),
                )
                receiver.got.append(got)
                status, body = receiver._answer(got)
                self.send_response(status)
                self.send_header("Content-Type", "text/xml")
                self.send_header("Content-Length", str(len(body.encode())))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- its parent's name
                pass

        return Handler
