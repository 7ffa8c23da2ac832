"""Whoever is handed on and finds nobody is counted; at so many of them nobody else is called."""

import pytest

from dialer.abandonment import FEWEST, LOOSEST, WINDOW, Answers, explained, hands_on, too_many
from dialer.campaign_form import checked
from dialer.errors import BadCampaign
from dialer.model import CallPlan, Pacing
from dialer.script import Choice, Menu, Say, Transfer

TRANSFER = Transfer(to="+12015550100")
FORM = {"name": "Offers", "from_numbers": ["+12015550199"], "call": {"say": "Hello."}}


@pytest.mark.parametrize(
    ("abandoned", "live", "stops"),
    [
        (0, 0, False),
        (1, 10, False),  # a tenth, and far too few to say so
        (4, 4, False),
        (5, 5, True),  # whatever follows, five of two hundred is the limit
        (5, 199, True),
        (4, 200, False),
        (5, 200, True),  # 2.5 %
        (5, 201, False),
        (249, 10_000, False),  # 2.49 %
        (250, 10_000, True),  # 2.5 %
        (299, 10_000, True),
        (300, 10_000, True),  # 3 %
    ],
)
def test_a_campaign_stops_at_two_and_a_half_percent_of_at_least_two_hundred(
    abandoned: int, live: int, stops: bool
) -> None:
    limit = Pacing().max_abandon
    assert limit is not None
    assert too_many(Answers(live=live, abandoned=abandoned), limit=limit) is stops


@pytest.mark.parametrize("limit", [0.001, 0.01, 0.025, 0.029, LOOSEST])
def test_never_later_than_the_law_allows_once_there_are_so_many_live_answers(limit: float) -> None:
    for live in range(FEWEST, 5 * FEWEST):
        most = next(n for n in range(live + 1) if too_many(Answers(live=live, abandoned=n), limit=limit))
        assert (most - 1) * 100 < 3 * live
        assert (most - 1) * 1000 < limit * 1000 * live <= most * 1000


def test_a_stricter_limit_stops_earlier_and_three_percent_is_the_loosest() -> None:
    assert [too_many(Answers(live=1000, abandoned=9), limit=limit) for limit in (0.01, 0.009)] == [False, True]
    assert [too_many(Answers(live=1000, abandoned=29), limit=limit) for limit in (LOOSEST, 0.029)] == [False, True]


def test_the_window_is_thirty_days() -> None:
    assert WINDOW.total_seconds() == 30 * 24 * 3600


def test_the_reason_says_what_was_counted_against_what_and_how_to_go_on() -> None:
    said = explained(Answers(live=1234, abandoned=32), limit=0.025)
    assert said.startswith("32 of 1,234 live answers in 30 days found nobody to talk to: 2.6%, and 2.5% is the limit.")
    assert "`pacing.max_abandon`, at most 0.03" in said
    few = explained(Answers(live=40, abandoned=5), limit=0.025)
    assert "12.5%, and 2.5% of the first 200 is the limit" in few


def test_a_rate_is_of_the_live_answers_and_unknown_without_any() -> None:
    assert (Answers(live=40, abandoned=1).rate, Answers(live=0, abandoned=0).rate) == (0.025, None)


@pytest.mark.parametrize(
    ("plan", "counted"),
    [
        (CallPlan(say="Hello."), False),
        (CallPlan(script=(Say(text="Hello."),)), False),
        (CallPlan(script=(TRANSFER,)), True),
        (
            CallPlan(script=(Menu(name="m", prompt=(), choices=(Choice(key="1", outcome="a", then=(TRANSFER,)),)),)),
            True,
        ),
        (CallPlan(script=(Menu(name="m", prompt=(), choices=(), otherwise=(TRANSFER,)),)), True),
        (CallPlan(twiml="<Response><Dial>+12015550100</Dial></Response>"), False),  # nobody sees what becomes of it
    ],
)
def test_only_a_call_that_may_hand_somebody_on_is_counted(plan: CallPlan, counted: bool) -> None:
    assert hands_on(plan) is counted


@pytest.mark.parametrize(
    ("given", "kept"), [(None, 0.025), (0.001, 0.001), (0.025, 0.025), (0.03, 0.03), ("unlimited", None)]
)
def test_a_campaign_may_be_stricter_and_news_may_go_on(given: object, kept: float | None) -> None:
    pacing = {} if given is None else {"max_abandon": given}
    assert checked({**FORM, "pacing": pacing})["pacing"].max_abandon == kept


@pytest.mark.parametrize("given", [0, 0.0301, 0.05, 1, -0.01, "off", True, None, "nan"])
def test_no_campaign_may_be_looser_than_the_law(given: object) -> None:
    with pytest.raises(BadCampaign, match=r"pacing\.max_abandon"):
        checked({**FORM, "pacing": {"max_abandon": given}})


@pytest.mark.parametrize("purpose", ["telemarketing", "charity", "collections", "political", "survey"])
def test_only_news_go_on_whatever_is_abandoned(purpose: str) -> None:
    with pytest.raises(BadCampaign, match="informational campaign alone"):
        checked({**FORM, "purpose": purpose, "pacing": {"max_abandon": "unlimited"}})
