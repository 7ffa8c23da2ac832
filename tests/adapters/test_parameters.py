"""Parameters: what is missing is named, and no value is ever shown."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from dialer.adapters import parameters
from dialer.errors import BadSettings, Unavailable
from local.processes import free_port
from tests.adapters.aws import client, moto
from tests.adapters.http_wire import Reply, WireServer

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

SECRET = "opensesame"


@pytest.fixture(params=["moto", "ministack"])
def ssm(request: pytest.FixtureRequest) -> "Iterator[SSMClient]":
    if request.param == "moto":
        with moto():
            yield from _filled(client("ssm", None))
    else:
        yield from _filled(client("ssm", request.getfixturevalue("ministack")))


def _filled(ssm: "SSMClient") -> "Iterator[SSMClient]":
    ssm.put_parameter(Name="/t/token", Value=SECRET, Type="SecureString", Overwrite=True)
    ssm.put_parameter(Name="/t/url", Value="https://voice.example", Type="String", Overwrite=True)
    yield ssm
    ssm.close()


def test_values_come_by_name_and_secure_ones_decrypted(ssm: "SSMClient") -> None:
    read = parameters.read(ssm, ["/t/token", "/t/url"])
    assert {name: value.reveal() for name, value in read.items()} == {
        "/t/token": SECRET,
        "/t/url": "https://voice.example",
    }


def test_no_value_shows(ssm: "SSMClient") -> None:
    read = parameters.read(ssm, ["/t/token"])
    assert SECRET not in f"{read} {read!r} {read['/t/token']}"


def test_every_missing_parameter_is_named_and_no_other_value_shown(ssm: "SSMClient") -> None:
    with pytest.raises(BadSettings, match=r"/t/absent, /t/nowhere") as wrong:
        parameters.read(ssm, ["/t/token", "/t/nowhere", "/t/absent"])
    assert SECRET not in f"{wrong.value!r}"
    assert "/t/token" not in str(wrong.value)


def test_a_store_that_does_not_answer_is_unavailable() -> None:
    ssm = client("ssm", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(Unavailable):
        parameters.read(ssm, ["/t/token"])
    ssm.close()


def test_a_store_that_says_no_is_unavailable_with_its_word() -> None:
    denied = Reply(status=400, body=b'{"__type":"AccessDeniedException","message":"opensesame"}')
    with WireServer(lambda _: denied) as server:
        ssm = client("ssm", server.url)
        with pytest.raises(Unavailable, match="AccessDeniedException") as wrong:
            parameters.read(ssm, ["/t/token"])
        assert SECRET not in str(wrong.value)
        ssm.close()


def test_all_are_read_in_one_request() -> None:
    body = b'{"Parameters": [{"Name": "a", "Value": "1"}, {"Name": "b", "Value": "2"}], "InvalidParameters": []}'
    with WireServer(lambda _: Reply(body=body)) as server:
        ssm = client("ssm", server.url)
        assert set(parameters.read(ssm, ["a", "b"])) == {"a", "b"}
        ssm.close()
    assert [asked.operation for asked in server.asked] == ["GetParameters"]
    assert b'"WithDecryption": true' in server.asked[0].body


@dataclass
class HandClock:
    """Time passes when a test says so."""

    seconds: float = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@dataclass
class Told:
    """What the store of this test says next."""

    value: str = "first"
    status: int = 200

    def __call__(self, _: object) -> Reply:
        found = {"Parameters": [{"Name": "/t", "Value": self.value}], "InvalidParameters": []}
        return Reply(status=self.status, body=json.dumps(found).encode())


@dataclass
class Kept:
    """A store of values over a wire on which every request is counted."""

    server: WireServer
    told: Told
    clock: HandClock
    store: parameters.ParameterStore

    @property
    def value(self) -> str:
        return self.store["/t"].reveal()

    @property
    def asked(self) -> int:
        return len(self.server.asked)


@pytest.fixture
def kept() -> Iterator[Kept]:
    told, clock = Told(), HandClock()
    with WireServer(told) as server:
        ssm = client("ssm", server.url)
        store = parameters.ParameterStore(lambda _: ssm, ["/t"], clock=clock)
        yield Kept(server, told, clock, store)
        ssm.close()


def test_nothing_is_read_before_a_value_is_needed(kept: Kept) -> None:
    assert (kept.store.renew(), kept.store.doubt(), kept.asked) == (False, False, 0)
    assert (kept.value, kept.value, kept.asked) == ("first", "first", 1)


def test_values_are_read_again_after_five_minutes_and_not_before(kept: Kept) -> None:
    assert kept.value == "first"
    kept.told.value = "second"
    kept.clock.sleep(299)
    assert (kept.store.renew(), kept.value, kept.asked) == (False, "first", 1)
    kept.clock.sleep(1)
    assert (kept.store.renew(), kept.value, kept.asked) == (True, "second", 2)
    assert (kept.store.renew(), kept.asked) == (False, 2)
    kept.clock.sleep(300)
    assert (kept.store.renew(), kept.asked) == (False, 3)  # the same as before


def test_a_doubt_reads_at_once_and_then_not_for_ten_seconds(kept: Kept) -> None:
    assert kept.value == "first"
    assert (kept.store.doubt(), kept.asked) == (False, 2)
    kept.told.value = "second"
    kept.clock.sleep(9)
    assert (kept.store.doubt(), kept.value, kept.asked) == (False, "first", 2)
    kept.clock.sleep(1)
    assert (kept.store.doubt(), kept.value, kept.asked) == (True, "second", 3)
    assert kept.store.doubt()  # and whoever else doubts before the parts are made again hears the same
    assert (kept.store.renew(), kept.store.renew()) == (True, False)


@pytest.mark.parametrize("status", [400, 500])
def test_where_nothing_can_be_read_again_the_old_values_go_on_serving(kept: Kept, status: int) -> None:
    assert kept.value == "first"
    kept.told.status = status
    kept.clock.sleep(301)
    assert (kept.store.renew(), kept.value) == (False, "first")
    before = kept.asked
    kept.clock.sleep(299)
    assert (kept.store.renew(), kept.asked) == (False, before)  # nobody asks a broken store at every invocation


def test_white_space_around_a_value_is_none_of_it(kept: Kept) -> None:
    kept.told.value = " opensesame\n"
    assert kept.value == SECRET
