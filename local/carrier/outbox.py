"""Status callbacks of each call, in their order, unless a fault says otherwise."""

import asyncio
from collections import defaultdict
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any

from local.carrier.calls import Call
from local.carrier.faults import Faults, Rule
from local.carrier.ledger import Ledger
from local.carrier.params import detection, progress
from local.carrier.postman import Letter, Postman

TO_THE_CALL = ("lost", "duplicate", "delay", "reorder", "forged")


class Outbox:
    """Within a call each callback waits for the answer to the one before; calls do not wait for each other."""

    def __init__(self, *, postman: Postman, faults: Faults, ledger: Ledger) -> None:
        self.pending = 0
        self._postman = postman
        self._faults = faults
        self._ledger = ledger
        self._last: dict[str, asyncio.Task[None]] = {}
        self._held: defaultdict[str, list[Letter]] = defaultdict(list)
        self._early: dict[str, tuple[str, asyncio.Event]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def expect_early(self, call: Call) -> asyncio.Event | None:
        """Set once the callback that must come before the reply to create was delivered, or the call is over."""
        for event in call.order.events:
            if self._faults.on_callback(event, call.order.to, ("early",)):
                self._early[call.sid] = (event, asyncio.Event())
                return self._early[call.sid][1]
        return None

    def announce(self, call: Call, event: str) -> None:
        """Tell the customer, if it asked to be told."""
        order = call.order
        if order.status_callback and event in order.events:
            params = progress(call, event)
            letter = Letter(event=event, url=order.status_callback, method=order.status_callback_method, params=params)
            self._accept(call, letter)

    def announce_detection(self, call: Call, *, milliseconds: int) -> None:
        order = call.order
        if order.amd_callback:
            params = detection(call, milliseconds)
            letter = Letter(event="amd", url=order.amd_callback, method=order.amd_callback_method, params=params)
            self._accept(call, letter)

    def close_call(self, call: Call) -> None:
        """Nothing more will be announced: what was held back leaves now."""
        self._queue(call, self._held.pop(call.sid, []), last=True)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, call: Call, letter: Letter) -> None:
        rule = self._faults.on_callback(letter.event, call.order.to, TO_THE_CALL)
        if rule and rule.kind == "reorder":
            self._held[call.sid].append(replace(letter, fault=rule.kind))
        elif rule and rule.kind == "lost":
            self._lose(call, letter)
        elif rule and rule.kind == "delay":
            self._start(self._send_late(call, replace(letter, fault=rule.kind), rule.seconds))
        else:
            self._queue(call, [*_copies(letter, rule, call), *self._held.pop(call.sid, [])])

    def _lose(self, call: Call, letter: Letter) -> None:
        self._ledger.write(
            "callback", sid=call.sid, event=letter.event, url=letter.url, status=None, error=None, fault="lost", tries=0
        )

    def _queue(self, call: Call, letters: Sequence[Letter], *, last: bool = False) -> None:
        if not (letters or last):
            return
        before = self._last.get(call.sid)
        self._last[call.sid] = self._start(self._send_after(before, call, letters, last=last))

    async def _send_after(
        self, before: asyncio.Task[None] | None, call: Call, letters: Sequence[Letter], *, last: bool
    ) -> None:
        if before:
            await asyncio.wait([before])
        for letter in letters:
            await self._postman.send(call, letter)
            self._delivered(call, letter.event)
        if last:
            self._delivered(call, "")
            self._last.pop(call.sid, None)

    async def _send_late(self, call: Call, letter: Letter, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._postman.send(call, letter)

    def _delivered(self, call: Call, event: str) -> None:
        """`event` is empty once the call is over."""
        awaited = self._early.get(call.sid)
        if awaited and event in ("", awaited[0]):
            awaited[1].set()
            del self._early[call.sid]

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        self.pending += 1
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        self.pending -= 1
        self._tasks.discard(task)


def _copies(letter: Letter, rule: Rule | None, call: Call) -> list[Letter]:
    if rule and rule.kind == "duplicate":
        return [letter, *[replace(letter, fault=rule.kind)] * (rule.copies - 1)]
    if rule and rule.kind == "forged":
        lie = {
            "CallStatus": "completed",
            "CallDuration": "1",
            "Duration": "1",
            "SequenceNumber": str(call.sequence + 9),
        }
        return [replace(letter, params={**letter.params, **lie}, fault=rule.kind), letter]
    return [letter]
