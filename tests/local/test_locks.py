"""The locks: complete, the same everywhere, and true to what runs in production."""

import re
import tomllib
from pathlib import Path

import pytest

from local.environments import ALL, ROOT

LAYERS = sorted(path.parent for path in (ROOT / "layers").glob("*/requirements.txt"))
ENVIRONMENTS = sorted((ROOT / "requirements").glob("*.txt"))
LOCKS = [*ENVIRONMENTS, *(layer / "lock.txt" for layer in LAYERS)]


def pins(path: Path) -> dict[str, str]:
    lines = (line.split("#")[0].split(";")[0].strip() for line in path.read_text().splitlines())
    return dict(line.lower().replace("_", "-").split("==") for line in lines if line)


def test_every_environment_has_a_lock() -> None:
    assert {lock.stem for lock in ENVIRONMENTS} == {*ALL, "lock", "checkov", "installer"}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: f"{lock.parent.name}/{lock.stem}")
def test_a_lock_names_no_host_and_no_path(lock: Path) -> None:
    assert not re.search(r"https?:|file://|^-|^/|@ ", lock.read_text(), re.MULTILINE)


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_development_runs_on_what_production_runs_on(layer: Path) -> None:
    shipped = pins(layer / "lock.txt")
    assert pins(layer / "requirements.txt").items() <= shipped.items()
    assert shipped.items() <= pins(ROOT / "requirements" / "dev.txt").items()


@pytest.mark.parametrize("extra", ["dev", "mongod", "sam", "ministack", "lambda", "lock", "installer"])
def test_what_an_extra_asks_for_is_pinned(extra: str) -> None:
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"][extra]
    names = {re.split(r"[\[<>=; ]", line)[0].lower() for line in asked}
    assert names <= pins(ROOT / "requirements" / f"{'dev' if extra == 'mongod' else extra}.txt").keys()
