"""The columns that a contact list may have: their names in the lists people have, and how each cell is read.

Whatever is not named here is a variable. A new column is one more entry in COLUMNS: its names, and a reader that fills
a field of NewContact.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from dialer import languages
from dialer.calling.hinted import hint_named, hints_said
from dialer.calling.whereabouts import NO_HINTS, Hints
from dialer.errors import BadList
from dialer.phones import dialable, e164
from dialer.variables import plainly

PRIORITIES = range(-100, 101)  # a tick looks at each priority in turn: a few hundred are quick, a million are not
_YEARS = range(2000, 2101)
_LONGEST_ID = 200
_DIGITS_OF_A_PHONE = 7
_BETWEEN_LETTERS = re.compile(r"(?<=[a-z])[\s_.-]+(?=[a-z])")
_YES = frozenset(
    {"yes", "y", "true", "t", "1", "x", "dnc", "do not call", "opt out", "opted out", "stop", "d", "p", "b"}
)
_NO = frozenset({"no", "n", "false", "f", "0", "c"})
"""With the codes that scrubbed lists have: D on a national register, P on the caller's own, B blocked, C clean."""

Fields = Mapping[str, Any]
"""Fields of NewContact, by name."""
_NO_FIELDS: Fields = {}


class NotToCall(ValueError):
    """The row itself says so."""


@dataclass(frozen=True, kw_only=True)
class Bearings:
    """What a cell is read by: the country of numbers written without one, and where the row says its owner is."""

    region: str | None = None
    hints: Hints = NO_HINTS
    callers: frozenset[str] = frozenset()
    """The numbers that the campaign calls from."""
    language: str = ""
    """The campaign's."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column by its names; `read` gets a cell that is not empty.

    Raises ValueError with what is wrong with the cell, without repeating it.
    """

    names: tuple[str, ...]
    read: Callable[[str, Bearings], Fields]

    @property
    def name(self) -> str:
        return self.names[0]


def _phone(cell: str, bearings: Bearings) -> Fields:
    phone, group = dialable(cell, region=bearings.region, hints=bearings.hints)
    return {"phone": phone, "region": group}


def _alternate(cell: str, bearings: Bearings) -> Fields:
    try:
        return _phone(cell, bearings)
    except ValueError as wrong:
        raise ValueError(f"an alternate number: {wrong}") from None


def _priority(cell: str, _: Bearings) -> Fields:
    try:
        priority = int(cell)
    except ValueError:
        priority = PRIORITIES.stop
    if priority not in PRIORITIES:
        raise ValueError("priority is not a whole number from -100 to 100")
    return {"priority": priority}


def _external_id(cell: str, _: Bearings) -> Fields:
    if len(cell) > _LONGEST_ID:
        raise ValueError(f"external_id is longer than {_LONGEST_ID} characters")
    return {"external_id": cell}


def _call_after(cell: str, _: Bearings) -> Fields:
    return {"call_after": _moment("call_after", cell)}


def _callback_at(cell: str, _: Bearings) -> Fields:
    return {"callback_at": _moment("callback_at", cell)}


def _moment(name: str, cell: str) -> datetime:
    try:
        moment = datetime.fromisoformat(cell)
    except ValueError:
        raise ValueError(f"{name} is not a moment: write it as 2026-03-01T09:30:00+01:00") from None
    if moment.tzinfo is None:
        raise ValueError(f"{name} does not say which time zone it means: write it as 2026-03-01T09:30:00+01:00")
    if moment.year not in _YEARS:
        raise ValueError(f"{name} is in no year of this century")
    moment = moment.astimezone(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _not_to_call(name: str) -> Column:
    """Each of its names is a column of its own: of two that stand in one list either may say it."""

    def read(cell: str, _: Bearings) -> Fields:
        said = _BETWEEN_LETTERS.sub(" ", cell.lower())
        if said in _YES:
            raise NotToCall("the list says not to call")
        if said not in _NO:
            raise ValueError(
                f"{name} says neither yes nor no: write yes where this person must not be called, else no or nothing"
            )
        return {}

    return Column(names=(name,), read=read)


def _another(number: int) -> Column:
    """`alt_phone_1` is a person's second number, and so is `phone_2`."""
    besides = [f"alt_phone_{number}", f"alternate_phone_{number}"]
    counted = [f"{name}{number + 1}" for name in ("phone_", "phone", "phone_number_", "number")]
    alone = ["alt_phone", "alternate_phone"] if number == 1 else []
    return Column(names=(*besides, *counted, *alone), read=_alternate)


def _caller_id(cell: str, bearings: Bearings) -> Fields:
    number = _one_of(bearings.callers, cell, bearings.region)
    if not number:
        raise ValueError(
            "caller_id is no number of the campaign's: write one of its from_numbers, such as +12125550100, or nothing"
        )
    return {"caller_id": number}


@lru_cache(maxsize=1024)
def _one_of(callers: frozenset[str], cell: str, region: str | None) -> str:
    """The one that the cell means; empty where it is none of them."""
    if cell in callers:
        return cell
    try:
        number = e164(cell, region=region)
    except ValueError:
        return ""
    return number if number in callers else ""


def _language(cell: str, bearings: Bearings) -> Fields:
    """It stays a variable, which the call reads."""
    try:
        languages.demand_spoken(cell, campaign=bearings.language)
    except ValueError as wrong:
        raise ValueError(f"language {wrong}, or nothing") from None
    return _NO_FIELDS


ALTERNATES = tuple(_another(number) for number in range(1, 10))
"""Other phones of the same person, in the order in which they are tried. Their readers give `phone` and `region`."""
NOT_TO_CALL = tuple(
    _not_to_call(name) for name in ("dnc", "do_not_call", "donotcall", "opt_out", "optout", "opted_out")
)
"""Where one says yes, the row is rejected, and its campaign does not call whoever it names."""
LANGUAGE = Column(names=(languages.VARIABLE,), read=_language)
"""It is a variable too, under this name however the list writes it."""
COLUMNS: tuple[Column, ...] = (
    Column(
        names=(
            "phone", "phone_number", "contact_number", "customer_phone", "number1", "to", "mobile", "msisdn",
            "telephone",
        ),
        read=_phone,
    ),
    Column(names=("priority",), read=_priority),
    Column(names=("external_id", "vendor_lead_code"), read=_external_id),
    Column(names=("call_after", "not_before", "due_at"), read=_call_after),
    Column(names=("callback_at",), read=_callback_at),
    *NOT_TO_CALL,
    *ALTERNATES,
    Column(names=("caller_id",), read=_caller_id),
    LANGUAGE,
)  # fmt: skip
PHONE, *_ = COLUMNS


def hints_in(variables: Mapping[str, str]) -> Hints:
    """What somebody's variables say of where they are."""
    said = hints_said(variables)
    return Hints(**said) if said else NO_HINTS


def column_named(name: str) -> Column | None:
    """The column that a header cell names, however it is written: `Phone Number` is `phone_number`."""
    return _BY_NAME.get(plainly(name))


_BY_NAME = {name: column for column in COLUMNS for name in column.names}


@dataclass(frozen=True, kw_only=True)
class Columns:
    """What a list's header says: which cell is what."""

    names: tuple[str, ...]
    known: tuple[tuple[int, Column], ...]
    variables: tuple[tuple[int, str], ...]
    hints: tuple[tuple[int, str], ...] = ()
    """Of the variables those that say where somebody is, by the hint they are."""


def columns_of(header: Sequence[str]) -> Columns:
    """Raises BadList for a header that names no phone, or something twice.

    Where one cell says `phone` itself, others that could mean it are variables; between `mobile` and `telephone` nobody
    can choose for the sender.
    """
    names = tuple(cell.strip() for cell in header)
    meant = [(place, column_named(name)) for place, name in enumerate(names)]
    exact = [place for place, column in meant if column is PHONE and names[place].lower() == PHONE.name]
    if exact:
        meant = [(place, None if column is PHONE and place not in exact else column) for place, column in meant]
    known = tuple((place, column) for place, column in meant if column is not None)
    variables = tuple((place, names[place]) for place, column in meant if column is None and names[place])
    hints = tuple((place, hint) for place, name in variables if (hint := hint_named(name)))
    _demand_a_phone(names, known)
    _demand_no_reference(variables)
    _demand_each_once(names, known, variables)
    spoken = tuple((place, column.name) for place, column in known if column is LANGUAGE)
    return Columns(names=names, known=known, variables=(*variables, *spoken), hints=hints)


def _demand_a_phone(names: Sequence[str], known: Sequence[tuple[int, Column]]) -> None:
    if any(column is PHONE for _, column in known):
        return
    if any(_looks_like_a_phone(name) for name in names):
        raise BadList("The list has no header: the first line must name the columns, one of them `phone`.")
    named = ", ".join(name[:40] for name in names[:10])
    raise BadList(f"The list has no `phone` column; its first line names: {named}.")


def _demand_no_reference(variables: Sequence[tuple[int, str]]) -> None:
    """The driver takes an object with this name in it for a reference to another document."""
    if any(name == "$ref" for _, name in variables):
        raise BadList("The list has a column `$ref`, a name that the database keeps for itself: rename it.")


def _demand_each_once(
    names: Sequence[str], known: Sequence[tuple[int, Column]], variables: Sequence[tuple[int, str]]
) -> None:
    meant = [column.name for _, column in known] + [name for _, name in variables]
    repeated = sorted({name for name in meant if meant.count(name) > 1})
    if not repeated:
        return
    written = [names[place] for place, column in known if column.name in repeated]
    if len({name.lower() for name in written}) > 1:
        both = " and ".join(f"`{name[:40]}`" for name in written)
        raise BadList(f"The list names one thing twice, as {both}: rename the columns that you do not mean.")
    raise BadList(f"The list names a column twice: {', '.join(repeated)}.")


def _looks_like_a_phone(name: str) -> bool:
    return sum(character.isdigit() for character in name) >= _DIGITS_OF_A_PHONE
