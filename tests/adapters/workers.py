"""What the processes of a crowd do: each connects by itself, as a function instance does, and says what it won."""

import random
import secrets
import time
from collections.abc import Sequence
from datetime import timedelta

from dialer.adapters.claims import MongoClaims
from dialer.adapters.lines import MongoLines
from dialer.adapters.mongo import connect
from dialer.adapters.overdue import MongoOverdue
from dialer.lifecycle import State
from dialer.model import CallMessage, Contact
from dialer.secret import Secret
from tests.adapters.racing import meet
from tests.builders import FROM_NUMBER, now

LIMIT = 5
ROUNDS = 20  # in which all start together again, so that nobody runs ahead


def claim_everybody(uri: str, name: str, campaign_id: str) -> dict[str, list[str]]:
    """Claim batches until nobody is due; the contacts by claim."""
    database = connect(Secret(uri), name)
    won: dict[str, list[str]] = {}
    with database.client:
        claims = MongoClaims(database["contacts"])
        claims.count_booked(campaign_id, limit=1)
        empty = 0
        while empty < 3:  # a batch of candidates may have gone to others while more are due
            if len(won) < ROUNDS:
                meet()
            claim = secrets.token_hex(12)
            claimed = claims.claim_due(
                campaign_id, claim=claim, limit=LIMIT, until=now() + timedelta(minutes=6), now=now()
            )
            won[claim] = [one.contact_id for one in claimed]
            empty = 0 if claimed or len(won) < ROUNDS else empty + 1
    return won


def take_every_line(uri: str, name: str, messages: Sequence[CallMessage]) -> list[str]:
    """Try to take each line, in the same order as everybody else; whose were ours."""
    database = connect(Secret(uri), name)
    token, span, won = secrets.token_hex(12), timedelta(seconds=90), []
    with database.client:
        lines = MongoLines(database["contacts"])
        lines.explain("nobody")
        for index, message in enumerate(messages):
            if index % (len(messages) // ROUNDS) == 0:
                meet()
            if lines.take_line(
                message, token=token, from_number=FROM_NUMBER, silence=span, patience=span, talk_limit=span
            ):
                won.append(message.contact_id)
    return won


def take_each_line_as_its_claim_ends(uri: str, name: str, messages: Sequence[CallMessage]) -> list[str]:
    """Try to take each line within some milliseconds of the last moment at which it may be taken."""
    database = connect(Secret(uri), name)
    token, span, won = secrets.token_hex(12), timedelta(seconds=90), []
    with database.client:
        lines = MongoLines(database["contacts"])
        lines.explain("nobody")
        meet()
        for message in messages:
            early = timedelta(milliseconds=random.uniform(0, 8))
            time.sleep(max(0.0, (message.not_after - early - now()).total_seconds()))
            if lines.take_line(
                message, token=token, from_number=FROM_NUMBER, silence=span, patience=span, talk_limit=span
            ):
                won.append(message.contact_id)
    return won


def expire_claims_as_they_end(uri: str, name: str, contacts: Sequence[Contact]) -> int:
    """Expire whatever is overdue, again and again until all claims have ended one way or the other."""
    database = connect(Secret(uri), name)
    expired = 0
    with database.client:
        overdue = MongoOverdue(database["contacts"])
        overdue.overdue(State.CLAIMED, limit=1)
        meet()
        while database["contacts"].count_documents({"state": State.CLAIMED}):
            expired += overdue.expire_claims(contacts, to=State.PENDING, reason="nobody dialed")
    return expired
