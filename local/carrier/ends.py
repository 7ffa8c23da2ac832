"""Where one row ended, and whether the calls it had are the calls it was owed."""

from collections.abc import Sequence
from dataclasses import dataclass

from local.carrier.case import STUCK, Policy, Row
from local.carrier.demand import CALLED, REACHED, Numbers, Turn, demanded
from local.carrier.history import Asking, History


@dataclass(frozen=True, kw_only=True, slots=True)
class End:
    """Where one row ended. `least` to `most` calls are right; `lost` says why it is, or is empty."""

    row: Row
    calls: int
    least: int
    most: int
    excused: bool
    lost: str

    @property
    def wrong(self) -> bool:
        return self.calls > self.most or (self.calls < self.least and not self.excused)

    def named(self, **more: object) -> dict[str, object]:
        row = self.row
        named = {"phone": row.phone, "campaign_id": row.campaign_id, "contact_id": row.contact_id, "state": row.state}
        return named | more

    def as_held(self) -> dict[str, object]:
        return self.named(reason=self.row.reason, calls=self.calls, least=self.least, most=self.most)


def assess(row: Row, askings: Sequence[Asking], history: History, policy: Policy) -> End:
    numbers = Numbers(row.numbers, askings, history)
    turns = numbers.past
    calls = sum(turn in CALLED for turn in turns)
    least, most = (demanded(turns, numbers.to_come(), policy, generous=generous) for generous in (False, True))
    excused = _excused(row, turns, policy)
    lost = _lost(row, turns, owed=calls < least and not excused)
    return End(row=row, calls=calls, least=least, most=max(least, most), excused=excused, lost=lost)


def _excused(row: Row, turns: Sequence[Turn], policy: Policy) -> bool:
    """May this row have fewer calls than demanded? A failed one only where a doubt was its end."""
    match row.state:
        case "suppressed":
            return True
        case "held":
            return bool(row.reason)
        case "failed":
            doubted = policy.doubt == "hold" and turns[-1:] == [Turn.DOUBT]
            return bool(row.reason) and (doubted or policy.excuses(row.reason))
    return row.state in STUCK


def _lost(row: Row, turns: Sequence[Turn], *, owed: bool) -> str:
    match row.state:
        case "pending":
            return "still waits to be called"
        case "held" if not row.reason:
            return "held without a reason"
        case "done" if not any(turn in REACHED for turn in turns):
            return "done, and nobody was reached"
        case "done" if owed:
            return "done, and owed another call"
        case "failed" if owed and not row.reason:
            return "failed without a reason, and owed a call"
    return ""
