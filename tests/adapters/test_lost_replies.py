"""Lost replies: a write may have happened although its caller heard nothing. Whoever dials has proof."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from dialer.adapters.campaigns import MongoCampaigns
from dialer.adapters.claims import MongoClaims
from dialer.adapters.contact_documents import contact_of
from dialer.adapters.hearing import MongoHearing
from dialer.adapters.lines import MongoLines
from dialer.adapters.mongo import connect
from dialer.adapters.overdue import MongoOverdue
from dialer.adapters.suppressions import MongoSuppressions
from dialer.errors import PhoneBusy, Unavailable, Unproven
from dialer.lifecycle import State
from dialer.model import CallMessage, Contact, Pacing, Slots, attempt_of
from dialer.secret import Secret
from local.processes import free_port
from tests.adapters.conftest import Connect
from tests.adapters.tcp_proxy import Fate, TcpProxy
from tests.adapters.verbs import VERBS, Contacts, Verb, a_contact_for, believed
from tests.builders import FROM_NUMBER, a_campaign, a_contact, a_message, a_phone, a_sid, created, now, stored

SPAN = timedelta(seconds=90)
SHORT_MS = 900
TAKE = "findAndModify"


def take(lines: MongoLines, message: CallMessage, token: str = "mine") -> Contact | None:
    return lines.take_line(message, token=token, from_number=FROM_NUMBER, silence=SPAN, patience=SPAN, talk_limit=SPAN)


def claimed(contacts: Contacts, **overrides: str) -> Contact:
    return stored(contacts.database, a_contact(state=State.CLAIMED, **overrides))


def seen(contacts: Contacts, contact: Contact) -> Contact:
    return contact_of(contacts.find_one({"_id": contact.id}) or {})


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_line_whose_reply_was_lost_is_ours_once(
    wire: TcpProxy, joined: Connect, contacts: Contacts, lines: MongoLines, times: int
) -> None:
    contact = claimed(contacts)
    lossy = MongoLines(joined(wire.uri)["contacts"])
    wire.strike(TAKE, Fate.LOSE_REPLY, times=times)
    got = take(lossy, a_message(contact))
    assert wire.struck[TAKE] == times
    assert got == seen(contacts, contact)
    assert got.used == 1
    assert attempt_of(got).token == "mine"
    assert take(lines, a_message(contact), "another") is None


@pytest.mark.parametrize("fate", [Fate.LOSE_REPLY, Fate.KEEP_SILENT])
def test_a_line_whose_every_reply_is_lost_is_ours_by_proof(
    wire: TcpProxy, joined: Connect, contacts: Contacts, lines: MongoLines, fate: Fate
) -> None:
    contact = claimed(contacts)
    lossy = MongoLines(joined(wire.uri, timeout_ms=SHORT_MS)["contacts"])
    wire.strike(TAKE, fate)
    got = take(lossy, a_message(contact))
    assert wire.seen["find"] == 1, "the proof is one read"
    assert got == seen(contacts, contact)
    assert got.used == 1
    assert take(lines, a_message(contact), "another") is None


@pytest.mark.parametrize("fate", [Fate.LOSE_REPLY, Fate.KEEP_SILENT])
def test_a_line_that_cannot_be_proved_is_not_dialed_and_nobody_else_gets_it(
    wire: TcpProxy, joined: Connect, contacts: Contacts, lines: MongoLines, fate: Fate
) -> None:
    contact = claimed(contacts)
    lossy = MongoLines(joined(wire.uri, timeout_ms=SHORT_MS)["contacts"])
    wire.strike(TAKE, fate)
    wire.strike("find", fate)
    with pytest.raises(Unproven):
        take(lossy, a_message(contact))
    assert seen(contacts, contact).state is State.DIALING
    assert take(lines, a_message(contact), "another") is None


def test_a_line_that_was_never_asked_for_is_not_ours_although_the_claim_is_untouched(
    wire: TcpProxy, joined: Connect, contacts: Contacts, lines: MongoLines
) -> None:
    """The command may still be on its way: "no" must not be said for it."""
    contact = claimed(contacts)
    lossy = MongoLines(joined(wire.uri, timeout_ms=SHORT_MS)["contacts"])
    wire.strike(TAKE, Fate.LOSE_COMMAND)
    with pytest.raises(Unproven):
        take(lossy, a_message(contact))
    assert seen(contacts, contact) == contact
    assert take(lines, a_message(contact), "another")


def test_the_proof_asks_for_our_token_and_another_s_line_is_not_ours(
    wire: TcpProxy, joined: Connect, contacts: Contacts, lines: MongoLines
) -> None:
    contact = claimed(contacts)
    lossy = MongoLines(joined(wire.uri, timeout_ms=SHORT_MS)["contacts"])
    with ThreadPoolExecutor(1) as pool:
        wire.strike(TAKE, Fate.LOSE_COMMAND)
        taking = pool.submit(take, lossy, a_message(contact))
        assert take(lines, a_message(contact), "another")
        with pytest.raises(Unproven):
            taking.result(20)


def test_a_command_that_arrives_after_its_caller_gave_up_gets_a_line_that_nobody_dials(
    wire: TcpProxy, joined: Connect, contacts: Contacts, lines: MongoLines
) -> None:
    contact = claimed(contacts)
    slow = MongoLines(joined(wire.uri, timeout_ms=SHORT_MS)["contacts"])
    held = [wire.strike(TAKE, Fate.HOLD, times=1) for _ in range(6)]
    with pytest.raises(Unproven):
        take(slow, a_message(contact))
    assert seen(contacts, contact) == contact
    wire.heal()
    assert held[0].arrived.is_set()
    deadline = time.monotonic() + 5
    while seen(contacts, contact).state is State.CLAIMED and time.monotonic() < deadline:
        time.sleep(0.02)
    assert seen(contacts, contact).state is State.DIALING
    assert take(lines, a_message(contact), "another") is None


def test_a_busy_phone_is_busy_even_when_the_reply_was_lost(wire: TcpProxy, joined: Connect, contacts: Contacts) -> None:
    phone = a_phone()
    stored(contacts.database, a_contact("another", phone=phone, state=State.PLACED))
    contact = claimed(contacts, phone=phone)
    wire.strike(TAKE, Fate.LOSE_REPLY, times=1)
    with pytest.raises(PhoneBusy):
        take(MongoLines(joined(wire.uri)["contacts"]), a_message(contact))
    assert seen(contacts, contact) == contact


@pytest.mark.parametrize(("fate", "times"), [(Fate.LOSE_REPLY, 1), (Fate.LOSE_REPLY, 2), (Fate.KEEP_SILENT, 1)])
def test_a_claim_whose_reply_was_lost_is_read_back_by_its_token(
    wire: TcpProxy, joined: Connect, contacts: Contacts, fate: Fate, times: int
) -> None:
    """`update_many` is not repeated by the driver: only the read-back knows."""
    ours = {stored(contacts.database, a_contact()).id for _ in range(5)}
    claims = MongoClaims(joined(wire.uri, timeout_ms=SHORT_MS)["contacts"])
    wire.strike("update", fate, times=times)
    wire.strike("find", Fate.LOSE_REPLY, times=times - 1)
    got = claims.claim_due("campaign", claim="c", limit=10, until=now() + SPAN, now=now())
    assert {one.contact_id for one in got} == ours


def test_a_claim_that_never_arrived_claims_nobody(wire: TcpProxy, joined: Connect, contacts: Contacts) -> None:
    contact = stored(contacts.database, a_contact())
    claims = MongoClaims(joined(wire.uri)["contacts"])
    wire.strike("update", Fate.LOSE_COMMAND, times=1)
    assert claims.claim_due("campaign", claim="c", limit=10, until=now() + SPAN, now=now()) == []
    assert seen(contacts, contact) == contact


def test_a_claim_that_cannot_be_read_back_is_unavailable_and_expires(
    wire: TcpProxy, joined: Connect, contacts: Contacts, overdue: MongoOverdue
) -> None:
    contact = stored(contacts.database, a_contact())
    claims = MongoClaims(joined(wire.uri, timeout_ms=SHORT_MS)["contacts"])
    with ThreadPoolExecutor(1) as pool:
        with wire.holding("find") as choosing:
            claiming = pool.submit(
                claims.claim_due, "campaign", claim="c", limit=9, until=now() + timedelta(seconds=1), now=now()
            )
            assert choosing.arrived.wait(10)
            wire.strike("update", Fate.LOSE_REPLY)
            wire.strike("find", Fate.LOSE_REPLY)
        with pytest.raises(Unavailable):
            claiming.result(20)
    stuck = seen(contacts, contact)
    assert stuck.state is State.CLAIMED
    time.sleep(max(0.0, (attempt_of(stuck).until - now()).total_seconds()) + 0.01)
    assert overdue.expire_claims([stuck], to=State.PENDING, reason="") == 1


SINGLE, BATCH = {"put_off", "step_back", "accept", "settle", "adopt", "resolve"}, {"sift", "expire_claims"}


@pytest.mark.parametrize("verb", [one for one in VERBS if one.name in SINGLE | BATCH], ids=str)
def test_a_move_whose_reply_was_lost_once_has_been_made_once(
    wire: TcpProxy, joined: Connect, contacts: Contacts, verb: Verb
) -> None:
    """Single moves are repeated by the driver under one number. Moves of many are not, and say Unavailable."""
    contact = stored(contacts.database, a_contact_for(verb, min(verb.sources), used=2, setbacks=1))
    lossy = joined(wire.uri)["contacts"]
    lossy.find_one({})
    wire.strike("update", Fate.LOSE_REPLY, times=1)
    if verb.name in BATCH:
        with pytest.raises(Unavailable):
            verb.act(lossy, believed(contact))
    else:
        assert verb.act(lossy, believed(contact))
    after = seen(contacts, contact)
    assert after.state is verb.to
    assert after.used in (1, 2, 3)
    assert after.setbacks <= 2
    assert len(after.history) <= 1
    assert not verb.act(contacts, believed(contact)) or after.state in verb.sources


def test_a_permit_whose_reply_was_lost_is_granted_once(wire: TcpProxy, joined: Connect, contacts: Contacts) -> None:
    campaign = created(contacts.database, a_campaign(pacing=Pacing(call_delay=timedelta(seconds=30))))
    lossy = MongoCampaigns(joined(wire.uri)["campaigns"])
    wire.strike("update", Fate.LOSE_REPLY, times=1)
    assert lossy.permit(campaign.id)
    assert not lossy.permit(campaign.id)


def test_a_reservation_whose_reply_was_lost_reserves_once(wire: TcpProxy, joined: Connect, contacts: Contacts) -> None:
    campaign = created(contacts.database, a_campaign(pacing=Pacing(call_delay=timedelta(seconds=1))))
    lossy = MongoCampaigns(joined(wire.uri)["campaigns"])
    wire.strike(TAKE, Fate.LOSE_REPLY, times=1)
    slots = lossy.reserve_slots(campaign.id, fence=1, wanted=7, horizon=timedelta(seconds=60))
    assert isinstance(slots, Slots)
    sight = lossy.see(campaign.id)
    assert sight is not None
    assert sight.campaign.next_slot_at == slots.end


def test_a_database_that_is_not_there_is_unavailable_within_its_time_out() -> None:
    database = connect(Secret(f"mongodb://127.0.0.1:{free_port()}/?directConnection=true"), "x", timeout_ms=300)
    contacts, campaigns = database["contacts"], MongoCampaigns(database["campaigns"])
    verbs: list[Callable[[], object]] = [
        lambda: MongoClaims(contacts).claim_due("c", claim="c", limit=1, until=now(), now=now()),
        lambda: MongoHearing(contacts).find("c"),
        lambda: MongoOverdue(contacts).overdue(State.DIALING, limit=1),
        lambda: campaigns.see("c"),
        lambda: campaigns.permit("c"),
        lambda: MongoSuppressions(database["suppressions"], key=Secret("key")).among("c", [a_phone(0)]),
    ]
    with database.client:
        for act in verbs:
            began = time.monotonic()
            with pytest.raises(Unavailable):
                act()
            assert time.monotonic() - began < 1.5


def test_a_database_that_never_answers_is_unavailable_within_its_time_out(
    wire: TcpProxy, joined: Connect, contacts: Contacts
) -> None:
    silent = joined(wire.uri, timeout_ms=400)["contacts"]
    silent.find_one({})
    for command in ("find", "update", "findAndModify", "aggregate", "count", "insert"):
        wire.strike(command, Fate.KEEP_SILENT)
    contact = stored(contacts.database, a_contact(state=State.DIALING))
    lines = MongoLines(silent)
    for act in (
        lambda: lines.explain(contact.id),
        lambda: lines.doubt(contact, poll=SPAN, reason=""),
        lambda: lines.count_live("campaign", limit=1),
    ):
        began = time.monotonic()
        with pytest.raises(Unavailable):
            act()
        assert time.monotonic() - began < 1.5
    began = time.monotonic()
    with pytest.raises(Unproven):
        take(lines, a_message(claimed(contacts)))
    assert time.monotonic() - began < 2.5


def test_without_a_database_no_line_is_ours(contacts: Contacts) -> None:
    database = connect(Secret(f"mongodb://127.0.0.1:{free_port()}/?directConnection=true"), "x", timeout_ms=300)
    with database.client, pytest.raises((Unproven, Unavailable)):
        take(MongoLines(database["contacts"]), a_message(a_contact(state=State.CLAIMED)))


def test_what_goes_wrong_shows_neither_the_address_nor_the_password() -> None:
    uri = f"mongodb://someone:opensesame@127.0.0.1:{free_port()}/?directConnection=true"
    database = connect(Secret(uri), "x", timeout_ms=200)
    with database.client, pytest.raises(Unavailable) as wrong:
        MongoHearing(database["contacts"]).find(a_sid())
    assert "opensesame" not in f"{wrong.value!r} {wrong.value} {wrong.value.__cause__}"
