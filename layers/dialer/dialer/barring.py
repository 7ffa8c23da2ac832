"""Barring: whom a campaign's own list says not to call is not called by that campaign, however they came into it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dialer.office_ports import ContactBook, Listing, SuppressionList

REASON = "the list says not to call"
_SOURCE = "list"


@dataclass(kw_only=True)
class Barring:
    """The parts of one import that keep people from being called. Again is harmless.

    The suppression comes first: whoever is on the line now, or comes in by another row, is met by it later. Then those
    who wait are cancelled, so that everybody sees at once that they are not called.
    """

    contacts: ContactBook
    suppressions: SuppressionList
    wait_out_dials: Callable[[], None]
    """Returns when whatever had its last look before now has sent its request or given up."""
    unconfirmed: bool = False

    def __call__(self, campaign_id: str, phones: Sequence[str]) -> None:
        """In this campaign alone. However many they are, it takes the same few requests."""
        if not phones:
            return
        self.unconfirmed = True
        scope = f"campaign:{campaign_id}"
        self.suppressions.add([Listing(phone=one, scope=scope, source=_SOURCE, reason=REASON) for one in phones])
        self.contacts.cancel_waiting(campaign_id, phones, reason=REASON)

    def confirm(self) -> None:
        """Returns when no request to anybody who was barred can leave any more."""
        if self.unconfirmed:
            self.wait_out_dials()
            self.unconfirmed = False
