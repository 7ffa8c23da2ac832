"""Whom we have called, as the contacts' own stories tell it; and that nobody slips past a cap, however many race."""

import random
import time
from dataclasses import replace
from datetime import UTC, timedelta
from itertools import pairwise

import pytest

from dialer.adapters.hearing import MongoHearing
from dialer.adapters.lines import MongoLines
from dialer.adapters.mongo import Document, database_clock
from dialer.adapters.reach import MongoReach
from dialer.caps import within_caps
from dialer.errors import PhoneBusy
from dialer.last_look import Go
from dialer.lifecycle import State
from dialer.model import CallReport, Cap, Contact, Counted, Number, Outcome, attempt_of
from dialer.ports import CallRef
from dialer.retry import RetryDecision
from tests.adapters.conftest import Connect
from tests.adapters.racing import in_threads
from tests.adapters.verbs import Contacts
from tests.builders import FROM_NUMBER, a_contact, a_message, a_phone, a_sid, document_of, stored

SPAN = timedelta(minutes=5)
CAMPAIGNS, ENOUGH = 12, 10
PATIENCE_S = 50


@pytest.fixture
def reach(contacts: Contacts) -> MongoReach:
    return MongoReach(contacts)


def test_every_contact_with_a_phone_is_found_in_whatever_campaign(contacts: Contacts, reach: MongoReach) -> None:
    phone, other, nobodys = a_phone(), a_phone(), a_phone()
    mine = [stored(contacts.database, a_contact(name, phone=phone, state=State.DONE)) for name in ("one", "two")]
    stored(contacts.database, a_contact("one", phone=other))
    found = reach.sharing([phone, nobodys])
    assert set(found) == {phone, nobodys}
    assert {one.id for one in found[phone]} == {one.id for one in mine}
    assert found[nobodys] == []
    assert reach.sharing([]) == {}


def test_whoever_has_a_phone_as_another_number_is_found_by_it_too(contacts: Contacts, reach: MongoReach) -> None:
    home, family, nobodys = a_phone(), a_phone(), a_phone()
    ada = stored(contacts.database, a_contact("one", phone=home, numbers=numbers(home, family), state=State.DONE))
    bob = stored(contacts.database, a_contact("two", phone=family))
    found = reach.sharing([home, family, nobodys])
    assert [one.id for one in found[home]] == [ada.id]
    assert {one.id for one in found[family]} == {ada.id, bob.id}
    assert found[nobodys] == []


def numbers(*phones: str) -> tuple[Number, ...]:
    return tuple(Number(phone=phone, region="US") for phone in phones)


@pytest.mark.parametrize("counts", Counted)
def test_nobody_is_called_over_a_cap_however_many_campaigns_race_for_them(
    contacts: Contacts, joined: Connect, mongodb_uri: str, counts: Counted
) -> None:
    """Each thread is a call function of a campaign of its own, which takes the line, looks, rings and hears the end."""
    phone, cap = a_phone(), Cap(name="raced", most=3, within=timedelta(seconds=0.4), counts=counts)
    everybody = [a_contact(f"c{n}", phone=phone, state=State.CLAIMED, max=20) for n in range(CAMPAIGNS)]
    contacts.insert_many([document_of(contact) for contact in everybody])
    database, rung = joined(mongodb_uri), list[tuple[float, float]]()
    lines, hearing = MongoLines(database["contacts"]), MongoHearing(database["contacts"])
    reach, deadline = MongoReach(database["contacts"]), time.monotonic() + PATIENCE_S

    def campaign(contact: Contact) -> None:
        luck = random.Random(contact.campaign_id)
        while len(rung) < ENOUGH and time.monotonic() < deadline:
            taken = line_of(lines, contact)
            if taken is None:
                continue
            sharing = reach.sharing([phone])[phone]
            if (
                within_caps(
                    caps=[cap], contact=taken, sharing=sharing, now=database_clock(database).replace(tzinfo=UTC)
                )
                == Go()
            ):
                began = time.monotonic()
                time.sleep(luck.random() * 0.02)
                rung.append((began, time.monotonic()))
                settled(hearing, taken)
            else:
                lines.step_back(taken, after=timedelta(0), reason="over the cap")
            claim_again(contacts, contact)

    in_threads(campaign, everybody)
    assert len(rung) >= ENOUGH
    calls = sorted(rung)
    assert all(first[1] <= second[0] for first, second in pairwise(calls))
    for index in range(len(calls) - cap.most):
        assert calls[index + cap.most][0] - calls[index][1] >= cap.within.total_seconds() - CLOCKS


CLOCKS = 0.002  # the database's clock has milliseconds


def line_of(lines: MongoLines, contact: Contact) -> Contact | None:
    try:
        return lines.take_line(
            a_message(contact),
            token=a_sid(),
            from_number=FROM_NUMBER,
            silence=SPAN,
            patience=SPAN,
            talk_limit=SPAN,
        )
    except PhoneBusy:
        return None


def settled(hearing: MongoHearing, contact: Contact) -> None:
    """The call has ended, and another attempt may follow at once."""
    ref = CallRef(contact_id=contact.id, attempt_id=attempt_of(contact).id)
    again = RetryDecision(state=State.PENDING, after=timedelta(0))
    assert hearing.settle(ref, CallReport(sid=a_sid(), status="completed"), outcome=Outcome.ANSWERED, decision=again)


def claim_again(contacts: Contacts, contact: Contact) -> None:
    """As a tick would; the attempt's id may be the same, since nobody else is there to take it for an older one."""
    attempt: Document = document_of(replace(contact, state=State.CLAIMED))["attempt"]
    contacts.update_one(
        {"_id": contact.id, "state": State.PENDING},
        {"$set": {"state": State.CLAIMED, "attempt": attempt, "used": 0}, "$unset": {"due_at": ""}},
    )
