"""Every time bound of the dialer in one place, with the production value and the relations that must hold.

Each field is a setting of the same name (`settle_horizon` is `SETTLE_HORIZON_SECONDS`) and a template parameter.
"""

from dataclasses import dataclass, fields
from datetime import timedelta

from dialer.errors import BadSettings


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Spans of time that the promises rest on; a wrong relation is refused at the start, by name."""

    slot_horizon: timedelta = timedelta(seconds=60)
    """How far ahead a tick books dial times: one schedule period."""
    lock_lease: timedelta = timedelta(seconds=90)
    """How long a tick may keep the campaign lock; longer than a tick may run, so that a live owner is not robbed."""
    call_timeout: timedelta = timedelta(seconds=30)
    """The call function's own timeout: after it, Lambda has killed the invocation."""
    queue_visibility: timedelta = timedelta(seconds=180)
    """The call queue's visibility timeout. AWS asks for six times the function's timeout."""
    dial_guard: timedelta = timedelta(seconds=1)
    """The most time between the last look and the request, and again for the connection that carries it: what may be
    missed in it is stated in docs/states.md."""
    post_timeout: timedelta = timedelta(seconds=10)
    """How long one read or write on the carrier's socket may take."""
    early_wait: timedelta = timedelta(seconds=3)
    """How long a call function waits for its slot or for the campaign's next dial before it puts the contact off."""
    dial_silence: timedelta = timedelta(seconds=90)
    """After this the function that took the line is dead: its attempt is in doubt."""
    queue_time: timedelta = timedelta(minutes=10)
    """How long the carrier may keep a call queued before it is cancelled there."""
    settle_poll: timedelta = timedelta(seconds=60)
    """How often the carrier is asked about a doubtful attempt."""
    settle_horizon: timedelta = timedelta(minutes=30)
    """After this the carrier has listed every call it accepted."""
    list_margin: timedelta = timedelta(seconds=120)
    """How much earlier than the dial a call in the carrier's list may say it was made: clocks differ."""
    hold_limit: timedelta = timedelta(hours=25)
    """A held contact is given up after this. The carrier drops queued calls after 24 h."""

    intake_timeout: timedelta = timedelta(seconds=120)
    """The intake function's timeout: so long one run reads a list or writes an export, and owns it."""
    intake_visibility: timedelta = timedelta(seconds=150)
    """Its queue's visibility timeout: so long a list rests after a run that died."""

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) <= timedelta(0):
                raise BadSettings(f"{setting(field.name)} must be greater than 0.")
        for longer, shorter, why in (
            ("queue_visibility", "call_timeout", "or a message returns while its function still runs"),
            ("dial_silence", "call_timeout", "or a live function's attempt is put in doubt"),
            ("call_timeout", "post_timeout", "or the function dies before the carrier's reply can be judged"),
            ("settle_horizon", "dial_silence", "or a doubt is resolved before it exists"),
            ("intake_visibility", "intake_timeout", "or a run's message returns while it is still reading"),
            ("hold_limit", "settle_horizon", "or an attempt is given up before the carrier was asked"),
        ):
            if getattr(self, longer) <= getattr(self, shorter):
                raise BadSettings(f"{setting(longer)} must be greater than {setting(shorter)}, {why}.")
        if self.call_timeout <= self.early_wait + self.dial_guard + self.post_timeout:
            parts = " + ".join(setting(part) for part in ("early_wait", "dial_guard", "post_timeout"))
            why = "or a function that waited has no time left to dial"
            raise BadSettings(f"{setting('call_timeout')} must be greater than {parts}, {why}.")

    @property
    def last_request(self) -> timedelta:
        """How long after a pause or a suppression a request may still leave: the guard, and again for its connection.

        Whoever confirms that nobody is dialed any more waits for it first.
        """
        return 2 * self.dial_guard

    @property
    def claim_grace(self) -> timedelta:
        """How long after its slot a claimed contact may still be dialed: two deliveries of its message."""
        return 2 * self.queue_visibility


def setting(bound: str) -> str:
    """The name of the setting that holds a bound, in seconds."""
    return f"{bound.upper()}_SECONDS"


def bounds_from(seconds: dict[str, float]) -> Bounds:
    """Bounds from seconds by field name; those not named keep their production value."""
    return Bounds(**{name: timedelta(seconds=value) for name, value in seconds.items()})
