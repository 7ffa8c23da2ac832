"""People through the operators' API: added, found, held, released, cancelled, decided about, suppressed, forgotten."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from dialer import wiring
from dialer.lifecycle import IN_FLIGHT, TERMINAL, UNSETTLED, State
from dialer.model import Outcome, RetryPolicy, attempt_of
from dialer.tokens import Role
from tests.builders import a_campaign, a_contact, a_message, a_phone, a_region_at, created, now, stored
from tests.functions.conftest import Stack, telling
from tests.functions.events import batch, webhook
from tests.functions.operators import Operator, a_token
from tests.functions.test_api_campaigns import finished
from tests.functions.test_intake import asked, keys, noticed, uploaded


def test_a_small_list_is_added_by_the_same_rules_as_a_file(operator: Operator) -> None:
    campaign_id = operator.campaign()
    rows = [
        {"phone": "+12015550101", "name": "Ada", "age": 36},
        {"phone": "201 555 0102", "name": "two\nlines"},
        {"phone": "12", "name": "nobody"},
        {"phone": "+12015550101", "name": "again"},
        {"phone": "+12015550103", "priority": 7},
    ]
    added = operator.post(f"/campaigns/{campaign_id}/contacts", {"rows": rows, "region": "US"})
    assert {name: added[name] for name in ("rows", "added", "known", "repeated", "rejected")} == {
        "rows": 5, "added": 3, "known": 0, "repeated": 1, "rejected": 1,
    }  # fmt: skip
    assert [reject["row"] for reject in added["rejects"]] == [2]
    found = operator.post("/contacts/find", {"phone": "+12015550102"})["items"]
    assert [one["vars"]["name"] for one in found] == ["two\nlines"]
    again = operator.post(f"/campaigns/{campaign_id}/contacts", {"rows": rows[:2], "region": "US"})
    assert (again["added"], again["known"]) == (0, 2)


def test_a_row_is_called_from_the_campaigns_own_number_or_rejected(operator: Operator, viewer: Operator) -> None:
    campaign_id = operator.campaign(from_numbers=["+12125550100", "+12125550101"])
    rows = [
        {"phone": "+12015550101", "caller_id": "212 555 0101"},
        {"phone": "+12015550102", "caller_id": "+12125550102"},
        {"phone": "+12015550103", "caller_id": None},
    ]
    added = operator.post(f"/campaigns/{campaign_id}/contacts", {"rows": rows, "region": "US"})
    assert (added["added"], [reject["row"] for reject in added["rejects"]]) == (2, [1])
    assert added["rejects"][0]["reason"].startswith("caller_id is no number of the campaign's: write one of its")
    for who, phone, number in ((operator, "+12015550101", "+12125550101"), (viewer, "+12015550103", "")):
        (found,) = who.post("/contacts/find", {"phone": phone})["items"]
        assert found["caller_id"] == number


@pytest.mark.parametrize(
    "body",
    [
        {"rows": []},
        {"rows": [{"phone": "+12015550101"}] * 1001},
        {"rows": [{"name": "no phone"}]},
        {"rows": [{"phone": {"deep": 1}}]},
        {"rows": [{"phone": "+12015550101", "a\nb": "x"}]},
        {"rows": [{"phone": "+12015550101"}], "region": "United States"},
        [],
        None,
    ],
    ids=str,
)
def test_what_is_no_list_is_refused(operator: Operator, body: Any) -> None:
    refused = operator.refused("POST", f"/campaigns/{operator.campaign()}/contacts", body)
    assert refused.status == 422
    assert telling(refused.raw) == []


def test_a_campaign_that_has_ended_takes_nobody(operator: Operator) -> None:
    campaign_id = operator.campaign()
    operator.post(f"/campaigns/{campaign_id}/stop")
    refused = operator.refused("POST", f"/campaigns/{campaign_id}/contacts", {"rows": [{"phone": "+12015550101"}]})
    assert refused.status in {409, 422}
    assert "stopped" in refused.body["detail"]


def test_a_person_is_found_by_phone_and_by_external_id_in_every_campaign(stack: Stack, operator: Operator) -> None:
    phone = a_phone()
    contacts = [
        stored(stack.database, a_contact(operator.campaign(), phone=phone, external_id="C-7")) for _ in range(2)
    ]
    stored(stack.database, a_contact(operator.campaign(), external_id="C-8"))
    ids = {contact.id for contact in contacts}
    for wanted in ({"phone": phone}, {"phone": f" {phone[:5]} {phone[5:]}"}, {"external_id": "C-7"}):
        assert {one["id"] for one in operator.post("/contacts/find", wanted)["items"]} == ids
    assert operator.post("/contacts/find", {"phone": a_phone()})["items"] == []
    for nonsense in (
        {},
        {"phone": "12"},
        {"phone": phone, "external_id": "x"},
        {"campaign_id": "0" * 12},
        {"state": "done"},
        {"external_id": "C-7", "region": "US"},
    ):
        assert operator.refused("POST", "/contacts/find", nonsense).status == 422


def test_nobody_is_found_in_a_campaign_but_no_campaign_is_said_to_be_none(operator: Operator) -> None:
    wanted = {"state": "held", "campaign_id": operator.campaign()}
    assert operator.post("/contacts/find", wanted) == {"items": [], "next": ""}
    refused = operator.refused("POST", "/contacts/find", wanted | {"campaign_id": "0" * 12})
    assert (refused.status, refused.body["detail"]) == (404, "There is no campaign '000000000000'.")


@pytest.mark.parametrize("state", sorted(State))
def test_a_campaigns_contacts_in_a_state_come_page_by_page_each_once(
    stack: Stack, operator: Operator, state: State
) -> None:
    campaign_id, moment = operator.campaign(), now()
    regions = ("US-FL New_York", "US-NY New_York")
    everybody = [
        stored(stack.database, a_contact(campaign_id, state=state, priority=n % 2, region=regions[n % 3 % 2]))
        for n in range(7)
    ]
    if state in TERMINAL:  # in one millisecond, as a batch of a tick is
        stack.database["contacts"].update_many({"campaign_id": campaign_id}, {"$set": {"settled_at": moment}})
    other = State.DONE if state is not State.DONE else State.FAILED
    stored(stack.database, a_contact(campaign_id, state=other))
    seen: list[str] = []
    cursor = ""
    for _ in range(5):
        wanted = {"campaign_id": campaign_id, "state": state, "limit": 2, "cursor": cursor}
        page = operator.post("/contacts/find", wanted)
        seen, cursor = seen + [one["id"] for one in page["items"]], page["next"]
        if not cursor:
            break
    assert sorted(seen) == sorted(one.id for one in everybody)
    for none_of_ours in ("~~~~", "US~0~999999999999999~abc", "999999999999999~0", "0~-1"):
        wanted = {"campaign_id": campaign_id, "state": state, "cursor": none_of_ours}
        if state in TERMINAL | {State.PENDING}:
            assert operator.refused("POST", "/contacts/find", wanted).status == 422


def test_a_contact_tells_its_whole_story(stack: Stack, operator: Operator) -> None:
    contact = a_contact(operator.campaign(), state=State.PLACED, used=2, reason="")
    judged = [
        ("US-AK Anchorage,Adak", "2026-01-02", "every place; US federal", "number, state"),
        ("US-IL Chicago", "any hour", "any hour", "number"),
    ]
    names = ("region", "rules", "rule", "zone_source")
    first, second = (dict[str, Any](zip(names, one, strict=True)) for one in judged)
    (past,) = finished(contact.id, Outcome.BUSY)
    past = replace(past, **first, answered_by="machine_start", voicemail_left=True)
    attempt = replace(attempt_of(contact), **second, answered_by="human")
    contact = stored(stack.database, replace(contact, history=(past,), attempt=attempt))
    told = operator.get(f"/contacts/{contact.id}")
    assert [(one["n"], one["outcome"]) for one in told["attempts"]] == [(1, "busy"), (1, "placed")]
    assert [tuple(one[name] for name in names) for one in told["attempts"]] == judged
    assert [sorted(one["zones"]) for one in told["attempts"]] == [
        ["America/Adak", "America/Anchorage"],
        ["America/Chicago"],
    ]
    heard = [(one["answered_by"], one["voicemail_left"]) for one in told["attempts"]]
    assert heard == [("machine_start", True), ("human", False)]
    assert told["attempts"][1]["sid"] == attempt_of(contact).sid
    assert told["attempts"][0]["ended_at"]
    assert operator.refused("GET", f"/contacts/{'0' * 24}").status == 404


def test_a_story_says_what_details_mean_and_what_was_answered_which_a_viewer_does_not_see(
    stack: Stack, operator: Operator
) -> None:
    asked = now() + timedelta(hours=3)
    contact = a_contact(operator.campaign(), state=State.PLACED, reason="")
    (past,) = finished(contact.id, Outcome.FAILED)
    attempt = replace(attempt_of(contact), answers={"coming": "yes"})
    story = (replace(past, detail="404", answers={"mood": "good"}),)
    contact = stored(stack.database, replace(contact, history=story, attempt=attempt))
    more = {"callback_at": asked, "row": {"list": "a" * 24, "line": 7}}
    stack.database["contacts"].update_one({"_id": contact.id}, {"$set": more})
    told = operator.get(f"/contacts/{contact.id}")
    assert told["meanings"] == {"404": "there is no such number"}
    assert [one["answers"] for one in told["attempts"]] == [{"mood": "good"}, {"coming": "yes"}]
    assert (told["list_id"], told["line"]) == ("a" * 24, 7)
    assert abs(datetime.fromisoformat(told["callback_at"]) - asked) < timedelta(milliseconds=1)
    viewer = operator.with_token(a_token(Role.VIEWER))
    for shown in (
        viewer.get(f"/contacts/{contact.id}"),
        *viewer.post("/contacts/find", {"phone": contact.phone})["items"],
    ):
        assert [one["answers"] for one in shown["attempts"]] == [{"mood": "•"}, {"coming": "•"}]


def test_a_contact_tells_why_it_was_not_called_and_who_decided_so(stack: Stack, operator: Operator) -> None:
    """A tick that finds it suppressed, after a person held and released it."""
    campaign = created(stack.database, a_campaign())
    contact = stored(stack.database, a_contact(campaign))
    operator.post(f"/contacts/{contact.id}/hold", {"reason": "asked by mail"})
    operator.post(f"/contacts/{contact.id}/release", {"reason": "a mistake"})
    operator.post("/suppressions", {"phone": contact.phone, "reason": "asked"})
    stack.invoke("tick", {"campaign_id": campaign.id})
    told = operator.get(f"/contacts/{contact.id}")
    assert [(one["state"], one["reason"]) for one in told["decisions"]] == [
        ("pending", "on hold: asked by mail"), ("pending", "released: a mistake"), ("suppressed", "suppressed"),
    ]  # fmt: skip
    assert [bool(one["due_at"]) for one in told["decisions"]] == [True, True, False]
    moments = [one["at"] for one in told["decisions"]]
    assert moments == sorted(moments)
    assert told["attempts"] == []


def test_who_is_on_hold_is_not_called_until_released(stack: Stack, operator: Operator) -> None:
    campaign_id = operator.running()
    contact = stored(stack.database, a_contact(campaign_id))
    held = operator.post(f"/contacts/{contact.id}/hold", {"reason": "is on holiday"})
    assert (held["state"], held["reason"]) == ("pending", "on hold: is on holiday")
    assert stack.invoke("tick", {"campaign_id": campaign_id})["campaigns"][0]["claimed"] == 0
    in_vain = operator.refused("POST", f"/contacts/{contact.id}/call-back", {"at": f"{now() + timedelta(hours=3)}"})
    assert "is pending (on hold: is on holiday): it cannot be called back." in in_vain.body["detail"]
    released = operator.post(f"/contacts/{contact.id}/release")
    assert released["reason"] == "released: by hand"
    assert operator.refused("POST", f"/contacts/{contact.id}/release").status == 409
    assert stack.invoke("tick", {"campaign_id": campaign_id})["campaigns"][0]["claimed"] == 1


def test_who_waits_is_called_back_at_the_time_that_they_asked_for(stack: Stack, operator: Operator) -> None:
    campaign_id = operator.running()
    contact = stored(stack.database, a_contact(campaign_id))
    at = (now() + timedelta(hours=3)).isoformat()
    moved = operator.post(f"/contacts/{contact.id}/call-back", {"at": at, "reason": "after work"})
    assert (moved["state"], moved["reason"]) == ("pending", "to be called back: after work")
    assert datetime.fromisoformat(moved["due_at"]) == datetime.fromisoformat(at)
    assert stack.invoke("tick", {"campaign_id": campaign_id})["campaigns"][0]["claimed"] == 0


def test_who_is_being_called_is_called_back_after_that_call(stack: Stack, operator: Operator) -> None:
    contact = stored(stack.database, a_contact(operator.running(), state=State.PLACED, used=1, max=2))
    at = now() + timedelta(hours=3)
    moved = operator.post(f"/contacts/{contact.id}/call-back", {"at": at.isoformat()})
    assert moved["state"] == "placed"
    stack.invoke("voice", webhook("voice_status_completed", contact))
    found = stack.contact(contact)
    assert (found.state, found.due_at) == (State.PENDING, at)


@pytest.mark.parametrize("state", sorted(UNSETTLED | TERMINAL))
def test_who_has_no_attempt_left_or_is_held_or_settled_cannot_be_called_back(
    stack: Stack, operator: Operator, state: State
) -> None:
    contact = stored(stack.database, a_contact(operator.campaign(), state=state, used=1, max=1))
    body = {"at": (now() + timedelta(hours=3)).isoformat()}
    refused = operator.refused("POST", f"/contacts/{contact.id}/call-back", body)
    assert (refused.status, f"is {state}" in refused.body["detail"]) == (409, True)


@pytest.mark.parametrize("at", ["", "soon", "2026-03-02T10:00:00", "2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z"])
def test_a_time_to_be_called_back_at_has_a_zone_and_is_ahead_and_near(operator: Operator, at: str) -> None:
    refused = operator.refused("POST", f"/contacts/{'0' * 24}/call-back", {"at": at})
    assert (refused.status, "at" in refused.body["detail"]) == (422, True)


@pytest.mark.parametrize("verb", ["hold", "cancel"])
def test_a_message_of_somebody_who_was_taken_back_calls_nobody(stack: Stack, operator: Operator, verb: str) -> None:
    contact = stored(stack.database, a_contact(operator.running(), state=State.CLAIMED))
    message = a_message(contact)
    operator.post(f"/contacts/{contact.id}/{verb}")
    stack.invoke("call", batch(message))
    assert stack.asked(contact) == []
    assert stack.contact(contact).state is (State.PENDING if verb == "hold" else State.FAILED)


@pytest.mark.parametrize("state", sorted(UNSETTLED | TERMINAL))
@pytest.mark.parametrize("verb", ["hold", "release", "cancel"])
def test_whose_phone_may_be_ringing_and_who_is_settled_is_left_alone(
    stack: Stack, operator: Operator, state: State, verb: str
) -> None:
    contact = stored(stack.database, a_contact(operator.campaign(), state=state))
    refused = operator.refused("POST", f"/contacts/{contact.id}/{verb}")
    assert (refused.status, f"is {state}" in refused.body["detail"]) == (409, True)
    assert stack.contact(contact) == contact


@pytest.mark.parametrize("to", ["pending", "failed"])
def test_a_person_decides_about_somebody_who_is_held(stack: Stack, operator: Operator, to: str) -> None:
    contact = stored(stack.database, a_contact(operator.campaign(), state=State.HELD))
    decided = operator.post(f"/contacts/{contact.id}/resolve", {"to": to, "reason": "asked them by mail"})
    assert (decided["state"], decided["reason"]) == (to, "a person decided: asked them by mail")
    assert stack.contact(contact).history[-1].outcome is Outcome.UNKNOWN
    assert operator.refused("POST", f"/contacts/{contact.id}/resolve", {"to": to, "reason": "x"}).status == 409


def test_who_is_to_be_called_again_waits_for_a_day_that_is_full(stack: Stack, operator: Operator) -> None:
    """Nobody knows that there was no call: it fills the day."""
    campaign = created(stack.database, a_campaign(retry=RetryPolicy(max_per_day=1)))
    contact = stored(stack.database, a_contact(campaign, state=State.HELD))
    dialed = attempt_of(contact).dial_at
    assert dialed is not None
    decided = operator.post(f"/contacts/{contact.id}/resolve", {"to": "pending", "reason": "no call was made"})
    assert abs(datetime.fromisoformat(decided["due_at"]) - dialed - timedelta(days=1)) < timedelta(seconds=1)


def test_nobody_waits_for_an_attempt_they_do_not_have(stack: Stack, operator: Operator) -> None:
    contact = stored(stack.database, a_contact(operator.campaign(), state=State.HELD, used=3, max=3))
    refused = operator.refused("POST", f"/contacts/{contact.id}/resolve", {"to": "pending", "reason": "again"})
    assert (refused.status, "3 of 3 attempts used" in refused.body["detail"]) == (409, True)


@pytest.mark.parametrize("scope", ["global", "campaign", "purpose:survey"])
def test_a_suppressed_phone_is_not_called_within_its_scope(stack: Stack, operator: Operator, scope: str) -> None:
    """At the last look, and no other campaign is kept from calling it by a scope of this one."""
    campaign_id = operator.running(purpose="survey", any_hour_because="")
    other = operator.running(purpose="charity", any_hour_because="")
    scope = f"campaign:{campaign_id}" if scope == "campaign" else scope
    phone = a_phone()
    noon = a_region_at(12)
    contact = stored(stack.database, a_contact(campaign_id, phone=phone, region=noon, state=State.CLAIMED))
    free = stored(stack.database, a_contact(other, phone=phone, region=noon, state=State.CLAIMED))
    assert operator.post("/suppressions", {"phone": phone, "scope": scope, "reason": "asked"}) == {"new": 1}
    assert operator.post("/suppressions", {"phone": phone, "scope": scope, "reason": "again"}) == {"new": 0}
    stack.invoke("call", batch(a_message(contact)))
    stack.invoke("call", batch(a_message(free)))
    assert stack.asked(contact) == []
    assert stack.contact(contact).state is State.SUPPRESSED
    assert (stack.contact(free).state is State.SUPPRESSED) == (scope == "global")


def test_a_purpose_is_suppressed_when_claimed_too(stack: Stack, operator: Operator) -> None:
    campaign_id = operator.running(purpose="survey", any_hour_because="")
    contact = stored(stack.database, a_contact(campaign_id, region=a_region_at(12)))
    operator.post("/suppressions", {"phone": contact.phone, "scope": "purpose:survey", "reason": "asked"})
    stack.invoke("tick", {"campaign_id": campaign_id})
    assert stack.contact(contact).state is State.SUPPRESSED


def test_the_list_says_where_since_when_and_why_and_shows_no_phone(stack: Stack, operator: Operator) -> None:
    phone = a_phone()
    operator.post("/suppressions", {"phone": phone, "scope": "purpose:survey", "source": "mail", "reason": "asked"})
    wiring.suppressions().suppress(phone, scope="global", source="keypress", reason="opted out on a call")
    found = operator.post("/suppressions/find", {"phone": phone})
    told = {one["scope"]: (one["source"], one["reason"]) for one in found["scopes"]}
    assert told == {"purpose:survey": ("mail", "asked"), "global": ("keypress", "opted out on a call")}
    assert all(one["at"] for one in found["scopes"])
    assert operator.get("/suppressions")["items"] == [found]
    assert operator.post("/suppressions/find", {"phone": found["hash"]}) == found
    assert operator.refused("POST", "/suppressions/find", {"phone": a_phone()}).status == 404


def test_a_phone_is_let_go_in_one_scope_and_stays_in_the_others(operator: Operator) -> None:
    phone = a_phone()
    for scope in ("global", "purpose:survey"):
        operator.post("/suppressions", {"phone": phone, "scope": scope, "reason": "asked"})
    operator.post("/suppressions/remove", {"phone": phone, "reason": "changed their mind"})
    assert [one["scope"] for one in operator.post("/suppressions/find", {"phone": phone})["scopes"]] == [
        "purpose:survey"
    ]
    assert operator.refused("POST", "/suppressions/remove", {"phone": phone, "reason": "again"}).status == 404
    operator.post("/suppressions/remove", {"phone": phone, "scope": "purpose:survey", "reason": "changed their mind"})
    assert operator.get("/suppressions")["items"] == []


def test_a_number_as_it_is_written_at_home_is_taken_with_its_region(operator: Operator) -> None:
    """In every request that names a phone; a hash stays one."""
    phone, other = "+12015550142", "+12015550143"
    home = {"phone": "(201) 555-0142", "region": "US"}
    assert operator.post("/suppressions", {**home, "reason": "asked"}) == {"new": 1}
    found = operator.post("/suppressions/find", home)
    assert found == operator.post("/suppressions/find", {"phone": phone})
    listed = {"phones": ["201 555 0142", "2015550143", other, found["hash"]], "region": "US", "reason": "a list"}
    assert operator.post("/suppressions/import", listed) == {"new": 1}
    rows = {"rows": [{"phone": "2015550143", "scope": "purpose:survey"}], "region": "US", "reason": "a list"}
    assert operator.post("/suppressions/import", rows) == {"new": 1}
    assert wiring.suppressions().among("any", [phone, other]) == {phone, other}
    operator.post("/suppressions/remove", {**home, "reason": "changed their mind"})
    assert operator.post("/erase", home) == ERASED
    assert wiring.suppressions().among("any", [phone]) == {phone}
    for wrong, said in (({"phone": "2015550142"}, "no country code"), ({**home, "region": "us"}, "region")):
        refused = operator.refused("POST", "/suppressions", {**wrong, "reason": "asked"})
        assert (refused.status, said in refused.body["detail"]) == (422, True)


def test_a_person_is_found_by_a_number_as_it_is_written_at_home_with_its_region(
    stack: Stack, operator: Operator
) -> None:
    contact = stored(stack.database, a_contact(operator.campaign(), phone="+12015550142"))
    for written in ("(201) 555-0142", "2015550142", "+1 201 555 0142"):
        (found,) = operator.post("/contacts/find", {"phone": written, "region": "US"})["items"]
        assert found["id"] == contact.id
    for wrong in ({"phone": "2015550142"}, {"phone": "12", "region": "US"}, {"phone": "2015550142", "region": "us"}):
        refused, alike = (operator.refused("POST", f"/{one}/find", wrong) for one in ("contacts", "suppressions"))
        assert (refused.status, refused.body) == (422, alike.body)


@pytest.mark.parametrize(
    ("path", "wish"),
    [
        ("/campaigns/{campaign}/lists", {}),
        ("/campaigns/{campaign}/contacts", {"rows": [{"phone": "2015550142"}]}),
        ("/campaigns/{campaign}/test-call", {"to": "2015550142"}),
        ("/contacts/find", {"phone": "2015550142"}),
        ("/suppressions", {"phone": "2015550142", "reason": "asked"}),
        ("/suppressions/import", {"phones": ["2015550142"], "reason": "asked"}),
        ("/erase", {"phone": "2015550142"}),
    ],
)
def test_a_region_that_is_no_country_is_refused_before_a_number_is_read(
    operator: Operator, path: str, wish: dict[str, Any]
) -> None:
    """Else every number of a list would be said to have no country, though one was given."""
    place = path.format(campaign=operator.campaign())
    refused = operator.refused("POST", place, {**wish, "region": "UK"})
    assert refused.body["detail"].startswith("body.region: is no country's code in ISO 3166, such as US")
    assert operator.ask("POST", place, {**wish, "region": "US"}).status < 300


def test_what_was_exported_can_be_imported_again(operator: Operator) -> None:
    phones = [a_phone() for _ in range(5)]
    assert operator.post("/suppressions/import", {"phones": phones, "reason": "the old list"}) == {"new": 5}
    first = operator.get("/suppressions", query="limit=3")
    rest = operator.get("/suppressions", query=f"limit=3&cursor={first['next']}")
    hashes = [one["hash"] for one in first["items"] + rest["items"]]
    assert (len(set(hashes)), rest["next"]) == (5, "")
    for phone in phones:
        operator.post("/suppressions/remove", {"phone": phone, "reason": "a test"})
    assert operator.post("/suppressions/import", {"phones": hashes, "reason": "restored"}) == {"new": 5}
    assert wiring.suppressions().among("any", phones) == set(phones)
    refused = operator.refused("POST", "/suppressions/import", {"phones": [phones[0], "12"], "reason": "x"})
    assert (refused.status, refused.body["detail"].startswith("phone 1: ")) == (422, True)


def test_whom_a_list_says_not_to_call_is_among_its_rejects_and_no_contact(stack: Stack, operator: Operator) -> None:
    campaign_id = operator.campaign()
    rows = [
        {"phone": "+12015550101", "name": "Ada", "Do not call": "Yes"},
        {"phone": "+12015550102", "name": "Ben", "Do not call": True},
        {"phone": "+12015550103", "name": "Kay", "Do not call": "no"},
        {"phone": "+12015550104", "name": "Zoe"},
    ]
    waiting = stored(stack.database, a_contact(campaign_id, phone="+12015550101"))
    added = operator.post(f"/campaigns/{campaign_id}/contacts", {"rows": rows})
    assert (added["added"], added["rejected"]) == (2, 2)
    assert stack.contact(waiting).state is State.FAILED
    stack.database["contacts"].delete_one({"_id": waiting.id})
    assert {(one["row"], one["reason"]) for one in added["rejects"]} == {
        (0, "the list says not to call"), (1, "the list says not to call"),
    }  # fmt: skip
    assert {one["phone"] for one in stack.database["contacts"].find()} == {"+12015550103", "+12015550104"}


def test_an_import_keeps_the_scope_source_reason_and_moment_of_each_row(operator: Operator) -> None:
    """So that a list that went out and came back suppresses whom it did before, and nobody elsewhere."""
    here, everywhere, twice = (a_phone() for _ in range(3))
    campaign, since = "campaign:0123456789ab", "2025-03-01T09:30:00Z"
    rows = [
        {"phone": here, "scope": campaign, "source": "keypress", "reason": "opted out on a call", "at": since},
        {"phone": everywhere},
        {"phone": twice, "scope": "purpose:survey"},
        {"phone": twice, "scope": campaign},
        {"phone": twice, "scope": campaign, "reason": "again"},
    ]
    assert operator.post("/suppressions/import", {"rows": rows, "reason": "the old list"}) == {"new": 4}
    told = [operator.post("/suppressions/find", {"phone": phone})["scopes"] for phone in (here, everywhere, twice)]
    assert [[(one["scope"], one["source"], one["reason"]) for one in scopes] for scopes in told] == [
        [(campaign, "keypress", "opted out on a call")],
        [("global", "import", "the old list")],
        [("purpose:survey", "import", "the old list"), (campaign, "import", "the old list")],
    ]
    assert datetime.fromisoformat(told[0][0]["at"]) == datetime.fromisoformat(since)
    assert now() - datetime.fromisoformat(told[1][0]["at"]) < timedelta(minutes=1)
    assert wiring.suppressions().among("0123456789ab", [here, everywhere, twice]) == {here, everywhere, twice}
    assert wiring.suppressions().among("another", [here, everywhere, twice]) == {everywhere}


def test_what_was_listed_before_keeps_what_was_told_of_it(operator: Operator) -> None:
    phone = a_phone()
    operator.post("/suppressions", {"phone": phone, "reason": "asked by mail"})
    row = {"phone": phone, "reason": "an old list", "at": "2020-01-01T00:00:00Z"}
    assert operator.post("/suppressions/import", {"rows": [row], "reason": "x"}) == {"new": 0}
    (told,) = operator.post("/suppressions/find", {"phone": phone})["scopes"]
    assert (told["reason"], told["at"] > "2021") == ("asked by mail", True)


@pytest.mark.parametrize(
    ("wish", "complaint"),
    [
        ({"rows": [{"phone": "+12015550100"}, {"phone": "12"}]}, "phone 1: "),
        ({"rows": [{"phone": "+12015550100", "scope": "campaign:x"}]}, "phone 0: its scope is none of `global`, "),
        ({"rows": [{"phone": "+12015550100", "scope": "purpose:gossip"}]}, "NAME is informational, "),
        ({"rows": [{"phone": "+12015550100", "at": "2025-03-01T09:30:00"}]}, "rows.0.at: "),
        ({"rows": [{"phone": "+12015550100", "at": "0001-01-01T00:00:00+14:00"}]}, "no moment of this century"),
        ({"rows": [{"phone": "+12015550100", "reason": "called 12015550100"}]}, "leave numbers out"),
        ({"rows": [{"phone": "+12015550100"}], "phones": ["+12015550100"]}, "send `phones` or `rows`"),
        ({}, "send `phones` or `rows`"),
    ],
)
def test_an_import_that_cannot_be_understood_suppresses_nobody_and_says_why(
    operator: Operator, wish: dict[str, Any], complaint: str
) -> None:
    refused = operator.refused("POST", "/suppressions/import", wish | {"reason": "x"})
    assert (refused.status, complaint in refused.body["detail"]) == (422, True), refused.body
    assert operator.get("/suppressions")["items"] == []


ERASED = {"erased": 0, "waiting": [], "files": 0, "open_files": []}


def test_more_contacts_than_one_look_finds_are_erased(stack: Stack, operator: Operator) -> None:
    """A family's number is an alternate of many people in one campaign."""
    family = a_phone()
    one = stored(stack.database, a_contact(operator.campaign()))
    (document,) = stack.database["contacts"].find({"_id": one.id})
    stack.database["contacts"].delete_one({"_id": one.id})
    numbers = [{"phone": document["phone"], "region": "US"}, {"phone": family, "region": "US"}]
    people = [
        document | {"_id": f"{n:024x}", "listed": f"+1201666{n:04d}", "phone": f"+1201666{n:04d}", "numbers": numbers}
        for n in range(1003)
    ]
    stack.database["contacts"].insert_many(people)
    assert operator.post("/erase", {"phone": family}) == ERASED | {"erased": 1003}


def test_an_erased_person_leaves_nothing_but_the_opt_out(stack: Stack, operator: Operator) -> None:
    phone = a_phone()
    states = [State.PENDING, State.CLAIMED, *sorted(TERMINAL)]
    for state in states:
        stored(stack.database, a_contact(operator.campaign(), phone=phone, state=state))
    neighbour = stored(stack.database, a_contact(operator.campaign()))
    assert operator.post("/erase", {"phone": phone}) == ERASED | {"erased": len(states)}
    everything = "".join(str(list(stack.database[name].find())) for name in stack.database.list_collection_names())
    assert phone.removeprefix("+") not in everything.replace(neighbour.phone, "")
    assert wiring.suppressions().among("any", [phone]) == {phone}
    assert operator.post("/erase", {"phone": phone}) == ERASED
    assert stack.contact(neighbour) == neighbour


@pytest.mark.parametrize("written", ["+12015550142", "(201) 555-0142", "+1 201 555 0142", "201.555.0142"])
def test_a_reason_that_names_whom_to_forget_is_refused_and_kept_nowhere(
    stack: Stack, operator: Operator, written: str
) -> None:
    contact = stored(stack.database, a_contact(operator.campaign(), phone="+12015550142"))
    wish = {"phone": contact.phone, "reason": f"asked from {written}"}
    refused = operator.refused("POST", "/erase", wish)
    assert (refused.status, "leave numbers out" in refused.body["detail"]) == (422, True)
    assert operator.get("/audit")["items"][0]["reason"] == ""
    assert stack.contact(contact) == contact
    assert operator.post("/erase", wish | {"reason": "asked by letter"}) == ERASED | {"erased": 1}
    everything = "".join(str(list(stack.database[name].find())) for name in stack.database.list_collection_names())
    assert (written in everything, everything.count("asked by letter")) == (False, 1)


@pytest.mark.parametrize("state", sorted(UNSETTLED))
def test_whose_phone_may_be_ringing_is_erased_later(stack: Stack, operator: Operator, state: State) -> None:
    """The end of their call must still find them."""
    assert state in IN_FLIGHT
    contact = stored(stack.database, a_contact(operator.campaign(), state=state))
    assert operator.post("/erase", {"phone": contact.phone}) == ERASED | {"waiting": [contact.id]}
    assert stack.contact(contact) == contact
    assert wiring.suppressions().among("any", [contact.phone]) == {contact.phone}


def test_a_message_of_somebody_who_was_erased_calls_nobody(stack: Stack, operator: Operator) -> None:
    contact = stored(stack.database, a_contact(operator.running(), state=State.CLAIMED))
    operator.post("/erase", {"phone": contact.phone})
    assert stack.invoke("call", batch(a_message(contact))) == {"batchItemFailures": []}
    assert stack.asked(contact) == []


def test_the_files_of_an_erased_person_s_campaigns_are_gone_and_no_others(stack: Stack, operator: Operator) -> None:
    phone, neighbour = a_phone(1900), a_phone(1901)
    mine, other = with_files(stack, operator, phone), with_files(stack, operator, neighbour)
    before = keys(stack)
    assert operator.post("/erase", {"phone": phone}) == ERASED | {"erased": 1, "files": 2}
    assert len(before) == 6
    assert keys(stack) == {key for key in before if f"/{other}/" in key}
    (told,) = operator.get(f"/campaigns/{mine}/lists")["items"]
    assert (told["state"], told["counts"]["added"], told["rejects_link"]) == ("read", 1, "")
    exports = stack.database["exports"].find({"campaign_id": mine})
    assert [operator.get(f"/exports/{one['_id']}")["link"] for one in exports] == [""]
    assert operator.post("/erase", {"phone": phone}) == ERASED


def with_files(stack: Stack, operator: Operator, phone: str) -> str:
    """A campaign that came by its only contact through a list, and was exported."""
    new = uploaded(stack, f"phone\n{phone}\n911\n", operator.campaign())
    stack.invoke("intake", noticed(new))
    begun = operator.post(f"/campaigns/{new.campaign_id}/exports", {"kind": "contacts"})
    stack.invoke("intake", asked(export_id=begun["id"]))
    return new.campaign_id


@pytest.mark.parametrize("paper", ["list", "export"])
def test_whose_campaign_has_a_file_that_is_worked_on_is_erased_when_it_is_over(
    stack: Stack, operator: Operator, paper: str
) -> None:
    """A list that is being read would bring them back, and an export that is being written may have them."""
    contact = stored(stack.database, a_contact(operator.campaign()))
    if paper == "list":
        new = uploaded(stack, f"phone\n{contact.phone}\n", contact.campaign_id)
        paper_id, over = new.id, noticed(new)
    else:
        paper_id = operator.post(f"/campaigns/{contact.campaign_id}/exports", {"kind": "calls"})["id"]
        over = asked(export_id=paper_id)
    assert operator.post("/erase", {"phone": contact.phone}) == ERASED | {
        "waiting": [contact.id], "open_files": [paper_id]
    }  # fmt: skip
    assert stack.contact(contact) == contact
    stack.invoke("intake", over)
    assert operator.post("/erase", {"phone": contact.phone}) == ERASED | {"erased": 1, "files": 1}
    assert keys(stack) == set()


@pytest.mark.parametrize(("state", "age"), [("awaited", timedelta(hours=2)), ("reading", timedelta(days=1))])
def test_a_list_that_nobody_will_read_on_keeps_nobody_from_being_erased(
    stack: Stack, operator: Operator, state: str, age: timedelta
) -> None:
    contact = stored(stack.database, a_contact(operator.campaign()))
    new = uploaded(stack, f"phone\n{contact.phone}\n", contact.campaign_id)
    for made_at, left in ((now() - age + timedelta(minutes=1), [new.id]), (now() - age, [])):
        stack.database["lists"].update_one({"_id": new.id}, {"$set": {"state": state, "made_at": made_at}})
        assert operator.post("/erase", {"phone": contact.phone})["open_files"] == left
    assert keys(stack) == set()


def test_a_file_that_named_somebody_who_never_came_in_is_found_by_their_opt_out(
    stack: Stack, operator: Operator
) -> None:
    phone = a_phone(1900)
    new = uploaded(stack, f"phone,dnc\n{phone},yes\n", operator.campaign())
    stack.invoke("intake", noticed(new))
    assert operator.post("/erase", {"phone": phone}) == ERASED | {"files": 1}
    assert keys(stack) == set()
