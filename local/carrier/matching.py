"""Which requests were made for which row of the list, and which for none."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import islice, permutations

from local.carrier.case import Case, Row
from local.carrier.ends import assess
from local.carrier.history import Asking, History

Askings = Sequence[Asking]
MOST_PERMUTATIONS = 720


def match_all(case: Case, history: History) -> tuple[list[tuple[Row, Askings]], list[Asking]]:
    """Every row with the requests made for it, and the requests made for no row."""
    rows, groups = defaultdict(list), _grouped(history)
    for row in case.rows:
        rows[row.phone].append(row)
    matched: list[tuple[Row, Askings]] = []
    strangers: list[Asking] = []
    for phone in {**rows, **groups}:

        def wrong(pairs: Sequence[tuple[Row, Askings]]) -> int:
            ends = [assess(row, askings, history, case.policy_of(row)) for row, askings in pairs]
            return sum(end.wrong + bool(end.lost) for end in ends)

        pairs, left = _match(rows[phone], groups[phone], wrong)
        matched += pairs
        strangers += left
    return matched, strangers


def _grouped(history: History) -> defaultdict[str, dict[str | None, list[Asking]]]:
    groups: defaultdict[str, dict[str | None, list[Asking]]] = defaultdict(dict)
    for asking in history.askings:
        groups[asking.to].setdefault(asking.contact_id, []).append(asking)
    return groups


def _match(
    rows: Sequence[Row],
    groups: dict[str | None, list[Asking]],
    wrong: Callable[[Sequence[tuple[Row, Askings]]], int],
) -> tuple[list[tuple[Row, Askings]], list[Asking]]:
    """Rows that name their contact take its requests; the others share the rest so that the least is wrong."""
    left = dict(groups)
    named = [(row, left.pop(row.contact_id, [])) for row in rows if row.contact_id]
    nameless = [row for row in rows if not row.contact_id]
    spare = sorted(left.values(), key=len, reverse=True)
    shared, strangers = spare[: len(nameless)], spare[len(nameless) :]
    shared += [[]] * (len(nameless) - len(shared))
    ways = (list(zip(nameless, way, strict=True)) for way in islice(permutations(shared), MOST_PERMUTATIONS))
    return [*named, *min(ways, key=wrong)], [asking for group in strangers for asking in group]
