"""Audit: the carrier's call log and a campaign's attempts, held against each other. It reads, and changes nothing.

Three readings, each page by page: the carrier's calls from the campaign's numbers, then the campaign's attempts, and
where the two do not come out even, the attempts again, asking the carrier for each call that it did not list. Memory
does not grow with the campaign, and a reading that runs out of time says where to go on.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from hashlib import blake2b

from dialer.errors import BadInput, Unavailable, UnknownCampaign
from dialer.model import CallRecord, Campaign, Contact
from dialer.office_ports import AttemptBook, CallLog, LogPlace, Witness
from dialer.ports import Campaigns
from dialer.tally import SIZE, Tally
from dialer.workers import each

SHOWN = 20


class Kind(StrEnum):
    """What may be wrong."""

    DUPLICATE = "duplicates"
    """A second call of the carrier for one attempt."""
    ORPHAN = "orphans"
    """A call from the campaign's number that no attempt owns."""
    MISSING = "missing"
    """An attempt with a call that the carrier does not know."""
    MISMATCH = "mismatched"
    """A call whose duration or price is another one at the carrier."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong, by ids: never by a phone."""

    kind: Kind
    sid: str
    campaign_id: str = ""
    contact_id: str = ""
    attempt_id: str = ""
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Question:
    """Which campaign, and which time: attempts dialed, and calls made, from `since` until before `until`."""

    campaign_id: str
    since: datetime
    until: datetime

    def holds(self, moment: datetime | None) -> bool:
        return moment is not None and self.since <= moment < self.until

    def asks_about(self, known: "Known") -> bool:
        return known.campaign_id == self.campaign_id and self.holds(known.dial_at)

    @property
    def name(self) -> str:
        """So that a place in one audit is not taken for a place in another."""
        told = f"{self.campaign_id} {self.since.timestamp()} {self.until.timestamp()}"
        return blake2b(told.encode(), digest_size=6).hexdigest()


@dataclass(kw_only=True)
class Audited:
    """What was read, and what is wrong with it. Counts are exact; of the findings the first few are kept."""

    calls: int = 0
    """Of the carrier, made in the window."""
    attempts: int = 0
    """Of the campaign, dialed in the window, whose call is known."""
    unsettled: int = 0
    """Calls that belong to an attempt which is still in doubt: reconcile will settle them."""
    unreadable: int = 0
    """Contacts that could not be read."""
    counts: dict[Kind, int] = field(default_factory=lambda: dict.fromkeys(Kind, 0))
    findings: list[Finding] = field(default_factory=list)
    unavailable: str = ""
    """Why it stopped early, where it did not run out of time."""
    next: str = ""
    """Where to go on; empty at the end."""

    def judge(self, judged: Iterable["Judged"]) -> None:
        for finding in judged:
            if finding is not None:
                self.counts[finding.kind] += 1
                self.findings.append(finding)

    def add(self, page: "Audited") -> None:
        self.calls += page.calls
        self.attempts += page.attempts
        self.unsettled += page.unsettled
        self.unreadable += page.unreadable
        self.counts = {kind: self.counts[kind] + page.counts[kind] for kind in Kind}
        everything = [*self.findings, *page.findings]
        self.findings = [finding for kind in Kind for finding in _of(kind, everything)[:SHOWN]]


def _of(kind: Kind, findings: Sequence[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.kind is kind]


class Reading(StrEnum):
    """What is being read."""

    CALLS = "calls"
    ATTEMPTS = "attempts"
    UNSEEN = "unseen"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where an audit stands: all that the next invocation must know."""

    reading: Reading = Reading.CALLS
    number: int = 0
    """Which of the campaign's numbers."""
    at: LogPlace = field(default_factory=LogPlace)
    behind: str = ""
    """The last contact that was read."""
    tally: Tally = field(default_factory=Tally)

    def text(self, question: Question) -> str:
        """Opaque, for whoever carries it from one invocation to the next."""
        told = [question.name, self.reading, self.number, self.at.page, self.at.token, self.behind]
        return urlsafe_b64encode(json.dumps(told).encode() + b"\n" + self.tally.sums).decode()


def place_of(text: str, question: Question) -> Place:
    """Where to go on; the beginning for an empty text. Raises BadInput for what is no place in this audit."""
    if not text:
        return Place()
    try:
        told, _, sums = urlsafe_b64decode(text).partition(b"\n")
        name, reading, number, page, token, behind = json.loads(told)
        place = Place(
            reading=Reading(reading),
            number=int(number),
            at=LogPlace(page=int(page), token=str(token)),
            behind=str(behind),
            tally=Tally(sums=sums),
        )
    except (ValueError, TypeError) as wrong:
        raise BadInput("`next` is not what an audit has said.") from wrong
    if name != question.name or len(sums) != SIZE:
        raise BadInput("`next` is of another audit.")
    return place


@dataclass(frozen=True, kw_only=True)
class Known:
    """An attempt that was dialed, current or over."""

    campaign_id: str
    contact_id: str
    attempt_id: str
    phone: str
    from_number: str
    dial_at: datetime | None
    sid: str
    over: bool
    duration: timedelta | None = None
    price: Decimal | None = None

    def finding(self, kind: Kind, sid: str, detail: str) -> Finding:
        return Finding(
            kind=kind,
            sid=sid,
            campaign_id=self.campaign_id,
            contact_id=self.contact_id,
            attempt_id=self.attempt_id,
            detail=detail,
        )


Judged = Finding | None
Page = tuple[Audited, Place | None]


@dataclass(frozen=True, kw_only=True)
class Audit:
    """The parts of an audit. Two at once are harmless."""

    campaigns: Campaigns
    attempts: AttemptBook
    log: CallLog
    witness: Witness
    margin: timedelta
    """How far the carrier's clock may be from ours."""
    page: int = 250
    workers: int = 8

    def __call__(self, question: Question, *, goes_on: str = "", enough_time: Callable[[], bool]) -> Audited:
        """Read as far as time allows, from where `goes_on` says. A page counts whole or not at all. Raises BadInput."""
        if question.since >= question.until:
            raise BadInput("An audit's `since` must be before its `until`.")
        place: Place | None = place_of(goes_on, question)
        audited = Audited()
        try:
            campaign = self._campaign(question)
            while place and enough_time():
                page, place = self._read(place, question, campaign)
                audited.add(page)
        except Unavailable as cause:
            audited.unavailable = str(cause)
        audited.next = place.text(question) if place else ""
        return audited

    def _campaign(self, question: Question) -> Campaign:
        sight = self.campaigns.see(question.campaign_id)
        if sight is None:
            raise UnknownCampaign(question.campaign_id)
        return sight.campaign

    def _read(self, place: Place, question: Question, campaign: Campaign) -> Page:
        match place.reading:
            case Reading.CALLS:
                return self._calls(place, question, campaign)
            case Reading.ATTEMPTS:
                return self._attempts(place, question)
            case Reading.UNSEEN:
                return self._unseen(place, question)

    def _calls(self, place: Place, question: Question, campaign: Campaign) -> Page:
        """A page of the carrier's log: whose is each call, and do both say the same of it?"""
        if place.number >= len(campaign.from_numbers):
            return Audited(), replace(place, reading=Reading.ATTEMPTS)
        number = campaign.from_numbers[place.number]
        log = self.log.page(number, since=question.since, until=question.until, at=place.at, size=self.page)
        contacts = self.attempts.to_phones(call.to for call in log.calls)
        everyone = [known for contact in contacts.contacts for known in _attempts_of(contact)]
        owners = {known.sid: known for known in everyone if known.sid}
        made = [call for call in log.calls if question.holds(call.created_at)]
        ours = [call for call in log.calls if call.sid in owners and question.asks_about(owners[call.sid])]
        unowned = [call for call in made if call.sid not in owners]
        found = Audited(calls=len(made), unreadable=contacts.unreadable)
        found.judge(_difference(owners[call.sid], call) for call in ours)
        judged = each(unowned, lambda call: self._whose(call, everyone), workers=self.workers)
        found.judge(finding for finding in judged)
        found.unsettled = judged.count(None)
        behind = replace(place, tally=place.tally.noted(call.sid for call in ours), at=log.next or LogPlace())
        return found, behind if log.next else replace(behind, number=place.number + 1)

    def _attempts(self, place: Place, question: Question) -> Page:
        """A page of the campaign's attempts, to be seen beside the carrier's calls."""
        contacts = self.attempts.in_campaign(question.campaign_id, behind=place.behind, limit=self.page)
        sids = [known.sid for known in _called(contacts.contacts, question)]
        found = Audited(attempts=len(sids), unreadable=contacts.unreadable)
        behind = replace(place, tally=place.tally.noted(sids), behind=contacts.last)
        if contacts.last:
            return found, behind
        return found, None if behind.tally.is_even() else replace(behind, reading=Reading.UNSEEN)

    def _unseen(self, place: Place, question: Question) -> Page:
        """A page of them again: the carrier is asked for each call that its list may not have shown."""
        contacts = self.attempts.in_campaign(question.campaign_id, behind=place.behind, limit=self.page)
        unlisted = [known for known in _called(contacts.contacts, question) if place.tally.may_miss(known.sid)]
        found = Audited()
        found.judge(each(unlisted, self._missing, workers=self.workers))
        return found, replace(place, behind=contacts.last) if contacts.last else None

    def _missing(self, known: Known) -> Judged:
        if self.witness.report(known.sid) is not None:
            return None
        return known.finding(Kind.MISSING, known.sid, "the carrier knows no such call")

    def _whose(self, call: CallRecord, everyone: Sequence[Known]) -> Judged:
        """A call that no attempt has written down: nobody's, or a second one; None while its attempt is in doubt."""
        to_it = [known for known in everyone if known.phone == call.to]
        if not to_it:
            return Finding(kind=Kind.ORPHAN, sid=call.sid, detail="no attempt was made to this number")
        behind = self.log.attempts_behind(call.sid)
        known = next((known for known in to_it if known.attempt_id in behind), None)
        if known is not None:
            return self._second_or_lost(call, known)
        if not behind and any(self._may_be_of(call, known) for known in to_it):
            return None
        why = f"its requests name {', '.join(sorted(behind))}" if behind else "its requests name no attempt"
        return Finding(kind=Kind.ORPHAN, sid=call.sid, detail=why)

    def _second_or_lost(self, call: CallRecord, known: Known) -> Judged:
        """The call was made for this attempt, which has not written it down."""
        if known.sid:
            return known.finding(Kind.DUPLICATE, call.sid, f"the attempt's call is {known.sid}")
        if known.over:
            return known.finding(Kind.ORPHAN, call.sid, "its attempt was given up without it")
        listed = self.witness.calls_to(call.to, from_number=call.from_number)
        before = [other for other in listed if (other.created_at, other.sid) < (call.created_at, call.sid)]
        first = next((other for other in before if known.attempt_id in self.log.attempts_behind(other.sid)), None)
        return known.finding(Kind.DUPLICATE, call.sid, f"the attempt in doubt has {first.sid} too") if first else None

    def _may_be_of(self, call: CallRecord, known: Known) -> bool:
        """Whether the call may be this attempt's, which is in doubt."""
        if known.over or known.sid or known.from_number != call.from_number or known.dial_at is None:
            return False
        return call.created_at >= known.dial_at - self.margin


def _called(contacts: Sequence[Contact], question: Question) -> list[Known]:
    """The attempts in question whose call is known."""
    everyone = [known for contact in contacts for known in _attempts_of(contact)]
    return [known for known in everyone if known.sid and question.asks_about(known)]


def _attempts_of(contact: Contact) -> Iterator[Known]:
    for past in contact.history:
        yield Known(
            campaign_id=contact.campaign_id,
            contact_id=contact.id,
            attempt_id=past.id,
            phone=past.to,
            from_number=past.from_number,
            dial_at=past.dial_at,
            sid=past.sid,
            over=True,
            duration=past.duration,
            price=past.price,
        )
    if contact.attempt is not None:
        yield Known(
            campaign_id=contact.campaign_id,
            contact_id=contact.id,
            attempt_id=contact.attempt.id,
            phone=contact.phone,
            from_number=contact.attempt.from_number,
            dial_at=contact.attempt.dial_at,
            sid=contact.attempt.sid,
            over=False,
        )


def _difference(known: Known, call: CallRecord) -> Judged:
    """What both know and do not agree on; what one of them was never told is no difference."""
    said = [
        f"{name}: {ours} here, {theirs} at the carrier"
        for name, ours, theirs in (
            ("duration", known.duration, call.duration),
            ("price", known.price, call.price),
        )
        if ours is not None and theirs is not None and ours != theirs
    ]
    return known.finding(Kind.MISMATCH, call.sid, "; ".join(said)) if said else None
