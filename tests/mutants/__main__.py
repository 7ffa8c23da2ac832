"""`make mutants`: take every defence away, one at a time, in a copy of the source, and see which test turns red.

What was caught is kept per source and mutation, so that an interrupted run goes on where it was. It ends with 1 when
a mutation survives or no longer applies; a whole run without any writes the table of docs/proof.md.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.mutants.mutation import ROOT, Mutation, NoLongerApplies
from tests.mutants.mutations import MUTATIONS

RESULTS = ROOT / ".local" / "mutants.json"
PAGE = ROOT / "docs" / "proof.md"
_TABLE = re.compile(r"(<!-- make mutants writes from here -->\n).*?(<!-- to here -->)", re.DOTALL)
_COPIED = (
    "layers",
    "functions",
    "cli",
    "local",
    "tests",
    "events",
    "docs",
    "template.yaml",
    "pyproject.toml",
    "samconfig.toml",
)
_LONGEST_S = 600
_RED = re.compile(r"^(?:FAILED|ERROR) (\S+?::[^\s\[]+)", re.MULTILINE)


def main(words: list[str]) -> int:
    chosen = [one for one in MUTATIONS if not words or any(word in one.name for word in words)]
    known: dict[str, str] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    survivors, caught_by = 0, dict[str, str]()
    for number, mutation in enumerate(chosen, start=1):
        key = _key(mutation)
        if key not in known:
            known[key] = _caught_by(mutation)
            certain = {one: by for one, by in known.items() if by.startswith("tests/")}
            RESULTS.parent.mkdir(parents=True, exist_ok=True)
            RESULTS.write_text(json.dumps(certain, indent=1))
        caught = known[key]
        survivors += not caught.startswith("tests/")
        caught_by[mutation.name] = caught
        print(f"{number}/{len(chosen)} {mutation.name}: {caught}", flush=True)
    print(f"{len(chosen)} mutations, {len(chosen) - survivors} caught, {survivors} not")
    if not words and not survivors:
        publish(caught_by)
    return int(survivors > 0)


def publish(caught_by: Mapping[str, str]) -> None:
    """Which test turned red for each mutation, as a table of the page."""
    head = f"All {len(caught_by)} were caught.\n\n| with this defence gone … | … this test turns red |\n|---|---|\n"
    rows = "".join(f"| {name} | {_said(test)} |\n" for name, test in caught_by.items())
    PAGE.write_text(_TABLE.sub(lambda found: f"{found[1]}{head}{rows}{found[2]}", PAGE.read_text()))


def _said(test: str) -> str:
    """`tests/unit/test_x.py::test_what_it_says` as the file, and what it says."""
    file, _, name = test.removeprefix("tests/").partition("::")
    return f"`{file}`: {name.removeprefix('test_').replace('_', ' ')}"


def _key(mutation: Mutation) -> str:
    """The mutation, and all that its result depends on."""
    digest = hashlib.sha256(repr(mutation).encode())
    for path in sorted(
        [*(ROOT / "layers/dialer").rglob("*.py"), *(ROOT / "functions").rglob("*.py"), *_tests(mutation)]
    ):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _tests(mutation: Mutation) -> list[Path]:
    paths = [ROOT / word for word in mutation.tests.split()]
    return [file for path in paths for file in (path.rglob("*.py") if path.is_dir() else [path])]


def _caught_by(mutation: Mutation) -> str:
    """The first test that turned red, or what went wrong."""
    try:
        text = mutation.applied()
    except NoLongerApplies as gone:
        return f"NO LONGER APPLIES: {gone}"
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        copy = Path(folder)
        for name in _COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, copy / name)
        (copy / ".local").mkdir()
        (copy / ".local/venvs").symlink_to(ROOT / ".local/venvs")
        (copy / mutation.file).write_text(text)
        return _red(copy, mutation)


def _red(copy: Path, mutation: Mutation) -> str:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *mutation.tests.split()]
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    try:
        ran = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, text=True, timeout=_LONGEST_S, check=False
        )
    except subprocess.TimeoutExpired:
        return "TOO SLOW"
    if ran.returncode == 0:
        return "SURVIVES"
    red = _RED.search(ran.stdout)
    return red[1] if red and ran.returncode == 1 else f"BROKEN RUN: {(ran.stdout + ran.stderr)[-300:]}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
