"""Worlds to measure in: this process at work in one as its operator, drafts over made-up people, what was asked for."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from dialer import wiring
from dialer.campaign_form import checked
from local import operator
from local.carrier.control import Carrier
from local.world import Wish, World
from tests.functions.conftest import forget_wiring


@contextmanager
def world_at_work(**wishes: Any) -> Iterator[World]:
    """Of these wishes, with a carrier that takes calls as fast as they come. Afterwards this process is at none."""
    with World(Wish(calls_per_second=0, **wishes)) as up:
        operator.enter(up.describe())
        try:
            yield up
        finally:
            forget_wiring()


def fictional(count: int, *, first: int = 0) -> list[str]:
    """Numbers kept for fiction, `count` of them from the `first` on."""
    return [f"+1{201 + n // 100}55501{n % 100:02}" for n in range(first, first + count)]


def drafted(form: dict[str, Any], people: Sequence[str]) -> str:
    """A campaign that calls these phones once it is started."""
    campaign = wiring.campaign_office().create(**checked(form))
    sheet = "phone\n" + "".join(f"{phone}\n" for phone in people)
    assert wiring.intake()(campaign.id, io.BytesIO(sheet.encode()), region="US").added == len(people)
    return campaign.id


def requested(carrier: Carrier, *, after: int = 0) -> list[float]:
    """When each request for a call reached the carrier, behind this place of its ledger; seconds since 1970."""
    records = carrier.ledger(after=after)
    return [float(one["at"]) for one in records if (one["kind"], one.get("op")) == ("request", "create")]
