"""The product's own code as a contestant: its adapters, called as its steps call them."""

import secrets
from collections import defaultdict
from datetime import timedelta
from functools import partial
from typing import Any

from pymongo import monitoring
from pymongo.database import Database

from benchmarks.lists import CAMPAIGN, Contacts, opened
from benchmarks.measuring import Lap, Watch
from dialer.adapters.claims import MongoClaims
from dialer.adapters.mongo import Document
from dialer.model import Claimed
from tests.builders import now

GRACE = timedelta(minutes=6)


def contacts_of(uri: str, name: str, collection: str) -> Contacts:
    """In a contestant's process: connected, and asked once."""
    contacts = opened(uri, name)[collection]
    contacts.find_one({})
    return contacts


def claim(contacts: Contacts, *, batches: int, batch: int) -> Lap:
    """As one tick does it, each batch behind the one before."""
    claims, last = MongoClaims(contacts), None
    with Watch() as watch:
        for _ in range(batches):
            claimed = _claim_due(claims, batch, last)
            watch.units += len(claimed)
            last = claimed[-1] if claimed else None
    return watch.lap()


def drain(contacts: Contacts, *, batch: int, resumed: bool = True) -> Lap:
    """Everybody, and how long each choice of candidates took, as the driver saw it."""
    claims, last, chosen = MongoClaims(contacts), None, []
    with Watch() as watch, asked() as commands:
        while claimed := _claim_due(claims, batch, last):
            watch.units += len(claimed)
            last = claimed[-1] if resumed else None
            chosen.append(sum(took for name, took in commands if name == "find"))
            commands.clear()
    watch.noted["chosen"] = chosen
    return watch.lap()


def claim_until_nobody_is_due(contacts: Contacts, *, batch: int) -> Lap:
    """One of several claimers: what it won, by its own word."""
    claims, last = MongoClaims(contacts), None
    won: list[str] = []
    with Watch() as watch:
        while True:
            claimed = _claim_due(claims, batch, last)
            won += [one.contact_id for one in claimed]
            if not claimed and last is None and not claims.anyone_due(CAMPAIGN, now=now()):
                break
            last = claimed[-1] if claimed else None
    watch.units = len(won)
    watch.noted |= {"won": won, "began": watch.began}
    return watch.lap()


def _claim_due(claims: MongoClaims, batch: int, behind: Claimed | None) -> Any:
    return claims.claim_due(
        CAMPAIGN, claim=secrets.token_hex(12), limit=batch, until=now() + GRACE, now=now(), behind=behind, among=["US"]
    )


class asked(monitoring.CommandListener):  # noqa: N801  reads as a word in `with`
    """The commands that this process's clients send, with the seconds each took. Made before they connect."""

    heard: list[tuple[str, float]] | None = None

    def __enter__(self) -> list[tuple[str, float]]:
        asked.heard = []
        return asked.heard

    def __exit__(self, *_: object) -> None:
        asked.heard = None

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        return

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        if asked.heard is not None:
            asked.heard.append((event.command_name, event.duration_micros / 1e6))

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        return


def overheard(uri: str, name: str, collection: str) -> Contacts:
    """The same with an ear on the wire."""
    monitoring.register(asked())
    return contacts_of(uri, name, collection)


def by_name(commands: list[tuple[str, float]]) -> dict[str, float]:
    """Seconds per kind of command."""
    spent: dict[str, float] = defaultdict(float)
    for name, took in commands:
        spent[name] += took
    return dict(spent)


def opener(database: Database[Document], uri: str, collection: str, *, heard: bool = False) -> Any:
    """What a contestant's process runs first."""
    return partial(overheard if heard else contacts_of, uri, database.name, collection)
