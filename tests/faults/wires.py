"""The wires of one function: each of its requests passes here and is counted, and at one of them something goes wrong.

The function is told these addresses instead of the database's, AWS's and the carrier's, and knows nothing else of them.
"""

import re
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any, Self
from urllib.parse import urlsplit

from tests.adapters.tcp_proxy import HEADER, Fate, TcpProxy, close, command_in, message_from

_LONGEST_S = 90.0  # that an invocation is waited for
_SERVICES = {
    "DynamoDB_20120810": "DynamoDB",
    "AmazonSSM": "SSM",
    "AmazonSQS": "SQS",
    "AWSEvents": "EventBridge",
}
_SID = re.compile(r"CA[0-9a-f]{32}")
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})


class Fault(StrEnum):
    """What happens at a request."""

    KILLED_BEFORE = "killed before it leaves"
    KILLED_WAITING = "killed before the reply"
    KILLED_AFTER = "killed after the reply"
    REPLY_LOST = "reply lost"
    """Carried out; the connection is cut instead."""
    REPLY_LATE = "reply too late"
    """Carried out; nothing comes for as long as the function waits."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """The n-th request of one kind in one invocation."""

    request: str
    nth: int = 1

    def __str__(self) -> str:
        return self.request if self.nth == 1 else f"{self.request}, {self.nth}"


class Cut(OSError):
    """This connection ends here."""


class Gate:
    """Where all wires of a function come together: its requests one by one, and the fault that strikes one of them."""

    def __init__(self, point: Point | None, fault: Fault | None, *, kill: Callable[[], None]) -> None:
        self._point, self._fault, self._kill = point, fault, kill
        self._lock, self._over = Lock(), Event()
        self._shut = False
        self.seen: list[Point] = []
        self.struck_at = 0.0
        """When, by the monotonic clock; 0 where nothing was struck."""

    def arrive(self, request: str) -> Fault | None:
        """Lets a request out, and says what is to become of its reply. Raises Cut where it does not get out."""
        with self._lock:
            closed, fault = self._shut, None
            if not closed:
                point = Point(request=request, nth=1 + sum(one.request == request for one in self.seen))
                self.seen.append(point)
                fault = self._fault if point == self._point else None
            if fault:
                self.struck_at = time.monotonic()
            if fault is Fault.KILLED_BEFORE:
                self._shut = True
        if closed:
            self._wait_and_cut()
        if fault is Fault.KILLED_BEFORE:
            self._strike_dead()
        return fault

    def answer(self, fault: Fault | None, hand_over: Callable[[], object]) -> None:
        """The reply is here: the function gets it, unless the fault is that it does not."""
        match fault:
            case None:
                hand_over()
            case Fault.KILLED_AFTER:
                self._shut = True  # not one request more gets out while the kill is under way
                hand_over()
                self._strike_dead()
            case Fault.KILLED_WAITING:
                self._shut = True
                self._strike_dead()
            case Fault.REPLY_LATE:
                self._wait_and_cut()
            case _:
                raise Cut

    def over(self) -> None:
        """The invocation has ended, however it did."""
        self._over.set()

    def _strike_dead(self) -> None:
        self._kill()
        self._wait_and_cut()

    def _wait_and_cut(self) -> None:
        self._over.wait(_LONGEST_S)
        raise Cut


class MongoWire(TcpProxy):
    """To the database. Heartbeats and handshakes, which go to `admin`, are nobody's requests."""

    def __init__(self, uri: str, gate: Gate) -> None:
        super().__init__(uri)
        self._gate = gate
        self._struck: dict[tuple[socket.socket, int], Fault] = {}

    def _commands(self, client: socket.socket, server: socket.socket, lost: dict[int, Fate]) -> None:
        with suppress(OSError):
            while message := message_from(client):
                request = _command_named(command_in(message))
                if request and (fault := self._gate.arrive(request)):
                    self._struck[client, HEADER.unpack_from(message)[1]] = fault
                server.sendall(message)
        close(client)
        close(server)

    def _replies(self, client: socket.socket, server: socket.socket, lost: dict[int, Fate]) -> None:
        with suppress(OSError):
            while message := message_from(server):
                fault = self._struck.pop((client, HEADER.unpack_from(message)[2]), None)
                self._gate.answer(fault, partial(client.sendall, message))
        close(client)
        close(server)


def _command_named(command: Mapping[str, Any]) -> str:
    """`findAndModify contacts`; empty for what no function asked for."""
    if command.get("$db", "admin") == "admin":
        return ""
    name, about = next(iter(command.items()))
    return f"{name} {about}" if isinstance(about, str) else str(name)


class HttpWire:
    """To an HTTP server at `target`. Use it as a context; a function uses `url`."""

    def __init__(self, target: str, gate: Gate) -> None:
        self._server = _Relay(urlsplit(target).netloc, gate)
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Relay(ThreadingHTTPServer):
    daemon_threads = True  # one may wait for the next request on a connection that nobody closes

    def __init__(self, target: str, gate: Gate) -> None:
        super().__init__(("127.0.0.1", 0), _Exchange)
        self.target, self.gate = target, gate

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that was cut, by us or by whoever was killed, is no news."""


class _Exchange(BaseHTTPRequestHandler):
    """One request after the other on one connection: taken whole, passed on byte for byte, answered whole."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Relay

    def do_GET(self) -> None:
        self._pass_on()

    def do_POST(self) -> None:
        self._pass_on()

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.server.gate.arrive(self._named())
        status, headers, reply = self._asked(body)
        self.server.gate.answer(fault, partial(self._reply, status, headers, reply))

    def _named(self) -> str:
        """`DynamoDB PutItem`, or the carrier's `POST /Calls`."""
        service, _, operation = self.headers.get("X-Amz-Target", "").rpartition(".")
        if operation:
            return f"{_SERVICES[service]} {operation}"
        resource = re.sub(r"^/[^/]+/Accounts/[^/]+|\.json$", "", urlsplit(self.path).path)
        return f"{self.command} {_SID.sub('{sid}', resource)}"

    def _asked(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = HTTPConnection(self.server.target, timeout=_LONGEST_S)
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            reply = connection.getresponse()
            return reply.status, reply.getheaders(), reply.read()
        finally:
            connection.close()

    def _reply(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Not a word: the carrier's ledger is the record."""
