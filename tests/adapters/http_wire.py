"""HTTP that goes wrong on purpose: a server that answers what a test says, and a proxy that loses replies."""

import http.client
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any, Self
from urllib.parse import urlsplit

PATIENCE_S = 20.0


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def operation(self) -> str:
        """`UpdateItem`, `SendMessageBatch`: what AWS's JSON protocol names in a header."""
        return self.headers.get("x-amz-target", "").rpartition(".")[2]


@dataclass(frozen=True, kw_only=True)
class Reply:
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Cut:
    """The connection ends instead of a reply."""


@dataclass(frozen=True)
class Silence:
    """No reply, ever; the connection stays open until the server ends."""


Answer = Reply | Cut | Silence


class WireServer:
    """Answers every request as `answer` says, and remembers them in order. Use it as a context."""

    def __init__(self, answer: Callable[[Asked], Answer]) -> None:
        self.asked: list[Asked] = []
        self._answer = answer
        self._lock = Lock()
        self._over = Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = False
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._server.shutdown()
        self._thread.join(PATIENCE_S)
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            timeout = PATIENCE_S

            def _any(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                lowered = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(method=self.command, path=self.path, headers=lowered, body=self.rfile.read(length))
                with server._lock:
                    server.asked.append(asked)
                answer = server._answer(asked)
                if isinstance(answer, Silence):
                    server._over.wait(PATIENCE_S)
                if isinstance(answer, Reply):
                    with suppress(OSError):
                        self._reply(answer)

            def _reply(self, reply: Reply) -> None:
                self.send_response(reply.status)
                for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply.body)

            do_GET = do_POST = do_DELETE = _any  # noqa: N815  the names http.server asks for

            def log_message(self, *_: Any) -> None:
                return

        return Handler


class LossyProxy(WireServer):
    """In front of the service at `target`: what is asked is done, and replies can be lost."""

    def __init__(self, target: str) -> None:
        super().__init__(self._forwarded)
        self._target = urlsplit(target)
        self._to_lose: list[str] = []
        self.lost = 0

    def lose(self, operation: str, *, times: int = 1) -> None:
        """The replies to the next requests for this operation."""
        self._to_lose += [operation] * times

    def _forwarded(self, asked: Asked) -> Answer:
        connection = http.client.HTTPConnection(self._target.netloc, timeout=PATIENCE_S)
        headers = {**asked.headers, "connection": "close"}
        try:
            connection.request(asked.method, asked.path, asked.body, headers)
            reply = connection.getresponse()
            body = reply.read()
        finally:
            connection.close()
        with self._lock:
            if asked.operation in self._to_lose:
                self._to_lose.remove(asked.operation)
                self.lost += 1
                return Cut()
        kept = ("content-type", "x-amzn-requestid", "x-amz-crc32")
        return Reply(
            status=reply.status,
            body=body,
            headers={name: value for name, value in reply.getheaders() if name.lower() in kept},
        )
