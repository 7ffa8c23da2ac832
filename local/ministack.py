"""AWS on loopback: MiniStack in its own environment, started with everything that listens elsewhere turned off."""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from local.environments import LOCAL, ROOT, Refused, interpreter
from local.processes import Part, answers, free_port, plain_environment, start
from local.runs import Run

ACCOUNT = "123456789012"
REGION = "us-east-1"
ACCESS_KEY = "test"
SECRET_KEY = "test"
LAYERS_UNPACKED = LOCAL / "build" / "layers"


@dataclass(frozen=True, kw_only=True)
class MiniStack:
    port: int
    part: Part

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def start_ministack(run: Run, *, auth: bool = True, on: int = 0) -> MiniStack:
    """With `auth`, every function may do what its role allows and nothing else. On this port, or on a free one."""
    _forget_old_layers()
    for _ in range(5):
        port, earlier = on or free_port(), _said(run.logs / "ministack.log")
        part = start(
            "ministack",
            [interpreter("ministack"), "-P", ROOT / "local" / "ministack_server.py"],
            world=run.name,
            logs=run.logs,
            environment=plain_environment(
                BIND_HOST="127.0.0.1",
                GATEWAY_PORT=str(port),
                MINISTACK_HOST="127.0.0.1",
                MINISTACK_ACCOUNT_ID=ACCOUNT,
                MINISTACK_REGION=REGION,
                AUTH=str(auth).lower(),
                AWS_ACCESS_KEY_ID=ACCESS_KEY,
                AWS_SECRET_ACCESS_KEY=SECRET_KEY,
                LAMBDA_EXECUTOR="local",
                IOT_MTLS_ENABLED="0",
                SFTP_ENABLED="0",
                DOCKER_HOST="unix:///nonexistent",  # it must not find, nor clean up, anybody's containers
                LOG_LEVEL="INFO",
                TMPDIR=run.own("ministack/tmp"),
                STATE_DIR=run.own("ministack/state"),
                HOME=run.own("ministack/home"),
                RUNTIME_PYTHON=interpreter("lambda"),
                LAYERS_UNPACKED=LAYERS_UNPACKED,
            ),
        )
        if _is_up(part, port, earlier=earlier):
            return MiniStack(port=port, part=part)
        part.stop()
        if "in use" not in _said(part.log)[len(earlier) :]:
            raise Refused(f"MiniStack did not start; {part.log} says why: {part.last_words()}")
    raise Refused("MiniStack found no free port on 127.0.0.1: close some programs and run this again.")


def _said(log: Path) -> str:
    return log.read_text(errors="replace") if log.exists() else ""


def _is_up(part: Part, port: int, *, earlier: str, within: float = 30.0) -> bool:
    """It says so itself: an answer on the port could come from somebody who took the port first."""
    deadline = time.monotonic() + within
    while part.is_running() and time.monotonic() < deadline:
        if "Ready" in _said(part.log)[len(earlier) :] and answers(port):
            return True
        time.sleep(0.02)
    return False


def _forget_old_layers() -> None:
    """Unpacked layers that no run has used for three days."""
    for folder in LAYERS_UNPACKED.glob("*") if LAYERS_UNPACKED.exists() else ():
        if time.time() - folder.stat().st_mtime > 3 * 86400:
            shutil.rmtree(folder, ignore_errors=True)
