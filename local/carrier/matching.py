"""Which requests were made for which row of the list, and which for none."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, permutations

from local.carrier.case import Case, Row
from local.carrier.ends import assess
from local.carrier.history import Asking, History

Askings = Sequence[Asking]
MOST_PERMUTATIONS = 720


def match_all(case: Case, history: History) -> tuple[list[tuple[Row, Askings]], list[Asking]]:
    """Every row with the requests made for it, and the requests made for no row."""
    matched, left = _match_named(case, history)
    rows, groups = defaultdict(list), _grouped(left)
    for row in case.rows:
        if not row.contact_id:
            rows[row.phone].append(row)
    strangers: list[Asking] = []
    for phone in {**rows, **groups}:

        def wrong(pairs: Sequence[tuple[Row, Askings]]) -> int:
            ends = [assess(row, askings, history, case.policy_of(row)) for row, askings in pairs]
            return sum(end.wrong + bool(end.lost) for end in ends)

        pairs, over = _match(rows[phone], groups[phone], wrong)
        matched += pairs
        strangers += over
    return matched, strangers


def _match_named(case: Case, history: History) -> tuple[list[tuple[Row, Askings]], list[Asking]]:
    """Rows that name their contact take its requests, to any of their numbers; and what is left."""
    named = {row.contact_id: row for row in case.rows if row.contact_id}
    own: defaultdict[str | None, list[Asking]] = defaultdict(list)
    left: list[Asking] = []
    for asking in history.askings:
        row = named.get(asking.contact_id or "")
        (own[asking.contact_id] if row and asking.to in row.numbers else left).append(asking)
    return [(row, own[contact_id]) for contact_id, row in named.items()], left


def _grouped(askings: Askings) -> defaultdict[str, dict[str | None, list[Asking]]]:
    groups: defaultdict[str, dict[str | None, list[Asking]]] = defaultdict(dict)
    for asking in askings:
        groups[asking.to].setdefault(asking.contact_id, []).append(asking)
    return groups


def _match(
    rows: Sequence[Row],
    groups: dict[str | None, list[Asking]],
    wrong: Callable[[Sequence[tuple[Row, Askings]]], int],
) -> tuple[list[tuple[Row, Askings]], list[Asking]]:
    """Rows without a contact share the requests so that the least is wrong."""
    spare = sorted(groups.values(), key=len, reverse=True)
    shared, strangers = spare[: len(rows)], spare[len(rows) :]
    shared += [[]] * (len(rows) - len(shared))
    ways: Iterator[list[tuple[Row, Askings]]] = (
        list(zip(rows, way, strict=True)) for way in islice(permutations(shared), MOST_PERMUTATIONS)
    )
    return min(ways, key=wrong), [asking for group in strangers for asking in group]
