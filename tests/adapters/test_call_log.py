"""The carrier's call log, as an audit reads it: every call once, page by page, from where the last page ended."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from decimal import Decimal

import pytest

from dialer.adapters.call_log import TwilioCallLog
from dialer.carrier_answers import Placed
from dialer.errors import Unavailable
from dialer.model import CallRecord
from dialer.office_ports import LogPlace
from local.carrier.control import Carrier, running
from tests.adapters.calling import ACCOUNT, TOKEN, a_request, call_log, dialer
from tests.builders import now
from tests.carrier.receiver import Receiver

HOUR = timedelta(hours=1)
TO_TALK = {"kind": "human", "ring": 1, "talk": 70}


@pytest.fixture(scope="module")
def carrier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Carrier]:
    state = tmp_path_factory.mktemp("carrier")
    with running(state, account_sid=ACCOUNT, token=TOKEN, time_scale=0.002, events_lag=0) as carrier:
        yield carrier


@pytest.fixture
def log(carrier: Carrier) -> Iterator[TwilioCallLog]:
    with call_log(carrier.url) as one:
        yield one
    carrier.set_faults()


def called(carrier: Carrier, from_number: str, *, voice_url: str = "http://127.0.0.1:9", attempt: str = "") -> str:
    request = a_request(from_number=from_number, attempt_id=attempt or "contact-attempt")
    answer = dialer(carrier.url, timeout_s=5, voice_url=voice_url).place(request)
    assert isinstance(answer, Placed)
    return answer.sid


def all_pages(log: TwilioCallLog, from_number: str, *, size: int) -> list[list[CallRecord]]:
    pages, at = list[list[CallRecord]](), LogPlace()
    while True:
        page = log.page(from_number, since=now() - HOUR, until=now() + HOUR, at=at, size=size)
        pages.append(list(page.calls))
        if page.next is None:
            return pages
        at = page.next


def test_every_call_from_a_number_is_on_one_page_and_no_other_number_s(carrier: Carrier, log: TwilioCallLog) -> None:
    sids = [called(carrier, "+12015550190") for _ in range(7)]
    called(carrier, "+12015550191")
    carrier.wait_idle()
    pages = all_pages(log, "+12015550190", size=3)
    assert [len(page) for page in pages] == [3, 3, 1]
    assert sorted(call.sid for page in pages for call in page) == sorted(sids)


def test_a_call_from_outside_the_days_is_on_no_page(carrier: Carrier, log: TwilioCallLog) -> None:
    called(carrier, "+12015550192")
    carrier.wait_idle()
    for away in (timedelta(days=-2), timedelta(days=2)):
        page = log.page("+12015550192", since=now() + away - HOUR, until=now() + away, at=LogPlace(), size=10)
        assert (page.calls, page.next) == ([], None)


def test_it_says_how_long_a_call_was_and_what_it_cost(carrier: Carrier, log: TwilioCallLog) -> None:
    carrier.set_fates({}, mix=[{"weight": 1, **TO_TALK}])
    with closing(Receiver()) as voice:
        called(carrier, "+12015550193", voice_url=f"http://127.0.0.1:{voice.port}")
        carrier.wait_idle()
    carrier.set_fates()
    ((call,),) = all_pages(log, "+12015550193", size=10)
    assert call.duration is not None
    assert call.duration >= timedelta(seconds=1)
    assert call.price is not None
    assert call.price < Decimal(0)


def test_a_page_that_does_not_come_whole_is_no_page(carrier: Carrier, log: TwilioCallLog) -> None:
    for kind in ("500", "truncated", "cut", "429"):
        carrier.set_faults(requests=[{"kind": kind, "op": "list"}])
        with pytest.raises(Unavailable):
            log.page("+12015550194", since=now() - HOUR, until=now(), at=LogPlace(), size=10)


def test_the_attempts_behind_a_call_are_those_its_requests_were_about(carrier: Carrier, log: TwilioCallLog) -> None:
    sid = called(carrier, "+12015550195", attempt="contact-abc")
    carrier.wait_idle()
    assert log.attempts_behind(sid) == {"contact-abc"}
    with pytest.raises(Unavailable):
        log.attempts_behind("CA" + "0" * 32)
