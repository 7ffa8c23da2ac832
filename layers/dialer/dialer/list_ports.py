"""What reading lists and writing exports asks of the world. All may raise Unavailable: nothing was decided."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import IO, Protocol

from dialer.list_records import Export, UploadedList


@dataclass(frozen=True, kw_only=True)
class UploadForm:
    """How a sender puts a file into the store: a form with these fields, then the file, posted to this address."""

    url: str
    fields: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class StoredFile:
    """A file in the store, as it is now."""

    size: int
    version: str
    """Changes when the file is replaced."""


class Store(Protocol):
    """Where lists, rejects and exports lie."""

    def form(self, key: str, *, most_bytes: int, lasts: timedelta) -> UploadForm:
        """A sender's permission to put one file there, no larger than this."""
        ...

    def origin(self) -> str:
        """The scheme and host of all forms and links."""
        ...

    def link(self, key: str, *, file_name: str, lasts: timedelta) -> str:
        """An address from which anybody may fetch it for a while."""
        ...

    def look(self, key: str) -> StoredFile | None: ...

    def reading(self, key: str, *, version: str, offset: int) -> AbstractContextManager[IO[bytes]]:
        """The file from an offset on, as a stream. Raises BadList when it has been replaced since."""
        ...

    def put(self, key: str, content: bytes) -> None:
        """A whole small file; the same again changes nothing."""
        ...

    def remove(self, keys: Sequence[str]) -> None: ...

    def begin(self, key: str) -> str:
        """Begin a file that is written in parts; the name by which the parts are sent."""
        ...

    def part(self, key: str, upload: str, *, number: int, content: bytes) -> str:
        """Send a part, from 1 on: at least PART_BYTES, but for the last. Sent again, it takes the old one's place.

        The mark by which it is finished.
        """
        ...

    def finish(self, key: str, upload: str, *, parts: Sequence[str]) -> None:
        """Make the parts a file; again is harmless."""
        ...


PART_BYTES = 8 * 1024 * 1024


class Lists(Protocol):
    """Uploaded lists. Only its owner writes how far a list has been read."""

    def begin(self, uploaded: UploadedList) -> None: ...

    def find(self, list_id: str) -> UploadedList | None: ...

    def of_campaign(self, campaign_id: str, *, limit: int | None) -> Sequence[UploadedList]:
        """The newest first; all of them where there is no limit."""
        ...

    def kept_of(self, campaign_ids: Iterable[str]) -> Sequence[UploadedList]:
        """All whose files have not been removed."""
        ...

    def note_removed(self, list_ids: Iterable[str]) -> None: ...

    def own(self, list_id: str, *, owner: str, lease: timedelta) -> UploadedList | None:
        """The list, ours for a while; None when it is somebody's, over, or not there."""
        ...

    def write(self, uploaded: UploadedList, *, owner: str) -> bool:
        """How far it is now; False when it is no longer ours."""
        ...

    def let_go(self, list_id: str, *, owner: str) -> None: ...


class Exports(Protocol):
    """Exports. Only its owner writes how far one is."""

    def begin(self, export: Export) -> None: ...

    def find(self, export_id: str) -> Export | None: ...

    def kept_of(self, campaign_ids: Iterable[str]) -> Sequence[Export]:
        """All whose files have not been removed."""
        ...

    def note_removed(self, export_ids: Iterable[str]) -> None: ...

    def own(self, export_id: str, *, owner: str, lease: timedelta) -> Export | None: ...

    def write(self, export: Export, *, owner: str) -> bool: ...

    def let_go(self, export_id: str, *, owner: str) -> None: ...


class PaperQueue(Protocol):
    """Carries the ids of lists to read on and exports to write to the function that does it."""

    def read_on(self, list_id: str) -> None: ...

    def write_on(self, export_id: str) -> None: ...
