"""`sam local invoke` with every file in events/: the functions in AWS's own containers, beside the local world.

It needs a Docker engine and AWS's image of the runtime; where either is missing, it says so and does nothing.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import typer

from local.deploy import build, machine, overrides, sam_environment
from local.environments import ROOT, Refused, interpreter
from local.world import Wish, World

app = typer.Typer()
_DOCKER_S, _INVOKE_S = 20, 120
_OURS = ("AWS_ENDPOINT_URL",)  # not in the template: on AWS nothing stands between a function and AWS


@app.command(name="sam-local")
def sam_local(
    only: str = typer.Option("", help="Part of the name of the events to invoke; all of them by default."),
) -> None:
    """Invoke every event under `sam local`, where Docker runs, and print what each came to."""
    obstacle = missing()
    if obstacle:
        print(f"Skipped: {obstacle}")
        return
    with World(Wish(auth=False), say=print) as world:
        failed = [name for name, came_to in invoked(world, only) if not came_to]
    if failed:
        raise Refused(f"These events came to an error: {', '.join(failed)}.")


def missing() -> str:
    """Empty, or why nothing can be invoked in containers on this machine."""
    if shutil.which("docker") is None:
        return "there is no `docker` on PATH."
    asked = _docker("info", "--format", "{{.ServerVersion}}")
    if asked.returncode:
        return f"no Docker engine answers ({_last(asked.stderr)})."
    if _docker("image", "inspect", image()).returncode:
        return f"the image is not here: `docker pull {image()}` fetches it."
    return ""


def image() -> str:
    """AWS's image of the runtime, as SAM names it."""
    of = machine()
    return f"public.ecr.aws/lambda/{of['PythonRuntime'].replace('python', 'python:')}-{of['Architecture']}"


def invoked(world: World, only: str) -> Iterator[tuple[str, bool]]:
    """Each event's name, and whether its function answered."""
    template = _with_our_variables(build(world.run).parent)
    settings = world.run.own("sam-local") / "variables.json"
    settings.write_text(json.dumps(_variables(world)))
    for path in sorted((ROOT / "events").glob(f"*{only}*.json")):
        function = f"{path.stem.partition('_')[0].capitalize()}Function"
        print(f"\n$ sam local invoke {function} -e events/{path.name}")
        answer = _invoke(function, path, template, settings)
        print(answer)
        yield path.stem, '"errorMessage"' not in answer and "timed out" not in answer


def _invoke(function: str, event: Path, template: Path, settings: Path) -> str:
    """What the function logged and answered, without the lines in which sam speaks of itself."""
    command = [str(interpreter("sam").parent / "sam"), "local", "invoke", function, "--event", str(event)]
    command += ["--template", str(template), "--env-vars", str(settings)]
    command += ["--docker-network", "host", "--skip-pull-image", *overrides(machine())]
    done = subprocess.run(
        command, env=_environment(), capture_output=True, text=True, timeout=_INVOKE_S, check=False, cwd=template.parent
    )
    told = [line for line in done.stderr.splitlines() if line.startswith(("{", "START", "REPORT", "Function "))]
    return "\n".join([*told, done.stdout.strip()]) if not done.returncode else done.stderr.strip()


def _with_our_variables(built: Path) -> Path:
    """A copy of the built template that declares what only the local world sets: sam passes nothing undeclared."""
    copy = built / "sam-local.yaml"
    declared = "".join(f'        {name}: ""\n' for name in _OURS)
    copy.write_text(
        re.sub(
            r"(?m)^(    Environment:\n      Variables:\n)",
            rf"\1{declared}",
            (built / "template.yaml").read_text(),
            count=1,
        )
    )
    return copy


def _variables(world: World) -> Mapping[str, Mapping[str, str]]:
    """As they are deployed in the world, by function."""
    of = world.client("lambda")
    deployed = {
        logical: of.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        for logical, name in world.functions.items()
    }
    return {logical: {**told, "AWS_ENDPOINT_URL": world.aws_url} for logical, told in deployed.items()}


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG") if name in os.environ}
    # SAM asks STS who it is before each invocation; the answer is not needed, and nobody is there to give it.
    return sam_environment(AWS_ENDPOINT_URL_STS="http://127.0.0.1:9", AWS_MAX_ATTEMPTS="1", **kept)


def _docker(*arguments: str) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=_DOCKER_S, check=False)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess([], 1, "", f"it has not answered for {_DOCKER_S} s")


def _last(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].rstrip(".") if lines else "it said nothing"
