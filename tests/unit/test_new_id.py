"""An id in a log, an address or a spreadsheet is never taken for somebody's phone number."""

from __future__ import annotations

from dialer.wiring import new_id


def test_no_id_is_digits_alone() -> None:
    # One in 282 would be: 5,000 of them miss it once in fifty million runs.
    ids = [new_id() for _ in range(5_000)]
    assert [one for one in ids if one.isdigit()] == []
    assert len(set(ids)) == len(ids)
