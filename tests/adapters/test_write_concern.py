"""Writes that happened but are not yet promised by a majority, and servers that step down: proven, or not dialed.

A mongod of its own, because only one started with test commands lets a test say what goes wrong inside.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.read_concern import ReadConcern

from dialer.adapters.campaigns import MongoCampaigns
from dialer.adapters.claims import MongoClaims
from dialer.adapters.contact_book import MongoContactBook
from dialer.adapters.contact_documents import contact_of
from dialer.adapters.hearing import MongoHearing
from dialer.adapters.lines import MongoLines
from dialer.adapters.mongo import Document, connect
from dialer.errors import BadSettings, Unavailable, Unproven
from dialer.lifecycle import State
from dialer.model import Contact, attempt_of
from dialer.office_ports import Added
from dialer.secret import Secret
from local import runs
from local.environments import Refused
from local.mongod import REPLICA_SET, _await_primary, binary
from local.processes import free_port, plain_environment, start
from tests.builders import FROM_NUMBER, a_campaign, a_contact, a_message, a_row, created, now, stored
from tests.conftest import missing

SPAN = timedelta(seconds=90)
NOT_JOURNALLED = {"code": 64, "codeName": "WriteConcernFailed", "errmsg": "waiting for replication timed out"}
SHUTTING_DOWN = {"code": 91, "codeName": "ShutdownInProgress", "errmsg": "shutting down"}
Failing = Callable[..., Any]


@pytest.fixture(scope="module")
def frail() -> Iterator[Database[Document]]:
    """A database on a mongod that obeys fail points."""
    run = runs.begin()
    try:
        port = free_port()
        where = ["--bind_ip", "127.0.0.1", "--port", str(port), "--nounixsocket", "--dbpath", str(run.own("mongod"))]
        small = ["--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "32"]
        quiet = ["--setParameter", "diagnosticDataCollectionEnabled=false"]
        command = [_found(), "--replSet", REPLICA_SET, *where, *small, *quiet, "--setParameter", "enableTestCommands=1"]
        part = start("frail-mongod", command, world=run.name, logs=run.logs, environment=plain_environment())
        _await_primary(part, port)
        database = connect(Secret(f"mongodb://127.0.0.1:{port}/?replicaSet={REPLICA_SET}"), "frail")
        with database.client:
            MongoContactBook(database["contacts"]).prepare()
            yield database
        part.stop()
    finally:
        run.remove()


def _found() -> str:
    try:
        return binary()
    except Refused as refused:
        missing(str(refused))


@pytest.fixture
def ours(frail: Database[Document]) -> Iterator[Database[Document]]:
    """The same, by a client that looks often: it has no ten seconds to find that the server is still there."""
    eager = f"{_uri(frail)}&serverMonitoringMode=poll&heartbeatFrequencyMS=500"
    database = connect(Secret(eager), "frail", timeout_ms=1600)
    with database.client:
        yield database


@pytest.fixture
def failing(frail: Database[Document]) -> Failing:
    """`with failing("update", times=2, errorCode=91): …`: what the server does to commands of that name."""

    @contextmanager
    def fail(*commands: str, times: int | None = None, **how: Any) -> Iterator[None]:
        mode = "alwaysOn" if times is None else {"times": times}
        point = {"configureFailPoint": "failCommand", "data": {"failCommands": [*commands], **how}}
        with MongoClient[Document](_uri(frail)) as admin:
            admin.admin.command({**point, "mode": mode})
            try:
                yield
            finally:
                admin.admin.command({**point, "mode": "off"})

    return fail


def _uri(database: Database[Document]) -> str:
    address = database.client.address
    assert address is not None
    return f"mongodb://{address[0]}:{address[1]}/?directConnection=true"


def take(database: Database[Document], contact: Contact, token: str = "mine") -> Contact | None:
    return MongoLines(database["contacts"]).take_line(
        a_message(contact), token=token, from_number=FROM_NUMBER, silence=SPAN, patience=SPAN, talk_limit=SPAN
    )


def claimed(database: Database[Document]) -> Contact:
    return stored(database, a_contact(state=State.CLAIMED))


def seen(database: Database[Document], contact: Contact) -> Contact:
    """As the primary has it, majority or not."""
    contacts = database["contacts"].with_options(read_concern=ReadConcern("local"))
    return contact_of(contacts.find_one({"_id": contact.id}) or {})


@pytest.mark.parametrize("wrong", [NOT_JOURNALLED, SHUTTING_DOWN], ids=lambda wrong: wrong["codeName"])
@pytest.mark.parametrize("times", [1, 2, None])
def test_a_line_that_no_majority_has_confirmed_is_ours_by_a_linearizable_proof(
    frail: Database[Document], ours: Database[Document], failing: Failing, wrong: dict[str, Any], times: int | None
) -> None:
    contact = claimed(frail)
    with failing("findAndModify", times=times, writeConcernError=wrong):
        got = take(ours, contact)
    assert got == seen(frail, contact)
    assert (got.used, attempt_of(got).token) == (1, "mine")
    assert take(frail, contact, "another") is None


def test_a_line_that_neither_the_write_nor_the_proof_confirms_is_not_dialed(
    frail: Database[Document], ours: Database[Document], failing: Failing
) -> None:
    contact = claimed(frail)
    with failing("findAndModify", "find", writeConcernError=NOT_JOURNALLED, errorCode=50), pytest.raises(Unproven):
        take(ours, contact)


@pytest.mark.parametrize("how", [{"errorCode": 10107}, {"errorCode": 91}, {"closeConnection": True}], ids=str)
def test_a_server_that_steps_down_for_a_moment_gives_the_line_once(
    frail: Database[Document], ours: Database[Document], failing: Failing, how: dict[str, Any]
) -> None:
    contact = claimed(frail)
    with failing("findAndModify", times=1, **how):
        got = take(ours, contact)
    assert got is not None
    assert got == seen(frail, contact)
    assert got.used == 1


@pytest.mark.parametrize("how", [{"errorCode": 10107}, {"errorCode": 91}, {"closeConnection": True}], ids=str)
def test_a_server_that_refuses_every_write_gives_no_line_and_never_says_no(
    frail: Database[Document], ours: Database[Document], failing: Failing, how: dict[str, Any]
) -> None:
    contact = claimed(frail)
    with failing("findAndModify", **how), pytest.raises(Unproven):
        take(ours, contact)
    assert seen(frail, contact) == contact
    assert take(frail, contact)


def test_a_refused_write_that_is_no_network_trouble_gives_no_line_either(
    frail: Database[Document], ours: Database[Document], failing: Failing
) -> None:
    contact = claimed(frail)
    with failing("findAndModify", errorCode=13), pytest.raises(Unproven):  # Unauthorized
        take(ours, contact)
    assert seen(frail, contact) == contact


@pytest.mark.parametrize("wrong", [NOT_JOURNALLED, SHUTTING_DOWN], ids=lambda wrong: wrong["codeName"])
def test_a_claim_that_no_majority_has_confirmed_yet_is_returned_or_left_to_expire(
    frail: Database[Document], ours: Database[Document], failing: Failing, wrong: dict[str, Any]
) -> None:
    """The read-back sees what a majority has by then. Whom it does not show gets no message, and is not lost."""
    campaign, until = a_campaign(), now() + SPAN
    due = [stored(frail, a_contact(campaign)) for _ in range(3)]
    with failing("update", times=1, writeConcernError=wrong):
        got = MongoClaims(ours["contacts"]).claim_due(campaign.id, claim="c", limit=9, until=until, now=now())
    assert {one.contact_id for one in got} <= {contact.id for contact in due}
    for contact in due:
        attempt = attempt_of(seen(frail, contact))
        assert (attempt.id, attempt.until) == (f"{contact.id}-c", until)


def test_an_outcome_that_no_majority_has_confirmed_is_unavailable_and_writing_it_again_changes_nothing(
    frail: Database[Document], ours: Database[Document], failing: Failing
) -> None:
    contact = stored(frail, a_contact(state=State.DIALING))
    lines = MongoLines(ours["contacts"])
    with failing("update", times=1, writeConcernError=NOT_JOURNALLED), pytest.raises(Unavailable):
        lines.accept(contact, sid="CA1")
    again = lines.accept(contact, sid="CA1")
    assert (again.written, again.alarm) == (True, "")
    assert attempt_of(seen(frail, contact)).sid == "CA1"


def test_a_permit_that_no_majority_has_confirmed_is_not_granted(
    frail: Database[Document], ours: Database[Document], failing: Failing
) -> None:
    campaign = created(frail, a_campaign())
    with failing("update", times=1, writeConcernError=NOT_JOURNALLED), pytest.raises(Unavailable):
        MongoCampaigns(ours["campaigns"]).permit(campaign.id)


def test_an_import_that_no_majority_has_confirmed_is_unavailable_and_repeating_it_is_harmless(
    frail: Database[Document], ours: Database[Document], failing: Failing
) -> None:
    book, rows = MongoContactBook(ours["contacts"]), [a_row() for _ in range(3)]
    campaign = a_campaign()
    with failing("insert", times=1, writeConcernError=NOT_JOURNALLED), pytest.raises(Unavailable):
        book.add(campaign.id, rows, max_attempts=1)
    assert book.add(campaign.id, rows, max_attempts=1) == Added(added=0, known=3)


def test_a_read_that_fails_is_unavailable_and_shows_only_the_error_s_number(
    frail: Database[Document], ours: Database[Document], failing: Failing
) -> None:
    contact = claimed(frail)
    began = time.monotonic()
    with failing("find", errorCode=50), pytest.raises(Unavailable, match="error 50"):
        MongoHearing(ours["contacts"]).find(contact.id)
    assert time.monotonic() - began < 2


def test_refused_credentials_are_a_setting_to_fix(
    frail: Database[Document], ours: Database[Document], failing: Failing
) -> None:
    contact = claimed(frail)
    with failing("find", errorCode=18), pytest.raises(BadSettings, match="MONGODB_URI_PARAMETER"):
        MongoHearing(ours["contacts"]).find(contact.id)
