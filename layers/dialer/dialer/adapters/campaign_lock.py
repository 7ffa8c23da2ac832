"""The campaign lock in DynamoDB: one conditional write to take it, with a lease and a fence that only grows.

The item is never deleted and has no TTL, or the fence would start again. Clocks of functions take part in the lease,
so two owners are possible: no promise rests on this lock, it only saves work.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from dialer.adapters.aws import available
from dialer.ports import Clock, Lease

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_TAKEN = "ConditionalCheckFailedException"


class DynamoCampaignLock:
    """One item per campaign: owner, lease_until (milliseconds), fence."""

    def __init__(self, dynamodb: "DynamoDBClient", *, table: str, clock: Clock) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._clock = clock

    def acquire(self, campaign_id: str, *, owner: str, lease: timedelta) -> Lease | None:
        now = self._clock.now()
        free, expired = "attribute_not_exists(#owner)", "lease_until < :now"
        item = self._update(
            campaign_id,
            update="SET #owner = :me, lease_until = :until, fence = if_not_exists(fence, :zero) + :one",
            condition=f"{free} OR {expired}",
            values={
                ":me": {"S": owner},
                ":now": _milliseconds(now),
                ":until": _milliseconds(now + lease),
                ":zero": {"N": "0"},
                ":one": {"N": "1"},
            },
        )
        return _lease(campaign_id, owner, item)

    def raise_fence(self, lease: Lease, *, above: int) -> Lease | None:
        ours, grows = "#owner = :me", "fence < :raised"
        item = self._update(
            lease.campaign_id,
            update="SET fence = :raised",
            condition=f"{ours} AND {grows}",
            values={":me": {"S": lease.owner}, ":raised": {"N": str(above + 1)}},
        )
        return _lease(lease.campaign_id, lease.owner, item)

    def release(self, lease: Lease) -> bool:
        item = self._update(
            lease.campaign_id,
            update="REMOVE #owner, lease_until",
            condition="#owner = :me",
            values={":me": {"S": lease.owner}},
        )
        return "owner" not in item

    def _update(self, campaign_id: str, *, update: str, condition: str, values: dict[str, Any]) -> dict[str, Any]:
        """The item after the write, or as it stands when the condition failed: the caller sees whose it is.

        A reply that was lost and sent again fails its own condition, and the item then shows us as the owner.
        """
        with available("the campaign lock"):
            try:
                return self._dynamodb.update_item(
                    TableName=self._table,
                    Key={"campaign_id": {"S": campaign_id}},
                    UpdateExpression=update,
                    ConditionExpression=condition,
                    ExpressionAttributeNames={"#owner": "owner"},
                    ExpressionAttributeValues=values,
                    ReturnValues="ALL_NEW",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )["Attributes"]
            except ClientError as failed:
                if failed.response["Error"]["Code"] != _TAKEN:
                    raise
                return failed.response.get("Item", {})  # type: ignore[return-value]


def _lease(campaign_id: str, owner: str, item: dict[str, Any]) -> Lease | None:
    if item.get("owner", {}).get("S") != owner:
        return None
    return Lease(campaign_id=campaign_id, owner=owner, fence=int(item["fence"]["N"]))


def _milliseconds(moment: datetime) -> dict[str, str]:
    return {"N": str(int(moment.timestamp() * 1000))}
