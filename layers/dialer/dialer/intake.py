"""Intake: bring a contact list into a campaign, batch by batch; importing it again adds only what is new."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import IO

from dialer import contact_list
from dialer.campaigns import CampaignOffice
from dialer.contact_list import Reject, Row
from dialer.errors import BadCampaign
from dialer.model import CampaignState
from dialer.ports import ContactBook

_BATCH = 2000
_REJECTS_KEPT = 1000


@dataclass(kw_only=True)
class ImportReport:
    """What became of every row of a list: rows = added + known + repeated + rejected."""

    rows: int = 0
    added: int = 0
    known: int = 0
    """Rows whose phone the campaign already had: left as they are."""
    repeated: int = 0
    """Rows whose phone stands earlier in the same batch of the list."""
    rejected: int = 0
    rejects: list[Reject] = field(default_factory=list)
    """The first thousand rejects, each with its line and reason."""


@dataclass(frozen=True, kw_only=True)
class Intake:
    """The parts of an import."""

    office: CampaignOffice
    contacts: ContactBook

    def __call__(
        self,
        campaign_id: str,
        stream: IO[bytes],
        *,
        region: str | None = None,
        progress: Callable[[ImportReport], object] = id,
    ) -> ImportReport:
        """Import a CSV. Raises BadList, UnknownCampaign or BadCampaign before any row is added or between batches."""
        campaign = self.office.show(campaign_id).campaign
        if campaign.state in {CampaignState.STOPPED, CampaignState.ARCHIVED}:
            raise BadCampaign(f"Campaign {campaign_id!r} is {campaign.state}: it takes no more contacts.")
        report = ImportReport()
        rows = contact_list.read(stream, region=region)
        while batch := list(islice(rows, _BATCH)):
            self._add(campaign_id, campaign.retry.max_attempts, batch, report)
            progress(report)
        return report

    def _add(self, campaign_id: str, max_attempts: int, batch: list[Row | Reject], report: ImportReport) -> None:
        good = {row.contact.phone: row.contact for row in reversed(batch) if isinstance(row, Row)}
        rejects = [row for row in batch if isinstance(row, Reject)]
        added = self.contacts.add(campaign_id, list(good.values())[::-1], max_attempts=max_attempts)
        report.rows += len(batch)
        report.added += added.added
        report.known += added.known
        report.repeated += len(batch) - len(rejects) - len(good)
        report.rejected += len(rejects)
        report.rejects += rejects[: _REJECTS_KEPT - len(report.rejects)]
