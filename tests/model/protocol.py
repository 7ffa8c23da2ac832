"""The claim-dial-settle protocol, small enough to look at every state it can reach.

Its moves are `lifecycle.MOVES`, its guards are the adapters': the state that the table allows, and the attempt. Time is
left out: whatever may happen once some span has passed may happen at any moment, except where the product's bounds say
what cannot. There are two such places: a function that the dial reaper has given up does not send its request any more
(`guard`), and "no call" is concluded only when no request of the attempt is under way (`horizon`). These two, and the
protocol's own defences, are parameters, so that the worth of each can be shown by taking it away.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, TypeVar

from dialer.lifecycle import IN_FLIGHT, MOVES, TERMINAL, UNSETTLED, Move, State
from dialer.model import Doubt


class Request(IntEnum):
    """What has become of the one request that an attempt may make."""

    NONE = 0
    UNDER_WAY = 1
    CALL = 2
    OVER = 3
    NEVER = 4
    """There is no call, and there will be none."""


class Contact(NamedTuple):
    state: State
    used: int = 0
    attempt: int = 0
    """0: none. Attempts are numbered by their claims, and no number is used again."""
    claims: int = 0
    known: bool = False
    """Whether the attempt knows its call."""


class Call(NamedTuple):
    """A call function: what it holds and how far it has come."""

    at: str = "idle"
    contact: int = 0
    attempt: int = 0


class Reading(NamedTuple):
    """What a voice function or reconcile has read, before it writes."""

    contact: int
    attempt: int
    used: int
    finding: str


NOTHING = Reading(-1, 0, 0, "")


class World(NamedTuple):
    """One state of everything."""

    contacts: tuple[Contact, ...]
    requests: tuple[tuple[Request, ...], ...]
    messages: frozenset[tuple[int, int]]
    """All that were ever sent: each may be delivered at any time, any number of times."""
    ticks: tuple[tuple[int, int], ...]
    """Ticks that have claimed and not yet sent: contact and attempt; (-1, 0): idle."""
    calls: tuple[Call, ...]
    voices: tuple[Reading, ...]
    reconcile: Reading


Step = tuple[str, World]
One = TypeVar("One")
Process = TypeVar("Process", tuple[int, int], Call, Reading)


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How large the world is, what the campaign chose, and which defences are there."""

    contacts: int = 2
    claims: int = 2
    most: int = 2
    ticks: int = 2
    calls: int = 2
    voices: int = 2
    doubt: Doubt = Doubt.HOLD
    one_phone: bool = True
    """Whether the contacts have the same phone, each in a campaign of its own."""
    guard: bool = True
    horizon: bool = True
    attempt: bool = True
    """Whether guards ask for the attempt."""
    states: bool = True
    """Whether guards ask for the state."""
    unsettled_once: bool = True
    """Whether a phone carries at most one unsettled attempt."""
    doubt_waits: bool = True
    """Whether doubt waits for an answer."""

    def begin(self) -> World:
        return World(
            contacts=(Contact(State.PENDING),) * self.contacts,
            requests=((Request.NONE,) * self.claims,) * self.contacts,
            messages=frozenset(),
            ticks=((-1, 0),) * self.ticks,
            calls=(Call(),) * self.calls,
            voices=(NOTHING,) * self.voices,
            reconcile=NOTHING,
        )

    def steps(self, world: World) -> Iterator[Step]:
        """Everything that can happen next."""
        yield from self._tick(world)
        yield from self._call(world)
        yield from self._carrier(world)
        yield from self._voice(world)
        yield from self._reconcile(world)
        yield from self._person(world)

    # Tick: claim, then send; it may die in between.

    def _tick(self, world: World) -> Iterator[Step]:
        for index, (who, attempt) in enumerate(world.ticks):
            if index and world.ticks[index] == world.ticks[index - 1]:
                continue  # two that are alike do alike
            if who < 0:
                yield from self._claim(world, index)
                continue
            idle = _with(world.ticks, index, (-1, 0))
            sent = world.messages | {(who, attempt)}
            yield f"a tick sends the message of {who}.{attempt}", world._replace(ticks=idle, messages=sent)
            yield f"a tick dies with the claim {who}.{attempt}", world._replace(ticks=idle)
            back = self._moved(world, Move.UNSEND, who, attempt, State.PENDING)
            yield f"the queue refuses {who}.{attempt}", (back or world)._replace(ticks=idle)

    def _claim(self, world: World, index: int) -> Iterator[Step]:
        for who, contact in enumerate(world.contacts):
            if contact.claims == self.claims or contact.used >= self.most:
                continue
            if contact.state not in MOVES[Move.CLAIM].sources:
                continue
            claims = contact.claims + 1
            claimed = Contact(State.CLAIMED, contact.used, claims, claims)
            holding = _with(world.ticks, index, (who, claims))
            yield f"a tick claims {who}.{claims}", self._put(world, who, claimed)._replace(ticks=holding)

    # Call: a message, the line, the permit, the request, what it heard; it may die anywhere.

    def _call(self, world: World) -> Iterator[Step]:
        for index, call in enumerate(world.calls):
            if index and call == world.calls[index - 1]:
                continue
            if call.at == "idle":
                for who, attempt in sorted(world.messages):
                    yield (
                        f"the message of {who}.{attempt} is delivered",
                        self._at(world, index, "message", who, attempt),
                    )
                continue
            yield f"a call function dies at {call.at} of {call.contact}.{call.attempt}", self._idle(world, index)
            yield from self._goes_on(world, index, call)

    def _goes_on(self, world: World, index: int, call: Call) -> Iterator[Step]:
        at, who, attempt = call
        match at:
            case "message":
                yield from self._take_line(world, index, call)
            case "line":
                yield (
                    f"{who}.{attempt} is put back before its request",
                    self._wrote(world, index, call, Move.STEP_BACK, State.PENDING, unused=True),
                )
                if not self.guard or self._still_dialing(world, who, attempt):
                    yield (
                        f"the request of {who}.{attempt} leaves",
                        self._at(self._asks(world, who, attempt, Request.UNDER_WAY), index, "asked", who, attempt),
                    )
            case "asked":
                yield f"no answer for {who}.{attempt}", self._at(world, index, "unsure", who, attempt)
            case "unsure":
                if self.doubt_waits:
                    yield f"{who}.{attempt} is in doubt", self._wrote(world, index, call, Move.DOUBT, State.UNCERTAIN)
                else:
                    yield (
                        f"{who}.{attempt} is tried again",
                        self._wrote(world, index, call, Move.NOT_PLACED, State.PENDING),
                    )
            case "yes":
                yield f"{who}.{attempt} is accepted", self._wrote(world, index, call, Move.ACCEPT, State.PLACED)
            case "no":
                yield (
                    f"{who}.{attempt} was not placed",
                    self._wrote(world, index, call, Move.NOT_PLACED, State.PENDING, unused=True),
                )
            case "never":
                yield f"{who}.{attempt} is refused", self._wrote(world, index, call, Move.REFUSE, State.FAILED)
                yield (
                    f"{who}.{attempt} is refused, and has another number",
                    self._wrote(world, index, call, Move.REFUSE, State.PENDING, unused=True),
                )

    def _still_dialing(self, world: World, who: int, attempt: int) -> bool:
        """The guard is over long before the dial reaper comes: who has been given up is late, and knows it."""
        contact = world.contacts[who]
        return contact.state is State.DIALING and contact.attempt == attempt

    def _take_line(self, world: World, index: int, call: Call) -> Iterator[Step]:
        who, attempt = call.contact, call.attempt
        others = (other for place, other in enumerate(world.contacts) if place != who)
        busy = self.one_phone and self.unsettled_once and any(other.state in UNSETTLED for other in others)
        taken = None if busy else self._moved(world, Move.TAKE_LINE, who, attempt, State.DIALING, used=1)
        if taken is not None:
            held = world.contacts[who].attempt  # what a guard without the attempt would dial
            yield f"the line of {who}.{held} is taken", self._at(taken, index, "line", who, held)
            yield f"the line of {who}.{held} is taken, and its taker dies", self._idle(taken, index)
        else:
            off = self._moved(world, Move.PUT_OFF, who, attempt, State.PENDING) if busy else None
            yield f"no line for {who}.{attempt}", self._idle(off or world, index)

    def _wrote(self, world: World, index: int, call: Call, move: Move, to: State, *, unused: bool = False) -> World:
        """What the function writes where its guard lets it; and then it is done."""
        _, who, attempt = call
        known = move is Move.ACCEPT
        after = self._moved(world, move, who, attempt, to, used=-1 if unused else 0, known=known)
        return self._idle(after or world, index)

    # Carrier: it takes the request or not, at once or late; the call goes on and ends.

    def _carrier(self, world: World) -> Iterator[Step]:
        for who, requests in enumerate(world.requests):
            for place, request in enumerate(requests):
                attempt = place + 1
                if request is Request.UNDER_WAY:
                    yield from self._decides(world, who, attempt)
                elif request is Request.CALL:
                    yield f"the call of {who}.{attempt} ends", self._asks(world, who, attempt, Request.OVER)

    def _decides(self, world: World, who: int, attempt: int) -> Iterator[Step]:
        waiting = [i for i, call in enumerate(world.calls) if call == Call("asked", who, attempt)]
        taken = self._asks(world, who, attempt, Request.CALL)
        gone = self._asks(world, who, attempt, Request.NEVER)
        yield f"the carrier takes {who}.{attempt}, and nobody hears it", taken
        yield f"the request of {who}.{attempt} is lost", gone
        for index in waiting:
            yield f"the carrier takes {who}.{attempt}", self._at(taken, index, "yes", who, attempt)
            yield f"the carrier does not take {who}.{attempt} now", self._at(gone, index, "no", who, attempt)
            yield f"the carrier never takes {who}.{attempt}", self._at(gone, index, "never", who, attempt)

    # Voice: it reads the contact, and then writes what the webhook says. Any webhook may come at any time, and again.

    def _voice(self, world: World) -> Iterator[Step]:
        for index, reading in enumerate(world.voices):
            if index and reading == world.voices[index - 1]:
                continue
            if reading == NOTHING:
                yield from self._hears(world, index)
                continue
            idle = _with(world.voices, index, NOTHING)
            yield f"a voice function dies with {reading.finding}", world._replace(voices=idle)
            after = self._written(world, reading)
            yield (
                f"{reading.finding} of {reading.contact}.{reading.attempt} is written",
                (after or world)._replace(voices=idle),
            )

    def _hears(self, world: World, index: int) -> Iterator[Step]:
        for who, requests in enumerate(world.requests):
            for place, request in enumerate(requests):
                for finding in _WEBHOOKS[request]:
                    reading = Reading(who, place + 1, world.contacts[who].used, finding)
                    heard = _with(world.voices, index, reading)
                    yield f"a webhook says {finding} of {who}.{place + 1}", world._replace(voices=heard)

    # Reconcile: it reads who is overdue and asks the carrier, and then writes.

    def _reconcile(self, world: World) -> Iterator[Step]:
        reading = world.reconcile
        if reading != NOTHING:
            idle = world._replace(reconcile=NOTHING)
            yield f"reconcile dies with {reading.finding}", idle
            after = self._written(world, reading)
            yield (
                f"reconcile writes {reading.finding} of {reading.contact}.{reading.attempt}",
                (after or world)._replace(reconcile=NOTHING),
            )
            return
        for who, contact in enumerate(world.contacts):
            for finding in self._findings(world, who, contact):
                found = Reading(who, contact.attempt, contact.used, finding)
                yield f"reconcile finds {finding} of {who}.{contact.attempt}", world._replace(reconcile=found)

    def _findings(self, world: World, who: int, contact: Contact) -> Iterator[str]:
        match contact.state:
            case State.CLAIMED:
                yield "expired"
            case State.DIALING:
                yield "silent"
            case State.UNCERTAIN | State.HELD | State.PLACED:
                request = world.requests[who][contact.attempt - 1]
                if request in {Request.CALL, Request.OVER}:
                    yield "progress" if request is Request.CALL else "the end"
                elif contact.state is State.HELD:
                    yield from ("given up", "resolved")
                elif contact.state is State.UNCERTAIN and (not self.horizon or self._past_horizon(world, who)):
                    yield "no call"

    def _past_horizon(self, world: World, who: int) -> bool:
        """No request of the attempt is under way; that no function still sends it is the guard's part."""
        return world.requests[who][world.contacts[who].attempt - 1] is not Request.UNDER_WAY

    def _written(self, world: World, reading: Reading) -> World | None:
        """What a finding makes of the contact it was read from, if the guard still lets it."""
        who, attempt, used, finding = reading
        again = State.PENDING if used < self.most else State.FAILED
        match finding:
            case "progress":
                move = Move.ADOPT if world.contacts[who].state is State.UNCERTAIN else Move.HEAR
                return self._moved(world, move, who, attempt, State.PLACED, known=True)
            case "answered":
                return self._moved(world, Move.ANSWER, who, attempt, State.PLACED, known=True)
            case "the end":
                return self._moved(world, Move.SETTLE, who, attempt, State.DONE)
            case "a busy end":
                return self._moved(world, Move.SETTLE, who, attempt, again)
            case "expired":
                return self._moved(world, Move.EXPIRE, who, attempt, State.PENDING)
            case "silent":
                return self._moved(world, Move.FALL_SILENT, who, attempt, State.UNCERTAIN)
            case "no call" if self.doubt is Doubt.HOLD:
                return self._moved(world, Move.HOLD, who, attempt, State.HELD)
            case "no call":
                return self._moved(world, Move.RELEASE, who, attempt, again)
            case "given up":
                return self._moved(world, Move.GIVE_UP, who, attempt, State.FAILED)
            case _:
                return self._moved(world, Move.RESOLVE, who, attempt, again)

    # A person, whose guard is like reconcile's: what they saw must still be so.

    def _person(self, world: World) -> Iterator[Step]:
        for who, contact in enumerate(world.contacts):
            after = self._moved(world, Move.CANCEL, who, contact.attempt, State.FAILED)
            if after is not None:
                yield f"a person cancels {who}.{contact.attempt}", after

    # The one conditional write.

    def _moved(
        self, world: World, move: Move, who: int, attempt: int, to: State, *, used: int = 0, known: bool = False
    ) -> World | None:
        """The world after a move, or None where the guard lets nobody through."""
        contact, rule = world.contacts[who], MOVES[move]
        if to not in rule.targets:
            raise ValueError(f"{move} never ends in {to}")
        if self.states and contact.state not in rule.sources:
            return None
        if contact.attempt == 0 or (self.attempt and contact.attempt != attempt):
            return None
        if move is Move.TAKE_LINE and contact.used >= self.most:
            return None
        kept = contact.attempt if to in IN_FLIGHT else 0
        knows = bool(kept) and (contact.known or known)
        return self._put(world, who, Contact(to, contact.used + used, kept, contact.claims, knows))

    def _put(self, world: World, who: int, contact: Contact) -> World:
        return world._replace(contacts=_placed(world.contacts, who, contact))

    def _asks(self, world: World, who: int, attempt: int, request: Request) -> World:
        requests = _placed(world.requests[who], attempt - 1, request)
        return world._replace(requests=_placed(world.requests, who, requests))

    def _at(self, world: World, index: int, at: str, who: int, attempt: int) -> World:
        return world._replace(calls=_with(world.calls, index, Call(at, who, attempt)))

    def _idle(self, world: World, index: int) -> World:
        return world._replace(calls=_with(world.calls, index, Call()))

    # What must hold.

    def broken(self, before: World, label: str, after: World) -> str:
        """Which law a step breaks; empty: none."""
        for who, (old, new) in enumerate(zip(before.contacts, after.contacts, strict=True)):
            if new.used > self.most or new.used < 0:
                return f"L7: {new.used} attempts of {self.most}"
            if old.state in TERMINAL and new != old:
                return f"L8: {who} was {old.state} and changes"
            if (new.state in IN_FLIGHT) != bool(new.attempt):
                return f"L5: {who} is {new.state} with attempt {new.attempt}"
            if " end of " in label and old != new and before.requests[who][old.attempt - 1] is not Request.OVER:
                return f"L8: {who}.{old.attempt} ends although its call does not"
        if label.startswith("the request of") and label.endswith("leaves"):
            return self._asked_twice(before, after)
        return ""

    def _asked_twice(self, before: World, after: World) -> str:
        for who, (old, new) in enumerate(zip(before.requests, after.requests, strict=True)):
            asked = [place for place in range(self.claims) if old[place] != new[place]]
            for place in asked:
                if old[place] is not Request.NONE:
                    return f"L1: a second request for {who}.{place + 1}"
                if any(one in _MAY_RING for index, one in enumerate(old) if index != place):
                    return f"L3: {who} is asked for while its last attempt may be ringing"
                others = [one for other, asks in enumerate(before.requests) if other != who for one in asks]
                if self.one_phone and any(one in _MAY_RING for one in others):
                    return "L4: two calls to one phone"
        return "" if before.requests != after.requests else "L1: a second request for an attempt that is under way"

    def at_rest(self, world: World) -> bool:
        """Everybody is settled, or waits for a claim that lies beyond the edge of this small world."""
        return all(
            contact.state in TERMINAL or (contact.state is State.PENDING and contact.claims == self.claims)
            for contact in world.contacts
        )


_MAY_RING = frozenset({Request.UNDER_WAY, Request.CALL})
_WEBHOOKS: dict[Request, tuple[str, ...]] = {
    Request.NONE: (),
    Request.UNDER_WAY: (),
    Request.NEVER: (),
    Request.CALL: ("progress", "answered"),
    Request.OVER: ("progress", "answered", "the end", "a busy end"),
}


def _placed(values: tuple[One, ...], index: int, value: One) -> tuple[One, ...]:
    return (*values[:index], value, *values[index + 1 :])


def _with(values: tuple[Process, ...], index: int, value: Process) -> tuple[Process, ...]:
    """Processes of one kind are alike: which of them does what makes no difference."""
    return tuple(sorted(_placed(values, index, value)))
