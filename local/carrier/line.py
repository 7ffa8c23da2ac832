"""The life of a call: queued, dialed, ringing, answered or not, over."""

import asyncio
import time
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from local.carrier.calls import Call, CallBook, HungUp, Status
from local.carrier.clock import Clock
from local.carrier.conversation import Conversation, Page
from local.carrier.fates import Kind
from local.carrier.faults import Faults
from local.carrier.gate import Gate
from local.carrier.ledger import Ledger
from local.carrier.outbox import Outbox
from local.carrier.postman import Postman

DIAL_SECONDS = 1.0
DETECTION_SECONDS, GREETING_SECONDS = 4.0, 10.0
NEVER_RINGS = {Kind.BUSY: Status.BUSY, Kind.FAILED: Status.FAILED}
NEVER_ANSWERS = {Kind.REJECTED: Status.BUSY, Kind.NO_ANSWER: Status.NO_ANSWER}


class Line:
    """Carries calls out. Every change of status is in the ledger before anybody is told."""

    def __init__(
        self,
        *,
        clock: Clock,
        gate: Gate,
        calls: CallBook,
        ledger: Ledger,
        outbox: Outbox,
        postman: Postman,
        faults: Faults,
    ) -> None:
        self.active = 0
        self._clock = clock
        self._gate = gate
        self._calls = calls
        self._ledger = ledger
        self._outbox = outbox
        self._postman = postman
        self._faults = faults

    def start(self, call: Call) -> None:
        self._calls.add(call)
        self.active += 1
        self._gate.waiting += 1
        self._record(call)
        call.life = _begin(self._live(call))

    def hang_up(self, call: Call) -> None:
        """The customer ends the call: completed if it was answered, else canceled."""
        if call.alive:
            _stop(call.life)
            self._leave_queue(call)
            self._end(call, Status.COMPLETED if call.answered else Status.CANCELED)

    def redirect(self, call: Call, page: Page) -> None:
        """What is being said stops; the new TwiML begins."""
        _stop(call.life)
        call.life = _begin(self._converse(call, page))

    async def close(self) -> None:
        alive = [call for call in self._calls if call.alive]
        for call in alive:
            _stop(call.life)
            _stop(call.detecting)
        await asyncio.gather(*[call.life for call in alive if call.life], return_exceptions=True)

    async def _live(self, call: Call) -> None:
        await asyncio.sleep(call.queue_seconds)
        self._leave_queue(call)
        call.started = time.time()
        self._outbox.announce(call, "initiated")
        await self._clock.sleep(DIAL_SECONDS)
        fate, order = call.fate, call.order
        if fate.kind in NEVER_RINGS:
            await self._clock.sleep(fate.ring)
            self._end(call, NEVER_RINGS[fate.kind])
            return
        self._become(call, Status.RINGING)
        self._outbox.announce(call, "ringing")
        ring = float("inf") if fate.kind is Kind.NO_ANSWER else fate.ring
        await self._clock.sleep(min(ring, order.timeout))
        if ring >= order.timeout:
            self._end(call, Status.NO_ANSWER)
        elif fate.kind in NEVER_ANSWERS:
            self._end(call, NEVER_ANSWERS[fate.kind])
        else:
            await self._answer(call)

    async def _answer(self, call: Call) -> None:
        call.answered = time.time()
        self._become(call, Status.IN_PROGRESS)
        self._outbox.announce(call, "answered")
        if call.order.detection and call.order.async_amd:
            call.detecting = _begin(self._detect(call))
        order = call.order
        first = Page(url=order.url, method=order.method) if order.url else Page(twiml=order.twiml)
        await self._converse(call, first)

    async def _converse(self, call: Call, page: Page) -> None:
        talk = Conversation(call=call, postman=self._postman, faults=self._faults, clock=self._clock)
        with suppress(HungUp):
            if call.order.detects_at_once and not call.answered_by:
                call.answered_by = _answered_by(call)
                await talk.wait(_detection_seconds(call))
            await talk.hold(page)
        self._end(call, Status.COMPLETED)

    async def _detect(self, call: Call) -> None:
        await self._clock.sleep(_detection_seconds(call))
        self._detected(call)

    def _detected(self, call: Call) -> None:
        call.detecting = None
        call.answered_by = _answered_by(call)
        self._outbox.announce_detection(call, milliseconds=round(_detection_seconds(call) * 1000))

    def _end(self, call: Call, status: Status) -> None:
        if call.detecting:
            _stop(call.detecting)
            self._detected(call)
        call.ended = time.time()
        self.active -= 1
        self._become(call, status)
        self._outbox.announce(call, "completed")
        self._outbox.close_call(call)

    def _become(self, call: Call, status: Status) -> None:
        call.status = status
        call.updated = time.time()
        self._record(call)

    def _record(self, call: Call) -> None:
        over = (
            {}
            if call.alive
            else {
                "answered_by": call.answered_by,
                "duration": call.seconds,
                "detection": ("async" if call.order.async_amd else "sync") if call.order.detection else None,
            }
        )
        self._ledger.write(
            "call",
            sid=call.sid,
            to=call.order.to,
            contact_id=call.owner.contact_id,
            attempt_id=call.owner.attempt_id,
            fate=call.fate.kind,
            status=str(call.status),
            **over,
        )

    def _leave_queue(self, call: Call) -> None:
        """A call leaves the queue once: when it is dialed, or canceled before."""
        if call.started is None:
            self._gate.waiting -= 1


def _begin(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    task = asyncio.create_task(work)
    task.add_done_callback(_speak_up)
    return task


def _speak_up(task: asyncio.Task[None]) -> None:
    """A mistake in the simulator itself is printed by the loop, not kept in the task."""
    if not task.cancelled():
        task.result()


def _stop(task: asyncio.Task[None] | None) -> None:
    if task and task is not asyncio.current_task():
        task.cancel()


def _detection_seconds(call: Call) -> float:
    to_the_end = call.order.detection == "DetectMessageEnd" and call.fate.kind is Kind.MACHINE
    return DETECTION_SECONDS + GREETING_SECONDS if to_the_end else DETECTION_SECONDS


def _answered_by(call: Call) -> str:
    if call.fate.kind is Kind.MACHINE:
        return "machine_end_beep" if call.order.detection == "DetectMessageEnd" else "machine_start"
    return "fax" if call.fate.kind is Kind.FAX else "human"
