"""A zone group: all that calling hours need to know of a contact, as one short text that thousands share.

It names the places whose rules hold, the phone's own country first, and the zones that must be open, for example
`US-FL Chicago,New_York`. Zones of America are written without it. A country alone, as contacts had it before there were
groups, means: somewhere in that country.
"""

from dataclasses import dataclass
from functools import lru_cache

from dialer.calling.places import zones_of_country

_AMERICA = "America/"
_ELSEWHERE = ("Africa/", "Antarctica/", "Arctic/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/")


@dataclass(frozen=True, kw_only=True)
class Group:
    """Where a phone may ring."""

    places: tuple[str, ...]
    """Countries, or states of one: every place whose rows hold."""
    zones: tuple[str, ...]
    """Every zone whose clocks must say that it is time. None: nobody knows, and nobody is called."""

    def __str__(self) -> str:
        zones = ",".join(sorted(zone.removeprefix(_AMERICA) for zone in self.zones))
        return f"{'+'.join(self.places)} {zones}".strip()


@lru_cache(maxsize=4096)
def group_of(text: str) -> Group:
    """What a group's text says; a place without zones has all that it may have."""
    places, _, zones = text.partition(" ")
    known = tuple(sorted(_whole(zone) for zone in zones.split(",") if zone))
    return Group(places=tuple(places.split("+")), zones=known or zones_of_country(places[:2]))


def country_of(text: str) -> str:
    """The country of the phone: what the carrier's permissions are about. Empty when it has none."""
    place = text.partition(" ")[0].partition("+")[0]
    return place.partition("-")[0]


def _whole(zone: str) -> str:
    return zone if zone.startswith(_ELSEWHERE) or zone == "UTC" or zone.startswith("Etc/") else _AMERICA + zone
