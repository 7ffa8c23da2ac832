"""Tokens: made, listed and revoked by operators; the secret is shown once."""

from datetime import datetime, timedelta
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body
from aws_lambda_powertools.event_handler.router import LambdaFunctionUrlRouter
from pydantic import BaseModel, Field

from dialer import wiring
from dialer.tokens import Role, Token
from shapes import Given, Page, TokenId

router = LambdaFunctionUrlRouter()
_TAG = ["tokens"]


class NewToken(Given):
    name: str = Field(min_length=1, max_length=100, description="Whose it is, or what for.")
    role: Role = Role.VIEWER
    days: int = Field(default=90, ge=1, le=400, description="How long it lasts.")
    per_second: float = Field(default=20, ge=0.1, le=1000, description="Requests a second in the long run.")
    burst: int = Field(default=100, ge=1, le=10_000, description="Requests at once.")


class TokenShape(BaseModel):
    id: str
    name: str
    role: Role
    created_at: datetime
    created_by: str = Field(description="The id of the token that made it, or `IAM` for a first one.")
    expires_at: datetime
    revoked_at: datetime | None
    used_at: datetime | None
    per_second: float
    burst: int


class IssuedShape(TokenShape):
    token: str = Field(description="The token itself: this is the only time that it is shown.")


class TokenPage(Page):
    items: list[TokenShape]


@router.post("/tokens", tags=_TAG, status_code=201, summary="Make a token")
def make(wish: Annotated[NewToken, Body()]) -> IssuedShape:
    """Takes no Idempotency-Key: what is kept nowhere cannot be repeated."""
    issued = wiring.keyring().issue(
        name=wish.name,
        role=wish.role,
        lasts=timedelta(days=wish.days),
        by=router.context["who"].id,
        per_second=wish.per_second,
        burst=wish.burst,
    )
    return IssuedShape(**_fields(issued.token), token=issued.secret.reveal())


@router.get("/tokens", tags=_TAG, summary="List tokens")
def page() -> TokenPage:
    """All of them, without their secrets."""
    return TokenPage(items=[TokenShape(**_fields(token)) for token in wiring.keyring().all()])


@router.get("/tokens/own", tags=_TAG, summary="Read the token that asks")
def own() -> TokenShape:
    return TokenShape(**_fields(router.context["who"]))


@router.delete("/tokens/<token_id>", tags=_TAG, summary="Revoke a token")
def revoke(token_id: TokenId) -> TokenShape:
    """It is refused from now on."""
    return TokenShape(**_fields(wiring.keyring().revoke(token_id)))


def _fields(token: Token) -> dict[str, object]:
    return {name: getattr(token, name) for name in TokenShape.model_fields}
