"""P12, the tick alone: contacts dispatched a second, sends included; and one tick over a thousand campaigns."""

import statistics
from functools import partial

from pymongo.database import Database

from benchmarks.conftest import Notebook
from benchmarks.lists import CAMPAIGN, make, put_back
from benchmarks.measuring import Contestant, Measured, race
from benchmarks.page import sized
from benchmarks.sizes import EARLY, LAPS, QUICK
from benchmarks.ticking import Place, a_fast_campaign, one_campaign, profiled, tick_at
from dialer.adapters.campaigns import MongoCampaigns
from dialer.adapters.mongo import Document
from tests.adapters.aws import client

DISPATCHED = 1_000 if QUICK else 10_000
TEXT = f"""
One tick of one campaign with all its parts: the lock in DynamoDB, slots, claims, the look at suppressions, and every
message sent to SQS; {sized(DISPATCHED)} contacts are due. DynamoDB and SQS are MiniStack's, in one Python process on
the same two cores, so much of this time is theirs.
"""


def test_the_tick_alone(database: Database[Document], place: Place, results: Notebook) -> None:
    section = results.section("tick", "The tick alone", TEXT)
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
