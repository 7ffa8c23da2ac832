"""The laws of DESIGN, checked at every write and every request, from the database's and the carrier's side.

They know nothing of how the dialer works: they see documents before and after, requests that leave, calls that exist.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from dialer.bounds import Bounds
from dialer.calling.lawful import Closed, look
from dialer.lifecycle import IN_FLIGHT, MOVES, TERMINAL, UNSETTLED, State
from dialer.model import Campaign, CampaignState, Cap, Counted, Doubt, Outcome
from tests.simulation.carrier import Asked, Call, Carrier, Said
from tests.simulation.universe import Universe
from tests.simulation.values import Document, at

_EDGES = frozenset((source, to) for rule in MOVES.values() for source in rule.sources for to in rule.targets)
_DEFINITE = frozenset({Said.NO, Said.NEVER, Said.OUR_FAULT})


@dataclass(frozen=True, kw_only=True)
class Breach:
    """A law that was broken, when, and about whom."""

    law: str
    at: int
    what: str
    contact_id: str = ""

    def __str__(self) -> str:
        return f"{self.law} at {self.at / 1000:.3f} s: {self.what}"


@dataclass(kw_only=True)
class Laws:
    """Watches one universe."""

    universe: Universe
    bounds: Bounds
    breaches: list[Breach] = field(default_factory=list)
    campaigns: dict[str, Campaign] = field(default_factory=dict)
    carrier: Carrier = field(init=False)
    contacts: dict[str, Document] = field(default_factory=dict)
    attempts: int = 0
    _states: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    _permits: dict[str, int] = field(default_factory=dict)
    _suppressed: dict[str, int] = field(default_factory=dict)
    _claims: set[tuple[str, str]] = field(default_factory=set)
    _left: dict[str, list[int]] = field(default_factory=dict)
    _asked: dict[str, Asked] = field(default_factory=dict)
    _by_contact: dict[str, list[Asked]] = field(default_factory=dict)

    def breach(self, law: str, what: str, contact_id: str = "") -> None:
        """Note it and let the universe end: what comes after it proves nothing."""
        self.breaches.append(Breach(law=law, at=self.universe.now, what=what, contact_id=contact_id))
        self.universe.note("LAW", f"{law} is broken: {what}")
        self.universe.running = False

    # What the database sees.

    def changed(self, collection: str, before: Document | None, after: Document) -> None:
        if collection == "contacts":
            self.contacts[after["_id"]] = after
            self._contact(before, after)
        elif collection == "campaigns":
            if before is not None and before["next_dial_at"] != after["next_dial_at"]:
                self._permits[self.universe.acting] = self.universe.now
            states = self._states.setdefault(after["_id"], [])
            if not states or states[-1][1] != after["state"]:
                states.append((self.universe.now, after["state"]))

    def _contact(self, before: Document | None, after: Document) -> None:
        self._shape(after)
        if before is None:
            return
        if before["state"] in TERMINAL and _settled(before) != _settled(after):
            self._breach("L8", "something that is over changes", after)
        if (before["state"], after["state"]) not in _EDGES and before["state"] != after["state"]:
            self._breach("L8", f"{before['state']} becomes {after['state']}, which no move does", after)
        self._same_attempt(before, after)
        if before["state"] == State.PENDING and after["state"] == State.CLAIMED:
            self._claimed(after)
        if after["state"] == State.PENDING and before["state"] in {State.DIALING, State.UNCERTAIN, State.HELD}:
            self._waits_again(before, after)
        if len(after.get("history", ())) > len(before.get("history", ())):
            self._ended(before, after, after["history"][-1]["outcome"])

    def _shape(self, after: Document) -> None:
        """L5 and L7, in the data: nobody is in flight without an end, nobody waits without a time, none is overused."""
        state, attempt, due_at = after["state"], after.get("attempt"), after.get("due_at")
        if not 0 <= after["used"] <= after["max"]:
            self._breach("L7", f"{after['used']} attempts of {after['max']}", after)
        if (state in IN_FLIGHT) != isinstance(at(after, "attempt.until"), datetime):
            self._breach("L5", f"{state} with the attempt {attempt}", after)
        if (state == State.PENDING) != isinstance(due_at, datetime):
            self._breach("L5", f"{state} with the due time {due_at}", after)
        if state == State.PENDING and after["used"] >= after["max"]:
            self._breach("L5", "waits for an attempt that it does not have", after)

    def _same_attempt(self, before: Document, after: Document) -> None:
        old, new = before.get("attempt"), after.get("attempt")
        if not old or not new or old["id"] != new["id"]:
            return
        if new.get("rank", 0) < old.get("rank", 0):
            self._breach("L8", f"status goes back from {old.get('status')} to {new.get('status')}", after)
        if old.get("sid") and old["sid"] != new.get("sid"):
            self._breach("L2", f"call {old['sid']} is replaced by {new.get('sid')}", after)
        if old.get("token") and old["token"] != new.get("token"):
            self._breach("L1", "a second permission for one attempt", after)

    def _claimed(self, after: Document) -> None:
        claim = (after["_id"], after["attempt"]["id"])
        if claim in self._claims:
            self._breach("L3", "an attempt id is used again", after)
        self._claims.add(claim)

    def _waits_again(self, before: Document, after: Document) -> None:
        """L11: an attempt that may have reached the carrier is over before the next one is due."""
        asked = self._asked.get(_attempt_id(before))
        if asked is None:
            if before["state"] != State.DIALING:
                self._redialed(before, after, "it is in doubt whether it was dialed")
        elif asked.said not in _DEFINITE and not _over(asked):
            self._redialed(before, after, f"the carrier said {asked.said}")

    def _redialed(self, before: Document, after: Document, doubt: str) -> None:
        campaign = self.campaigns[after["campaign_id"]]
        waited = self.universe.moment() - before["attempt"]["dial_at"]
        if campaign.doubt is not Doubt.REDIAL:
            self._breach("L11", f"waits again although {doubt}", after)
        elif waited < self.bounds.settle_horizon:
            self._breach("L11", f"waits again after {waited}, before the horizon, although {doubt}", after)

    def _ended(self, before: Document, after: Document, outcome: str) -> None:
        """L10 and L11: an attempt ends as the carrier said it did; as unknown only when nobody can know any more."""
        asked = self._asked.get(_attempt_id(before))
        said = asked.said if asked else Said.NOTHING
        if outcome == Outcome.UNKNOWN:
            if self.universe.moment() - before["attempt"]["dial_at"] < self.bounds.settle_horizon:
                self._breach("L11", "is given up before the horizon", after)
        elif outcome == Outcome.REFUSED:
            if said is not Said.NEVER:
                self._breach("L10", f"is refused although the carrier said {said}", after)
        elif asked is None or not _over(asked):
            self._breach("L8", f"ends as {outcome} although no call of its has ended", after)

    # What the carrier sees.

    def left(self, asked: Asked) -> None:
        """A request to place a call leaves a function."""
        request, now = asked.request, self.universe.now
        self.attempts += 1
        self.universe.note(asked.by, f"asks the carrier to call {request.to} for {request.attempt_id}")
        if request.attempt_id in self._asked:
            self.breach("L1", f"a second request for attempt {request.attempt_id}", request.contact_id)
        self._asked[request.attempt_id] = asked
        self._permitted(asked)
        self._after_the_last(asked)
        self._by_contact.setdefault(request.contact_id, []).append(asked)
        self._rate(asked)
        self._allowed(asked)
        self._within_caps(asked)
        contact = self.contacts[request.contact_id]
        if len(self._by_contact[request.contact_id]) > contact["max"] and not self._excused(request.contact_id):
            self.breach("L7", f"more than {contact['max']} requests for {request.to}", request.contact_id)
        if self._live(asked.campaign_id) > self.campaigns[asked.campaign_id].pacing.max_concurrent:
            self.breach("L9", f"more calls at once than campaign {asked.campaign_id} may have", request.contact_id)
        self._left.setdefault(asked.campaign_id, []).append(now)

    def _permitted(self, asked: Asked) -> None:
        """L1: whoever asks holds the contact's one permission."""
        contact = self.contacts[asked.request.contact_id]
        if contact["state"] not in UNSETTLED or _attempt_id(contact) != asked.request.attempt_id:
            self._breach("L1", f"is asked for without permission: it is {contact['state']}", contact)

    def _excused(self, contact_id: str) -> bool:
        """A request that provably reached nobody does not count, nor does a call that was cancelled before it rang."""
        counted = [one for one in self._by_contact[contact_id] if one.said not in _DEFINITE and not _cancelled(one)]
        most: int = self.contacts[contact_id]["max"]
        return len(counted) <= most

    def _after_the_last(self, asked: Asked) -> None:
        """L3 and L4: nobody is asked for twice while a call may still be there, in whatever campaign."""
        contact_id = asked.request.contact_id
        for earlier in self.carrier.asked:
            same = earlier.request.contact_id == contact_id
            if not same and earlier.request.to != asked.request.to:
                continue
            if earlier.under_way or any(call.ended_at is None for call in earlier.calls):
                law, when = ("L3", "attempt") if same else ("L4", "contact")
                self.breach(law, f"{asked.request.to} is asked for while another {when}'s call may be on", contact_id)

    def _rate(self, asked: Asked) -> None:
        """L9: in no window more requests than the pace, but for the guard."""
        delay = _ms(self.campaigns[asked.campaign_id].pacing.call_delay)
        guard = _ms(self.bounds.dial_guard)
        now, left = self.universe.now, self._left.get(asked.campaign_id, [])
        for count, earlier in enumerate(reversed(left), start=1):
            if now - earlier < count * delay - guard:
                what = f"{count + 1} requests within {now - earlier} ms at one each {delay} ms"
                self.breach("L9", what, asked.request.contact_id)
            if count * delay > 60_000:
                break

    def _allowed(self, asked: Asked) -> None:
        """L9: not while paused, suppressed, out of hours: but for what was written within the guard."""
        guard, now = _ms(self.bounds.dial_guard), self.universe.now
        if now - self._permits.pop(asked.by, -guard - 1) > guard:
            self.breach("L9", "without a permit of its own within the guard", asked.request.contact_id)
        if not self._ran_within(asked.campaign_id, now - guard, now):
            self.breach("L9", f"campaign {asked.campaign_id} is not running", asked.request.contact_id)
        contact, moment = self.contacts[asked.request.contact_id], self.universe.moment()
        if any(self._suppressed.get(phone, now) < now - guard for phone in _phones(contact)):
            self.breach("L9", f"{asked.request.to} is suppressed", asked.request.contact_id)
        if self._closed(contact, moment) and self._closed(contact, moment - self.bounds.dial_guard):
            self.breach("L9", "out of hours", asked.request.contact_id)

    def _within_caps(self, asked: Asked) -> None:
        """L14: a person gets no call while as many as a cap allows may have rung within its span, whoever made them."""
        for cap in self.campaigns[asked.campaign_id].caps:
            since = self.universe.now - _ms(cap.within)
            counted = [one for one in self.carrier.asked if self._counts(cap, asked, one) and _after(since, cap, one)]
            if len(counted) >= cap.most:
                what = f"{asked.request.to} is asked for although cap {cap.name} counts {len(counted)} of {cap.most}"
                self.breach("L14", what, asked.request.contact_id)

    def _counts(self, cap: Cap, asked: Asked, earlier: Asked) -> bool:
        """A call to any phone of the same person's."""
        same = earlier.request.contact_id == asked.request.contact_id
        person = same or earlier.request.to in _phones(self.contacts[asked.request.contact_id])
        return person and (not cap.campaign_only or earlier.campaign_id == asked.campaign_id)

    def _closed(self, contact: Document, moment: datetime) -> bool:
        return isinstance(look(self.campaigns[contact["campaign_id"]], contact["region"], moment), Closed)

    def _ran_within(self, campaign_id: str, begins: int, ends: int) -> bool:
        spans = pairwise([*self._states[campaign_id], (ends + 1, "")])
        return any(state == CampaignState.RUNNING and until >= begins for (_, state), (until, _) in spans)

    def _live(self, campaign_id: str) -> int:
        """Lines that this campaign's calls keep busy at the carrier, the request that leaves now included."""
        return 1 + sum(
            one.under_way or any(call.ended_at is None for call in one.calls)
            for one in self.carrier.asked
            if one.campaign_id == campaign_id
        )

    # What others do.

    def suppressed(self, phone: str) -> None:
        """A suppression has been acknowledged."""
        self._suppressed.setdefault(phone, self.universe.now)

    def acknowledged(self, contact_id: str, attempt_id: str) -> None:
        """L12: a message is gone, so its claim must be over."""
        contact = self.contacts[contact_id]
        if contact["state"] == State.CLAIMED and _attempt_id(contact) == attempt_id:
            self.breach("L12", "a message is gone and its claim stands", contact_id)

    def rests(self, contact: Document) -> bool:
        """It is over, or waits for a time that has not come, or for a campaign that has been stopped."""
        if contact["state"] in TERMINAL:
            return True
        stopped = self._states[contact["campaign_id"]][-1][1] == CampaignState.STOPPED
        closed = self._closed(contact, self.universe.moment())
        waits: bool = contact["state"] == State.PENDING
        return waits and (stopped or closed)

    def at_rest(self, contacts: Sequence[Document], *, expected: int) -> None:
        """L2, L5, L6: when everything has had its time."""
        if len(contacts) != expected:
            self.breach("L6", f"{len(contacts)} contacts of {expected}")
        for contact in contacts:
            if not self.rests(contact):
                self._breach("L5", f"still {contact['state']} ({contact.get('reason')})", contact)
        for call in self.carrier.calls.values():
            contact = self.contacts[call.request.contact_id]
            known = [past for past in contact.get("history", ()) if past["sid"] == call.sid]
            if [f"{contact['_id']}-{past['id']}" for past in known] != [call.request.attempt_id]:
                self._breach("L2", f"call {call.sid} is in {len(known)} attempts", contact)

    def heard(self, unheard: int) -> None:
        """L9: whoever opted out while nothing could be written is suppressed when everything has had its time."""
        if unheard:
            self.breach("L9", f"{unheard} opt-outs were kept and never written")

    def _breach(self, law: str, what: str, contact: Document) -> None:
        self.breach(law, f"{contact['phone']} {what}", contact["_id"])


def _phones(contact: Document) -> set[str]:
    return {contact["phone"], *(number["phone"] for number in contact.get("numbers", ()))}


def _cancelled(asked: Asked) -> bool:
    return bool(asked.calls) and all(call.status == "canceled" for call in asked.calls)


def _after(since: int, cap: Cap, asked: Asked) -> bool:
    """Whether a call came of it that was on after a moment, and is of the kind that a cap counts."""
    calls = asked.calls if cap.counts is Counted.CALLS else filter(_talked, asked.calls)
    maybe = asked.under_way and cap.counts is Counted.CALLS
    return maybe or any(call.ended_at is None or call.ended_at > since for call in calls)


def _talked(call: Call) -> bool:
    return call.status == "completed" and call.answered_by == "human"


def _attempt_id(contact: Document) -> str:
    return f"{contact['_id']}-{contact['attempt']['id']}"


def _over(asked: Asked) -> bool:
    """The request became a call, and the call has ended."""
    return bool(asked.calls) and all(call.ended_at is not None for call in asked.calls)


def _settled(contact: Document) -> Document:
    """What never changes again: all but the id of a call, and what was answered in it, that were heard of late."""
    story = [{**past, "sid": "", "answers": {}} for past in contact.get("history", ())]
    return {**contact, "history": story}


def _ms(span: timedelta) -> int:
    return round(span / timedelta(milliseconds=1))
