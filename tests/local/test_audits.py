"""A whole audit is asked for piece by piece, added up, and given up when the pieces stop coming."""

from collections.abc import Iterator
from typing import Any

import pytest

from local import audits
from local.environments import Refused

KINDS = ("duplicates", "orphans", "missing", "mismatched")


def a_piece(*, orphans: int = 0, goes_on: str = "", unavailable: str = "") -> dict[str, Any]:
    counts = dict.fromkeys(KINDS, 0) | {"orphans": orphans}
    first = {kind: [{"sid": f"CA{index}"} for index in range(min(20, counts[kind]))] for kind in KINDS}
    read = {"calls": 10, "attempts": 5, "unsettled": 1, "unreadable": 0}
    return {"campaign_id": "one", **read, "counts": counts, "first": first, "next": goes_on, "unavailable": unavailable}


def asked(pieces: list[dict[str, Any]], events: list[dict[str, Any]]) -> Any:
    coming: Iterator[dict[str, Any]] = iter(pieces)

    def ask(event: dict[str, Any]) -> dict[str, Any]:
        events.append(event)
        return next(coming)

    return ask


def test_pieces_are_asked_for_until_the_end_and_added_up() -> None:
    events: list[dict[str, Any]] = []
    pieces = [a_piece(orphans=15, goes_on="a"), a_piece(goes_on="b"), a_piece(orphans=15)]
    found = audits.whole({"campaign_id": "one"}, ask=asked(pieces, events))
    assert (found["calls"], found["attempts"], found["unsettled"]) == (30, 15, 3)
    assert (found["counts"]["orphans"], len(found["first"]["orphans"])) == (30, audits.SHOWN)
    assert [event["audit"].get("next") for event in events] == [None, "a", "b"]
    assert "next" not in found


def test_a_part_that_does_not_answer_is_asked_again() -> None:
    pieces = [a_piece(goes_on="a", unavailable="the carrier did not answer"), a_piece(orphans=1)]
    assert audits.whole({}, ask=asked(pieces, []))["counts"]["orphans"] == 1


def test_an_audit_that_is_refused_says_why() -> None:
    with pytest.raises(Refused, match="no campaign"):
        audits.whole({}, ask=lambda _: {"refused": "There is no campaign 'one'."})
