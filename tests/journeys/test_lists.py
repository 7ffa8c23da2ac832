"""Uploaded lists on the deployed stack: the store tells the function by itself, and a kill loses and doubles nobody."""

import os
import signal
import urllib.request
from pathlib import Path

from pymongo import MongoClient

from tests.journeys.conftest import Numbers
from tests.journeys.desk import Desk
from tests.journeys.journey import Journey, Json, until

LONG = 40_000


def upload(journey: Journey, desk: Desk, campaign_id: str, rows: str) -> str:
    sheet = journey.world.run.own("journeys") / "upload.csv"
    sheet.write_text(rows)
    return str(desk.ask("list", "upload", campaign_id, str(sheet), "--region", "US")["list_id"])


def draft(journey: Journey, desk: Desk) -> str:
    """A campaign that calls nobody."""
    form = Path(__file__).resolve().parents[2] / "local" / "demo" / "campaign.json"
    return str(desk.ask("campaign", "create", str(form))["campaign_id"])


def ended(desk: Desk, list_id: str, *, seconds: float = 60) -> Json:
    def report() -> Json | None:
        found = desk.ask("list", "report", list_id)
        return found if found["state"] in {"read", "refused"} else None

    return until(report, seconds=seconds, what=lambda: desk.ask("list", "report", list_id)) or {}


def fetched(link: str) -> list[str]:
    with urllib.request.urlopen(link, timeout=20) as answer:
        text: str = answer.read().decode()
    return text.splitlines()


def test_an_uploaded_list_is_called_its_rejects_are_fetched_and_the_calls_exported(
    journey: Journey, desk: Desk, numbers: Numbers
) -> None:
    first, *others = numbers(6)
    campaign = journey.campaign([first])
    rows = "".join(f"{number};A-{n};Ada\n" for n, number in enumerate(others))
    list_id = upload(journey, desk, campaign, f"Phone Number;external_id;name\n{rows}911;A-9;Nobody\n{first};A-8;Bo\n")
    report = ended(desk, list_id)
    assert report["counts"] == {"rows": 7, "added": 5, "updated": 0, "known": 1, "repeated": 0, "rejected": 1} or (
        report["counts"]["updated"] == 1  # the first one still waited
    )
    assert fetched(report["rejects"]) == ["line,reason", "7,too short or too long for its country"]
    journey.finish(campaign)
    journey.assert_kept(campaign, requests=6)
    export = desk.ask("export", "begin", campaign, "calls")["export_id"]
    shown = until(lambda: _written(desk, export), what=lambda: desk.ask("export", "show", export)) or {}
    header, *lines = fetched(shown["link"])
    assert header.startswith("call_date,phone_number_dialed,status")
    assert sum("answered" in line for line in lines) == len(lines) == 6
    assert sum(f",A-{n}," in "".join(lines) for n in range(5)) == 5


def _written(desk: Desk, export_id: str) -> Json | None:
    shown = desk.ask("export", "show", export_id)
    return shown if shown["state"] == "written" else None


def test_a_run_that_is_killed_in_the_middle_of_a_list_loses_and_doubles_nobody(journey: Journey, desk: Desk) -> None:
    """`kill -9` while rows come in: the message returns, another run goes on, and the report is of each row once."""
    campaign = draft(journey, desk)
    areas = [*range(201, 500), *range(640, 800)]  # none that everybody shares
    phones = [f"+1{areas[n // 100]}55501{n % 100:02}" for n in range(LONG)]
    rows = "".join(f"{phone},{n}\n" if n % 10 else f"911,{n}\n" for n, phone in enumerate(phones))
    list_id = upload(journey, desk, campaign, f"phone,n\n{rows}")
    with MongoClient[Json](journey.world.mongodb_uri) as client:
        contacts = client[journey.world.wish.database]["contacts"]
        until(lambda: contacts.find_one({"campaign_id": campaign}), every=0.01, what="the first rows")
        for pid in journey.world.worker_pids("IntakeFunction"):
            os.kill(pid, signal.SIGKILL)
        had = contacts.count_documents({"campaign_id": campaign})
        assert 0 < had < LONG * 9 // 10
        report = ended(desk, list_id, seconds=120)
        assert report["counts"] == {
            "rows": LONG, "added": LONG * 9 // 10, "updated": 0, "known": 0, "repeated": 0, "rejected": LONG // 10,
        }  # fmt: skip
        assert contacts.count_documents({"campaign_id": campaign}) == LONG * 9 // 10
    lines = [int(line.partition(",")[0]) for line in fetched(report["rejects"])[1:]]
    assert lines == list(range(2, LONG + 2, 10))
