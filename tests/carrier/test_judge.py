"""Whatever is planted in a ledger is found, and what is right is not called wrong."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local.carrier.case import read_case
from local.carrier.control import ROOT
from local.carrier.reading import MalformedError
from tests.carrier.planted import PHONE, POLICY, Planted, found, row

OTHER = "+15551230002"


def test_one_person_reached_by_one_call_is_right() -> None:
    verdict = Planted().fates().call().verdict(row())
    assert verdict["ok"]
    assert found(verdict) == set()
    assert verdict["summary"] == {
        "rows": 1,
        "states": {"done": 1},
        "requests": 1,
        "calls": 1,
        "duplicates": 0,
        **dict.fromkeys(("posts_per_attempt_over_1", "calls_per_attempt_over_1", "overlapping", "unasked"), 0),
        **dict.fromkeys(("wrong_count", "lost", "stuck", "held", "alive"), 0),
    }


def test_retries_follow_the_policy_until_somebody_answers() -> None:
    planted = Planted().fates({PHONE: ["busy", "no-answer", "human"]}).call("busy").call("no-answer").call()
    assert planted.verdict(row())["ok"]


def test_attempts_used_up_are_right() -> None:
    planted = Planted().fates({PHONE: "busy"}).call("busy").call("busy").call("busy")
    assert planted.verdict(row(state="failed", reason="busy"))["ok"]


def test_a_list_with_nobody_called_is_lost() -> None:
    for state in ("done", "pending", "failed"):
        verdict = Planted().fates().verdict(row(state=state))
        assert not verdict["ok"]
        assert found(verdict) == {"lost", "wrong_count"}


def test_a_ledger_without_any_record_cannot_pass() -> None:
    assert found(Planted().verdict(row())) == {"lost", "wrong_count"}


def test_two_requests_for_one_attempt_are_found_even_if_only_one_became_a_call() -> None:
    verdict = Planted().fates().struck("reset", attempt="a").call(attempt="a").verdict(row())
    assert found(verdict) == {"posts_per_attempt_over_1", "duplicates"}
    assert verdict["posts_per_attempt_over_1"] == [{"attempt_id": "a", "phone": PHONE, "count": 2}]


def test_two_calls_for_one_attempt_are_found() -> None:
    verdict = Planted().fates().call("busy", attempt="a").call(attempt="a").verdict(row())
    assert found(verdict) == {"posts_per_attempt_over_1", "calls_per_attempt_over_1", "duplicates"}
    assert verdict["duplicates"] == 1


def test_two_calls_to_one_number_at_once_are_found() -> None:
    planted = Planted().fates({PHONE: ["busy", "human"]})
    first = planted.begin("busy")
    second = planted.begin()
    verdict = planted.end(first).end(second).verdict(row())
    assert found(verdict) == {"overlapping", "duplicates"}
    assert verdict["overlapping"] == [{"phone": PHONE, "what": "call", "sid": second, "alive": (first,)}]


def test_asking_for_a_call_while_one_is_alive_is_found_even_if_it_is_refused() -> None:
    planted = Planted().fates()
    sid = planted.begin()
    verdict = planted.struck("429").end(sid).verdict(row())
    assert found(verdict) == {"overlapping", "duplicates"}


def test_two_campaigns_may_not_call_a_number_at_once_either() -> None:
    planted = Planted().fates()
    first = planted.begin(contact="x")
    second = planted.begin(contact="y")
    verdict = planted.end(first).end(second).verdict(row(contact_id="x"), row(contact_id="y", campaign_id="summer"))
    assert found(verdict) == {"overlapping", "duplicates"}


def test_a_call_after_somebody_answered_is_one_too_many() -> None:
    verdict = Planted().fates().call().call().verdict(row())
    assert found(verdict) == {"wrong_count", "duplicates"}
    assert verdict["wrong_count"] == [{"phone": PHONE, "calls": 2, "least": 1, "most": 1}]


def test_more_calls_than_attempts_are_too_many() -> None:
    planted = Planted().fates({PHONE: "busy"}).call("busy").call("busy")
    assert found(planted.verdict(row(state="failed", reason="busy"), max_attempts=1)) == {"wrong_count", "duplicates"}


def test_a_retry_the_policy_does_not_want_is_one_too_many() -> None:
    planted = Planted().fates({PHONE: ["machine", "human"]}).call("machine").call()
    assert found(planted.verdict(row(), retry_on=["busy"])) == {"wrong_count", "duplicates"}


def test_giving_up_too_early_is_found() -> None:
    planted = Planted().fates({PHONE: ["busy", "human"]}).call("busy")
    assert found(planted.verdict(row())) == {"lost", "wrong_count"}
    assert found(planted.verdict(row(state="failed"))) == {"lost", "wrong_count"}
    assert found(planted.verdict(row(state="failed", reason="busy"))) == {"wrong_count"}


def test_a_row_without_its_retry_is_lost_while_it_waits() -> None:
    planted = Planted().fates({PHONE: ["busy", "human"]}).call("busy")
    (lost,) = planted.verdict(row(state="pending"))["lost"]
    assert lost["why"] == "still waits to be called"


@pytest.mark.parametrize("state", ["claimed", "dialing", "placed", "uncertain"])
def test_a_row_left_on_its_way_is_stuck(state: str) -> None:
    assert found(Planted().fates().call().verdict(row(state=state))) == {"stuck"}
    assert found(Planted().fates().verdict(row(state=state))) == {"stuck"}


def test_a_call_nobody_on_the_list_asked_for_is_found() -> None:
    verdict = Planted().fates().call().call(phone=OTHER).verdict(row())
    assert verdict["unasked"] == [{"phone": OTHER, "sid": "CA2", "why": "the number is not on the list"}]
    assert not verdict["ok"]


def test_a_call_without_attempt_is_found() -> None:
    planted = Planted().fates().call()
    for record in planted.records:
        record["attempt_id"] = None
    assert found(planted.verdict(row())) == {"unasked"}


def test_a_request_that_names_two_attempts_is_found() -> None:
    assert found(Planted().fates().call(torn=True).verdict(row())) == {"unasked"}


def test_a_call_for_another_contact_of_the_number_is_found() -> None:
    verdict = Planted().fates().call().call(contact="stranger").verdict(row())
    assert verdict["unasked"][0]["why"] == "its contact is no row of this number"
    nameless = Planted().fates().call().call(contact="stranger").verdict(row(contact_id=None))
    assert nameless["unasked"][0]["why"] == "its contact is no row of this number"


def test_a_call_without_a_request_is_found() -> None:
    planted = Planted().fates().call()
    planted.records = [record for record in planted.records if record["kind"] != "request"]
    assert found(planted.verdict(row())) == {"unasked", "lost", "wrong_count"}


def test_a_call_still_alive_makes_it_too_early_to_judge() -> None:
    planted = Planted().fates()
    planted.begin()
    assert found(planted.verdict(row())) == {"alive"}


def test_held_rows_are_listed_and_owe_nothing() -> None:
    for planted in (Planted().fates(), Planted().fates().struck("hang"), Planted().fates().call()):
        verdict = planted.verdict(row(state="held", reason="no reply"))
        assert verdict["ok"]
        assert verdict["held"][0]["reason"] == "no reply"


def test_a_held_row_needs_a_reason_and_may_not_be_called_too_often() -> None:
    assert found(Planted().fates().verdict(row(state="held"))) == {"lost", "wrong_count"}
    verdict = Planted().fates().call().call().verdict(row(state="held", reason="no reply"))
    assert found(verdict) == {"wrong_count", "duplicates"}


def test_a_suppressed_row_owes_nothing_and_may_not_be_called_too_often() -> None:
    assert Planted().fates().verdict(row(state="suppressed"))["ok"]
    assert Planted().fates().call().verdict(row(state="suppressed"))["ok"]
    assert not Planted().fates().call().call().verdict(row(state="suppressed"))["ok"]


@pytest.mark.parametrize("code", [21211, 21214, 21217, 13224, 21216])
def test_a_number_refused_for_good_gets_no_call(code: int) -> None:
    planted = Planted().fates({PHONE: {"kind": "refuse", "code": code}}).refused(code)
    assert planted.verdict(row(state="failed", reason="not a number"))["ok"]


def test_a_number_refused_for_good_must_not_be_said_done() -> None:
    planted = Planted().fates({PHONE: {"kind": "refuse", "code": 21211}}).refused(21211)
    assert found(planted.verdict(row())) == {"lost"}


def test_calling_on_after_a_refusal_for_good_is_one_too_many() -> None:
    planted = Planted().fates({PHONE: [{"kind": "refuse", "code": 21211}, "human"]}).refused(21211).call()
    assert found(planted.verdict(row())) == {"wrong_count", "duplicates"}


@pytest.mark.parametrize("code", [20429, 10004, 20003, 21215, 21210])
def test_a_refusal_that_is_not_about_the_number_costs_no_attempt(code: int) -> None:
    fates = {PHONE: [{"kind": "refuse", "code": code}, "busy", "human"]}
    planted = Planted().fates(fates).refused(code).call("busy").call()
    assert planted.verdict(row(), max_attempts=2)["ok"]
    gave_up = Planted().fates(fates).refused(code)
    assert found(gave_up.verdict(row(state="failed", reason="refused"))) == {"wrong_count"}


def test_a_throttled_request_costs_no_attempt() -> None:
    planted = Planted().fates({PHONE: ["busy", "human"]}).struck("429").call("busy").struck("429").call()
    assert planted.verdict(row(), max_attempts=2)["ok"]


@pytest.mark.parametrize("fault", ["html_502", "500_before", "503_before", "reset", "hang"])
def test_a_doubt_without_a_call_may_be_held_or_cost_an_attempt_or_not(fault: str) -> None:
    def planted() -> Planted:
        return Planted().fates({PHONE: "busy"}).struck(fault)

    assert planted().verdict(row(state="held", reason="no reply"))["ok"]
    for calls in (1, 2):
        redialed = planted()
        for _ in range(calls):
            redialed.call("busy")
        assert redialed.verdict(row(state="failed", reason="busy"), max_attempts=2, doubt="redial")["ok"]
    assert found(planted().verdict(row())) == {"lost", "wrong_count"}
    assert found(planted().verdict(row(state="pending"))) == {"lost", "wrong_count"}


def test_a_doubt_excuses_a_failed_row_only_where_a_person_can_have_settled_it() -> None:
    def ended(planted: Planted, **policy: object) -> bool:
        return bool(planted.verdict(row(state="failed", reason="a person said so"), **policy)["ok"])

    assert ended(Planted().fates().struck("hang"))
    assert not ended(Planted().fates().struck("hang"), doubt="redial")
    assert not ended(Planted().fates({PHONE: ["busy", "human"]}).struck("hang").call("busy"))


def test_a_row_is_not_done_when_nobody_was_reached() -> None:
    planted = Planted().fates({PHONE: "busy"}).call("busy")
    assert planted.verdict(row(state="failed", reason="busy"), max_attempts=1)["ok"]
    assert found(planted.verdict(row(), max_attempts=1)) == {"lost"}


def test_an_attempt_that_died_before_the_carrier_excuses_a_failed_row_by_its_reason() -> None:
    planted = Planted().fates({PHONE: "busy"}).call("busy")
    reason = "the carrier lists no call; the campaign redials"
    assert planted.verdict(row(state="failed", reason=reason), max_attempts=2, doubt="redial")["ok"]
    assert not planted.verdict(row(state="failed", reason="busy"), max_attempts=2, doubt="redial")["ok"]
    stopped = row(state="failed", reason="campaign stopped")
    assert not planted.verdict(stopped)["ok"]
    assert planted.verdict(stopped, excused=["stopped"])["ok"]


def test_a_struck_reply_of_an_accepted_call_counts_as_that_call() -> None:
    planted = Planted().fates().call(fault="accepted_then_cut")
    assert planted.verdict(row())["ok"]
    assert not planted.call().verdict(row())["ok"]


def test_a_machine_is_retried_where_the_policy_says_so() -> None:
    planted = Planted().fates({PHONE: ["machine", "human"]}).call("machine")
    assert found(planted.verdict(row())) == {"lost", "wrong_count"}
    assert planted.verdict(row(), retry_on=["busy"])["ok"]
    assert planted.call().verdict(row())["ok"]


def test_a_fax_is_not_called_again_and_another_number_is() -> None:
    planted = Planted().fates({PHONE: "fax", OTHER: "human"}).call("fax")
    assert planted.verdict(row())["ok"]
    assert found(planted.verdict(row(numbers=[PHONE, OTHER]))) == {"lost", "wrong_count"}
    assert planted.call("human", to=OTHER).verdict(row(numbers=[PHONE, OTHER]))["ok"]
    assert not planted.call("fax").verdict(row(numbers=[PHONE, OTHER]))["ok"]


def test_a_machine_that_was_not_even_asked_about_is_still_owed_its_retry() -> None:
    planted = Planted().fates({PHONE: "machine"})
    planted.end(planted.begin("machine"), detection=None)
    assert found(planted.verdict(row())) == {"lost", "wrong_count"}


def test_a_machine_told_apart_too_late_may_pass_for_a_person() -> None:
    def planted(*events: tuple[str, int | None]) -> Planted:
        told = Planted().fates({PHONE: "machine"})
        sid = told.begin("machine")
        told.end(sid, detection="async")
        for event, status in events:
            told.heard(sid, event, status=status)
        return told

    for late in (planted(("completed", 200), ("amd", 200)), planted(("amd", 500), ("completed", 200)), planted()):
        assert late.verdict(row())["ok"]
        assert late.call("machine").call("machine").verdict(row())["ok"]
    in_time = planted(("amd", 200), ("completed", 200))
    assert found(in_time.verdict(row())) == {"lost", "wrong_count"}


def test_a_canceled_call_is_final_unless_the_policy_retries_it() -> None:
    planted = Planted().fates()
    planted.end(planted.begin(), status="canceled")
    assert planted.verdict(row(state="failed", reason="canceled"))["ok"]
    assert not planted.verdict(row(state="failed", reason="canceled"), retry_on=["canceled"])["ok"]


def test_a_call_that_was_canceled_before_it_rang_spends_no_attempt() -> None:
    for rang, kept in ((False, True), (True, False)):
        planted = Planted().fates()
        sid = planted.begin()
        if rang:
            planted.end(sid, status="ringing")
        planted.end(sid, status="canceled").call()
        verdict = planted.verdict(row(), retry_on=["canceled"], max_attempts=1)
        assert verdict["ok"] is kept


def test_a_person_s_numbers_are_called_in_turn() -> None:
    somebody = row(numbers=[PHONE, OTHER])
    mine: dict[str, Any] = {"phone": OTHER, "contact": somebody["contact_id"]}
    planted = Planted().fates({PHONE: ["busy", "human"], OTHER: "no-answer"}).call("busy")
    assert found(planted.verdict(somebody)) == {"lost", "wrong_count"}
    planted.call("no-answer", **mine)
    assert found(planted.verdict(somebody)) == {"lost", "wrong_count"}
    planted.call("human")
    assert planted.verdict(somebody)["ok"]
    planted.call("no-answer", **mine)
    assert found(planted.verdict(somebody)) == {"wrong_count", "duplicates"}


def test_the_one_number_of_a_person_may_not_be_called_instead_of_the_next() -> None:
    """Who has answered at the second is not owed a call at the first; who was not, is."""
    planted = Planted().fates({PHONE: "busy", OTHER: "human"}).call("busy").call("busy").call("busy")
    assert not planted.verdict(row(numbers=[PHONE, OTHER], state="done"))["ok"]


def test_a_number_refused_for_good_costs_no_attempt_while_another_is_left() -> None:
    somebody = row(numbers=[PHONE, OTHER])
    mine: dict[str, Any] = {"phone": OTHER, "contact": somebody["contact_id"]}
    barred = {"kind": "refuse", "code": 21211}
    planted = Planted().fates({PHONE: barred, OTHER: "busy"}).refused(21211)
    for _ in range(3):
        assert not planted.verdict(somebody | {"state": "failed", "reason": "busy"})["ok"]
        planted.call("busy", **mine)
    assert planted.verdict(somebody | {"state": "failed", "reason": "busy"})["ok"]
    both = Planted().fates({PHONE: barred, OTHER: barred}).refused(21211).refused(21211, **mine)
    assert both.verdict(somebody | {"state": "failed", "reason": "21211"})["ok"]
    assert found(both.verdict(somebody)) == {"lost"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"numbers": [OTHER]},
        {"numbers": [PHONE, PHONE]},
        {"numbers": [PHONE, OTHER], "contact_id": None},
        {"numbers": []},
    ],
)
def test_numbers_that_cannot_be_a_person_s_are_not_judged(wrong: dict[str, Any]) -> None:
    with pytest.raises(MalformedError, match="numbers"):
        Planted().fates().verdict(row() | wrong)


def test_a_number_in_two_campaigns_is_owed_the_calls_of_both() -> None:
    rows = row(contact_id="x"), row(contact_id="y", campaign_id="summer")
    fates = {PHONE: ["busy", "human", "human"]}
    both = Planted().fates(fates).call("busy", contact="x").call(contact="y").call(contact="x")
    assert both.verdict(*rows)["ok"]
    one = Planted().fates(fates).call("busy", contact="x").call(contact="x")
    assert found(one.verdict(*rows)) == {"lost", "wrong_count"}
    swapped = Planted().fates({PHONE: "human"}).call(contact="x").call(contact="x")
    assert found(swapped.verdict(*rows)) == {"lost", "wrong_count", "duplicates"}


def test_two_campaigns_without_contact_ids_share_the_calls_of_the_number() -> None:
    rows: list[dict[str, Any]] = [row(contact_id=None, state="held", reason="no reply")]
    rows.append(row(contact_id=None, campaign_id="summer"))
    assert Planted().fates().call(contact="y").verdict(*rows)["ok"]
    assert Planted().fates().call(contact="x").call(contact="y").verdict(*rows)["ok"]
    assert not Planted().fates().call(contact="x").call(contact="y").call(contact="y").verdict(*rows)["ok"]


def test_each_campaign_may_have_its_own_policy() -> None:
    planted = Planted().fates({PHONE: "busy"}).call("busy")
    once = {"spring": {"max_attempts": 1, "retry_on": []}}
    ended = row(state="failed", reason="busy")
    assert planted.verdict(ended, policies=once)["ok"]
    assert not planted.verdict(ended)["ok"]


def test_new_fates_hold_from_where_they_were_set() -> None:
    planted = Planted().fates({PHONE: "busy"}).call("busy").fates({PHONE: ["no-answer", "human"]}).call("no-answer")
    assert found(planted.verdict(row(), max_attempts=9)) == {"lost", "wrong_count"}
    assert planted.call().verdict(row(), max_attempts=9)["ok"]


def test_a_new_list_starts_at_its_first_fate() -> None:
    planted = Planted().fates({PHONE: "busy"}).call("busy").call("busy").fates({PHONE: ["busy", "busy", "human"]})
    (wrong,) = planted.verdict(row(), max_attempts=9)["wrong_count"]
    assert (wrong["calls"], wrong["least"]) == (2, 5)


def test_a_mix_draws_each_next_call_anew() -> None:
    mix = {"busy": 1, "human": 1}
    owed = [Planted().fates(mix=mix, seed=seed).verdict(row(), max_attempts=9)["wrong_count"] for seed in range(40)]
    assert {wrong["least"] for (wrong,) in owed} >= {1, 2, 3}
    assert max(wrong["least"] for (wrong,) in owed) < 9


def test_fates_drawn_from_a_mix_are_foreseen() -> None:
    never = Planted().fates(mix={"busy": 1}).verdict(row(), max_attempts=2)
    assert never["wrong_count"] == [{"phone": PHONE, "calls": 0, "least": 2, "most": 2}]


def test_a_list_that_holds_somebody_twice_is_not_judged() -> None:
    with pytest.raises(MalformedError, match="twice in campaign spring"):
        read_case({"rows": [row(contact_id="x"), row(contact_id="y")], "policy": POLICY})


def test_a_ledger_on_disk_is_judged_the_same(tmp_path: Path) -> None:
    planted = Planted().fates().call()
    ledger, rows = tmp_path / "ledger.jsonl", tmp_path / "rows.json"
    lines = [json.dumps(record) for record in planted.records]
    ledger.write_text("\n".join(lines) + '\n{"n": 99, "cut sho')

    def judged(*listed: dict[str, object]) -> tuple[int, dict[str, Any]]:
        rows.write_text(json.dumps({"rows": listed, "policy": POLICY}))
        command = [sys.executable, "-m", "local.carrier.judge", str(ledger), "--rows", str(rows)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        return done.returncode, json.loads(done.stdout)

    assert judged(row())[0] == 0
    code, verdict = judged(row(), row(OTHER))
    assert code == 1
    assert verdict["lost"][0]["phone"] == OTHER
