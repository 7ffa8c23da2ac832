"""The simulated database answers as mongod does: the same random requests to both, every answer and document compared.

The two have clocks of their own, so a moment that a write takes from the clock may differ by as long as the write took.
"""

import random
import secrets
from collections.abc import Callable, Iterator
from dataclasses import asdict, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, cast

import pytest
from pymongo.collection import Collection as RealCollection
from pymongo.database import Database as RealDatabase
from pymongo.errors import DuplicateKeyError, OperationFailure

from dialer.adapters.account import MongoAccount
from dialer.adapters.campaigns import MongoCampaigns
from dialer.adapters.claims import MongoClaims
from dialer.adapters.contact_book import MongoContactBook
from dialer.adapters.contact_documents import contact_of
from dialer.adapters.endings import MongoEndings
from dialer.adapters.hearing import MongoHearing
from dialer.adapters.lines import MongoLines
from dialer.adapters.mongo import Document, connect
from dialer.adapters.overdue import MongoOverdue
from dialer.adapters.reach import MongoReach
from dialer.adapters.suppressions import MongoSuppressions
from dialer.adapters.waiting import MongoWaiting
from dialer.errors import DialerError
from dialer.lifecycle import State
from dialer.model import (
    CallReport,
    Campaign,
    CampaignState,
    Claimed,
    Contact,
    Number,
    Outcome,
    Pacing,
    Slots,
    attempt_of,
)
from dialer.ports import CallRef, Draining
from dialer.retry import RetryDecision
from dialer.secret import Secret
from tests.adapters.verbs import VERBS, believed
from tests.builders import LONG_AGO, a_campaign, a_contact, a_message, a_phone, a_row, a_sid, document_of, now
from tests.simulation import expressions
from tests.simulation.collection import Database
from tests.simulation.values import MISSING, UnknownToTheSimulation

CONTACTS_STORIES, CAMPAIGN_STORIES, STEPS = 60, 40, 12
EXPRESSIONS, FILTERS, UPDATES = 1500, 1500, 600
A_MOMENT = timedelta(milliseconds=1)
A_LONG_TIME_MS = 10**8


@pytest.fixture(scope="module")
def real(mongodb_uri: str) -> Iterator[RealDatabase[Document]]:
    database = connect(Secret(mongodb_uri), f"simulation_{secrets.token_hex(6)}")
    MongoContactBook(database["contacts"]).prepare()
    yield database
    database.client.drop_database(database)
    database.client.close()


class Both:
    """The real database and the simulated one, kept at the same time and asked the same."""

    def __init__(self, real: RealDatabase[Document]) -> None:
        self.real = real
        self.moment = now()
        self.slowest = A_MOMENT
        self.simulated = Database(lambda: self.moment)
        MongoContactBook(cast("Any", self.simulated["contacts"])).prepare()
        for name in ("contacts", "campaigns", "suppressions", "account"):
            real[name].delete_many({})

    def ask(self, work: Callable[[RealDatabase[Document]], Any]) -> Any:
        """The answer of both, which must be one."""
        began = now()
        answer = _answer(partial(work, self.real))
        self.slowest = max(self.slowest, now() - began + A_MOMENT)
        self.moment = began
        simulated = _answer(partial(work, cast("Any", self.simulated)))
        assert same(answer, simulated, self.slowest), f"mongod says {answer!r}\nand the simulation {simulated!r}"
        return answer

    def compare(self, name: str) -> None:
        """What stands in both, document by document."""
        stands = {one["_id"]: one for one in self.real[name].find({})}
        simulated = self.simulated[name].table.documents
        assert same(stands, simulated, self.slowest), f"in mongod {stands}\nin the simulation {simulated}"


def _answer(work: Callable[[], Any]) -> Any:
    try:
        return _plain(work())
    except (DialerError, DuplicateKeyError) as no:
        return type(no).__name__


def _plain(answer: Any) -> Any:
    if is_dataclass(answer) and not isinstance(answer, type):
        return asdict(answer)
    if isinstance(answer, list | tuple):
        return [_plain(one) for one in answer]
    return answer


def same(left: Any, right: Any, took: timedelta) -> bool:
    """Equal in every type and value, but for moments that may come from two clocks."""
    if isinstance(left, datetime) and isinstance(right, datetime):
        return abs(left - right) <= took
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[name], right[name], took) for name in left)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(same(a, b, took) for a, b in zip(left, right, strict=True))
    return bool(left == right)


SIDS = [a_sid() for _ in range(3)]


def _a_contact(luck: random.Random, phones: list[str]) -> Contact:
    """A contact in any state, perhaps overdue, with or without a call."""
    state = luck.choice(list(State))
    used = luck.randint(0, 2)
    contact = a_contact("campaign", state=state, phone=phones.pop(), used=used, max=luck.randint(max(1, used), 3))
    if luck.random() < 0.4:  # another's own phone, or one that many have
        own = dict.fromkeys([contact.phone, a_phone(luck.randrange(4)), a_phone(99)])
        contact = replace(contact, numbers=tuple(Number(phone=one, region="US") for one in own))
    if contact.attempt is not None:
        overdue = luck.random() < 0.5
        until = contact.attempt.until - timedelta(days=2) if overdue else contact.attempt.until
        sid = luck.choice([*SIDS, ""]) if state is not State.CLAIMED else ""
        contact = replace(contact, attempt=replace(contact.attempt, until=until, sid=sid))
    return contact


def _store(both: Both, contact: Contact) -> None:
    document = document_of(contact)
    both.ask(partial(_insert, document))


def _insert(document: Document, database: RealDatabase[Document]) -> None:
    database["contacts"].insert_one(dict(document))


@pytest.mark.parametrize("seed", range(CONTACTS_STORIES))
def test_every_verb_on_contacts_does_the_same(real: RealDatabase[Document], seed: int) -> None:
    luck, both = random.Random(seed), Both(real)
    phones = [a_phone(index) for index in range(4)]
    for _ in range(4):
        _store(both, _a_contact(luck, phones))
    ids = list(both.simulated["contacts"].table.documents)
    old = {one["_id"]: contact_of(one) for one in real["contacts"].find({})}
    for _ in range(STEPS):
        current = {one["_id"]: contact_of(one) for one in real["contacts"].find({})}
        contact = believed(luck.choice([old, current])[luck.choice(ids)])
        both.ask(_act(luck, contact))
        both.compare("contacts")


def _act(luck: random.Random, contact: Contact) -> Callable[[RealDatabase[Document]], Any]:
    """A verb of any adapter, about this contact as somebody believes it to be."""
    ref = CallRef(contact_id=contact.id, attempt_id=attempt_of(contact).id)
    sid, phone, verb = luck.choice(SIDS), contact.phone, luck.choice(VERBS)
    row = a_row(phone, alternates=luck.choice([(), (Number(phone=a_phone(98)),)]))
    state, span = luck.choice(list(State)), timedelta(minutes=luck.randint(1, 9))
    report = CallReport(sid=sid, status=luck.choice(["queued", "ringing", "in-progress"]))
    again, heard = RetryDecision(state=State.PENDING, after=span), luck.choice([{}, {"coming": "$yes"}])
    deciding = replace(contact, attempt=replace(attempt_of(contact), answers=heard))
    others: list[Callable[[RealDatabase[Document]], Any]] = [
        lambda database: MongoHearing(database["contacts"]).note_late(ref, sid=sid),
        lambda database: MongoHearing(database["contacts"]).note_machine(ref, sid=sid, answered_by="human"),
        lambda database: MongoHearing(database["contacts"]).note_voicemail(ref, sid=sid),
        lambda database: MongoHearing(database["contacts"]).note_answer(ref, sid=sid, name="coming", value="$yes"),
        lambda database: MongoHearing(database["contacts"]).note_answer(
            ref, sid=sid, name="coming", value="later", call_back=span
        ),
        lambda database: MongoHearing(database["contacts"]).settle(
            ref, report, outcome=Outcome.MACHINE, decision=again, seen=deciding
        ),
        lambda database: MongoHearing(database["contacts"]).hear(ref, report),
        lambda database: MongoHearing(database["contacts"]).answer(ref, sid=sid),
        lambda database: MongoHearing(database["contacts"]).find(contact.id),
        lambda database: MongoLines(database["contacts"]).accept(contact, sid=sid),
        lambda database: MongoLines(database["contacts"]).put_off(
            a_message(contact), after=span, reason="", setbacks=1
        ),
        lambda database: MongoClaims(database["contacts"]).anyone_due("campaign", now=now()),
        lambda database: sorted(MongoClaims(database["contacts"]).regions_waiting("campaign")),
        lambda database: MongoClaims(database["contacts"]).count_booked("campaign", limit=3),
        lambda database: MongoLines(database["contacts"]).explain(contact.id),
        lambda database: MongoLines(database["contacts"]).count_live("campaign", limit=2),
        lambda database: MongoOverdue(database["contacts"]).adopt(contact, sid=sid),
        lambda database: MongoOverdue(database["contacts"]).look_again(contact, after=span),
        lambda database: _moved(MongoOverdue(database["contacts"]).overdue(state, limit=9)),
        lambda database: _moved(MongoOverdue(database["contacts"]).sharing_phone(phone)),
        lambda database: _moved(MongoReach(database["contacts"]).sharing([phone])[phone]),
        lambda database: _moved(MongoOverdue(database["contacts"]).sharing_phone(contact.phones[-1])),
        lambda database: _moved(MongoWaiting(database["contacts"]).not_heard_of("campaign").contacts),
        lambda database: MongoWaiting(database["contacts"]).any_left("campaign"),
        lambda database: MongoOverdue(database["contacts"]).give_up(contact, reason="$phone"),
        lambda database: sorted(MongoContactBook(database["contacts"]).count_by_state("campaign").items()),
        lambda database: _moved(MongoContactBook(database["contacts"]).holding("campaign", state, limit=9)),
        lambda database: MongoContactBook(database["contacts"]).add("campaign", [row], max_attempts=3),
    ]
    if luck.random() < 0.5:
        return luck.choice(others)
    return lambda database: _moved(verb.act(database["contacts"], contact))


@pytest.mark.parametrize("seed", range(20))
def test_batch_after_batch_claims_the_same(real: RealDatabase[Document], seed: int) -> None:
    """Each batch starts behind the last one, in a range of the index, with one clock for both."""
    luck, both = random.Random(seed), Both(real)
    for index in range(14):
        due_at = now() + timedelta(seconds=luck.choice([-30, -20, -20, -10, 600]))
        state = luck.choice([State.PENDING, State.PENDING, State.PENDING, State.DONE])
        _store(
            both,
            a_contact(
                "campaign",
                state=state,
                priority=luck.randint(0, 2),
                phone=a_phone(index),
                due_at=due_at,
                region=luck.choice(["US-NY New_York", "US-IL Chicago", "GB Europe/London"]),
            ),
        )
    at, until, last = now(), now() + timedelta(minutes=5), None
    for batch in range(4):
        claimed = both.ask(partial(_claims, f"claim{batch}", luck.randint(1, 4), until, at, last))
        both.compare("contacts")
        last = Claimed(**claimed[-1]) if claimed else None


def _claims(
    claim: str, limit: int, until: datetime, at: datetime, last: Claimed | None, database: RealDatabase[Document]
) -> Any:
    return MongoClaims(database["contacts"]).claim_due(
        "campaign", claim=claim, limit=limit, until=until, now=at, behind=last
    )


def _moved(answer: object) -> object:
    """What is equal in an index has no order."""
    if not isinstance(answer, list):
        return answer
    return sorted((_plain(one) for one in answer), key=lambda one: str(one.get("id", one.get("contact_id"))))


@pytest.mark.parametrize("seed", range(CAMPAIGN_STORIES))
def test_every_verb_on_campaigns_and_suppressions_does_the_same(real: RealDatabase[Document], seed: int) -> None:
    luck, both = random.Random(seed), Both(real)
    ids = ["one", "two"]
    if luck.random() < 0.5:
        _store(both, a_contact("one", state=luck.choice([State.PENDING, State.PLACED, State.DONE])))
    for index, campaign_id in enumerate(ids):
        state = luck.choice(list(CampaignState))
        start = LONG_AGO if luck.random() < 0.5 else now() + timedelta(hours=1)
        pacing = Pacing(call_delay=timedelta(milliseconds=luck.choice([250, 1000])), max_concurrent=3)
        campaign = a_campaign(
            id=campaign_id, state=state, fence=index, next_slot_at=start, next_dial_at=start, pacing=pacing
        )
        both.ask(partial(_create, campaign))
    for _ in range(STEPS):
        both.ask(_office(luck, luck.choice([*ids, "none"])))
        both.compare("campaigns")
        both.compare("suppressions")
        both.compare("account")


def _create(campaign: Campaign, database: RealDatabase[Document]) -> None:
    MongoCampaigns(database["campaigns"]).create(campaign)


def _office(luck: random.Random, campaign_id: str) -> Callable[[RealDatabase[Document]], Any]:
    phones = [a_phone(index) for index in range(3)]
    state, fence, phone = luck.choice(list(CampaignState)), luck.randint(0, 3), luck.choice(phones)
    sources, wanted = luck.sample(list(CampaignState), 3), luck.randint(0, 400)
    scope = luck.choice(["global", "campaign:one"])
    slots = Slots(start=LONG_AGO, count=3, spacing=timedelta(seconds=1), now=LONG_AGO)

    def campaigns(name: str, *values: Any, **named: Any) -> Callable[[RealDatabase[Document]], Any]:
        return lambda database: getattr(MongoCampaigns(database["campaigns"]), name)(*values, **named)

    def suppressions(name: str, *values: Any, **named: Any) -> Callable[[RealDatabase[Document]], Any]:
        key = Secret("key")
        return lambda database: getattr(MongoSuppressions(database["suppressions"], key=key), name)(*values, **named)

    def account(name: str, *values: Any, **named: Any) -> Callable[[RealDatabase[Document]], Any]:
        """Waits are spans between two moments of one clock each: only whether there is one can be compared."""
        pace = timedelta(seconds=100)

        def do(database: RealDatabase[Document]) -> Any:
            answer = getattr(MongoAccount(database["account"], spacing=pace), name)(*values, **named)
            return answer if name == "share" else answer is None

        return do

    span = timedelta(seconds=luck.choice([1, 30, 1000]))
    minute = timedelta(seconds=60)
    return luck.choice(
        [
            campaigns("see", campaign_id),
            lambda database: sorted(MongoCampaigns(database["campaigns"]).running_ids()),
            campaigns("set_state", campaign_id, state, sources=sources, reason="$name"),
            campaigns("set_state", campaign_id, CampaignState.RUNNING, sources=list(CampaignState)),
            campaigns("reserve_slots", campaign_id, fence=fence, wanted=wanted, horizon=minute),
            campaigns("reserve_slots", campaign_id, fence=3, wanted=2, horizon=minute),
            campaigns("return_slots", campaign_id, fence=fence, slots=slots, used=1),
            campaigns("permit", campaign_id),
            campaigns("count_setback", campaign_id, reason="$name"),
            campaigns("count_failure", campaign_id),
            campaigns("forgive_failures", campaign_id),
            campaigns("rest", campaign_id, span=timedelta(seconds=3)),
            campaigns("forget_setbacks", campaign_id),
            campaigns("note_ticked", ["one", "none"]),
            lambda database: sorted(one.campaign_id for one in MongoCampaigns(database["campaigns"]).draining()),
            _drained,
            account("share", campaign_id, call_delay=span),
            account("take_turn", campaign_id, share=span, patience=4 * span),
            lambda database: MongoEndings(database["campaigns"], database["contacts"]).just_finished(campaign_id),
            campaigns("block_region", campaign_id, "US", reason="$name"),
            suppressions("suppress", phone, scope=scope, source="test", reason="asked"),
            suppressions("among", campaign_id, phones),
        ]
    )


def _drained(database: RealDatabase[Document]) -> Any:
    return [MongoCampaigns(database["campaigns"]).drained(one) for one in _drainable(database)]


def _drainable(database: RealDatabase[Document]) -> list[Draining]:
    return sorted(MongoCampaigns(database["campaigns"]).draining(), key=lambda one: one.campaign_id)


def test_slots_that_were_reserved_can_be_returned_in_both(real: RealDatabase[Document]) -> None:
    both = Both(real)
    campaign = a_campaign(id="one", next_slot_at=now() + timedelta(seconds=20))
    both.ask(lambda database: MongoCampaigns(database["campaigns"]).create(campaign))
    given: list[Slots] = []

    def reserve(database: RealDatabase[Document]) -> Any:
        slots = MongoCampaigns(database["campaigns"]).reserve_slots(
            "one", fence=1, wanted=5, horizon=timedelta(seconds=60)
        )
        assert isinstance(slots, Slots)
        given.append(slots)
        return slots

    both.ask(reserve)
    assert given[0].start == given[1].start
    assert both.ask(
        lambda database: MongoCampaigns(database["campaigns"]).return_slots("one", fence=1, slots=given[0], used=2)
    )
    both.compare("campaigns")


# Beyond what the adapters send today: whatever the evaluator claims to know, mongod does the same.

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
OPERATORS = sorted(expressions.KNOWN - {"$literal"} | {"object"})
PATHS = ("a", "b", "o.x", "o.y", "arr", "none", "n")


def _a_value(luck: random.Random) -> Any:
    return luck.choice([0, 1, 2, -3, 2.5, 2.0, "", "x", "$a", True, False, None, NOON, NOON + timedelta(days=9000)])


def _a_document(luck: random.Random, key: str) -> Document:
    whole: Document = {"_id": key, "n": luck.randint(-2, 5)}
    if luck.random() < 0.8:
        whole["a"] = _a_value(luck)
    if luck.random() < 0.8:
        whole["b"] = _a_value(luck)
    if luck.random() < 0.7:
        whole["o"] = {name: _a_value(luck) for name in luck.sample(["x", "y"], luck.randint(0, 2))}
    if luck.random() < 0.5:
        whole["arr"] = [{"x": luck.randint(0, 2), "y": luck.choice(["p", "q"])} for _ in range(luck.randint(0, 3))]
    return whole


def _an_expression(luck: random.Random, depth: int = 3) -> Any:
    if depth == 0 or luck.random() < 0.2:
        return luck.choice([f"${luck.choice(PATHS)}", {"$literal": _a_value(luck)}, "$$NOW", luck.randint(-2, 3), None])
    inner = partial(_an_expression, luck, depth - 1)
    name = luck.choice(OPERATORS)
    match name:
        case "$and" | "$or" | "$max" | "$min" | "$ifNull":
            return {name: [inner() for _ in range(luck.randint(2, 3))]}
        case "$not":
            return {name: [inner()]}
        case "$type" | "$ceil" | "$toInt":
            return {name: inner()}
        case "$cond":
            return {name: {"if": inner(), "then": inner(), "else": inner()}}
        case "$eq" | "$ne" | "$lt" | "$lte" | "$gt" | "$gte" | "$add" | "$subtract" | "$multiply" | "$divide":
            return {name: [inner(), inner()]}
        case _:
            return _of_a_whole(name, luck, inner)


def _of_a_whole(name: str, luck: random.Random, inner: Callable[[], Any]) -> Any:
    """An expression about an array or an object."""
    match name:
        case "$in":
            return {name: [inner(), [inner(), inner()]]}
        case "$concatArrays":
            return {name: [{"$ifNull": ["$arr", []]}, [inner()]]}
        case "$slice":
            return {name: ["$arr", luck.choice([-2, -1, 1, 2])]}
        case "$mergeObjects":
            return {name: ["$o", luck.choice(["$none", "$$ROOT", {"x": inner()}])]}
        case "object":
            return {"p": inner(), "q": inner()}
        case _:
            raise AssertionError(f"{name} is known to the simulation, and not compared")


def _a_condition(luck: random.Random) -> Any:
    value = _a_value(luck)
    match luck.choice(["=", "$in", "$nin", "$ne", "$lt", "$lte", "$gt", "$gte", "$exists", "$type"]):
        case "=":
            return value
        case "$exists":
            return {"$exists": luck.random() < 0.5}
        case "$type":
            return {"$type": luck.choice(["date", "string", "double", "bool", "object"])}
        case "$in" | "$nin" as name:
            return {name: [_a_value(luck) for _ in range(luck.randint(1, 3))]}
        case name:
            return {name: value}


def _a_filter(luck: random.Random) -> Document:
    clauses: list[Document] = [{luck.choice(["a", "b", "o.x", "o.y", "none", "n"]): _a_condition(luck)}]
    if luck.random() < 0.3:
        clauses.append({"arr.x": luck.choice([luck.randint(0, 2), {"$in": [luck.randint(0, 2), 7]}])})
    if luck.random() < 0.3:
        clauses.append({"$expr": _an_expression(luck)})
    if luck.random() < 0.3:
        clauses.append({"arr": {"$elemMatch": {"x": luck.randint(0, 2), "y": luck.choice(["p", "q"])}}})
    return (
        {luck.choice(["$and", "$or"]): clauses} if luck.random() < 0.4 else dict(x for c in clauses for x in c.items())
    )


def _twins(real: RealDatabase[Document], luck: random.Random, count: int) -> tuple[RealCollection[Document], Any]:
    """A collection of the same random documents in both."""
    documents = [_a_document(luck, str(index)) for index in range(count)]
    ours = Database(now)["twins"]
    ours.insert_many(documents, ordered=False)
    theirs = real[f"twins_{secrets.token_hex(4)}"]
    theirs.insert_many([dict(one) for one in documents])
    return theirs, ours


def _both(theirs: Any, ours: Any, ask: Callable[[Any], Any]) -> tuple[Any, Any]:
    """What both say. The simulation may say that it does not know; it may not be silent where mongod objects."""
    try:
        simulated = ask(ours)
    except UnknownToTheSimulation:
        return None, None
    except (ZeroDivisionError, ArithmeticError, TypeError) as objection:
        with pytest.raises(OperationFailure):
            ask(theirs)
        return type(objection), type(objection)
    try:
        return ask(theirs), simulated
    except OperationFailure as objection:
        if "optimize" in str(objection):  # an error in a part that is never reached: mongod looks there beforehand
            return None, None
        raise


def test_expressions_mean_the_same(real: RealDatabase[Document]) -> None:
    luck = random.Random(1)
    theirs, ours = _twins(real, luck, 12)
    compared = 0
    for _ in range(EXPRESSIONS):
        expression = _an_expression(luck)
        if not isinstance(expression, dict):
            continue
        answer, simulated = _both(theirs, ours, partial(_with_a_result, expression))
        if answer is not None:
            compared += 1
            assert _apart_from_now(answer) == _apart_from_now(simulated), expression
    assert compared > EXPRESSIONS / 3


def _apart_from_now(documents: Any) -> Any:
    """Without the moment, which two clocks tell differently, and with each number's type."""
    if isinstance(documents, datetime):
        return "now" if abs(documents - now()) < timedelta(minutes=5) else documents
    if isinstance(documents, dict):
        return {name: _apart_from_now(one) for name, one in documents.items()}
    if isinstance(documents, list):
        return [_apart_from_now(one) for one in documents]
    if isinstance(documents, int) and abs(documents) > A_LONG_TIME_MS:
        return "a span from now"
    return ("int" if isinstance(documents, int) and not isinstance(documents, bool) else type(documents), documents)


def test_filters_find_the_same(real: RealDatabase[Document]) -> None:
    luck = random.Random(2)
    theirs, ours = _twins(real, luck, 40)
    compared = 0
    for _ in range(FILTERS):
        asked = _a_filter(luck)
        answer, simulated = _both(theirs, ours, partial(_found, asked))
        if answer is not None:
            compared += 1
            assert answer == simulated, asked
    assert compared > FILTERS / 2


def _an_update(luck: random.Random) -> Any:
    path, value = luck.choice(["a", "b", "o.x", "o.y", "new", "new.er", "o"]), _a_value(luck)
    classic = {
        "$set": {path: value, "c": 1},
        "$unset": {path: ""},
        "$inc": {"n": luck.randint(-2, 2), "new": 2},
        "$addToSet": {"set": luck.choice(["p", "q"])},
        "$currentDate": {"new": True},
    }
    if luck.random() < 0.5:
        return {name: classic[name] for name in luck.sample(["$set", "$currentDate", "$addToSet"], 1)} | (
            {"$inc": {"n": 1}} if luck.random() < 0.3 else {}
        )
    stages: list[Document] = []
    for _ in range(luck.randint(1, 3)):
        if luck.random() < 0.3:
            stages.append({"$unset": luck.choice([path, ["c", "n"]])})
        elif luck.random() < 0.3:
            changed = {"$mergeObjects": ["$$ROOT", {"n": 9, "o": {"$mergeObjects": ["$o", {"x": _a_value(luck)}]}}]}
            stages.append({"$replaceWith": {"$cond": [_an_expression(luck, 2), changed, "$$ROOT"]}})
        else:
            stages.append({"$set": {path: _an_expression(luck, 2), "n": {"$add": ["$n", 1]}}})
    return stages


def test_updates_do_the_same(real: RealDatabase[Document]) -> None:
    luck = random.Random(3)
    theirs, ours = _twins(real, luck, 20)
    compared = 0
    for _ in range(UPDATES):
        key, update = str(luck.randint(0, 19)), _an_update(luck)
        before = ours.table.documents[key]
        answer, simulated = _both(theirs, ours, partial(_changed, key, update))
        if answer is None:
            ours.table.documents[key] = before
            continue
        compared += 1
        assert "$$NOW" in str(update) or "Date" in str(update) or answer == simulated, update
        stands = theirs.find_one({"_id": key})
        assert _apart_from_now(stands) == _apart_from_now(ours.table.documents[key]), (update, before)
    assert compared > UPDATES / 2


def _with_a_result(expression: Any, collection: Any) -> list[Document]:
    return list(collection.aggregate([{"$set": {"r": expression}}]))


def _found(asked: Document, collection: Any) -> list[str]:
    return sorted(one["_id"] for one in collection.find(asked))


def _changed(key: str, update: Any, collection: Any) -> tuple[int, int]:
    result = collection.update_one({"_id": key}, update)
    return result.matched_count, result.modified_count


def test_an_element_found_in_an_array_is_the_one_that_changes(real: RealDatabase[Document]) -> None:
    luck = random.Random(4)
    theirs, ours = _twins(real, luck, 40)
    for x, y in ((0, "p"), (1, "q"), (2, "p"), (2, "q")):
        for collection in (theirs, ours):
            collection.update_many({"arr": {"$elemMatch": {"x": x, "y": y}}}, {"$set": {"arr.$.y": "found"}})
    assert {one["_id"]: one for one in theirs.find({})} == ours.table.documents
    assert "found" in str(ours.table.documents)


@pytest.mark.parametrize(
    ("what", "say"),
    [
        ("an operator", lambda c: list(c.find({"$expr": {"$sin": "$n"}}))),
        ("a condition", lambda c: list(c.find({"a": {"$regex": "x"}}))),
        ("a filter", lambda c: list(c.find({"$nor": [{"a": 1}]}))),
        ("an update", lambda c: c.update_one({}, {"$rename": {"a": "b"}})),
        ("a stage", lambda c: c.update_one({}, [{"$project": {"a": 1}}])),
        ("an accumulator", lambda c: c.aggregate([{"$group": {"_id": "$a", "n": {"$avg": "$n"}}}])),
        ("a projection", lambda c: list(c.find({}, {"a": 0}))),
        ("another document", lambda c: c.update_one({}, [{"$replaceWith": {"a": 1}}])),
        ("a system variable", lambda c: list(c.find({"$expr": "$$CLUSTER_TIME"}))),
        ("a value", lambda c: c.insert_one({"_id": "1", "a": b"x"})),
        ("a path through an array", lambda c: list(c.find({"arr.x": None}))),
        ("a comparison in an array", lambda c: list(c.find({"arr.x": {"$gt": 1}}))),
        ("a path through an array in an expression", lambda c: list(c.find({"$expr": "$arr.x"}))),
        ("a read concern", lambda c: c.with_options(read_concern=connect_level("snapshot"))),
        ("a command", lambda c: c.database.command("ping")),
        ("an index option", lambda c: c.create_index([("a", 1)], name="a", hidden=True)),
        ("a sparse unique index", lambda c: c.create_index([("a", 1)], name="a", unique=True, sparse=True)),
    ],
)
def test_what_the_simulation_does_not_know_it_says(what: str, say: Callable[[Any], Any]) -> None:
    collection = Database(now)["twins"]
    collection.insert_one({"_id": "0", "n": 1, "arr": [{"x": 1}]})
    with pytest.raises(UnknownToTheSimulation):
        say(collection)


def connect_level(level: str) -> Any:
    from pymongo.read_concern import ReadConcern

    return ReadConcern(level)


def test_a_verb_with_an_option_that_the_simulation_does_not_know_is_an_error() -> None:
    with pytest.raises(TypeError):
        Database(now)["twins"].find({}, collation={})  # type: ignore[call-arg]


def test_an_index_that_is_named_must_be_there(real: RealDatabase[Document]) -> None:
    ours = cast("Any", Database(now)["nothing"])
    for collection in (real["nothing"], ours):
        real["nothing"].insert_one({})
        with pytest.raises(OperationFailure):
            list(collection.find({}, hint="claim_by_region"))


def test_outcomes_and_states_are_kept_as_plain_texts() -> None:
    collection = Database(now)["twins"]
    collection.insert_one({"_id": "0", "state": State.DONE, "outcome": Outcome.BUSY, "at": NOON, "none": None})
    (stands,) = collection.find({})
    assert [type(stands[name]) for name in ("state", "outcome")] == [str, str]
    assert MISSING not in stands.values()
