"""The built layers: small, compiled for good, and nothing in them that is never imported."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.environments import ROOT, interpreter

LAYERS = ("DependenciesLayer", "DialerLayer")
"""Those of the path from tick to call."""
ALL = (*LAYERS, "IntakeLayer")
MOST_MB = 60
SCRIPT = ROOT / "layers" / "dependencies" / "build.py"


def sources(built: Path) -> list[Path]:
    return [path for layer in ALL for path in (built / layer).rglob("*.py")]


def bytecode_of(source: Path) -> Path:
    return Path(importlib.util.cache_from_source(str(source)))


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_all_layers_together_leave_room_for_a_quick_start(built: Path) -> None:
    megabytes = sum(size(built / layer) for layer in LAYERS) / 1e6
    assert megabytes <= MOST_MB
    assert megabytes > 20  # or something is missing


def test_every_source_has_bytecode_of_this_runtime_that_is_never_compared_with_it(built: Path) -> None:
    """The first word is the interpreter's own; flags of 1: hashed, and the hash is not looked at."""
    found = sources(built)
    assert len(found) > 500
    heads = {bytecode_of(source).read_bytes()[:8] for source in found}
    assert heads == {importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little")}


def test_bytecode_belongs_to_the_source_beside_it(built: Path) -> None:
    for source in sources(built):
        told = bytecode_of(source).read_bytes()[8:16]
        assert told == importlib.util.source_hash(source.read_bytes()), source


def test_a_traceback_names_files_as_they_lie_on_lambda(built: Path) -> None:
    assert b"/opt/python/dialer/dial.py" in bytecode_of(built / "DialerLayer/python/dialer/dial.py").read_bytes()


@pytest.mark.parametrize(
    "never", ["aiohttp", "phonenumbers", "boto3", "twilio/rest/video", "pydantic/v1", "pip", "pytest", "local", "bin"]
)
def test_what_no_function_imports_is_not_there(built: Path, never: str) -> None:
    assert not [layer for layer in LAYERS if (built / layer / "python" / never).exists()]


def test_every_package_brings_its_licence_along(built: Path) -> None:
    for described in (built / "DependenciesLayer" / "python").glob("*.dist-info"):
        texts = [path for path in described.rglob("*") if "licen" in path.name.lower() or path.name == "COPYING"]
        assert texts or "License" in (described / "METADATA").read_text(), described.name


def test_native_code_is_for_the_processor_that_was_asked_for(tmp_path: Path) -> None:
    """arm64, whatever this machine is; `e_machine` of an ELF file says it."""
    other = tmp_path / "DependenciesLayer"
    _build("packages", other, DIALER_ARCHITECTURE="arm64", DIALER_RUNTIME=_this_runtime())
    native = list(other.rglob("*.so"))
    assert {int.from_bytes(path.read_bytes()[18:20], "little") for path in native} == {0xB7}
    assert any(path.name.startswith("_pydantic_core") for path in native)


def test_what_sam_has_written_down_decides(tmp_path: Path) -> None:
    table = '[layer_build_definitions.{id}]\nlayer_name = "{name}"\n{rest}'
    rest = 'compatible_runtimes = ["{runtime}"]\narchitecture = "arm64"\n'
    ours = table.format(id="a", name="DialerLayer", rest=rest.format(runtime=_this_runtime()))
    others = table.format(id="b", name="OtherLayer", rest=rest.format(runtime="python3.4"))
    (tmp_path / "build.toml").write_text(others + ours)
    _build("sources", tmp_path / "build" / "DialerLayer", cwd=_a_package(tmp_path))
    (compiled,) = (tmp_path / "build" / "DialerLayer" / "python" / "dialer" / "__pycache__").glob("*.pyc")
    assert compiled.read_bytes()[:4] == importlib.util.MAGIC_NUMBER


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({}, "set DIALER_RUNTIME (python3.13, say) and DIALER_ARCHITECTURE (arm64 or x86_64)."),
        ({"DIALER_RUNTIME": "python3.13"}, "set DIALER_RUNTIME (python3.13, say) and DIALER_ARCHITECTURE"),
        ({"DIALER_RUNTIME": "ruby", "DIALER_ARCHITECTURE": "arm64"}, "set DIALER_RUNTIME (python3.13, say)"),
        (
            {"DIALER_RUNTIME": "python3.99", "DIALER_ARCHITECTURE": "arm64"},
            "Python 3.99 is not on PATH: install it, or choose another PythonRuntime for this build.",
        ),
    ],
)
def test_a_build_that_cannot_be_right_is_refused_in_a_sentence(
    tmp_path: Path, told: dict[str, str], sentence: str
) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        _build("sources", tmp_path / "DialerLayer", cwd=_a_package(tmp_path), **told)
    said = refused.value.stderr.strip()
    assert sentence in said
    assert said.count("\n") == 0


def _a_package(place: Path) -> Path:
    folder = place / "source"
    (folder / "dialer").mkdir(parents=True)
    (folder / "dialer" / "__init__.py").write_text('"""One."""\n')
    return folder


def _this_runtime() -> str:
    return f"python{sys.version_info.major}.{sys.version_info.minor}"


def _build(what: str, artifacts: Path, *, cwd: Path = ROOT, **told: str) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DIALER_")}
    subprocess.run(
        [interpreter("sam"), str(SCRIPT), what, str(artifacts)],
        cwd=cwd,
        env={**kept, **told},
        check=True,
        capture_output=True,
        text=True,
    )


def test_the_layers_list_what_their_locks_pin(built: Path) -> None:
    described = (built / LAYERS[0] / "python").glob("*.dist-info")
    named = {path.name.split("-")[0].lower().replace("_", "-") for path in described}
    assert {"twilio", "pymongo", "pydantic-core", "aws-lambda-powertools", "requests", "tzdata"} <= named
