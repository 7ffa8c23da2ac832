"""What is kept of an uploaded list and of an export: how far it is, so that whoever goes on begins where it stopped."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum

from dialer.contact_list import Place, Sheet
from dialer.lifecycle import State


class ListState(StrEnum):
    """Where an uploaded list stands."""

    AWAITED = "awaited"
    """The sender has been told where to put it."""
    READING = "reading"
    READ = "read"
    """Every row is a contact, or among the rejects."""
    REFUSED = "refused"
    """It cannot be read, or not to its end: `reason` says why. What was read before is kept."""


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What became of the rows read so far: rows is the sum of the others."""

    rows: int = 0
    added: int = 0
    updated: int = 0
    known: int = 0
    """About somebody whom the campaign has, and nothing new: or this person no longer waits."""
    repeated: int = 0
    """Their phone stands earlier in the list."""
    rejected: int = 0

    def __add__(self, more: "Counts") -> "Counts":
        return Counts(**{one.name: getattr(self, one.name) + getattr(more, one.name) for one in fields(Counts)})


@dataclass(frozen=True, kw_only=True)
class UploadedList:
    """A list that a campaign's sender puts into the store, and how far it has been read."""

    id: str
    campaign_id: str
    name: str = ""
    region: str | None = None
    """The country of numbers written without one."""
    state: ListState = ListState.AWAITED
    reason: str = ""
    size: int = 0
    version: str = ""
    """The store's mark of the file that is being read: another file under its name is another list."""
    sheet: Sheet | None = None
    """How it is written; None until it has been opened."""
    place: Place = field(default_factory=Place)
    """The first row that has not been read."""
    counts: Counts = field(default_factory=Counts)
    rejects: tuple[str, ...] = ()
    """The files that hold the rejects so far, in order."""
    made_at: datetime | None = None
    ended_at: datetime | None = None
    removed: bool = False
    """Its files are gone from the store: they may have named somebody who is forgotten."""

    @property
    def key(self) -> str:
        """Where in the store it lies."""
        return f"lists/{self.campaign_id}/{self.id}.csv"

    @property
    def rejects_key(self) -> str:
        return f"rejects/{self.campaign_id}/{self.id}.csv"

    @property
    def open(self) -> bool:
        return self.state in {ListState.AWAITED, ListState.READING}


def list_id_of(key: str) -> str:
    """The list that lies under a name in the store; empty where no list does."""
    folder, _, name = key.rpartition("/")
    return name.removesuffix(".csv") if folder.startswith("lists/") and name.endswith(".csv") else ""


class ExportKind(StrEnum):
    """What an export tells."""

    CALLS = "calls"
    """A line for each attempt."""
    CONTACTS = "contacts"
    """A line for each contact."""
    LISTS = "lists"
    """A line for each list, and how far its contacts are."""


class ExportState(StrEnum):
    """Where an export stands."""

    WRITING = "writing"
    WRITTEN = "written"


@dataclass(frozen=True, kw_only=True)
class ListSum:
    """What has become of the contacts whose data come from one list, of those that have been looked at."""

    states: Mapping[State, int] = field(default_factory=dict)
    """How many are in each."""
    attempts: int = 0
    """Made to them: ended, or on."""
    answered: int = 0
    """Attempts of these that a person answered."""


@dataclass(frozen=True, kw_only=True)
class Export:
    """A file that is written for whoever asked, and how far it is."""

    id: str
    campaign_id: str
    kind: ExportKind
    state: ExportState = ExportState.WRITING
    upload: str = ""
    """The store's name of the unfinished file; empty until it has been begun."""
    parts: tuple[str, ...] = ()
    """The store's marks of the parts so far."""
    behind: str = ""
    """The last phone that is in these parts, or in the sums."""
    sums: Mapping[str, ListSum] = field(default_factory=dict)
    """Of an export of lists: what is known so far of each, by its id; under no id of those who come from none."""
    unsent: str = ""
    """Lines behind the parts that are too few for one."""
    rows: int = 0
    made_at: datetime | None = None
    ended_at: datetime | None = None
    removed: bool = False
    """As of a list."""

    @property
    def open(self) -> bool:
        return self.state is ExportState.WRITING

    @property
    def key(self) -> str:
        return f"exports/{self.campaign_id}/{self.id}.csv"

    @property
    def file_name(self) -> str:
        return f"{self.kind}-{self.campaign_id}.csv"
