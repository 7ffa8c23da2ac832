"""The project's own template, built by `sam build` and deployed to the local AWS by `sam deploy`."""

import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
from botocore.config import Config

from local.environments import LOCAL, ROOT, Refused, interpreter
from local.ministack import ACCESS_KEY, REGION, SECRET_KEY
from local.processes import plain_environment, start
from local.runs import Run

STACK = "dialer"
CONFIG = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=900, max_pool_connections=32)

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """What the stack made, by logical id and by output name."""

    resources: Mapping[str, str]
    types: Mapping[str, str]
    outputs: Mapping[str, str]

    def of_type(self, kind: str) -> dict[str, str]:
        return {name: physical for name, physical in self.resources.items() if self.types[name] == kind}


def build(run: Run, project: Path = ROOT, *, say: Say = lambda _: None) -> Path:
    """The path of the built template. Nothing is done where nothing changed since the last time."""
    home = LOCAL / "build" / hashlib.sha256(str(project).encode()).hexdigest()[:8]
    home.mkdir(parents=True, exist_ok=True)
    built, packed, stamp = home / "sam" / "template.yaml", home / "sam" / "packed.yaml", home / "built-from"
    with _alone(home / "build.lock"):
        wanted = _origin(project)
        if stamp.exists() and stamp.read_text() == wanted and packed.exists():
            return packed
        say("sam build: the functions and their layers")
        stamp.unlink(missing_ok=True)
        where: dict[str, str | Path] = {"build-dir": built.parent, "cache-dir": home / "cache", "base-dir": project}
        source = ["build", "--cached", "--parallel", "--template-file", str(project / "template.yaml")]
        _sam(run, [*source, *_options(where), *overrides(machine())])
        packed.write_text(_pack(built))
        stamp.write_text(wanted)
    return packed


def deploy(
    built: Path, run: Run, *, aws_url: str, parameters: Mapping[str, str], say: Say = lambda _: None
) -> Deployed:
    say("sam deploy: the stack, as on AWS")
    what: dict[str, str | Path] = {
        "template-file": built,
        "stack-name": STACK,
        "capabilities": "CAPABILITY_IAM",
        "region": REGION,
        "tags": f"Stage={parameters['Stage']}",
    }
    how = ["--resolve-s3", "--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar"]
    arguments = ["deploy", *how, *_options(what), *overrides({**machine(), **parameters})]
    _sam(run, arguments, AWS_ENDPOINT_URL=aws_url, SAM_CLI_POLL_DELAY="0.2")
    cloudformation = client("cloudformation", aws_url)
    stack = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
    found = cloudformation.describe_stack_resources(StackName=STACK)["StackResources"]
    return Deployed(
        resources={r["LogicalResourceId"]: r["PhysicalResourceId"] for r in found},
        types={r["LogicalResourceId"]: r["ResourceType"] for r in found},
        outputs={o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", [])},
    )


def delete(run: Run, *, aws_url: str) -> None:
    """`sam delete`: what is left is what the template retains."""
    _sam(run, ["delete", "--no-prompts", "--stack-name", STACK, "--region", REGION], AWS_ENDPOINT_URL=aws_url)


def client(service: str, aws_url: str):  # type: ignore[no-untyped-def]
    """A client that asks once: a retried invocation would be a second invocation."""
    session = boto3.session.Session(aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY, region_name=REGION)
    return session.client(service, endpoint_url=aws_url, config=CONFIG)  # type: ignore[call-overload]


def machine() -> dict[str, str]:
    """Parameters that follow from this machine: its interpreter and its processor."""
    version = re.search(r"version\w*\s*=\s*(3\.\d+)", (interpreter("sam").parent.parent / "pyvenv.cfg").read_text())
    assert version is not None
    arm = platform.machine().lower() in {"arm64", "aarch64"}
    return {"PythonRuntime": f"python{version[1]}", "Architecture": "arm64" if arm else "x86_64"}


def _options(values: Mapping[str, str | Path]) -> list[str]:
    return [word for name, value in values.items() for word in (f"--{name}", str(value))]


def overrides(parameters: Mapping[str, str]) -> list[str]:
    """Values in quotes: sam would cut `rate(5 seconds)` at its space."""
    return ["--parameter-overrides", *(f'ParameterKey={k},ParameterValue="{v}"' for k, v in parameters.items())]


def _sam(run: Run, arguments: Sequence[str], **environment: str) -> None:
    command = [str(interpreter("sam").parent / "sam"), *arguments]
    part = start(
        f"sam-{arguments[0]}", command, world=run.name, logs=run.logs, environment=sam_environment(**environment)
    )
    if part.process.wait():
        raise Refused(_why(arguments[0], part.said))


def sam_environment(**environment: str) -> dict[str, str]:
    """For `sam`: nothing of the caller's AWS configuration, and no look on the network but pip's."""
    home = LOCAL / "build" / "sam-home"
    home.mkdir(parents=True, exist_ok=True)
    # Pinned in requirements/, so it must not ask for a newer version of itself.
    (home / "metadata.json").write_text(json.dumps({"lastVersionCheck": str(time.time()), "telemetryEnabled": False}))
    settings = plain_environment(
        AWS_ACCESS_KEY_ID=ACCESS_KEY,
        AWS_SECRET_ACCESS_KEY=SECRET_KEY,
        AWS_DEFAULT_REGION=REGION,
        AWS_EC2_METADATA_DISABLED="true",
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        SAM_CLI_TELEMETRY="0",
        **environment,
    )
    settings["__SAM_CLI_APP_DIR"] = str(home)
    settings |= {k: v for k, v in os.environ.items() if k.startswith("PIP_") or k.lower().endswith("_proxy")}
    # It looks for pythonX.Y on PATH, where a version manager's shim would be found and fail.
    settings["PATH"] = f"{interpreter('sam').parent}{os.pathsep}{settings['PATH']}"
    return settings


def _why(verb: str, said: Path) -> str:
    log = said.with_suffix(".log")
    text = said.read_text(errors="replace") + log.read_text(errors="replace")
    if verb == "build" and "The layer's packages could not be installed" in text:
        return f"`sam build` could not fetch the layer's packages: check the network or PIP_INDEX_URL, then see {log}."
    errors = [line.strip() for line in text.splitlines() if re.search(r"error|failed|denied", line, re.IGNORECASE)]
    return f"`sam {verb}` failed; {said} and {log.name} say why: {errors[-1] if errors else '(nothing was written)'}"


def _pack(built: Path) -> str:
    """The built template with zips for folders: `sam deploy` would zip the same folders at every start, for seconds."""

    def zipped(found: re.Match[str]) -> str:
        archive = shutil.make_archive(str(built.parent / found[2]), "zip", built.parent / found[2])
        return f"{found[1]}{Path(archive).name}"

    return re.sub(r"^( +(?:ContentUri|CodeUri): )(\w+)$", zipped, built.read_text(), flags=re.MULTILINE)


def _origin(project: Path) -> str:
    """One hash over everything that a build reads."""
    sources = [project / "template.yaml", ROOT / "requirements" / "sam.txt"]
    sources += sorted(p for top in ("functions", "layers") for p in (project / top).rglob("*") if _counts(p))
    digest = hashlib.sha256(f"{machine()}".encode())
    for source in sources:
        digest.update(f"{source.name}\0{source.parent}\0".encode())
        digest.update(source.read_bytes())
    return digest.hexdigest()


def _counts(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
