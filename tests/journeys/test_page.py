"""The operator's page in a real browser, on the deployed stack, while people are being called."""

import csv
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Route, expect
from pymongo import MongoClient

from local.world import World
from tests.journeys.browser import PHONE, Visitor, chromium, visit
from tests.journeys.conftest import Numbers
from tests.journeys.journey import FROM, Journey, until
from tests.journeys.office import Office

HOSTILE = "<img src=x onerror='window.struck=1'><script>window.struck=1</script>\"'&{{$where}}"
FORM = {
    "name": "Reminders",
    "from_numbers": [FROM],
    "call": {"say": "Hello {name}.", "ring_timeout_s": 15, "talk_limit_s": 5},
    "pacing": {"call_delay_s": 0.05, "max_concurrent": 5},
    "any_hour_because": "a journey begins at any hour",
}
A_NUMBER = re.compile(r"\d{3}55501\d{2}")  # as every number of these journeys has it, and no id
NEW_YORK = ZoneInfo("America/New_York")  # where the visitors' browsers are
Visits = Callable[..., Visitor]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def office(world: World) -> Office:
    return Office(url=world.api_url, token=world.operator_token)


@pytest.fixture
def visits(browser: Browser, office: Office) -> Iterator[Visits]:
    """Visitors, of whom at the end none may have met a script of somebody else's, or told a URL what is secret."""
    came: list[Visitor] = []

    def come(**how: Any) -> Visitor:
        came.append(visit(browser, office.url, **how))
        return came[-1]

    yield come
    for visitor in came:
        assert visitor.complaints == []
        assert not [url for url in visitor.asked if A_NUMBER.search(url) or "dial_" in url]
        assert not A_NUMBER.search(visitor.page.title())
        visitor.context.close()


@pytest.fixture
def operator(visits: Visits, office: Office) -> Visitor:
    return visits().sign_in(office.token)


def drafted(office: Office, people: list[str], **wishes: Any) -> str:
    campaign_id: str = office.do("POST", "/campaigns", {**FORM, **wishes})["id"]
    rows = [{"phone": phone, "name": "Ada"} for phone in people]
    if rows:
        office.do("POST", f"/campaigns/{campaign_id}/contacts", {"rows": rows})
    return campaign_id


@contextmanager
def contacts_of(world: World) -> Iterator[Any]:
    with MongoClient[dict[str, Any]](world.mongodb_uri) as client:
        yield client[world.wish.database]["contacts"]


def test_an_operator_runs_a_campaign_from_its_form_to_stopping_everything(
    journey: Journey, operator: Visitor, numbers: Numbers
) -> None:
    """With a list that has bad rows, a pause, and somebody of whom the carrier cannot say whether it called."""
    people = numbers(12)
    doubtful = people[0]
    journey.carrier.set_faults([{"kind": "reset", "op": "create", "match": doubtful}])
    page = operator.page

    operator.page.get_by_role("link", name="New campaign").click()
    operator.press("Make the draft")
    expect(operator.page.get_by_role("alert").get_by_role("button", name="Calls come from")).to_be_visible()
    assert operator.wrong("Calls come from") == "Tuple should have at least 1 item after validation, not 0"
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.get_by_label("Name", exact=True).fill("Appointment reminders")
    page.get_by_label("Calls come from").fill(FROM)
    page.get_by_label("Text", exact=True).fill("Hello {name}.")
    page.get_by_label("Ring for, seconds").fill("15")
    page.get_by_label("Talk for, seconds").fill("5")
    page.get_by_label("Seconds between calls").fill("0.3")
    page.get_by_label("Only if they may be called at any hour: why").fill("a journey begins at any hour")
    operator.press("Make the draft")
    operator.sees("A draft: nobody is called until it is started.")
    campaign_id = page.url.rpartition("/")[2]

    rows = "".join(f"{number},Ada\n" for number in people)
    operator.drop("people.csv", text=f"phone,name\n{rows}911,Nobody\nno number,Bo\n")
    operator.sees("people.csv")
    expect(operator.section("Lists").get_by_role("row", name="people.csv")).to_contain_text("Read")
    operator.press("Show")
    rejects = page.get_by_role("dialog")
    expect(rejects).to_contain_text("2 of 14 rows were not taken")
    expect(rejects.get_by_role("row")).to_have_count(3)
    operator.press("Close")

    operator.press("Start")
    operator.agree("Start")
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    page.evaluate("document.querySelector('h1').staysTheSame = true")
    journey.tick(campaign_id)
    expect(operator.section("Last calls").get_by_role("row").nth(1)).to_be_visible()
    operator.press("Pause")
    operator.agree("Pause", reason="a look first")
    operator.sees("A look first.")
    called = len(journey.requests())
    operator.press("Resume")
    operator.agree("Resume")

    def held() -> bool:
        journey.tick(campaign_id)
        journey.reconcile()
        return journey.states(campaign_id)[doubtful] == "held"

    until(held, seconds=90, every=1, what=lambda: journey.show(campaign_id)["counts"])
    assert called < len(journey.requests())
    doubt = operator.section("In doubt").get_by_role("row", name=doubtful)
    expect(doubt).to_contain_text("the carrier reports the call or a person decides")
    expect(doubt.get_by_role("cell").nth(4)).to_have_css("white-space", "nowrap")  # until when
    assert page.evaluate("document.querySelector('h1').staysTheSame")
    expect(doubt.get_by_role("button")).to_have_text(["Call again", "Give up"])
    doubt.get_by_role("button", name=f"Give up {doubtful}", exact=True).click()  # as a screen reader names it
    operator.agree("Give up", reason="they said so")
    expect(operator.section("In doubt")).to_contain_text("Nobody is in doubt.")
    assert journey.states(campaign_id)[doubtful] == "failed"

    operator.press("Stop everything")
    operator.agree("Stop everything", reason="the end of a journey")
    operator.sees("Everything is stopped")
    operator.sees("none, since")
    operator.press("Close")
    operator.sees("The end of a journey.")
    assert "Appointment reminders" in page.title()
    journey.ask(campaign_id, "stop")


def test_a_person_s_story_is_told_with_their_own_clock_and_the_carriers_id(
    journey: Journey, operator: Visitor, numbers: Numbers
) -> None:
    busy, *others = numbers(2)
    journey.fates({busy: "busy"})
    campaign_id = journey.campaign([busy, *others], retry={"max_attempts": 2, "delays_s": {"busy": 1}})
    journey.finish(campaign_id)
    sids = [call["sid"] for call in journey.carrier.calls() if call["to"] == busy]
    operator.open("#/people")
    operator.page.get_by_label("Phone, in international form").fill(busy)
    operator.press("Find")
    operator.page.get_by_role("link", name=busy).click()
    story = operator.section("Story")
    steps = story.get_by_role("listitem")
    expect(steps).to_have_count(4)
    expect(steps.nth(1)).to_contain_text("Waits until")  # the retry that was decided between both attempts
    for sid in sids:
        expect(story).to_contain_text(sid)
    expect(story).to_contain_text("there: ")
    expect(story.get_by_text("Busy", exact=True)).to_have_count(2)
    journey.assert_kept(campaign_id, requests=3)


def test_a_story_has_every_decision_where_it_happened_and_the_number_that_was_dialed(
    world: World, office: Office, operator: Visitor, numbers: Numbers
) -> None:
    first, second = numbers(2)
    campaign_id = drafted(office, [])
    rows = {"rows": [{"phone": first, "alt_phone_1": second, "name": "Ada", "caller_id": FROM}]}
    office.do("POST", f"/campaigns/{campaign_id}/contacts", rows)
    (found,) = office.do("POST", "/contacts/find", {"phone": first})["items"]
    office.do("POST", f"/contacts/{found['id']}/hold", {"reason": "asked by mail"})
    moment = datetime.now(UTC) - timedelta(hours=1)
    before = {"at": moment - timedelta(minutes=5), "state": "pending", "reason": "not yet", "due_at": moment}
    past = {
        "id": "0" * 24, "n": 1, "to": first, "from": FROM, "sid": "CA" + "0" * 32, "outcome": "busy", "detail": "486",
        "dial_at": moment, "ended_at": moment, "region": "US-AK Anchorage,Adak,Juneau",
        "rules": "2026-01-02", "rule": "every place; US federal", "zone_source": "number, postal_code",
        "answered_by": "machine_end_beep", "voicemail_left": True,
    }  # fmt: skip
    with contacts_of(world) as contacts:
        known = {"history": [past], "region": "US Chicago,Denver,Los_Angeles,New_York"}
        first_of_all = {"decisions": {"$each": [before], "$position": 0}}
        contacts.update_one({"_id": found["id"]}, {"$set": known, "$push": first_of_all})
    operator.open(f"#/contacts/{found['id']}")
    steps = operator.section("Story").get_by_role("listitem")
    expect(steps).to_have_count(4)
    expect(steps.nth(1)).to_contain_text("486: the line is busy")
    expect(steps.nth(1)).to_contain_text(f"To{first}")
    expect(steps.nth(1)).to_contain_text("US-AKAnchorage, Adak, Juneauby its number, postal code")
    expect(steps.nth(1)).to_contain_text("Rulesevery place; US federalas of 2026-01-02")
    adak, anchorage = (moment.astimezone(ZoneInfo(f"America/{zone}")) for zone in ("Adak", "Anchorage"))
    clocks = [re.compile(f"there: .* {one:%H:%M:%S}") for one in (adak, anchorage)]  # Juneau's is Anchorage's
    expect(steps.nth(1).get_by_text("there: ")).to_have_text(clocks * 2)  # dialed, and ended
    expect(steps.nth(0).get_by_text("there: ")).to_have_count(4)  # the decision before it was about that number
    expect(steps.nth(2)).to_contain_text("on hold: asked by mail")
    expect(steps.nth(2)).to_contain_text("somebody releases them")
    expect(steps.nth(2).get_by_text("there: ")).to_have_text(re.compile("there: .* PT to .* ET$"))  # the next number's
    expect(steps.nth(1)).to_contain_text("Answered bymachineas the carrier heard it")
    expect(steps.nth(1)).to_contain_text("Voicemailthe text was left")
    operator.press("Release")
    operator.agree("Release", reason="a mistake")
    expect(steps).to_have_count(5)
    expect(steps.nth(3)).to_contain_text("released: a mistake")
    operator.sees(f"{first}, {second}")
    operator.sees("Called from")


def test_a_viewer_sees_all_of_it_but_no_number_and_no_button(
    journey: Journey, office: Office, visits: Visits, numbers: Numbers
) -> None:
    people = numbers(3)
    campaign_id = journey.campaign(people)
    journey.finish(campaign_id)
    made = office.do("POST", "/tokens", {"name": "the wall board", "role": "viewer", "days": 1})
    viewer = visits().sign_in(made["token"])
    viewer.open(f"#/campaigns/{campaign_id}")
    expect(viewer.section("Last calls").get_by_role("row")).to_have_count(4)
    viewer.section("Last calls").get_by_role("link").first.click()
    viewer.sees("hidden from viewers")
    text = viewer.page.locator("body").inner_text()
    assert "••" in text
    assert not [phone for phone in people if phone in text]
    assert viewer.page.get_by_role("button").all_inner_texts() == ["Sign out"]
    viewer.press("Sign out")
    expect(viewer.page.get_by_label("Token")).to_be_focused()
    assert viewer.page.evaluate("sessionStorage.length + localStorage.length") == 0


def test_an_api_that_is_away_and_a_token_that_has_ended_are_said_with_what_to_do(
    office: Office, visits: Visits, numbers: Numbers
) -> None:
    made = office.do("POST", "/tokens", {"name": "for a while", "role": "operator", "days": 1})
    visitor = visits().sign_in(made["token"])
    campaign_id = drafted(office, numbers(1))
    visitor.open(f"#/campaigns/{campaign_id}")
    visitor.sees("Left to call")
    visitor.context.set_offline(True)
    trouble = visitor.page.get_by_role("alert").first
    expect(trouble).to_contain_text("The API does not answer.")
    expect(trouble).to_contain_text("What you see is from")
    visitor.sees("Left to call")
    visitor.context.set_offline(False)
    expect(trouble).to_be_empty()
    office.do("DELETE", f"/tokens/{made['id']}")
    visitor.sees("Your token is no longer valid")
    expect(visitor.page.get_by_label("Token")).to_be_focused()
    stranger = visits().open()
    stranger.page.get_by_label("Token").fill("dial_no")
    stranger.press("Sign in")
    stranger.sees("This token is not valid")
    stranger.page.get_by_label("Token").fill("dial_но")
    stranger.press("Sign in")
    stranger.sees("This cannot be a token")


@pytest.mark.parametrize("where", ["a dialog", "a dialog over what is refreshed", "finding", "making"])
def test_a_token_that_has_ended_leads_to_the_login_wherever_it_is_noticed(
    office: Office, operator: Visitor, where: str
) -> None:
    page = operator.page
    views = {"a dialog over what is refreshed": f"#/campaigns/{drafted(office, [])}", "making": "#/new"}
    operator.open(views.get(where, "#/people"))
    asks = {"a dialog": "Suppress a number", "a dialog over what is refreshed": "Stop"}
    if where in asks:
        operator.press(asks[where])
        expect(page.get_by_role("dialog")).to_be_visible()
    else:
        expect(page.get_by_role("button", name={"finding": "Find", "making": "Make the draft"}[where])).to_be_visible()
    page.evaluate("sessionStorage.setItem('dialer-token', 'dial_no')")
    if where == "a dialog":
        operator.agree("Suppress", phone=FROM, reason="asked us to")
    if where == "finding":
        page.get_by_label("or your own id").fill("4711")
        operator.press("Find")
    if where == "making":
        operator.press("Make the draft")
    operator.sees("Your token is no longer valid")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_label("Token")).to_be_focused()
    page.get_by_label("Token").fill(office.token)
    operator.press("Sign in")
    operator.sees("Stop everything")


def test_a_question_stays_until_its_request_is_answered(office: Office, operator: Visitor) -> None:
    operator.open(f"#/campaigns/{drafted(office, [])}")
    box = operator.page.get_by_role("dialog")
    stopped = operator.hold("/stop")
    operator.press("Stop")
    operator.agree("Stop")
    expect(box.get_by_role("button", name="Cancel")).to_be_disabled()
    for _ in range(3):
        operator.page.keyboard.press("Escape")
    expect(box.get_by_role("button", name="Waiting until no call can leave …")).to_be_visible()
    stopped().abort()
    expect(box.get_by_role("alert")).to_contain_text("The API does not answer.")
    operator.agree("Stop")
    expect(box.get_by_role("button", name="Waiting until no call can leave …")).to_be_visible()
    stopped().continue_()
    operator.news("Stopped: no request")
    expect(box).to_have_count(0)


def test_a_question_that_a_device_closes_while_its_request_is_under_way_is_answered_beside_it(
    office: Office, operator: Visitor
) -> None:
    """A phone's way back closes a dialog whatever the page says."""
    operator.open(f"#/campaigns/{drafted(office, [])}")
    stopped = operator.hold("/stop")
    for end in ("abort", "continue_"):
        operator.press("Stop")
        operator.agree("Stop")
        request = stopped()
        operator.page.evaluate("document.querySelector('dialog').close()")
        getattr(request, end)()
        operator.news({"abort": "The API does not answer.", "continue_": "Stopped: no request"}[end])


def test_a_draft_whose_answer_is_lost_is_made_once_however_often_its_button_is_pressed(
    office: Office, operator: Visitor
) -> None:
    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    def made(name: str) -> int:
        return [one["name"] for one in office.do("GET", "/campaigns?limit=100")["items"]].count(name)

    def send_in_vain(name: str) -> None:
        operator.open("#/new")
        for label, text in (("Name", name), ("Calls come from", FROM), ("Text", "Hello.")):
            page.get_by_label(label, exact=True).fill(text)
        page.route(re.compile("/campaigns$"), lose, times=1)
        operator.press("Make the draft")
        operator.sees("The API does not answer.")

    page = operator.page
    send_in_vain("Lost once")
    operator.press("Make the draft")
    operator.sees("A draft: nobody is called until it is started.")
    assert made("Lost once") == 1

    send_in_vain("Lost twice")
    page.get_by_label("Name", exact=True).fill("Lost, and another")
    operator.press("Make the draft")
    operator.sees("What was sent before has been made")
    assert (made("Lost twice"), made("Lost, and another")) == (1, 0)
    operator.press("Make the draft")
    operator.sees("A draft: nobody is called until it is started.")
    assert (made("Lost twice"), made("Lost, and another")) == (1, 1)


def test_a_place_that_cannot_be_read_is_said_to_be_wrong_and_the_next_one_is_shown(operator: Visitor) -> None:
    operator.open("#/campaigns/%")
    expect(operator.page.locator(".empty")).to_be_visible()
    operator.page.get_by_role("link", name="Go to the campaigns").click()
    expect(operator.page.get_by_role("heading", name="Campaigns", exact=True)).to_be_visible()


def test_a_page_that_is_loaded_again_shows_the_same_view_without_asking_for_the_token_again(
    office: Office, operator: Visitor
) -> None:
    campaign_id = drafted(office, [], name="Loaded again")
    operator.open(f"#/campaigns/{campaign_id}")
    operator.sees("A draft: nobody is called until it is started.")
    operator.page.reload()
    operator.sees("A draft: nobody is called until it is started.")
    operator.sees("Stop everything")


def a_hostile_end() -> dict[str, Any]:
    moment = datetime.now(UTC)
    attempt = {"id": "0" * 24, "n": 1, "from": HOSTILE, "sid": HOSTILE, "outcome": "failed", "detail": HOSTILE}
    story = [{**attempt, "dial_at": moment, "ended_at": moment, "answers": {"opt_out": "speech", "why": HOSTILE}}]
    return {"state": "failed", "reason": HOSTILE, "settled_at": moment, "history": story}


def test_hostile_strings_are_shown_as_they_are_and_run_nowhere(
    world: World, office: Office, operator: Visitor, numbers: Numbers
) -> None:
    (phone,) = numbers(1)
    campaign_id = drafted(office, [], name=HOSTILE)
    row = {"phone": phone, "external_id": HOSTILE[:100], HOSTILE[:40]: HOSTILE}
    office.do("POST", f"/campaigns/{campaign_id}/contacts", {"rows": [row]})
    office.do("POST", f"/campaigns/{campaign_id}/lists", {"name": HOSTILE})
    with contacts_of(world) as contacts:
        found = contacts.find_one_and_update(
            {"campaign_id": campaign_id}, {"$set": a_hostile_end(), "$unset": {"due_at": ""}}
        )
    for view, shown in (
        ("#/", "onerror="),
        (f"#/campaigns/{campaign_id}", "onerror="),
        (f"#/contacts/{found['_id']}", "onerror="),
        (f"#/campaigns/{HOSTILE}", "wrong"),
        (f"#/{HOSTILE}", "Campaigns"),
    ):
        operator.open(view)
        if shown == "onerror=":
            operator.sees("<script>window.struck=1")
        else:
            expect(operator.page.locator(".empty, .campaigns").first).to_be_visible()
    assert operator.page.evaluate("window.struck === undefined")
    assert operator.page.locator("main img, main script").count() == 0


def test_a_chart_is_told_in_words_that_grow_with_it(
    world: World, office: Office, operator: Visitor, numbers: Numbers
) -> None:
    people = numbers(2)
    campaign_id = drafted(office, people)
    operator.open(f"#/campaigns/{campaign_id}")
    chart = operator.section("Outcomes by minute").get_by_role("img")
    with contacts_of(world) as contacts:
        for settled, phone in enumerate(people, 1):
            end = {"$set": a_hostile_end(), "$unset": {"due_at": ""}}
            assert contacts.update_one({"campaign_id": campaign_id, "phone": phone}, end).matched_count
            expect(chart).to_have_accessible_name(f"How attempts ended. Failed: {settled}.")
    rows = operator.section("Answers").locator("tbody tr")
    expect(rows).to_have_text([re.compile("opt_out.*speech.*2"), re.compile("why.*other.*2")])


def test_who_waits_and_has_been_called_is_seen_by_a_browser_whose_clock_is_an_hour_ahead_as_by_any_other(
    world: World, office: Office, visits: Visits, numbers: Numbers
) -> None:
    person, another = numbers(2)
    campaign_id = drafted(office, [person, another])
    moment = datetime.now(UTC)
    past = {"id": "0" * 24, "n": 1, "from": FROM, "sid": "CA1", "outcome": "no-answer", "detail": ""}
    story = [{**past, "dial_at": moment, "ended_at": moment}]
    waits = {"reason": "no-answer", "used": 1, "history": story, "due_at": moment + timedelta(minutes=30)}
    with contacts_of(world) as contacts:
        assert contacts.update_one({"campaign_id": campaign_id, "phone": person}, {"$set": waits}).matched_count
    visitor = visits()
    visitor.page.clock.install(time=moment + timedelta(hours=1))
    visitor.sign_in(office.token).open(f"#/campaigns/{campaign_id}")
    waiting = visitor.section("Contacts").locator("details", has_text="Waiting")
    waiting.locator("summary").click()
    expect(waiting).to_contain_text("for their first turn")
    expect(waiting).to_contain_text("for another attempt, the last one was: no answer; the next")
    expect(visitor.section("Attempts by outcome")).to_contain_text("No answer")
    shown = visitor.page.locator(".as-of").inner_text().removeprefix("as of ")
    assert shown in {f"{(moment + timedelta(seconds=n)).astimezone(NEW_YORK):%H:%M:%S}" for n in range(120)}
    visitor.section("Last calls").get_by_role("link", name=person).click()
    visitor.sees("Not tried again before")


def test_how_far_a_file_has_been_sent_is_shown_beside_a_name_that_no_title_repeats(
    office: Office, operator: Visitor, numbers: Numbers
) -> None:
    (person,) = numbers(1)
    to_the_store: list[Route] = []

    def keep(route: Route) -> None:
        to_the_store.append(route)

    operator.page.route(lambda url: not url.startswith(office.url), keep)
    operator.open(f"#/campaigns/{drafted(office, [], name=f'Reminders for {person}')}")
    operator.sees(f"Reminders for {person}")
    assert operator.page.title().startswith("Reminders for …")
    operator.drop("people.csv", text=f"phone\n{person}\n")
    sent = operator.page.get_by_role("progressbar", name="Sent so far")
    operator.wait(lambda: to_the_store)
    expect(sent).to_be_visible()
    to_the_store.pop().continue_()
    expect(sent).to_be_hidden()
    operator.news("The file is there.")


def test_of_several_files_that_are_dropped_one_is_sent_and_that_is_said(office: Office, operator: Visitor) -> None:
    operator.open(f"#/campaigns/{drafted(office, [])}")
    operator.drop("first.csv", "second.csv", text="phone\n911\n")
    operator.news("Of 2 files only the first was sent")
    operator.sees("first.csv")


def test_a_list_whose_file_never_came_is_not_looked_for_for_ever(
    world: World, office: Office, operator: Visitor
) -> None:
    campaign_id = drafted(office, [])
    list_id = office.do("POST", f"/campaigns/{campaign_id}/lists", {"name": "never sent"})["id"]
    long_ago = datetime.now(UTC) - timedelta(hours=3)
    with MongoClient[dict[str, Any]](world.mongodb_uri) as client:
        lists = client[world.wish.database]["lists"]
        assert lists.update_one({"_id": list_id}, {"$set": {"made_at": long_ago}}).modified_count
    operator.open(f"#/campaigns/{campaign_id}")
    operator.sees("never sent")
    operator.wait(lambda: sum("/live" in url for url in operator.asked) > 3)
    assert sum(url.endswith("/lists") for url in operator.asked) == 1


def test_lists_that_came_from_elsewhere_appear_on_an_open_page(
    office: Office, visits: Visits, numbers: Numbers
) -> None:
    """One with people as soon as they are there, and one that has brought nobody yet within half a minute."""
    campaign_id = drafted(office, [])
    visitor = visits()
    visitor.page.clock.install()
    visitor.sign_in(office.token).open(f"#/campaigns/{campaign_id}")
    visitor.sees("Drop a contact list here")
    asked = sum(url.endswith("/lists") for url in visitor.asked)
    office.do("POST", f"/campaigns/{campaign_id}/lists", {"name": "with people"})
    office.do("POST", f"/campaigns/{campaign_id}/contacts", {"rows": [{"phone": phone} for phone in numbers(1)]})
    visitor.sees("with people")
    assert asked == 1
    another = drafted(office, [])
    visitor.open(f"#/campaigns/{another}")
    visitor.sees("Drop a contact list here")
    office.do("POST", f"/campaigns/{another}/lists", {"name": "from the command line"})
    visitor.page.clock.fast_forward(31_000)
    visitor.sees("from the command line")


def test_ten_thousand_zones_and_reasons_are_summed_up_and_drawn(
    world: World, office: Office, operator: Visitor
) -> None:
    campaign_id = drafted(office, [])
    moment = datetime.now(UTC)
    common = {"campaign_id": campaign_id, "priority": 0, "used": 1, "max": 3, "vars": {}}
    phones = [f"+1201{n:07}" for n in range(5_000_000, 5_020_000)]
    waiting = [
        {
            **common, "_id": f"{campaign_id}{n:012x}", "listed": phone, "phone": phone, "state": "pending",
            "due_at": moment, "region": f"US-{n:05} Chicago,New_York",
        }
        for n, phone in enumerate(phones[:10_000])
    ]  # fmt: skip
    settled = [
        {
            **common, "_id": f"{campaign_id}f{n:011x}", "listed": phone, "phone": phone, "state": "failed",
            "region": "US", "reason": f"the carrier said {n}", "settled_at": moment,
        }
        for n, phone in enumerate(phones[10_000:])
    ]  # fmt: skip
    with contacts_of(world) as contacts:
        contacts.insert_many([*waiting, *settled])
    operator.open(f"#/campaigns/{campaign_id}")
    operator.sees("20,000 in all")
    expect(operator.section("Zones")).to_contain_text("9,988 more zones")
    expect(operator.section("Contacts")).to_contain_text("and 43 more reasons")
    assert operator.page.evaluate("document.querySelectorAll('*').length") < 5000
    with contacts_of(world) as contacts:
        contacts.delete_many({"campaign_id": campaign_id})


def test_what_is_open_and_focused_stays_so_while_the_page_is_brought_up_to_date(
    journey: Journey, operator: Visitor, numbers: Numbers
) -> None:
    first, *others = numbers(3)
    campaign_id = journey.campaign([first])
    journey.finish(campaign_id)
    operator.open(f"#/campaigns/{campaign_id}")
    reached = operator.section("Contacts").locator("details", has_text="Reached")
    reached.locator("summary").click()
    expect(reached.locator("summary")).to_be_focused()
    journey.add(campaign_id, others)
    expect(operator.section("Contacts")).to_contain_text("3 in all")
    expect(reached.locator("summary")).to_be_focused()
    assert reached.get_attribute("open") is not None


def test_the_form_makes_the_campaign_that_it_describes_and_says_beside_each_field_what_is_wrong(
    office: Office, operator: Visitor
) -> None:
    operator.open("#/new")
    page = operator.page
    page.get_by_text("A question that is answered by a key").click()
    for label, text in FILLED.items():
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_label("When a machine answers").select_option("voicemail")
    page.get_by_label("When is somebody tried again?").select_option("waits")
    page.get_by_label("No answer: minutes").fill("90")
    page.get_by_label("Pause when so many were connected and found nobody").select_option("1 %")
    for one in ("Failed: minutes", "A machine: minutes"):
        page.get_by_label(one).fill("")
    page.get_by_label("Three a day").check()
    operator.press("Make the draft")
    expect(page.get_by_label("Ring for, seconds")).to_have_attribute("aria-invalid", "true")
    wrong = {label: operator.wrong(label) for label in (*FILLED, "From") if operator.wrong(label)}
    assert wrong == {
        "Then connect to, answer 2": "must be a number such as +12125550100, `sip:name@host`, or `queue:name`",
        "Ring for, seconds": "Input should be greater than or equal to 15",
        "From": "`opens` must be before `closes`, and `closes` at most 24:00",
        "within hours": "Input should be greater than or equal to 0.001",
    }
    assert operator.barriers() == []
    for label, text in CORRECTED.items():
        page.get_by_label(label, exact=True).fill(text)
    operator.press("Make the draft")
    operator.sees("`on_machine: voicemail` needs a `voicemail` text")
    assert operator.wrong("Ring for, seconds") == ""
    page.get_by_label("Message for the machine").fill("Please call us.")
    operator.press("Make the draft")
    operator.sees("A draft: nobody is called until it is started.")
    form = office.do("GET", f"/campaigns/{page.url.rpartition('/')[2]}")["form"]
    text, asked = form["call"]["script"]
    assert (text["say"], asked["menu"]["say"]) == ("Hello {name}.", "Are you coming?")
    first, second = asked["menu"]["keys"]["1"], asked["menu"]["keys"]["2"]
    assert (first["outcome"], first["then"][0]["say"]) == ("yes", "Thank you.")
    assert (second["outcome"], second["then"][0]["transfer"]["to"]) == ("talk", FROM)
    assert (form["call"]["on_machine"], form["call"]["voicemail"]) == ("voicemail", "Please call us.")
    assert form["pacing"]["max_abandon"] == 0.01
    assert form["retry"]["delays_s"] == {"busy": 300, "no-answer": 5400}
    assert (form["caps"][0], form["caps"][1]["most"], form["caps"][1]["within_h"]) == ("three-a-day", 2, 12)
    assert (form["hours"]["zone"], form["hours"]["opens"], form["hours"]["closes"]) == (
        "America/Chicago",
        "09:00",
        "17:30",
    )


FILLED = {
    "Name": "Who is coming", "Calls come from": FROM, "Text": "Hello {name}.", "Question": "Are you coming?",
    "It means, answer 1": "yes", "Then say, answer 1": "Thank you.", "It means, answer 2": "talk",
    "Then connect to, answer 2": "nobody", "Ring for, seconds": "2", "Time zone of your own hours": "America/Chicago",
    "To": "07:00", "A cap of your own: calls, at most": "2", "within hours": "0",
}  # fmt: skip
CORRECTED = {"Then connect to, answer 2": FROM, "Ring for, seconds": "20", "To": "17:30", "within hours": "12"}


def test_the_list_says_what_each_campaign_does_and_why_those_that_run_first(
    world: World, journey: Journey, office: Office, operator: Visitor, numbers: Numbers
) -> None:
    first, second, third = numbers(3)
    closed, refused = drafted(office, [first], name="Closed"), drafted(office, [second], name="Refused")
    for one in (closed, refused):
        office.do("POST", f"/campaigns/{one}/start")
    moment = journey.closes_now(closed, until=timedelta(hours=20))
    journey.fates({second: {"kind": "refuse", "code": 20003, "status": 401}})
    until(lambda: journey.tick(refused) and office.do("GET", f"/campaigns/{refused}")["state"] == "paused", every=1)
    draft = drafted(office, [third], name="Draft")
    names = operator.page.locator(".campaigns .name")

    def line(campaign_id: str) -> Any:
        return operator.page.locator(f'.campaigns li[data-key="{campaign_id}"]')

    operator.open("#/")
    expect(line(closed)).to_contain_text("Outside calling hours where they are until")
    expect(line(closed)).to_contain_text(f"{moment:%H:%M} UTC.")  # the clock that decides
    expect(line(refused)).to_contain_text("(20003).")
    expect(line(draft)).to_contain_text("A draft: nobody is called until it is started.")
    order = [name for name in names.all_inner_texts() if name in {"Closed", "Refused", "Draft"}]
    assert order == ["Closed", "Refused", "Draft"]
    asked = [url for url in operator.asked if "/stats" in url or "/live" in url]
    assert asked == []
    office.do("POST", f"/campaigns/{closed}/stop")


def test_a_campaign_that_runs_is_shown_however_many_are_newer(world: World, office: Office, operator: Visitor) -> None:
    with MongoClient[dict[str, Any]](world.mongodb_uri) as client:
        campaigns = client[world.wish.database]["campaigns"]
        draft = campaigns.find_one({"_id": drafted(office, [], name="Older than a hundred")})
        assert draft is not None
        running = {**draft, "_id": "0" * 12, "state": "running", "name": "It runs"}
        newer = {**draft, "created_at": datetime.now(UTC) + timedelta(minutes=1), "name": "Newer"}
        many = [{**newer, "_id": f"{n:012x}"} for n in range(1, 101)]
        campaigns.insert_many([running, *many])
        try:
            operator.open("#/")
            names = operator.page.locator(".campaigns .name")
            expect(names.filter(has_text="It runs")).to_have_count(1)
            expect(names.filter(has_text="Newer")).to_have_count(100)
            expect(names.filter(has_text="Older than a hundred")).to_have_count(0)
            operator.sees("a hundred each of those that run and that are paused")
        finally:
            campaigns.delete_many({"_id": {"$in": [running["_id"], *(one["_id"] for one in many)]}})


def test_a_campaign_s_calls_are_exported_to_a_file_that_is_fetched_by_its_link(
    journey: Journey, operator: Visitor, numbers: Numbers
) -> None:
    people = numbers(3)
    campaign_id = journey.campaign(people)
    journey.finish(campaign_id)
    operator.open(f"#/campaigns/{campaign_id}")
    operator.press("Export")
    operator.agree("Export")
    box = operator.page.get_by_role("dialog")
    expect(box).to_contain_text("3 rows.")
    with operator.page.expect_download() as fetched:
        box.get_by_role("link", name="Download").click()
    rows = list(csv.DictReader(fetched.value.path().read_text(encoding="utf-8-sig").splitlines()))
    assert {row["phone_number_dialed"].lstrip("'") for row in rows} == set(people)
    assert {row["status"] for row in rows} == {"answered"}
    operator.press("Close")


def test_an_export_is_asked_for_until_it_is_there_and_what_is_wrong_is_said_where_it_is_awaited(
    office: Office, operator: Visitor
) -> None:
    operator.open(f"#/campaigns/{drafted(office, [])}")
    box = operator.page.get_by_role("dialog")
    an_export = re.compile("/exports/[0-9a-f]{12}$")
    operator.page.route(an_export, lambda route: route.abort(), times=3)
    operator.press("Export")
    operator.agree("Export")
    expect(box).to_contain_text("The API does not answer.")
    expect(box.get_by_role("link", name="Download")).to_be_visible()
    expect(box).not_to_contain_text("does not answer")
    operator.press("Close")
    gone = json.dumps({"detail": "There is no such export."})
    operator.page.route(an_export, lambda route: route.fulfill(status=404, body=gone), times=1)
    operator.press("Export")
    operator.agree("Export")
    expect(box).to_contain_text("There is no such export.")


def test_a_number_that_is_suppressed_on_the_page_is_not_called_any_more(
    journey: Journey, operator: Visitor, numbers: Numbers
) -> None:
    never, other = numbers(2)
    campaign_id = journey.campaign([never, other])
    operator.open("#/people")
    operator.press("Suppress a number")
    expect(operator.page.get_by_role("dialog").get_by_label("Phone, in international form")).to_be_visible()
    ids = operator.page.evaluate("[...document.querySelectorAll('[id]')].map((node) => node.id)")
    assert len(ids) == len(set(ids))
    operator.agree("Suppress", phone="12", reason="asked us to")
    expect(operator.page.get_by_role("dialog").get_by_role("alert")).to_contain_text("phone")
    operator.agree("Suppress", phone=never)
    operator.sees("Suppressed: no request to it can leave any more.")
    journey.finish(campaign_id)
    assert journey.states(campaign_id) == {never: "suppressed", other: "done"}
    journey.assert_kept(campaign_id, requests=1)
    operator.page.get_by_label("Phone, in international form").fill(never)
    operator.press("Find")
    operator.page.get_by_role("link", name=never).click()
    expect(operator.section("Story")).to_contain_text("nothing: this is settled")


def test_pasted_yaml_gets_the_api_s_own_words_and_makes_a_draft(operator: Visitor) -> None:
    operator.open("#/new")
    operator.press("YAML")
    text = operator.page.get_by_label("As the command line takes it")
    text.fill("name: [1\nb: 2")
    operator.press("Make the draft")
    operator.sees("Line 2:")
    text.fill(json.dumps({**FORM, "pacing": {"call_delay_s": -1}}))
    operator.press("Make the draft")
    operator.sees("pacing.call_delay_s: Input should be greater than or equal to 0")
    text.fill(f"name: By YAML\nfrom_numbers: [{FROM}]\ncall: {{say: Hello}}\nhours: {{opens: 08:00, closes: 20:00}}\n")
    operator.press("Make the draft")
    operator.sees("By YAML")


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_nobody_is_kept_out_by_what_they_see_or_how_they_type(
    journey: Journey, office: Office, visits: Visits, numbers: Numbers, size: str
) -> None:
    """By axe, in every view, in light and in dark; and on a phone nothing is wider than the screen."""
    campaign_id = journey.campaign(numbers(2))
    journey.finish(campaign_id)
    someone = office.do("POST", "/contacts/find", {"campaign_id": campaign_id, "state": "done"})["items"][0]["id"]
    dark = size == "phone"
    visitor = visits(dark=dark, **({"size": PHONE} if dark else {})).open()
    expect(visitor.page.get_by_label("Token")).to_be_visible()
    assert visitor.barriers() == []
    visitor.sign_in(office.token)
    for view, heading in (
        ("#/", "Campaigns"),
        (f"#/campaigns/{campaign_id}", "Zones"),
        (f"#/contacts/{someone}", "Story"),
        ("#/people", "People"),
        ("#/new", "New campaign"),
    ):
        visitor.open(view)
        expect(visitor.page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
        assert visitor.barriers() == [], view
        assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), view
    visitor.page.get_by_role("button", name="Stop everything").focus()
    visitor.page.keyboard.press("Enter")
    expect(visitor.page.get_by_role("dialog")).to_be_visible()
    assert visitor.barriers() == []
    visitor.page.keyboard.press("Escape")
    expect(visitor.page.get_by_role("button", name="Stop everything")).to_be_focused()


def test_the_page_asks_nobody_but_its_own_api(office: Office, operator: Visitor) -> None:
    url_of = office.url
    assert {url.removeprefix(url_of).partition("?")[0].partition("#")[0][:7] for url in operator.asked} <= {
        "/", "/page/p", "/page/l", "/page/i", "/tokens", "/overvi",
    }  # fmt: skip
