"""Tokens: who may use the operators' API. A token is shown once, kept as a hash, and ends by itself or by a word."""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dialer.secret import Secret

WRITTEN = re.compile(r"dial_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")


class Role(StrEnum):
    """What the holder of a token may do."""

    OPERATOR = "operator"
    """Everything."""
    VIEWER = "viewer"
    """Look, at phones with their middle hidden and at no variables."""


@dataclass(frozen=True, kw_only=True)
class Token:
    """A token as it is kept: never the secret itself."""

    id: str
    name: str
    role: Role
    hash: str
    created_at: datetime
    created_by: str
    expires_at: datetime
    revoked_at: datetime | None = None
    used_at: datetime | None = None
    per_second: float = 20.0
    """How many requests a second it may make in the long run."""
    burst: int = 100
    """How many at once."""


@dataclass(frozen=True, kw_only=True)
class Issued:
    """A new token, with its secret for the only time."""

    token: Token
    secret: Secret


def hash_of(written: str) -> str:
    """The secret has 256 random bits: nobody can try them all, so a plain hash is enough."""
    return hashlib.sha256(written.encode()).hexdigest()
