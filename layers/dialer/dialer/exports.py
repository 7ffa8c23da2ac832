"""Exports: calls, contacts or lists of a campaign as CSV, in parts, by as many runs as it needs, in flat memory."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from dialer import list_sums
from dialer.calling.group import country_of, group_of
from dialer.campaigns import CampaignOffice
from dialer.errors import Unavailable, UnknownExport
from dialer.list_ports import PART_BYTES, Exports, Lists, PaperQueue, Store
from dialer.list_records import Export, ExportKind, ExportState, ListSum, UploadedList
from dialer.list_sums import Line
from dialer.model import Attempt, Contact, FinishedAttempt
from dialer.office_ports import ContactBook
from dialer.spreadsheet import harmless
from dialer.variables import name_in

_PAGE = 1000
_NOTED_AFTER = 50_000  # as many lines of contacts are about a part
_LINK_LASTS = timedelta(hours=1)
METADATA = "metadata"
"""The variable that is handed back as it came, by itself."""


@dataclass(frozen=True, kw_only=True)
class ExportDesk:
    """What may be asked about exports. The work is done elsewhere."""

    office: CampaignOffice
    exports: Exports
    store: Store
    queue: PaperQueue
    new_id: Callable[[], str]

    def begin(self, campaign_id: str, kind: ExportKind) -> Export:
        """Ask for a file. Raises UnknownCampaign."""
        self.office.show(campaign_id)
        export = Export(id=self.new_id(), campaign_id=campaign_id, kind=kind)
        self.exports.begin(export)
        self.queue.write_on(export.id)
        return export

    def show(self, export_id: str) -> Export:
        """Raises UnknownExport."""
        export = self.exports.find(export_id)
        if export is None:
            raise UnknownExport(export_id)
        return export

    def link(self, export: Export) -> str:
        """Where to fetch it, for an hour; empty while it is being written, and where it has been removed."""
        if export.open or export.removed:
            return ""
        return self.store.link(export.key, file_name=export.file_name, lasts=_LINK_LASTS)


@dataclass(frozen=True, kw_only=True)
class WritingReport:
    """What one run did with an export."""

    export_id: str
    outcome: str
    """written | goes on | no-op | unknown"""
    campaign_id: str = ""
    rows: int = 0


@dataclass(frozen=True, kw_only=True)
class Writing:
    """The parts of a run over an export. A run that dies is repeated from its last whole part."""

    contacts: ContactBook
    lists: Lists
    exports: Exports
    store: Store
    queue: PaperQueue
    new_token: Callable[[], str]
    time_left: Callable[[], timedelta]
    leave_with: timedelta
    part_bytes: int = PART_BYTES
    page: int = _PAGE
    noted_after: int = _NOTED_AFTER
    """Contacts: after so many, the sums of an export of lists are kept."""

    def __call__(self, export_id: str) -> WritingReport:
        """Write on. Raises Unavailable when this message must come again."""
        owner = self.new_token()
        export = self.exports.own(export_id, owner=owner, lease=self.time_left())  # then this run is dead
        if export is None:
            return self._not_ours(export_id)
        try:
            return self._write(export, owner)
        finally:
            self._let_go(export_id, owner)

    def _not_ours(self, export_id: str) -> WritingReport:
        found = self.exports.find(export_id)
        if found is None:
            return WritingReport(export_id=export_id, outcome="unknown")
        if found.state is ExportState.WRITING:
            raise Unavailable("another run is writing this export: the message returns")
        return _report(found, "no-op")

    def _write(self, export: Export, owner: str) -> WritingReport:
        export = self._begun(export, owner)
        sheet = self._sheet(export)
        behind = export.behind
        while page := self.contacts.page(export.campaign_id, after=behind, limit=self.page):
            sheet.add(page)
            behind = page[-1].listed
            leaves = self.time_left() < self.leave_with
            if leaves or sheet.is_full:
                export = self._kept(export, owner, sheet, behind)
                if leaves:
                    self._let_go(export.id, owner)  # first, or the next run would find it owned
                    self.queue.write_on(export.id)
                    return _report(export, "goes on")
        sheet.end()
        export = self._kept(export, owner, sheet, behind, last=True)
        self.store.finish(export.key, export.upload, parts=export.parts)
        export = replace(export, state=ExportState.WRITTEN)
        self._note(export, owner)
        return _report(export, "written")

    def _begun(self, export: Export, owner: str) -> Export:
        if export.upload:
            return export
        begun = replace(export, upload=self.store.begin(export.key))
        self._note(begun, owner)
        return begun

    def _sheet(self, export: Export) -> "_Sheet":
        if export.kind is not ExportKind.LISTS:
            return _PeopleSheet(export, part_bytes=self.part_bytes)
        lists = self.lists.of_campaign
        return _ListSheet(
            export, lists=lambda: lists(export.campaign_id, limit=None)[::-1], noted_after=self.noted_after
        )

    def _kept(self, export: Export, owner: str, sheet: "_Sheet", behind: str, *, last: bool = False) -> Export:
        """One part more, if there is enough for one, and then the note of it, of the sums, and of what is too little.

        What has no note is done again by the next run, and its part is sent again.
        """
        content, rows = sheet.taken()
        kept = replace(export, behind=behind, rows=export.rows + rows, sums=sheet.sums, unsent="")
        if content and not last and len(content) < self.part_bytes:
            kept = replace(kept, unsent=content.decode())
        elif content:
            mark = self.store.part(export.key, export.upload, number=len(export.parts) + 1, content=content)
            kept = replace(kept, parts=(*export.parts, mark))
        if kept != export:
            self._note(kept, owner)
        return kept

    def _note(self, export: Export, owner: str) -> None:
        if not self.exports.write(export, owner=owner):
            raise Unavailable("another run writes this export now")

    def _let_go(self, export_id: str, owner: str) -> None:
        """A help for the next run only: when it is lost, the lease ends by itself."""
        try:
            self.exports.let_go(export_id, owner=owner)
        except Unavailable:
            return


class _Sheet(Protocol):
    """What a run has of an export and has not kept yet."""

    @property
    def sums(self) -> Mapping[str, ListSum]: ...

    @property
    def is_full(self) -> bool:
        """Whether it is to be kept now."""
        ...

    def add(self, page: Sequence[Contact]) -> None: ...

    def end(self) -> None:
        """Everybody is in it."""
        ...

    def taken(self) -> tuple[bytes, int]:
        """What is to be sent, and how many rows that is; from now on it is taken to be kept."""
        ...


class _Text:
    """CSV that has not been sent yet."""

    def __init__(self, columns: Sequence[str], *, header: bool, begun: str = "") -> None:
        self._text = io.StringIO(newline="")
        self._text.write(begun)
        self._csv = csv.DictWriter(self._text, columns)
        self._rows = 0
        if header:
            self._csv.writeheader()

    @property
    def size(self) -> int:
        return self._text.tell()  # in characters: never more than there will be bytes

    def add(self, line: Line) -> None:
        self._csv.writerow({name: harmless(cell) for name, cell in line.items()})
        self._rows += 1

    def taken(self) -> tuple[bytes, int]:
        content, rows = self._text.getvalue().encode(), self._rows
        self._text.seek(0)
        self._text.truncate()
        self._rows = 0
        return content, rows


class _PeopleSheet:
    """Lines about each contact. The first part begins with the header."""

    def __init__(self, export: Export, *, part_bytes: int) -> None:
        self._lines, columns = _SHEETS[export.kind]
        self._text = _Text(columns, header=not export.parts and not export.unsent, begun=export.unsent)
        self._part_bytes = part_bytes
        self.sums = export.sums

    @property
    def is_full(self) -> bool:
        return self._text.size >= self._part_bytes

    def add(self, page: Sequence[Contact]) -> None:
        for contact in page:
            for line in self._lines(contact):
                self._text.add(line)

    def end(self) -> None:
        """Nothing is left to say."""

    def taken(self) -> tuple[bytes, int]:
        return self._text.taken()


class _ListSheet:
    """A line for each list. None can be written before everybody has been looked at: until then there are the sums."""

    def __init__(self, export: Export, *, lists: Callable[[], Sequence[UploadedList]], noted_after: int) -> None:
        self.sums = export.sums
        self._text = _Text(list_sums.COLUMNS, header=False)
        self._written = bool(export.parts)
        self._lists = lists
        self._known = frozenset(one.id for one in lists())
        self._noted_after = noted_after
        self._unnoted = 0

    @property
    def is_full(self) -> bool:
        return self._unnoted >= self._noted_after

    def add(self, page: Sequence[Contact]) -> None:
        self.sums = list_sums.added(self.sums, page, known=self._known)
        self._unnoted += len(page)

    def end(self) -> None:
        if self._written:
            return  # by a run that was killed before it could finish the file
        self._text = _Text(list_sums.COLUMNS, header=True)
        for line in list_sums.lines(self.sums, self._lists()):
            self._text.add(line)

    def taken(self) -> tuple[bytes, int]:
        self._unnoted = 0
        return self._text.taken()


def _calls(contact: Contact) -> Iterator[Line]:
    """Each attempt that was dialed; of one that is still on, what is known."""
    for past in contact.history:
        yield {
            "attempt_id": past.id,
            "attempt": past.n,
            "call_date": _written(past.dial_at),
            "ended_at": _written(past.ended_at),
            "phone_number_dialed": past.to,
            "caller_id": past.from_number,
            "status": past.outcome,
            "detail": past.detail,
            "call_sid": past.sid,
            "duration_s": "" if past.duration is None else round(past.duration.total_seconds()),
            "price": "" if past.price is None else str(past.price),
            **_answered(past),
            **_judged(past),
            **_person(contact),
            **_whose(contact),
        }
    now = contact.attempt
    if now and now.dial_at:
        yield {
            "attempt_id": now.id,
            "attempt": now.n,
            "call_date": _written(now.dial_at),
            "phone_number_dialed": contact.phone,
            "caller_id": now.from_number,
            "status": contact.state,
            "detail": now.status,
            "call_sid": now.sid,
            **_answered(now),
            **_judged(now),
            **_person(contact),
            **_whose(contact),
        }


def _answered(attempt: Attempt | FinishedAttempt) -> Line:
    return {
        "answered_by": attempt.answered_by,
        "voicemail_left": "true" if attempt.voicemail_left else "",
        "answers": _told(attempt.answers),
    }


def _judged(attempt: Attempt | FinishedAttempt) -> Line:
    """The clocks by which it was allowed, and what they showed; nothing of an attempt that did not write it down."""
    rules: Line = {"rules": attempt.rules, "rule": attempt.rule}
    if not attempt.region or attempt.dial_at is None:
        return rules
    zones = group_of(attempt.region).zones
    local = (attempt.dial_at.astimezone(ZoneInfo(zone)) for zone in zones)
    return {
        "zone_group": attempt.region,
        "zones": " ".join(zones),
        "zone_source": attempt.zone_source,
        "local_time": " ".join(one.isoformat(timespec="seconds") for one in local),
        **rules,
    }


def _person(contact: Contact) -> Line:
    return {"phone_number": contact.listed, "priority": contact.priority}


def _contacts(contact: Contact) -> Iterator[Line]:
    last = contact.history[-1] if contact.history else None
    yield {
        "phone_number": contact.listed,
        "country": country_of(contact.region),
        "zone_group": contact.region,
        "state": contact.state,
        "reason": contact.reason,
        "called_count": contact.used,
        "max_attempts": contact.max,
        "last_call_date": _written(last.dial_at if last else None),
        "last_status": last.outcome if last else "",
        "due_at": _written(contact.due_at),
        "priority": contact.priority,
        **_whose(contact),
    }


def _whose(contact: Contact) -> Line:
    """What joins a line with the sender's own records: word for word, save what a spreadsheet would run."""
    told = name_in(contact.vars, METADATA)
    others = {name: value for name, value in contact.vars.items() if name != told}
    return {
        "external_id": contact.external_id,
        "metadata": contact.vars[told] if told else "",
        "variables": json.dumps(others, ensure_ascii=False) if others else "",
        "contact_id": contact.id,
        "campaign_id": contact.campaign_id,
        "list_id": contact.list_id,
        "list_line": contact.line or "",
    }


def _told(answers: Mapping[str, str]) -> str:
    """By the names of the steps that asked, in one order for all; empty where nothing was answered."""
    return json.dumps(answers, ensure_ascii=False, sort_keys=True) if answers else ""


def _written(moment: datetime | None) -> str:
    return moment.isoformat(timespec="milliseconds") if moment else ""


_WHOSE = ("external_id", "metadata", "variables", "contact_id", "campaign_id", "list_id", "list_line")
CALL_COLUMNS = (
    "call_date", "phone_number_dialed", "status", "detail", "attempt", "caller_id", "ended_at", "call_sid",
    "attempt_id", "duration_s", "price", "answered_by", "voicemail_left", "answers", "zone_group", "zones",
    "zone_source", "local_time", "rule", "rules", "phone_number", "priority", *_WHOSE,
)  # fmt: skip
CONTACT_COLUMNS = (
    "phone_number", "country", "state", "reason", "called_count", "max_attempts", "last_call_date", "last_status",
    "due_at", "priority", "zone_group", *_WHOSE,
)  # fmt: skip
_SHEETS: dict[ExportKind, tuple[Callable[[Contact], Iterator[Line]], Sequence[str]]] = {
    ExportKind.CALLS: (_calls, CALL_COLUMNS),
    ExportKind.CONTACTS: (_contacts, CONTACT_COLUMNS),
}


def _report(export: Export, outcome: str) -> WritingReport:
    return WritingReport(export_id=export.id, outcome=outcome, campaign_id=export.campaign_id, rows=export.rows)
