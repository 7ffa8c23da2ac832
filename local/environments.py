"""Makes the project's virtual environments from their locks, each once, in .local/ and nowhere else.

By uv, which takes a twentieth of pip's time, where pip can install that; and else by pip.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

# Only the standard library: this runs before anything is installed, on the interpreter that bootstrap.py found.

ROOT = Path(__file__).resolve().parent.parent
LOCAL = ROOT / ".local"
COMMAND = LOCAL / "bin" / "dialer"
AT_ONCE = 2  # pip unpacks on one core
ALL = ("dev", "sam", "ministack", "lambda")  # and "lock" and "checkov", made only where they are asked for
COMPILED = "lambda"  # Lambda's own packages come with their bytecode, and no function can write any
FREE_GB_NEEDED = float(os.environ.get("DIALER_FREE_GB", "2"))

MONGOD_NEEDED = (
    "No mongod for this platform: put MongoDB's `mongod` (6.0 or later) on PATH, or set MONGODB_URI to a replica set "
    "(the packaged one needs x86-64 Linux with glibc and OpenSSL 3)."
)


class Refused(Exception):
    """One sentence that says what to do."""


def interpreter(name: str) -> Path:
    """The Python of an environment, whether it exists yet or not."""
    return LOCAL / "venvs" / name / "bin" / "python"


def main(names: Sequence[str]) -> int:
    wanted = tuple(names) or ALL
    if all(map(_is_ready, wanted)):  # nobody waits here for an environment that they do not want
        _put_the_command_on_path()
        return 0
    try:
        with _one_at_a_time():
            missing = [name for name in wanted if not _is_ready(name)]
            if missing:
                _demand_room()
                _demand_some_mongod()
            with ThreadPoolExecutor(AT_ONCE) as makers:
                uv = _uv(f"[0/{len(missing)}]") if missing else None
                steps = [f"[{place}/{len(missing)}]" for place in range(1, len(missing) + 1)]
                for _ in makers.map(lambda name, step: _make(name, step, uv), missing, steps):
                    pass
    except Refused as refusal:
        print(refusal, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped; run it again to go on.", file=sys.stderr)
        return 130
    return 0


def _is_ready(name: str) -> bool:
    stamp = LOCAL / "venvs" / name / "made-from"
    return stamp.is_file() and stamp.read_text() == _origin(name) and interpreter(name).exists()


def _origin(name: str) -> str:
    """What an environment is made from; another lock or interpreter means another environment."""
    return hashlib.sha256(_lock(name).read_bytes() + f"{ROOT} {sys.executable} {sys.version}".encode()).hexdigest()


def _lock(name: str) -> Path:
    return ROOT / "requirements" / f"{name}.txt"


class _Uv(NamedTuple):
    """The faster installer, and what it has to be told."""

    program: str
    environment: dict[str, str]


def _uv(step: str) -> _Uv | None:
    """None where pip cannot have it, or has been told to ask no index."""
    try:
        if not _is_ready("installer"):
            with _step(_installing("installer", step)):
                _by_pip("installer")
            _made("installer")
    except (Refused, FileNotFoundError):  # no such package for this machine, or no lock
        return None
    python = interpreter("installer")
    told = subprocess.run([python, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False).stdout
    if re.search(r"(?m)^\S*\bno-index=", told):
        return None
    own = re.findall(r"(?m)^\S*\.index-url='(.+)'$", told)  # the environment's comes first
    return _Uv(str(python.with_name("uv")), {"UV_DEFAULT_INDEX": own[0]} if own else {})


def _make(name: str, step: str, uv: _Uv | None) -> None:
    with _step(_installing(name, step)):
        if not (uv and _by_uv(uv, name)):
            _by_pip(name)
        folder = LOCAL / "venvs" / name
        if name == "dev":
            _demand_working_mongod(folder)
            _show_the_product_to(folder)
    _made(name)


def _installing(name: str, step: str) -> str:
    packages = sum(1 for line in _lock(name).read_text().splitlines() if re.match(r"\w", line))
    return f"{step} {name}: installing {packages} packages with Python {sys.version.split()[0]}"


def _made(name: str) -> None:
    (LOCAL / "venvs" / name / "made-from").write_text(_origin(name))


def _by_uv(uv: _Uv, name: str) -> bool:
    """Whether it could: what it cannot, pip may, which knows of proxies, mirrors and certificates what uv does not."""
    folder = _no_folder(name)
    install = ["pip", "install", "--python", str(interpreter(name)), "--requirement", str(_lock(name))]
    try:
        _run([uv.program, "venv", "--python", sys.executable, str(folder)], name, **uv.environment)
        _run([uv.program, *install, *(["--compile-bytecode"] if name == COMPILED else [])], name, **uv.environment)
    except Refused:
        return False
    return True


def _by_pip(name: str) -> None:
    folder = _no_folder(name)
    _run([sys.executable, "-m", "venv", str(folder)], name)
    _run([str(interpreter(name)), "-m", "pip", "install", "--no-input", "--requirement", str(_lock(name))], name)


def _no_folder(name: str) -> Path:
    """Where an environment goes, without the half of one that an interrupted run has left."""
    folder = LOCAL / "venvs" / name
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def _show_the_product_to(venv: Path) -> None:
    """`import dialer` and the command `dialer` find the sources, as an editable installation would."""
    (packages,) = venv.glob("lib/python*/site-packages")
    (packages / "dialer.pth").write_text(f"{ROOT / 'layers' / 'dialer'}\n")
    command = venv / "bin" / "dialer"
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{interpreter("dev")}" -P -m cli "$@"\n')
    command.chmod(0o755)
    _put_the_command_on_path()


def _put_the_command_on_path() -> None:
    """Alone in a folder, so that whoever puts that on PATH finds no other Python there."""
    command = interpreter("dev").with_name("dialer")
    if command.exists() and not COMMAND.exists():
        COMMAND.parent.mkdir(exist_ok=True)
        COMMAND.unlink(missing_ok=True)
        COMMAND.symlink_to(command)


def _run(command: list[str], name: str, **more: str) -> None:
    log = LOCAL / "logs" / f"make-{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}}
    environment |= {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_REQUIRE_VIRTUALENV": "0", **more}
    environment.setdefault("PIP_RETRIES", "2")
    with log.open("ab") as out:
        done = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, env=environment, cwd=LOCAL, check=False)
    if done.returncode:
        raise Refused(_why(log.read_text(errors="replace"), log.relative_to(ROOT)))


def _why(text: str, log: Path) -> str:
    if re.search(r"No space left on device", text):
        return f"The disk is full: free about {FREE_GB_NEEDED:g} GB and run this again."
    if re.search(r"NewConnectionError|Max retries|name resolution|ConnectionError|Read ?timed? ?out|ProxyError", text):
        return f"pip could not reach a package index: check the network or PIP_INDEX_URL and run this again ({log})."
    if re.search(r"ensurepip.*(returned|failed)|No module named '?ensurepip", text):
        return f"{sys.executable} cannot make environments: install its venv module (Debian: apt install python3-venv)."
    return f"An environment could not be made; the last lines of {log} say why, then run this again."


def _demand_room() -> None:
    LOCAL.mkdir(exist_ok=True)
    free = shutil.disk_usage(LOCAL).free / 1e9
    if free < FREE_GB_NEEDED:
        raise Refused(
            f"Only {free:.1f} GB of disk are free: free {FREE_GB_NEEDED:g} GB for .local/ and run this again."
        )


def _demand_some_mongod() -> None:
    """Before minutes are spent: a URI, a mongod on PATH, or a platform that the packaged one can run on."""
    packaged_runs = sys.platform == "linux" and os.uname().machine == "x86_64"
    if not (os.environ.get("MONGODB_URI") or shutil.which("mongod") or packaged_runs):
        raise Refused(MONGOD_NEEDED)


def _demand_working_mongod(venv: Path) -> None:
    if os.environ.get("MONGODB_URI") or shutil.which("mongod"):
        return
    packaged = next(venv.glob("lib/python*/site-packages/fiftyone/db/bin/mongod"), None)
    if packaged is None or subprocess.run([packaged, "--version"], capture_output=True, check=False).returncode:
        raise Refused(MONGOD_NEEDED)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    LOCAL.mkdir(exist_ok=True)
    with (LOCAL / "environments.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with _step("waiting for another run to finish the environments"):
                fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _step(words: str) -> Iterator[None]:
    """A line that says what is waited for, and one that says how long it took; others may come between."""
    print(f"{words} …", file=sys.stderr, flush=True)
    began = time.monotonic()
    yield
    print(f"{words}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
