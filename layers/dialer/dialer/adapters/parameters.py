"""Secrets and addresses from SSM: read by name in one request, never shown, read again when they may have changed."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from botocore.config import Config

from dialer.adapters.aws import CONFIG, available
from dialer.errors import BadSettings, Unavailable
from dialer.ports import Clock
from dialer.secret import Secret

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

FRESH_FOR = timedelta(minutes=5)
"""So long a container goes on with the values it has read."""
DOUBT_EVERY = timedelta(seconds=10)
"""A value that somebody refused is read again at once, but no oftener: a stranger can send wrong signatures at will."""
BRIEF = Config(connect_timeout=0.5, read_timeout=1, retries={"total_max_attempts": 1})
"""For reading again: somebody waits, and the old values are at hand."""


def read(ssm: "SSMClient", names: Sequence[str]) -> dict[str, Secret]:
    """Values by parameter name. Raises BadSettings naming those that do not exist.

    White space around a value is none of it: it comes from the end of a file or of a line that was pasted.
    """
    with available("the parameter store"):
        reply = ssm.get_parameters(Names=list(names), WithDecryption=True)
    if reply["InvalidParameters"]:
        raise BadSettings(f"SSM has no parameter named {', '.join(sorted(reply['InvalidParameters']))}.")
    return {parameter["Name"]: Secret(parameter["Value"].strip()) for parameter in reply["Parameters"]}


class ParameterStore:
    """The values of one container. They are first read when one is needed."""

    def __init__(self, ssm: "Callable[[Config], SSMClient]", names: Sequence[str], *, clock: Clock) -> None:
        self._ssm = ssm
        self._names = names
        self._clock = clock
        self._values: dict[str, Secret] = {}
        self._read_at = self._doubted_at = float("-inf")
        self._changed = False

    def __getitem__(self, name: str) -> Secret:
        if not self._values:
            self._values = read(self._ssm(CONFIG), self._names)
            self._read_at = self._clock.monotonic()
        return self._values[name]

    def renew(self) -> bool:
        """Read again what is minutes old. Whether anything has changed since `renew` was last called."""
        if self._values and self._clock.monotonic() - self._read_at >= FRESH_FOR.total_seconds():
            self._read_again()
        changed, self._changed = self._changed, False
        return changed

    def doubt(self) -> bool:
        """A value was refused: read again, unless that was done seconds ago. Whether anything has changed since."""
        if self._values and self._clock.monotonic() - self._doubted_at >= DOUBT_EVERY.total_seconds():
            self._doubted_at = self._clock.monotonic()
            self._read_again()
        return self._changed

    def _read_again(self) -> None:
        """Where that fails, the old values go on serving."""
        self._read_at = self._clock.monotonic()
        try:
            now = read(self._ssm(BRIEF), self._names)
        except (Unavailable, BadSettings):
            return
        self._changed = self._changed or _revealed(now) != _revealed(self._values)
        self._values = now


def _revealed(values: dict[str, Secret]) -> dict[str, str]:
    return {name: value.reveal() for name, value in values.items()}
