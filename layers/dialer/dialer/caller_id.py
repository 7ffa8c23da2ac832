"""Which number a person is called from: a pure choice over the campaign's numbers."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from dialer.model import CallerChoice, CallerPolicy

_AREA = len("+1212")  # the country and area code of a number of the North American plan


def callers(
    numbers: tuple[str, ...], policy: CallerPolicy, *, contact_id: str, phone: str = "", used: int = 0, own: str = ""
) -> tuple[str, ...]:
    """The numbers in the order in which they may be used; all but the first only where it has reached its limit.

    `own` is the one that the person's row asks for: no other may be used then. One that is not among the numbers, as
    where the campaign has other ones since, is asked for in vain.
    """
    if own in numbers:
        return (own,)
    preferred = _local(numbers, phone) if policy.choice is CallerChoice.LOCAL else numbers
    turn = used if policy.choice is CallerChoice.ROTATE else 0
    first = (int(contact_id[-6:], 16) + turn) % len(preferred)
    turned = preferred[first:] + preferred[:first]
    return (*turned, *(number for number in numbers if number not in preferred))


def day_of(policy: CallerPolicy, now: datetime) -> str:
    """The day on which a call at this moment counts."""
    return now.astimezone(ZoneInfo(policy.zone)).date().isoformat()


def next_day(policy: CallerPolicy, now: datetime) -> timedelta:
    """How long until the next day begins."""
    zone = ZoneInfo(policy.zone)
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), zone) - now


def _local(numbers: tuple[str, ...], phone: str) -> tuple[str, ...]:
    """Those of the phone's area; where there are none, all."""
    near = tuple(number for number in numbers if phone.startswith("+1") and number[:_AREA] == phone[:_AREA])
    return near or numbers
