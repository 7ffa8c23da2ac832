"""Shredding: files of some campaigns are removed from the store, since they may name somebody who is forgotten."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

from dialer.list_ports import Exports, Lists, Store
from dialer.list_records import Export, ListState, UploadedList
from dialer.ports import Clock

_STILL_COMES = timedelta(hours=2)  # a form lasts for one
_STILL_WORKED_ON = timedelta(days=1)  # a run that fails is given up within the hour


@dataclass(frozen=True, kw_only=True)
class Shredded:
    """What became of the files of some campaigns."""

    removed: int
    """Uploaded lists with their rejects, and exports."""
    open: Sequence[str]
    """Ids of lists that are still read and exports that are still written."""
    busy: frozenset[str]
    """The campaigns of those."""


@dataclass(frozen=True, kw_only=True)
class Shredding:
    """The parts that know files. Again is harmless."""

    lists: Lists
    exports: Exports
    store: Store
    clock: Clock

    def __call__(self, campaign_ids: Collection[str]) -> Shredded:
        """Remove every file of these campaigns, but for those that somebody is at work on.

        The files go first, and then it is noted: whoever asks for a link until then gets one to nothing.
        """
        lists, exports = self.lists.kept_of(campaign_ids), self.exports.kept_of(campaign_ids)
        papers: list[UploadedList | Export] = [*lists, *exports]
        open_ = [one for one in papers if self._is_worked_on(one)]
        lists, exports = [one for one in lists if one not in open_], [one for one in exports if one not in open_]
        keys = [key for one in lists for key in (one.key, one.rejects_key, *one.rejects)]
        self.store.remove([*keys, *(one.key for one in exports)])
        self.lists.note_removed([one.id for one in lists])
        self.exports.note_removed([one.id for one in exports])
        return Shredded(
            removed=len(lists) + len(exports),
            open=[one.id for one in open_],
            busy=frozenset(one.campaign_id for one in open_),
        )

    def _is_worked_on(self, paper: UploadedList | Export) -> bool:
        """One that nobody has gone on with for so long is over, whatever it says of itself."""
        if not paper.open or paper.made_at is None:
            return False
        lasts = _STILL_COMES if paper.state is ListState.AWAITED else _STILL_WORKED_ON
        return self.clock.now() - paper.made_at < lasts
