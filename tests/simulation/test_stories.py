"""Single faults at the places that matter, told on purpose: what the dialer does about each, and at once."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from dialer.lifecycle import State
from dialer.model import CampaignState, Doubt
from tests.simulation.carrier import Call, Habits
from tests.simulation.chance import Kind
from tests.simulation.plan import MINUTE, Plan, plan_of
from tests.simulation.queues import Habits as QueueHabits
from tests.simulation.universe import BEGIN
from tests.simulation.world import WEBHOOK_TRIES, World

FIRST = "call message 1, delivery 1"
LINE = "contacts.find_one_and_update"
PLACE = "carrier.place"


def a_quiet_plan(*, contacts: int = 1) -> Plan:
    """A universe in which nothing goes wrong by itself."""
    plan = plan_of(1)
    campaign = replace(plan.campaigns[0], doubt=Doubt.HOLD, hours=None)
    pacing = replace(campaign.pacing, max_concurrent=5, call_delay=timedelta(seconds=1))
    phones = tuple(f"+1201555010{index}" for index in range(contacts))
    return replace(
        plan,
        campaigns=(replace(campaign, pacing=pacing),),
        people=((campaign.id, phones),),
        alternates=(),
        ends=0,
        rates={},
        outages=(),
        lagging=False,
        stops=False,
        opt_outs=0.0,
        account_spacing=None,
        region="US-NY New_York",
        carrier=Habits(),
        queues=QueueHabits(),
    )


def lived(world: World, script: Callable[[str, str], Kind | None]) -> list[str]:
    """The states that the contact went through, in order."""
    states: list[str] = []
    changed = world.database.changed
    world.weather.script = script

    def watched(name: str, before: object, after: dict[str, object]) -> None:
        changed(name, before, after)  # type: ignore[arg-type]
        if name == "contacts" and (not states or states[-1] != after["state"]):
            states.append(str(after["state"]))

    world.database.changed = watched
    world.live()
    assert world.laws.breaches == []
    return states


def once(after: str, kind: Kind, *, times: int = 1) -> Callable[[str, str], Kind | None]:
    """A fate for the next requests of the first call function after it asked for something."""
    left: list[int] = []

    def script(who: str, what: str) -> Kind | None:
        if who != FIRST:
            return None
        if what == after and not left:
            left.append(times)
        elif left and left[0]:
            left[0] -= 1
            return kind
        return None

    return script


def began(world: World, name: str) -> bool:
    return any(one.who == name for one in world.universe.history)


def test_a_line_is_given_back_at_once_when_something_breaks_before_the_request() -> None:
    world = World(a_quiet_plan())
    states = lived(world, once(LINE, Kind.REFUSED))
    assert states[:4] == [State.PENDING, State.CLAIMED, State.DIALING, State.PENDING]
    assert State.UNCERTAIN not in states
    assert FIRST not in {asked.by for asked in world.carrier.asked}


def test_what_cannot_be_written_down_after_the_request_never_makes_its_message_return() -> None:
    """The reaper doubts it, reconcile finds the call: one request, and the contact is settled by its end."""
    plan = replace(a_quiet_plan(), ends=MINUTE, webhooks_lost=1.0)
    world = World(plan)
    states = lived(world, once(PLACE, Kind.REFUSED, times=20))
    assert not began(world, "call message 1, delivery 2")
    assert states[:5] == [State.PENDING, State.CLAIMED, State.DIALING, State.UNCERTAIN, State.PLACED]


def test_who_was_frozen_between_permit_and_request_does_not_send_it() -> None:
    """The permit is five seconds old when the function wakes: what it granted has passed."""
    world = World(a_quiet_plan())
    frozen: list[int] = []

    def script(who: str, what: str) -> Kind | None:
        if who == FIRST and what == "campaigns.update_one" and not frozen:
            frozen.append(1)
            return Kind.PAUSE
        return None

    states = lived(world, script)
    assert frozen
    assert states[2:4] == [State.DIALING, State.PENDING]
    assert FIRST not in {asked.by for asked in world.carrier.asked}


def test_a_lock_table_that_was_lost_costs_no_tick() -> None:
    """The campaign remembers a greater fence: the first tick afterwards raises the lock's past it, and claims."""
    world = World(a_quiet_plan(contacts=5))
    claimed: list[int] = []

    def due_later() -> None:
        for index, document in enumerate(world.database["contacts"].table.documents.values()):
            document["due_at"] = BEGIN + timedelta(minutes=index) - timedelta(seconds=5)

    world.universe.at(0, due_later)
    world.universe.at(3 * MINUTE + 30_000, world.lock_table.items.clear)
    changed = world.database.changed

    def watched(name: str, before: dict[str, object] | None, after: dict[str, object]) -> None:
        changed(name, before, after)
        if name == "contacts" and before and (before["state"], after["state"]) == (State.PENDING, State.CLAIMED):
            claimed.append(world.universe.now)

    world.database.changed = watched
    world.live()
    assert world.laws.breaches == []
    assert any(4 * MINUTE <= moment < 4 * MINUTE + 10_000 for moment in claimed)


def test_a_paused_campaign_rings_nobody_from_the_carrier_s_own_queue() -> None:
    """Five calls are taken, and wait in the carrier's queue for minutes; the next run of reconcile takes them back."""
    plan = a_quiet_plan(contacts=5)
    calm = replace(plan, operator=0.0, webhooks_lost=0.0, webhooks_twice=0.0, workers_miss=0.0)
    world = World(replace(calm, ends=4 * MINUTE, carrier=Habits(queue=5 * MINUTE)))
    campaign_id = plan.campaigns[0].id
    rang: list[int] = []

    def pause() -> None:
        world.campaigns.set_state(campaign_id, CampaignState.PAUSED, sources=[CampaignState.RUNNING])

    def tell(call: Call, what: str) -> None:
        rang.extend([world.universe.now] * (what == "ringing"))
        told(call, what)

    told, world.carrier.tell = world.carrier.tell, tell
    world.universe.at(20_000, lambda: world._person("operator pauses", pause, 20_000))
    world.live()
    assert world.laws.breaches == []
    cancelled = [call.ended_at or 0 for call in world.carrier.calls.values() if call.status == "canceled"]
    taken_back = [moment for moment in cancelled if moment < 4 * MINUTE]  # then the campaign runs again
    assert len(taken_back) >= 3
    assert {moment // MINUTE for moment in taken_back} == {1}
    assert not [moment for moment in rang if MINUTE + 5_000 < moment < 4 * MINUTE]
    assert {contact["state"] for contact in world.laws.contacts.values()} <= {State.DONE, State.FAILED}


def test_who_opts_out_while_the_database_is_away_is_suppressed_when_it_is_back() -> None:
    """The carrier repeats it a few times and gives up; the queue hears of it for as long as it takes."""
    world = World(replace(a_quiet_plan(contacts=4), opt_outs=1.0))
    kept: list[bool] = []

    def script(who: str, what: str) -> Kind | None:
        away = "keypress" in who or (who.startswith("voice hears") and who.endswith("delivery 1"))
        if what == "queue.opt_out":
            kept.append(True)
        return Kind.REFUSED if away and what != "queue.opt_out" else None

    lived(world, script)
    written = [one for one in world.universe.history if one.who.endswith("delivery 2") and "opted out" in one.what]
    assert len(written) == len(kept) > 0
    pasts = [past for contact in world.laws.contacts.values() for past in contact["history"] if "answers" in past]
    assert [past["answers"] for past in pasts] == [{"opt_out": "keypress"}] * (len(kept) // WEBHOOK_TRIES)
