"""P1, P2: claims a second against the naive loops and against the database's own limit, from 10k to 10M contacts."""

from functools import partial

import pytest
from pymongo.database import Database

from benchmarks import ours, rivals
from benchmarks.conftest import Notebook
from benchmarks.figures import Section
from benchmarks.lists import OURS, Contacts, make, put_back
from benchmarks.measuring import Contestant, Measured, race
from benchmarks.page import sized
from benchmarks.sizes import BATCH, CAMPAIGNS, EARLY, HUGE, LAPS, NAIVE_CLAIMS
from dialer.adapters.mongo import Document

OUR, LIMIT = "ours", "limit: update_many of known ids"
LOOP, LOCKED = "find_one_and_update per contact", "the same with lockedUntil"
TEXT = f"""
A tick chooses candidates from the index alone, claims them with one guarded update under its own token, and believes
only what that update's reply, or a read-back by the token, gives it. The rivals: one `find_one_and_update` per contact
with the index that suits it best and no other, the same with a `lockedUntil`, and, as the limit, `update_many` of ids
that are already known, without choice or guard, on our collection with our indexes. {sized(EARLY)} contacts of a higher
priority that are not due yet are in everybody's way. A lap is {NAIVE_CLAIMS} claims of a loop, and
{sized(BATCH * 10)} or more of the others.
"""


def test_claims(database: Database[Document], mongod: str, results: Notebook, request: pytest.FixtureRequest) -> None:
    section = results.section("claims", "Claims", TEXT)
    for size in CAMPAIGNS:
        ran = {one.name: one for one in race(_contestants(database, mongod, size), laps=LAPS)}
        _note(section, size, ran)
        for name in ran:
            database.drop_collection(_collection(name))
    _huge(request.getfixturevalue("huge"), mongod, section)
    section.demand()


def _contestants(database: Database[Document], uri: str, size: int) -> list[Contestant]:
    batches = min(size, 20 * BATCH) // BATCH
    works = {
        OUR: (OURS, partial(ours.claim, batches=batches, batch=BATCH)),
        LIMIT: (OURS, partial(rivals.update_known_ids, batches=batches, batch=BATCH)),
        LOOP: (rivals.LOOP_INDEX, partial(rivals.claim_one_by_one, claims=NAIVE_CLAIMS)),
        LOCKED: (rivals.LOCKED_INDEX, partial(rivals.lock_one_by_one, claims=NAIVE_CLAIMS)),
    }
    return [
        Contestant(
            name=name,
            opened=ours.opener(database, uri, _collection(name)),
            work=work,
            before=partial(put_back, make(database[_collection(name)], size, early=EARLY, indexes=indexes)),
        )
        for name, (indexes, work) in works.items()
    ]


def _collection(name: str) -> str:
    return f"claims_{[OUR, LIMIT, LOOP, LOCKED].index(name)}"


def _note(section: Section, size: int, ran: dict[str, Measured]) -> None:
    mine = ran[OUR].rate
    for name, measured in ran.items():
        section.add(
            what=name,
            size=sized(size),
            unit="contacts/s",
            laps=measured.rates,
            peak_mb=measured.peak_mb,
            note="" if name == OUR else f"ours is {mine / measured.rate:.2g}×",
        )
    section.judge(
        yardstick="P1",
        what=f"claims/s against the loop, {sized(size)}",
        value=mine / ran[LOOP].rate,
        bar=25,
        stretch=50,
    )
    section.judge(
        yardstick="P2",
        what=f"claims/s against the limit, {sized(size)}",
        value=mine / ran[LIMIT].rate,
        bar=0.55,
        stretch=0.8,
    )


def _huge(contacts: Contacts, uri: str, section: Section) -> None:
    """Ours alone, and the limit: ten million contacts are an ordinary list."""
    opened, again = ours.opener(contacts.database, uri, contacts.name), partial(put_back, contacts)
    batches = min(HUGE, 20 * BATCH) // BATCH
    both = [
        Contestant(name=OUR, opened=opened, work=partial(ours.claim, batches=batches, batch=BATCH), before=again),
        Contestant(
            name=LIMIT,
            opened=opened,
            work=partial(rivals.update_known_ids, batches=batches, batch=BATCH),
            before=again,
        ),
    ]
    ran = {one.name: one for one in race(both, laps=LAPS)}
    for name, measured in ran.items():
        note = "" if name == OUR else f"ours is {ran[OUR].rate / measured.rate:.2g}×"
        section.add(
            what=name, size=sized(HUGE), unit="contacts/s", laps=measured.rates, peak_mb=measured.peak_mb, note=note
        )
