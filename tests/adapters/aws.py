"""AWS for the adapters' tests: MiniStack in a process of its own, or moto inside this one."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.credentials import Credentials
from moto import mock_aws

from dialer.adapters.aws import CONFIG
from dialer.adapters.signed_posts import SignedPosts
from local import runs
from local.environments import Refused, interpreter
from local.ministack import ACCESS_KEY, REGION, SECRET_KEY, start_ministack
from tests.conftest import missing

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Client = Any


def client(service: str, url: str | None, **config: Any) -> Client:
    """As wiring makes it, with the addresses and keys of a test."""
    return boto3.client(  # type: ignore[call-overload]  # its stubs know every service by a literal
        service,
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=CONFIG.merge(Config(**config)),
    )


def posts(made: Client) -> SignedPosts:
    """To the same service, with the same keys."""
    return SignedPosts(made, Credentials(ACCESS_KEY, SECRET_KEY))


@contextmanager
def ministack_url() -> Iterator[str]:
    """Skips, or fails in CI, where MiniStack's environment has not been made."""
    if not interpreter("ministack").exists():
        missing("MiniStack's environment is missing: `make test` makes it.")
    run = runs.begin()
    try:
        try:
            ministack = start_ministack(run, auth=False)
        except Refused as refused:
            missing(str(refused))
        yield ministack.url
        ministack.part.stop()
    finally:
        run.remove()


@contextmanager
def moto() -> Iterator[None]:
    """Single-threaded tests only: moto lets two writers win a conditional update at once."""
    with mock_aws():
        yield


def make_lock_table(dynamodb: "DynamoDBClient", table: str) -> None:
    """As the template makes it."""
    dynamodb.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "campaign_id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "campaign_id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.get_waiter("table_exists").wait(TableName=table, WaiterConfig={"Delay": 1, "MaxAttempts": 10})
