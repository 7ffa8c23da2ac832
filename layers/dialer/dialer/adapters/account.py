"""Account: one document that hands out the moments at which the account may dial, to all campaigns in turn."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

from pymongo import ReturnDocument
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from dialer.adapters.contact_documents import milliseconds
from dialer.adapters.mongo import Document, available
from dialer.pacing import fair_delay

_CALLS = "calls"
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_WISHES_LAST = timedelta(minutes=2)  # two periods of the schedule: who has wished for nothing since wants nothing
_FORGOTTEN_AFTER = timedelta(hours=1)


class MongoAccount:
    """Compare-and-set on one document, by the database's clock. `spacing`: the least time between two dials."""

    def __init__(self, account: Collection[Document], *, spacing: timedelta) -> None:
        self._account = account
        self._spacing = spacing
        self._prepared = False

    def share(self, campaign_id: str, *, call_delay: timedelta) -> timedelta:
        self._prepare()
        wish = {"delay_ms": milliseconds(call_delay), "at": "$$NOW"}
        with available():
            document = self._account.find_one_and_update(
                {"_id": _CALLS},
                [{"$set": {"now": "$$NOW", f"wishes.{campaign_id}": wish}}],
                return_document=ReturnDocument.AFTER,
            )
        if document is None:
            return call_delay
        now, wishes = document["now"], document["wishes"]
        self._forget([one for one, wish in wishes.items() if wish["at"] < now - _FORGOTTEN_AFTER])
        fresh = {
            one: timedelta(milliseconds=wish["delay_ms"])
            for one, wish in wishes.items()
            if wish["at"] >= now - _WISHES_LAST
        }
        return fair_delay(campaign_id, wishes=fresh, spacing=self._spacing)

    def take_turn(self, campaign_id: str, *, share: timedelta, patience: timedelta) -> timedelta | None:
        self._prepare()
        moment = {"$max": ["$next_at", "$$NOW"]}
        its_last = {"$ifNull": [f"$turns.{campaign_id}", _NEVER]}
        within_its_share = {"$lte": [{"$add": [its_last, milliseconds(share)]}, moment]}
        ahead = {"$cond": [within_its_share, max(0, milliseconds(patience)), 0]}
        with available():
            document = self._account.find_one_and_update(
                {"_id": _CALLS, "$expr": {"$lte": [moment, {"$add": ["$$NOW", ahead]}]}},
                [
                    {"$set": {"turn": moment, "now": "$$NOW"}},
                    {
                        "$set": {
                            "next_at": {"$add": ["$turn", milliseconds(self._spacing)]},
                            f"turns.{campaign_id}": "$turn",
                        }
                    },
                ],
                {"turn": 1, "now": 1},
                return_document=ReturnDocument.AFTER,
            )
        wait: timedelta | None = document["turn"] - document["now"] if document else None
        return wait

    def _prepare(self) -> None:
        """Once per process."""
        if not self._prepared:
            with available(), suppress(DuplicateKeyError):
                self._account.update_one({"_id": _CALLS}, {"$setOnInsert": {"next_at": _NEVER}}, upsert=True)
            self._prepared = True

    def _forget(self, campaign_ids: list[str]) -> None:
        """Campaigns of long ago: the document stays as small as what runs."""
        if campaign_ids:
            paths = [f"{field}.{one}" for one in campaign_ids for field in ("wishes", "turns")]
            with available():
                self._account.update_one({"_id": _CALLS}, [{"$unset": paths}])
