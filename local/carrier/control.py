"""A small client for the control API, and a way to start a carrier of one's own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

Json = dict[str, Any]
ROOT = Path(__file__).resolve().parents[2]


class MisaskedError(ValueError):
    """The carrier did not understand; the message is its sentence."""


@dataclass(frozen=True, slots=True)
class Carrier:
    """The carrier at `url`. Shapes are documented in `local.carrier.panel`."""

    url: str

    def set_fates(
        self,
        numbers: Mapping[str, Any] | None = None,
        *,
        prefixes: Mapping[str, Any] | None = None,
        mix: Mapping[str, float] | Sequence[Mapping[str, Any]] | None = None,
        seed: int | None = None,
    ) -> None:
        book = {"numbers": numbers or {}, "prefixes": prefixes or {}, "mix": mix or []}
        self._ask("PUT", "fates", book if seed is None else book | {"seed": seed})

    def set_faults(
        self, requests: Sequence[Mapping[str, Any]] = (), callbacks: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        self._ask("PUT", "faults", {"requests": list(requests), "callbacks": list(callbacks)})

    def set_routes(self, routes: Mapping[str, str]) -> None:
        self._ask("PUT", "routes", dict(routes))

    def set_time_scale(self, scale: float) -> None:
        self._ask("PUT", "clock", {"time_scale": scale})

    def set_pace(self, calls_per_second: float, *, told: bool = True) -> None:
        self._ask("PUT", "pace", {"calls_per_second": calls_per_second, "told": told})

    def refuse(self, seconds: float) -> None:
        self._ask("POST", "refuse", {"seconds": seconds})

    def state(self) -> Json:
        return self._ask("GET", "state")

    def calls(self) -> list[Json]:
        return list(self._ask("GET", "calls")["calls"])

    def ledger(self, *, after: int = 0) -> list[Json]:
        return list(self._ask("GET", f"ledger?after={after}")["records"])

    def verdict(
        self,
        rows: Sequence[Mapping[str, Any]],
        policy: Mapping[str, Any],
        *,
        policies: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Json:
        return self._ask("POST", "verdict", {"rows": list(rows), "policy": policy, "policies": policies or {}})

    def wait_idle(self, *, seconds: float = 30.0) -> Json:
        """Until no call is alive and no callback on its way; raises TimeoutError."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            state = self.state()
            if not state["active"] and not state["callbacks"]["pending"]:
                return state
            time.sleep(0.02)
        raise TimeoutError(f"the carrier is still busy after {seconds:g} s: {self.state()}")

    def _ask(self, method: str, path: str, body: object = None) -> Json:
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.url}/_carrier/{path}", data=data, method=method)
        try:
            with urlopen(request, timeout=60) as reply:
                answer: Json = json.load(reply)
                return answer
        except HTTPError as error:
            with error:
                raise MisaskedError(json.load(error)["error"]) from error


@contextmanager
def running(state: Path, *, account_sid: str, token: str, **options: object) -> Iterator[Carrier]:
    """A carrier in its own process, stopped at the end; `time_scale=0.01` stands for `--time-scale=0.01`."""
    given = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    command = [sys.executable, "-m", "local.carrier", "--state", str(state), "--account-sid", account_sid]
    process = subprocess.Popen(
        [*command, "--auth-token", token, *given], cwd=ROOT, stdout=subprocess.PIPE, text=True, env=os.environ
    )
    try:
        yield Carrier(_announced(process))
    finally:
        process.terminate()
        process.wait(timeout=10)
        if process.stdout:
            process.stdout.close()


def _announced(process: subprocess.Popen[str]) -> str:
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        raise RuntimeError(f"the carrier did not start; it ended with {process.wait(timeout=10)}")
    return str(json.loads(line)["url"])
