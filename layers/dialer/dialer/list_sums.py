"""List sums: how far each list of a campaign is, added up page by page: as many sums as lists, however many people."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, replace

from dialer.lifecycle import TERMINAL, State
from dialer.list_records import Counts, ListSum, UploadedList
from dialer.model import Contact, Outcome

Line = dict[str, object]
_NO_LIST = ""
_ROWS = tuple(asdict(Counts()))
COLUMNS = (
    "list_id", "list_name", "uploaded_at", *_ROWS, "contacts", *State, "attempts", "answered", "settled_percent",
)  # fmt: skip


def added(sums: Mapping[str, ListSum], contacts: Sequence[Contact], *, known: Collection[str]) -> dict[str, ListSum]:
    """The sums, and these contacts in them, each under the list that its data come from, of the lists that are known.

    Rows that came in the body of a request have an id too, each request another one.
    """
    more = dict(sums)
    for contact in contacts:
        of = contact.list_id if contact.list_id in known else _NO_LIST
        more[of] = _with(more.get(of, ListSum()), contact)
    return more


def _with(so_far: ListSum, contact: Contact) -> ListSum:
    on = contact.attempt is not None and contact.attempt.dial_at is not None
    answered = sum(past.outcome is Outcome.ANSWERED for past in contact.history)
    return replace(
        so_far,
        states={**so_far.states, contact.state: so_far.states.get(contact.state, 0) + 1},
        attempts=so_far.attempts + len(contact.history) + on,
        answered=so_far.answered + answered,
    )


def lines(sums: Mapping[str, ListSum], lists: Sequence[UploadedList]) -> Iterator[Line]:
    """A line for each of these lists, in their order, whether it has brought anybody or not.

    The last is of those who come from none of them.
    """
    for uploaded in lists:
        yield _line(uploaded.id, sums.get(uploaded.id, ListSum()), uploaded)
    if _NO_LIST in sums:
        yield _line(_NO_LIST, sums[_NO_LIST])


def _line(list_id: str, found: ListSum, uploaded: UploadedList | None = None) -> Line:
    contacts = sum(found.states.values())
    settled = sum(found.states.get(state, 0) for state in TERMINAL)
    return {
        "list_id": list_id,
        **(_told(uploaded) if uploaded else {}),
        "contacts": contacts,
        **{state: found.states.get(state, 0) for state in State},
        "attempts": found.attempts,
        "answered": found.answered,
        "settled_percent": f"{100 * settled / contacts:.1f}" if contacts else "",
    }


def _told(uploaded: UploadedList) -> Line:
    """As its report has them."""
    made_at = uploaded.made_at.isoformat(timespec="milliseconds") if uploaded.made_at else ""
    return {"list_name": uploaded.name, "uploaded_at": made_at, **asdict(uploaded.counts)}
