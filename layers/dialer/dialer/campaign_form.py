"""The form an operator fills in for a campaign: every field checked, every complaint named, before anything is made."""

from datetime import timedelta
from typing import Annotated, Any, Literal
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from dialer.errors import BadCampaign
from dialer.model import CallPlan, Doubt, Hours, Outcome, Pacing, RetryPolicy

_E164 = r"^\+[1-9]\d{6,14}$"
_CLOCK = r"^([01]\d|2[0-4]):[0-5]\d$"
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Retried = Literal["busy", "no-answer", "failed", "machine", "canceled"]
Purpose = Literal["", "informational", "telemarketing", "collections", "political", "charity", "survey"]
_LONGEST_DELAY_S = 30 * 24 * 3600


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PacingForm(_Form):
    call_delay_s: float = Field(default=5, ge=0.001, le=3600)
    max_concurrent: int = Field(default=10, ge=1, le=10_000)


class CallForm(_Form):
    say: str = Field(default="", max_length=4000)
    twiml: str = Field(default="", max_length=4000)
    voice: str = "alice"
    language: str = "en-US"
    ring_timeout_s: int = Field(default=30, ge=5, le=600)
    talk_limit_s: int = Field(default=300, ge=5, le=14_400)
    detect_machine: bool = False
    opt_out_digit: Annotated[str, Field(pattern=r"^[0-9]?$")] = ""

    @model_validator(mode="after")
    def says_one_thing(self) -> "CallForm":
        if bool(self.say) == bool(self.twiml):
            raise ValueError("give either `say` or `twiml`")
        return self

    @field_validator("twiml")
    @classmethod
    def is_a_response(cls, twiml: str) -> str:
        """Found out here, or by every person who answers."""
        try:
            root = ET.fromstring(twiml) if twiml else None  # noqa: S314  the operator's own; at most 4,000 signs
        except ET.ParseError as wrong:
            raise ValueError(f"is not XML: {wrong}") from None
        if root is not None and root.tag != "Response":
            raise ValueError(f"must be a <Response> document, not <{root.tag}>")
        return twiml


class HoursForm(_Form):
    zone: str = "UTC"
    opens: Annotated[str, Field(pattern=_CLOCK)] = "00:00"
    closes: Annotated[str, Field(pattern=_CLOCK)] = "24:00"
    days: tuple[Day, ...] = Field(default=_DAYS, min_length=1)

    @field_validator("zone")
    @classmethod
    def is_a_zone(cls, zone: str) -> str:
        if zone not in available_timezones():
            raise ValueError(f"{zone!r} is not a time zone such as America/New_York")
        return ZoneInfo(zone).key

    @model_validator(mode="after")
    def opens_before_it_closes(self) -> "HoursForm":
        if not self.opens < self.closes <= "24:00":
            raise ValueError("`opens` must be before `closes`, and `closes` at most 24:00")
        return self


class RetryForm(_Form):
    max_attempts: int = Field(default=3, ge=1, le=20)
    delays_s: dict[Retried, Annotated[int, Field(ge=0, le=_LONGEST_DELAY_S)]] | None = None
    """Seconds to wait after each kind of end; one that is not named is not tried again."""


class CampaignForm(_Form):
    name: str = Field(min_length=1, max_length=200)
    from_numbers: tuple[Annotated[str, Field(pattern=_E164)], ...] = Field(min_length=1)
    call: CallForm
    pacing: PacingForm = PacingForm()
    hours: HoursForm | None = None
    retry: RetryForm = RetryForm()
    doubt: Doubt = Doubt.HOLD
    purpose: Purpose = ""


def checked(form: dict[str, Any]) -> dict[str, Any]:
    """The form as `Campaign` fields. Raises BadCampaign naming every wrong field and what it should be."""
    try:
        filled = CampaignForm.model_validate(form)
    except ValidationError as wrong:
        complaints = (f"{'.'.join(map(str, error['loc'])) or 'campaign'}: {error['msg']}" for error in wrong.errors())
        raise BadCampaign("; ".join(complaints)) from None
    return {
        "name": filled.name,
        "from_numbers": filled.from_numbers,
        "call": _call(filled.call),
        "pacing": Pacing(
            call_delay=timedelta(seconds=filled.pacing.call_delay_s), max_concurrent=filled.pacing.max_concurrent
        ),
        "hours": filled.hours and _hours(filled.hours),
        "retry": _retry(filled.retry),
        "doubt": filled.doubt,
        "purpose": filled.purpose,
        "form": filled.model_dump(mode="json"),
    }


def _call(form: CallForm) -> CallPlan:
    words = form.model_dump(exclude={"ring_timeout_s", "talk_limit_s"})
    return CallPlan(
        ring_timeout=timedelta(seconds=form.ring_timeout_s), talk_limit=timedelta(seconds=form.talk_limit_s), **words
    )


def _hours(form: HoursForm) -> Hours:
    return Hours(
        zone=form.zone,
        opens=form.opens,
        closes=form.closes,
        days=frozenset(_DAYS.index(day) for day in form.days),
    )


def _retry(form: RetryForm) -> RetryPolicy:
    if form.delays_s is None:
        return RetryPolicy(max_attempts=form.max_attempts)
    delays = {Outcome(name): timedelta(seconds=seconds) for name, seconds in form.delays_s.items()}
    ours = {Outcome.CANCELED: RetryPolicy().delays[Outcome.CANCELED]}  # not the person's end: tried again all the same
    return RetryPolicy(max_attempts=form.max_attempts, delays={**ours, **delays})
