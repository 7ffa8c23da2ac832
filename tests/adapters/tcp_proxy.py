"""A wire to mongod that goes wrong on purpose: replies lost after the command was carried out, commands lost, held.

It reads MongoDB's own messages (a 16-byte header, then OP_MSG with the command's document), so that a test can say
*which* command suffers. Nothing of the product knows that it is there.
"""

import socket
import struct
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from threading import Event, Lock, Thread
from typing import Any, Self

import bson
from pymongo import MongoClient

_OP_MSG = 2013
HEADER = struct.Struct("<iiii")  # length, request id, response to, operation
_KIND_AT = HEADER.size + 4  # after the flags
PATIENCE_S = 20.0


class Fate(Enum):
    """What becomes of a command."""

    LOSE_REPLY = "carried out; then the connection is cut before the reply"
    KEEP_SILENT = "carried out; the reply never comes, and the connection stays open"
    LOSE_COMMAND = "never arrives; the connection is cut"
    HOLD = "waits before it is carried out"


@dataclass(kw_only=True)
class Strike:
    """A fate for the next commands of one name."""

    command: str
    fate: Fate
    left: int
    arrived: Event = field(default_factory=Event)
    let_go: Event = field(default_factory=Event)


class TcpProxy:
    """Between a client and the primary at `uri`; a client uses `proxy.uri`. Use it as a context."""

    def __init__(self, uri: str, *, delay: float = 0.0) -> None:
        """`delay`: seconds that every command waits before it is carried out."""
        self._delay = delay
        self._target = _primary(uri)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = [self._listener]
        self._strikes: list[Strike] = []
        self._lock = Lock()
        self._open = True
        self.struck: Counter[str] = Counter()
        self.seen: Counter[str] = Counter()

    @property
    def uri(self) -> str:
        return f"mongodb://127.0.0.1:{self._listener.getsockname()[1]}/?directConnection=true"

    def __enter__(self) -> Self:
        self._threads = [Thread(target=self._accept)]
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self.heal()
        self._open = False
        with self._lock:
            for each in self._sockets:
                close(each)
        for thread in self._threads:
            thread.join(PATIENCE_S)

    def strike(self, command: str, fate: Fate, *, times: int = 1_000_000) -> Strike:
        """From now on, for so many commands of that name (`update`, `findAndModify`, `find`, `insert` …)."""
        strike = Strike(command=command, fate=fate, left=times)
        with self._lock:
            self._strikes.append(strike)
        return strike

    @contextmanager
    def holding(self, command: str) -> Iterator[Strike]:
        """The next command of that name stops here until the context ends; `arrived` says that it has come."""
        strike = self.strike(command, Fate.HOLD, times=1)
        try:
            yield strike
        finally:
            strike.let_go.set()

    def heal(self) -> None:
        """Nothing goes wrong any more."""
        with self._lock:
            for strike in self._strikes:
                strike.let_go.set()
            self._strikes.clear()

    def _accept(self) -> None:
        while self._open:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
            except OSError:
                return
            lost: dict[int, Fate] = {}
            with self._lock:
                self._sockets += [client, server]
                pumps = [
                    Thread(target=self._commands, args=(client, server, lost)),
                    Thread(target=self._replies, args=(client, server, lost)),
                ]
                self._threads += pumps
            for pump in pumps:
                pump.start()

    def _commands(self, client: socket.socket, server: socket.socket, lost: dict[int, Fate]) -> None:
        with suppress(OSError):
            while message := message_from(client):
                strike = self._fate_of(next(iter(command_in(message)), ""))
                if strike and strike.fate is Fate.LOSE_COMMAND:
                    break
                if strike and strike.fate is Fate.HOLD:
                    strike.arrived.set()
                    strike.let_go.wait(PATIENCE_S)
                elif strike:
                    lost[HEADER.unpack_from(message)[1]] = strike.fate
                time.sleep(self._delay)
                server.sendall(message)
        close(client)
        close(server)

    def _replies(self, client: socket.socket, server: socket.socket, lost: dict[int, Fate]) -> None:
        with suppress(OSError):
            while message := message_from(server):
                fate = lost.get(HEADER.unpack_from(message)[2])
                if fate is Fate.LOSE_REPLY:
                    break
                if fate is None:
                    client.sendall(message)
        close(client)
        close(server)

    def _fate_of(self, command: str) -> Strike | None:
        with self._lock:
            self.seen[command] += 1
            for strike in self._strikes:
                if strike.command == command and strike.left > 0:
                    strike.left -= 1
                    self.struck[command] += 1
                    return strike
        return None


def _primary(uri: str) -> tuple[str, int]:
    with MongoClient[dict[str, object]](uri, serverSelectionTimeoutMS=5000) as client:
        client.admin.command("ping")
        address = client.address
    assert address is not None
    return address


def message_from(source: socket.socket) -> bytes:
    """One whole message; empty at the end."""
    header = _exactly(source, HEADER.size)
    return header + _exactly(source, HEADER.unpack(header)[0] - HEADER.size) if header else b""


def _exactly(source: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = source.recv(size - len(parts))
        if not part:
            return b""
        parts += part
    return bytes(parts)


def command_in(message: bytes) -> dict[str, Any]:
    """The message's first document; its first field is the command's name. Empty where it is no command."""
    if HEADER.unpack_from(message)[3] != _OP_MSG or message[_KIND_AT] != 0:
        return {}
    start = _KIND_AT + 1
    (size,) = struct.unpack_from("<i", message, start)
    return dict(bson.decode(message[start : start + size]))


def close(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
