"""What a benchmark says of its figures: what has become slower, which bars are met, and a page made of nothing else."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks import page, picture
from benchmarks.figures import COMMITTED, Results, Row, Section, Verdict, merged, read, slower, write
from benchmarks.publishing import published


def a_row(*laps: float, what: str = "ours", size: str = "10k", higher_is_better: bool = True) -> Row:
    return Row(what=what, size=size, unit="contacts/s", laps=laps, higher_is_better=higher_is_better, peak_mb=46.0)


def results(*rows: Row, key: str = "claims") -> Results:
    section = Section(key=key, title="Claims", text="How it was done.", rows=list(rows), date="2026-01-02 03:04 UTC")
    section.judge(yardstick="P1", what="against the loop", value=31.4, bar=25, stretch=50)
    return Results(
        machine=dict.fromkeys(("cores", "memory", "mongod", "python", "system"), "?"), sections={key: section}
    )


@pytest.mark.parametrize(
    ("before", "after", "is_slower"),
    [
        ((100, 110, 120), (80, 85, 90), True),
        ((100, 110, 120), (95, 99, 105), True),
        ((100, 110, 120), (95, 101, 105), False),
        ((100, 110, 120), (80, 85, 111), False),
        ((100, 110, 120), (200, 210, 220), False),
    ],
)
def test_slower_is_what_lies_outside_both_ranges(
    before: tuple[float, ...], after: tuple[float, ...], is_slower: bool
) -> None:
    assert bool(slower(results(a_row(*before)), results(a_row(*after)))) is is_slower
    took_before, took_after = ([1000 / lap for lap in laps] for laps in (before, after))
    times = [results(a_row(*laps, higher_is_better=False)) for laps in (took_before, took_after)]
    assert bool(slower(*times)) is is_slower


def test_only_the_same_figure_is_compared() -> None:
    slow = a_row(1, 1, 1, size="1M")
    assert slower(results(a_row(9, 9, 9)), results(slow)) == []
    assert slower(results(a_row(9, 9, 9, size="1M"), key="drain"), results(slow)) == []
    assert slower(results(a_row(9, 9, 9, size="1M")), results(slow)) == ["claims: ours, 1M: 9 → 1 contacts/s"]


@pytest.mark.parametrize(
    ("value", "said"), [(24.9, "missed"), (25, "met"), (49.9, "met"), (50, "stretch reached"), (80, "stretch reached")]
)
def test_a_bar_is_missed_met_or_left_behind(value: float, said: str) -> None:
    assert Verdict(yardstick="P1", what="", value=value, bar=25, stretch=50).said == said
    assert Verdict(yardstick="P4", what="", value=-value, bar=-25, stretch=-50, higher_is_better=False).said == said


def test_results_survive_being_kept(tmp_path: Path) -> None:
    kept = tmp_path / "results" / "full.json"
    assert read(kept) == Results()
    measured = results(a_row(1.5, 2.5, 3.5))
    write(kept, measured)
    again = read(kept)
    assert page.written(again) == page.written(measured)
    assert slower(again, measured) == slower(measured, again) == []


def test_one_benchmark_run_again_replaces_only_its_own_section() -> None:
    before = results(a_row(1, 2, 3))
    drain = results(a_row(4, 5, 6), key="drain").sections["drain"]
    after = merged(before, [drain], before.machine)
    assert after.sections == {"claims": before.sections["claims"], "drain": drain}


def test_the_page_shows_every_figure_with_its_range_its_memory_and_its_command() -> None:
    said = page.written(results(a_row(18_311, 17_000, 21_000)))
    assert "| ours | 10k | 18,300 contacts/s | 17,000–21,000 | 3 | 46 MB |" in said
    assert "| P1 | against the loop | 31.4× | ≥ 25× | ≥ 50× | met |" in said
    assert "`make bench-claims`, 2026-01-02 03:04 UTC" in said


def test_the_readme_quotes_only_what_was_measured() -> None:
    loop = a_row(400, 400, 400, what="find_one_and_update per contact", size="1M")
    assert page.quoted(results(a_row(1, 1, 1))) == ""
    assert page.quoted(results(a_row(20_000, 20_000, 20_000, size="1M"), loop)) == (
        "- **20,000 contacts claimed a second** from a list of a million, 50 times what one "
        "`find_one_and_update` per contact does beside it (400); "
        "on ? cores that the database shares, majority writes on a replica set of one node.\n"
    )


def test_the_picture_has_a_line_for_each_contestant_and_a_point_for_each_size() -> None:
    rows = [
        a_row(rate, rate, what=what, size=size)
        for what, rate in (("ours", 20_000), ("naive & slow", 400))
        for size in ("10k", "1M")
    ]
    drawn = picture.claims(results(*rows))
    tree = ET.fromstring(drawn)
    names = [element.tag.rpartition("}")[2] for element in tree.iter()]
    assert (names.count("polyline"), names.count("circle")) == (2, 4)
    assert "naive &amp; slow" in drawn
    assert picture.claims(Results()) == ""


def test_the_page_its_picture_and_the_readme_say_what_the_committed_results_say() -> None:
    files = published(read(COMMITTED))
    assert len(files) == 3
    for path, text in files.items():
        assert path.read_text() == text, path.name
