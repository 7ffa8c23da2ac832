"""Was anybody called twice, was anybody lost? Told from the carrier's ledger and the rows' ends alone.

The verdict:
    posts_per_attempt_over_1   create requests for one attempt, whatever became of them
                    [{"attempt_id", "phone", "count"}]
    calls_per_attempt_over_1   [{"attempt_id", "phone", "count"}]
    overlapping     a call, or a request for one, while another to the number was alive
                    [{"phone", "what", "sid", "alive"}]
    unasked         nobody on the list asked for it, or nobody can say who did
                    [{"phone", "sid", "why"}]
    wrong_count     not as many calls as list, policy and fates demand
                    [{"phone", "calls", "least", "most"}]
    lost            owed a call, and not held, suppressed or failed with a reason
                    [{"phone", "campaign_id", "contact_id", "state", "why"}]
    stuck           left in claimed, dialing, placed or uncertain
                    [{"phone", "campaign_id", "contact_id", "state"}]
    held            allowed: shown to a person
                    [{"phone", "campaign_id", "contact_id", "state", "reason", "calls", "least", "most"}]
    alive           [sid]: calls not over yet; it is too early to judge
    duplicates      how many numbers were asked for or called more than they should, in any of the ways above
    ok              no duplicates, none unasked, wrong, lost, stuck or alive
    summary         counts of all of these, of requests and calls, and of rows by state
"""

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from local.carrier.case import STUCK, Case, read_case
from local.carrier.ends import End, assess
from local.carrier.history import Asking, CallStory, History, read_history
from local.carrier.ledger import Record, read
from local.carrier.matching import match_all
from local.carrier.reading import MalformedError

Verdict = dict[str, Any]


def judge(records: Iterable[Record], case: Case) -> Verdict:
    history = read_history(records)
    matched, strangers = match_all(case, history)
    ends = [assess(row, askings, history, case.policy_of(row)) for row, askings in matched]
    found: Verdict = {
        "posts_per_attempt_over_1": _repeated(history.askings),
        "calls_per_attempt_over_1": _repeated(history.calls.values()),
        "overlapping": [asdict(overlap) for overlap in history.overlaps],
        "unasked": _unasked(case, history, strangers),
        "wrong_count": _wrong_counts(ends),
        "lost": [end.named(why=end.lost) for end in ends if end.lost],
        "stuck": [end.named() for end in ends if end.row.state in STUCK],
        "held": [end.as_held() for end in ends if end.row.state == "held"],
        "alive": [call.sid for call in history.calls.values() if call.alive],
    }
    found["duplicates"] = len(_called_too_often(found, ends))
    found["ok"] = not any(value for name, value in found.items() if name != "held")
    return found | {"summary": _summary(found, case, history)}


def _repeated(asked: Iterable[Asking | CallStory]) -> list[dict[str, object]]:
    attempts = [(one.attempt_id, one.to) for one in asked if one.attempt_id]
    counts = Counter(attempt_id for attempt_id, _ in attempts)
    phones = dict(attempts)
    return [{"attempt_id": id_, "phone": phones[id_], "count": count} for id_, count in counts.items() if count > 1]


def _unasked(case: Case, history: History, strangers: Sequence[Asking]) -> list[dict[str, object]]:
    listed, foreign = {phone for row in case.rows for phone in row.numbers}, {id(asking) for asking in strangers}
    reasons = (
        (asking, _why_unasked(asking, on_list=asking.to in listed, foreign=id(asking) in foreign))
        for asking in history.askings
    )
    found: list[dict[str, object]] = [{"phone": one.to, "sid": one.sid, "why": why} for one, why in reasons if why]
    asked = {asking.sid for asking in history.askings}
    orphans = [call for call in history.calls.values() if call.sid not in asked]
    found += [{"phone": call.to, "sid": call.sid, "why": "no request for this call"} for call in orphans]
    return found


def _why_unasked(asking: Asking, *, on_list: bool, foreign: bool) -> str:
    if not on_list:
        return "the number is not on the list"
    if not asking.attempt_id:
        return "no attempt id in its URLs"
    if asking.torn:
        return "its URLs name two attempts"
    return "its contact is no row of this number" if foreign else ""


def _wrong_counts(ends: Sequence[End]) -> list[dict[str, object]]:
    by_phone: defaultdict[str, list[End]] = defaultdict(list)
    for end in ends:
        by_phone[end.row.phone].append(end)
    return [
        {
            "phone": phone,
            "calls": sum(end.calls for end in same),
            "least": sum(end.least for end in same),
            "most": sum(end.most for end in same),
        }
        for phone, same in by_phone.items()
        if any(end.wrong for end in same)
    ]


def _called_too_often(found: Verdict, ends: Sequence[End]) -> set[str]:
    kinds = ("posts_per_attempt_over_1", "calls_per_attempt_over_1", "overlapping")
    listed = {entry["phone"] for kind in kinds for entry in found[kind]}
    return listed | {end.row.phone for end in ends if end.calls > end.most}


def _summary(found: Verdict, case: Case, history: History) -> dict[str, object]:
    return {
        "rows": len(case.rows),
        "states": dict(Counter(row.state for row in case.rows)),
        "requests": len(history.askings),
        "calls": len(history.calls),
        **{name: len(value) for name, value in found.items() if isinstance(value, list)},
        "duplicates": found["duplicates"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.carrier.judge", description="Judge a ledger.")
    parser.add_argument("ledger", type=Path)
    parser.add_argument("--rows", type=Path, required=True, help='JSON: {"rows": […], "policy": {…}}')
    given = parser.parse_args()
    try:
        verdict = judge(read(given.ledger), read_case(json.loads(given.rows.read_text(encoding="utf-8"))))
    except MalformedError as malformed:
        parser.error(str(malformed))
    print(json.dumps(verdict, indent=2))
    sys.exit(0 if verdict["ok"] else 1)


if __name__ == "__main__":
    main()
