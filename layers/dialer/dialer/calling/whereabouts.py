"""Where a number may ring: every zone and every state that it, and what the list says of it, leave possible.

A hint is never believed against the number: what either allows is possible, and all that is possible must be open.
`time_zones_for_number` names every zone of a number that belongs to no place; the library's other function names only
the first, and is never used.
"""

from dataclasses import dataclass
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberType, timezone

from dialer.calling import places
from dialer.calling.group import Group
from dialer.calling.rules import UNKNOWN_STATE

_SHARED = {
    PhoneNumberType.TOLL_FREE: "a toll-free number",
    PhoneNumberType.PREMIUM_RATE: "a premium-rate number",
    PhoneNumberType.SHARED_COST: "a shared-cost number",
    PhoneNumberType.PERSONAL_NUMBER: "a personal number, which may ring anywhere",
    PhoneNumberType.UAN: "a company-wide number, which may ring anywhere",
    PhoneNumberType.PAGER: "a pager",
    PhoneNumberType.VOICEMAIL: "a voicemail box",
}
_MOBILE = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}
_NORTH_AMERICA, _RUSSIA, _INDONESIA = 1, 7, 62
_TEN_DIGITS, _LINES = 10**9, 10_000
_NOBODY_KNOWS = 20  # zones: the library's way to say that a North American number may be anywhere
_ALL_OF_RUSSIA = 5
_KAZAKH = frozenset({"Asia/Almaty", "Asia/Aqtobe"})
_IN_NORTH_AMERICA = frozenset(phonenumbers.region_codes_for_country_code(_NORTH_AMERICA))
_WITH_STATES = frozenset({*places.WITH_STATES, "PR", "VI", "GU", "MP", "AS"})


@dataclass(frozen=True, kw_only=True)
class Hints:
    """What a list says of where somebody is; empty where it says nothing."""

    timezone: str = ""
    postal_code: str = ""
    state: str = ""
    country: str = ""


NO_HINTS = Hints()


def group_for(number: PhoneNumber, hints: Hints = NO_HINTS) -> Group:
    """Every place and zone that is possible. Raises ValueError for a number that is shared, and for a wrong hint."""
    return widened(own_group(number), hints)


@lru_cache(maxsize=4096)
def widened(own: Group, hints: Hints) -> Group:
    """What a number allows, and what the list adds. Raises ValueError for a wrong hint."""
    if hints == NO_HINTS:
        return own
    said, zones = _said(hints, own.places[0][:2])
    return Group(places=_together(own.places[0], said), zones=tuple(sorted({*own.zones, *zones})))


def own_group(number: PhoneNumber) -> Group:
    """What the number alone allows. In North America numbers differ by their exchange, and a list has few of these."""
    national = number.national_number or 0
    if number.country_code == _NORTH_AMERICA and national >= _TEN_DIGITS:
        return _of_exchange(national // _LINES)
    return _looked_up(number)


@lru_cache(maxsize=4096)
def _of_exchange(exchange: int) -> Group:
    return _looked_up(PhoneNumber(country_code=_NORTH_AMERICA, national_number=exchange * _LINES + 100))


def _looked_up(number: PhoneNumber) -> Group:
    shared = _SHARED.get(phonenumbers.number_type(number))
    if shared:
        raise ValueError(f"{shared} cannot be dialed: nobody knows where it rings")
    area = str(number.national_number)[:3] if number.country_code == _NORTH_AMERICA else ""
    country = _country(number, area)
    if not country.isalpha():
        raise ValueError("belongs to no country: nobody knows where it rings")
    return Group(places=(_place(country, area),), zones=tuple(sorted(_zones(number, area, country))))


def _country(number: PhoneNumber, area: str) -> str:
    """Of a number in a new area code, which the library does not know yet, our own table's country."""
    known = phonenumbers.region_code_for_number(number) or places.place_of_area(area)[:2]
    return known or phonenumbers.region_code_for_country_code(number.country_code or 0)


def _place(country: str, area: str) -> str:
    if country != "US":
        return country
    known = places.place_of_area(area)
    return known if known.startswith("US-") else UNKNOWN_STATE


def _together(own: str, said: list[str]) -> tuple[str, ...]:
    """A state that the list names takes the place of one that the number does not."""
    named = own == UNKNOWN_STATE and said and said[0].startswith("US-")
    return tuple(dict.fromkeys(said if named else [own, *said]))


def _zones(number: PhoneNumber, area: str, country: str) -> set[str]:
    named = {places.canonical_zone(zone) for zone in timezone.time_zones_for_number(number) if zone != "Etc/Unknown"}
    if number.country_code == _NORTH_AMERICA:
        return _north_american(named, area, country)
    if number.country_code == _RUSSIA and len(named) > _ALL_OF_RUSSIA:
        return _russian_mobile(named, country)
    if number.country_code == _INDONESIA and phonenumbers.number_type(number) in _MOBILE:
        return set(places.zones_of_country(country))  # the library names Jakarta alone; the country has three
    return named or set(places.zones_of_country(country))


def _north_american(named: set[str], area: str, country: str) -> set[str]:
    """A split area code has more zones than the library gives one of its exchanges, and numbers are ported."""
    own = named if len(named) <= _NOBODY_KNOWS else set()
    state = places.place_of_area(area) if not own else ""
    own = own or set(places.zones_of_state(state)) or set(places.zones_of_country(country))
    return own | {places.canonical_zone(zone) for zone in places.zones_of_area(area)}


def _russian_mobile(named: set[str], country: str) -> set[str]:
    """The two countries share a code: the library names the zones of both, and Bucharest for Kaliningrad."""
    if country == "KZ":
        return set(places.zones_of_country("KZ"))
    return (named - _KAZAKH - {"Europe/Bucharest"}) | {"Europe/Kaliningrad"}


def _said(hints: Hints, own: str) -> tuple[list[str], set[str]]:
    """The places and zones that the list's own columns add to a number of this country."""
    there = places.country(hints.country) if hints.country else own
    found = _states(hints) if {own, there} & _IN_NORTH_AMERICA else []
    known = [place for place in found if place]
    if there != own and not any(_lies_in(place, there) for place in known):
        known.append(UNKNOWN_STATE if there == "US" else there)
    zones = {places.canonical_zone(zone) for place in known for zone in _zones_of(place)}
    if hints.timezone:
        zones.add(places.canonical_zone(hints.timezone))
    if not all(found) and (not hints.country or there in _WITH_STATES):  # else it is a part of that country
        known.append(UNKNOWN_STATE)
        zones |= set(places.outermost_zones())
    return [place if place.startswith("US-") else place[:2] for place in known], zones


def _states(hints: Hints) -> list[str]:
    """States named by their name or by the postal code, whichever country they are of. Empty: not understood."""
    named = [places.state(hints.state)] if hints.state else []
    codes = [
        state for country in places.WITH_STATES for state in places.states_of_postal_code(hints.postal_code, country)
    ]
    posted = codes or [""] if hints.postal_code else []
    return list(dict.fromkeys([*named, *posted]))


def _lies_in(place: str, country: str) -> bool:
    """A territory is a part of the United States, as the post sees it."""
    return place[:2] == country or (country == "US" and place[:2] != "CA")


def _zones_of(place: str) -> tuple[str, ...]:
    return places.zones_of_state(place) or places.zones_of_country(place[:2])
