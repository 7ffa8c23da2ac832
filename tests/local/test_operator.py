"""The operator's commands answer a wrong file in one sentence."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from local.environments import ROOT

WORLD = {
    "aws": {"url": "http://127.0.0.1:9", "region": "us-east-1", "access_key_id": "none", "secret_access_key": "none"},
    "parameters": {"mongodb_uri": "/none", "phone_hash_key": "/none"},
    "mongodb": {"database": "none"},
    "queues": {"RefillQueue": "none", "IntakeQueue": "none"},
    "outputs": {"StoreBucketName": "none", "EventBusName": "none"},
}


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (("import", "a-campaign", "nobody.csv"), "nobody.csv cannot be read: No such file or directory."),
        (("import", "a-campaign", "."), ". cannot be read: Is a directory."),
        (("create", "nothing.json"), "nothing.json cannot be read as JSON: [Errno 2] No such file or directory"),
        (("create", "torn.json"), "torn.json cannot be read as JSON: Expecting"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, command: tuple[str, ...], sentence: str) -> None:
    (tmp_path / "world.json").write_text(json.dumps(WORLD))
    (tmp_path / "torn.json").write_text("{")
    started = subprocess.run(
        [sys.executable, "-m", "local", "campaign", *command, "--world", "world.json"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert started.returncode == 2
    assert started.stderr.startswith(sentence)
    assert started.stderr.count("\n") == 1
