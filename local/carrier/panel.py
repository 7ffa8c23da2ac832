"""The control API, `/_carrier/…`, on the same port and open to loopback: what shall happen, and what did.

PUT  /_carrier/fates    a book of fates (see `fates`); answers {"ok": true}
PUT  /_carrier/faults   {"requests": [rule, …], "callbacks": [rule, …]} (see `faults`); replaces all rules
PUT  /_carrier/routes   {"on.aws": "127.0.0.1:4566"}: requests to hosts ending so go there over plain HTTP; what is
                        signed and the Host header stay as the URL says
PUT  /_carrier/clock    {"time_scale": 0.2}: from here on a carrier's second lasts so many real ones
PUT  /_carrier/pace     {"calls_per_second": 0.5}: from here on more wait as queued; 0: no limit. With "told": false
                        replies do not say how long they wait
POST /_carrier/refuse   {"seconds": 3}: the port refuses connections that long
GET  /_carrier/state    {"requests": {"create": 3, …}, "accepted": 2, "active": 1, "queued": 0,
                         "callbacks": {"made": 7, "pending": 1}, "strikes": {"accepted_then_cut": 1, …}, "ledger": 41}
GET  /_carrier/calls    {"calls": [{"sid", "to", "from", "contact_id", "attempt_id", "status", "answered_by", "fate",
                         "created", "started", "ended", "heard"}, …]}, oldest first, times in epoch seconds or null
GET  /_carrier/ledger?after=N   {"records": [record, …]} (see `ledger`), those numbered above N
POST /_carrier/verdict  {"rows": […], "policy": {…}} (see `case`); answers the verdict (see `judge`)
What is malformed is answered with 400 {"error": "one sentence"}.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from local.carrier.api import Api
from local.carrier.calls import Call, CallBook
from local.carrier.case import read_case
from local.carrier.clock import Clock
from local.carrier.fates import read_book
from local.carrier.faults import Faults, read_faults
from local.carrier.gate import Gate
from local.carrier.judge import judge
from local.carrier.ledger import Ledger, read
from local.carrier.line import Line
from local.carrier.outbox import Outbox
from local.carrier.postman import Postman
from local.carrier.reading import MalformedError, mapping, number, only, text
from local.carrier.switchboard import Switchboard

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
DONE = {"ok": True}


class Panel:
    def __init__(
        self,
        *,
        api: Api,
        switchboard: Switchboard,
        calls: CallBook,
        line: Line,
        gate: Gate,
        clock: Clock,
        faults: Faults,
        outbox: Outbox,
        postman: Postman,
        ledger: Ledger,
        refuse: Callable[[float], Awaitable[None]],
    ) -> None:
        self._api = api
        self._switchboard = switchboard
        self._calls = calls
        self._line = line
        self._gate = gate
        self._clock = clock
        self._faults = faults
        self._outbox = outbox
        self._postman = postman
        self._ledger = ledger
        self._refuse = refuse

    def routes(self) -> list[web.RouteDef]:
        return [
            web.put("/_carrier/fates", _spoken(self._set_fates)),
            web.put("/_carrier/faults", _spoken(self._set_faults)),
            web.put("/_carrier/routes", _spoken(self._set_routes)),
            web.put("/_carrier/clock", _spoken(self._set_clock)),
            web.put("/_carrier/pace", _spoken(self._set_pace)),
            web.post("/_carrier/refuse", _spoken(self._refuse_connections)),
            web.post("/_carrier/verdict", _spoken(self._verdict)),
            web.get("/_carrier/state", self._state),
            web.get("/_carrier/calls", self._list_calls),
            web.get("/_carrier/ledger", self._read_ledger),
        ]

    async def _set_fates(self, value: object) -> object:
        self._switchboard.open_book(read_book(value, seed=self._switchboard.seed))
        return DONE

    async def _set_faults(self, value: object) -> object:
        self._faults.replace(*read_faults(value))
        return DONE

    async def _set_routes(self, value: object) -> object:
        routes = mapping(value, "routes")
        self._postman.routes = {suffix: text(target, f"routes[{suffix!r}]") for suffix, target in routes.items()}
        return DONE

    async def _set_clock(self, value: object) -> object:
        asked = mapping(value, "clock")
        only(asked, "clock", ("time_scale",))
        self._clock.scale = number(asked.get("time_scale"), "clock.time_scale")
        return DONE

    async def _set_pace(self, value: object) -> object:
        asked = mapping(value, "pace")
        only(asked, "pace", ("calls_per_second", "told"))
        told = asked.get("told", True) is not False
        self._gate.set_pace(number(asked.get("calls_per_second"), "pace.calls_per_second"), told=told)
        return DONE

    async def _refuse_connections(self, value: object) -> object:
        asked = mapping(value, "refuse")
        only(asked, "refuse", ("seconds",))
        await self._refuse(number(asked.get("seconds"), "refuse.seconds"))
        return DONE

    async def _verdict(self, value: object) -> object:
        case = read_case(value)
        return await asyncio.to_thread(lambda: judge(read(self._ledger.path), case))

    async def _state(self, _request: web.Request) -> web.Response:
        return web.json_response(
            {
                "requests": dict(self._api.requests),
                "accepted": self._switchboard.accepted.total(),
                "active": self._line.active,
                "queued": self._gate.waiting,
                "callbacks": {"made": self._postman.made, "pending": self._outbox.pending},
                "strikes": dict(self._faults.strikes),
                "ledger": self._ledger.written,
            }
        )

    async def _list_calls(self, _request: web.Request) -> web.Response:
        return web.json_response({"calls": [_summary(call) for call in self._calls]})

    async def _read_ledger(self, request: web.Request) -> web.Response:
        after = request.query.get("after", "0")
        if not after.isdecimal():
            return _malformed("after must be a whole number of at least 0.")
        records = await asyncio.to_thread(lambda: list(read(self._ledger.path, after=int(after))))
        return web.json_response({"records": records})


def _spoken(act: Callable[[object], Awaitable[object]]) -> Handler:
    """A handler that reads JSON and answers JSON; what is malformed is answered with 400."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return web.json_response(await act(await request.json()))
        except json.JSONDecodeError:
            return _malformed("The body must be JSON.")
        except MalformedError as malformed:
            return _malformed(str(malformed))

    return handle


def _malformed(sentence: str) -> web.Response:
    return web.json_response({"error": sentence}, status=400)


def _summary(call: Call) -> dict[str, Any]:
    return {
        "sid": call.sid,
        "to": call.order.to,
        "from": call.order.from_,
        "contact_id": call.owner.contact_id,
        "attempt_id": call.owner.attempt_id,
        "status": str(call.status),
        "answered_by": call.answered_by,
        "fate": str(call.fate.kind),
        "created": call.created,
        "started": call.started,
        "ended": call.ended,
        "heard": call.heard,
    }
