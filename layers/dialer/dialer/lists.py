"""Lists: what a sender may ask about contact lists: where to put one, how far it is, and which rows were no good."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from dialer.campaigns import CampaignOffice, demand_open
from dialer.errors import UnknownList
from dialer.list_ports import Lists, Store, UploadForm
from dialer.list_records import UploadedList

_FORM_LASTS = timedelta(hours=1)
_LINK_LASTS = timedelta(hours=1)
MOST_BYTES = 5 * 1024**3  # the store takes no more in one form: about fifty million rows


@dataclass(frozen=True, kw_only=True)
class ListDesk:
    """The parts that answer for lists. The reading is done elsewhere, as soon as the file is there."""

    office: CampaignOffice
    lists: Lists
    store: Store
    new_id: Callable[[], str]

    def begin_upload(
        self, campaign_id: str, *, name: str = "", region: str | None = None
    ) -> tuple[UploadedList, UploadForm]:
        """A new list, and the form by which its file is put into the store within an hour.

        `region` is the country of numbers written without one. Raises UnknownCampaign, and BadCampaign where the
        campaign takes nobody any more.
        """
        demand_open(self.office.show(campaign_id).campaign)
        uploaded = UploadedList(id=self.new_id(), campaign_id=campaign_id, name=name, region=region)
        self.lists.begin(uploaded)
        return uploaded, self.store.form(uploaded.key, most_bytes=MOST_BYTES, lasts=_FORM_LASTS)

    def report(self, list_id: str) -> UploadedList:
        """How far a list is, while it is read and after. Raises UnknownList."""
        found = self.lists.find(list_id)
        if found is None:
            raise UnknownList(list_id)
        return found

    def of_campaign(self, campaign_id: str, *, limit: int = 100) -> Sequence[UploadedList]:
        """A campaign's lists, the newest first. Raises UnknownCampaign."""
        self.office.show(campaign_id)
        return self.lists.of_campaign(campaign_id, limit=limit)

    def rejects_link(self, uploaded: UploadedList) -> str:
        """Where to fetch the rejects as CSV, each with its line and reason, for an hour; empty while it is read, and
        where they have been removed."""
        if uploaded.open or uploaded.removed:
            return ""
        return self.store.link(uploaded.rejects_key, file_name=f"rejects-{uploaded.id}.csv", lasts=_LINK_LASTS)
