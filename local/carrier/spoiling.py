"""Replies as they go wrong on the wire, by the name of the fault."""

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from local.carrier.faults import Rule
from local.carrier.refusals import SERVER_ERROR, TOO_MANY, UNAVAILABLE, Refusal

LONGEST_HANG = 600.0
HTML = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


@dataclass(frozen=True, kw_only=True, slots=True)
class Whole:
    """The reply as it should be; `body` is None for no content."""

    status: int = 200
    body: Mapping[str, Any] | None = None

    def bytes(self) -> bytes:
        return b"" if self.body is None else json.dumps(self.body).encode()

    def response(self) -> web.Response:
        return web.Response(status=self.status, body=self.bytes(), content_type="application/json")


def refused(refusal: Refusal) -> Whole:
    return Whole(status=refusal.status, body=refusal.body())


async def spoil(request: web.Request, rule: Rule, whole: Whole) -> web.StreamResponse:
    return await SPOILERS[rule.kind.removeprefix("accepted_").removesuffix("_before")](request, rule, whole)


async def _cut(request: web.Request, _rule: Rule, _whole: Whole) -> web.StreamResponse:
    """The connection ends before any byte of the reply."""
    if request.transport:
        request.transport.abort()
    return web.Response()


async def _reset(request: web.Request, _rule: Rule, _whole: Whole) -> web.StreamResponse:
    transport = request.transport
    if transport:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response()


async def _slow(_request: web.Request, rule: Rule, whole: Whole) -> web.StreamResponse:
    await asyncio.sleep(rule.seconds)
    return whole.response()


async def _hang(request: web.Request, _rule: Rule, _whole: Whole) -> web.StreamResponse:
    """No reply, ever; it ends when the client goes away."""
    for _ in range(int(LONGEST_HANG / 0.2)):
        if request.transport is None or request.transport.is_closing():
            break
        await asyncio.sleep(0.2)
    return web.Response()


async def _empty(_request: web.Request, _rule: Rule, whole: Whole) -> web.StreamResponse:
    return web.Response(status=whole.status, body=b"", content_type="application/json")


async def _truncated(request: web.Request, _rule: Rule, whole: Whole) -> web.StreamResponse:
    """Announces the whole length, sends half, and closes."""
    body = whole.bytes()
    response = web.StreamResponse(status=whole.status, headers={"Content-Type": "application/json"})
    response.content_length = len(body)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport:
        request.transport.close()
    return response


async def _html_502(_request: web.Request, _rule: Rule, _whole: Whole) -> web.StreamResponse:
    return web.Response(status=502, text=HTML, content_type="text/html")


def _error(code: int) -> Callable[[web.Request, Rule, Whole], Awaitable[web.StreamResponse]]:
    async def answer(_request: web.Request, _rule: Rule, _whole: Whole) -> web.StreamResponse:
        return refused(Refusal(code)).response()

    return answer


SPOILERS: Mapping[str, Callable[[web.Request, Rule, Whole], Awaitable[web.StreamResponse]]] = {
    "then_cut": _cut,
    "cut": _cut,
    "reset": _reset,
    "slow": _slow,
    "hang": _hang,
    "empty": _empty,
    "truncated": _truncated,
    "html_502": _html_502,
    "500": _error(SERVER_ERROR),
    "503": _error(UNAVAILABLE),
    "429": _error(TOO_MANY),
}
