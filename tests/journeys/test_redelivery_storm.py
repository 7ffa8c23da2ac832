"""The queue delivers every message many times, at once and in every order, and nothing but the database remembers."""

from concurrent.futures import ThreadPoolExecutor
from random import Random

from tests.journeys.conftest import Numbers
from tests.journeys.journey import CALL_FUNCTIONS, Journey

COPIES = 25


def test_in_a_storm_of_redeliveries_everybody_is_called_once(journey: Journey, numbers: Numbers) -> None:
    """One half comes through the queue, the other in batches that hold every message, each in an order of its own."""
    people, luck = numbers(10), Random(5)
    with journey.idempotency_disabled():
        with journey.messages_kept():
            campaign = journey.campaign(people)
            messages = journey.take_messages(campaign, count=len(people))
        storm = messages * (COPIES // 2)
        luck.shuffle(storm)
        batches = [luck.sample(messages, len(messages)) for _ in range(COPIES - COPIES // 2)]
        with ThreadPoolExecutor(CALL_FUNCTIONS) as at_once:
            sending = at_once.submit(journey.send_messages, storm)
            list(at_once.map(journey.hand_over, batches))
            sending.result()
        journey.drain()
        journey.finish(campaign)
    assert journey.states(campaign) == dict.fromkeys(people, "done")
    journey.assert_kept(campaign, requests=len(people))
