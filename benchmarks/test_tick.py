"""P12, the tick alone: contacts dispatched a second, sends included; and one tick over a thousand campaigns."""

import statistics
from functools import partial

import pytest
from pymongo.database import Database

from benchmarks.conftest import Notebook
from benchmarks.lists import CAMPAIGN, at_rest, make, put_back
from benchmarks.measuring import Contestant, Measured, race
from benchmarks.page import sized
from benchmarks.sizes import EARLY, LAPS, QUICK
from benchmarks.ticking import Place, a_fast_campaign, every_campaign, one_campaign, profiled, set_up, tick_at
from dialer.adapters.campaigns import MongoCampaigns
from dialer.adapters.contact_book import MongoContactBook
from dialer.adapters.mongo import Document
from dialer.model import Pacing
from tests.adapters.aws import client
from tests.builders import a_contact, document_of, now

DISPATCHED = 1_000 if QUICK else 10_000
MANY = 50 if QUICK else 1_000
EACH = 10
TICK_TEXT = f"""
One tick of one campaign with all its parts: the lock in DynamoDB, slots, claims, the look at suppressions, and every
message sent to SQS; {sized(DISPATCHED)} contacts are due. DynamoDB and SQS are MiniStack's, in one Python process on
the same two cores, so much of this time is theirs.
"""
MANY_TEXT = f"""
One tick over all running campaigns, each with {EACH} contacts due, and the same campaigns a moment later, when nobody
is. Commands are those the database got.
"""


@pytest.fixture
def place(database: Database[Document], mongod: str, ministack: str) -> Place:
    return set_up(Place(uri=mongod, database=database.name, aws=ministack))


def test_the_tick_alone(database: Database[Document], place: Place, results: Notebook) -> None:
    section = results.section("tick", "The tick alone", TICK_TEXT)
    contacts = make(database["contacts"], DISPATCHED, early=EARLY)
    sqs = client("sqs", place.aws)

    def again() -> None:
        put_back(contacts)
        database.drop_collection("campaigns")
        MongoCampaigns(database["campaigns"]).create(a_fast_campaign(id=CAMPAIGN))
        sqs.purge_queue(QueueUrl=place.queue_url)

    opened = partial(tick_at, place)
    work, profile = partial(one_campaign, due=DISPATCHED), partial(profiled, due=DISPATCHED)
    (ran,) = race([Contestant(name="dispatched by one tick", opened=opened, work=work, before=again)], laps=LAPS)
    (seen,) = race([Contestant(name="under the profiler", opened=opened, work=profile, before=again)], laps=1)
    sqs.close()
    section.add(
        what=ran.name, size=sized(DISPATCHED), unit="contacts/s", laps=ran.rates, peak_mb=ran.peak_mb,
        note=f"{statistics.median(lap.cpu / lap.seconds for lap in ran.laps):.0%} of a core",
    )  # fmt: skip
    section.remarks += [_waited(ran), f"At work in the tick's process: {seen.laps[0].noted['at work']}."]
    section.judge(
        yardstick="P12", what="contacts dispatched by one tick, sends included", value=ran.rate, bar=2500, unit="/s"
    )
    section.demand()


def _waited(ran: Measured) -> str:
    """How a tick's time is shared between the database, this process and the queue."""
    lap = sorted(ran.laps, key=lambda one: one.seconds)[len(ran.laps) // 2]
    database = {name: took / lap.seconds for name, took in lap.noted["database"].items()}
    kinds = ", ".join(f"{name} {share:.0%}" for name, share in sorted(database.items(), key=lambda item: -item[1])[:3])
    return (
        f"Of a tick's {lap.seconds:.2f} s, {sum(database.values()):.0%} were spent waiting for the database ({kinds}); "
        f"its process was at work for {lap.cpu / lap.seconds:.0%}; the rest is DynamoDB and SQS."
    )


def test_one_tick_over_many_campaigns(database: Database[Document], place: Place, results: Notebook) -> None:
    section = results.section("campaigns", "One tick over many campaigns", MANY_TEXT)
    MongoContactBook(database["contacts"]).prepare()
    sqs = client("sqs", place.aws)
    for count in (1, MANY):
        for name, before, sent in (("contacts due", _somebody_due, EACH * count), ("nobody due", _nobody_due, 0)):
            contestant = Contestant(
                name=f"{count:,} running, {name}",
                opened=partial(tick_at, place),
                work=every_campaign,
                before=partial(before, database, count),
            )
            (ran,) = race([contestant], laps=LAPS)
            assert {(lap.units, lap.noted["sent"]) for lap in ran.laps} == {(count, sent)}
            section.add(
                what=ran.name, unit="ms per campaign", laps=[1000 * lap.seconds / count for lap in ran.laps],
                higher_is_better=False, peak_mb=ran.peak_mb,
                note=f"{ran.laps[-1].noted['commands'] / count:.3g} commands to the database each",
            )  # fmt: skip
            sqs.purge_queue(QueueUrl=place.queue_url)
    sqs.close()


def _somebody_due(database: Database[Document], count: int) -> None:
    database.drop_collection("campaigns")
    store, contacts = MongoCampaigns(database["campaigns"]), database["contacts"]
    contacts.delete_many({})
    for _ in range(count):
        store.create(campaign := a_fast_campaign(pacing=Pacing(max_concurrent=EACH)))
        people = (a_contact(campaign, phone=f"+0{n:010}", due_at=now()) for n in range(EACH))
        contacts.insert_many(document_of(one) for one in people)
    at_rest(database)


def _nobody_due(database: Database[Document], count: int) -> None:
    """The same campaigns, and all their contacts have been called."""
    database["contacts"].delete_many({})
