"""Call functions are stopped wherever they happen to be, their messages come again meanwhile, and then they go on.

The moments are drawn from a seed and spread over a whole invocation: nobody chose the steps between which it happens.
"""

import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from random import Random

from tests.journeys.conftest import Numbers
from tests.journeys.journey import BOUNDS, DIAL_GUARD_S, Journey

AT_ONCE = 4
ROUNDS = 3  # one is enough, unless the machine is too busy for its functions to take as long as they took before
PAUSES = (0.3, 1.5 * DIAL_GUARD_S, 1.2 * int(BOUNDS["PostTimeoutSeconds"]))


def test_functions_stopped_anywhere_and_thawed_call_everybody_once(journey: Journey, numbers: Numbers) -> None:
    luck, people = Random(11), numbers(AT_ONCE * (2 + ROUNDS * len(PAUSES)))
    groups = [people[first : first + AT_ONCE] for first in range(0, len(people), AT_ONCE)]
    campaigns, stood, in_the_middle, took = list[str](), Counter[str](), 0, 0.0
    with journey.idempotency_disabled(), ThreadPoolExecutor(2 * AT_ONCE) as at_once:
        for group, pause in zip(groups, (None, None, *ROUNDS * PAUSES), strict=True):
            if in_the_middle >= AT_ONCE and len(campaigns) >= 2 + len(PAUSES):
                break
            with journey.messages_kept():
                campaigns.append(journey.campaign(group))
                messages = journey.take_messages(campaigns[-1], count=AT_ONCE)
            with journey.call_functions_at_once(2 * AT_ONCE):
                if pause is None:  # the first time to warm up, the second to see how long it takes
                    began = time.monotonic()
                    list(at_once.map(journey.hand_over, [[message] for message in messages]))
                    took = time.monotonic() - began
                    continue
                running = _begun(at_once, journey, messages, for_s=[luck.uniform(0, took) for _ in messages])
                with journey.call_functions_frozen():
                    stood.update(journey.states(campaigns[-1]).values())
                    in_the_middle += sum(not one.done() for one in running)
                    again = [at_once.submit(journey.hand_over, [message]) for message in messages]
                    journey.pass_time(campaigns[-1])
                    time.sleep(pause)
                for one in (*running, *again):
                    one.result()
        journey.finish(*campaigns)
    assert in_the_middle >= AT_ONCE, f"{in_the_middle} were at work when they were stopped"
    assert len(stood) > 1, stood
    assert {state for campaign in campaigns for state in journey.states(campaign).values()} == {"done"}
    journey.assert_kept(*campaigns, requests=AT_ONCE * len(campaigns))


def _begun(
    at_once: ThreadPoolExecutor, journey: Journey, messages: Sequence[str], *, for_s: Sequence[float]
) -> list[Future[None]]:
    """Each function has been at work for its own time when this returns."""
    began, longest, running = time.monotonic(), max(for_s), list[Future[None]]()
    for spent, message in sorted(zip(for_s, messages, strict=True), reverse=True):
        time.sleep(max(0.0, began + longest - spent - time.monotonic()))
        running.append(at_once.submit(journey.hand_over, [message]))
    time.sleep(max(0.0, began + longest - time.monotonic()))
    return running
