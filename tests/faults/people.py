"""The people of the matrix: made for one cell each, found again, and judged by the carrier's ledger."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import count

from pymongo.database import Database

from dialer.adapters.carrier import TwilioDialer
from dialer.adapters.contact_documents import contacts_of
from dialer.adapters.mongo import Document
from dialer.carrier_answers import Placed
from dialer.lifecycle import IN_FLIGHT, State
from dialer.model import CallPlan, Campaign, Contact, Doubt, Outcome, RetryPolicy, attempt_of
from dialer.ports import CallRequest
from local.carrier.case import read_case
from local.carrier.control import Carrier
from local.carrier.judge import Verdict, judge
from tests.builders import a_campaign, a_contact, created, now, stored
from tests.journeys.journey import AREAS, until

HUMAN = {"kind": "human", "ring": 4, "talk": 1}
QUICK = {"kind": "human", "ring": 0.5, "talk": 0.5}
_QUICK_AREAS = AREAS[-16:]
_AREAS = AREAS[: -len(_QUICK_AREAS)]
_RING = _TALK = timedelta(seconds=5)
_AGAIN = timedelta(seconds=1)
_RETRY = RetryPolicy(max_attempts=3, delays=dict.fromkeys((Outcome.BUSY, Outcome.NO_ANSWER, Outcome.FAILED), _AGAIN))


class People:
    """Everybody answers; whoever reconcile is to find is quick about it."""

    def __init__(self, database: Database[Document], carrier: Carrier, dialer: TwilioDialer) -> None:
        self._database, self._carrier, self._dialer = database, carrier, dialer
        self._numbers = {quick: count() for quick in (False, True)}
        self._doubts: dict[str, Doubt] = {}
        self.deaf: set[str] = set()
        """Contacts whose webhooks are lost."""
        self.judged: list[Contact] = []
        """Everybody who has to be called as promised."""
        carrier.set_fates(
            prefixes={f"+1{area}555": QUICK for area in _QUICK_AREAS}, mix=[{"weight": 1, **HUMAN}], seed=1
        )

    def somebody(self, doubt: Doubt) -> Contact:
        """Due now, in a campaign of their own."""
        return stored(self._database, a_contact(self._campaign(doubt), phone=self._phone()))

    def overdue(self, doubt: Doubt) -> list[Contact]:
        """One claimed whose message is gone, one whose function died at its request, one whose webhooks were lost.

        They are not stored yet: whoever does that finds them overdue at once.
        """
        campaign = self._campaign(doubt)
        claimed, died, silent = (
            a_contact(campaign, state=state, phone=self._phone(quick=True))
            for state in (State.CLAIMED, State.DIALING, State.PLACED)
        )
        self.deaf |= {died.id, silent.id}
        sids = {person.id: self._called(person) for person in (died, silent)}
        until(lambda: self._are_over(sids.values()), every=0.02, what="the calls that nobody hears of")
        past = now() - timedelta(seconds=1)
        return [
            replace(person, attempt=replace(attempt_of(person), until=past, sid=sid))
            for person, sid in ((claimed, ""), (died, ""), (silent, sids[silent.id]))
        ]

    def store(self, people: Sequence[Contact]) -> None:
        for person in people:
            stored(self._database, person, patience=_RING + _TALK)

    def anyone_overdue(self, *, within: timedelta) -> bool:
        """Whether there is anybody of whom reconcile would think by then."""
        overdue = {"state": {"$in": sorted(IN_FLIGHT)}, "attempt.until": {"$lte": now() + within}}
        return self._database["contacts"].find_one(overdue) is not None

    def found(self, people: Sequence[Contact]) -> list[Contact]:
        """As they are now."""
        return contacts_of(self._database["contacts"].find({"_id": {"$in": [person.id for person in people]}}))

    def verdict(self, people: Sequence[Contact]) -> Verdict:
        """The judge's, over what the carrier was asked and did for these people alone."""
        phones = {person.phone for person in people}
        return self._judged(people, lambda phone: phone in phones)

    def whole_verdict(self) -> Verdict:
        """The judge's, over everybody and every stranger, when nothing is on its way any more."""
        self._carrier.wait_idle(seconds=60)
        known = {person.id for person in self.judged}
        others = {document["phone"] for document in self._database["contacts"].find({"_id": {"$nin": list(known)}})}
        return self._judged(self.judged, lambda phone: phone not in others)

    def _judged(self, people: Sequence[Contact], concerns: Callable[[str], bool]) -> Verdict:
        about = [record for record in self._carrier.ledger() if "to" not in record or concerns(record["to"])]
        calls = {record["sid"] for record in about if record["kind"] == "call"}
        records = [record for record in about if record["kind"] != "callback" or record["sid"] in calls]
        found = self.found(people)
        rows = [
            {
                "phone": one.phone,
                "campaign_id": one.campaign_id,
                "contact_id": one.id,
                "state": str(one.state),
                "reason": one.reason,
            }
            for one in found
        ]
        policy = {"max_attempts": _RETRY.max_attempts, "retry_on": [str(outcome) for outcome in _RETRY.delays]}
        policies = {one.campaign_id: {**policy, "doubt": str(self._doubts[one.campaign_id])} for one in found}
        return judge(records, read_case({"rows": rows, "policy": policy, "policies": policies}))

    def _campaign(self, doubt: Doubt) -> Campaign:
        call = CallPlan(say="Hello {name}.", ring_timeout=_RING, talk_limit=_TALK)
        campaign = created(self._database, a_campaign(call=call, retry=_RETRY, doubt=doubt))
        self._doubts[campaign.id] = doubt
        return campaign

    def _phone(self, *, quick: bool = False) -> str:
        number, areas = next(self._numbers[quick]), _QUICK_AREAS if quick else _AREAS
        return f"+1{areas[number // 100]}55501{number % 100:02}"

    def _called(self, person: Contact) -> str:
        """The call that a function made of which nothing was heard."""
        attempt = attempt_of(person)
        request = CallRequest(
            to=person.phone,
            from_number=attempt.from_number,
            contact_id=person.id,
            attempt_id=attempt.id,
            ring_timeout=_RING,
            talk_limit=_TALK,
            detect_machine=False,
        )
        answer = self._dialer.place(request)
        assert isinstance(answer, Placed), answer
        return answer.sid

    def _are_over(self, sids: Collection[str]) -> bool:
        states = Counter(call["status"] for call in self._carrier.calls() if call["sid"] in sids)
        return states["completed"] == len(sids)
