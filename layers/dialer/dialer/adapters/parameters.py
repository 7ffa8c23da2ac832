"""Secrets and addresses from SSM: read by name in one request, never shown."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dialer.adapters.aws import available
from dialer.errors import BadSettings
from dialer.secret import Secret

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


def read(ssm: "SSMClient", names: Sequence[str]) -> dict[str, Secret]:
    """Values by parameter name. Raises BadSettings naming those that do not exist."""
    with available("the parameter store"):
        reply = ssm.get_parameters(Names=list(names), WithDecryption=True)
    if reply["InvalidParameters"]:
        raise BadSettings(f"SSM has no parameter named {', '.join(sorted(reply['InvalidParameters']))}.")
    return {parameter["Name"]: Secret(parameter["Value"]) for parameter in reply["Parameters"]}
