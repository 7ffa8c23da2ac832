"""Every query finds its contacts by an index, as the database itself reports: nothing scans, whatever the size."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pymongo.database import Database

from dialer.adapters.claims import MongoClaims
from dialer.adapters.contact_book import MongoContactBook
from dialer.adapters.hearing import MongoHearing
from dialer.adapters.lines import MongoLines
from dialer.adapters.mongo import Document, connect
from dialer.adapters.overdue import MongoOverdue
from dialer.lifecycle import IN_FLIGHT, State
from dialer.model import CallReport, Contact, attempt_of
from dialer.ports import CallRef
from dialer.secret import Secret
from tests.adapters.verbs import VERBS, Verb, a_contact_for, believed
from tests.builders import a_contact, a_phone, a_sid, document_of, now, stored

MANY, IN_CALLS = 5000, 60
CAMPAIGNS = ("one", "two", "three")
NOBODYS = "+447700900100"  # of a reserved range, like all the others, but of nobody in the crowd


@pytest.fixture(scope="module")
def crowded(mongodb_uri: str) -> Iterator[Database[Document]]:
    """About 5000 contacts in three campaigns, most of them waiting or done, a few in calls."""
    database = connect(Secret(mongodb_uri), f"crowded_{a_sid()[:14]}")
    contacts = database["contacts"]
    MongoContactBook(contacts).prepare()
    contacts.insert_many([document_of(contact) for contact in _everybody()])
    database.command("profile", 2)
    yield database
    database.client.drop_database(database)
    database.client.close()


def _everybody() -> Iterator[Contact]:
    moment = now()
    states = (State.PENDING, State.DONE, State.PENDING, State.FAILED)
    for index in range(MANY):
        phone, campaign = a_phone(index // 3), CAMPAIGNS[index % 3]
        if index % (MANY // IN_CALLS) == 0:
            contact = a_contact(campaign, phone=phone, state=sorted(IN_FLIGHT)[index % len(IN_FLIGHT)])
            attempt = replace(attempt_of(contact), sid="", until=moment + timedelta(seconds=index - MANY / 2))
            yield replace(contact, attempt=attempt)
        else:
            state = states[index % len(states)]
            due_at = moment + timedelta(seconds=index - 4 * MANY / 5) if state is State.PENDING else None
            yield a_contact(campaign, phone=phone, state=state, due_at=due_at, priority=index % 3)


Profile = list[dict[str, Any]]
Profiled = Callable[[Callable[[], object]], Profile]


@pytest.fixture
def profiled(crowded: Database[Document]) -> Profiled:
    """What the database did for an act, command by command, as its profiler wrote it down."""

    def run(act: Callable[[], object]) -> Profile:
        crowded.command("profile", 0)
        crowded.drop_collection("system.profile")
        crowded.command("profile", 2)
        act()
        crowded.command("profile", 0)
        return list(crowded["system.profile"].find({"ns": f"{crowded.name}.contacts"}))

    return run


def keyed(profile: Profile) -> bool:
    assert profile
    return all("planSummary" in step and "COLLSCAN" not in step["planSummary"] for step in profile)


@pytest.mark.parametrize("limit", [1, 10, 200])
def test_the_choice_of_candidates_reads_the_index_alone_and_no_key_too_many(
    crowded: Database[Document], profiled: Profiled, limit: int
) -> None:
    choosing, *_ = profiled(
        lambda: MongoClaims(crowded["contacts"]).claim_due(
            "one", claim=f"claim {limit}", limit=limit, until=now() + timedelta(minutes=6), now=now()
        )
    )
    assert choosing["nreturned"] == limit
    assert (choosing["keysExamined"], choosing["docsExamined"]) == (limit, 0)
    assert not choosing.get("hasSortStage")


def test_waiting_contacts_of_a_high_priority_are_skipped_in_one_step_not_one_by_one(
    crowded: Database[Document], profiled: Profiled
) -> None:
    contacts = crowded["contacts"]
    contacts.insert_many(
        document_of(a_contact("early", phone=a_phone(n), priority=9, due_at=now() + timedelta(hours=1)))
        for n in range(500)
    )
    contacts.insert_many(document_of(a_contact("early", phone=a_phone(n), priority=1)) for n in range(500, 510))
    choosing, _, reading = profiled(
        lambda: MongoClaims(contacts).claim_due(
            "early", claim="early", limit=10, until=now() + timedelta(minutes=6), now=now()
        )
    )
    assert reading["nreturned"] == 10
    assert choosing["keysExamined"] <= 10 + 3
    assert choosing["docsExamined"] == 0


def test_a_claim_and_its_read_back_touch_only_the_chosen(crowded: Database[Document], profiled: Profiled) -> None:
    _, claiming, reading = profiled(
        lambda: MongoClaims(crowded["contacts"]).claim_due(
            "two", claim="touch", limit=50, until=now() + timedelta(minutes=6), now=now()
        )
    )
    for step in (claiming, reading):
        assert "COLLSCAN" not in step["planSummary"]
        assert step["docsExamined"] == 50
        assert step["keysExamined"] <= 2 * 50 + 1


@pytest.mark.parametrize("verb", VERBS, ids=str)
def test_a_verb_goes_straight_to_its_contact(crowded: Database[Document], profiled: Profiled, verb: Verb) -> None:
    contact = stored(crowded, a_contact_for(verb, min(verb.sources), campaign_id=f"alone {a_sid()}", phone=NOBODYS))
    profile = profiled(lambda: verb.act(crowded["contacts"], believed(contact)))
    assert keyed(profile)
    assert all(step["docsExamined"] <= 1 and step["keysExamined"] <= 3 for step in profile)
    crowded["contacts"].delete_one({"_id": contact.id})


@pytest.mark.parametrize("verb", VERBS, ids=str)
def test_a_verb_that_finds_nothing_scans_nothing(crowded: Database[Document], profiled: Profiled, verb: Verb) -> None:
    nobody = believed(a_contact("nobody's campaign"))
    profile = profiled(lambda: verb.act(crowded["contacts"], nobody))
    assert keyed(profile)
    assert all(step["docsExamined"] == 0 and step["keysExamined"] <= 2 for step in profile)


@pytest.mark.parametrize("count", ["count_booked", "count_live"])
def test_counts_read_the_keys_of_what_they_count_and_no_document(
    crowded: Database[Document], profiled: Profiled, count: str
) -> None:
    """And nothing of what other campaigns have in flight."""
    counter = getattr({"count_booked": MongoClaims, "count_live": MongoLines}[count](crowded["contacts"]), count)
    counted = counter("three", limit=1000)
    (counting,) = profiled(lambda: counter("three", limit=1000))
    assert counted
    assert counting["keysExamined"] <= counted + len(IN_FLIGHT)
    assert counting["docsExamined"] == 0
    (counting,) = profiled(lambda: counter("three", limit=3))
    assert counting["keysExamined"] <= 3 + len(IN_FLIGHT)


@pytest.mark.parametrize("state", sorted(IN_FLIGHT))
def test_reapers_read_only_what_is_overdue_in_order(
    crowded: Database[Document], profiled: Profiled, state: State
) -> None:
    overdue = MongoOverdue(crowded["contacts"])
    found = len(overdue.overdue(state, limit=500))
    assert found
    (finding,) = profiled(lambda: overdue.overdue(state, limit=500))
    assert "COLLSCAN" not in finding["planSummary"]
    assert finding["docsExamined"] == found
    assert finding["keysExamined"] <= found + 1
    assert not finding.get("hasSortStage")


def test_other_lookups_are_keyed_too(crowded: Database[Document], profiled: Profiled) -> None:
    contacts = crowded["contacts"]
    someone = contacts.find_one({"campaign_id": "one"}) or {}
    ref = CallRef(contact_id=someone["_id"], attempt_id=f"{someone['_id']}-none")
    (sharing,) = profiled(lambda: MongoOverdue(contacts).sharing_phone(someone["phone"]))
    assert sharing["docsExamined"] <= len(CAMPAIGNS) + 1
    for act in (
        lambda: MongoLines(contacts).explain(someone["_id"]),
        lambda: MongoHearing(contacts).find(someone["_id"]),
        lambda: MongoHearing(contacts).note_late(ref, sid="CA1"),
        lambda: MongoHearing(contacts).note_machine(ref, sid="CA1", answered_by="human"),
        lambda: MongoHearing(contacts).hear(ref, CallReport(sid="CA1", status="ringing")),
    ):
        profile = profiled(act)
        assert keyed(profile)
        assert all(step["docsExamined"] <= 1 for step in profile)
    book = MongoContactBook(contacts)
    assert keyed(profiled(lambda: book.count_by_state("one")))
    assert keyed(profiled(lambda: book.holding("one", State.HELD, limit=10)))
