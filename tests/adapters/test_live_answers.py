"""Which calls were answered live, and which of them found nobody: each once, however its webhooks come."""

from collections.abc import Callable
from datetime import timedelta
from itertools import permutations

import pytest
from pymongo.database import Database

from dialer.adapters.live_answers import EXPIRY_INDEX, MongoLiveAnswers
from dialer.adapters.mongo import Document
from dialer.ports import CallRef
from tests.adapters.racing import in_threads
from tests.builders import now

REF, OTHER = CallRef(contact_id="c", attempt_id="c-1"), CallRef(contact_id="d", attempt_id="d-1")
MOMENT = now()
BEFORE = MOMENT - timedelta(days=30)
Write = Callable[[MongoLiveAnswers], bool]


@pytest.fixture
def answers(database: Database[Document]) -> MongoLiveAnswers:
    return MongoLiveAnswers(database["live_answers"])


def ended(answers: MongoLiveAnswers) -> bool:
    return answers.note(REF, campaign_id="one", at=MOMENT)


def nobody(answers: MongoLiveAnswers) -> bool:
    return answers.reached(REF, somebody=False, at=MOMENT)


def somebody(answers: MongoLiveAnswers) -> bool:
    return answers.reached(REF, somebody=True, at=MOMENT)


def counted(answers: MongoLiveAnswers, campaign: str = "one") -> tuple[int, int]:
    return answers.live(campaign, since=BEFORE), answers.abandoned(campaign, since=BEFORE)


@pytest.mark.parametrize(
    ("writes", "live", "abandoned"),
    [
        ((ended,), 1, 0),
        ((ended, nobody), 1, 1),
        ((ended, somebody), 1, 0),
        ((ended, nobody, somebody), 1, 0),  # the first transfer failed, the second was taken
        ((nobody,), 0, 0),  # a machine: its end is no live answer
        ((ended, nobody, nobody, ended, nobody), 1, 1),
    ],
)
def test_an_attempt_is_counted_once_in_whatever_order_and_however_often_it_is_told(
    database: Database[Document], answers: MongoLiveAnswers, writes: tuple[Write, ...], live: int, abandoned: int
) -> None:
    for order in permutations(writes):
        database["live_answers"].delete_many({})
        said = [write(answers) for write in order]
        assert counted(answers) == (live, abandoned)
        assert said[-1] is bool(abandoned)  # whoever tells the last of it learns what it has come to


def test_who_tells_a_part_learns_only_what_is_known_by_then(answers: MongoLiveAnswers) -> None:
    assert [write(answers) for write in (nobody, ended, somebody, nobody)] == [False, True, False, False]


def test_each_campaign_has_its_own(answers: MongoLiveAnswers) -> None:
    ended(answers)
    answers.note(OTHER, campaign_id="two", at=MOMENT)
    answers.reached(OTHER, somebody=False, at=MOMENT)
    assert [counted(answers, campaign) for campaign in ("one", "two", "three")] == [(1, 0), (1, 1), (0, 0)]


def test_a_moment_at_the_window_s_edge_is_out_and_a_later_word_does_not_bring_it_back(
    answers: MongoLiveAnswers,
) -> None:
    answers.note(REF, campaign_id="one", at=BEFORE)
    answers.note(OTHER, campaign_id="one", at=BEFORE + timedelta(milliseconds=1))
    assert counted(answers) == (1, 0)
    for _ in range(2):
        answers.reached(REF, somebody=False, at=MOMENT)
        answers.note(REF, campaign_id="one", at=MOMENT)
        assert counted(answers) == (1, 0)


def test_of_many_who_tell_the_same_at_once_one_is_counted(answers: MongoLiveAnswers) -> None:
    """The first word of an attempt is a race of its own: its document is not there yet."""
    in_threads(lambda n: (ended, nobody)[n % 2](answers), range(12))
    assert counted(answers) == (1, 1)


def test_what_no_longer_counts_goes_by_itself(database: Database[Document], answers: MongoLiveAnswers) -> None:
    for _ in range(2):
        answers.prepare()
    assert database["live_answers"].index_information()[EXPIRY_INDEX]["expireAfterSeconds"] == 31 * 24 * 3600
