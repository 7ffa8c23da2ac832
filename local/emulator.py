"""One function as Lambda runs it, without Docker: AWS's own runtime interface emulator in front of the built function.

What the function finds is what it would find on AWS: its code, its layers, boto3, and nothing else.
"""

import json
import os
import platform
import re
import shutil
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from local.environments import LOCAL, Refused, interpreter
from local.ministack import ACCESS_KEY, REGION, SECRET_KEY
from local.processes import Part, answers, free_port, marked, plain_environment, start
from local.runs import Run

LAYERS = ("DialerLayer", "DependenciesLayer")
READS_LISTS = {"ApiFunction", "IntakeFunction"}
"""Functions that have the IntakeLayer too."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What an invocation came to, told apart as AWS's own emulator tells it: by its shape."""

    kind: str
    """ok | error | timeout | crash"""
    value: Any
    seconds: float


class Emulator:
    """`with Emulator(run, built, "TickFunction", …) as tick: tick.invoke(event)`; one request at a time."""

    def __init__(
        self,
        run: Run,
        built: Path,
        function: str,
        *,
        variables: Mapping[str, str],
        timeout: int,
        layers: Path | None = None,
    ) -> None:
        self._run, self._built, self._function = run, built, function
        self._variables, self._timeout = dict(variables), timeout
        self._layers = layers or built
        self.part: Part

    def __enter__(self) -> Self:
        for _ in range(5):
            self._port, self._runtime_port = free_port(), free_port()
            self.part = self._started()
            if self._is_up():
                return self
            self.part.stop()
        raise Refused(f"The Lambda emulator did not start; {self.part.log} says why: {self.part.last_words()}")

    def __exit__(self, *_: object) -> None:
        self.part.stop()

    def invoke(self, event: object) -> Reply:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._port}/2015-03-31/functions/function/invocations", json.dumps(event).encode()
        )
        began = time.monotonic()
        try:
            with urllib.request.urlopen(request, timeout=self._timeout + 10) as reply:
                text = reply.read().decode()
        except urllib.error.HTTPError as crash:
            return Reply(kind="crash", value=json.loads(crash.read()), seconds=time.monotonic() - began)
        return _read(text, time.monotonic() - began)

    def kill(self) -> None:
        """`kill -9` of the function's own process, in mid-flight; the emulator stays, and starts another one."""
        for pid in marked(self._run.name, f"AWS_LAMBDA_RUNTIME_API=127.0.0.1:{self._runtime_port}"):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def log(self) -> str:
        """All that the function has printed."""
        return self.part.said.read_text(errors="replace") + self.part.log.read_text(errors="replace")

    def _started(self) -> Part:
        code = self._built / self._function
        layers = [*LAYERS, "IntakeLayer"] if self._function in READS_LISTS else LAYERS
        paths = [code, *(self._layers / layer / "python" for layer in layers)]
        environment = plain_environment(
            AWS_LAMBDA_FUNCTION_NAME=self._function,
            AWS_LAMBDA_FUNCTION_TIMEOUT=str(self._timeout),
            AWS_LAMBDA_FUNCTION_MEMORY_SIZE="512",
            AWS_REGION=REGION,
            AWS_DEFAULT_REGION=REGION,
            AWS_ACCESS_KEY_ID=ACCESS_KEY,
            AWS_SECRET_ACCESS_KEY=SECRET_KEY,
            AWS_EC2_METADATA_DISABLED="true",
            LAMBDA_TASK_ROOT=code,
            PYTHONPATH=os.pathsep.join(str(path) for path in paths),
            PYTHONDONTWRITEBYTECODE="1",  # as on AWS, where /opt and /var/task cannot be written
            **self._variables,
        )
        addresses = ["--runtime-interface-emulator-address", f"127.0.0.1:{self._port}"]
        addresses += ["--runtime-api-address", f"127.0.0.1:{self._runtime_port}"]
        command: list[str | Path] = [_binary(), "--log-level", "error", *addresses]
        command += [interpreter("lambda"), "-m", "awslambdaric", "app.handler"]
        return start(
            f"emulated-{self._function}", command, world=self._run.name, logs=self._run.logs, environment=environment
        )

    def _is_up(self) -> bool:
        deadline = time.monotonic() + 10
        while self.part.is_running() and time.monotonic() < deadline:
            if answers(self._port):
                return True
            time.sleep(0.01)
        return False


def available() -> str:
    """Empty, or why no function can be emulated on this machine."""
    if sys.platform != "linux":
        return "AWS's runtime interface emulator runs on Linux only"
    return ""


def _binary() -> Path:
    """The emulator that comes with sam, made executable."""
    architecture = "arm64" if platform.machine().lower() in {"arm64", "aarch64"} else "x86_64"
    (brought,) = interpreter("sam").parent.parent.glob(f"lib/python*/site-packages/samcli/local/rapid/*-{architecture}")
    ours = LOCAL / "build" / brought.name
    if not ours.exists() or ours.stat().st_size != brought.stat().st_size:
        arriving = ours.with_suffix(f".{os.getpid()}")
        shutil.copyfile(brought, arriving)
        arriving.chmod(0o755)
        arriving.rename(ours)
    return ours


def _read(text: str, seconds: float) -> Reply:
    if re.fullmatch(r"Task timed out after [\d.]+ seconds", text):
        return Reply(kind="timeout", value=text, seconds=seconds)
    value = json.loads(text)
    failed = isinstance(value, dict) and {"errorMessage", "errorType", "requestId"} <= value.keys()
    return Reply(kind="error" if failed else "ok", value=value, seconds=seconds)
