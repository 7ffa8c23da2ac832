"""The campaign document: wishes, counters, and the two grants every dial needs: a slot and a permit (T0, T4c)."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import IndexModel, ReturnDocument
from pymongo.collection import Collection

from dialer.adapters.contact_documents import milliseconds
from dialer.adapters.mongo import Document, available, literal
from dialer.adapters.script_documents import call_document, call_of
from dialer.breaker import FORGIVEN, MANY, PROBATION, STREAK, Setbacks
from dialer.model import (
    CallerChoice,
    CallerPolicy,
    Campaign,
    CampaignState,
    Cap,
    Counted,
    Doubt,
    Hours,
    Outcome,
    Pacing,
    Purpose,
    RetryPolicy,
    RetrySchedule,
    Setback,
    Sight,
    Slots,
    Voice,
    Window,
)
from dialer.ports import Draining, NoSlots

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)  # earlier than any moment of a campaign
RUNNING_INDEX = "running"
DRAINING_INDEX = "draining"
NEWEST_INDEX = "newest"
STARTING_INDEX = "starting"
ENDING_INDEX = "ending"
TO_DRAIN: Document = {"draining": True}
"""A campaign that was paused or stopped, and may still have calls in the carrier's queue."""
INDEXES = [
    IndexModel(
        [("state", 1), ("ticked_at", 1)],
        name=RUNNING_INDEX,
        partialFilterExpression={"state": CampaignState.RUNNING},
    ),
    IndexModel([("draining", 1)], name=DRAINING_INDEX, partialFilterExpression=TO_DRAIN),
    IndexModel([("created_at", -1), ("_id", -1), ("state", 1)], name=NEWEST_INDEX),
    IndexModel([("state", 1), ("created_at", -1), ("_id", -1)], name="newest_of_a_state"),
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
_SETBACKS_KEPT = 40  # twice the streak that pauses a campaign
_LEFT = frozenset({CampaignState.PAUSED, CampaignState.STOPPED})
_ERRORS = {"$ifNull": ["$errors", []]}
_FAILURES = {"$ifNull": ["$failures", 0]}
_DIALS = {"$ifNull": ["$dials", 0]}
_RESUMED: Document = {
    "draining": False,
    # Once: a draft is never one again, and what was started before this was noted has no such moment.
    "started_at": {"$cond": [{"$eq": ["$state", CampaignState.DRAFT]}, "$$NOW", "$started_at"]},
    "blocked_regions": literal({}),
    # Half open: after a trip, a few more are enough.
    "setbacks": {"$cond": [{"$gte": ["$setbacks", STREAK]}, STREAK - PROBATION, 0]},
    "errors": {"$slice": [_ERRORS, PROBATION - MANY]},
    "failures": {"$cond": [{"$gte": [_FAILURES, STREAK]}, STREAK - PROBATION, 0]},
}


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
        more = _RESUMED if state is CampaignState.RUNNING else TO_DRAIN if state in _LEFT else {}
        with available():
            result = self._campaigns.update_one(
                {"_id": campaign_id, "state": {"$in": sorted(sources)}},
                [{"$set": {"state": state, "reason": literal(reason), "state_at": "$$NOW", **more}}],
            )
            return result.matched_count == 1

    def draining(self) -> Sequence[Draining]:
        with available():
            found = self._campaigns.find(TO_DRAIN, {"state_at": 1})
            return [Draining(campaign_id=document["_id"], since=document["state_at"]) for document in found]

    def drained(self, draining: Draining) -> bool:
        with available():
            result = self._campaigns.update_one(
                {"_id": draining.campaign_id, **TO_DRAIN, "state_at": draining.since},
                {"$set": {"draining": False}},
            )
            return result.modified_count == 1

    def reserve_slots(
        self, campaign_id: str, *, fence: int, wanted: int, horizon: timedelta, share: timedelta = timedelta(0)
    ) -> Slots | NoSlots:
        share_ms = milliseconds(share)
        spacing = {"$max": ["$pacing.call_delay_ms", share_ms]}
        start = {"$max": ["$$NOW", "$next_slot_at", "$carrier_free_at"]}
        room = {"$subtract": [{"$add": ["$$NOW", milliseconds(horizon)]}, "$slots.start"]}
        fitting = {"$max": [0, {"$ceil": {"$divide": [room, "$slots.spacing_ms"]}}]}
        with available():
            document = self._campaigns.find_one_and_update(
                {"_id": campaign_id, **_RUNNING, "fence": {"$lte": fence}},
                [
                    {
                        "$set": {
                            "fence": fence,
                            "ticked_at": "$$NOW",
                            "share_ms": share_ms,
                            "slots": {"start": start, "now": "$$NOW", "spacing_ms": spacing},
                        }
                    },
                    {"$set": {"slots.count": {"$toInt": {"$min": [wanted, fitting]}}}},
                    {
                        "$set": {
                            "next_slot_at": {
                                "$add": ["$slots.start", {"$multiply": ["$slots.count", "$slots.spacing_ms"]}]
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
            spacing=_span(document["slots"]["spacing_ms"]),
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
                            "dials": {"$add": [_DIALS, 1]},
                        }
                    }
                ],
            )
            return result.modified_count == 1

    def rest(self, campaign_id: str, *, span: timedelta) -> None:
        """Replies come in any order, and the longest rest that was asked for is kept."""
        until = {"$max": ["$carrier_free_at", {"$add": ["$$NOW", milliseconds(span)]}]}
        with available():
            self._campaigns.update_one({"_id": campaign_id}, [{"$set": {"carrier_free_at": until}}])

    def count_setback(self, campaign_id: str, *, reason: str) -> Setbacks:
        """Of the last errors is kept which dial each was: those that went well need not be written."""
        errors = {"$slice": [{"$concatArrays": [_ERRORS, [_DIALS]]}, -MANY]}
        setback = {"at": "$$NOW", "reason": literal(reason)}
        latest = {"$slice": [{"$concatArrays": [{"$ifNull": ["$latest_setbacks", []]}, [setback]]}, -_SETBACKS_KEPT]}
        counted = {"setbacks": {"$add": ["$setbacks", 1]}, "errors": errors, "latest_setbacks": latest}
        with available():
            document = self._campaigns.find_one_and_update(
                {"_id": campaign_id},
                [{"$set": counted}],
                {"setbacks": 1, "errors": 1, "dials": 1},
                return_document=ReturnDocument.AFTER,
            )
        if document is None:
            return Setbacks(streak=0, spread=None)
        dials = document["errors"]
        spread = document.get("dials", 0) - dials[0] + 1 if len(dials) == MANY else None
        return Setbacks(streak=document["setbacks"], spread=spread)

    def count_failure(self, campaign_id: str) -> int:
        with available():
            document = self._campaigns.find_one_and_update(
                {"_id": campaign_id},
                [{"$set": {"failures": {"$add": [_FAILURES, 1]}}}],
                {"failures": 1},
                return_document=ReturnDocument.AFTER,
            )
        return int(document["failures"]) if document else 0

    def forgive_failures(self, campaign_id: str) -> None:
        left = {"$max": [0, {"$subtract": [_FAILURES, FORGIVEN]}]}
        with available():
            self._campaigns.update_one({"_id": campaign_id}, [{"$set": {"failures": left}}])

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
        "share_ms": milliseconds(campaign.share),
        "setbacks": campaign.setbacks,
        "failures": campaign.failures,
        **({"latest_setbacks": list(map(asdict, campaign.latest_setbacks))} if campaign.latest_setbacks else {}),
        "dials": campaign.dials,
        **({"shadow_of": campaign.shadow_of} if campaign.shadow_of else {}),
        **{name: moment for name in _MOMENTS if (moment := getattr(campaign, name)) is not None},
    }


def wishes_of(campaign: Campaign) -> Document:
    """What an operator has asked for, without what has become of it."""
    hours = campaign.hours
    return {
        "name": campaign.name,
        "from_numbers": list(campaign.from_numbers),
        "caller": asdict(campaign.caller),
        "call": call_document(campaign.call),
        "pacing": {
            "call_delay_ms": milliseconds(campaign.pacing.call_delay),
            "max_concurrent": campaign.pacing.max_concurrent,
            "max_abandon": campaign.pacing.max_abandon,
        },
        "hours": None if hours is None else _document_of_hours(hours),
        "purpose": campaign.purpose,
        "voice": campaign.voice,
        "any_hour_because": campaign.any_hour_because,
        "retry": {
            "max_attempts": campaign.retry.max_attempts,
            "max_per_day": campaign.retry.max_per_day,
            "spread": campaign.retry.spread,
            "schedules": {str(outcome): _schedule(one) for outcome, one in campaign.retry.schedules.items()},
            "delays_ms": {str(outcome): milliseconds(delay) for outcome, delay in campaign.retry.delays.items()},
        },
        "doubt": campaign.doubt,
        "caps": [_document_of_cap(cap) for cap in campaign.caps],
        "form": dict(campaign.form),
    }


_MOMENTS = ("carrier_free_at", "created_at", "started_at", "state_at", "start_at", "end_at")


def campaign_of(document: Document) -> Campaign:
    hours = document["hours"]
    return Campaign(
        id=document["_id"],
        name=document["name"],
        state=CampaignState(document["state"]),
        reason=document["reason"],
        from_numbers=tuple(document["from_numbers"]),
        caller=_caller_of(document.get("caller", {})),
        call=call_of(document["call"]),
        pacing=Pacing(
            call_delay=_span(document["pacing"]["call_delay_ms"]),
            max_concurrent=document["pacing"]["max_concurrent"],
            max_abandon=document["pacing"].get("max_abandon", Pacing.max_abandon),  # older documents have none
        ),
        hours=None if hours is None else _hours_of(hours),
        purpose=Purpose(document.get("purpose") or Purpose.INFORMATIONAL),
        voice=Voice(document.get("voice", Voice.PRERECORDED)),
        any_hour_because=document.get("any_hour_because", ""),
        retry=_retry_of(document["retry"]),
        doubt=Doubt(document["doubt"]),
        caps=tuple(map(_cap_of, document.get("caps", ()))),  # older documents have none
        blocked_regions=document["blocked_regions"],
        fence=document["fence"],
        next_slot_at=document["next_slot_at"],
        next_dial_at=document["next_dial_at"],
        share=_span(document.get("share_ms", 0)),
        setbacks=document["setbacks"],
        failures=document.get("failures", 0),
        latest_setbacks=tuple(Setback(**one) for one in document.get("latest_setbacks", ())),
        shadow_of=document.get("shadow_of", ""),
        form=document.get("form", {}),
        dials=document.get("dials", 0),
        **{name: document.get(name) for name in _MOMENTS},
    )


def _document_of_hours(hours: Hours) -> Document:
    windows = [_document_of_window(one) for one in hours.windows]
    return {"zone": hours.zone, **_document_of_window(hours), **({"windows": windows} if windows else {})}


def _document_of_window(window: Window) -> Document:
    return {"opens": window.opens, "closes": window.closes, "days": sorted(window.days)}


def _hours_of(document: Document) -> Hours:
    windows = tuple(Window(**_window_of(one)) for one in document.get("windows", ()))  # older documents have none
    return Hours(zone=document["zone"], **_window_of(document), windows=windows)


def _window_of(document: Document) -> Document:
    return {"opens": document["opens"], "closes": document["closes"], "days": frozenset(document["days"])}


def _document_of_cap(cap: Cap) -> Document:
    kept = {name: value for name, value in asdict(cap).items() if name != "within"}
    return {**kept, "within_ms": milliseconds(cap.within)}


def _cap_of(document: Document) -> Cap:
    kept = {name: value for name, value in document.items() if name != "within_ms"}
    return Cap(**{**kept, "within": _span(document["within_ms"]), "counts": Counted(document["counts"])})


def _caller_of(document: Document) -> CallerPolicy:
    """Campaigns from before there was a choice have none."""
    known = dict(document)
    choice = CallerChoice(known.pop("choice", CallerChoice.FIXED))
    return CallerPolicy(choice=choice, **known)


def _schedule(schedule: RetrySchedule) -> Document:
    waits = [milliseconds(wait) for wait in schedule.waits]
    return {"waits_ms": waits, "most": schedule.most, "counts": schedule.counts}


def _retry_of(document: Document) -> RetryPolicy:
    """Of a campaign made before there were schedules, its delays alone."""
    return RetryPolicy(
        max_attempts=document["max_attempts"],
        max_per_day=document.get("max_per_day", 0),
        spread=document.get("spread", False),
        schedules={Outcome(name): _schedule_of(one) for name, one in document.get("schedules", {}).items()},
        delays={Outcome(name): _span(delay) for name, delay in document["delays_ms"].items()},
    )


def _schedule_of(document: Document) -> RetrySchedule:
    return RetrySchedule(
        waits=tuple(map(_span, document["waits_ms"])), most=document["most"], counts=document["counts"]
    )


def _span(milliseconds_: Any) -> timedelta:
    return timedelta(milliseconds=milliseconds_)
