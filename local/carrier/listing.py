"""The list of calls as Twilio pages it: newest first, filtered, a new call appearing only after the lag."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from itertools import dropwhile, islice
from typing import Any
from urllib.parse import urlencode

from local.carrier.calls import Call, CallBook
from local.carrier.refusals import INVALID_PARAMETER, Refusal
from local.carrier.resource import resource

USUAL_PAGE, LARGEST_PAGE = 50, 1000
Query = Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Paging:
    """`after`: the sid the page before ended with."""

    size: int
    page: int
    after: str | None

    @property
    def skip(self) -> int:
        """Without a token a page number alone still counts from the start."""
        return 0 if self.after is not None else self.page * self.size


def page_of_calls(calls: CallBook, path: str, query: Query, *, lag: float, half: bool = False) -> dict[str, Any]:
    paging = read_paging(query)
    rows = _from(paging, _fitting(calls, query, lag))
    found = list(islice(rows, paging.skip, paging.skip + paging.size + 1))
    shown = found[: paging.size]
    if half:
        shown = shown[: len(shown) // 2]
    last = shown[-1].sid if shown else paging.after or ""
    return page(path, query, paging, "calls", list(map(resource, shown)), last if len(found) > len(shown) else None)


def page(
    path: str, query: Query, paging: Paging, name: str, records: list[dict[str, Any]], last: str | None
) -> dict[str, Any]:
    """Twilio's envelope; `last` is the id to go on from, None on the last page."""
    filters = {key: value for key, value in query.items() if key not in ("Page", "PageToken", "PageSize")}
    start = paging.page * paging.size

    def uri(number: int, **more: str) -> str:
        return f"{path}?{urlencode({**filters, 'PageSize': paging.size, 'Page': number, **more})}"

    return {
        name: records,
        "first_page_uri": uri(0),
        "next_page_uri": None if last is None else uri(paging.page + 1, PageToken=f"PA{last}"),
        "previous_page_uri": uri(paging.page - 1) if paging.page else None,
        "page": paging.page,
        "page_size": paging.size,
        "start": start,
        "end": start + max(0, len(records) - 1),
        "uri": uri(paging.page),
    }


def read_paging(query: Query) -> Paging:
    try:
        size, number = int(query.get("PageSize", USUAL_PAGE)), int(query.get("Page", 0))
    except ValueError as error:
        raise Refusal(INVALID_PARAMETER, "Page and PageSize must be whole numbers.") from error
    token = query.get("PageToken")
    after = token.removeprefix("PA") if token is not None else None
    return Paging(size=min(max(size, 1), LARGEST_PAGE), page=max(number, 0), after=after)


def _from(paging: Paging, rows: Iterable[Call]) -> Iterable[Call]:
    if not paging.after:
        return rows
    return islice(dropwhile(lambda call: call.sid != paging.after, rows), 1, None)


def _fitting(calls: CallBook, query: Query, lag: float) -> Iterable[Call]:
    """A call not yet dialed has no start: every filter on StartTime hides it, as on Twilio."""
    visible, spans = time.time() - lag, list(_spans(query))
    for call in calls.newest_first(query.get("To", "")):
        if call.created <= visible and _matches(call, query) and all(span.holds(call) for span in spans):
            yield call


def _matches(call: Call, query: Query) -> bool:
    """No call here has a parent."""
    from_, status = query.get("From"), query.get("Status")
    return (
        from_ in (None, "", call.order.from_) and status in (None, "", call.status) and not query.get("ParentCallSid")
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """A filter on a time: `sign` > from its begin on, < before it, or within it."""

    name: str
    sign: str
    begin: float
    end: float

    def holds(self, call: Call) -> bool:
        at = call.started if self.name == "StartTime" else call.ended
        if at is None:
            return False
        early_enough = self.sign == ">" or at < (self.begin if self.sign == "<" else self.end)
        return early_enough and (self.sign == "<" or at >= self.begin)


def _spans(query: Query) -> Iterable[Span]:
    for name in ("StartTime", "EndTime"):
        for sign in ("", ">", "<"):
            if given := query.get(f"{name}{sign}"):
                begin, end = _span(given)
                yield Span(name=name, sign=sign, begin=begin, end=end)


def _span(given: str) -> tuple[float, float]:
    """A date is its whole day, and so is midnight: the client writes dates that way. Another moment is its second."""
    try:
        moment = datetime.fromisoformat(given).replace(tzinfo=UTC)
    except ValueError as error:
        raise Refusal(INVALID_PARAMETER, f"{given} is not a date.") from error
    length = timedelta(days=1) if moment.time() == time_of_day.min else timedelta(seconds=1)
    return moment.timestamp(), (moment + length).timestamp()
