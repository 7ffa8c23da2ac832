"""What the judge is given: where every row of the list ended, and the policy it was dialed by.

    {"rows":   [{"phone": "+15551230001", "campaign_id": "c1", "contact_id": "…", "state": "done", "reason": ""}, …],
     "policy": {"max_attempts": 3, "retry_on": ["busy", "no-answer", "failed", "machine"], "doubt": "hold",
                "excused": ["never reported", …]},
     "policies": {"c2": policy, …}}
`contact_id` and `reason` may be missing. A row with a `contact_id` may have `numbers`: the phones that are tried in
turn, `phone` the first of them, each called once in the list's order and then again. `policies` overrides `policy`
for single campaigns and may be missing. `machine` in `retry_on` stands for any machine but a fax.
`excused`: words in a failed row's reason that say an attempt was spent without a call that the carrier could know of
(nothing left, or nobody could tell).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from local.carrier.reading import MalformedError, integer, listing, mapping, one_of, only, text, texts

STUCK = ("claimed", "dialing", "placed", "uncertain")
STATES = ("pending", *STUCK, "held", "done", "failed", "suppressed")
RETRIED = ("busy", "no-answer", "failed", "machine", "canceled")
DOUBTS = ("hold", "redial")
EXCUSED = ("unknown", "uncertain", "doubt", "never reported", "lists no call")


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    phone: str
    numbers: tuple[str, ...]
    campaign_id: str
    contact_id: str | None
    state: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    max_attempts: int
    retry_on: tuple[str, ...]
    doubt: str = "hold"
    excused: tuple[str, ...] = EXCUSED

    def excuses(self, reason: str) -> bool:
        return any(word in reason.lower() for word in self.excused)


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    rows: tuple[Row, ...]
    policy: Policy
    policies: Mapping[str, Policy]

    def policy_of(self, row: Row) -> Policy:
        return self.policies.get(row.campaign_id, self.policy)


def read_case(value: object) -> Case:
    case = mapping(value, "verdict")
    only(case, "verdict", ("rows", "policy", "policies"))
    rows = [_read_row(row, f"rows[{index}]") for index, row in enumerate(listing(case.get("rows"), "rows"))]
    _refuse_twins(rows)
    policies = mapping(case.get("policies", {}), "policies")
    return Case(
        rows=tuple(rows),
        policy=_read_policy(case.get("policy"), "policy"),
        policies={campaign: _read_policy(policy, f"policies[{campaign!r}]") for campaign, policy in policies.items()},
    )


def _read_row(value: object, where: str) -> Row:
    row = mapping(value, where)
    contact_id = row.get("contact_id")
    reason = row.get("reason") or ""
    if not isinstance(reason, str):
        raise MalformedError(f"{where}.reason must be a text.")
    phone = text(row.get("phone"), f"{where}.phone")
    numbers = texts(row.get("numbers", [phone]), f"{where}.numbers")
    if phone not in numbers or len(set(numbers)) < len(numbers) or (contact_id is None and len(numbers) > 1):
        raise MalformedError(f"{where}.numbers must be different, have the row's phone, and a contact_id beside them.")
    return Row(
        phone=phone,
        numbers=numbers,
        campaign_id=text(row.get("campaign_id"), f"{where}.campaign_id"),
        contact_id=None if contact_id is None else text(contact_id, f"{where}.contact_id"),
        state=one_of(row.get("state"), f"{where}.state", STATES),
        reason=reason.strip(),
    )


def _refuse_twins(rows: list[Row]) -> None:
    """A campaign that holds a number twice would call it twice: that list must not be judged as if it were right."""
    seen = set()
    for row in rows:
        if (row.campaign_id, row.phone) in seen:
            raise MalformedError(f"rows hold {row.phone} twice in campaign {row.campaign_id}.")
        seen.add((row.campaign_id, row.phone))
    contacts = [row.contact_id for row in rows if row.contact_id]
    if len(set(contacts)) < len(contacts):
        raise MalformedError("rows hold a contact_id twice.")


def _read_policy(value: object, where: str) -> Policy:
    policy = mapping(value, where)
    only(policy, where, ("max_attempts", "retry_on", "doubt", "excused"))
    retry_on = texts(policy.get("retry_on", []), f"{where}.retry_on")
    for outcome in retry_on:
        one_of(outcome, f"{where}.retry_on", RETRIED)
    return Policy(
        max_attempts=integer(policy.get("max_attempts"), f"{where}.max_attempts", least=1),
        retry_on=retry_on,
        doubt=one_of(policy.get("doubt", "hold"), f"{where}.doubt", DOUBTS),
        excused=tuple(word.lower() for word in texts(policy.get("excused", list(EXCUSED)), f"{where}.excused")),
    )
