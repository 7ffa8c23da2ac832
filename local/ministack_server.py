"""MiniStack, brought nearer to AWS in eight places; runs in MiniStack's own environment, started by ministack.py.

1. Schedules are looked at every second, not every ten.
2. A function URL hands over path and query byte for byte: signatures are computed over them.
3. Functions run on an interpreter that has boto3 and nothing else, as on AWS: what their layers lack, fails.
4. A layer is unpacked once and shared, as /opt is; unpacking 80 MB for each worker would cost seconds a piece.
5. GetParameters is judged for each parameter that it names, not for all parameters of the account.
6. MaximumConcurrency may come from a template parameter: as text, which stopped every queue.
7. SendMessageBatch needs the permission sqs:SendMessage, the only one AWS knows for it.
8. A schedule may say rate(5 seconds): AWS refuses that, and the local world has no minutes to wait.
"""

import contextlib
import json
import os
import re
import sys
import types
import zipfile
import zlib
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import ministack.app
from ministack.core import iam_actions, iam_evaluator, lambda_runtime
from ministack.services import eventbridge, lambda_svc, scheduler

RUNTIME = os.environ.pop("RUNTIME_PYTHON")
LAYERS = Path(os.environ.pop("LAYERS_UNPACKED"))

as_sent: ContextVar[dict[str, Any]] = ContextVar("as_sent")


def main() -> None:
    scheduler._SCHEDULE_TICK_INTERVAL = 1
    keep_urls_as_sent()
    run_functions_as_aws_does()
    share_unpacked_layers()
    judge_each_parameter()
    read_concurrency_as_a_number()
    judge_batches_as_messages()
    read_rates_in_seconds()
    ministack.app.main()


def keep_urls_as_sent() -> None:
    serve, build = ministack.app.app, lambda_svc._build_function_url_event

    async def serve_remembering(scope: dict[str, Any], receive: object, send: object) -> None:
        if scope["type"] == "http":
            as_sent.set(scope)
        await serve(scope, receive, send)

    def build_as_sent(*args: Any, **named: Any) -> dict[str, Any]:
        event: dict[str, Any] = build(*args, **named)
        scope = as_sent.get()
        path = scope["raw_path"].decode("latin-1").partition("?")[0]
        event["rawPath"] = event["requestContext"]["http"]["path"] = path
        event["rawQueryString"] = scope["query_string"].decode("latin-1")
        return event

    ministack.app.app = serve_remembering
    lambda_svc._build_function_url_event = build_as_sent


def run_functions_as_aws_does() -> None:
    detect = lambda_runtime._detect_runtime_binary

    def detect_ours(runtime: str) -> tuple[str, str]:
        binary, script = detect(runtime)
        return (RUNTIME if binary == sys.executable else binary), script

    lambda_runtime._detect_runtime_binary = detect_ours


class SharingZip(zipfile.ZipFile):
    """A worker's `layer_N` becomes a link to the one unpacked copy, which also keeps its compiled bytecode."""

    def extractall(self, path: Any = None, members: Any = None, pwd: bytes | None = None) -> None:
        target = Path(path)
        if not target.name.startswith("layer_"):
            super().extractall(path, members, pwd)
            return
        shared = LAYERS / f"{self._contents():08x}"
        if not shared.exists():
            arriving = LAYERS / f".{shared.name}-{os.getpid()}-{id(self)}"
            super().extractall(arriving)
            with contextlib.suppress(OSError):  # another worker was first; both copies are the same
                arriving.rename(shared)
        os.utime(shared)
        target.rmdir()
        target.symlink_to(shared)

    def _contents(self) -> int:
        names = "".join(f"{entry.filename} {entry.CRC} {entry.file_size}\n" for entry in self.infolist())
        return zlib.crc32(names.encode()) << 32 | zlib.adler32(names.encode())


def share_unpacked_layers() -> None:
    LAYERS.mkdir(parents=True, exist_ok=True)
    sharing = types.ModuleType("zipfile")
    sharing.__dict__.update(zipfile.__dict__)
    sharing.__dict__["ZipFile"] = SharingZip
    lambda_runtime.zipfile = sharing


def judge_each_parameter() -> None:
    name_one, judge_one = iam_actions.extract_resource_arn, iam_evaluator.enforce

    def name_all(service: str, method: str, path: str, headers: Any, body: bytes, query: Any, *where: str) -> str:
        if service == "ssm" and headers.get("x-amz-target", "").endswith(".GetParameters"):
            named = {"Name": "", **json.loads(body)}
            each = (json.dumps({**named, "Name": name}).encode() for name in named["Names"])
            return "\n".join(name_one(service, method, path, headers, one, query, *where) for one in each)
        arn: str = name_one(service, method, path, headers, body, query, *where)
        return arn

    def judge_all(*args: Any, resource_arn: str = "*", **named: Any) -> Any:
        for arn in resource_arn.split("\n"):
            denied = judge_one(*args, resource_arn=arn, **named)
            if denied:
                return denied
        return None

    iam_actions.extract_resource_arn = name_all
    iam_evaluator.enforce = judge_all


def read_concurrency_as_a_number() -> None:
    limit = lambda_svc._sqs_esm_concurrency

    def limit_of(mapping: dict[str, Any], *args: Any) -> int:
        scaling = {key: int(value) for key, value in (mapping.get("ScalingConfig") or {}).items()}
        most: int = limit({**mapping, "ScalingConfig": scaling}, *args)
        return most

    lambda_svc._sqs_esm_concurrency = limit_of


def judge_batches_as_messages() -> None:
    name_action = iam_actions.extract_iam_action

    def name_permission(*args: Any, **named: Any) -> str:
        action: str = name_action(*args, **named)
        return action.removesuffix("Batch") if action.startswith("sqs:") else action

    iam_actions.extract_iam_action = name_permission


def read_rates_in_seconds() -> None:
    parse = eventbridge._parse_rate_seconds

    def parse_any(expression: str) -> int | None:
        seconds = re.fullmatch(r"rate\((\d+) seconds?\)", expression)
        known: int | None = int(seconds[1]) if seconds else parse(expression)
        return known

    eventbridge._parse_rate_seconds = parse_any


if __name__ == "__main__":
    main()
