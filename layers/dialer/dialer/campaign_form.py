"""The form an operator fills in for a campaign: every field checked, every complaint named, before anything is made."""

from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    field_validator,
    model_serializer,
    model_validator,
)

from dialer.abandonment import LOOSEST
from dialer.call_form import CallForm, plan_of
from dialer.caps import PRESETS
from dialer.complaints import complaint
from dialer.errors import BadCampaign
from dialer.model import (
    CallerChoice,
    CallerPolicy,
    Cap,
    Counted,
    Doubt,
    Hours,
    Outcome,
    Pacing,
    Purpose,
    RetryPolicy,
    RetrySchedule,
    Voice,
    Window,
)
from dialer.presets import nobody_speaks
from dialer.retry_presets import SCHEDULES, preset

_E164 = r"^\+[1-9]\d{6,14}$"
_CLOCK = r"^([01]\d|2[0-4]):[0-5]\d$"
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_ONE_WINDOW = frozenset({"opens", "closes", "days"})
_DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Retried = Literal["busy", "no-answer", "failed", "machine", "voicemail", "canceled", "rejected"]
_SHORTEST_DELAY = timedelta(milliseconds=1)  # permits are granted by the database's clock, which counts these
_LONGEST_DELAY_S = 30 * 24 * 3600


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PacingForm(_Form):
    call_delay_s: float = Field(
        default=5, ge=0, le=3600, description="Seconds between two calls, at least; 0 counts as 0.001."
    )
    max_concurrent: int = Field(default=10, ge=1, le=10_000)
    max_abandon: Annotated[float, Field(ge=0.001, le=LOOSEST)] | Literal["unlimited"] = 0.025
    """Where people are handed on: the share of live answers in 30 days that may find nobody to talk to."""


class CallerForm(_Form):
    choice: CallerChoice = CallerChoice.FIXED
    daily_limit: int | None = Field(default=None, ge=1, le=100_000)
    zone: str = "UTC"

    @field_validator("zone")
    @classmethod
    def is_a_zone(cls, zone: str) -> str:
        return _zone(zone)


class WindowForm(_Form):
    """A part of the day, on some days of the week."""

    opens: Annotated[str, Field(pattern=_CLOCK)] = "00:00"
    closes: Annotated[str, Field(pattern=_CLOCK)] = "24:00"
    days: tuple[Day, ...] = Field(default=_DAYS, min_length=1)

    @model_validator(mode="after")
    def opens_before_it_closes(self) -> Self:
        if not self.opens < self.closes <= "24:00":
            raise ValueError("`opens` must be before `closes`, and `closes` at most 24:00")
        return self


class HoursForm(WindowForm):
    """One window, or several."""

    zone: str = "UTC"
    windows: tuple[WindowForm, ...] = Field(default=(), max_length=50)
    """Several, instead of `opens`, `closes` and `days`; those that overlap are one."""

    @field_validator("zone")
    @classmethod
    def is_a_zone(cls, zone: str) -> str:
        return _zone(zone)

    @model_validator(mode="after")
    def says_it_in_one_way(self) -> Self:
        if self.windows and self.model_fields_set & _ONE_WINDOW:
            raise ValueError("give either `windows`, or `opens`, `closes` and `days`: a change sets the others to null")
        return self

    @model_serializer(mode="wrap")
    def as_it_was_said(self, all_of_it: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Shown, copied and changed in the way that was chosen."""
        unsaid = _ONE_WINDOW if self.windows else {"windows"}
        return {name: value for name, value in all_of_it(self).items() if name not in unsaid}


def _zone(zone: str) -> str:
    if zone not in available_timezones():
        raise ValueError(f"{zone!r} is not a time zone such as America/New_York")
    return ZoneInfo(zone).key


Seconds = Annotated[int, Field(ge=0, le=_LONGEST_DELAY_S)]


class ScheduleForm(_Form):
    waits_s: tuple[Seconds, ...] = Field(min_length=1, max_length=20)
    """Seconds to wait after the first, the second, and every further end of this kind."""
    most: int | None = Field(default=None, ge=0, le=20)
    """After so many ends of this kind it is not tried again."""


class RetryForm(_Form):
    max_attempts: int | None = Field(default=None, ge=1, le=20)
    max_per_day: int | None = Field(default=None, ge=1, le=20)
    """The most calls to one person within 24 hours."""
    schedules: dict[Retried, ScheduleForm] | None = None
    """What follows each kind of end; one that is not named follows the preset of the campaign's purpose."""
    delays_s: dict[Retried, Seconds] | None = None
    """The short way, instead of schedules: the same wait each time, exactly; one that is not named is not tried again.
    """

    @model_validator(mode="after")
    def says_it_in_one_way(self) -> "RetryForm":
        if self.delays_s is not None and self.schedules is not None:
            raise ValueError("give either `delays_s` or `schedules`")
        return self


class CapForm(_Form):
    """A cap of the campaign's own, beside the presets or instead of them."""

    name: str = Field(default="own cap", min_length=1, max_length=60)
    most: int = Field(ge=1, le=20)
    within_h: float = Field(ge=0.001, le=366 * 24)
    counts: Counted = Counted.CALLS
    by: Annotated[str, Field(pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")] = ""
    campaign_only: bool = False


class CampaignForm(_Form):
    name: str = Field(min_length=1, max_length=200)
    from_numbers: tuple[Annotated[str, Field(pattern=_E164)], ...] = Field(min_length=1)
    caller: CallerForm = CallerForm()
    call: CallForm
    pacing: PacingForm = PacingForm()
    hours: HoursForm | None = None
    purpose: Purpose = Purpose.INFORMATIONAL
    voice: Voice = Voice.PRERECORDED
    any_hour_because: str = Field(default="", max_length=500)
    """Why these people may be called at any hour. Without it calling hours hold, whatever `hours` says."""
    retry: RetryForm = RetryForm()
    doubt: Doubt = Doubt.HOLD
    caps: tuple[str | CapForm, ...] = Field(default=(), max_length=10)

    @field_validator("caps")
    @classmethod
    def are_known(cls, caps: tuple[str | CapForm, ...]) -> tuple[str | CapForm, ...]:
        unknown = [cap for cap in caps if isinstance(cap, str) and cap not in PRESETS]
        if unknown:
            raise ValueError(f"{unknown[0]!r} is not one of {', '.join(PRESETS)}, nor a cap with `most` and `within_h`")
        return caps

    @model_validator(mode="after")
    def only_news_come_at_any_hour(self) -> "CampaignForm":
        if self.any_hour_because and self.purpose is not Purpose.INFORMATIONAL:
            raise ValueError("`any_hour_because` is for an informational campaign alone")
        return self

    @model_validator(mode="after")
    def somebody_speaks_on_a_live_call(self) -> "CampaignForm":
        if contradiction := nobody_speaks(voice=self.voice, call=plan_of(self.call)):
            raise ValueError(contradiction)
        return self

    @model_validator(mode="after")
    def only_news_go_on_without_agents(self) -> "CampaignForm":
        if self.pacing.max_abandon == "unlimited" and self.purpose is not Purpose.INFORMATIONAL:
            raise ValueError("`pacing.max_abandon: unlimited` is for an informational campaign alone")
        return self


def checked(form: dict[str, Any]) -> dict[str, Any]:
    """The form as `Campaign` fields. Raises BadCampaign naming every wrong field and what it should be."""
    try:
        filled = CampaignForm.model_validate(form)
    except ValidationError as wrong:
        complaints = (
            f"{'.'.join(map(str, error['loc'])) or 'campaign'}: {complaint(error)}" for error in wrong.errors()
        )
        raise BadCampaign("; ".join(complaints)) from None
    return {
        "name": filled.name,
        "from_numbers": filled.from_numbers,
        "caller": CallerPolicy(**filled.caller.model_dump()),
        "call": plan_of(filled.call),
        "pacing": _pacing(filled.pacing),
        "hours": filled.hours and _hours(filled.hours),
        "purpose": filled.purpose,
        "voice": filled.voice,
        "any_hour_because": filled.any_hour_because.strip(),
        "retry": _retry(filled.retry, filled.purpose),
        "doubt": filled.doubt,
        "caps": tuple(cap for one in filled.caps for cap in _caps(one)),
        "form": filled.model_dump(mode="json"),
    }


def _pacing(form: PacingForm) -> Pacing:
    return Pacing(
        call_delay=max(_SHORTEST_DELAY, timedelta(seconds=form.call_delay_s)),
        max_concurrent=form.max_concurrent,
        max_abandon=None if form.max_abandon == "unlimited" else form.max_abandon,
    )


def _caps(form: str | CapForm) -> tuple[Cap, ...]:
    if isinstance(form, str):
        return PRESETS[form]
    return (Cap(**form.model_dump(exclude={"within_h"}), within=timedelta(hours=form.within_h)),)


def _hours(form: HoursForm) -> Hours:
    return Hours(zone=form.zone, **_window(form), windows=tuple(Window(**_window(one)) for one in form.windows))


def _window(form: WindowForm) -> dict[str, Any]:
    return {"opens": form.opens, "closes": form.closes, "days": frozenset(map(_DAYS.index, form.days))}


def _retry(form: RetryForm, purpose: Purpose) -> RetryPolicy:
    usual = preset(purpose)
    if form.delays_s is not None:
        delays = {Outcome(name): timedelta(seconds=seconds) for name, seconds in form.delays_s.items()}
        ours = {
            Outcome.CANCELED: RetryPolicy().delays[Outcome.CANCELED]
        }  # not the person's end: tried again all the same
        return RetryPolicy(
            max_attempts=form.max_attempts or RetryPolicy().max_attempts,
            max_per_day=form.max_per_day or 0,
            delays={**ours, **delays},
        )
    named = {Outcome(name): _schedule(Outcome(name), schedule) for name, schedule in (form.schedules or {}).items()}
    if Outcome.MACHINE in named:  # it is about voicemails too, unless these have a schedule of their own
        named = {Outcome.VOICEMAIL: named[Outcome.MACHINE]} | named
    return replace(
        usual,
        max_attempts=form.max_attempts or usual.max_attempts,
        max_per_day=form.max_per_day or usual.max_per_day,
        schedules={**usual.schedules, **named},
    )


def _schedule(outcome: Outcome, form: ScheduleForm) -> RetrySchedule:
    counts = SCHEDULES[outcome].counts
    most = form.most if form.most is not None or counts else SCHEDULES[outcome].most  # what costs nothing must end too
    return RetrySchedule(waits=tuple(timedelta(seconds=wait) for wait in form.waits_s), most=most, counts=counts)
