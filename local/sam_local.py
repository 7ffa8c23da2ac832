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
from typing import Annotated
from urllib.parse import urlsplit

import typer

from dialer.adapters.mongo import connect
from dialer.secret import Secret
from local.deploy import build, machine, overrides, sam_environment
from local.environments import ROOT, Refused, interpreter
from local.event_people import OPERATOR_TOKEN, TOKEN, VOICE_URL, await_event
from local.sam_local_page import Invoked, written
from local.wires import led
from local.world import Wish, World

app = typer.Typer()
_DOCKER_S, _INVOKE_S = 20, 120
_VOICE = "VoiceFunction"
_OURS = ("AWS_ENDPOINT_URL", "AWS_LAMBDA_EXEC_WRAPPER")  # not in the template: AWS itself needs neither
_OF_THE_FUNCTION = re.compile(r"(?m)(?:^\{|START RequestId|REPORT RequestId|^Function ).*$")
_ASLEEP = {"TickRate": "rate(1 hour)", "ReconcileRate": "rate(1 hour)"}
_TOKEN_PARAMETER, _VOICE_URL_PARAMETER = "/dialer/events/twilio-auth-token", "/dialer/events/voice-base-url"
_WIRED = """#!/bin/bash
exec 3< <(/var/lang/bin/python3 /var/task/wire_end.py /var/task/wires)
read -r -u 3
exec "$@"
"""


@app.command(name="sam-local")
def sam_local(
    only: Annotated[str, typer.Option(help="Part of the name of the events to invoke; all by default.")] = "",
    write: Annotated[Path | None, typer.Option(help="Keep what all of them came to as a page, in this file.")] = None,
) -> None:
    """Invoke every event under `sam local`, where Docker runs, and print what each came to."""
    if only and write:
        raise Refused("A page tells of every event: leave out EVENT, or WRITE.")
    obstacle = missing()
    if obstacle:
        print(f"Skipped: {obstacle}")
        return
    with World(Wish(auth=False, parameters=_ASLEEP), say=print) as world:
        came = list(invoked(world, only))
    failed = [one.event for one in came if not one.answered]
    if failed:
        raise Refused(f"These events came to an error: {', '.join(failed)}.")
    if write:
        write.write_text(written(came, system=_system()))


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


def invoked(world: World, only: str) -> Iterator[Invoked]:
    """What each event came to, in the order of their names."""
    place = world.run.own("sam-local")
    template = _wired(build(world.run).parent, place / "built")
    settings = place / "variables.json"
    settings.write_text(json.dumps(_variables(world)))
    _let_the_deployed_ones_sleep(world)
    ports = [urlsplit(url).port or 0 for url in (world.aws_url, world.mongodb_uri, world.carrier_url)]
    database = connect(Secret(world.mongodb_uri), world.wish.database)
    with database.client, led([folder / "wires" for folder in template.parent.glob("*Function")], ports):
        for path in sorted(one for one in (ROOT / "events").glob("*.json") if only in one.stem):
            whose = path.stem.partition("_")[0]
            said = path.read_text()
            await_event(database, whose, operator=OPERATOR_TOKEN in said, paused="CampaignPaused" in said)
            function = f"{whose.capitalize()}Function"
            one = Invoked(event=path.stem, function=function, said=_invoke(function, path, template, settings))
            print(f"\n$ {one.command}\n{one.said}", flush=True)
            yield one


def _let_the_deployed_ones_sleep(world: World) -> None:
    """What an event causes stays in the queues, or it would be over before the next one comes."""
    for function in ("TickFunction", "CallFunction"):
        world.client("lambda").put_function_concurrency(
            FunctionName=world.functions[function], ReservedConcurrentExecutions=0
        )


def _invoke(function: str, event: Path, template: Path, settings: Path) -> str:
    """What the function logged and answered, without the lines in which sam speaks of itself."""
    command = [str(interpreter("sam").parent / "sam"), "local", "invoke", function, "--event", str(event)]
    command += ["--template", str(template), "--env-vars", str(settings)]
    command += ["--skip-pull-image", *overrides(machine())]
    done = subprocess.run(
        command, env=_environment(), capture_output=True, text=True, timeout=_INVOKE_S, check=False, cwd=template.parent
    )
    return (
        "\n".join([*of_the_function(done.stderr), done.stdout.strip()]) if not done.returncode else done.stderr.strip()
    )


def of_the_function(said: str) -> list[str]:
    """Its own lines, each once: sam now and then repeats one, or goes on speaking in the middle of a line."""
    return list(dict.fromkeys(line.rstrip() for line in _OF_THE_FUNCTION.findall(said)))


def _wired(built: Path, copy: Path) -> Path:
    """A copy of the built template whose functions find this machine's loopback inside their container."""
    shutil.copytree(built, copy, ignore=shutil.ignore_patterns("*.zip", "packed.yaml"))
    for folder in copy.glob("*Function"):
        shutil.copy(ROOT / "local" / "wire_end.py", folder)
        (folder / "wired").write_text(_WIRED)
        (folder / "wired").chmod(0o755)
    declared = "".join(f'        {name}: ""\n' for name in _OURS)  # sam passes nothing that is not declared
    text = (copy / "template.yaml").read_text()
    (copy / "template.yaml").write_text(
        re.sub(r"(?m)^(    Environment:\n      Variables:\n)", rf"\1{declared}", text, count=1)
    )
    return copy / "template.yaml"


def _variables(world: World) -> Mapping[str, Mapping[str, str]]:
    """As they are deployed in the world, by function."""
    of = world.client("lambda")
    deployed = {
        logical: of.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        for logical, name in world.functions.items()
    }
    ours = {"AWS_ENDPOINT_URL": world.aws_url, "AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wired"}
    for name, value in ((_TOKEN_PARAMETER, TOKEN), (_VOICE_URL_PARAMETER, VOICE_URL)):
        world.client("ssm").put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=True)
    signed = {"TWILIO_AUTH_TOKEN_PARAMETER": _TOKEN_PARAMETER, "VOICE_BASE_URL_PARAMETER": _VOICE_URL_PARAMETER}
    return {**{logical: told | ours for logical, told in deployed.items()}, _VOICE: deployed[_VOICE] | ours | signed}


def _system() -> str:
    """What the image says it is: AWS's own, or a stand-in."""
    asks = '. /etc/os-release; echo "$PRETTY_NAME with $(/var/lang/bin/python3 --version)"'
    told = _docker("run", "--rm", "--network", "none", "--entrypoint", "/bin/sh", image(), "-c", asks)
    if told.returncode:
        raise Refused(f"The image does not say what it is ({_last(told.stderr)}).")
    return told.stdout.strip()


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
