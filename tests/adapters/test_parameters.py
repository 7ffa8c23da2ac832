"""Parameters: what is missing is named, and no value is ever shown."""

from collections.abc import Iterator
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
