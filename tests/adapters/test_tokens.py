"""Tokens: a bucket of requests that all functions share, and an end that the database's clock decides."""

from dataclasses import replace
from datetime import timedelta

import pytest
from pymongo.database import Database

from dialer.adapters.mongo import Document
from dialer.adapters.tokens import MongoTokens
from dialer.tokens import Role, Token, hash_of
from tests.adapters.racing import in_threads
from tests.builders import now


def a_token(**overrides: object) -> Token:
    usual = Token(
        id="0123456789ab",
        name="Ada",
        role=Role.OPERATOR,
        hash=hash_of("secret"),
        created_at=now(),
        created_by="IAM",
        expires_at=now() + timedelta(days=1),
        per_second=0.001,
        burst=5,
    )
    return replace(usual, **overrides)  # type: ignore[arg-type]


@pytest.fixture
def tokens(database: Database[Document]) -> MongoTokens:
    return MongoTokens(database["tokens"])


def test_a_token_comes_back_as_it_was_kept(tokens: MongoTokens) -> None:
    token = a_token()
    tokens.keep(token)
    assert tokens.find(token.id) == token
    assert tokens.all() == [token]
    assert tokens.find("another") is None


def test_of_many_requests_at_once_no_more_pass_than_the_bucket_holds(tokens: MongoTokens) -> None:
    token = a_token(burst=5)
    tokens.keep(token)
    assert sum(in_threads(lambda _: sum(tokens.spend(token) for _ in range(4)), range(8))) == 5


def test_a_bucket_fills_again_but_never_beyond_its_size(database: Database[Document], tokens: MongoTokens) -> None:
    token = a_token(burst=2, per_second=10)
    tokens.keep(token)
    assert [tokens.spend(token) for _ in range(3)] == [True, True, False]
    for earlier, passing in ((timedelta(milliseconds=150), 1), (timedelta(hours=1), 2)):
        database["tokens"].update_one({}, {"$set": {"used_at": now() - earlier, "requests": 0.0}})
        assert [tokens.spend(token) for _ in range(3)].count(True) == passing


def test_a_clock_set_back_gives_nothing_and_takes_nothing(database: Database[Document], tokens: MongoTokens) -> None:
    token = a_token(burst=2)
    tokens.keep(token)
    database["tokens"].update_one({}, {"$set": {"used_at": now() + timedelta(hours=1)}})
    assert [tokens.spend(token) for _ in range(3)] == [True, True, False]


def test_who_is_expired_or_revoked_or_another_spends_nothing(tokens: MongoTokens) -> None:
    over = a_token(id="0" * 12, expires_at=now())
    revoked, other = a_token(id="1" * 12), a_token(id="2" * 12)
    for token in (over, revoked, other):
        tokens.keep(token)
    assert (tokens.revoke(revoked.id), tokens.revoke(revoked.id)) == (True, False)
    assert not tokens.spend(over)
    assert not tokens.spend(revoked)
    assert not tokens.spend(replace(other, hash=hash_of("another secret")))
    assert [tokens.is_good(token.id) for token in (over, revoked, other)] == [False, False, True]
    assert tokens.any_good(Role.OPERATOR)
    assert not tokens.any_good(Role.VIEWER)
