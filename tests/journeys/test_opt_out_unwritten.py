"""Somebody opts out while the database is away for longer than the carrier asks: it is written when it is back."""

from local.carrier.control import Json
from tests.journeys.conftest import Numbers
from tests.journeys.journey import Journey, until
from tests.journeys.test_content import LONG, SURVEY, answers, heard, talking

UNAVAILABLE, TRIES = 503, 3


def keypresses(journey: Journey) -> list[Json]:
    """What became of telling the dialer of a key, try by try."""
    return [one for one in journey.ledger() if one["kind"] == "callback" and one["event"] == "keypress"]


def test_who_opts_out_while_the_database_is_frozen_is_never_called_again(journey: Journey, numbers: Numbers) -> None:
    (person,) = numbers(1)
    journey.fates({person: talking(digits=["9"])})
    journey.carrier.set_faults(callbacks=[{"event": ["keypress"], "kind": "delay", "seconds": 3}])
    campaign = journey.campaign([person], call={"script": SURVEY, **LONG})
    journey.tick(campaign)
    until(lambda: heard(journey, person).get(person), what=lambda: journey.show(campaign))
    with journey.database_frozen():
        until(lambda: len(keypresses(journey)) == TRIES, seconds=60, what=lambda: journey.ledger()[-3:])
    journey.finish(campaign)
    until(lambda: answers(journey, campaign)[person], what=lambda: journey.contacts(campaign))
    assert answers(journey, campaign) == {person: {"opt_out": "keypress"}}
    assert [one["status"] for one in keypresses(journey)] == [UNAVAILABLE] * TRIES
    assert "You will not be called again. Goodbye." not in heard(journey, person)[person]
    second = journey.campaign([person])
    journey.finish(second)
    assert journey.states(second) == {person: "suppressed"}
    assert len(journey.requests(person)) == 1
