"""The demo's own books: who was refused is no loss, and who was taken and is not there is one."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from local import operator
from local.demo import run, screen
from tests.builders import a_phone
from tests.functions.conftest import Stack

ADA, BO, CY = (a_phone(index) for index in (1950, 1951, 1952))
SHEET = f"phone,name,dnc\n{ADA},Ada,\n{BO},Bo,yes\n+18005550199,Toll-free,\n{CY},Cy,\n{ADA},Ada again,\n"
SOUND = {"duplicates": 0, "ok": True, "summary": dict.fromkeys(("lost", "stuck", "wrong_count", "unasked", "held"), 0)}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_refused_row_is_told_with_its_reason_and_is_not_lost(stack: Stack, tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "people.csv"
    path.write_text(SHEET, encoding=encoding)
    said = io.StringIO()
    campaign_id, report = run._prepare(Console(file=said, width=200), path)
    rows = [operator.row(contact) for contact in operator.everyone(campaign_id)]
    assert {row["phone"] for row in rows} == {ADA, CY}
    assert run.lost_rows(report, rows) == 0
    assert [reject.line for reject in report.rejects] == [3, 4]
    assert all(f"line {reject.line}: {reject.reason}" in said.getvalue() for reject in report.rejects)
    assert "0 lost" in screen.verdict_line(SOUND, missing=0).plain


def test_an_accepted_row_without_a_contact_is_lost(stack: Stack, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text(SHEET)
    campaign_id, report = run._prepare(Console(file=io.StringIO()), path)
    rows = [operator.row(contact) for contact in operator.everyone(campaign_id)]
    assert run.lost_rows(report, rows[1:]) == 1
    report.rows += 1
    assert run.lost_rows(report, rows) == 1
    assert "1 lost" in screen.verdict_line(SOUND, missing=1).plain
