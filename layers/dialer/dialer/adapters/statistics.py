"""Statistics that count each settled contact and each ended attempt once: sums so far, and from then on what is new.

No write of the dial protocol takes part. A contact that is settled never changes again, and neither does the end of an
attempt; there is an index of each in the order of their moments, so the sums go forward by a mark on each order, and
whoever asks moves them on. An attempt is counted once it has ended, be its contact settled or waiting for another. The
marks stay some seconds behind the database's clock, because a moment is chosen a little before its write can be seen.
What was answered is counted with its attempt: an answer that is told after the mark has passed the end stays uncounted.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import IndexModel
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from dialer.adapters.campaigns import RUNNING_INDEX
from dialer.adapters.contact_documents import ENDED_INDEX, INDEXES, REASON_INDEX, SETTLED_INDEX, attempted_in
from dialer.adapters.mongo import Document, available, database_clock, literal
from dialer.answers import OTHER, KeptAnswer
from dialer.lifecycle import TERMINAL
from dialer.model import CampaignState
from dialer.office_ports import Ended, Ends, Sums
from dialer.ports import Clock
from dialer.troubles import TROUBLED

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_REASONS = 50  # kept apart in each state; what is rarer is summed up
_LONGEST_REASON = 100
_MINUTES = 60
_SAMPLES = 60  # of permits granted, one a minute
_ENDS = 1000  # kinds of end in all these minutes together
_STEPS = 100  # whose answers are kept apart, however often a script is changed
_ANSWERS = 50  # of each
_TROUBLED = sorted(TROUBLED)


class MongoStatistics:
    """One document for each campaign."""

    def __init__(
        self,
        statistics: Collection[Document],
        *,
        contacts: Collection[Document],
        campaigns: Collection[Document],
        clock: Clock,
        at_once: int = 20_000,
        behind: timedelta = timedelta(seconds=10),
    ) -> None:
        """`at_once`: how many contacts are summed up in one step. `behind`: how far the marks stay behind the clock."""
        self._statistics = statistics
        self._contacts = contacts
        self._campaigns = campaigns
        self._clock = clock
        self._at_once = at_once
        self._behind = behind

    def sample(self) -> None:
        """Note how many permits each running campaign has been granted so far, in one command."""
        noted = {"$concatArrays": [{"$ifNull": ["$samples", []]}, "$$new.samples"]}
        stages: list[Document] = [
            {"$match": {"state": CampaignState.RUNNING}},
            {"$project": {"samples": [{"at": "$$NOW", "dials": {"$ifNull": ["$dials", 0]}}]}},
            {
                "$merge": {
                    "into": self._statistics.name,
                    "on": "_id",
                    "whenMatched": [{"$set": {"samples": {"$slice": [noted, -_SAMPLES]}}}],
                    "whenNotMatched": "insert",
                }
            },
        ]
        with available():
            list(self._campaigns.aggregate(stages, hint=RUNNING_INDEX))

    def sums(self, campaign_id: str, *, within: timedelta, countable: frozenset[KeptAnswer] = frozenset()) -> Sums:
        """Up to now, or as far as the time allows: a long list that nobody has asked about yet takes several looks."""
        began = self._clock.monotonic()
        with available():
            now = database_clock(self._contacts.database)
            sums = self._known(campaign_id)
            horizon = now - self._behind
            while _upto(sums) < horizon and self._clock.monotonic() - began < within.total_seconds():
                sums = self._forward(campaign_id, sums, horizon, countable)
            whole = _upto(sums) >= horizon
            told = self._summed(campaign_id, sums, now, now, countable) if whole else sums
        return _sums_of(told, whole=whole, now=now)

    def _known(self, campaign_id: str) -> Document:
        found = self._statistics.find_one({"_id": campaign_id}) or {}
        if "stories" not in found:
            self._prepare()
        untold = {"upto": _BEGINNING, "outcomes": {}, "ends": [], "answers": []}
        return {"samples": [], "upto": _BEGINNING, "counts": [], "minutes": [], "stories": untold, **found}

    def _prepare(self) -> None:
        """A database from before there were these indexes gets them from its first look; where they are, it is asked
        and no more."""
        made = [(name, *INDEXES[name]) for name in (ENDED_INDEX, REASON_INDEX)]
        self._contacts.create_indexes([IndexModel(keys, name=name, **options) for name, keys, options in made])

    def _forward(
        self, campaign_id: str, sums: Document, horizon: datetime, countable: frozenset[KeptAnswer]
    ) -> Document:
        """One step, written only where nobody else has made it meanwhile. No mark goes back: another process may have
        moved one of them past our horizon."""
        settled_upto = max(sums["upto"], self._step(campaign_id, sums["upto"], horizon))
        ended_upto = max(sums["stories"]["upto"], self._step_of_attempts(campaign_id, sums["stories"]["upto"], horizon))
        after = self._summed(campaign_id, sums, settled_upto, ended_upto, countable)
        kept = {name: after[name] for name in ("upto", "counts", "minutes", "stories")}
        mine = {"_id": campaign_id, "upto": _mark(sums["upto"]), "stories.upto": _mark(sums["stories"]["upto"])}
        try:
            first = sums["upto"] == sums["stories"]["upto"] == _BEGINNING
            written = self._statistics.update_one(mine, {"$set": kept}, upsert=first)
        except DuplicateKeyError:
            return self._known(campaign_id)
        return after if written.matched_count or written.upserted_id else self._known(campaign_id)

    def _step(self, campaign_id: str, upto: datetime, horizon: datetime) -> datetime:
        """Where a step of bounded size ends: found in the index, without a document."""
        ends = [horizon]
        for state in sorted(TERMINAL):
            found = self._contacts.find(
                {"campaign_id": campaign_id, "state": state, "settled_at": {"$gt": upto, "$lte": horizon}},
                {"_id": 0, "settled_at": 1},
                sort=[("settled_at", 1)],
                skip=self._at_once,
                limit=1,
                hint=SETTLED_INDEX,
            )
            ends += [one["settled_at"] for one in found]
        return min(ends)

    def _step_of_attempts(self, campaign_id: str, upto: datetime, horizon: datetime) -> datetime:
        """Where the next contact in the order of the index stands in it: by the first of its ends behind the mark."""
        found = self._contacts.find(
            _ended_between(campaign_id, upto, horizon),
            {"_id": 0, "history.ended_at": 1},
            skip=self._at_once,
            limit=1,
            hint=ENDED_INDEX,
        )
        ends: list[datetime] = [past["ended_at"] for one in found for past in one["history"] if past["ended_at"] > upto]
        return min(ends, default=horizon)

    def _summed(
        self, campaign_id: str, sums: Document, upto: datetime, ended_upto: datetime, countable: frozenset[KeptAnswer]
    ) -> Document:
        settled = {
            "campaign_id": campaign_id,
            "state": {"$in": sorted(TERMINAL)},
            "settled_at": {"$gt": sums["upto"], "$lte": upto},
        }
        (found,) = self._contacts.aggregate([{"$match": settled}, {"$facet": _FACETS}], hint=SETTLED_INDEX)
        return {
            **sums,
            "upto": upto,
            "counts": _added(sums["counts"], found["counts"]),
            "minutes": _latest(sums["minutes"], found["minutes"]),
            "stories": self._summed_attempts(campaign_id, sums["stories"], ended_upto, countable),
        }

    def _summed_attempts(
        self, campaign_id: str, sums: Document, upto: datetime, countable: frozenset[KeptAnswer]
    ) -> Document:
        """A contact's story may hold ends from before the mark and from behind it."""
        stages: list[Document] = [
            {"$match": _ended_between(campaign_id, sums["upto"], upto)},
            {"$unwind": "$history"},
            {"$match": {"history.ended_at": {"$gt": sums["upto"], "$lte": upto}}},
            {"$facet": _FACETS_OF_ATTEMPTS | {"answers": _answers(countable)}},
        ]
        (found,) = self._contacts.aggregate(stages, hint=ENDED_INDEX)
        return {
            "upto": upto,
            "outcomes": dict(Counter(sums["outcomes"]) + Counter({row["_id"]: row["n"] for row in found["outcomes"]})),
            "ends": _latest_ends(sums["ends"], found["ends"]),
            "answers": _added_answers(sums["answers"], found["answers"]),
        }


def _ended_between(campaign_id: str, after: datetime, upto: datetime) -> Document:
    return attempted_in(campaign_id) | {"history": {"$elemMatch": {"ended_at": {"$gt": after, "$lte": upto}}}}


def _upto(sums: Document) -> datetime:
    """How far both of them are."""
    marks: list[datetime] = [sums["upto"], sums["stories"]["upto"]]
    return min(marks)


def _mark(upto: datetime) -> datetime | None:
    """As it is stored; not at all at the beginning."""
    return None if upto == _BEGINNING else upto


_SHORT_REASON = {"$substrCP": [{"$ifNull": ["$reason", ""]}, 0, _LONGEST_REASON]}
_SHORT_DETAIL = {"$substrCP": [{"$ifNull": ["$history.detail", ""]}, 0, _LONGEST_REASON]}
_FACETS: dict[str, Sequence[Document]] = {
    "counts": [
        {
            "$group": {
                "_id": {"state": "$state", "reason": _SHORT_REASON},
                "n": {"$sum": 1},
                "attempts": {"$sum": "$used"},
                "attempted": {"$sum": {"$cond": [{"$gt": ["$used", 0]}, 1, 0]}},
            }
        }
    ],
    "minutes": [{"$group": {"_id": {"$dateTrunc": {"date": "$settled_at", "unit": "minute"}}, "n": {"$sum": 1}}}],
}
_FACETS_OF_ATTEMPTS: dict[str, Sequence[Document]] = {
    "outcomes": [{"$group": {"_id": "$history.outcome", "n": {"$sum": 1}}}],
    "ends": [
        {
            "$group": {
                "_id": {
                    "at": {"$dateTrunc": {"date": "$history.ended_at", "unit": "minute"}},
                    "outcome": "$history.outcome",
                    "detail": {"$cond": [{"$in": ["$history.outcome", _TROUBLED]}, _SHORT_DETAIL, ""]},
                },
                "n": {"$sum": 1},
            }
        },
        {"$sort": {"_id.at": -1}},
        {"$limit": _ENDS},
    ],
}


def _answers(countable: frozenset[KeptAnswer]) -> Sequence[Document]:
    """By name and answer, as each story has them when it is read: what is not countable never leaves it."""
    known = literal([{"k": name, "v": answer} for name, answer in sorted(countable)])
    told = {"$cond": [{"$in": ["$answer", known]}, "$answer.v", OTHER]}
    return [
        {"$project": {"answer": {"$objectToArray": {"$ifNull": ["$history.answers", literal({})]}}}},
        {"$unwind": "$answer"},
        {"$group": {"_id": {"step": "$answer.k", "answer": told}, "n": {"$sum": 1}}},
    ]


def _added(known: Sequence[Document], new: Sequence[Document]) -> list[Document]:
    """By state and reason; beyond the most frequent reasons of a state, under `other`."""
    rows: dict[tuple[str, str], Counter[str]] = {(one["state"], one["reason"]): _numbers(one) for one in known}
    for one in new:
        key = (one["_id"]["state"], one["_id"]["reason"])
        rows.setdefault(_apart(rows, key, most=_REASONS), Counter()).update(_numbers(one))
    return [{"state": state, "reason": reason, **numbers} for (state, reason), numbers in sorted(rows.items())]


def _added_answers(known: Sequence[Document], new: Sequence[Document]) -> list[Document]:
    """Beyond the answers that are kept apart of a step, and beyond so many steps, under `other`."""
    rows: Counter[KeptAnswer] = Counter({(one["step"], one["answer"]): one["n"] for one in known})
    for one in new:
        step, answer = one["_id"]["step"], one["_id"]["answer"]
        steps = {known_step for known_step, _ in rows}
        within = step in steps or len(steps) < _STEPS
        rows[_apart(rows, (step if within else OTHER, answer), most=_ANSWERS)] += one["n"]
    return [{"step": step, "answer": answer, "n": n} for (step, answer), n in sorted(rows.items())]


def _apart(rows: Mapping[tuple[str, str], object], key: tuple[str, str], *, most: int) -> tuple[str, str]:
    """Itself, while there are fewer than so many that begin alike; then `other` beside the same beginning."""
    first, _ = key
    return key if key in rows or sum(one == first for one, _ in rows) < most else (first, OTHER)


def _numbers(row: Document) -> Counter[str]:
    return Counter({name: row.get(name, 0) for name in ("n", "attempts", "attempted")})


def _latest(known: Sequence[Document], new: Sequence[Document]) -> list[Document]:
    minutes: Counter[datetime] = Counter({one["at"]: one["n"] for one in known})
    minutes.update({one["_id"]: one["n"] for one in new})
    return [{"at": at, "n": n} for at, n in sorted(minutes.items())[-_MINUTES:]]


def _latest_ends(known: Sequence[Document], new: Sequence[Document]) -> list[Document]:
    """By minute, outcome and detail: the last hour of them, and of that no more than are kept."""
    ends: Counter[tuple[datetime, str, str]] = Counter()
    ends.update({(one["at"], one["outcome"], one["detail"]): one["n"] for one in known})
    ends.update({(one["_id"]["at"], one["_id"]["outcome"], one["_id"]["detail"]): one["n"] for one in new})
    first = max((at for at, _, _ in ends), default=_BEGINNING) - timedelta(minutes=_MINUTES - 1)
    rows = [
        {"at": at, "outcome": outcome, "detail": detail, "n": n}
        for (at, outcome, detail), n in sorted(ends.items())
        if at >= first
    ]
    return rows[-_ENDS:]


def _by_step(rows: Sequence[Document]) -> dict[str, dict[str, int]]:
    told: dict[str, dict[str, int]] = {one["step"]: {} for one in rows}
    for one in sorted(rows, key=lambda one: -one["n"]):
        told[one["step"]][one["answer"]] = one["n"]
    return told


def _sums_of(sums: Document, *, whole: bool, now: datetime) -> Sums:
    counts: list[dict[str, Any]] = sums["counts"]
    return Sums(
        ended=[Ended(state=one["state"], reason=one["reason"], contacts=one["n"]) for one in counts],
        attempts=sum(one["attempts"] for one in counts),
        attempted=sum(one["attempted"] for one in counts),
        outcomes=dict(sums["stories"]["outcomes"]),
        settled_by_minute=[(one["at"], one["n"]) for one in sums["minutes"]],
        dials_by_minute=[(one["at"], one["dials"]) for one in sums["samples"]],
        ends=[
            Ends(at=one["at"], outcome=one["outcome"], detail=one["detail"], attempts=one["n"])
            for one in sums["stories"]["ends"]
        ],
        answers=_by_step(sums["stories"]["answers"]),
        upto=now if whole else _upto(sums),
        whole=whole,
        now=now,
    )
