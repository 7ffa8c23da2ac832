"""The campaign document: wishes, counters, and the two grants every dial needs: a slot and a permit (T0, T4c)."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import IndexModel, ReturnDocument
from pymongo.collection import Collection

from dialer.adapters.contact_documents import literal, milliseconds
from dialer.adapters.mongo import Document, available
from dialer.model import CallPlan, Campaign, CampaignState, Doubt, Hours, Outcome, Pacing, RetryPolicy, Sight, Slots
from dialer.ports import NoSlots

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)  # earlier than any moment of a campaign
RUNNING_INDEX = "running"
NEWEST_INDEX = "newest"
STARTING_INDEX = "starting"
ENDING_INDEX = "ending"
INDEXES = [
    IndexModel(
        [("state", 1), ("ticked_at", 1)],
        name=RUNNING_INDEX,
        partialFilterExpression={"state": CampaignState.RUNNING},
    ),
    IndexModel([("created_at", -1), ("_id", -1), ("state", 1)], name=NEWEST_INDEX),
    IndexModel(
        [("start_at", 1)],
        name=STARTING_INDEX,
        partialFilterExpression={"state": CampaignState.DRAFT, "start_at": {"$gt": EPOCH}},
    ),
    IndexModel(
        [("end_at", 1)],
        name=ENDING_INDEX,
        partialFilterExpression={"end_at": {"$gt": EPOCH}},
    ),
]
_RUNNING = {"state": CampaignState.RUNNING}


class MongoCampaigns:
    """Compare-and-set on one document per campaign, by the database's clock."""

    def __init__(self, campaigns: Collection[Document]) -> None:
        self._campaigns = campaigns

    def create(self, campaign: Campaign) -> None:
        with available():
            self._campaigns.create_indexes(INDEXES)
            self._campaigns.insert_one(document_of(campaign))

    def see(self, campaign_id: str) -> Sight | None:
        with available():
            found = list(self._campaigns.aggregate([{"$match": {"_id": campaign_id}}, {"$set": {"now": "$$NOW"}}]))
        return Sight(campaign=campaign_of(found[0]), now=found[0]["now"]) if found else None

    def running_ids(self) -> Sequence[str]:
        with available():
            found = self._campaigns.find(_RUNNING, {"_id": 1}, sort=[("ticked_at", 1)], hint=RUNNING_INDEX)
            return [document["_id"] for document in found]

    def set_state(
        self, campaign_id: str, state: CampaignState, *, sources: Iterable[CampaignState], reason: str = ""
    ) -> bool:
        resumed: Document = {"setbacks": 0, "blocked_regions": {}} if state is CampaignState.RUNNING else {}
        with available():
            result = self._campaigns.update_one(
                {"_id": campaign_id, "state": {"$in": sorted(sources)}},
                {"$set": {"state": state, "reason": reason, **resumed}, "$currentDate": {"state_at": True}},
            )
            return result.matched_count == 1

    def reserve_slots(self, campaign_id: str, *, fence: int, wanted: int, horizon: timedelta) -> Slots | NoSlots:
        start = {"$max": ["$$NOW", "$next_slot_at"]}
        room = {"$subtract": [{"$add": ["$$NOW", milliseconds(horizon)]}, "$slots.start"]}
        fitting = {"$max": [0, {"$ceil": {"$divide": [room, "$pacing.call_delay_ms"]}}]}
        with available():
            document = self._campaigns.find_one_and_update(
                {"_id": campaign_id, **_RUNNING, "fence": {"$lte": fence}},
                [
                    {"$set": {"fence": fence, "ticked_at": "$$NOW", "slots": {"start": start, "now": "$$NOW"}}},
                    {"$set": {"slots.count": {"$toInt": {"$min": [wanted, fitting]}}}},
                    {
                        "$set": {
                            "next_slot_at": {
                                "$add": ["$slots.start", {"$multiply": ["$slots.count", "$pacing.call_delay_ms"]}]
                            }
                        }
                    },
                ],
                return_document=ReturnDocument.AFTER,
            )
            if document is None:
                return self._why_none(campaign_id)
        slots = Slots(
            start=document["slots"]["start"],
            count=document["slots"]["count"],
            spacing=timedelta(milliseconds=document["pacing"]["call_delay_ms"]),
            now=document["slots"]["now"],
        )
        return slots if slots.count else NoSlots(fence=fence, running=True)

    def _why_none(self, campaign_id: str) -> NoSlots:
        document = self._campaigns.find_one({"_id": campaign_id}, {"fence": 1, "state": 1}) or {}
        return NoSlots(fence=document.get("fence", 0), running=document.get("state") == CampaignState.RUNNING)

    def return_slots(self, campaign_id: str, *, fence: int, slots: Slots, used: int) -> bool:
        with available():
            result = self._campaigns.update_one(
                {"_id": campaign_id, "next_slot_at": slots.end, "fence": fence},
                {"$set": {"next_slot_at": slots.at(used)}},
            )
            return result.modified_count == 1

    def note_ticked(self, campaign_ids: Sequence[str]) -> None:
        with available():
            self._campaigns.update_many(
                {"_id": {"$in": list(campaign_ids)}, **_RUNNING}, {"$currentDate": {"ticked_at": True}}
            )

    def permit(self, campaign_id: str) -> bool:
        spaced = {"$lte": ["$next_dial_at", "$$NOW"]}
        with available():
            result = self._campaigns.update_one(
                {"_id": campaign_id, **_RUNNING, "next_dial_at": {"$type": "date"}, "$expr": spaced},
                [
                    {
                        "$set": {
                            "next_dial_at": {"$add": ["$$NOW", "$pacing.call_delay_ms"]},
                            "dials": {"$add": [{"$ifNull": ["$dials", 0]}, 1]},
                        }
                    }
                ],
            )
            return result.modified_count == 1

    def count_setback(self, campaign_id: str) -> int:
        with available():
            document = self._campaigns.find_one_and_update(
                {"_id": campaign_id},
                {"$inc": {"setbacks": 1}},
                {"setbacks": 1},
                return_document=ReturnDocument.AFTER,
            )
        return int(document["setbacks"]) if document else 0

    def forget_setbacks(self, campaign_id: str) -> None:
        with available():
            self._campaigns.update_one({"_id": campaign_id}, {"$set": {"setbacks": 0}})

    def block_region(self, campaign_id: str, region: str, *, reason: str) -> None:
        with available():
            self._campaigns.update_one(
                {"_id": campaign_id},
                [{"$set": {f"blocked_regions.{region}": literal(reason)}}],
            )


def document_of(campaign: Campaign) -> Document:
    return {
        "_id": campaign.id,
        "state": campaign.state,
        "reason": campaign.reason,
        **wishes_of(campaign),
        "blocked_regions": campaign.blocked_regions,
        "fence": campaign.fence,
        "next_slot_at": campaign.next_slot_at,
        "next_dial_at": campaign.next_dial_at,
        "setbacks": campaign.setbacks,
        "dials": campaign.dials,
        **{name: moment for name in _MOMENTS if (moment := getattr(campaign, name)) is not None},
    }


def wishes_of(campaign: Campaign) -> Document:
    """What an operator has asked for, without what has become of it."""
    call, hours = campaign.call, campaign.hours
    return {
        "name": campaign.name,
        "from_numbers": list(campaign.from_numbers),
        "call": {
            **{name: value for name, value in asdict(call).items() if not isinstance(value, timedelta)},
            "ring_timeout_ms": milliseconds(call.ring_timeout),
            "talk_limit_ms": milliseconds(call.talk_limit),
        },
        "pacing": {
            "call_delay_ms": milliseconds(campaign.pacing.call_delay),
            "max_concurrent": campaign.pacing.max_concurrent,
        },
        "hours": None if hours is None else {**asdict(hours), "days": sorted(hours.days)},
        "retry": {
            "max_attempts": campaign.retry.max_attempts,
            "delays_ms": {str(outcome): milliseconds(delay) for outcome, delay in campaign.retry.delays.items()},
        },
        "doubt": campaign.doubt,
        "purpose": campaign.purpose,
        "form": dict(campaign.form),
    }


_MOMENTS = ("created_at", "state_at", "start_at", "end_at")


def campaign_of(document: Document) -> Campaign:
    hours = document["hours"]
    return Campaign(
        id=document["_id"],
        name=document["name"],
        state=CampaignState(document["state"]),
        reason=document["reason"],
        from_numbers=tuple(document["from_numbers"]),
        call=_call_of(document["call"]),
        pacing=Pacing(
            call_delay=_span(document["pacing"]["call_delay_ms"]),
            max_concurrent=document["pacing"]["max_concurrent"],
        ),
        hours=None if hours is None else Hours(**{**hours, "days": frozenset(hours["days"])}),
        retry=RetryPolicy(
            max_attempts=document["retry"]["max_attempts"],
            delays={Outcome(name): _span(delay) for name, delay in document["retry"]["delays_ms"].items()},
        ),
        doubt=Doubt(document["doubt"]),
        blocked_regions=document["blocked_regions"],
        fence=document["fence"],
        next_slot_at=document["next_slot_at"],
        next_dial_at=document["next_dial_at"],
        setbacks=document["setbacks"],
        purpose=document.get("purpose", ""),
        form=document.get("form", {}),
        dials=document.get("dials", 0),
        **{name: document.get(name) for name in _MOMENTS},
    )


def _call_of(document: Document) -> CallPlan:
    words = {name: value for name, value in document.items() if not name.endswith("_ms")}
    return CallPlan(
        ring_timeout=_span(document["ring_timeout_ms"]), talk_limit=_span(document["talk_limit_ms"]), **words
    )


def _span(milliseconds_: Any) -> timedelta:
    return timedelta(milliseconds=milliseconds_)
