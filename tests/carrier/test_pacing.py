"""Calls are dialed no faster than the account allows; what comes faster waits, or is refused."""

import pytest
from twilio.base.exceptions import TwilioRestException

from local.carrier.control import Carrier
from tests.carrier.conftest import FROM, Connect, StartCarrier

SAY = "<Response><Say>Hello</Say></Response>"


def starts(carrier: Carrier) -> list[float]:
    return [call["started"] for call in carrier.calls()]


def test_calls_above_the_limit_wait_as_queued_and_say_how_long(
    carrier: StartCarrier, connect: Connect, phone: str
) -> None:
    ours = carrier(cps=10)
    client = connect(ours)
    calls = [client.calls.create(to=f"{phone}{n}", from_=FROM, twiml=SAY) for n in range(5)]
    waits = [int(call.queue_time) for call in calls]
    assert {call.status for call in calls} == {"queued"}
    assert waits[0] == 0
    assert 300 < waits[4] <= 400
    assert ours.state()["queued"] > 0
    ours.wait_idle()
    gaps = [later - earlier for earlier, later in zip(starts(ours), starts(ours)[1:], strict=False)]
    assert min(gaps) > 0.07
    assert ours.state()["queued"] == 0


def test_a_full_queue_refuses(carrier: StartCarrier, connect: Connect, phone: str) -> None:
    ours = carrier(cps=1, queue_limit=2)
    client = connect(ours)
    for n in range(3):
        client.calls.create(to=f"{phone}{n}", from_=FROM, twiml=SAY)
    with pytest.raises(TwilioRestException) as refused:
        client.calls.create(to=phone, from_=FROM, twiml=SAY)
    assert (refused.value.status, refused.value.code) == (429, 15001)
    assert len(ours.calls()) == 3


def test_too_many_requests_are_not_processed(carrier: StartCarrier, connect: Connect, phone: str) -> None:
    ours = carrier(rate_limit=3)
    client = connect(ours)
    codes = []
    for n in range(6):
        try:
            client.calls.create(to=f"{phone}{n}", from_=FROM, twiml=SAY)
        except TwilioRestException as refused:
            codes.append((refused.status, refused.code))
    assert codes == [(429, 20429)] * 3
    assert len(ours.calls()) == 3
