"""The carrier as one process: its parts put together, its port opened, refused for a while, and closed."""

import asyncio
import socket
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from local.carrier.api import Api
from local.carrier.calls import CallBook
from local.carrier.clock import Clock
from local.carrier.faults import Faults
from local.carrier.gate import Gate, RateLimit
from local.carrier.ledger import Ledger
from local.carrier.line import Line
from local.carrier.outbox import Outbox
from local.carrier.panel import Handler, Panel
from local.carrier.postman import Postman
from local.carrier.switchboard import Switchboard

HOST = "127.0.0.1"
GRACE_SECONDS = 0.5
CLOSING_SECONDS = 0.02


@dataclass(frozen=True, kw_only=True, slots=True)
class Setup:
    """`time_scale` shortens ringing, talking and the events' lag; everything else is in real seconds. 0: no limit."""

    state: Path
    account_sid: str
    token: str
    port: int = 0
    time_scale: float = 1.0
    cps: float = 0.0
    queue_limit: int = 0
    rate_limit: int = 0
    list_lag: float = 0.0
    events_lag: float = 900.0
    seed: int = 0


class Server:
    def __init__(self, setup: Setup) -> None:
        self.port = setup.port
        self._busy: set[object] = set()
        self._ledger = Ledger(setup.state)
        self._ledger.write("opened", seed=setup.seed, time_scale=setup.time_scale, cps=setup.cps)
        self._compose(setup)

    def _compose(self, setup: Setup) -> None:
        faults, ledger, calls = Faults(seed=setup.seed), self._ledger, CallBook()
        gate = Gate(cps=setup.cps, queue_limit=setup.queue_limit)
        self._postman = Postman(token=setup.token, ledger=ledger)
        self._outbox = Outbox(postman=self._postman, faults=faults, ledger=ledger)
        clock = Clock(scale=setup.time_scale)
        self._line = Line(
            clock=clock,
            gate=gate,
            calls=calls,
            ledger=ledger,
            outbox=self._outbox,
            postman=self._postman,
            faults=faults,
        )
        switchboard = Switchboard(
            account_sid=setup.account_sid, seed=setup.seed, gate=gate, line=self._line, ledger=ledger
        )
        self._api = Api(
            account_sid=setup.account_sid,
            token=setup.token,
            switchboard=switchboard,
            line=self._line,
            calls=calls,
            outbox=self._outbox,
            faults=faults,
            ledger=ledger,
            rate=RateLimit(per_second=setup.rate_limit),
            list_lag=setup.list_lag,
            events_lag=setup.events_lag * setup.time_scale,
        )
        self._panel = Panel(
            api=self._api,
            switchboard=switchboard,
            calls=calls,
            line=self._line,
            gate=gate,
            clock=clock,
            faults=faults,
            outbox=self._outbox,
            postman=self._postman,
            ledger=ledger,
            refuse=self.refuse,
        )

    async def open(self) -> None:
        app = web.Application(middlewares=[self._mark_busy])
        app.add_routes([*self._api.routes(), *self._panel.routes()])
        self._runner = web.AppRunner(
            app, access_log=None, handle_signals=False, shutdown_timeout=GRACE_SECONDS, keepalive_timeout=75
        )
        await self._runner.setup()
        await self._listen(_bound(self.port))

    async def refuse(self, seconds: float) -> None:
        """The port is closed from now on, and every connection once it is idle; it opens again by itself."""
        await self._site.stop()
        kept = _bound(self.port)
        for connection in self._runner.server.connections if self._runner.server else ():
            if connection in self._busy:
                connection.close()
            else:
                connection.force_close()
        await asyncio.sleep(CLOSING_SECONDS)  # the loop closes them in its next rounds
        self._reopening = asyncio.create_task(self._reopen(kept, seconds))

    @web.middleware
    async def _mark_busy(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self._busy.add(request.protocol)
        try:
            return await handler(request)
        finally:
            self._busy.discard(request.protocol)

    async def close(self) -> None:
        await self._line.close()
        await self._outbox.close()
        await self._runner.cleanup()
        await self._postman.close()
        self._ledger.close()

    async def _reopen(self, kept: socket.socket, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._listen(kept)

    async def _listen(self, bound: socket.socket) -> None:
        self.port = bound.getsockname()[1]
        self._site = web.SockSite(self._runner, bound, backlog=1024)
        await self._site.start()


def _bound(port: int) -> socket.socket:
    """A socket that holds the port without listening: connecting is refused, and nobody else can take it."""
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((HOST, port))
    return bound
