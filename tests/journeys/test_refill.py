"""A line that has become free is used again within seconds: nobody waits for the next minute's tick."""

from tests.journeys.conftest import Numbers
from tests.journeys.journey import HUMAN, TIME_SCALE, Journey, until

LINES, PEOPLE, MINUTE_S = 2, 8, 60
TALK_S = 1 / TIME_SCALE  # one of our seconds


def test_few_lines_call_many_within_a_minute_and_the_last_one_that_is_free_is_used_too(
    journey: Journey, numbers: Numbers
) -> None:
    """Nobody ticks: the schedule of these worlds sleeps, so whoever is called beyond the first is by a refill."""
    first, people = numbers(LINES), numbers(LINES + PEOPLE)[LINES:]
    warm_up = journey.campaign(first)
    journey.finish(warm_up)  # a function's first start would be measured too
    journey.fates({phone: {**HUMAN, "talk": TALK_S} for phone in people})
    call = {"say": "Hello {name}.", "ring_timeout_s": 15, "talk_limit_s": 600, "opt_out_digit": "9"}
    campaign = journey.campaign(people, max_concurrent=LINES, call=call)
    until(
        lambda: journey.in_state("done", campaign) == PEOPLE,
        seconds=2 * MINUTE_S,
        what=lambda: journey.show(campaign)["counts"],
    )
    moments = sorted(request["at"] for request in journey.requests() if request["to"] in people)
    assert moments[-1] - moments[0] < MINUTE_S
    assert journey.most_at_once() == LINES
    journey.assert_kept(warm_up, campaign, requests=LINES + PEOPLE)
