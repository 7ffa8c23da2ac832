"""The first command on an empty machine: it finds a Python, makes environments, or says in one sentence what to do."""

import ast
import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from local.environments import MONGOD_NEEDED, ROOT
from tests.conftest import missing

REAL = str(Path(getattr(sys, "_base_executable", sys.executable)).resolve())
PLAIN = {"HOME": os.environ.get("HOME", "/"), "LANG": "C.UTF-8"}


class Machine:
    """A clone of the project's first step, and a PATH with exactly the programs that a test puts there."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.bin = home / "bin"
        self.bin.mkdir()
        (home / "local").mkdir()
        (home / "requirements").mkdir()
        for name in ("bootstrap.py", "environments.py"):
            shutil.copy(ROOT / "local" / name, home / "local" / name)
        # A file beside the bootstrap must never pass for the standard library's.
        (home / "local" / "operator.py").write_text("raise SystemExit('imported the wrong operator')")
        self.lock("lambda", "# nothing: made without a network\n")

    def lock(self, name: str, text: str) -> None:
        (self.home / "requirements" / f"{name}.txt").write_text(text)

    def has(self, program: str, script: str) -> Path:
        path = self.bin / program
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    def has_python(self, program: str, pretending: str = "") -> Path:
        """A Python that believes what `pretending` says, as another machine's would."""
        believe = (
            "import sys, runpy\n"
            f"sys.executable = sys._base_executable = '{self.bin / program}'\n{pretending}\n"
            "args = sys.argv[1:]\n"
            "while args[0] == '-P': del args[0]\n"
            "sys.argv[:] = args\n"
            "if args[0] == '-c': del args[0]; exec(args[0])\n"
            "else: runpy.run_path(args[0], run_name='__main__')"
        )
        return self.has(program, f'exec {REAL} -c "{believe}" "$@"')

    def bootstrap(self, *names: str, by: Sequence[str] = (REAL,), **environment: str) -> tuple[int, str]:
        done = subprocess.run(
            [*by, str(self.home / "local" / "bootstrap.py"), *names],
            env={**PLAIN, "PATH": str(self.bin), **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout == ""
        return done.returncode, done.stderr.strip()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_an_environment_is_made_once_and_again_where_it_was_left_half_made(machine: Machine) -> None:
    code, said = machine.bootstrap("lambda")
    began_and_done = said.splitlines()
    assert (code, len(began_and_done)) == (0, 2)
    assert all(line.startswith("[1/1] lambda: installing 0 packages with Python 3.") for line in began_and_done)
    began = time.monotonic()
    assert machine.bootstrap("lambda") == (0, "")
    assert time.monotonic() - began < 2
    made = machine.home / ".local" / "venvs" / "lambda"
    (made / "made-from").unlink()  # written last: without it the run before was interrupted
    (made / "bin" / "python").unlink()
    assert machine.bootstrap("lambda")[0] == 0
    assert (made / "bin" / "python").exists()


def test_a_shim_that_fails_is_passed_over(machine: Machine) -> None:
    machine.has("python3.13", "echo 'pyenv: python3.13: command not found' >&2; exit 127")
    machine.has("python3.12", "exit 1")
    machine.has("python3", f'exec {REAL} "$@"')
    assert machine.bootstrap("lambda")[0] == 0


def test_a_too_old_python_says_so(machine: Machine) -> None:
    old = machine.has_python("python3", "sys.version_info = (3, 8, 18, 'final', 0)")
    code, said = machine.bootstrap("lambda", by=[str(old)])
    assert (code, said) == (
        2,
        "No working Python 3.11, 3.12 or 3.13 was found (this is 3.8); install one, or name it: make PYTHON=...",
    )


def test_a_python_too_old_for_the_project_can_read_the_bootstrap() -> None:
    tree = ast.parse((ROOT / "local" / "bootstrap.py").read_text())
    newer = (ast.JoinedStr, ast.AnnAssign, ast.NamedExpr, ast.FunctionDef, ast.Match, ast.Starred, ast.With)
    assert not [node for node in ast.walk(tree) if isinstance(node, newer)]


def test_a_python_without_venv_says_what_to_install(machine: Machine) -> None:
    bare = machine.has_python("python3.11", "sys.modules['ensurepip'] = None")
    code, said = machine.bootstrap("lambda", by=[str(bare)])
    assert code == 2
    assert said.endswith(
        "has no venv module; install it (on Debian and Ubuntu: apt install python3-venv) and run this again."
    )


def test_a_named_python_that_does_not_work_is_refused(machine: Machine) -> None:
    code, said = machine.bootstrap("lambda", PYTHON="/nowhere/python")
    assert (code, len(said.splitlines())) == (2, 1)
    assert said.startswith("PYTHON=/nowhere/python is not a working Python")


def test_too_little_disk_gets_one_sentence(machine: Machine) -> None:
    code, said = machine.bootstrap("lambda", DIALER_FREE_GB="1000000")
    assert (code, len(said.splitlines())) == (2, 1)
    assert said.endswith("free 1e+06 GB for .local/ and run this again.")


def test_no_network_gets_one_sentence(machine: Machine) -> None:
    machine.lock("lambda", "six==1.17.0\n")
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": "1"}
    code, said = machine.bootstrap("lambda", **nowhere)
    assert code == 2
    assert said.splitlines()[-1].startswith("pip could not reach a package index: check the network or PIP_INDEX_URL")


def test_uv_installs_where_pip_can_have_it_from_the_index_that_pip_was_told_of(machine: Machine) -> None:
    machine.lock("installer", (ROOT / "requirements" / "installer.txt").read_text())
    machine.lock("lambda", "six==1.17.0\n")
    ours = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_CERT"))}
    code, said = machine.bootstrap("lambda", **ours)
    if "could not reach" in said:
        missing("no package index answers")
    assert (code, len(said.splitlines())) == (0, 4)
    made, log = machine.home / ".local" / "venvs" / "lambda", machine.home / ".local" / "logs" / "make-lambda.log"
    assert "\n + six==1.17.0\n" in log.read_text()  # as uv says it
    assert list(made.glob("lib/python3.*/site-packages/**/six.*.pyc"))
    machine.lock("lambda", "six==1.16.0\n")
    own = {
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_RETRIES": "0",
        "UV_HTTP_RETRIES": "0",
    }
    assert machine.bootstrap("lambda", **own)[0] == 2
    assert "Failed to fetch: http://127.0.0.1:9/simple/six/" in log.read_text()  # as uv says it
    log.unlink()
    assert machine.bootstrap("lambda", **own, PIP_NO_INDEX="1")[0] == 2
    assert "127.0.0.1" not in log.read_text()


def test_no_mongod_for_the_platform_is_said_before_minutes_are_spent(machine: Machine) -> None:
    strange = machine.has_python("python3", "import os; os.uname = lambda: type('Uname', (), {'machine': 'riscv64'})")
    assert machine.bootstrap("lambda", by=[str(strange)]) == (2, MONGOD_NEEDED)
    machine.has("mongod", "exit 0")
    assert MONGOD_NEEDED not in machine.bootstrap("lambda", by=[str(strange)])[1]
