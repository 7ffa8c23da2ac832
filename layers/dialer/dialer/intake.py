"""Intake: bring a contact list into a campaign, batch by batch; importing it again adds only what is new.

A file on the operator's own machine is read in one go (`Intake`). An uploaded one is read by as many runs as it needs
(`ListReading`): each writes down how far it has come, and the next one goes on from there, whatever became of it.
"""

import csv
import io
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import IO

from dialer import contact_list
from dialer.barring import Barring
from dialer.campaigns import CampaignOffice, demand_open
from dialer.contact_list import Batch, Place, Reject, Sheet
from dialer.errors import BadInput, BadList, Unavailable, UnknownCampaign
from dialer.list_ports import PART_BYTES, Lists, PaperQueue, Store
from dialer.list_records import Counts, ListState, UploadedList
from dialer.model import Campaign
from dialer.office_ports import ContactBook
from dialer.ports import Campaigns, Clock
from dialer.spreadsheet import harmless
from dialer.workers import overlapped

_BATCH = 3000
_REJECTS_KEPT = 1000
_AT_ONCE = 2  # batches: while the database works on one, the other is made into documents
_WRITTEN_DOWN = timedelta(seconds=5)  # so much is read again, at most, after a crash


@dataclass(kw_only=True)
class ImportReport:
    """What became of every row of a list: rows = added + updated + known + repeated + rejected."""

    rows: int = 0
    added: int = 0
    updated: int = 0
    """Rows about somebody who still waits, with something new."""
    known: int = 0
    """Rows about somebody whom the campaign had, and that change nothing."""
    repeated: int = 0
    """Rows whose phone stands earlier in the list."""
    rejected: int = 0
    rejects: list[Reject] = field(default_factory=list)
    """The first thousand rejects, each with its line and reason."""


@dataclass(frozen=True, kw_only=True)
class Intake:
    """The parts of an import from a file at hand."""

    office: CampaignOffice
    contacts: ContactBook
    bar: Barring
    new_id: Callable[[], str]

    def __call__(
        self,
        campaign_id: str,
        stream: IO[bytes],
        *,
        region: str | None = None,
        progress: Callable[[ImportReport], object] = id,
    ) -> ImportReport:
        """Import a CSV. Raises BadList, UnknownCampaign or BadCampaign before any row is added or between batches.

        Returns when no request to anybody whom the list says not to call can leave any more.
        """
        campaign = _open(self.office.campaigns, campaign_id)
        most, list_id, report = campaign.retry.max_attempts, self.new_id(), ImportReport()
        callers, language = campaign.from_numbers, campaign.call.language
        batches = contact_list.read(stream, region=region, callers=callers, language=language, size=_BATCH)
        coming = bring_in(self.contacts, campaign_id, batches, bar=self.bar, max_attempts=most, list_id=list_id)
        for batch, counts in coming:
            for name, count in vars(counts).items():
                setattr(report, name, getattr(report, name) + count)
            report.rejects += batch.rejects[: _REJECTS_KEPT - len(report.rejects)]
            progress(report)
        self.bar.confirm()
        return report


@dataclass(frozen=True, kw_only=True)
class ReadingReport:
    """What one run did with an uploaded list."""

    list_id: str
    outcome: str
    """read | goes on | refused | no-op | unknown"""
    campaign_id: str = ""
    reason: str = ""
    counts: Counts = field(default_factory=Counts)
    """Of the whole list so far."""
    place: Place = field(default_factory=Place)


@dataclass(frozen=True, kw_only=True)
class ListReading:
    """The parts of a run over an uploaded list. Runs may come twice, or at once, or die anywhere: each row counts once.

    What was brought in and not yet written down is brought in again, and each contact remembers its row.
    """

    campaigns: Campaigns
    contacts: ContactBook
    bar: Barring
    lists: Lists
    store: Store
    queue: PaperQueue
    clock: Clock
    new_token: Callable[[], str]
    time_left: Callable[[], timedelta]
    leave_with: timedelta
    """A run that has no more time left than this, or than two batches take, writes down how far it is and ends."""
    batch: int = _BATCH

    def __call__(self, list_id: str) -> ReadingReport:
        """Read on. Raises Unavailable when this message must come again."""
        owner = self.new_token()
        uploaded = self.lists.own(list_id, owner=owner, lease=self.time_left())  # then this run is dead
        if uploaded is None:
            return self._not_ours(list_id)
        try:
            return self._read(uploaded, owner)
        except BadInput as wrong:  # of whatever kind: another run would meet it again
            read = self.lists.find(list_id) or uploaded
            return self._end(replace(read, state=ListState.REFUSED, reason=str(wrong)), owner)
        finally:
            self._let_go(list_id, owner)

    def _not_ours(self, list_id: str) -> ReadingReport:
        found = self.lists.find(list_id)
        if found is not None and found.open:
            raise Unavailable("another run is reading this list: the message returns")
        return _report(found, "no-op") if found else ReadingReport(list_id=list_id, outcome="unknown")

    def _read(self, uploaded: UploadedList, owner: str) -> ReadingReport:
        campaign = _open(self.campaigns, uploaded.campaign_id)
        most, callers, language = campaign.retry.max_attempts, campaign.from_numbers, campaign.call.language
        began, sheet = self._opened(uploaded, owner)
        read, goes_on = began, False
        with self.store.reading(began.key, version=began.version, offset=began.place.offset) as stream:
            batches = contact_list.read_on(
                stream,
                sheet,
                place=began.place,
                region=began.region,
                callers=callers,
                language=language,
                size=self.batch,
            )
            with closing(self._bring_in_all(began, owner, batches, most)) as progress:  # then nothing is on its way
                for reached, goes_on in progress:
                    read = reached
                    if goes_on:
                        break
        return self._later(began, read, owner) if goes_on else self._end(replace(read, state=ListState.READ), owner)

    def _opened(self, uploaded: UploadedList, owner: str) -> tuple[UploadedList, Sheet]:
        """The list with how it is written: from before, or found out now."""
        if uploaded.sheet is not None:
            return uploaded, uploaded.sheet
        file = self.store.look(uploaded.key)
        if file is None:
            raise BadList("The file is not there: upload it as a new list.")
        with self.store.reading(uploaded.key, version=file.version, offset=0) as stream:
            sheet = contact_list.sheet_of(stream)
        opened = replace(
            uploaded,
            state=ListState.READING,
            size=file.size,
            version=file.version,
            sheet=sheet,
            place=sheet.begins,
        )
        self._write(opened, owner)
        return opened, sheet

    def _bring_in_all(
        self, uploaded: UploadedList, owner: str, batches: Iterator[Batch], most: int
    ) -> Generator[tuple[UploadedList, bool], None, None]:
        """How far the list is, each time it has been written down, and whether another run must go on."""
        rejects: list[Reject] = []
        since = began = self.clock.monotonic()
        try:
            for batch, counts in bring_in(
                self.contacts, uploaded.campaign_id, batches, bar=self.bar, max_attempts=most, list_id=uploaded.id
            ):
                rejects += batch.rejects
                uploaded = replace(uploaded, place=batch.after, counts=uploaded.counts + counts)
                ended = self.clock.monotonic()
                goes_on = self.time_left() < max(self.leave_with, 2 * timedelta(seconds=ended - began))
                began = ended
                if goes_on or ended - since > _WRITTEN_DOWN.total_seconds():
                    uploaded, since = self._written_down(uploaded, owner, rejects), ended
                    rejects = []
                    yield uploaded, goes_on
        except BadList:
            self._written_down(uploaded, owner, rejects)
            raise
        yield self._written_down(uploaded, owner, rejects), False

    def _written_down(self, uploaded: UploadedList, owner: str, rejects: Sequence[Reject]) -> UploadedList:
        """The rejects first, under a name of this run's own, and then the place that comes after them."""
        if rejects:
            piece = f"{uploaded.rejects_key}.{uploaded.place.offset}-{owner}"
            self.store.put(piece, _lines(rejects))
            uploaded = replace(uploaded, rejects=(*uploaded.rejects, piece))
        self._write(uploaded, owner)
        return uploaded

    def _write(self, uploaded: UploadedList, owner: str) -> None:
        if not self.lists.write(uploaded, owner=owner):
            raise Unavailable("another run reads this list now")

    def _later(self, began: UploadedList, uploaded: UploadedList, owner: str) -> ReadingReport:
        """A run that gets nowhere asks for no other: its message returns, and in the end somebody is woken."""
        if uploaded.place == began.place:
            raise Unavailable("no row was read in the time of a whole run")
        self.bar.confirm()  # the next run may end at once
        self._let_go(uploaded.id, owner)  # first, or the next run would find it owned
        self.queue.read_on(uploaded.id)
        return _report(uploaded, "goes on")

    def _end(self, uploaded: UploadedList, owner: str) -> ReadingReport:
        self.bar.confirm()
        self._join_rejects(uploaded)
        self._write(uploaded, owner)
        self.store.remove(uploaded.rejects)
        return _report(uploaded, str(uploaded.state))

    def _join_rejects(self, uploaded: UploadedList) -> None:
        """One file of all the pieces, a part at a time."""
        key, content, parts = uploaded.rejects_key, bytearray(b"line,reason\r\n"), list[str]()
        upload = self.store.begin(key)
        for piece in uploaded.rejects:
            content += self._piece(piece)
            if len(content) >= PART_BYTES:
                parts.append(self.store.part(key, upload, number=len(parts) + 1, content=bytes(content)))
                content.clear()
        if content or not parts:
            parts.append(self.store.part(key, upload, number=len(parts) + 1, content=bytes(content)))
        self.store.finish(key, upload, parts=parts)

    def _piece(self, key: str) -> bytes:
        file = self.store.look(key)
        if file is None:
            raise Unavailable("a piece of the rejects is missing")
        with self.store.reading(key, version=file.version, offset=0) as stream:
            return stream.read()

    def _let_go(self, list_id: str, owner: str) -> None:
        """A help for the next run only: when it is lost, the lease ends by itself."""
        try:
            self.lists.let_go(list_id, owner=owner)
        except Unavailable:
            return


def _open(campaigns: Campaigns, campaign_id: str) -> Campaign:
    """The campaign as it is now. Raises BadCampaign where it takes nobody any more."""
    sight = campaigns.see(campaign_id)
    if sight is None:
        raise UnknownCampaign(campaign_id)
    demand_open(sight.campaign)
    return sight.campaign


def bring_in(
    contacts: ContactBook,
    campaign_id: str,
    batches: Iterator[Batch],
    *,
    bar: Callable[[str, Sequence[str]], None],
    max_attempts: int,
    list_id: str,
) -> Iterator[tuple[Batch, Counts]]:
    """Each batch and what became of its rows, in the list's order.

    Two are brought in at once, but never two with the same person: of a person's rows the first one counts, save that
    whom any row says not to call is barred, whether that row stands before the others or behind them.
    """

    def add(batch: Batch) -> Counts:
        added = contacts.add(campaign_id, batch.contacts, max_attempts=max_attempts, list_id=list_id)
        bar(campaign_id, batch.unwanted)
        return Counts(rows=len(batch.rows), rejected=len(batch.rejects), **vars(added))

    return overlapped(batches, add, at_once=_AT_ONCE, are_apart=Batch.is_apart)


def _lines(rejects: Sequence[Reject]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows((reject.line, harmless(reject.reason)) for reject in rejects)
    return text.getvalue().encode()


def _report(uploaded: UploadedList, outcome: str) -> ReadingReport:
    return ReadingReport(
        list_id=uploaded.id,
        outcome=outcome,
        campaign_id=uploaded.campaign_id,
        reason=uploaded.reason,
        counts=uploaded.counts,
        place=uploaded.place,
    )
