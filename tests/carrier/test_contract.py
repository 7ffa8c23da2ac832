"""The API is Twilio's as the real client speaks it: create, list, page, fetch, update, delete, errors."""

from datetime import UTC, datetime, timedelta

import pytest
from twilio.base.exceptions import TwilioRestException

from tests.carrier.conftest import FROM, SID, Connect, Dial, StartCarrier
from tests.carrier.receiver import Receiver

SAY = "<Response><Say>Hello</Say></Response>"


def test_a_new_call_is_queued_and_not_yet_started(carrier: StartCarrier, connect: Connect, phone: str) -> None:
    call = connect(carrier()).calls.create(to=phone, from_=FROM, twiml=SAY)
    assert call.sid.startswith("CA")
    assert len(call.sid) == 34
    assert (call.status, call.direction, call.account_sid, call.api_version) == (
        "queued",
        "outbound-api",
        SID,
        "2010-04-01",
    )
    assert (call.to, call._from, call.queue_time) == (phone, FROM, "0")
    assert (call.start_time, call.end_time, call.duration, call.answered_by, call.parent_call_sid) == (None,) * 5
    assert abs(call.date_created - datetime.now(UTC)) < timedelta(seconds=5)


def test_a_finished_call_can_be_fetched_with_its_times(carrier: StartCarrier, connect: Connect, phone: str) -> None:
    ours = carrier()
    client = connect(ours)
    sid = client.calls.create(to=phone, from_=FROM, twiml=SAY).sid
    ours.wait_idle()
    call = client.calls(sid).fetch()
    assert call.status == "completed"
    assert call.start_time is not None
    assert call.end_time is not None
    assert int(call.duration) >= 1


@pytest.mark.parametrize(
    ("fate", "status"),
    [
        ("human", "completed"),
        ("machine", "completed"),
        ("fax", "completed"),
        ("slow", "completed"),
        ("busy", "busy"),
        ("rejected", "busy"),
        ("no-answer", "no-answer"),
        ("failed", "failed"),
    ],
)
def test_every_fate_ends_as_it_must(
    carrier: StartCarrier, connect: Connect, phone: str, fate: str, status: str
) -> None:
    ours = carrier()
    ours.set_fates({phone: fate})
    call = connect(ours).calls.create(to=phone, from_=FROM, twiml=SAY)
    ours.wait_idle()
    assert call.fetch().status == status
    assert (call.fetch().duration is not None) == (status == "completed")


def test_ringing_longer_than_the_timeout_is_no_answer(carrier: StartCarrier, connect: Connect, phone: str) -> None:
    ours = carrier()
    ours.set_fates({phone: "slow"})
    call = connect(ours).calls.create(to=phone, from_=FROM, twiml=SAY, timeout=20)
    ours.wait_idle()
    assert call.fetch().status == "no-answer"


def test_a_list_of_fates_serves_successive_calls_and_its_last_repeats(
    carrier: StartCarrier, connect: Connect, phone: str
) -> None:
    ours = carrier()
    ours.set_fates({phone: ["busy", "failed", "no-answer"]})
    client = connect(ours)
    for _ in range(4):
        client.calls.create(to=phone, from_=FROM, twiml=SAY)
        ours.wait_idle()
    assert [call.status for call in client.calls.list(to=phone)] == ["no-answer", "no-answer", "failed", "busy"]


def test_the_list_is_newest_first_and_filters(carrier: StartCarrier, connect: Connect, phone: str) -> None:
    ours = carrier()
    ours.set_fates({phone: ["busy", "human"]})
    client = connect(ours)
    first, second = (client.calls.create(to=phone, from_=FROM, twiml=SAY).sid for _ in range(2))
    ours.wait_idle()
    soon = datetime.now(UTC) + timedelta(days=1)
    long_ago = datetime.now(UTC) - timedelta(days=1)
    assert [call.sid for call in client.calls.list(to=phone)] == [second, first]
    assert [call.sid for call in client.calls.list(to=phone, status="busy")] == [first]
    assert client.calls.list(to=phone, from_="+15550000000") == []
    assert client.calls.list(to=phone, parent_call_sid=first) == []
    assert len(client.calls.list(to=phone, start_time_after=long_ago, end_time_before=soon)) == 2
    assert client.calls.list(to=phone, start_time_before=long_ago) == []
    assert len(client.calls.list(to=phone, start_time=datetime.now(UTC).date())) == 2


def test_a_filter_on_the_start_hides_a_call_not_yet_dialed(carrier: StartCarrier, connect: Connect, phone: str) -> None:
    client = connect(carrier(cps=0.5))
    client.calls.create(to=phone, from_=FROM, twiml=SAY)
    waiting = client.calls.create(to=phone, from_=FROM, twiml=SAY).sid
    day = datetime.now(UTC) - timedelta(days=1)
    assert waiting in [call.sid for call in client.calls.list(to=phone)]
    assert waiting not in [call.sid for call in client.calls.list(to=phone, start_time_after=day)]


def test_pages_hold_every_call_once(carrier: StartCarrier, connect: Connect, phone: str) -> None:
    client = connect(carrier())
    sids = [client.calls.create(to=phone, from_=FROM, twiml=SAY).sid for _ in range(7)]
    assert [call.sid for call in client.calls.list(to=phone, page_size=3)] == sids[::-1]
    page = client.calls.page(to=phone, page_size=3)
    assert len(list(page)) == 3
    client.calls.create(to=phone, from_=FROM, twiml=SAY)
    assert [call.sid for call in page.next_page()] == sids[3:0:-1]


def test_a_new_call_appears_in_the_list_after_the_lag(carrier: StartCarrier, connect: Connect, phone: str) -> None:
    ours = carrier(list_lag=0.3)
    client = connect(ours)
    sid = client.calls.create(to=phone, from_=FROM, twiml=SAY).sid
    assert client.calls.list(to=phone) == []
    assert client.calls(sid).fetch().sid == sid
    created = ours.calls()[0]["created"]
    while not (listed := client.calls.list(to=phone)):
        pass
    assert [call.sid for call in listed] == [sid]
    assert datetime.now(UTC).timestamp() - created >= 0.3


def test_a_call_waiting_or_ringing_can_be_canceled(carrier: StartCarrier, connect: Connect, phone: str) -> None:
    ours = carrier(time_scale=1)
    client = connect(ours)
    sid = client.calls.create(to=phone, from_=FROM, twiml=SAY).sid
    assert client.calls(sid).update(status="canceled").status == "canceled"
    assert ours.wait_idle()["active"] == 0
    assert client.calls(sid).fetch().end_time is not None


def test_an_answered_call_is_not_canceled_but_can_be_completed(
    carrier: StartCarrier, connect: Connect, phone: str
) -> None:
    ours = carrier(time_scale=1)
    ours.set_fates({phone: {"kind": "human", "ring": 0}})
    client = connect(ours)
    call = client.calls.create(to=phone, from_=FROM, twiml="<Response><Pause length='60'/></Response>")
    while call.fetch().status != "in-progress":
        pass
    assert call.update(status="canceled").status == "in-progress"
    assert call.update(status="completed").status == "completed"
    assert call.update(status="completed").status == "completed"
    with pytest.raises(TwilioRestException) as refused:
        call.update(twiml=SAY)
    assert (refused.value.status, refused.value.code) == (400, 21220)


def test_an_answered_call_can_be_redirected(
    carrier: StartCarrier, connect: Connect, receiver: Receiver, phone: str
) -> None:
    ours = carrier(time_scale=0.1)
    ours.set_fates({phone: {"kind": "human", "ring": 0, "talk": 600}})
    call = connect(ours).calls.create(to=phone, from_=FROM, twiml="<Response><Pause length='600'/></Response>")
    while call.fetch().status != "in-progress":
        pass
    receiver.answers["/elsewhere"] = "<Response><Hangup/></Response>"
    call.update(url=f"{receiver.url}/elsewhere")
    ours.wait_idle()
    assert call.fetch().status == "completed"
    assert [got.path for got in receiver.got] == ["/elsewhere"]


def test_a_deleted_call_is_gone(carrier: StartCarrier, connect: Connect, phone: str) -> None:
    ours = carrier()
    client = connect(ours)
    call = client.calls.create(to=phone, from_=FROM, twiml=SAY)
    ours.wait_idle()
    assert call.delete()
    with pytest.raises(TwilioRestException) as missing:
        call.fetch()
    assert (missing.value.status, missing.value.code) == (404, 20404)
    assert client.calls.list(to=phone) == []


def test_events_show_every_request_once_the_call_is_over_for_long_enough(
    carrier: StartCarrier, connect: Connect, dial: Dial, phone: str
) -> None:
    ours = carrier(events_lag=200)
    call = dial(connect(ours), phone, attempt="attempt-7")
    ours.wait_idle()
    assert call.events.list() == []
    while not (events := call.events.list()):
        pass
    assert len(events) == 5
    assert all("/voice/c1/attempt-7/" in str(event.request["url"]) for event in events)
    assert events[0].request["parameters"]["call_sid"] == call.sid
    assert events[0].response["response_code"] == 200


def test_events_are_paged(carrier: StartCarrier, connect: Connect, dial: Dial, phone: str) -> None:
    ours = carrier(events_lag=0)
    call = dial(connect(ours), phone)
    ours.wait_idle()
    assert len(call.events.list(page_size=2)) == 5


def test_wrong_credentials_are_refused(carrier: StartCarrier, connect: Connect, phone: str) -> None:
    with pytest.raises(TwilioRestException) as refused:
        connect(carrier(), token="wrong").calls.create(to=phone, from_=FROM, twiml=SAY)
    assert (refused.value.status, refused.value.code) == (401, 20003)


def test_another_account_is_not_found(carrier: StartCarrier, connect: Connect, phone: str) -> None:
    client = connect(carrier())
    with pytest.raises(TwilioRestException) as refused:
        client.api.v2010.accounts("AC" + "2" * 32).calls.create(to=phone, from_=FROM, twiml=SAY)
    assert (refused.value.status, refused.value.code) == (404, 20404)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"to": ""}, 21201),
        ({"from_": ""}, 21213),
        ({"to": "12"}, 21211),
        ({"from_": "nobody"}, 21212),
        ({"twiml": ""}, 21205),
        ({"twiml": "", "url": "ftp://example.org/"}, 21205),
        ({"status_callback": "nowhere"}, 21609),
        ({"status_callback_event": ["exploded"]}, 21626),
        ({"send_digits": "x"}, 21206),
        ({"timeout": 601}, 21208),
        ({"method": "PUT"}, 21209),
        ({"to": "+15005550001"}, 21217),
        ({"to": "+15005550002"}, 21214),
        ({"to": "+15005550003"}, 21215),
        ({"to": "+15005550004"}, 21216),
    ],
)
def test_what_twilio_refuses_is_refused_with_its_code(
    carrier: StartCarrier, connect: Connect, phone: str, asked: dict[str, object], code: int
) -> None:
    ours = carrier()
    before = len(ours.calls())
    with pytest.raises(TwilioRestException) as refused:
        connect(ours).calls.create(**({"to": phone, "from_": FROM, "twiml": SAY} | asked))
    assert (refused.value.status, refused.value.code) == (400, code)
    assert len(ours.calls()) == before


def test_a_number_can_be_refused_with_any_code(carrier: StartCarrier, connect: Connect, phone: str) -> None:
    ours = carrier()
    ours.set_fates(
        {phone: [{"kind": "refuse", "code": 13224}, {"kind": "refuse", "code": 12345, "status": 403}, "human"]}
    )
    client = connect(ours)
    seen = []
    for _ in range(2):
        with pytest.raises(TwilioRestException) as refused:
            client.calls.create(to=phone, from_=FROM, twiml=SAY)
        seen.append((refused.value.status, refused.value.code))
    assert seen == [(400, 13224), (403, 12345)]
    assert client.calls.create(to=phone, from_=FROM, twiml=SAY).status == "queued"
