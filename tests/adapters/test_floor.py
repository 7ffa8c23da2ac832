"""The floor: who is on the line, who was called last, who waits where; and setbacks are kept to be shown."""

from dataclasses import replace
from datetime import timedelta

from pymongo.database import Database

from dialer.adapters.campaigns import MongoCampaigns
from dialer.adapters.clock import SystemClock
from dialer.adapters.floor import MongoFloor
from dialer.adapters.mongo import Document
from dialer.adapters.people import NEVER
from dialer.adapters.remembering import Remembering
from dialer.lifecycle import State
from dialer.model import Contact, FinishedAttempt, Outcome, attempt_id, attempt_of
from dialer.office_ports import Wait
from tests.builders import a_campaign, a_contact, a_phone, a_sid, created, document_of, now, stored


def floor_of(database: Database[Document]) -> MongoFloor:
    return MongoFloor(database["contacts"], clock=SystemClock())


def test_who_waits_is_counted_by_zone_group_and_by_when_they_are_due(database: Database[Document]) -> None:
    moment = now()
    later = moment + timedelta(hours=1)
    for n, (region, due_at) in enumerate(
        [("US-FL Chicago", moment), ("US-FL Chicago", later), ("US-FL Chicago", NEVER), ("US-NY New_York", moment)]
    ):
        stored(database, a_contact("one", phone=a_phone(n), region=region, due_at=due_at - timedelta(seconds=n == 0)))
    stored(database, a_contact("another", phone=a_phone(9)))
    florida, new_york = floor_of(database).waiting("one", now=moment)
    assert (florida.region, florida.contacts, florida.due, florida.held_back) == ("US-FL Chicago", 3, 1, 1)
    assert florida.next_at == later
    assert (new_york.region, new_york.contacts, new_york.due, new_york.next_at) == ("US-NY New_York", 1, 1, None)


def test_who_is_on_the_line_is_counted_by_what_the_carrier_said(database: Database[Document]) -> None:
    for n, status in enumerate(["ringing", "ringing", "in-progress"]):
        contact = a_contact("one", state=State.PLACED, phone=a_phone(n))
        stored(database, replace(contact, attempt=replace(attempt_of(contact), status=status)))
    stored(database, a_contact("one", state=State.HELD, phone=a_phone(8), reason="the carrier lists no call"))
    stored(database, a_contact("another", state=State.PLACED, phone=a_phone(9)))
    found = {(one.state, one.status, one.reason): one.contacts for one in floor_of(database).in_flight("one")}
    assert found[State.PLACED, "ringing", ""] == 2
    assert found[State.PLACED, "in-progress", ""] == 1
    assert sum(found.values()) == 4
    assert [reason for state, _, reason in found if state is State.HELD] == ["the carrier lists no call"]


def test_the_last_calls_are_those_on_the_line_and_those_that_have_ended_in_the_order_of_their_dials(
    database: Database[Document],
) -> None:
    """Whoever was never called is in no list of calls."""
    moment = now()
    expected = []
    for minutes, state in ((3, State.DONE), (1, State.FAILED), (2, State.PLACED), (4, State.DONE)):
        dialed = moment - timedelta(minutes=minutes)
        contact = a_contact("one", state=state, phone=a_phone(minutes))
        if contact.attempt:
            contact = replace(contact, attempt=replace(contact.attempt, dial_at=dialed))
        else:
            past = FinishedAttempt(
                id=attempt_id(contact.id, "0" * 24), n=1, from_number="", dial_at=dialed, ended_at=dialed,
                sid=a_sid(), outcome=Outcome.BUSY,
            )  # fmt: skip
            contact = replace(contact, history=(past,))
        database["contacts"].insert_one(document_of(contact) | ({} if contact.attempt else {"settled_at": dialed}))
        expected.append((minutes, contact.id))
    stored(database, a_contact("one", state=State.FAILED, phone=a_phone(8)))
    latest = floor_of(database).latest("one", limit=4)
    assert [call.contact.id for call in latest] == [contact_id for _, contact_id in sorted(expected)]
    assert [bool(call.ended_at) for call in latest] == [True, False, True, True]
    assert [call.contact.id for call in floor_of(database).latest("one", limit=2)] == [
        contact_id for _, contact_id in sorted(expected)
    ][:2]


def attempts(contact: Contact, *minutes: int) -> Contact:
    """One for each, dialed so long ago, and over half a minute later."""
    moments = [now() - timedelta(minutes=one) for one in minutes]
    history = tuple(
        FinishedAttempt(
            id=attempt_id(contact.id, f"{n:024}"), n=n, from_number="", dial_at=dialed,
            ended_at=dialed + timedelta(seconds=30), sid=a_sid(), outcome=Outcome.BUSY,
        )
        for n, dialed in enumerate(moments, 1)
    )  # fmt: skip
    return replace(contact, history=history)


def test_a_call_is_among_the_last_when_it_has_ended_whatever_its_contact_waits_for(
    database: Database[Document],
) -> None:
    """Two attempts of one contact are two calls; and whoever is on the line again has still been called before."""
    again = stored(database, attempts(a_contact("one", phone=a_phone(1), reason="busy"), 9, 2))
    on = stored(database, attempts(a_contact("one", phone=a_phone(2), state=State.PLACED), 5))
    stored(database, attempts(a_contact("another", phone=a_phone(3)), 1))
    latest = floor_of(database).latest("one", limit=50)
    assert [(call.contact.id, call.attempt_id) for call in latest] == [
        (on.id, attempt_of(on).id),
        (again.id, again.history[1].id),
        (on.id, on.history[0].id),
        (again.id, again.history[0].id),
    ]
    assert [call.contact.id for call in floor_of(database).latest("one", limit=3)] == [on.id, again.id, on.id]


def test_where_many_lines_are_in_use_half_of_the_last_calls_have_ended(database: Database[Document]) -> None:
    for n in range(6):
        stored(database, a_contact("one", phone=a_phone(n), state=State.PLACED))
    for ended in (0, 1, 5):
        for n in range(ended):
            stored(database, attempts(a_contact("one", phone=a_phone(100 + 10 * ended + n)), 3))
        over = [call.ended_at for call in floor_of(database).latest("one", limit=4) if call.ended_at]
        assert len(over) == min(ended, 2)


def test_those_who_wait_are_told_apart_by_what_for_and_rare_reasons_are_together(database: Database[Document]) -> None:
    """Whoever waits for a first turn has no reason, and whoever waits no more has one that is not theirs any more."""
    moment = now()
    later = moment + timedelta(hours=1)
    for n, (reason, due_at) in enumerate(
        [("busy", later), ("busy", later + timedelta(hours=1)), ("busy", moment - timedelta(hours=1)), ("", moment)]
        + [("on hold: a look first", NEVER)] * 2
        + [(f"cap {n:02}", later) for n in range(40)]
    ):
        stored(database, a_contact("one", phone=a_phone(n), reason=reason, due_at=due_at))
    stored(database, a_contact("one", phone=a_phone(100), state=State.FAILED, reason="busy"))
    stored(database, a_contact("another", phone=a_phone(101), reason="busy"))
    busy, held, *caps, other = floor_of(database).waits("one", now=moment)
    assert busy == Wait(reason="busy", contacts=3, next_at=later)
    assert held == Wait(reason="on hold: a look first", contacts=2, next_at=None)
    assert [one.reason for one in caps] == [f"cap {n:02}" for n in range(28)]
    assert other == Wait(reason="other", contacts=12, next_at=later)


class HandClock(SystemClock):
    """Seconds pass when somebody says so."""

    seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


def test_an_answer_that_took_long_is_good_for_nine_times_as_long() -> None:
    clock, asked = HandClock(), []
    known: Remembering[int] = Remembering(clock, at_least=2)

    def ask(takes: float) -> int:
        asked.append(takes)
        clock.seconds += takes
        return len(asked)

    assert [known("one", lambda: ask(10)), known("one", lambda: ask(0))] == [1, 1]
    clock.seconds += 89
    assert known("one", lambda: ask(0)) == 1
    assert known("another", lambda: ask(0)) == 2
    clock.seconds += 1.5
    assert known("another", lambda: ask(0)) == 2
    assert known("one", lambda: ask(0)) == 3


def test_a_setback_is_kept_with_its_moment_to_be_shown_and_no_more_than_forty(database: Database[Document]) -> None:
    campaign = created(database, a_campaign())
    campaigns = MongoCampaigns(database["campaigns"])
    for n in range(45):
        campaigns.count_setback(campaign.id, reason=f"$no {n}")
    sight = campaigns.see(campaign.id)
    assert sight is not None
    kept = sight.campaign.latest_setbacks
    assert (len(kept), kept[0].reason, kept[-1].reason) == (40, "$no 5", "$no 44")
    assert abs(sight.now - kept[-1].at) < timedelta(seconds=30)
    campaigns.forget_setbacks(campaign.id)
    after = campaigns.see(campaign.id)
    assert after is not None
    assert (after.campaign.setbacks, len(after.campaign.latest_setbacks)) == (0, 40)
