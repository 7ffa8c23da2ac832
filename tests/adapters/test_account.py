"""The account hands out its moments one by one, to all campaigns, and nobody starves however often others ask."""

import time
from datetime import timedelta
from itertools import pairwise
from threading import Event

import pytest
from pymongo.database import Database

from dialer.adapters.account import MongoAccount
from dialer.adapters.mongo import Document
from tests.adapters.conftest import Connect
from tests.adapters.racing import in_threads

SECOND = timedelta(seconds=1)
SPACING = timedelta(milliseconds=50)
AT_ONCE = timedelta(0)


@pytest.fixture
def account(database: Database[Document]) -> MongoAccount:
    return MongoAccount(database["account"], spacing=SPACING)


def test_turns_are_a_spacing_apart_however_many_ask_at_once(
    account: MongoAccount, joined: Connect, mongodb_uri: str
) -> None:
    instances = [MongoAccount(joined(mongodb_uri)["account"], spacing=SPACING) for _ in range(4)]

    def ask(index: int) -> float:
        wait = instances[index % 4].take_turn(f"c{index % 3}", share=AT_ONCE, patience=60 * SECOND)
        assert wait is not None
        return time.monotonic() + wait.total_seconds()

    turns = sorted(in_threads(ask, range(16)))
    assert turns[-1] - turns[0] >= 15 * SPACING.total_seconds() - ANSWERED_LATE


ANSWERED_LATE = 0.5  # the first reply may have travelled longer than the last one's


def test_a_turn_is_at_once_where_nobody_dials(account: MongoAccount) -> None:
    assert account.take_turn("one", share=AT_ONCE, patience=AT_ONCE) == AT_ONCE


def test_who_would_have_to_wait_too_long_gets_no_turn_and_takes_none_from_others(database: Database[Document]) -> None:
    account = MongoAccount(database["account"], spacing=60 * SECOND)
    assert account.take_turn("one", share=AT_ONCE, patience=AT_ONCE) == AT_ONCE
    assert [account.take_turn("two", share=AT_ONCE, patience=3 * SECOND) for _ in range(3)] == [None] * 3
    wait = account.take_turn("two", share=AT_ONCE, patience=61 * SECOND)
    assert wait is not None
    assert 50 * SECOND < wait <= 60 * SECOND


def test_who_is_over_its_share_gets_only_what_nobody_else_wants(database: Database[Document]) -> None:
    account = MongoAccount(database["account"], spacing=10 * SECOND)
    assert account.take_turn("greedy", share=20 * SECOND, patience=60 * SECOND) == AT_ONCE
    assert account.take_turn("greedy", share=20 * SECOND, patience=60 * SECOND) is None
    wait = account.take_turn("modest", share=20 * SECOND, patience=60 * SECOND)
    assert wait is not None
    assert 9 * SECOND < wait <= 10 * SECOND


def test_a_campaign_with_a_hundred_messages_does_not_starve_one_with_a_few(
    joined: Connect, mongodb_uri: str, database: Database[Document]
) -> None:
    """One campaign asks from many functions without a pause, the other from one: both get their half."""
    instances = [MongoAccount(joined(mongodb_uri)["account"], spacing=SPACING) for _ in range(9)]
    over, patience, share = Event(), 3 * SPACING, 2 * SPACING
    given = {"crowd": 0, "few": 0}

    def dial(index: int) -> None:
        name = "few" if index == 0 else "crowd"
        while not over.is_set():
            wait = instances[index].take_turn(name, share=share, patience=patience)
            if wait is not None:
                given[name] += 1
                over.wait(wait.total_seconds())
            if given["few"] + given["crowd"] >= TURNS:
                over.set()

    in_threads(dial, range(9))
    assert given["few"] >= TURNS * 0.3
    assert given["crowd"] >= TURNS * 0.3


TURNS = 40


def test_shares_are_fair_to_whoever_has_wished_lately(database: Database[Document], account: MongoAccount) -> None:
    fast = timedelta(milliseconds=1)
    assert account.share("one", call_delay=fast) == SPACING
    assert account.share("two", call_delay=fast) == 2 * SPACING
    assert account.share("one", call_delay=fast) == 2 * SPACING
    assert account.share("slow", call_delay=60 * SECOND) == 60 * SECOND
    for name, ago in (("two", 3), ("slow", 61)):
        wished(database, name, ago=ago * 60 * SECOND)
    assert account.share("one", call_delay=fast) == SPACING


def test_campaigns_of_long_ago_are_forgotten(database: Database[Document], account: MongoAccount) -> None:
    account.share("old", call_delay=SECOND)
    account.take_turn("old", share=SECOND, patience=SECOND)
    wished(database, "old", ago=2 * 3600 * SECOND)
    account.share("new", call_delay=SECOND)
    kept = database["account"].find_one({}) or {}
    assert (set(kept["wishes"]), set(kept["turns"])) == ({"new"}, set())


def wished(database: Database[Document], campaign_id: str, *, ago: timedelta) -> None:
    """As if this campaign had asked that long ago."""
    at = f"wishes.{campaign_id}.at"
    earlier = {"$subtract": [f"${at}", round(ago.total_seconds() * 1000)]}
    database["account"].update_one({}, [{"$set": {at: earlier}}])


def test_moments_come_one_after_the_other(account: MongoAccount) -> None:
    waits = [account.take_turn("one", share=AT_ONCE, patience=60 * SECOND) for _ in range(5)]
    assert all(one is not None and other is not None and one < other for one, other in pairwise(waits))
