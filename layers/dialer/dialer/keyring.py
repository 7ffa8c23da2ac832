"""Keyring: lets in whoever brings a good token, issues tokens, and takes them away."""

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from dialer.errors import Conflict, NotFound, Stranger, TooFast
from dialer.office_ports import Tokens
from dialer.ports import Clock
from dialer.secret import Secret
from dialer.tokens import WRITTEN, Issued, Role, Token, hash_of

_NOBODYS = hash_of("nobody")


@dataclass(frozen=True, kw_only=True)
class Keyring:
    """The parts that know tokens."""

    tokens: Tokens
    clock: Clock
    new_id: Callable[[], str]
    new_secret: Callable[[], str]

    def admit(self, written: str) -> Token:
        """Whose token this is. Raises Stranger, or TooFast where its holder should come again later.

        What does not look like a token asks no database. The secret is compared in constant time, also when there is
        no token of that id.
        """
        found = WRITTEN.fullmatch(written)
        if found is None:
            raise Stranger("malformed")
        token = self.tokens.find(found[1])
        same = hmac.compare_digest(token.hash if token else _NOBODYS, hash_of(written))
        if token is None or not same:
            raise Stranger("unknown")
        if not self.tokens.spend(token):
            if not self.tokens.is_good(token.id):
                raise Stranger("expired or revoked")
            raise TooFast("too many requests with this token")
        return token

    def issue(
        self, *, name: str, role: Role, lasts: timedelta, by: str, per_second: float = 20.0, burst: int = 100
    ) -> Issued:
        token_id = self.new_id()
        secret = f"dial_{token_id}_{self.new_secret()}"
        now = self.clock.now()
        token = Token(
            id=token_id,
            name=name,
            role=role,
            hash=hash_of(secret),
            created_at=now,
            created_by=by,
            expires_at=now + lasts,
            per_second=per_second,
            burst=burst,
        )
        self.tokens.keep(token)
        return Issued(token=token, secret=Secret(secret))

    def first(self, *, name: str, lasts: timedelta, anyway: bool) -> Issued:
        """The first operator's token. Raises Conflict while there is a good one, unless `anyway`."""
        if not anyway and self.tokens.any_good(Role.OPERATOR):
            raise Conflict("There is an operator already: let them make the next token.")
        return self.issue(name=name, role=Role.OPERATOR, lasts=lasts, by="IAM")

    def all(self) -> Sequence[Token]:
        return self.tokens.all()

    def revoke(self, token_id: str) -> Token:
        """Asking twice is harmless. It holds for every request that comes after."""
        self.tokens.revoke(token_id)
        token = self.tokens.find(token_id)
        if token is None:
            raise NotFound(f"There is no token {token_id!r}.")
        return token
