"""What the local AWS must do for the tests of the product to mean something."""

import contextlib
import http.client
import json
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from local.door import AT_ONCE
from local.world import MONGODB_URI_PARAMETER, TWILIO_AUTH_TOKEN_PARAMETER, FunctionFailed, Wish, World

pytestmark = [pytest.mark.world, pytest.mark.timeout(120)]
STAND_IN = Path(__file__).parent / "stand_in"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World(Wish(project=STAND_IN, carrier="http://127.0.0.1:9", parameters={"CallConcurrency": "2"})) as up:
        yield up


def test_a_function_finds_its_layer_and_boto3_and_nothing_else(world: World) -> None:
    modules = ["known", "boto3", "pydantic", "cryptography", "pymongo", "ministack"]
    assert world.invoke("VoiceFunction", {"modules": modules})["can import"] == ["known", "boto3"]


@pytest.mark.parametrize(
    "target", ["/voice/a%2Fb/x%20y?q=b+c&d=%7E&e&z=%41", "/", "/a//b?&&=", "/%C3%A9?%C3%A9=%c3%a9"]
)
def test_a_door_passes_path_and_query_byte_for_byte(world: World, target: str) -> None:
    door = urlsplit(world.voice_url)
    caller = http.client.HTTPConnection(f"{door.hostname}:{door.port}", timeout=10)
    with contextlib.closing(caller):
        caller.request("POST", target)
        heard = json.loads(caller.getresponse().read())
    path, _, query = target.partition("?")
    assert heard == {"path": path, "query": query}


def test_a_burst_at_a_door_waits_its_turn_and_does_not_start_a_process_for_each(world: World) -> None:
    door = urlsplit(world.voice_url)

    def knock(_: int) -> int:
        caller = http.client.HTTPConnection(f"{door.hostname}:{door.port}", timeout=60)
        with contextlib.closing(caller):
            caller.request("POST", "/slow")
            return caller.getresponse().status

    with ThreadPoolExecutor(5 * AT_ONCE) as callers:
        assert list(callers.map(knock, range(5 * AT_ONCE))) == [200] * 5 * AT_ONCE
    assert 1 <= len(world.worker_pids("VoiceFunction")) <= AT_ONCE


def test_a_function_is_held_to_the_parameters_that_its_role_names(world: World) -> None:
    assert world.invoke("VoiceFunction", {"parameters": [MONGODB_URI_PARAMETER]}) == {"found": 1}
    with pytest.raises(FunctionFailed, match="AccessDenied"):
        world.invoke("VoiceFunction", {"parameters": [MONGODB_URI_PARAMETER, TWILIO_AUTH_TOKEN_PARAMETER]})


def test_a_timeout_ends_the_function_process(world: World) -> None:
    before = world.invoke("VoiceFunction", {"modules": []})["pid"]
    began = time.monotonic()
    with pytest.raises(FunctionFailed, match="timed out after 2"):
        world.invoke("VoiceFunction", {"sleep": 30})
    assert time.monotonic() - began < 6
    assert world.invoke("VoiceFunction", {"modules": []})["pid"] != before


def test_a_function_can_be_configured_anew_while_it_is_warm(world: World) -> None:
    assert world.invoke("VoiceFunction", {"variable": "NEW"}) == {"value": None}
    world.configure("VoiceFunction", NEW="yes")
    assert world.invoke("VoiceFunction", {"variable": "NEW"}) == {"value": "yes"}


def test_a_killed_function_is_a_failed_invocation_and_no_more(world: World) -> None:
    before = world.invoke("VoiceFunction", {"modules": []})["pid"]
    assert world.worker_pids("VoiceFunction") == [before]
    with ThreadPoolExecutor(1) as caller:
        answer = caller.submit(world.invoke, "VoiceFunction", {"sleep": 1.5, "modules": []})
        time.sleep(0.3)
        os.kill(before, signal.SIGKILL)
        with pytest.raises(FunctionFailed, match="Worker process died"):
            answer.result()
    assert world.invoke("VoiceFunction", {"modules": []})["pid"] != before


def test_a_queue_feeds_as_many_functions_as_the_template_says(world: World) -> None:
    queue = {"QueueUrl": world.queues["CallQueue"]}
    entries = [{"Id": str(n), "MessageBody": str(n)} for n in range(8)]
    world.client("sqs").send_message_batch(**queue, Entries=entries)
    deadline = time.monotonic() + 30
    while _waiting(world, queue):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert len(world.worker_pids("CallFunction")) == 2


def _waiting(world: World, queue: dict[str, str]) -> int:
    counts = world.client("sqs").get_queue_attributes(**queue, AttributeNames=["All"])["Attributes"]
    return sum(int(counts[f"ApproximateNumberOfMessages{kind}"]) for kind in ("", "NotVisible"))


def test_the_database_comes_back_from_a_power_cut_with_what_was_promised(world: World) -> None:
    from pymongo import MongoClient, WriteConcern

    client: MongoClient[dict[str, int]] = MongoClient(world.mongodb_uri, serverSelectionTimeoutMS=10_000)
    with client:
        kept = client["check"].get_collection("kept", write_concern=WriteConcern(w="majority", j=True))
        kept.insert_one({"_id": 1})
        world.restart_mongod()
        assert kept.find_one({"_id": 1}) == {"_id": 1}
