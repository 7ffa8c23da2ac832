"""Twilio's voice API: create, list, fetch, update and delete calls, and list a call's requests."""

import asyncio
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from hmac import compare_digest
from urllib.parse import parse_qs, urlsplit

from aiohttp import web

from local.carrier.calls import Call, CallBook, Status
from local.carrier.conversation import Page
from local.carrier.fates import Kind
from local.carrier.faults import PROCESSED, READS, UNPROCESSED, Faults, Rule
from local.carrier.gate import RateLimit
from local.carrier.ledger import Ledger
from local.carrier.line import Line
from local.carrier.listing import page, page_of_calls, read_paging
from local.carrier.orders import Form, claimed_by, read_order
from local.carrier.outbox import Outbox
from local.carrier.refusals import (
    INVALID_PARAMETER,
    INVALID_URL,
    NOT_FOUND,
    NOT_IN_PROGRESS,
    SERVER_ERROR,
    TOO_MANY,
    UNAUTHORIZED,
    UNAVAILABLE,
    Refusal,
)
from local.carrier.resource import VERSION, event, resource
from local.carrier.spoiling import Whole, refused, spoil
from local.carrier.switchboard import Switchboard

ACCOUNT = f"/{VERSION}/Accounts/{{account}}"
BEFORE = (*UNPROCESSED, "500", "503")
AFTER = (*PROCESSED, *(kind for kind in READS if kind not in BEFORE))
CODES = {
    "500_before": SERVER_ERROR,
    "500": SERVER_ERROR,
    "503_before": UNAVAILABLE,
    "503": UNAVAILABLE,
    "429": TOO_MANY,
}
LONGEST_EARLY = 30.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """One request: what it wants (`op`), its fields, and the number it is about."""

    op: str
    request: web.Request
    form: Form
    to: str

    def one(self, name: str) -> str:
        return (self.form.get(name) or ("",))[0]

    @property
    def query(self) -> dict[str, str]:
        return {name: values[0] for name, values in self.form.items()}


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """The reply, and the call it created, if it did."""

    whole: Whole
    call: Call | None = None


Act = Callable[[Asked], Done]


class Api:
    """Every request leaves one record in the ledger, written when it is decided and before it is answered."""

    def __init__(
        self,
        *,
        account_sid: str,
        token: str,
        switchboard: Switchboard,
        line: Line,
        calls: CallBook,
        outbox: Outbox,
        faults: Faults,
        ledger: Ledger,
        rate: RateLimit,
        list_lag: float,
        events_lag: float,
    ) -> None:
        self.requests: Counter[str] = Counter()
        self._account_sid = account_sid
        self._key = b"Basic " + b64encode(f"{account_sid}:{token}".encode())
        self._switchboard = switchboard
        self._line = line
        self._calls = calls
        self._outbox = outbox
        self._faults = faults
        self._ledger = ledger
        self._rate = rate
        self._list_lag = list_lag
        self._events_lag = events_lag

    def routes(self) -> list[web.RouteDef]:
        calls, call = f"{ACCOUNT}/Calls.json", f"{ACCOUNT}/Calls/{{sid}}.json"
        return [
            web.post(calls, self._handler("create", self._create)),
            web.get(calls, self._handler("list", self._list)),
            web.get(call, self._handler("fetch", self._fetch)),
            web.post(call, self._handler("update", self._update)),
            web.delete(call, self._handler("delete", self._delete)),
            web.get(f"{ACCOUNT}/Calls/{{sid}}/Events.json", self._handler("events", self._events)),
        ]

    def _handler(self, op: str, act: Act) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            asked = await self._read(op, request)
            self.requests[op] += 1
            if rule := self._faults.on_request(op, asked.to, BEFORE):
                self._record(asked, fault=rule.kind, code=CODES.get(rule.kind))
                return await spoil(request, rule, Whole())
            return await self._answer(asked, act)

        return handle

    async def _read(self, op: str, request: web.Request) -> Asked:
        raw = await request.text() if request.method == "POST" else request.query_string
        form = parse_qs(raw, keep_blank_values=True)
        call = self._calls.get(request.match_info.get("sid", ""))
        to = call.order.to if call else (form.get("To") or ("",))[0]
        return Asked(op=op, request=request, form=form, to=to)

    async def _answer(self, asked: Asked, act: Act) -> web.StreamResponse:
        try:
            self._admit(asked.request)
            done = act(asked)
        except Refusal as refusal:
            fate = Kind.REFUSE if refusal.fated else None
            self._record(asked, fate=fate, code=refusal.code, status=refusal.status)
            return refused(refusal).response()
        rule = self._faults.on_request(asked.op, asked.to, AFTER)
        fate = done.call.fate.kind if done.call else None
        self._record(asked, call=done.call, fate=fate, fault=rule.kind if rule else None)
        if done.call:
            await self._let_callbacks_lead(done.call)
        return await self._spoiled(asked, rule, done.whole) if rule else done.whole.response()

    def _admit(self, request: web.Request) -> None:
        self._rate.admit()
        if not compare_digest(request.headers.get("Authorization", "").encode(), self._key):
            raise Refusal(UNAUTHORIZED)
        if request.match_info["account"] != self._account_sid:
            raise _not_found(request)

    async def _let_callbacks_lead(self, call: Call) -> None:
        """Where a fault wants a callback to come early, the reply waits for it."""
        if delivered := self._outbox.expect_early(call):
            with suppress(TimeoutError):
                await asyncio.wait_for(delivered.wait(), LONGEST_EARLY)

    async def _spoiled(self, asked: Asked, rule: Rule, whole: Whole) -> web.StreamResponse:
        if asked.op == "list" and rule.kind == "empty":
            return Whole(
                body=page(asked.request.path, asked.query, read_paging(asked.query), "calls", [], None)
            ).response()
        if asked.op == "list" and rule.kind == "incomplete":
            return self._list(asked, half=True).whole.response()
        return await spoil(asked.request, rule, whole)

    def _create(self, asked: Asked) -> Done:
        call = self._switchboard.connect(read_order(asked.form))
        return Done(whole=Whole(status=201, body=resource(call)), call=call)

    def _list(self, asked: Asked, *, half: bool = False) -> Done:
        body = page_of_calls(self._calls, asked.request.path, asked.query, lag=self._list_lag, half=half)
        return Done(whole=Whole(body=body))

    def _fetch(self, asked: Asked) -> Done:
        return Done(whole=Whole(body=resource(self._call(asked))))

    def _update(self, asked: Asked) -> Done:
        call = self._call(asked)
        status, url, twiml = asked.one("Status"), asked.one("Url"), asked.one("Twiml")
        if status not in ("", Status.CANCELED, Status.COMPLETED):
            raise Refusal(INVALID_PARAMETER, f"Status must be canceled or completed, not {status}.")
        if url and urlsplit(url).scheme not in ("http", "https"):
            raise Refusal(INVALID_URL, f"Url is not a valid URL: {url}")
        if status == Status.COMPLETED or (status == Status.CANCELED and not call.answered):
            self._line.hang_up(call)
        elif url or twiml:
            if call.status is not Status.IN_PROGRESS:
                raise Refusal(NOT_IN_PROGRESS, "Call is not in-progress. Cannot redirect.")
            self._line.redirect(
                call, Page(url=url, method=asked.one("Method").upper() or "POST", twiml=twiml if not url else "")
            )
        return Done(whole=Whole(body=resource(call)))

    def _delete(self, asked: Asked) -> Done:
        call = self._call(asked)
        if call.alive:
            raise Refusal(NOT_IN_PROGRESS, "Call is still in progress. Cannot delete.")
        self._calls.remove(call)
        return Done(whole=Whole(status=204))

    def _events(self, asked: Asked) -> Done:
        call = self._call(asked)
        paging = read_paging(asked.query)
        readable = call.ended is not None and call.ended + self._events_lag <= time.time()
        records = [event(exchange) for exchange in call.exchanges] if readable else []
        first = paging.page * paging.size
        shown = records[first : first + paging.size]
        last = call.sid if len(records) > first + paging.size else None
        return Done(whole=Whole(body=page(asked.request.path, asked.query, paging, "events", shown, last)))

    def _call(self, asked: Asked) -> Call:
        call = self._calls.get(asked.request.match_info["sid"])
        if call is None:
            raise _not_found(asked.request)
        return call

    def _record(
        self,
        asked: Asked,
        *,
        call: Call | None = None,
        fate: Kind | None = None,
        fault: str | None = None,
        code: int | None = None,
        status: int | None = None,
    ) -> None:
        owner = claimed_by(asked.form)
        self._ledger.write(
            "request",
            op=asked.op,
            to=asked.to,
            **{"from": asked.one("From")},
            url=asked.one("Url") or asked.one("StatusCallback"),
            ip=asked.request.remote,
            about=asked.request.match_info.get("sid"),
            contact_id=owner.contact_id,
            attempt_id=owner.attempt_id,
            torn=owner.torn,
            fault=fault,
            sid=call.sid if call else None,
            fate=fate,
            code=code,
            status=status,
        )


def _not_found(request: web.Request) -> Refusal:
    return Refusal(NOT_FOUND, f"The requested resource {request.path} was not found")
