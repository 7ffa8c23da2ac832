"""Three real mongods on loopback that elect a primary, and what can happen to each: killed, frozen, voted out."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Self

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from local.mongod import binary
from local.processes import Part, free_port, plain_environment, start
from local.runs import Run

NAME = "three"
ELECTION_MS = 2000
_PATIENCE_S = 40.0


class ReplicaSet:
    """`with ReplicaSet(run) as three:`; `three.uri` is what the product gets."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._parts: dict[int, Part] = {}

    @property
    def uri(self) -> str:
        return f"mongodb://{','.join(f'127.0.0.1:{port}' for port in self._parts)}/?replicaSet={NAME}"

    def __enter__(self) -> Self:
        for _ in range(3):
            self._launch(free_port())
        members = [{"_id": index, "host": f"127.0.0.1:{port}"} for index, port in enumerate(self._parts)]
        settings = {"electionTimeoutMillis": ELECTION_MS, "heartbeatIntervalMillis": 500}
        self._until_told(
            next(iter(self._parts)), "replSetInitiate", {"_id": NAME, "members": members, "settings": settings}
        )
        self.primary()
        return self

    def __exit__(self, *_: object) -> None:
        for part in self._parts.values():
            part.kill()

    def primary(self) -> int:
        """The port of the primary that a majority of all three has elected, as soon as there is one."""
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            for port in self._parts:
                if self._hello(port).get("isWritablePrimary") and self._writes(port):
                    return port
            time.sleep(0.05)
        raise AssertionError("the three elected no primary")

    def secondaries(self) -> list[int]:
        primary = self.primary()
        return [port for port in self._parts if port != primary]

    def kill(self, port: int) -> None:
        self._parts[port].kill()

    def start_again(self, port: int) -> None:
        """With the data it had: what a majority never got is rolled back."""
        self._launch(port)

    @contextmanager
    def frozen(self, *ports: int) -> Iterator[None]:
        for port in ports:
            os.kill(self._parts[port].process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for port in ports:
                os.kill(self._parts[port].process.pid, signal.SIGCONT)

    def step_down(self) -> None:
        """The primary is voted out; its connections break."""
        with suppress(PyMongoError), self._client(self.primary(), seconds=10) as client:
            client.admin.command("replSetStepDown", 10, secondaryCatchUpPeriodSecs=5)

    def _launch(self, port: int) -> None:
        where = ["--bind_ip", "127.0.0.1", "--port", str(port), "--nounixsocket"]
        files = [
            "--dbpath",
            str(self._run.own(f"member-{port}")),
            "--oplogSize",
            "64",
            "--wiredTigerCacheSizeGB",
            "0.25",
        ]
        command = [binary(), "--replSet", NAME, *where, *files]
        logs, environment = self._run.logs, plain_environment()
        self._parts[port] = start(f"member-{port}", command, world=self._run.name, logs=logs, environment=environment)

    def _until_told(self, port: int, command: str, value: Any) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while not self._told(port, command, value):
            assert time.monotonic() < deadline, f"{command} was not heard"
            time.sleep(0.1)

    def _told(self, port: int, command: str, value: Any) -> bool:
        with suppress(PyMongoError), self._client(port, seconds=5) as client:
            client.admin.command(command, value)
            return True
        return False

    def _hello(self, port: int) -> dict[str, Any]:
        with suppress(PyMongoError), self._client(port, seconds=0.5) as client:
            found: dict[str, Any] = client.admin.command("hello")
            return found
        return {}

    def _writes(self, port: int) -> bool:
        """Whether a majority follows it: a primary that has lost its majority still says that it is one."""
        with suppress(PyMongoError), self._client(port, seconds=2) as client:
            client["faults"]["checks"].replace_one({"_id": 1}, {"_id": 1}, upsert=True)
            return True
        return False

    def _client(self, port: int, *, seconds: float) -> "MongoClient[dict[str, Any]]":
        wait = round(1000 * seconds)
        return MongoClient(
            "127.0.0.1", port, directConnection=True, timeoutMS=wait, serverSelectionTimeoutMS=wait, w="majority"
        )
