"""Pictures of the page for the README, taken while a made-up list is called: `make pictures`."""

import csv
import os
from pathlib import Path

import pytest

from local.environments import ROOT
from local.world import World
from tests.journeys.browser import PHONE, chromium, visit
from tests.journeys.journey import FROM, Journey, until
from tests.journeys.office import Office

LIST = ROOT / "local" / "demo" / "contacts.csv"
FORM = {
    "name": "Appointment reminders",
    "from_numbers": [FROM],
    "call": {"say": "Hello {name}.", "ring_timeout_s": 15, "talk_limit_s": 15, "detect_machine": True},
    "pacing": {"call_delay_s": 0.2, "max_concurrent": 20},
    "retry": {"max_attempts": 2, "delays_s": {"busy": 20, "no-answer": 20, "failed": 20}},
    "any_hour_because": "a demonstration: the people are made up",
}
MIX = [
    {"weight": 70, "kind": "human", "ring": 6, "talk": 14},
    {"weight": 8, "kind": "machine", "ring": 8},
    {"weight": 8, "kind": "busy"},
    {"weight": 8, "kind": "no-answer"},
    {"weight": 6, "kind": "failed"},
]


@pytest.mark.timeout(400)
def test_pictures_of_the_main_views(world: World, journey: Journey) -> None:
    folder = Path(os.environ["PICTURES"])
    office = Office(url=world.api_url, token=world.operator_token)
    rows = list(csv.DictReader(LIST.read_text().splitlines()))[::2]
    doubtful = [row["phone"] for row in rows[::20]]
    campaign_id = office.do("POST", "/campaigns", FORM)["id"]
    office.do("POST", f"/campaigns/{campaign_id}/contacts", {"rows": rows})
    for name in ("Survey of spring", "Recall notice"):
        office.do("POST", "/campaigns", {**FORM, "name": name})
    somebody = _put_aside_and_released(office, rows[1]["phone"])
    journey.carrier.set_fates({rows[1]["phone"]: ["busy", MIX[0]["kind"]]}, mix=MIX, seed=7)
    journey.carrier.set_faults([{"kind": "reset", "op": "create", "match": doubtful}])
    office.do("POST", f"/campaigns/{campaign_id}/start")

    def a_good_part_is_settled() -> bool:
        journey.tick(campaign_id)
        journey.reconcile()
        told = office.do("GET", f"/campaigns/{campaign_id}/stats")["counts"]
        reached = office.do("GET", f"/contacts/{somebody}")["state"] == "done"
        return bool(told.get("held")) and told.get("done", 0) > len(rows) / 4 and reached

    with chromium() as browser:
        light = visit(browser, world.api_url).sign_in(office.token)
        phone = visit(browser, world.api_url, size=PHONE, dark=True).sign_in(office.token)
        until(
            a_good_part_is_settled,
            seconds=100,
            every=1,
            what=lambda: office.do("GET", f"/campaigns/{campaign_id}/stats")["counts"],
        )
        light.picture(folder / "campaigns.png")
        for visitor in (light, phone):
            visitor.open(f"#/campaigns/{campaign_id}")
            visitor.sees("In doubt")
        light.page.wait_for_selector("#chart-pace canvas")
        light.page.set_viewport_size({"width": 1280, "height": 1500})
        light.picture(folder / "campaign.png")
        phone.picture(folder / "phone.png")
        light.page.set_viewport_size({"width": 1280, "height": 860})
        light.open(f"#/contacts/{somebody}")
        light.sees("Story")
        light.picture(folder / "contact.png")
    office.do("POST", f"/campaigns/{campaign_id}/stop")


def _put_aside_and_released(office: Office, phone: str) -> str:
    """Somebody of whom there is more to tell than a call."""
    (found,) = office.do("POST", "/contacts/find", {"phone": phone})["items"]
    contact_id = str(found["id"])
    office.do("POST", f"/contacts/{contact_id}/hold", {"reason": "asked to be left alone until noon"})
    office.do("POST", f"/contacts/{contact_id}/release", {"reason": "noon has passed"})
    return contact_id
