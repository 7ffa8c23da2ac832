"""How AWS is spoken to: short timeouts, few tries, and its errors as ours."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from dialer.errors import Unavailable

CONNECTIONS = 16
CONFIG = Config(
    connect_timeout=1,
    read_timeout=3,
    retries={"total_max_attempts": 3, "mode": "standard"},
    max_pool_connections=CONNECTIONS,
    # A tick's own time is mostly botocore's. A sixth of it went into checking what is typed here anyway, and into
    # putting together, for every request, a name for itself.
    parameter_validation=False,
    user_agent="serverless-dialer",
)
"""botocore's own 60 s timeouts outlive most invocations, and its 10 connections are fewer than the queue's threads."""


@contextmanager
def available(part: str) -> Iterator[None]:
    """Turns a service that does not answer, or says no, into Unavailable."""
    try:
        yield
    except ClientError as wrong:
        raise Unavailable(f"{part} answered {wrong.response['Error']['Code']}") from wrong
    except BotoCoreError as wrong:
        raise Unavailable(f"{part} did not answer ({type(wrong).__name__})") from wrong
