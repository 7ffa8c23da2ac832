"""Builds a layer for `sam build`: only what is imported, for the wanted processor, with bytecode that is never checked.

A function cannot write to /opt, so a layer without bytecode is compiled again at every cold start. And bytecode that is
compared with its source's date is stale as soon as the source has been zipped: hence unchecked hashes.

    build.py packages ARTIFACTS    the packages of lock.txt in the working directory, or else beside this file, pruned
                                   and compiled
    build.py sources ARTIFACTS     our own package beside this call's working directory, compiled

Runtime and processor are the template's parameters. SAM does not tell them to a Makefile, but it has written them to
the build.toml above the artifacts; DIALER_RUNTIME and DIALER_ARCHITECTURE say otherwise (in a container, for instance).
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent

NEVER_IMPORTED = {
    "aiohttp", "aiohappyeyeballs", "aiohttp-retry", "aiosignal", "attrs", "frozenlist", "multidict", "propcache",
    "yarl",
    "charset-normalizer",
}  # fmt: skip
"""Packages of twilio's asynchronous client, which nothing here uses; and the one by which requests guesses an answer's
encoding, a twentieth of a function's start: without it, text that does not say what it is is UTF-8."""

PRUNED = (
    "twilio/rest/*/",  # every product but the one below
    "pydantic/v1/",
    "aws_lambda_powertools/event_handler/openapi/swagger_ui/",
    "phonenumbers/geodata/",  # the names of towns and of carriers: three quarters of the package
    "phonenumbers/carrierdata/",
    "**/tests/",
    "**/*.pyi",
    "**/*.c",
    "**/*.h",
    "**/*.pyx",
    "**/py.typed",
    "bin/",
    "*.dist-info/RECORD",  # it lists what is no longer there
    "*.dist-info/INSTALLER",
    "*.dist-info/REQUESTED",
    "*.dist-info/direct_url.json",
)
"""What a package brings and no function imports. The rest of `*.dist-info` stays: licences and versions."""
KEPT = ("twilio/rest/api/",)

GLIBC = {"3.11": 26}
"""Amazon Linux 2, on which this runtime runs; later ones run on Amazon Linux 2023."""
GLIBC_2023 = 34


class Refused(Exception):
    """One sentence that says what to do."""


def main(what: str, artifacts: Path) -> None:
    python = artifacts / "python"
    python.mkdir(parents=True, exist_ok=True)
    version, architecture = target(artifacts)
    compiler = interpreter(version)
    if what == "packages":
        install(python, version=version, architecture=architecture)
        prune(python)
    else:
        shutil.copytree("dialer", python / "dialer", ignore=shutil.ignore_patterns("__pycache__"))
    compile_all(compiler, artifacts)


def target(artifacts: Path) -> tuple[str, str]:
    """Python version and processor, such as ("3.13", "arm64")."""
    told = _told_by_sam(artifacts)
    runtime = os.environ.get("DIALER_RUNTIME") or str((told.get("compatible_runtimes") or [""])[0])
    architecture = os.environ.get("DIALER_ARCHITECTURE") or str(told.get("architecture", ""))
    if not re.fullmatch(r"python3\.\d+", runtime) or architecture not in {"arm64", "x86_64"}:
        raise Refused(
            "The layer's runtime and processor are unknown: set DIALER_RUNTIME (python3.13, say) and "
            "DIALER_ARCHITECTURE (arm64 or x86_64)."
        )
    return runtime.removeprefix("python"), architecture


def _told_by_sam(artifacts: Path) -> dict[str, Any]:
    for folder in artifacts.resolve().parents:
        graph = folder / "build.toml"
        if graph.is_file():
            layers = tomllib.loads(graph.read_text()).get("layer_build_definitions", {})
            ours = [layer for layer in layers.values() if layer.get("layer_name") == artifacts.name]
            return ours[0] if ours else {}
    return {}


def interpreter(version: str) -> str:
    """A Python of exactly this version: bytecode is valid for no other."""
    for candidate in (sys.executable, f"python{version}", "python3", "python"):
        if _version(candidate) == version:
            return candidate
    raise Refused(f"Python {version} is not on PATH: install it, or choose another PythonRuntime for this build.")


def _version(candidate: str) -> str:
    """Empty for what is not there, and for a version manager's shim that fails."""
    if not shutil.which(candidate):
        return ""
    ask = [candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    return subprocess.run(ask, capture_output=True, text=True, check=False).stdout.strip()


def install(python: Path, *, version: str, architecture: str) -> None:
    """Wheels for the function's machine, whatever this one is."""
    lock = next(path for path in (Path("lock.txt"), HERE / "lock.txt") if path.is_file())
    wanted = [line for line in lock.read_text().splitlines() if _name(line) not in NEVER_IMPORTED]
    list_ = python.parent / "wanted.txt"
    list_.write_text("\n".join(wanted))
    machine = {"arm64": "aarch64", "x86_64": "x86_64"}[architecture]
    newest = GLIBC.get(version, GLIBC_2023)
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in range(newest, 16, -1)] + [f"manylinux2014_{machine}"]
    done = subprocess.run(
        [
            sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile",
            "--no-warn-conflicts", "--no-deps", "--only-binary=:all:", "--implementation=cp",
            f"--python-version={version}", *(f"--platform={platform}" for platform in platforms),
            "--target", str(python), "--requirement", str(list_),
        ],
        check=False,
    )  # fmt: skip
    list_.unlink()
    if done.returncode:
        raise Refused("The layer's packages could not be installed: the lines above are pip's.")


def _name(line: str) -> str:
    return re.split(r"[=\s#]", line, maxsplit=1)[0].lower()


def prune(python: Path) -> None:
    kept = {python / keep for keep in KEPT}
    for path in [path for pattern in PRUNED for path in _matching(python, pattern) if path not in kept]:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _matching(python: Path, pattern: str) -> Iterator[Path]:
    folders_only = pattern.endswith("/")
    return (path for path in python.glob(pattern.rstrip("/")) if path.is_dir() == folders_only)


def compile_all(compiler: str, artifacts: Path) -> None:
    """Tracebacks name the files as they lie on Lambda, and equal sources give equal layers."""
    how = ["-q", "-j", "0", "-s", str(artifacts), "-p", "/opt", "--invalidation-mode", "unchecked-hash"]
    if subprocess.run([compiler, "-m", "compileall", *how, str(artifacts)], check=False).returncode:
        raise Refused("The layer's sources could not be compiled: the lines above say which.")


if __name__ == "__main__":
    try:
        main(sys.argv[1], Path(sys.argv[2]))
    except Refused as refused:
        sys.exit(str(refused))
