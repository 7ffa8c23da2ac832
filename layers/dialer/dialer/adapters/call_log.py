"""The carrier's call log, page by page, and what its request log says of one call."""

import re
from datetime import UTC, datetime, time, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from twilio.rest import Client

from dialer.adapters.carrier import answering, record_of
from dialer.office_ports import LogPage, LogPlace

_OURS = re.compile(r"/voice/[^/?#]+/([^/?#]+)/")


class TwilioCallLog:
    """Reads only; half an answer is Unavailable."""

    def __init__(self, twilio: Client) -> None:
        self._twilio = twilio

    def page(self, from_number: str, *, since: datetime, until: datetime, at: LogPlace, size: int) -> LogPage:
        """Where a page begins is told by its token and number: a URL could lead the account's credentials elsewhere."""
        place: dict[str, Any] = {"page_token": at.token, "page_number": at.page} if at.token else {}
        with answering():
            found = self._twilio.calls.page(
                from_=from_number,
                start_time_after=_midnight(since),
                start_time_before=_midnight(until) + timedelta(days=1),
                page_size=size,
                **place,
            )
            calls = [record_of(call, from_number) for call in found]
            return LogPage(calls=calls, next=_place(found.next_page_url))

    def attempts_behind(self, sid: str) -> frozenset[str]:
        with answering():
            events = self._twilio.calls(sid).events.list()
            urls = [str((event.request or {}).get("url", "")) for event in events]
        return frozenset(found[1] for url in urls if (found := _OURS.search(url)))


def _midnight(moment: datetime) -> datetime:
    return datetime.combine(moment.astimezone(UTC).date(), time.min, UTC)


def _place(url: str | None) -> LogPlace | None:
    if not url:
        return None
    query = parse_qs(urlsplit(url).query)
    return LogPlace(page=int(query["Page"][0]), token=query["PageToken"][0])
