"""P11: what the carrier tells us, one guarded update each, against loading, changing and writing back."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from pymongo.database import Database

from benchmarks import ours, rivals
from benchmarks.conftest import Notebook
from benchmarks.lists import Contacts, make
from benchmarks.measuring import Contestant, Lap, Measured, Watch, race
from benchmarks.sizes import LAPS, QUICK
from dialer.adapters.hearing import MongoHearing
from dialer.adapters.mongo import Document
from dialer.call_status import is_final
from dialer.lifecycle import State
from dialer.model import CallReport, Outcome
from dialer.ports import CallRef
from dialer.retry import RetryDecision
from tests.builders import now

CALLS = 20 if QUICK else 250
STATUSES = ("initiated", "ringing", "in-progress", "completed")
CLAIM = "a1b2c3d4e5f60718293a4b5c"
DONE = RetryDecision(state=State.DONE, after=None)
Event = tuple[str, str]
"""A contact's id, and the status of their call."""
AT_ONCE = 8
TEXT = f"""
{CALLS} calls with four webhooks each: one after the other as they should come; {AT_ONCE} calls at once, each in its own
order; and one after the other with every webhook delivered twice and all of them shuffled. Ours is one guarded update
of one document, which also tells how somebody stands whom it does not move: a repetition must be told from a second
call. Only the last webhook of a call reads it first. The rival is the usual way: load the call and the
contact, change them, write both back whole. It ends wrong when webhooks come out of order or at once; ours cannot, and
that every contact ends done after any order is asserted here. The limit is one field set by id for every webhook, with
no guard and nothing told of whom it moved, and the same look before the last of a call.
"""


def test_webhooks(database: Database[Document], mongod: str, results: Notebook) -> None:
    section = results.section("webhooks", "Webhooks", TEXT)
    contacts = make(database["heard"], CALLS)
    for order, events, at_once in (
        ("in order", _in_order(), 1),
        (f"in order, {AT_ONCE} calls at once", _in_order(), AT_ONCE),
        ("twice and shuffled", _shuffled(), 1),
    ):
        mine, naive, limit = _raced(contacts, mongod, events, at_once)
        for measured in (mine, naive, limit):
            note = "" if measured is mine else f"ours is {mine.rate / measured.rate:.3g}×"
            if measured is limit:
                note += f"; it is {limit.rate / naive.rate:.3g}× the rival"
            section.add(
                what=f"{measured.name}, {order}",
                unit="webhooks/s",
                laps=measured.rates,
                peak_mb=measured.peak_mb,
                note=note,
            )
        section.judge(
            yardstick="P11",
            what=f"webhooks/s against read-modify-write, {order}",
            value=mine.rate / naive.rate,
            bar=2.5,
        )
    section.demand()


def _raced(contacts: Contacts, uri: str, events: list[Event], at_once: int) -> list[Measured]:
    opened = ours.opener(contacts.database, uri, contacts.name)
    shares = [[event for event in events if _share(event, at_once) == n] for n in range(at_once)]
    works: dict[str, Any] = {
        "ours": partial(_at_once, hear=_hear, shares=shares),
        "read-modify-write": partial(_at_once, hear=rivals.read_modify_write, shares=shares),
        "one plain write each (the limit)": partial(_at_once, hear=rivals.write_plainly, shares=shares),
    }
    return race(
        [
            Contestant(
                name=name,
                opened=opened,
                work=work,
                before=partial(_ring, contacts),
                after=partial(_all_done, contacts) if name == "ours" else lambda _: None,
            )
            for name, work in works.items()
        ],
        laps=LAPS,
    )


def _share(event: Event, of: int) -> int:
    """All webhooks of a call are in one share."""
    return int(event[0][8:]) % of


def _ids() -> list[str]:
    return [f"65a1f0c4{10**15 + n}" for n in range(CALLS)]


def _in_order() -> list[Event]:
    return [(contact_id, status) for contact_id in _ids() for status in STATUSES]


def _shuffled() -> list[Event]:
    events = _in_order() * 2
    random.Random(7).shuffle(events)
    return events


def _ring(contacts: Contacts) -> None:
    """Everybody has just been dialed."""
    contacts.database.drop_collection(f"{contacts.name}_calls")
    moment = now()
    attempt = {"id": CLAIM, "n": 1, "token": "t", "dial_at": moment, "until": moment, "rank": 0, "patience_ms": 60_000}
    contacts.update_many(
        {}, {"$set": {"state": "dialing", "attempt": attempt, "used": 1, "history": []}, "$unset": {"due_at": ""}}
    )


def _all_done(contacts: Contacts, lap: Lap) -> None:
    assert contacts.count_documents({"state": "done"}) == CALLS
    assert contacts.count_documents({"history": {"$size": 1}}) == CALLS


def _at_once(contacts: Contacts, *, hear: Callable[..., int], shares: list[list[Event]]) -> Lap:
    """Every share on a thread of its own, as webhooks come to several instances of a function."""
    with ThreadPoolExecutor(len(shares)) as listeners, Watch() as watch:
        watch.units = sum(listeners.map(partial(hear, contacts), shares))
    return watch.lap()


def _hear(contacts: Contacts, events: list[Event]) -> int:
    """The verbs that a webhook reaches, as the callback step calls them."""
    hearing = MongoHearing(contacts)
    for contact_id, status in events:
        ref = CallRef(contact_id=contact_id, attempt_id=f"{contact_id}-{CLAIM}")
        report = CallReport(sid=f"CA{contact_id}", status=status)
        if not is_final(status):
            hearing.hear(ref, report)
        elif (found := hearing.find(contact_id)) and found.attempt:
            hearing.settle(ref, report, outcome=Outcome.ANSWERED, decision=DONE)
    return len(events)
