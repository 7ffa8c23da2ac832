"""The first token: made for whoever may invoke the function itself (IAM), by an event that no URL can produce."""

from datetime import timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from dialer import wiring


class Wish(BaseModel):
    """`{"operator_token": {"name": "…"}}`"""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=100)
    days: int = Field(default=90, ge=1, le=400)
    anyway: bool = False
    """Also while there is a good operator's token: for whoever has lost theirs."""


def is_asked_for(event: dict[str, Any]) -> bool:
    """A request through the URL always has a request context, and its caller chooses none of the event's own names."""
    return "requestContext" not in event and set(event) == {"operator_token"}


def make(event: dict[str, Any]) -> dict[str, str]:
    """The secret goes back to the invoker, and nowhere else. Raises Conflict where there is an operator already."""
    wish = Wish.model_validate(event["operator_token"])
    deed = wiring.audit().begin(
        who="IAM", name=wish.name, what="make an operator's token", about={}, fields=sorted(wish.model_fields_set)
    )
    issued = wiring.keyring().first(name=wish.name, lasts=timedelta(days=wish.days), anyway=wish.anyway)
    wiring.audit().end(deed, outcome="201", about={"id": issued.token.id})
    return {
        "id": issued.token.id,
        "token": issued.secret.reveal(),
        "expires_at": issued.token.expires_at.isoformat(),
    }
