"""The campaigns as an operator sees them: page by page, changed, scheduled, and all of them halted at once."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from pymongo.collection import Collection

from dialer.adapters.campaigns import (
    EPOCH,
    NEWEST_INDEX,
    RUNNING_INDEX,
    STARTING_INDEX,
    TO_DRAIN,
    campaign_of,
    wishes_of,
)
from dialer.adapters.mongo import Document, available, database_clock, literal
from dialer.model import Campaign, CampaignState
from dialer.office_ports import Halted, Place

_ROUNDS = 20  # of pausing those that were started meanwhile


class MongoCampaignDesk:
    """Beside `MongoCampaigns`, which the functions that dial share: nothing here is needed to dial."""

    def __init__(self, campaigns: Collection[Document]) -> None:
        self._campaigns = campaigns

    def page(self, *, limit: int, state: CampaignState | None, behind: Place | None) -> Sequence[Campaign]:
        """The newest first, from an index alone until it is known which ones are wanted."""
        wanted: Document = {"created_at": {"$gt": EPOCH}}
        if state is not None:
            wanted["state"] = state
        if behind is not None:
            earlier = {"created_at": {"$lt": behind.at}}
            same = {"created_at": behind.at, "_id": {"$lt": behind.id}}
            wanted["created_at"] = {"$gt": EPOCH, "$lte": behind.at}
            wanted["$or"] = [earlier, same]
        newest = [("created_at", -1), ("_id", -1)]
        with available():
            found = self._campaigns.find(wanted, sort=newest, limit=limit, hint=None if state else NEWEST_INDEX)
            return [campaign_of(document) for document in found]

    def change(self, before: Campaign, after: Campaign, *, states: Iterable[CampaignState]) -> bool:
        """Only what differs is written, so two changes of different things do not undo each other.

        And only beside the form as it was read: a wish is one field of the document, but of the form the whole part
        that it stands in, and the next change is made from the form. What stands at its usual value is in no document:
        what has come back to it is taken out.
        """
        old, new = _leaves(wishes_of(before)), _leaves(wishes_of(after))
        changed = {name: value for name, value in new.items() if name not in old or old[name] != value}
        gone = old.keys() - new.keys()
        change = _written(changed, gone)
        if not change:
            return True
        as_read = {"_id": before.id, "state": {"$in": sorted(states)}, "form": _stored_form(before)}
        with available():
            result = self._campaigns.update_one(as_read, change)
            return result.matched_count == 1

    def schedule(
        self, campaign_id: str, *, start_at: datetime | None, end_at: datetime | None, states: Iterable[CampaignState]
    ) -> bool:
        moments = {"start_at": start_at, "end_at": end_at}
        given = {name: moment for name, moment in moments.items() if moment is not None}
        refusal = {"reason": ""} if list(states) == [CampaignState.DRAFT] else {}  # of the start it had before
        change = _written(given | refusal, moments.keys() - given.keys())
        with available():
            result = self._campaigns.update_one({"_id": campaign_id, "state": {"$in": sorted(states)}}, change)
            return result.matched_count == 1

    def halt(self, *, reason: str) -> Halted:
        """Pause all that run, and take the start away from all that would start by themselves.

        Whoever is started while this goes on is paused too: it ends when a look finds nobody running.
        """
        paused: set[str] = set()
        with available():
            unscheduled = self._unschedule()
            for _ in range(_ROUNDS):
                running = [one["_id"] for one in self._campaigns.find(_RUNNING, {"_id": 1}, hint=RUNNING_INDEX)]
                if not running:
                    break
                self._pause(running, reason)
                paused |= set(running)
            return Halted(
                paused=tuple(sorted(paused)),
                unscheduled=unscheduled,
                last_permit_at=self._last_permit(sorted(paused)),
                at=database_clock(self._campaigns.database),
            )

    def _pause(self, campaign_ids: Sequence[str], reason: str) -> None:
        self._campaigns.update_many(
            {"_id": {"$in": list(campaign_ids)}, **_RUNNING},
            {
                "$set": {"state": CampaignState.PAUSED, "reason": reason, **TO_DRAIN},
                "$currentDate": {"state_at": True},
            },
        )

    def _unschedule(self) -> int:
        scheduled = {"state": CampaignState.DRAFT, "start_at": {"$gt": EPOCH}}
        return self._campaigns.update_many(scheduled, {"$unset": {"start_at": ""}}, hint=STARTING_INDEX).modified_count

    def _last_permit(self, campaign_ids: Sequence[str]) -> datetime | None:
        """The next dial is one delay after the last permit, also where the delay has been changed since."""
        stages: list[Document] = [
            {"$match": {"_id": {"$in": list(campaign_ids)}, "dials": {"$gt": 0}}},
            {"$project": {"at": {"$subtract": ["$next_dial_at", "$pacing.call_delay_ms"]}}},
            {"$group": {"_id": None, "last": {"$max": "$at"}}},
        ]
        found = list(self._campaigns.aggregate(stages))
        return found[0]["last"] if found else None


_RUNNING = {"state": CampaignState.RUNNING}
_CALL_DELAY = "pacing.call_delay_ms"


def _stored_form(campaign: Campaign) -> Document:
    """The form of the document that this campaign was read from; an empty one may be missing there."""
    form = dict(campaign.form)
    return {"$eq": form} if form else {"$in": [form, None]}


def _written(given: Document, gone: Iterable[str]) -> list[Document]:
    """The update that sets the one and takes the other away; empty where there is nothing to do."""
    values = {name: literal(value) for name, value in given.items()}
    moments = _at_another_pace(given[_CALL_DELAY]) if _CALL_DELAY in given else {}
    taken_away = sorted(gone)
    return [*([{"$set": values | moments}] if values else []), *([{"$unset": taken_away}] if taken_away else [])]


def _at_another_pace(call_delay_ms: int) -> Document:
    """The next dial and the next slot are one delay behind the last of each: then they are the new one behind it.

    Else a faster pace would begin when the old delay is over.
    """
    old, share = f"${_CALL_DELAY}", {"$ifNull": ["$share_ms", 0]}
    old_spacing, spacing = {"$max": [old, share]}, {"$max": [call_delay_ms, share]}
    return {
        "next_dial_at": {"$add": ["$next_dial_at", {"$subtract": [call_delay_ms, old]}]},
        "next_slot_at": {"$add": ["$next_slot_at", {"$subtract": [spacing, old_spacing]}]},
    }


_IN_PARTS = {"call", "form", "retry", "pacing"}


def _leaves(wishes: Document) -> dict[str, Any]:
    """Fields of the document, and of the objects in it, by their paths."""
    return {
        path: leaf
        for name, value in wishes.items()
        for path, leaf in (
            [(f"{name}.{inner}", one) for inner, one in value.items()] if name in _IN_PARTS else [(name, value)]
        )
    }
