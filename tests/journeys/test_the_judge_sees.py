"""The journeys cannot pass in vain: a second request and a forgotten row turn the verdict red."""

import urllib.parse
import urllib.request
from base64 import b64encode

from tests.journeys.conftest import Numbers
from tests.journeys.journey import Journey


def test_a_second_request_for_one_attempt_is_a_duplicate(journey: Journey, numbers: Numbers) -> None:
    campaign = journey.campaign(numbers(2))
    journey.finish(campaign)
    _repeat(journey, journey.requests()[0])
    journey.carrier.wait_idle()
    verdict = journey.verdict(campaign)
    assert not verdict["ok"]
    assert verdict["posts_per_attempt_over_1"]


def test_somebody_who_was_not_called_is_lost(journey: Journey, numbers: Numbers) -> None:
    campaign = journey.campaign(numbers(2))
    journey.ask(campaign, "pause")
    journey.carrier.wait_idle()
    verdict = journey.verdict(campaign)
    assert not verdict["ok"]
    assert verdict["lost"]


def _repeat(journey: Journey, request: dict[str, str]) -> None:
    """What a dialer would do that retries its request."""
    world = journey.world
    account = world.wish.account_sid
    about = f"{world.voice_url}/voice/{request['contact_id']}/{request['attempt_id']}"
    fields = {
        "To": request["to"],
        "From": request["from"],
        "Url": f"{about}/answer",
        "StatusCallback": f"{about}/status",
    }
    again = urllib.request.Request(
        f"{world.carrier_url}/2010-04-01/Accounts/{account}/Calls.json", data=urllib.parse.urlencode(fields).encode()
    )
    again.add_header("Authorization", "Basic " + b64encode(f"{account}:{world.auth_token}".encode()).decode())
    urllib.request.urlopen(again, timeout=20).close()
