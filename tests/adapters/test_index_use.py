"""Every query finds its contacts by an index, as the database itself reports: nothing scans, whatever the size."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, Protocol

import pytest
from pymongo.database import Database

from dialer import columns
from dialer.adapters.attempt_book import MongoAttemptBook
from dialer.adapters.audit_log import MongoAuditLog
from dialer.adapters.campaign_desk import MongoCampaignDesk
from dialer.adapters.campaigns import MongoCampaigns
from dialer.adapters.campaigns import document_of as campaign_document
from dialer.adapters.claims import MongoClaims
from dialer.adapters.clock import SystemClock
from dialer.adapters.contact_book import MongoContactBook
from dialer.adapters.floor import MongoFloor
from dialer.adapters.hearing import MongoHearing
from dialer.adapters.lines import MongoLines
from dialer.adapters.live_answers import MongoLiveAnswers
from dialer.adapters.mongo import Document, connect
from dialer.adapters.overdue import MongoOverdue
from dialer.adapters.people import MongoPeople
from dialer.adapters.reach import MongoReach
from dialer.adapters.statistics import MongoStatistics
from dialer.adapters.suppression_list import MongoSuppressionList
from dialer.adapters.suppressions import MongoSuppressions
from dialer.adapters.timetable import MongoTimetable
from dialer.campaigns import Readiness
from dialer.lifecycle import IN_FLIGHT, TERMINAL, State
from dialer.model import CallReport, CampaignState, Contact, Number, attempt_of
from dialer.office_ports import Listing, Place
from dialer.ports import CallRef
from dialer.schedule import Schedule
from dialer.secret import Secret
from tests.adapters.tcp_proxy import Fate, TcpProxy
from tests.adapters.verbs import VERBS, Verb, a_contact_for, believed
from tests.builders import a_campaign, a_contact, a_phone, a_sid, created, document_of, now, stored

MANY, IN_CALLS = 5000, 60
CAMPAIGNS = ("one", "two", "three")
REGIONS = ("US-NY New_York", "US-IL Chicago", "US-FL Chicago,New_York", "GB Europe/London")
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
            region = REGIONS[index // 7 % len(REGIONS)]
            due_at = moment + timedelta(seconds=index - 4 * MANY / 5) if state is State.PENDING else None
            contact = a_contact(campaign, phone=phone, state=state, due_at=due_at, priority=index % 3, region=region)
            yield replace(contact, numbers=_numbers(phone, index)) if index % 10 == 3 else contact


def _numbers(phone: str, index: int) -> tuple[Number, ...]:
    return Number(phone=phone), Number(phone=f"+447700900{500 + index // 10}")


Profile = list[dict[str, Any]]


class Profiled(Protocol):
    def __call__(self, act: Callable[[], object], collection: str = ..., /) -> Profile: ...


@pytest.fixture
def profiled(crowded: Database[Document]) -> Profiled:
    """What the database did for an act, command by command, as its profiler wrote it down."""

    def run(act: Callable[[], object], collection: str = "contacts", /) -> Profile:
        crowded.command("profile", 0)
        crowded.drop_collection("system.profile")
        crowded.command("profile", 2)
        act()
        crowded.command("profile", 0)
        kept = {"execStats": 0}  # where a range without an end ends at a moment that no datetime is
        return list(crowded["system.profile"].find({"ns": f"{crowded.name}.{collection}"}, kept))

    return run


def keyed(profile: Profile) -> bool:
    assert profile
    return all("planSummary" in step and "COLLSCAN" not in step["planSummary"] for step in profile)


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("limit", [1, 10, 60])
def test_the_choice_of_candidates_reads_the_index_alone_and_no_key_too_many(
    crowded: Database[Document], profiled: Profiled, limit: int, groups: int
) -> None:
    choosing, *_ = profiled(
        lambda: MongoClaims(crowded["contacts"]).claim_due(
            "one",
            claim=f"claim {limit} {groups}",
            limit=limit,
            until=now() + timedelta(minutes=6),
            now=now(),
            among=REGIONS[:groups],
        )
    )
    assert choosing["nreturned"] == limit
    assert limit <= choosing["keysExamined"] <= limit + groups - 1  # the next of each other group, to compare
    assert choosing["docsExamined"] == 0
    assert not choosing.get("hasSortStage")


def test_a_group_that_is_closed_costs_no_key_however_many_wait_in_it(
    crowded: Database[Document], profiled: Profiled
) -> None:
    contacts, claims = crowded["contacts"], MongoClaims(crowded["contacts"])
    contacts.insert_many(
        document_of(
            a_contact("night", phone=a_phone(n), priority=9, region=REGIONS[0], due_at=now() - timedelta(days=1))
        )
        for n in range(1000)
    )
    contacts.insert_many(document_of(a_contact("night", phone=a_phone(1000 + n), region=REGIONS[1])) for n in range(10))
    profile = profiled(lambda: claims.regions_waiting("night"))
    assert keyed(profile)
    assert sum(step["keysExamined"] for step in profile) <= 2 * len(REGIONS)
    assert sum(step["docsExamined"] for step in profile) == 0
    until = now() + timedelta(minutes=6)
    choosing, _ = profiled(
        lambda: claims.claim_due("night", claim="night", limit=10, until=until, now=now(), among=REGIONS[1:2])
    )
    assert choosing["nreturned"] == 10
    assert choosing["keysExamined"] <= 10 + 1
    assert choosing["docsExamined"] == 0


def test_waiting_contacts_of_a_high_priority_are_skipped_in_one_step_not_one_by_one(
    crowded: Database[Document], profiled: Profiled
) -> None:
    contacts = crowded["contacts"]
    contacts.insert_many(
        document_of(a_contact("early", phone=a_phone(n), priority=9, due_at=now() + timedelta(hours=1)))
        for n in range(500)
    )
    contacts.insert_many(document_of(a_contact("early", phone=a_phone(n), priority=1)) for n in range(500, 510))
    choosing, _ = profiled(
        lambda: MongoClaims(contacts).claim_due(
            "early", claim="early", limit=10, until=now() + timedelta(minutes=6), now=now(), among=("US",)
        )
    )
    assert choosing["nreturned"] == 10
    assert choosing["keysExamined"] <= 10 + 3
    assert choosing["docsExamined"] == 0


def test_a_list_with_every_priority_there_may_be_costs_two_looks_at_each_and_no_more(
    crowded: Database[Document], profiled: Profiled
) -> None:
    """Nobody of 200 priorities is due yet: the worst that a list can do to the choice."""
    contacts = crowded["contacts"]
    lowest, *others = sorted(columns.PRIORITIES)
    contacts.insert_many(
        document_of(a_contact("wide", phone=a_phone(n), priority=priority, due_at=now() + timedelta(hours=1)))
        for n, priority in enumerate(others * 5)
    )
    contacts.insert_many(document_of(a_contact("wide", phone=a_phone(1500 + n), priority=lowest)) for n in range(10))
    choosing, _ = profiled(
        lambda: MongoClaims(contacts).claim_due(
            "wide", claim="wide", limit=10, until=now() + timedelta(minutes=6), now=now(), among=("US",)
        )
    )
    assert choosing["nreturned"] == 10
    assert choosing["keysExamined"] <= 10 + 2 * len(columns.PRIORITIES)
    assert choosing["docsExamined"] == 0
    nobody = profiled(lambda: MongoClaims(contacts).anyone_due("wide", now=now() - timedelta(days=1), among=("US",)))
    assert sum(step["keysExamined"] for step in nobody) <= 2 * len(columns.PRIORITIES)


def test_a_batch_behind_another_starts_at_its_place_and_reads_the_index_alone(
    crowded: Database[Document], profiled: Profiled
) -> None:
    claims, until = MongoClaims(crowded["contacts"]), now() + timedelta(minutes=6)
    *_, last = claims.claim_due("three", claim="front", limit=100, until=until, now=now(), among=REGIONS)
    profile = profiled(
        lambda: claims.claim_due("three", claim="behind", limit=100, until=until, now=now(), behind=last, among=REGIONS)
    )
    *choosing, _ = profile
    assert sum(step["nreturned"] for step in choosing) == 100
    steps = 2 * len(REGIONS) * len(choosing)  # each range begins and ends once in each group
    assert sum(step["keysExamined"] for step in choosing) <= 100 + steps
    assert all(step["docsExamined"] == 0 and not step.get("hasSortStage") for step in choosing)


def test_a_claim_touches_only_the_chosen(crowded: Database[Document], profiled: Profiled) -> None:
    """And reads nobody back: the reply says that all of them were won."""
    _, claiming = profiled(
        lambda: MongoClaims(crowded["contacts"]).claim_due(
            "two", claim="touch", limit=50, until=now() + timedelta(minutes=6), now=now(), among=REGIONS
        )
    )
    assert "COLLSCAN" not in claiming["planSummary"]
    assert claiming["docsExamined"] == 50
    assert claiming["keysExamined"] <= 2 * 50 + 1


def test_a_read_back_touches_only_the_chosen(crowded: Database[Document], profiled: Profiled, mongodb_uri: str) -> None:
    with TcpProxy(mongodb_uri) as wire:
        lossy = connect(Secret(wire.uri), crowded.name)
        wire.strike("update", Fate.LOSE_REPLY, times=1)
        claim = partial(
            MongoClaims(lossy["contacts"]).claim_due, "two", claim="lost", limit=50, until=now() + timedelta(minutes=6)
        )
        *_, reading = profiled(lambda: claim(now=now()))
        lossy.client.close()
    assert "COLLSCAN" not in reading["planSummary"]
    assert (reading["nreturned"], reading["docsExamined"]) == (50, 50)
    assert reading["keysExamined"] <= 2 * 50 + 1


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


def test_an_audit_reads_by_phone_and_page_by_page_and_never_a_contact_too_many(
    crowded: Database[Document], profiled: Profiled
) -> None:
    book = MongoAttemptBook(crowded["contacts"])
    phones = [one["phone"] for one in crowded["contacts"].find({"campaign_id": "one"}, limit=10)]
    (by_phone,) = profiled(lambda: book.to_phones(phones))
    assert by_phone["docsExamined"] == by_phone["nreturned"] >= 20
    assert by_phone["keysExamined"] <= 2 * (by_phone["nreturned"] + len(phones) + 1)
    first = book.in_campaign("two", behind="", limit=100)
    (page,) = profiled(lambda: book.in_campaign("two", behind=first.last, limit=100))
    assert (page["nreturned"], page["docsExamined"], page["keysExamined"]) == (100, 100, 100)
    assert not page.get("hasSortStage")


def test_a_person_is_found_by_another_of_their_numbers_and_nobody_else_is_read(
    crowded: Database[Document], profiled: Profiled
) -> None:
    contacts = crowded["contacts"]
    numbers = [one["numbers"][1]["phone"] for one in contacts.find({"numbers": {"$exists": True}}, limit=10)]
    for act, found in (
        (lambda: MongoAttemptBook(contacts).to_phones(numbers), 10),
        (lambda: MongoReach(contacts).sharing(numbers), 10),
        (lambda: MongoOverdue(contacts).sharing_phone(numbers[0]), 1),
        (lambda: MongoPeople(contacts).with_phone(numbers[0]), 1),
    ):
        (finding,) = profiled(act)
        assert "COLLSCAN" not in finding["planSummary"]
        assert finding["docsExamined"] == finding["nreturned"] == found
        assert finding["keysExamined"] <= 3 * found + 3


def test_whom_a_list_says_not_to_call_is_found_by_phone_and_nobody_else_is_read(
    crowded: Database[Document], profiled: Profiled
) -> None:
    phones = [a_phone(index) for index in range(50)]
    book = MongoContactBook(crowded["contacts"])
    profile = profiled(lambda: book.cancel_waiting("another campaign", [*phones, NOBODYS], reason="a test"))
    assert keyed(profile)
    (looking,) = profile
    assert looking["docsExamined"] <= len(CAMPAIGNS) * len(phones)
    assert looking["keysExamined"] <= 2 * (len(CAMPAIGNS) + 2) * len(phones)


def test_other_lookups_are_keyed_too(crowded: Database[Document], profiled: Profiled) -> None:
    contacts = crowded["contacts"]
    someone = contacts.find_one({"campaign_id": "one"}) or {}
    ref = CallRef(contact_id=someone["_id"], attempt_id=f"{someone['_id']}-none")
    (sharing,) = profiled(lambda: MongoOverdue(contacts).sharing_phone(someone["phone"]))
    assert sharing["docsExamined"] == sharing["nreturned"] >= 1
    (reached,) = profiled(lambda: MongoReach(contacts).sharing([someone["phone"], NOBODYS]))
    assert reached["docsExamined"] == reached["nreturned"] >= 1
    for act in (
        lambda: MongoLines(contacts).explain(someone["_id"]),
        lambda: MongoHearing(contacts).find(someone["_id"]),
        lambda: MongoHearing(contacts).note_late(ref, sid="CA1"),
        lambda: MongoHearing(contacts).note_machine(ref, sid="CA1", answered_by="human"),
        lambda: MongoHearing(contacts).note_voicemail(ref, sid="CA1"),
        lambda: MongoHearing(contacts).hear(ref, CallReport(sid="CA1", status="ringing")),
    ):
        profile = profiled(act)
        assert keyed(profile)
        assert len(profile) == 1
        assert all(step["docsExamined"] <= 1 for step in profile)


def test_a_campaign_s_counts_read_its_own_keys_twice_at_most_and_no_document(
    crowded: Database[Document], profiled: Profiled
) -> None:
    book = MongoContactBook(crowded["contacts"])
    everybody = sum(book.count_by_state("one").values())
    assert everybody >= MANY // len(CAMPAIGNS)
    profile = profiled(lambda: book.count_by_state("one"))
    assert keyed(profile)
    assert all(step["docsExamined"] == 0 for step in profile)
    assert sum(step["keysExamined"] for step in profile) <= 2 * everybody + len(State)


@pytest.mark.parametrize("state", sorted(State))
def test_a_list_of_a_campaign_s_contacts_in_a_state_reads_only_those(
    crowded: Database[Document], profiled: Profiled, state: State
) -> None:
    (listing,) = profiled(lambda: MongoContactBook(crowded["contacts"]).holding("one", state, limit=10))
    assert "COLLSCAN" not in listing["planSummary"]
    assert listing["docsExamined"] == listing["nreturned"] <= 10
    assert listing["keysExamined"] <= listing["nreturned"] + 1


def test_a_batch_of_phones_is_looked_up_by_its_hashes(crowded: Database[Document], profiled: Profiled) -> None:
    suppressions = MongoSuppressions(crowded["suppressions"], key=Secret("key"))
    crowded["suppressions"].insert_many({"_id": f"{n:064}", "scopes": ["global"]} for n in range(MANY))
    for phone in (a_phone(0), a_phone(2)):
        suppressions.suppress(phone, scope="global", source="test", reason="asked")
    (asking,) = profiled(lambda: suppressions.among("one", [a_phone(n) for n in range(50)]), "suppressions")
    assert "COLLSCAN" not in asking["planSummary"]
    assert (asking["nreturned"], asking["docsExamined"]) == (2, 2)
    assert asking["keysExamined"] <= 2 * 50 + 1


def test_running_campaigns_are_found_in_order_among_the_many_that_are_not(
    crowded: Database[Document], profiled: Profiled
) -> None:
    campaigns = MongoCampaigns(crowded["campaigns"])
    created(crowded, a_campaign())
    crowded["campaigns"].insert_many({"_id": f"old {n}", "state": "stopped", "fence": 1} for n in range(1000))
    (finding,) = profiled(campaigns.running_ids, "campaigns")
    assert "COLLSCAN" not in finding["planSummary"]
    assert not finding.get("hasSortStage")
    assert (finding["nreturned"], finding["docsExamined"] <= 1, finding["keysExamined"]) == (1, True, 1)
    running = campaigns.running_ids()
    for act in (
        lambda: campaigns.note_ticked(running),
        lambda: campaigns.see(running[0]),
        lambda: campaigns.reserve_slots(running[0], fence=1, wanted=1, horizon=timedelta(minutes=1)),
        lambda: campaigns.permit(running[0]),
        lambda: campaigns.set_state("old 1", CampaignState.PAUSED, sources=[CampaignState.RUNNING]),
    ):
        profile = profiled(act, "campaigns")
        assert keyed(profile)
        assert all(step["docsExamined"] <= 1 for step in profile)


@pytest.mark.parametrize("state", sorted(State))
def test_a_page_of_contacts_reads_only_what_it_shows(
    crowded: Database[Document], profiled: Profiled, state: State
) -> None:
    """Of those in flight all in that state, who are few: they are sorted."""
    people = MongoPeople(crowded["contacts"])
    crowded["contacts"].update_many({"state": state, "settled_at": None}, {"$set": {"settled_at": now()}})
    first = people.in_state("one", state, limit=3, cursor="")
    in_it = crowded["contacts"].count_documents({"campaign_id": "one", "state": state})
    for cursor in ("", first.next):
        (finding,) = profiled(lambda cursor=cursor: people.in_state("one", state, limit=3, cursor=cursor))  # type: ignore[misc]
        assert "COLLSCAN" not in finding["planSummary"]
        most = in_it if state in IN_FLIGHT else finding["nreturned"]
        assert finding["docsExamined"] <= most
        assert finding["keysExamined"] <= most + 3 + 1  # what has been shown of the same moment is passed
        assert state in IN_FLIGHT or not finding.get("hasSortStage")


def test_a_person_is_found_by_phone_and_by_external_id_alone(crowded: Database[Document], profiled: Profiled) -> None:
    people = MongoPeople(crowded["contacts"])
    stored(crowded, a_contact("known", phone=NOBODYS, external_id="A-1"))
    for act in (lambda: people.with_phone(NOBODYS), lambda: people.with_external_id("A-1")):
        (finding,) = profiled(act)
        assert "COLLSCAN" not in finding["planSummary"]
        assert (finding["nreturned"], finding["docsExamined"]) == (1, 1)
    (finding,) = profiled(lambda: people.with_external_id("nobody's"))
    assert (finding["docsExamined"], finding["keysExamined"]) == (0, 0)
    crowded["contacts"].delete_one({"phone": NOBODYS})


def test_statistics_read_each_settled_contact_once(crowded: Database[Document], profiled: Profiled) -> None:
    """However often somebody asks: from then on only what has been settled since."""
    contacts = crowded["contacts"]
    contacts.update_many({"state": {"$in": sorted(TERMINAL)}}, {"$set": {"settled_at": now() - timedelta(minutes=1)}})
    settled = contacts.count_documents({"campaign_id": "two", "state": {"$in": sorted(TERMINAL)}})
    assert settled > MANY / 10
    ask = partial(statistics_of(crowded).sums, "two", within=timedelta(seconds=10))
    first = profiled(ask)
    assert keyed(first)
    assert sum(step["docsExamined"] for step in first) == settled
    stored(crowded, a_contact("two", state=State.DONE, phone=NOBODYS))
    contacts.update_one({"phone": NOBODYS}, {"$set": {"settled_at": now()}})
    second = profiled(ask)
    assert keyed(second)
    assert sum(step["docsExamined"] for step in second) == 1
    assert sum(step["keysExamined"] for step in second) <= 20
    contacts.delete_one({"phone": NOBODYS})


def test_statistics_read_whoever_was_called_since_the_last_look_and_nobody_else(
    crowded: Database[Document], profiled: Profiled
) -> None:
    """Twice: to see where a step ends, and to sum up. Of a story that has grown, its new end is the only key."""
    contacts, called = crowded["contacts"], 200
    people = [document_of(a_contact("retries", phone=a_phone(n), region="US")) for n in range(3 * called)]
    for document in people[:called]:
        document["history"] = [a_past(minutes=2 * n) for n in range(10, 0, -1)]
    contacts.insert_many(people)
    ask = partial(statistics_of(crowded).sums, "retries", within=timedelta(seconds=10))
    first = profiled(ask)
    assert keyed(first)
    assert sum(step["docsExamined"] for step in first) == 2 * called
    contacts.update_one({"_id": people[0]["_id"]}, {"$push": {"history": a_past(minutes=0)}})
    second = profiled(ask)
    assert keyed(second)
    assert sum(step["docsExamined"] for step in second) == 1
    assert sum(step["keysExamined"] for step in second) <= 20
    contacts.delete_many({"campaign_id": "retries"})


def a_past(*, minutes: int) -> Document:
    return {"id": a_sid(), "ended_at": now() - timedelta(minutes=minutes), "dial_at": now(), "outcome": "busy"}


def statistics_of(database: Database[Document]) -> MongoStatistics:
    return MongoStatistics(
        database["statistics"], contacts=database["contacts"], campaigns=database["campaigns"], clock=SystemClock()
    )


def test_a_page_of_the_suppressed_reads_only_what_it_shows(crowded: Database[Document], profiled: Profiled) -> None:
    suppressions = MongoSuppressionList(crowded["suppressions"], key=Secret("key"))
    suppressions.add([Listing(phone=f"{n:064x}", scope="global", source="test", reason="asked") for n in range(300)])
    (finding,) = profiled(lambda: suppressions.page(limit=10, behind=f"{100:064x}"), "suppressions")
    assert "COLLSCAN" not in finding["planSummary"]
    assert (finding["nreturned"], finding["docsExamined"]) == (10, 10)
    assert finding["keysExamined"] <= 11


@pytest.mark.parametrize("asked", [{"about": "campaign 7"}, {"who": "token 7"}], ids=lambda asked: next(iter(asked)))
def test_a_page_of_what_was_done_about_one_thing_or_by_one_token_reads_only_what_it_shows(
    crowded: Database[Document], profiled: Profiled, asked: dict[str, str]
) -> None:
    """Also the last page, on which there are fewer; and the first look of a process asks for older deeds by a key."""
    log = MongoAuditLog(crowded["audit"])
    for n in range(300):
        about = {"campaign_id": f"campaign {n % 10}", "id": f"campaign {n % 10}"}
        log.begin(who=f"token {n % 10}", name="Ada", what="a test", about=about, fields=[])
    assert crowded["audit"].index_information().keys() == {"_id_"}  # no change waits until they are made
    log.page(limit=1, behind="", **asked)
    first = log.page(limit=20, behind="", **asked)
    for behind, found in (("", 20), (first[-1].id, 10)):
        (finding,) = profiled(partial(log.page, limit=20, behind=behind, **asked), "audit")
        assert "COLLSCAN" not in finding["planSummary"]
        assert not finding.get("hasSortStage")
        assert (finding["nreturned"], finding["docsExamined"], finding["keysExamined"]) == (found, found, found)
    anew = profiled(lambda: MongoAuditLog(crowded["audit"]).page(limit=20, behind="", **asked), "audit")
    assert sum(step.get("docsExamined", 0) for step in anew) == 20
    crowded.drop_collection("audit")


def test_an_operators_looks_at_campaigns_are_keyed(crowded: Database[Document], profiled: Profiled) -> None:
    campaigns = crowded["campaigns"]
    moment = now()
    for n in range(5):
        created(crowded, a_campaign(state=CampaignState.PAUSED, created_at=moment - timedelta(seconds=n)))
    old = [a_campaign(state=CampaignState.ARCHIVED, created_at=moment - timedelta(days=n)) for n in range(1, 500)]
    campaigns.insert_many(map(campaign_document, old))
    desk = MongoCampaignDesk(campaigns)
    behind = Place(at=moment, id="z")
    (finding,) = profiled(lambda: desk.page(limit=3, state=None, behind=behind), "campaigns")
    assert (finding["nreturned"], finding["docsExamined"], finding.get("hasSortStage")) == (3, 3, None)
    paused = partial(desk.page, state=CampaignState.PAUSED, behind=None)
    for limit, found in ((3, 3), (100, 5)):  # also where fewer are found than were asked for
        (finding,) = profiled(partial(paused, limit=limit), "campaigns")
        assert (finding["nreturned"], finding["docsExamined"]) == (found, found)
        assert finding["keysExamined"] <= found + 1
    readiness = Readiness(contacts=MongoContactBook(crowded["contacts"]))
    schedule = Schedule(timetable=MongoTimetable(campaigns), readiness=readiness)
    looking = profiled(lambda: list(schedule.keep()), "campaigns")
    assert len(looking) == 2
    assert all(step["docsExamined"] == 0 and "COLLSCAN" not in step["planSummary"] for step in looking)
    halting = profiled(lambda: desk.halt(reason="a test"), "campaigns")
    assert keyed(halting)
    assert sum(step["docsExamined"] for step in halting) <= 20


def test_a_look_at_who_waits_where_reads_the_queue_s_keys_and_no_document(
    crowded: Database[Document], profiled: Profiled
) -> None:
    """And of nobody else's campaign; and who looks again a moment later costs nothing."""
    floor = MongoFloor(crowded["contacts"], clock=SystemClock())
    waiting = crowded["contacts"].count_documents({"campaign_id": "three", "due_at": {"$exists": True}})
    assert waiting > MANY / 10
    found: list[Any] = []
    (counting,) = profiled(lambda: found.extend(floor.waiting("three", now=now())))
    assert sum(one.contacts for one in found) == waiting
    assert "COLLSCAN" not in counting["planSummary"]
    assert counting["docsExamined"] == 0
    assert counting["keysExamined"] <= waiting + 1
    assert profiled(lambda: floor.waiting("three", now=now())) == []


def test_a_look_at_who_is_on_the_line_reads_only_those(crowded: Database[Document], profiled: Profiled) -> None:
    floor = MongoFloor(crowded["contacts"], clock=SystemClock())
    in_flight = crowded["contacts"].count_documents({"campaign_id": "three", "state": {"$in": sorted(IN_FLIGHT)}})
    found: list[Any] = []
    (looking,) = profiled(lambda: found.extend(floor.in_flight("three")))
    assert sum(one.contacts for one in found) == in_flight > 0
    assert "COLLSCAN" not in looking["planSummary"]
    assert looking["docsExamined"] == in_flight
    assert looking["keysExamined"] <= in_flight + len(IN_FLIGHT)


def test_those_who_wait_are_told_apart_by_the_keys_of_those_who_have_a_reason_and_no_document(
    crowded: Database[Document], profiled: Profiled
) -> None:
    crowded["contacts"].update_many(
        {"campaign_id": "one", "state": State.PENDING, "region": REGIONS[0]}, {"$set": {"reason": "no-answer"}}
    )
    floor = MongoFloor(crowded["contacts"], clock=SystemClock())
    (wait,) = floor.waits("one", now=now())
    assert wait.contacts > MANY / 50
    (counting,) = profiled(lambda: MongoFloor(crowded["contacts"], clock=SystemClock()).waits("one", now=now()))
    assert "COLLSCAN" not in counting["planSummary"]
    assert counting["docsExamined"] == 0
    assert counting["keysExamined"] <= wait.contacts + 1


def test_the_last_calls_are_found_without_reading_the_ones_before(
    crowded: Database[Document], profiled: Profiled
) -> None:
    floor = MongoFloor(crowded["contacts"], clock=SystemClock())
    crowded["contacts"].update_many(
        {"campaign_id": "three", "priority": 1}, {"$set": {"history": [a_past(minutes=n) for n in range(3)]}}
    )
    assert len(floor.latest("three", limit=9)) == 9
    profile = profiled(lambda: floor.latest("three", limit=10))
    assert keyed(profile)
    assert all(step["docsExamined"] <= 10 and not step.get("hasSortStage") for step in profile)
    assert sum(step["keysExamined"] for step in profile) <= 3 * (10 + len(IN_FLIGHT))


@pytest.mark.parametrize("count", ["live", "abandoned"])
def test_live_answers_are_counted_by_the_keys_of_one_campaign_within_the_window_and_no_document(
    crowded: Database[Document], profiled: Profiled, count: str
) -> None:
    answers, since = MongoLiveAnswers(crowded["live_answers"]), now() - timedelta(days=30)
    answers.prepare()
    crowded["live_answers"].delete_many({})
    crowded["live_answers"].insert_many(
        {"campaign_id": campaign, "found": n % 3, "at": since + timedelta(minutes=n - 1000)}
        for n in range(3000)
        for campaign in ("one", "two")
    )
    counter = getattr(answers, count)
    counted = counter("one", since=since)
    assert counted == {"live": 1999, "abandoned": 666}[count]
    profile = profiled(lambda: counter("one", since=since), "live_answers")
    assert all(step["planSummary"].startswith("COUNT_SCAN") for step in profile)
    assert sum(step["docsExamined"] for step in profile) == 0
    assert sum(step["keysExamined"] for step in profile) <= counted + len(profile)


def test_a_live_answer_is_written_by_its_attempt_and_no_search(crowded: Database[Document], profiled: Profiled) -> None:
    answers = MongoLiveAnswers(crowded["live_answers"])
    ref = CallRef(contact_id="c", attempt_id=f"c-{a_sid()}")
    for act in (
        lambda: answers.reached(ref, somebody=False, at=now()),
        lambda: answers.note(ref, campaign_id="one", at=now()),
    ):
        profile = profiled(act, "live_answers")
        assert keyed(profile)
        assert all(step.get("docsExamined", 0) <= 1 for step in profile)
