"""One tick over a thousand campaigns: time and commands for each, busy and idle."""

from functools import partial
from math import ceil

from pymongo.database import Database

from benchmarks.conftest import Notebook
from benchmarks.figures import Section
from benchmarks.lists import at_rest
from benchmarks.measuring import Contestant, race
from benchmarks.sizes import LAPS, QUICK
from benchmarks.ticking import Place, a_fast_campaign, every_campaign, tick_at, with_time_for
from dialer.adapters.campaigns import MongoCampaigns
from dialer.adapters.contact_book import MongoContactBook
from dialer.adapters.mongo import Document
from dialer.model import Pacing
from tests.adapters.aws import client
from tests.builders import a_contact, document_of, now

MANY = 50 if QUICK else 1_000
SOME = MANY * 3 // 10
TICKS = 10
EACH = 10
TEXT = f"""
One tick over all running campaigns, each with {EACH} contacts due, and the same campaigns a moment later, when nobody
is. Commands are those the database got. Nobody is raced: the rows were measured one after the other. The last row is of
{TICKS} ticks, each with time for {SOME} campaigns and no more: whoever has waited longest comes first, and nobody waits
for more ticks than it takes to reach everybody once, which is asserted here.
"""


def test_one_tick_over_many_campaigns(database: Database[Document], place: Place, results: Notebook) -> None:
    section = results.section("campaigns", "One tick over many campaigns", TEXT)
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
    _in_turn(section, database, place)
    sqs.purge_queue(QueueUrl=place.queue_url)
    sqs.close()


def _in_turn(section: Section, database: Database[Document], place: Place) -> None:
    """Ticks that run out of time: nobody waits for their turn longer than must be."""
    _somebody_due(database, MANY)
    short_of_time = partial(with_time_for, some=SOME, ticks=TICKS)
    name = f"{MANY:,} running, time for {SOME} a tick"
    (ran,) = race([Contestant(name=name, opened=partial(tick_at, place), work=short_of_time)], laps=1)
    longest, fewest = max(ran.laps[0].noted["waits"]), ceil(MANY / SOME)
    section.add(
        what=ran.name, unit="ticks is the longest wait for a turn", laps=[longest],
        higher_is_better=False, note=f"{fewest} ticks reach everybody once",
    )  # fmt: skip
    assert longest <= fewest


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
