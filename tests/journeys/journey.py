"""What a journey is made of: campaigns made by the operator's commands, time passed by hand, and the carrier's ledger.

A journey is judged over its own part of the ledger and its own rows: a call to anybody else is a stranger's.
"""

import json
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from local.carrier.case import read_case
from local.carrier.control import Carrier
from local.carrier.judge import Verdict, judge
from local.world import World
from tests.journeys.desk import Desk

Json = dict[str, Any]
Number = str
Value = TypeVar("Value")

SLEEPING = "rate(1 hour)"
BOUNDS = {
    "TickRate": SLEEPING,
    "ReconcileRate": SLEEPING,
    "SlotHorizonSeconds": "10",
    "LockLeaseSeconds": "20",
    "CallTimeoutSeconds": "8",
    "QueueVisibilitySeconds": "9",
    "PostTimeoutSeconds": "3",
    "DialSilenceSeconds": "9",
    "QueueTimeSeconds": "1",
    "SettlePollSeconds": "1",
    "SettleHorizonSeconds": "13",
    "ListMarginSeconds": "120",
    "HoldLimitSeconds": "3600",
}
TIME_SCALE = 0.02
FROM = "+13105550199"
HUMAN = {"kind": "human", "ring": 2, "talk": 5}
AREAS = (
    201, 202, 203, 205, 206, 207, 208, 209, 210, 212, 213, 214, 215, 216, 217, 218, 219, 224, 225, 228, 229, 231,
    234, 239, 240, 248, 251, 252, 253, 254, 256, 260, 262, 267, 269, 270, 276, 281, 301, 302, 303, 304, 305, 307,
    308, 309, 312, 313, 314, 315, 316, 317, 318, 319, 320, 321,
)  # fmt: skip
TERMINAL = ("done", "failed", "suppressed")
ALIVE = ("queued", "ringing", "in-progress")


def fictional(block: int, size: int) -> list[Number]:
    """Numbers of the range that is kept for fiction, in an area that is this block's alone."""
    assert size <= 100
    return [f"+1{AREAS[block]}55501{index:02}" for index in range(size)]


def until(ready: Callable[[], Value], *, seconds: float = 60, every: float = 0.05, what: object = "") -> Value:
    """The first true value; an assertion that says what was waited for, otherwise."""
    deadline = time.monotonic() + seconds
    while not (value := ready()):
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain: {what() if callable(what) else what}"
        time.sleep(every)
    return value


class Journey:
    """One journey: it makes campaigns, passes time by hand, and is judged over what the carrier saw meanwhile."""

    def __init__(self, world: World, desk: Desk) -> None:
        self.world = world
        self.carrier = Carrier(world.carrier_url)
        self._desk = desk
        self._policies: dict[str, Json] = {}
        self._began = self.carrier.state()["ledger"]
        self.carrier.set_fates(mix=[{"weight": 1, **HUMAN}], seed=1)

    def end(self) -> None:
        """Nobody is called any more, and nothing goes wrong for the next journey."""
        self.carrier.set_faults()
        for campaign_id in self._policies:
            if self.show(campaign_id)["state"] in {"running", "paused"}:
                self.ask(campaign_id, "stop")
        self.carrier.wait_idle(seconds=60)

    def campaign(self, numbers: Sequence[Number], *, max_concurrent: int = 20, **wishes: Any) -> str:
        """A running campaign over a list of these numbers."""
        form = {
            "name": "journey",
            "from_numbers": [FROM],
            "call": {"say": "Hello {name}.", "ring_timeout_s": 10, "talk_limit_s": 10, "opt_out_digit": "9"},
            "pacing": {"call_delay_s": 0.02, "max_concurrent": max_concurrent},
            "retry": {"max_attempts": 3, "delays_s": {"busy": 1, "no-answer": 1, "failed": 1}},
            **wishes,
        }
        place = self.world.run.own("journeys")
        (place / "campaign.json").write_text(json.dumps(form))
        (place / "list.csv").write_text("phone,name\n" + "".join(f"{number},Ada\n" for number in numbers))
        campaign_id: str = self._desk.ask("campaign", "create", str(place / "campaign.json"))["campaign_id"]
        imported = self._desk.ask("campaign", "import", campaign_id, str(place / "list.csv"))
        assert imported["added"] == len(numbers)
        self._policies[campaign_id] = {
            "max_attempts": form["retry"]["max_attempts"],
            "retry_on": list(form["retry"]["delays_s"]),
            "doubt": form.get("doubt", "hold"),
        }
        self.ask(campaign_id, "start")
        return campaign_id

    def ask(self, campaign_id: str, verb: str) -> None:
        self._desk.ask("campaign", "ask", campaign_id, verb)

    def show(self, campaign_id: str) -> Json:
        return self._desk.ask("campaign", "show", campaign_id)

    def states(self, campaign_id: str) -> dict[Number, str]:
        return {contact["phone"]: contact["state"] for contact in self.show(campaign_id)["contacts"]}

    def tick(self, campaign_id: str) -> None:
        self.world.invoke("TickFunction", {"campaign_id": campaign_id})

    def pass_time(self, campaign_id: str) -> bool:
        """One minute of the schedules; whether everybody is settled or held."""
        self.tick(campaign_id)
        self.world.invoke("ReconcileFunction", {})
        return bool(self.show(campaign_id)["completed"])

    def finish(self, *campaigns: str, seconds: float = 120) -> None:
        """Pass time until nothing is left to do."""
        for campaign_id in campaigns:
            until(
                lambda campaign_id=campaign_id: self.pass_time(campaign_id),  # type: ignore[misc]
                seconds=seconds,
                every=0.5,
                what=lambda campaign_id=campaign_id: self.show(campaign_id)["counts"],
            )
        self.carrier.wait_idle(seconds=60)

    def ledger(self) -> list[Json]:
        """What the carrier was asked and did since this journey began."""
        return self.carrier.ledger(after=self._began)

    def requests(self, number: Number | None = None) -> list[Json]:
        """Create requests that reached the carrier."""
        asked = [record for record in self.ledger() if record["kind"] == "request" and record["op"] == "create"]
        return [record for record in asked if number in {None, record["to"]}]

    def verdict(self, *campaigns: str) -> Verdict:
        shown = [contact for campaign_id in campaigns for contact in self.show(campaign_id)["contacts"]]
        names = ("phone", "campaign_id", "contact_id", "state", "reason")
        rows = [{name: contact[name] for name in names} for contact in shown]
        policies = {campaign_id: self._policies[campaign_id] for campaign_id in campaigns}
        fates = [record for record in self.carrier.ledger() if record["kind"] in {"opened", "fates"}]
        case = read_case({"rows": rows, "policy": policies[campaigns[0]], "policies": policies})
        earlier = [record for record in fates if record["n"] <= self._began]
        return judge([*earlier, *self.ledger()], case)

    def assert_kept(self, *campaigns: str, held: int = 0) -> Verdict:
        """The promise, and that no more are held than the faults explain."""
        verdict = self.verdict(*campaigns)
        assert verdict["ok"], {name: found for name, found in verdict.items() if found and name != "summary"}
        assert verdict["duplicates"] == 0
        assert len(verdict["held"]) == held, verdict["held"]
        return verdict

    def most_at_once(self) -> int:
        """The most calls that were alive at the same time, by the carrier's own record."""
        alive: set[str] = set()
        most = 0
        for record in self.ledger():
            if record["kind"] == "call":
                (alive.add if record["status"] in ALIVE else alive.discard)(record["sid"])
                most = max(most, len(alive))
        return most
