"""The database is set back to a backup, with calls made since: as docs/operations.md says, nobody is called again."""

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pymongo import MongoClient

from local.environments import ROOT
from tests.journeys.conftest import Numbers
from tests.journeys.journey import CALL_FUNCTIONS, FROM, HUMAN, Journey, Json, until

GUIDE = (ROOT / "docs" / "operations.md").read_text()
UNDER_WAY = ("claimed", "dialing", "uncertain", "placed")
Backup = dict[str, list[Json]]


def test_nobody_is_called_again_who_was_called_since_the_backup(
    journey: Journey, numbers: Numbers, tmp_path: Path
) -> None:
    reached, claimed, doubtful, unheard, silent, resting, waiting = numbers(7)
    journey.fates({silent: ["busy", HUMAN], doubtful: "no-answer"})
    campaign = journey.campaign([reached], retry={"max_attempts": 3, "delays_s": {"busy": 1}})
    paused = journey.campaign([resting])
    journey.finish(campaign, paused)
    journey.ask(paused, "pause")
    journey.add(paused, [waiting])
    journey.carrier.set_faults(
        [
            {"kind": "accepted_then_cut", "op": "create", "match": doubtful},
            {"kind": "reset", "op": "create", "match": unheard},
        ],
        [{"kind": "lost", "match": [doubtful, silent]}],
    )
    journey.add(campaign, [doubtful, unheard, silent])
    journey.tick(campaign)
    at_backup = {reached: "done", doubtful: "uncertain", unheard: "uncertain", silent: "placed"}
    until(lambda: journey.states(campaign) == at_backup, what=lambda: journey.states(campaign))
    with journey.messages_kept():
        journey.add(campaign, [claimed])
        journey.tick(campaign)
        at_backup[claimed] = "claimed"
        moment, backup = datetime.now(UTC), _backed_up(journey)
        assert journey.states(campaign) == at_backup

    journey.carrier.set_faults()
    journey.finish(campaign)
    called = Counter(request["to"] for request in journey.requests())
    assert called == {reached: 1, resting: 1, claimed: 1, doubtful: 1, unheard: 1, silent: 2}

    with _kept_still(journey, "TickFunction", "CallFunction"):
        with _kept_still(journey, "ReconcileFunction"):
            _purge(journey)
            _restore(journey, backup)
        assert journey.states(campaign) == at_backup
        until(lambda: _settled(journey, campaign, paused), every=0.5, what=lambda: journey.states(campaign))
        said = _take_out_whoever_was_called(journey, moment, tmp_path)
    for one in (campaign, paused):
        journey.ask(one, "resume")
        journey.finish(one)

    assert Counter(request["to"] for request in journey.requests()) == called + Counter([waiting])
    assert {phone: (one["state"], one["reason"]) for phone, one in journey.contacts(campaign).items()} == {
        reached: ("done", ""),
        claimed: ("failed", "called after the backup"),
        doubtful: ("failed", "no-answer"),
        unheard: ("held", "the carrier lists no call for this attempt"),
        silent: ("failed", "called after the backup"),
    }
    assert journey.states(paused) == {resting: "done", waiting: "done"}
    assert said.count("was not known: 1 taken out") == 2


def _backed_up(journey: Journey) -> Backup:
    """Every collection as it was at one moment, as a backup has it."""
    with MongoClient[Json](journey.world.mongodb_uri) as client, client.start_session(snapshot=True) as session:
        database = client[journey.world.wish.database]
        names = database.list_collection_names()
        return {name: list(database[name].find({}, session=session)) for name in names}


def _restore(journey: Journey, backup: Backup) -> None:
    with MongoClient[Json](journey.world.mongodb_uri, w="majority") as client:
        database = client[journey.world.wish.database]
        for name in database.list_collection_names():
            database[name].delete_many({})
            if backup.get(name):
                database[name].insert_many(backup[name])
        restored = {"$set": {"state": "paused", "reason": "restored from a backup"}}
        database["campaigns"].update_many({"state": "running"}, restored)


@contextmanager
def _kept_still(journey: Journey, *functions: str) -> Iterator[None]:
    """No invocation gets through to them."""
    of = journey.world.client("lambda")
    for function in functions:
        of.put_function_concurrency(FunctionName=journey.world.functions[function], ReservedConcurrentExecutions=0)
    try:
        yield
    finally:
        for function in functions:
            name = journey.world.functions[function]
            of.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=CALL_FUNCTIONS)


def _purge(journey: Journey) -> None:
    for queue in ("CallQueue", "RefillQueue"):
        journey.world.client("sqs").purge_queue(QueueUrl=journey.world.queues[queue])


def _settled(journey: Journey, *campaigns: str) -> bool:
    journey.reconcile()
    return not any(journey.in_state(state, *campaigns) for state in UNDER_WAY)


def _take_out_whoever_was_called(journey: Journey, backup: datetime, folder: Path) -> str:
    """The guide's own program, as it stands there."""
    (program,) = re.findall(r"```python\n(# after_restore\.py\n.*?)```", GUIDE, re.DOTALL)
    (folder / "after_restore.py").write_text(program)
    known = journey.world.describe()
    done = subprocess.run(
        [sys.executable, "after_restore.py", backup.isoformat(), FROM],
        cwd=folder,
        env={
            **os.environ,
            "TWILIO_ACCOUNT_SID": known["carrier"]["account_sid"],
            "TWILIO_AUTH_TOKEN": known["carrier"]["auth_token"],
            "TWILIO_API_URL": known["carrier"]["url"],
            "MONGODB_URI": known["mongodb"]["uri"],
            "MONGODB_DATABASE": known["mongodb"]["database"],
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
