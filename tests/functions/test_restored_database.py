"""The database is set back to a backup, with calls made since: as docs/operations.md says, nobody is called again."""

import os
import re
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dialer import wiring
from dialer.lifecycle import State
from dialer.model import CampaignState, Contact, Number, Outcome, RetryPolicy
from local.environments import ROOT
from tests.builders import a_campaign, a_contact, a_phone, created, stored
from tests.functions.conftest import ACCOUNT, Stack
from tests.functions.events import TOKEN, event
from tests.functions.test_whole_campaign import NOTHING_LEFT, Aws, aws_between

__all__ = ["aws_between"]
GUIDE = (ROOT / "docs" / "operations.md").read_text()
UNDER_WAY = {State.CLAIMED, State.DIALING, State.UNCERTAIN, State.PLACED}
OURS = "+12025550177"
"""No other test calls from it: phones come round again, and a call of another test's would be one that nobody knows."""
NO_SUCH_NUMBER = {"kind": "refuse", "code": 21211, "status": 400}
Backup = dict[str, list[dict[str, Any]]]


def test_nobody_is_called_again_who_was_called_since_the_backup(
    stack: Stack, aws_between: Aws, mongodb_uri: str, tmp_path: Path
) -> None:
    gone, other = (Number(phone=a_phone(), region="US") for _ in range(2))
    retry = RetryPolicy(max_attempts=2, delays={Outcome.BUSY: timedelta(0)})
    campaign = created(stack.database, a_campaign(retry=retry, from_numbers=(OURS,)))
    paused = created(stack.database, a_campaign(state=CampaignState.PAUSED, from_numbers=(OURS,)))
    reached, doubtful, unheard, silent = (stored(stack.database, a_contact(campaign, max=2)) for _ in range(4))
    waiting = stored(stack.database, a_contact(paused))
    stack.carrier.set_fates(
        {silent.phone: ["busy", "human"], doubtful.phone: "no-answer", gone.phone: NO_SUCH_NUMBER},
        mix=[{"kind": "human", "weight": 1}],
    )
    stack.carrier.set_faults(
        [
            {"kind": "accepted_then_cut", "op": "create", "match": doubtful.phone},
            {"kind": "reset", "op": "create", "match": unheard.phone},
        ],
        [{"kind": "lost", "match": [doubtful.phone, silent.phone]}],
    )
    aws_between.invoke("tick", event("tick_schedule"))
    aws_between.deliver_all()
    stack.carrier.wait_idle()
    claimed = stored(stack.database, a_contact(campaign, max=2))
    aws_between.invoke("tick", event("tick_schedule"))
    family = stored(stack.database, a_contact(campaign, phone=gone.phone, numbers=(gone, other), max=2))
    at_backup = [State.DONE, State.UNCERTAIN, State.UNCERTAIN, State.PLACED, State.CLAIMED, State.PENDING]
    people = [reached, doubtful, unheard, silent, claimed, family]
    assert states(stack, people) == at_backup
    moment, backup = datetime.now(UTC), backed_up(stack)

    stack.carrier.set_faults()
    pass_half_hours(stack, aws_between, people, until=NOTHING_LEFT)
    called = Counter({contact.phone: len(stack.asked(contact)) for contact in people})
    assert list(called.values()) == [1, 1, 1, 2, 1, 2]  # the last at both numbers: the carrier refused the first

    stack.aws.sqs.purge_queue(QueueUrl=stack.environment["CALL_QUEUE_URL"])
    restore(stack, backup)
    assert states(stack, people) == at_backup
    pass_half_hours(stack, aws_between, [*people, waiting], until=set(State) - UNDER_WAY)  # everything is paused
    said = take_out_whoever_was_called(stack, mongodb_uri, moment, tmp_path)
    for one in (campaign, paused):
        wiring.campaign_office().ask(one.id, "resume")
    pass_half_hours(stack, aws_between, [*people, waiting], until=NOTHING_LEFT)

    assert {one.phone: len(stack.asked(one)) for one in (*people, waiting)} == {**called, waiting.phone: 1}
    after = [stack.contact(contact) for contact in (*people, waiting)]
    assert [(contact.state, contact.reason) for contact in after] == [
        (State.DONE, "answered"),
        (State.FAILED, "no-answer"),
        (State.FAILED, "the carrier never reported a call"),  # held, and given up after all these half hours
        (State.FAILED, "called after the backup"),
        (State.FAILED, "called after the backup"),
        (State.FAILED, "called after the backup"),
        (State.DONE, "answered"),
    ]
    assert said.count("was not known: 1 taken out") == 3


def states(stack: Stack, contacts: list[Contact]) -> list[State]:
    return [stack.contact(contact).state for contact in contacts]


def pass_half_hours(stack: Stack, aws: Aws, contacts: list[Contact], *, until: set[State]) -> None:
    """Ticks, deliveries and reconciles, half an hour apart, as often as it takes."""
    while not set(states(stack, contacts)) <= until:
        passed = {"$subtract": ["$attempt.dial_at", 31 * 60_000]}
        stack.database["contacts"].update_many(
            {"attempt.dial_at": {"$type": "date"}}, [{"$set": {"attempt.dial_at": passed}}]
        )
        stack.database["contacts"].update_many(
            {"attempt": {"$exists": True}}, {"$currentDate": {"attempt.until": True}}
        )
        aws.invoke("reconcile", event("reconcile"))
        aws.invoke("tick", event("tick_schedule"))
        aws.deliver_all()
        stack.carrier.wait_idle()


def backed_up(stack: Stack) -> Backup:
    """Every collection as it was at one moment, as a backup has it."""
    with stack.database.client.start_session(snapshot=True) as session:
        names = stack.database.list_collection_names()
        return {name: list(stack.database[name].find({}, session=session)) for name in names}


def restore(stack: Stack, backup: Backup) -> None:
    for name in stack.database.list_collection_names():
        stack.database[name].delete_many({})
        if backup.get(name):
            stack.database[name].insert_many(backup[name])
    restored = {"$set": {"state": "paused", "reason": "restored from a backup"}}
    stack.database["campaigns"].update_many({"state": "running"}, restored)


def take_out_whoever_was_called(stack: Stack, mongodb_uri: str, backup: datetime, folder: Path) -> str:
    """The guide's own program, as it stands there."""
    (program,) = re.findall(r"```python\n(# after_restore\.py\n.*?)```", GUIDE, re.DOTALL)
    (folder / "after_restore.py").write_text(program)
    known = {"TWILIO_ACCOUNT_SID": ACCOUNT, "TWILIO_AUTH_TOKEN": TOKEN, "TWILIO_API_URL": stack.carrier.url}
    done = subprocess.run(
        [sys.executable, "after_restore.py", backup.isoformat(), OURS],
        cwd=folder,
        env={**os.environ, **known, "MONGODB_URI": mongodb_uri, "MONGODB_DATABASE": stack.database.name},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
