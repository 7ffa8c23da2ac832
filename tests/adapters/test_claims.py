"""Claims (T1, T1b, T2): who is chosen and in which order, and what a claim gives back."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dialer.adapters.claims import MongoClaims
from dialer.adapters.contact_documents import contact_of
from dialer.lifecycle import BOOKED, State
from dialer.model import Claimed, Contact, attempt_id, attempt_of
from tests.adapters.conftest import Connect
from tests.adapters.tcp_proxy import Fate, TcpProxy
from tests.adapters.verbs import Contacts
from tests.builders import a_claimed, a_contact, a_phone, document_of, now, stored

CAMPAIGN = "campaign"
MINUTE = timedelta(minutes=1)


def claim(claims: MongoClaims, **how: Any) -> list[str]:
    return [one.contact_id for one in batch(claims, **how)]


def batch(
    claims: MongoClaims,
    *,
    limit: int = 100,
    token: str = "a-claim",
    at: datetime | None = None,
    behind: Claimed | None = None,
) -> Sequence[Claimed]:
    return claims.claim_due(
        CAMPAIGN, claim=token, limit=limit, until=now() + 6 * MINUTE, now=at or now(), behind=behind
    )


def due(contacts: Contacts, *, ago: timedelta = MINUTE, **overrides: Any) -> Contact:
    return stored(contacts.database, a_contact(due_at=now() - ago, **overrides))


def seen(contacts: Contacts, contact: Contact) -> Contact:
    document = contacts.find_one({"_id": contact.id})
    assert document is not None
    return contact_of(document)


def test_a_claim_gives_each_contact_an_attempt_of_its_own_until_the_claim_s_end(
    contacts: Contacts, claims: MongoClaims
) -> None:
    ours = [due(contacts), due(contacts)]
    due_at = {contact.id: contact.due_at for contact in ours}
    until = now() + 6 * MINUTE
    claimed = claims.claim_due(CAMPAIGN, claim="c1", limit=10, until=until, now=now())
    assert {one.contact_id for one in claimed} == {contact.id for contact in ours}
    for contact, one in ((seen(contacts, contact), one) for contact in ours for one in claimed):
        if contact.id == one.contact_id:
            assert one == Claimed(
                contact_id=contact.id,
                attempt_id=attempt_id(contact.id, "c1"),
                phone=contact.phone,
                region=contact.region,
                priority=0,
                due_at=due_at[contact.id],
            )
            assert (contact.state, contact.due_at, contact.used) == (State.CLAIMED, None, 0)
            assert (attempt_of(contact).id, attempt_of(contact).until) == (one.attempt_id, until)


def test_nothing_of_an_earlier_attempt_is_left_in_a_new_one(contacts: Contacts, claims: MongoClaims) -> None:
    contact = due(contacts)
    contacts.update_one({"_id": contact.id}, {"$set": {"attempt": {"id": "old", "token": "t", "sid": "CA1"}}})
    claim(claims)
    document = contacts.find_one({"_id": contact.id})
    assert document is not None
    assert set(document["attempt"]) == {"id", "until"}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    people=st.lists(st.tuples(st.integers(-2, 2), st.integers(-3, 3), st.integers(0, 9)), max_size=12),
    limit=st.integers(1, 6),
    resumed=st.booleans(),
)
def test_claims_follow_priority_then_due_time_then_id_and_skip_who_is_not_due(
    contacts: Contacts, claims: MongoClaims, people: list[tuple[int, int, int]], limit: int, resumed: bool
) -> None:
    """Whether each batch starts at the front again or behind the one before."""
    contacts.delete_many({})
    moment = now()
    listed = [
        a_contact(
            id=f"{digit}-{index:02}",
            phone=a_phone(index),
            priority=priority,
            due_at=moment + minutes * MINUTE - timedelta(seconds=1),
        )
        for index, (priority, minutes, digit) in enumerate(people)
    ]
    if listed:
        contacts.insert_many([document_of(contact) for contact in listed])
    waiting = sorted(
        (one for one in listed if one.due_at and one.due_at <= moment),
        key=lambda one: (-one.priority, one.due_at, one.id),
    )
    rounds: list[Claimed] = []
    while got := batch(claims, limit=limit, token=f"{len(rounds)}", behind=rounds[-1] if rounds and resumed else None):
        assert len(got) <= limit
        rounds += got
    assert [one.contact_id for one in rounds] == [contact.id for contact in waiting]


def test_a_batch_behind_another_looks_no_more_at_what_lies_before_it(contacts: Contacts, claims: MongoClaims) -> None:
    """Whoever has come to the front since is the next tick's first."""
    first, second = due(contacts, ago=3 * MINUTE), due(contacts, ago=MINUTE)
    (last,) = batch(claims, limit=1)
    assert last.contact_id == first.id
    urgent, earlier = due(contacts, priority=5), due(contacts, ago=4 * MINUTE)
    assert [one.contact_id for one in batch(claims, token="c2", behind=last)] == [second.id]
    assert claim(claims, token="c3") == [urgent.id, earlier.id]


def test_a_batch_behind_another_goes_on_with_the_lower_priorities(contacts: Contacts, claims: MongoClaims) -> None:
    high = [due(contacts, priority=2) for _ in range(3)]
    low = [due(contacts, priority=priority) for priority in (1, -1)]
    got = batch(claims, limit=2)
    got = [*got, *batch(claims, limit=9, token="c2", behind=got[-1])]
    assert {one.contact_id for one in got[:3]} == {contact.id for contact in high}
    assert [one.contact_id for one in got[3:]] == [contact.id for contact in low]


def test_only_the_zone_groups_whose_hours_are_open_are_claimed_in_one_order(
    contacts: Contacts, claims: MongoClaims
) -> None:
    """A closed group is neither claimed nor changed, however long it has been due."""
    regions = ("US-NY New_York", "US-IL Chicago", "GB Europe/London")
    people = [due(contacts, region=regions[n % 3], ago=(20 - n) * MINUTE, priority=n % 2) for n in range(12)]
    open_now = [one for one in people if one.region != regions[0]]
    wanted = sorted(open_now, key=lambda one: (-one.priority, one.due_at, one.id))
    rounds: list[Claimed] = []
    while got := claims.claim_due(
        CAMPAIGN,
        claim=f"{len(rounds)}",
        limit=3,
        until=now() + 6 * MINUTE,
        now=now(),
        behind=rounds[-1] if rounds else None,
        among=regions[1:],
    ):
        rounds += got
    assert [one.contact_id for one in rounds] == [one.id for one in wanted]
    assert {one.region for one in rounds} == set(regions[1:])
    closed = [one for one in people if one.region == regions[0]]
    assert [seen(contacts, one) for one in closed] == closed
    assert claims.anyone_due(CAMPAIGN, now=now(), among=regions[:1])
    assert not claims.anyone_due(CAMPAIGN, now=now(), among=regions[1:])
    assert not claims.anyone_due(CAMPAIGN, now=now(), among=())


def test_more_groups_than_the_database_merges_at_once_keep_one_order(contacts: Contacts, claims: MongoClaims) -> None:
    moment = now()
    people = [
        a_contact(phone=a_phone(n), region=f"US-NY Z/{n:03}", due_at=moment - timedelta(seconds=1 + n * 37 % 400))
        for n in range(400)
    ]
    contacts.insert_many([document_of(one) for one in people])
    waiting = claims.regions_waiting(CAMPAIGN)
    assert sorted(waiting) == sorted(one.region for one in people)
    got = claims.claim_due(CAMPAIGN, claim="c", limit=250, until=now() + MINUTE, now=now(), among=waiting)
    wanted = sorted(people, key=lambda one: (one.due_at, one.id))
    assert [one.contact_id for one in got] == [one.id for one in wanted[:250]]


def test_the_groups_that_wait_are_named_once_and_only_this_campaign_s(contacts: Contacts, claims: MongoClaims) -> None:
    for region in ("US-NY New_York", "GB Europe/London", "US-NY New_York"):
        due(contacts, region=region)
    due(contacts, region="FR Europe/Paris", ago=-MINUTE)  # not due yet: it waits all the same
    stored(contacts.database, a_contact("another campaign", region="DE Europe/Berlin"))
    stored(contacts.database, a_contact(state=State.CLAIMED, region="IT Europe/Rome"))
    assert sorted(claims.regions_waiting(CAMPAIGN)) == ["FR Europe/Paris", "GB Europe/London", "US-NY New_York"]


def test_somebody_is_due_or_nobody(contacts: Contacts, claims: MongoClaims) -> None:
    due(contacts, ago=-MINUTE)
    stored(contacts.database, a_contact("another campaign"))
    stored(contacts.database, a_contact(state=State.CLAIMED))
    assert not claims.anyone_due(CAMPAIGN, now=now())
    assert claims.anyone_due(CAMPAIGN, now=now() + 2 * MINUTE)
    due(contacts)
    assert claims.anyone_due(CAMPAIGN, now=now())


def test_another_campaign_s_contacts_are_left_alone(contacts: Contacts, claims: MongoClaims) -> None:
    other = stored(contacts.database, a_contact("another campaign"))
    assert claim(claims) == []
    assert seen(contacts, other) == other


def test_a_function_whose_clock_is_ahead_claims_nobody_early(contacts: Contacts, claims: MongoClaims) -> None:
    """Its clock only chooses whom to ask for; the database's own decides."""
    early, ready = due(contacts, ago=-10 * MINUTE), due(contacts)
    assert claim(claims, at=now() + 60 * MINUTE) == [ready.id]
    assert seen(contacts, early) == early


@pytest.mark.parametrize("due_at", ["2020-01-01", 0, None, True, {"at": 1}])
def test_a_due_time_that_is_no_date_is_never_due(contacts: Contacts, claims: MongoClaims, due_at: object) -> None:
    contact = due(contacts)
    contacts.update_one({"_id": contact.id}, {"$set": {"due_at": due_at}})
    assert claim(claims) == []


def test_who_has_no_attempt_left_is_not_claimed(contacts: Contacts, claims: MongoClaims) -> None:
    for used in (2, 3):
        due(contacts, used=used, max=2)
    last = due(contacts, used=1, max=2)
    assert claim(claims) == [last.id]


def _between_choice_and_claim(
    wire: TcpProxy, joined: Connect, contacts: Contacts, contact: Contact, change: dict[str, Any]
) -> Sequence[str]:
    """The candidate changes after it was chosen and before the claim arrives."""
    claims = MongoClaims(joined(wire.uri)["contacts"])
    with ThreadPoolExecutor(1) as pool:
        with wire.holding("update") as held:
            claiming = pool.submit(claim, claims)
            assert held.arrived.wait(10)
            contacts.update_one({"_id": contact.id}, change)
        return claiming.result(20)


@pytest.mark.parametrize(
    ("meanwhile", "change"),
    [
        ("claimed by another tick", {"$set": {"state": "claimed", "attempt": {"id": "theirs", "until": now()}}}),
        ("its last attempt was used", {"$set": {"used": 3}}),
        ("put off", {"$set": {"due_at": now() + 60 * MINUTE}}),
        ("not due at all any more", {"$unset": {"due_at": ""}}),
        ("due at what is no date", {"$set": {"due_at": ""}}),
        ("suppressed", {"$set": {"state": "suppressed"}}),
    ],
)
def test_who_changed_since_the_choice_is_not_claimed(
    wire: TcpProxy, joined: Connect, contacts: Contacts, meanwhile: str, change: dict[str, Any]
) -> None:
    contact, steady = due(contacts), due(contacts)
    assert _between_choice_and_claim(wire, joined, contacts, contact, change) == [steady.id], meanwhile
    document = contacts.find_one({"_id": contact.id})
    assert document is not None
    assert document.get("attempt", {}).get("id") != "a-claim"
    contacts.delete_many({})
    alone = due(contacts)
    assert _between_choice_and_claim(wire, joined, contacts, alone, change) == []


def test_who_was_taken_on_before_the_read_back_is_not_reported_as_waiting(
    wire: TcpProxy, joined: Connect, contacts: Contacts
) -> None:
    """A claim that a faster function has already moved on needs no message."""
    contact, steady = due(contacts), due(contacts)
    claims = MongoClaims(joined(wire.uri)["contacts"])
    wire.strike("update", Fate.LOSE_REPLY, times=1)  # or nobody would have to be read back
    with ThreadPoolExecutor(1) as pool:
        find = wire.holding("find")  # the choice
        with find as choosing:
            claiming = pool.submit(claim, claims)
            assert choosing.arrived.wait(10)
            reading = wire.holding("find")
            held = reading.__enter__()
        assert held.arrived.wait(10)
        contacts.update_one({"_id": contact.id}, {"$set": {"state": "pending", "due_at": now()}})
        reading.__exit__(None, None, None)
        assert claiming.result(20) == [steady.id]


def test_no_claim_for_nobody(claims: MongoClaims) -> None:
    assert claim(claims) == []
    assert claims.unsend([]) == 0
    assert claims.sift([], to=State.SUPPRESSED, due_at=None, reason="") == 0


def test_sifted_contacts_wait_for_their_lawful_moment(contacts: Contacts, claims: MongoClaims) -> None:
    ours = [due(contacts) for _ in range(3)]
    claimed = claims.claim_due(CAMPAIGN, claim="c", limit=10, until=now() + MINUTE, now=now())
    morning = now() + 600 * MINUTE
    assert claims.sift(claimed[:2], to=State.PENDING, due_at=morning, reason="night") == 2
    assert claims.sift(claimed[:2], to=State.PENDING, due_at=morning, reason="night") == 0
    after = [seen(contacts, contact) for contact in ours]
    assert sorted((one.state, one.due_at == morning) for one in after) == [
        (State.CLAIMED, False),
        (State.PENDING, True),
        (State.PENDING, True),
    ]
    assert claim(claims, token="again") == []


def test_unsent_contacts_are_due_at_once_and_keep_their_attempts(contacts: Contacts, claims: MongoClaims) -> None:
    contact = due(contacts, used=1, max=2)
    claimed = claims.claim_due(CAMPAIGN, claim="c", limit=10, until=now() + MINUTE, now=now())
    assert claims.unsend(claimed) == 1
    assert seen(contacts, contact).used == 1
    assert claim(claims, token="again") == [contact.id]


def test_the_rest_of_a_batch_is_given_back_when_one_has_moved_on(contacts: Contacts, claims: MongoClaims) -> None:
    for _ in range(3):
        due(contacts)
    claimed = claims.claim_due(CAMPAIGN, claim="c", limit=10, until=now() + MINUTE, now=now())
    contacts.update_one({"_id": claimed[1].contact_id}, {"$set": {"state": "dialing"}})
    assert claims.unsend(claimed) == 2


def test_a_batch_of_two_claims_is_refused(contacts: Contacts, claims: MongoClaims) -> None:
    pair = [a_claimed(stored(contacts.database, a_contact(state=State.CLAIMED))) for _ in range(2)]
    with pytest.raises(ValueError, match="unpack"):
        claims.unsend(pair)


def test_a_sift_never_ends_where_the_table_does_not_let_it(contacts: Contacts, claims: MongoClaims) -> None:
    contact = stored(contacts.database, a_contact(state=State.CLAIMED))
    with pytest.raises(ValueError, match="never ends in"):
        claims.sift([a_claimed(contact)], to=State.DONE, due_at=None, reason="")


def test_booked_lines_are_counted_up_to_the_limit_and_for_one_campaign(contacts: Contacts, claims: MongoClaims) -> None:
    for state in State:
        due_at = now() if state is State.PENDING else None
        stored(contacts.database, a_contact(state=state, due_at=due_at))
        stored(contacts.database, a_contact("another", state=state, due_at=due_at))
    assert claims.count_booked(CAMPAIGN, limit=100) == len(BOOKED)
    assert claims.count_booked(CAMPAIGN, limit=3) == 3
    assert claims.count_booked("nobody", limit=3) == 0


def test_a_claim_s_batch_is_claimed_although_one_of_its_phones_is_in_a_call(
    contacts: Contacts, claims: MongoClaims
) -> None:
    """Claims stay outside the index of unsettled phones: one duplicate would end the whole update half-way."""
    phone = a_phone()
    stored(contacts.database, a_contact("another", phone=phone, state=State.DIALING))
    ours = [due(contacts, phone=phone), due(contacts), due(contacts)]
    assert set(claim(claims)) == {contact.id for contact in ours}


def test_a_claimed_contact_keeps_all_it_had(contacts: Contacts, claims: MongoClaims) -> None:
    contact = due(contacts, vars={"$a": "$b", "x.y": "z"}, priority=7, setbacks=3, used=1)
    claim(claims)
    after = seen(contacts, contact)
    assert replace(after, state=contact.state, attempt=None, due_at=contact.due_at) == contact
