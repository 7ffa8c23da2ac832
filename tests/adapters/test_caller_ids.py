"""How often a number may be used in a day: never more, however many ask at once."""

import pytest
from pymongo.database import Database

from dialer.adapters.caller_ids import EXPIRY_INDEX, MongoCallerIds
from dialer.adapters.mongo import Document
from tests.adapters.racing import in_threads

NUMBER, OTHER, DAY = "+12015550100", "+12015550101", "2026-03-01"


@pytest.fixture
def caller_ids(database: Database[Document]) -> MongoCallerIds:
    return MongoCallerIds(database["caller_ids"])


def test_a_number_is_used_so_often_a_day_and_no_more(caller_ids: MongoCallerIds) -> None:
    assert [caller_ids.reserve(NUMBER, day=DAY, limit=2) for _ in range(4)] == [True, True, False, False]
    assert caller_ids.reserve(OTHER, day=DAY, limit=2)
    assert caller_ids.reserve(NUMBER, day="2026-03-02", limit=2)


def test_what_never_left_is_given_back_and_never_more_than_was_taken(caller_ids: MongoCallerIds) -> None:
    caller_ids.release(NUMBER, day=DAY)
    assert caller_ids.reserve(NUMBER, day=DAY, limit=1)
    caller_ids.release(NUMBER, day=DAY)
    caller_ids.release(NUMBER, day=DAY)
    assert [caller_ids.reserve(NUMBER, day=DAY, limit=1) for _ in range(2)] == [True, False]


def test_of_many_who_ask_at_once_exactly_so_many_are_allowed(
    database: Database[Document], caller_ids: MongoCallerIds
) -> None:
    """The first use of a day is a race of its own: nobody has made the day yet."""
    for limit in (1, 3, 7):
        day = f"day {limit}"
        allowed = in_threads(lambda _: caller_ids.reserve(NUMBER, day=day, limit=limit), range(12))  # noqa: B023
        assert sum(allowed) == limit
        assert (database["caller_ids"].find_one({"_id": f"{NUMBER} {day}"}) or {})["used"] == limit


def test_old_days_go_by_themselves(database: Database[Document], caller_ids: MongoCallerIds) -> None:
    for _ in range(2):
        caller_ids.prepare()
    assert database["caller_ids"].index_information()[EXPIRY_INDEX]["expireAfterSeconds"] == 7 * 24 * 3600
