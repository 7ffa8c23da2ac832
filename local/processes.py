"""The parts of a world: child processes that carry its mark, so that not one of them can outlive it unseen."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.environments import Refused

MARK = "DIALER_WORLD"  # every part, and every process that a part starts, has it in its environment


@dataclass(frozen=True, kw_only=True)
class Part:
    """One running child with its own session; its output goes to files, never to a pipe that could fill."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    said: Path
    taken: list[str] = field(default_factory=list)

    def is_running(self) -> bool:
        return self.process.poll() is None

    def next_line(self, *, within: float) -> dict[str, Any]:
        """The next JSON line on its standard output."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            lines = self.said.read_text().splitlines(keepends=True)
            if len(lines) > len(self.taken) and lines[len(self.taken)].endswith("\n"):
                self.taken.append(lines[len(self.taken)])
                answer: dict[str, Any] = json.loads(self.taken[-1])
                return answer
            if not self.is_running():
                break
            time.sleep(0.01)
        raise Refused(f"The {self.name} did not start; {self.log} says why: {self.last_words()}")

    def last_words(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "(nothing was written)"

    def say(self, message: Mapping[str, object]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def stop(self, *, grace: float = 5.0) -> None:
        """Asks the whole session to end, and ends it."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        if self.is_running():
            _signal_group(self.process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(grace)
        _signal_group(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def kill(self) -> None:
        """As a power cut would: at once, with everything that it started."""
        _signal_group(self.process.pid, signal.SIGKILL)
        self.process.wait()


def start(
    name: str,
    command: Sequence[str | Path],
    *,
    world: str,
    logs: Path,
    environment: Mapping[str, str],
    listens: bool = False,
) -> Part:
    """Starts a part. `environment` is all it gets, besides the mark: what the caller's shell holds stays outside."""
    log, said = logs / f"{name}.log", logs / f"{name}.out"
    with log.open("ab") as errors, said.open("wb") as out:
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.PIPE if listens else subprocess.DEVNULL,
            stdout=out,
            stderr=errors,
            env={**environment, MARK: world},
            start_new_session=True,  # Ctrl-C at the terminal reaches the owner alone, which stops the parts in order
        )
    return Part(name=name, process=process, log=log, said=said)


def plain_environment(**more: str | Path) -> dict[str, str]:
    """What any program needs and nothing that could steer it elsewhere (AWS_*, PYTHON*, *_proxy, DOCKER_HOST …)."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LC_ALL", "TERM") if name in os.environ}
    return {"PATH": os.defpath, "TZ": "UTC", **kept, **{name: str(value) for name, value in more.items()}}


def sweep(world: str) -> int:
    """Kills whatever still carries the mark of `world`, and only that; says how many there were."""
    killed = 0
    for _ in range(20):
        found = marked(world)
        if not found:
            return killed
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
                killed += 1
            except ProcessLookupError:
                continue
        time.sleep(0.05)
    return killed


def marked(world: str, *settings: str) -> list[int]:
    """Every living process with the mark of `world` (and with these settings) in its environment, this one excepted."""
    wanted = {f"{MARK}={world}", *settings}
    return [pid for pid, environment in _environments() if wanted <= environment and pid != os.getpid()]


def _environments() -> Iterator[tuple[int, set[str]]]:
    if Path("/proc/self/environ").exists():
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                yield int(entry.name), _environment(entry)
    else:
        listed = subprocess.run(["ps", "-axwwE", "-o", "pid=,command="], capture_output=True, text=True, check=False)
        for pid, *words in map(str.split, listed.stdout.splitlines()):
            yield int(pid), set(words)


def _environment(process: Path) -> set[str]:
    try:
        return set((process / "environ").read_text(errors="replace").split("\0"))
    except OSError:
        return set()  # ended meanwhile, or another user's


def born(pid: int) -> str:
    """When a process started: with its pid, this names it for good. Empty where there is no such process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if fields[0] == "Z" else fields[19]
    except OSError:
        if Path("/proc/self").exists():
            return ""
        asked = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
        return asked.stdout.strip()


def free_port() -> int:
    """A port that was free a moment ago; whoever uses it must be ready to ask again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def demand_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise Refused(f"Port {port} on 127.0.0.1 is taken: choose another one, or stop what uses it.") from None


def answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _signal_group(leader: int, which: signal.Signals) -> None:
    try:
        os.killpg(leader, which)
    except (ProcessLookupError, PermissionError):
        return
