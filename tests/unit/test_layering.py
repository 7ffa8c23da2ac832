"""Imports go one way, and each vendor has one place. The rules are the two tables below; a planted breach is found."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

FOLDERS = ("layers/dialer/dialer", "functions", "local", "cli")
STEPS = {
    "tick", "dial", "callback", "reconcile", "intake", "campaigns", "views", "announcements", "measures", "finish",
    "audit", "board", "desk", "keyring", "people", "statistics", "lists", "exports", "drain", "conversation",
    "rehearsal", "abandon_guard", "schedule", "barring", "shredding",
}  # fmt: skip
KINDS = {"errors", "script", "opt_out", "model", "lifecycle", "ports", "office_ports", "settings", "wiring"} | STEPS

# Who may import whom inside the product. Whatever is not named here is pure: no I/O, and `now` is an argument.
PURE = {"pure", "model", "script", "opt_out", "lifecycle", "errors"}
PORTS = {"ports", "office_ports"}
ALLOWED = {
    "errors": set[str](),
    "lifecycle": {"errors"},
    "script": set[str](),
    "opt_out": set[str](),
    "model": {"lifecycle", "errors", "script", "opt_out"},
    "pure": PURE,
    "ports": PURE,
    "office_ports": PURE | {"ports"},  # the dial knows nothing of the office
    "step": PURE | PORTS | {"step"},
    "settings": PURE,
    "adapter": PURE | PORTS | {"adapter"},
    "wiring": PURE | PORTS | {"step", "settings", "adapter"},
    "function": PURE | PORTS | {"step", "adapter", "wiring"},
    "local": PURE | PORTS | {"step", "settings", "adapter", "wiring"},
    "carrier": set[str](),  # it must not know who calls it
    "cli": set[str](),  # it speaks HTTP
}

# Who may import a package from outside. The local world and the command line are not shipped and choose for themselves.
VENDORS = {"boto3", "botocore", "mypy_boto3", "pymongo", "bson", "gridfs", "twilio", "requests", "urllib3"}
OUTSIDE = {
    **{vendor: {"adapter", "wiring"} for vendor in VENDORS},
    "aws_lambda_powertools": {"function", "wiring"},
    "pydantic": {"function", "dialer.campaign_form", "dialer.call_form"},
    "phonenumbers": {"dialer.phones", "dialer.calling.whereabouts"},
    "os": {"settings"},  # the environment
    "time": {"dialer.adapters.clock"},
    "importlib": set[str](),
    "socket": set[str](),
    "http": {"function"},
    "logging": set[str](),  # steps return reports, edges log them
    "random": set[str](),
}


def breaches(root: Path) -> Iterator[str]:
    """One sentence for every import that the tables forbid."""
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*.py")):
            module = ".".join(path.relative_to(root).with_suffix("").parts).removeprefix("layers.dialer.")
            for imported in sorted(_imports(ast.parse(path.read_text()))):
                if not _may(module, imported):
                    yield f"{module} imports {imported}"


def _imports(tree: ast.AST) -> set[str]:
    """Everything imported anywhere in a module, inside functions and for types alone included."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            packages = origin in {"dialer", "dialer.adapters", "local", "functions"}
            found |= {f"{origin}.{alias.name}" for alias in node.names} if packages else {origin}
    return found


def _may(module: str, imported: str) -> bool:
    kind, package = _kind(module), imported.partition(".")[0]
    if package in {"functions", "tests"}:
        return False
    if package == "cli":
        return kind == "cli"
    if package == "local":
        return kind == "local" or _kind(imported) == kind == "carrier"
    if package == "dialer":
        return _kind(imported) in ALLOWED[kind]
    if kind in {"local", "carrier", "cli"}:
        return True
    places = OUTSIDE.get("mypy_boto3" if package.startswith("mypy_boto3") else package)
    return places is None or kind in places or module in places


def _kind(module: str) -> str:
    names = module.split(".")
    match names:
        case ["functions", *_]:
            return "function"
        case ["local", "carrier", *_]:
            return "carrier"
        case ["local" | "cli", *_]:
            return names[0]
        case ["dialer", "adapters", *_]:
            return "adapter"
        case ["dialer", name, *_] if name in KINDS:
            return "step" if name in STEPS else name
    return "pure"


def _clock_readings(path: Path) -> list[str]:
    """Calls that ask a machine's clock, instead of being told the time."""
    calls = (node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    names = {"now", "utcnow", "today"}
    return [
        ast.unparse(function)
        for function in calls
        if isinstance(function, ast.Attribute)
        and function.attr in names
        and isinstance(function.value, ast.Name)
        and function.value.id in {"datetime", "date"}
    ]


def test_every_import_goes_the_one_way() -> None:
    assert list(breaches(ROOT)) == []


def test_the_rules_are_about_modules_that_exist() -> None:
    layer = ROOT / "layers" / "dialer" / "dialer"
    assert [name for name in sorted(KINDS) if not (layer / f"{name}.py").exists()] == []
    assert len(list((layer / "adapters").glob("*.py"))) > 10
    assert len(list((ROOT / "functions").glob("*/app.py"))) >= 4


def test_only_the_clock_knows_what_time_it_is() -> None:
    layer = ROOT / "layers" / "dialer" / "dialer"
    asking = {path.name for path in layer.rglob("*.py") if _clock_readings(path)}
    assert asking == {"clock.py"}


PLANTS = [
    ("layers/dialer/dialer/hours.py", "import boto3"),
    ("layers/dialer/dialer/hours.py", "from dialer.ports import Clock"),
    ("layers/dialer/dialer/hours.py", "def f():\n    import time"),
    ("layers/dialer/dialer/brand_new.py", "from pymongo.collection import Collection"),
    ("layers/dialer/dialer/brand_new.py", "import os.path"),
    ("layers/dialer/dialer/errors.py", "from dialer.model import Contact"),
    ("layers/dialer/dialer/model.py", "from dialer.bounds import Bounds"),
    ("layers/dialer/dialer/ports.py", "from dialer.adapters.mongo import connect"),
    ("layers/dialer/dialer/ports.py", "from dialer import wiring"),
    ("layers/dialer/dialer/tick.py", "from dialer.adapters import claims"),
    ("layers/dialer/dialer/tick.py", "from dialer.wiring import settings"),
    ("layers/dialer/dialer/tick.py", "if TYPE_CHECKING:\n    from mypy_boto3_sqs import SQSClient"),
    ("layers/dialer/dialer/dial.py", "from aws_lambda_powertools import Logger"),
    ("layers/dialer/dialer/settings.py", "from dialer.adapters.parameters import read"),
    ("layers/dialer/dialer/wiring.py", "import os"),
    ("layers/dialer/dialer/wiring.py", "from functions.tick import app"),
    ("layers/dialer/dialer/adapters/claims.py", "from dialer.tick import Tick"),
    ("layers/dialer/dialer/adapters/claims.py", "from dialer.settings import Settings"),
    ("layers/dialer/dialer/adapters/claims.py", "from aws_lambda_powertools import Logger"),
    ("layers/dialer/dialer/adapters/claims.py", "from local.processes import Part"),
    ("layers/dialer/dialer/adapters/deeper/claims.py", "from dialer.wiring import settings"),
    ("functions/tick/app.py", "import boto3"),
    ("functions/tick/app.py", "import os"),
    ("functions/tick/app.py", "from dialer.settings import from_environment"),
    ("functions/tick/app.py", "from functions.call import app"),
    ("local/world.py", "from functions.tick import app"),
    ("local/carrier/api.py", "from dialer.model import Contact"),
    ("local/carrier/api.py", "from local.world import World"),
    ("cli/main.py", "from dialer.campaigns import START"),
    ("layers/dialer/dialer/campaigns.py", "from pydantic import BaseModel"),
    ("layers/dialer/dialer/intake.py", "import phonenumbers"),
]


@pytest.mark.parametrize(("file", "line"), PLANTS, ids=[f"{file}: {line.strip()}" for file, line in PLANTS])
def test_a_planted_breach_is_found(tmp_path: Path, file: str, line: str) -> None:
    planted = tmp_path / file
    planted.parent.mkdir(parents=True)
    planted.write_text(f"{line}\n")
    assert len(list(breaches(tmp_path))) == 1


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("layers/dialer/dialer/tick.py", "from dialer.ports import Clock"),
        ("layers/dialer/dialer/reconcile.py", "from dialer.callback import Callback"),
        ("layers/dialer/dialer/adapters/claims.py", "import pymongo"),
        ("layers/dialer/dialer/wiring.py", "from dialer.adapters.claims import MongoClaims"),
        ("functions/tick/app.py", "from dialer import wiring"),
        ("local/carrier/api.py", "from local.carrier.calls import Call"),
        ("tests/unit/test_hours.py", "import boto3"),
    ],
)
def test_what_the_tables_allow_is_no_breach(tmp_path: Path, file: str, line: str) -> None:
    allowed = tmp_path / file
    allowed.parent.mkdir(parents=True)
    allowed.write_text(f"{line}\n")
    assert list(breaches(tmp_path)) == []


def test_a_clock_that_is_asked_in_passing_is_found(tmp_path: Path) -> None:
    (tmp_path / "hours.py").write_text("from datetime import datetime\n\ndef f():\n    return datetime.now()\n")
    assert _clock_readings(tmp_path / "hours.py") == ["datetime.now"]
