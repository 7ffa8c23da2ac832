"""Statistics: exact sums, each settled contact and attempt counted once, however many ask in however many steps."""

import time
from dataclasses import replace
from datetime import timedelta

import pytest
from pymongo.collection import Collection
from pymongo.database import Database

from dialer.adapters.clock import SystemClock
from dialer.adapters.contact_documents import ENDED_INDEX, REASON_INDEX
from dialer.adapters.hearing import MongoHearing
from dialer.adapters.mongo import Document
from dialer.adapters.statistics import MongoStatistics
from dialer.lifecycle import State
from dialer.model import CallReport, CampaignState, Contact, FinishedAttempt, Outcome, attempt_id, attempt_of
from dialer.office_ports import Sums
from dialer.ports import CallRef
from dialer.retry import RetryDecision
from tests.adapters.racing import in_threads
from tests.builders import a_campaign, a_contact, a_phone, a_sid, created, document_of, now, stored

SOON = timedelta(seconds=100)
RATINGS = frozenset({("rating", "good"), ("rating", "bad"), ("rating", "$other")})


@pytest.fixture
def statistics(database: Database[Document]) -> MongoStatistics:
    return stepping(database, 20_000)


def stepping(
    database: Database[Document], at_once: int, *, behind: timedelta = timedelta(seconds=10)
) -> MongoStatistics:
    """Sums that go forward by so many contacts."""
    return MongoStatistics(
        database["statistics"],
        contacts=database["contacts"],
        campaigns=database["campaigns"],
        clock=SystemClock(),
        at_once=at_once,
        behind=behind,
    )


def settle(database: Database[Document], count: int, *, reason: str = "answered", ago: float = 60) -> None:
    """So many done contacts of one campaign, each of one attempt, settled in different milliseconds."""
    documents = []
    for n in range(count):
        contact = a_contact(
            "one",
            state=State.DONE,
            reason=reason,
            used=1,
            phone=f"+1201555{n + database['contacts'].count_documents({}):07}",
        )
        past = FinishedAttempt(
            id=attempt_id(contact.id, "0" * 24), n=1, from_number="", dial_at=now(), ended_at=now(), sid=a_sid(),
            outcome=Outcome.ANSWERED,
        )  # fmt: skip
        moment = now() - timedelta(seconds=ago, milliseconds=n // 3)
        documents.append(document_of(replace(contact, history=(past,))) | {"settled_at": moment})
    database["contacts"].insert_many(documents)


def contacts(sums: Sums) -> int:
    return sum(ended.contacts for ended in sums.ended)


def test_sums_are_exact_in_many_small_steps(database: Database[Document]) -> None:
    """Of a size of seven, with three contacts settled in each millisecond."""
    small = stepping(database, 7)
    settle(database, 100)
    settle(database, 5, ago=0)
    sums = small.sums("one", within=SOON)
    assert (contacts(sums), sums.attempts, sums.outcomes, sums.whole) == (105, 105, {"answered": 105}, True)
    assert sum(n for _, n in sums.settled_by_minute) == 105


def test_what_is_settled_later_is_added_once(database: Database[Document]) -> None:
    """Before the mark passes it, and after."""
    close = stepping(database, 20_000, behind=timedelta(milliseconds=50))
    for round_ in range(1, 4):
        settle(database, 10, ago=0)
        for _ in range(3):
            assert contacts(close.sums("one", within=SOON)) == 10 * round_
            time.sleep(0.06)


def test_many_who_ask_at_once_count_nobody_twice(database: Database[Document], statistics: MongoStatistics) -> None:
    small = stepping(database, 10)
    settle(database, 300)
    assert set(in_threads(lambda _: contacts(small.sums("one", within=SOON)), range(6))) == {300}
    assert contacts(statistics.sums("one", within=SOON)) == 300


def test_without_time_the_sums_say_how_far_they_are(database: Database[Document], statistics: MongoStatistics) -> None:
    settle(database, 10)
    sums = statistics.sums("one", within=timedelta(0))
    assert (contacts(sums), sums.whole) == (0, False)
    assert sums.upto < now() - timedelta(days=1)
    assert contacts(statistics.sums("one", within=SOON)) == 10


def ended(
    contact: Contact, *ago: float, outcome: Outcome = Outcome.BUSY, answers: dict[str, str] | None = None
) -> Document:
    """An attempt for each of so many seconds ago, as the stories of contacts have them."""
    history = tuple(
        FinishedAttempt(
            id=attempt_id(contact.id, f"{n:024}"), n=n, from_number="", dial_at=now(),
            ended_at=now() - timedelta(seconds=seconds), sid=a_sid(), outcome=outcome,
            answers=answers or {},
        )
        for n, seconds in enumerate(ago, 1)
    )  # fmt: skip
    return document_of(replace(contact, history=history))


def test_an_attempt_is_counted_when_it_has_ended_though_its_contact_waits_for_another(
    database: Database[Document], statistics: MongoStatistics, hearing: MongoHearing
) -> None:
    """And once: after the next one, and when the contact is settled."""
    contact = stored(database, a_contact("one", state=State.PLACED, phone=a_phone(1)))
    again = RetryDecision(state=State.PENDING, after=timedelta(hours=1))
    for n, decision in enumerate((again, again, RetryDecision(state=State.FAILED)), 1):
        attempt = attempt_of(a_contact("one", state=State.PLACED, id=contact.id))
        placed = document_of(replace(contact, attempt=attempt))
        database["contacts"].update_one(
            {"_id": contact.id}, {"$set": {"state": "placed", "attempt": placed["attempt"]}, "$unset": {"due_at": ""}}
        )
        ref = CallRef(contact_id=contact.id, attempt_id=attempt.id)
        report = CallReport(sid=attempt.sid, status="no-answer")
        assert hearing.settle(ref, report, outcome=Outcome.NO_ANSWER, decision=decision)
        for _ in range(2):
            sums = statistics.sums("one", within=SOON)
            assert (dict(sums.outcomes), sum(end.attempts for end in sums.ends)) == ({"no-answer": n}, n)
            assert contacts(sums) == (n == 3)


def test_sums_of_attempts_are_exact_in_small_steps_that_part_the_stories_of_contacts(
    database: Database[Document],
) -> None:
    """Each contact has three attempts, whose ends lie minutes apart, and many end in the same millisecond."""
    database["contacts"].insert_many(
        ended(a_contact("one", phone=a_phone(n)), 600 - n // 5, 300 + n // 5, n // 5) for n in range(60)
    )
    database["contacts"].insert_one(ended(a_contact("another", phone=a_phone(99)), 60))
    small = stepping(database, 7)
    found = in_threads(lambda _: small.sums("one", within=SOON), range(4))
    assert [(dict(sums.outcomes), sum(end.attempts for end in sums.ends), sums.whole) for sums in found] == [
        ({"busy": 180}, 180, True)
    ] * 4
    assert dict(stepping(database, 20_000).sums("one", within=SOON).outcomes) == {"busy": 180}


def test_what_ends_later_is_added_once_to_a_story_that_was_counted(database: Database[Document]) -> None:
    """Before the mark passes it, and after."""
    close = stepping(database, 20_000, behind=timedelta(milliseconds=50))
    people = [a_contact("one", phone=a_phone(n)) for n in range(5)]
    database["contacts"].insert_many(ended(contact, 60) for contact in people)
    for round_ in range(2, 5):
        for contact in people:
            *_, last = ended(contact, 0)["history"]
            database["contacts"].update_one({"_id": contact.id}, {"$push": {"history": last}})
        for _ in range(3):
            assert close.sums("one", within=SOON).outcomes == {"busy": 5 * round_}
            time.sleep(0.06)


@pytest.mark.parametrize(
    "attempts",
    [{"outcomes": {"answered": 3}, "ends": []}, {"attempts": {"upto": now(), "outcomes": {"answered": 3}, "ends": []}}],
    ids=["with their contacts", "without what was answered"],
)
def test_sums_of_before_attempts_were_counted_by_themselves_go_on_and_attempts_are_counted_from_their_beginning(
    database: Database[Document],
    statistics: MongoStatistics,
    contacts_of_old: Collection[Document],
    attempts: Document,
) -> None:
    """Also where the version of before is still at work, and has moved its own mark past ours."""
    settle(database, 3, ago=0)
    contacts_of_old.insert_one(ended(a_contact("one", phone=a_phone(99)), 86400, 7200, answers={"rating": "good"}))
    old = {"state": "done", "reason": "answered", "n": 3, "attempts": 3, "attempted": 3}
    database["statistics"].insert_one({"_id": "one", "upto": now() + timedelta(seconds=5), "counts": [old], **attempts})
    for _ in range(2):
        sums = statistics.sums("one", within=SOON, countable=RATINGS)
        assert (contacts(sums), sums.attempts, sums.outcomes) == (3, 3, {"answered": 3, "busy": 2})
        assert sums.answers == {"rating": {"good": 2}}
    assert {ENDED_INDEX, REASON_INDEX} <= set(contacts_of_old.index_information())


def test_answers_are_counted_with_their_attempts_once_however_many_ask_in_small_steps(
    database: Database[Document],
) -> None:
    """What is not countable is counted all the same, and not told: it may be anybody's own words."""
    told = [{"rating": "good"}] * 5 + [{"rating": "bad", "why": "I live at 5 Elm Street"}] * 2
    told += [{"rating": "$other"}, {"rating": "good", "why": "bad"}, {"rating": "Elm Street"}, {}]
    database["contacts"].insert_many(
        ended(a_contact("one", phone=a_phone(n)), 600 - n, 300, answers=answers) for n, answers in enumerate(told)
    )
    small = stepping(database, 3)
    found = in_threads(lambda _: small.sums("one", within=SOON, countable=RATINGS), range(4))
    assert [sums.answers for sums in found] == [
        {"rating": {"good": 12, "bad": 4, "$other": 2, "other": 2}, "why": {"other": 6}}
    ] * 4
    assert list(found[0].answers["rating"])[:2] == ["good", "bad"]
    assert "Elm" not in str(database["statistics"].find_one({"_id": "one"}))


def test_an_answer_that_comes_after_the_end_is_counted_until_the_mark_has_passed(database: Database[Document]) -> None:
    contact = a_contact("one", phone=a_phone(1))
    database["contacts"].insert_one(ended(contact, 0))
    good = {"$set": {"history.0.answers": {"rating": "good"}}}
    bad = {"$set": {"history.0.answers": {"rating": "bad"}}}
    slow, close = stepping(database, 20_000), stepping(database, 20_000, behind=timedelta(milliseconds=50))
    assert slow.sums("one", within=SOON, countable=RATINGS).answers == {}
    database["contacts"].update_one({"_id": contact.id}, good)
    assert slow.sums("one", within=SOON, countable=RATINGS).answers == {"rating": {"good": 1}}
    time.sleep(0.06)
    for news in (good, bad):
        assert close.sums("one", within=SOON, countable=RATINGS).answers == {"rating": {"good": 1}}
        database["contacts"].update_one({"_id": contact.id}, news)


def test_many_steps_and_answers_of_scripts_that_have_changed_are_summed_up(database: Database[Document]) -> None:
    """In each look no more than a script has, and in all of them no more than are kept apart."""
    close = stepping(database, 20_000, behind=timedelta(milliseconds=50))
    for look in range(2):
        names = {f"step_{look}_{n}": "yes" for n in range(80)}
        answers = [f"answer {look} {n}" for n in range(40)]
        database["contacts"].insert_many(
            ended(a_contact("one", phone=a_phone(40 * look + n)), 0, answers={"a": answer, **names})
            for n, answer in enumerate(answers)
        )
        time.sleep(0.06)
        close.sums("one", within=SOON, countable=frozenset(("a", answer) for answer in answers))
    told = close.sums("one", within=SOON).answers
    assert (len(told), len(told["a"]), told["a"]["other"]) == (101, 51, 30)
    assert sum(sum(answers.values()) for answers in told.values()) == 81 * 80


@pytest.fixture
def contacts_of_old(database: Database[Document]) -> Collection[Document]:
    """Without the indexes that came with the counting of attempts."""
    for name in (ENDED_INDEX, REASON_INDEX):
        database["contacts"].drop_index(name)
    return database["contacts"]


def test_rare_reasons_are_summed_up(database: Database[Document], statistics: MongoStatistics) -> None:
    for n in range(80):
        settle(database, 1, reason=f"call {n} is odd")
    sums = statistics.sums("one", within=SOON)
    assert contacts(sums) == 80
    assert len(sums.ended) == 51
    assert {ended.contacts for ended in sums.ended if ended.reason == "other"} == {30}


def test_ends_are_told_by_the_minute_with_what_the_carrier_said_of_those_that_failed(
    database: Database[Document], statistics: MongoStatistics
) -> None:
    """Each once, however often it is asked, and of the last hour alone."""
    moment = now()
    for outcome, detail, minutes in (
        (Outcome.ANSWERED, "200", 1), (Outcome.ANSWERED, "", 1), (Outcome.FAILED, "404", 1), (Outcome.FAILED, "503", 2),
        (Outcome.BUSY, "486", 90),
    ):  # fmt: skip
        contact = a_contact("one", state=State.DONE, phone=a_phone(database["contacts"].count_documents({})))
        ended = moment - timedelta(minutes=minutes)
        past = FinishedAttempt(
            id=attempt_id(contact.id, "0" * 24), n=1, from_number="", dial_at=ended, ended_at=ended, sid=a_sid(),
            outcome=outcome, detail=detail,
        )  # fmt: skip
        settled = document_of(replace(contact, history=(past,))) | {"settled_at": ended}
        database["contacts"].insert_one(settled)
    for _ in range(2):
        ends = statistics.sums("one", within=SOON).ends
        told = {(end.outcome, end.detail): end.attempts for end in ends}
        assert told == {("answered", ""): 2, ("failed", "404"): 1, ("failed", "503"): 1}
        assert all(end.at.second == 0 for end in ends)


def test_permits_are_noted_of_running_campaigns_and_no_more_than_sixty(
    database: Database[Document], statistics: MongoStatistics
) -> None:
    running = created(database, a_campaign(dials=5))
    paused = created(database, replace(a_campaign(), state=CampaignState.PAUSED))
    for _ in range(65):
        statistics.sample()
    assert [dials for _, dials in statistics.sums(running.id, within=SOON).dials_by_minute] == [5] * 60
    assert statistics.sums(paused.id, within=SOON).dials_by_minute == []
