"""P7 and P8: how long the built call function needs until it can dial, against naive imports, and without bytecode."""

import compileall
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.conftest import Notebook
from benchmarks.figures import Section
from benchmarks.sizes import QUICK
from local import runs
from local.deploy import build, client
from local.emulator import LAYERS
from local.environments import LOCAL, interpreter

ROUNDS = 3 if QUICK else 9
TEXT = """
Every lap is a fresh process of the interpreter that stands for Lambda's, with the built layers and nothing else on its
path, from its first line to the moment when all parts of a dial are made. Both sides read their parameters from the
same parameter store on loopback, in one request. Naive imports get every package as `pip install` leaves it: whole, and
with bytecode too. Bytecode of ours can save nothing of what boto3 takes: it comes with the runtime, bytecode and all.
"""
VALUES = {
    "/cold/uri": "mongodb://127.0.0.1:9",
    "/cold/token": "a-token",
    "/cold/key": "a-key",
    "/cold/voice": "https://voice.example",
}

START = r"""
import json, re, time
began = time.perf_counter()
{work}
seconds = time.perf_counter() - began
status = open("/proc/self/status").read()  # getrusage knows the highest of whoever started this process, too
print(json.dumps([seconds, int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024]))
"""
OURS = """
import app
from datetime import timedelta
from types import SimpleNamespace
from dialer import wiring
wiring.dial(lambda: timedelta(seconds=30))
wiring.once_per_attempt(lambda *, message: None, SimpleNamespace(get_remaining_time_in_millis=lambda: 30_000))
"""
NAIVE = """
import boto3, os, phonenumbers, pymongo, pydantic
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import LambdaFunctionUrlResolver
from aws_lambda_powertools.utilities import parameters, parser
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig
from twilio.rest import Client
from twilio.request_validator import RequestValidator
from twilio.twiml.voice_response import VoiceResponse
clients = [boto3.client(name) for name in ("dynamodb", "sqs", "secretsmanager", "events", "cloudwatch")]
names = [os.environ[name] for name in os.environ if name.endswith("_PARAMETER")]
read = boto3.client("ssm").get_parameters(Names=names, WithDecryption=True)["Parameters"]
told = {one["Name"]: one["Value"] for one in read}
table = boto3.resource("dynamodb").Table("idempotency")
database = pymongo.MongoClient(told["/cold/uri"], connect=False)["dialer"]
twilio = Client("AC" + "0" * 32, told["/cold/token"])
store, app = DynamoDBPersistenceLayer(table_name="idempotency"), LambdaFunctionUrlResolver()
twilio.calls
"""
RUNTIMES = """
import boto3
from botocore.config import Config
boto3.client("ssm", config=Config()).get_parameters(Names=["/cold/uri", "/cold/token"], WithDecryption=True)
boto3.client("dynamodb", config=Config())
"""


@pytest.fixture(scope="module")
def built() -> Iterator[Path]:
    run = runs.begin()
    yield build(run).parent
    run.remove()


@pytest.fixture
def bare(built: Path, tmp_path: Path) -> Path:
    """The same artifact without its bytecode."""
    for layer in LAYERS:
        shutil.copytree(built / layer, tmp_path / layer, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@pytest.fixture
def store(ministack: str) -> str:
    """The address of a parameter store that has what both sides read."""
    for name, value in VALUES.items():
        client("ssm", ministack).put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=True)
    return ministack


@pytest.fixture(scope="module")
def section(results: Notebook) -> Section:
    return results.section("cold-start", "Cold start of the call function", TEXT)


def test_p7_the_call_function_starts_faster_than_with_naive_imports(built: Path, store: str, section: Section) -> None:
    (whole,) = (LOCAL / "venvs" / "dev" / "lib").glob("python*/site-packages")
    compileall.compile_dir(whole, quiet=2, workers=0)  # as pip leaves it, and uv does not
    ours, naive = Start(OURS, _paths(built, built)), Start(NAIVE, [whole])
    ratio = _race(section, store, {"the built function": ours, "naive imports": naive})
    section.judge(
        yardstick="P7", what="start against naive imports", value=ratio, bar=0.65, stretch=0.40, higher_is_better=False
    )
    section.demand()


def test_p8_bytecode_is_what_makes_it_fast(built: Path, bare: Path, store: str, section: Section) -> None:
    with_it, without = Start(OURS, _paths(built, built)), Start(OURS, _paths(built, bare))
    neither = Start(RUNTIMES, [])
    what = {"with bytecode": with_it, "without bytecode": without, "of both: boto3, which is the runtime's": neither}
    ratio = _race(section, store, what)
    section.judge(
        yardstick="P8", what="start with bytecode against without", value=ratio, bar=0.40, higher_is_better=False
    )
    section.demand()


@dataclass(frozen=True)
class Start:
    """What is done after the interpreter has started, and where it looks for modules."""

    work: str
    paths: Sequence[Path]


def _race(section: Section, store: str, starts: Mapping[str, Start]) -> float:
    """The ratio of the medians, first to second; all take turns, so that a busy machine slows both alike."""
    laps: dict[str, list[tuple[float, float]]] = {what: [] for what in starts}
    for _ in range(ROUNDS):
        for what, start in starts.items():
            laps[what].append(_start(start, store))
    first, second, *_ = (
        section.add(
            what=what,
            unit="ms",
            laps=[1000 * seconds for seconds, _ in of],
            higher_is_better=False,
            peak_mb=max(megabytes for _, megabytes in of),
        )
        for what, of in laps.items()
    )
    return float(first.median / second.median)


def _paths(functions: Path, layers: Path) -> list[Path]:
    return [functions / "CallFunction", *(layers / layer / "python" for layer in LAYERS)]


def _start(start: Start, store: str) -> tuple[float, float]:
    """Seconds, and megabytes at the highest."""
    command = [str(interpreter("lambda")), "-B", "-c", START.format(work=start.work)]
    done = subprocess.run(command, env=_environment(start.paths, store), capture_output=True, text=True, check=True)
    seconds, megabytes = json.loads(done.stdout)
    return seconds, megabytes


def _environment(paths: Sequence[Path], store: str) -> Mapping[str, str]:
    return {
        "PATH": os.defpath,
        "PYTHONPATH": os.pathsep.join(str(path) for path in paths),
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": store,
        "AWS_LAMBDA_FUNCTION_NAME": "call",
        "MONGODB_URI_PARAMETER": "/cold/uri",
        "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "TWILIO_AUTH_TOKEN_PARAMETER": "/cold/token",
        "PHONE_HASH_KEY_PARAMETER": "/cold/key",
        "VOICE_BASE_URL_PARAMETER": "/cold/voice",
        "IDEMPOTENCY_TABLE": "idempotency",
        "PYTHONWARNINGS": "ignore",
        "REFILL_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/1/refill.fifo",
    }
