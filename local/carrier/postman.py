"""Requests to the customer: signed, with Twilio's timeouts and its connection overrides (`#rc=2&rp=all`)."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from urllib.parse import parse_qs, urldefrag, urlencode, urlsplit
from uuid import uuid4

import aiohttp
from yarl import URL

from local.carrier.calls import Call, Exchange
from local.carrier.ledger import Ledger
from local.carrier.signature import sign

CONNECT_SECONDS, READ_SECONDS, TOTAL_SECONDS = 5.0, 15.0, 15.0
AT_ONCE = 100
LOOPBACK = ("127.0.0.1", "localhost", "::1")
LONGEST_BODY = 64 * 1024
KEPT_BODY = 2048


@dataclass(frozen=True, kw_only=True, slots=True)
class Letter:
    """One request to make; `event` says what about, `fault` what is being done to it on purpose."""

    event: str
    url: str
    method: str
    params: Mapping[str, str]
    fault: str | None = None

    @property
    def forged(self) -> bool:
        return self.fault == "forged"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """`status` is None where no answer came; `trouble` then says why: ct (no connection) or rt (no reply in time)."""

    status: int | None
    trouble: str = ""
    content_type: str = ""
    body: str = ""

    @property
    def good(self) -> bool:
        return self.status is not None and self.status < 300

    @property
    def policy(self) -> str:
        """The name under which Twilio's retry policy lists this outcome."""
        return self.trouble or f"{(self.status or 0) // 100}xx"


@dataclass(frozen=True, kw_only=True, slots=True)
class Overrides:
    """How often to try again, and after which outcomes."""

    retries: int = 1
    policies: tuple[str, ...] = ("ct",)

    def again(self, reply: Reply, tries: int) -> bool:
        listed = reply.policy in self.policies or ("all" in self.policies and not reply.good)
        return listed and tries <= self.retries


def read_overrides(url: str) -> tuple[str, Overrides]:
    """The URL as it goes on the wire and is signed, and what its fragment asks for."""
    bare, fragment = urldefrag(url)
    asked = {name: values[0] for name, values in parse_qs(fragment).items()}
    retries = int(asked["rc"]) if asked.get("rc", "").isdecimal() else 1
    return bare, Overrides(retries=min(retries, 5), policies=tuple(asked.get("rp", "ct").split(",")))


class Postman:
    """`routes`: host suffix → "127.0.0.1:port" where requests to such hosts are really sent, over plain HTTP."""

    def __init__(self, *, token: str, ledger: Ledger) -> None:
        self.made = 0
        self.routes: dict[str, str] = {}
        self.ledger = ledger
        self._token = token
        self._turnstile = asyncio.Semaphore(AT_ONCE)
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session:
            await self._session.close()

    def is_near(self, url: str) -> bool:
        """Whether a request to it stays on this machine."""
        return urlsplit(url).hostname in LOOPBACK or self._routed(url)[0] != url

    def websocket(self, url: str) -> AbstractAsyncContextManager[aiohttp.ClientWebSocketResponse]:
        """A connection to the customer's websocket. Raises ValueError for one that is not on this machine."""
        address, host = self._routed(url)
        if not self.is_near(url):
            raise ValueError(f"{url} is not on this machine")
        near = address.replace("http://", "ws://", 1) if address != url else url
        timeout = aiohttp.ClientWSTimeout(ws_close=CONNECT_SECONDS)
        return self._wire().ws_connect(URL(near, encoded=True), headers=host, timeout=timeout)

    async def send(self, call: Call, letter: Letter) -> Reply:
        """Deliver, trying again as the URL's fragment asks; every request made is in the ledger."""
        url, overrides = read_overrides(letter.url)
        headers = {"I-Twilio-Idempotency-Token": str(uuid4())}
        until = time.monotonic() + TOTAL_SECONDS
        tries = 1
        while True:
            reply = await self._request(call, letter, url, headers, tries)
            if not overrides.again(reply, tries) or time.monotonic() > until:
                return reply
            tries += 1

    async def _request(self, call: Call, letter: Letter, url: str, headers: dict[str, str], tries: int) -> Reply:
        async with self._turnstile:
            began, clock = time.time(), time.monotonic()
            reply = await self._exchange(letter, url, headers)
            seconds = time.monotonic() - clock
        self.made += 1
        self.ledger.write(
            "callback",
            sid=call.sid,
            event=letter.event,
            url=url,
            status=reply.status,
            error=reply.trouble or None,
            fault=letter.fault,
            tries=tries,
        )
        if not letter.forged:
            call.exchanges.append(
                Exchange(
                    at=began,
                    method=letter.method,
                    url=url,
                    params=dict(letter.params),
                    status=reply.status,
                    seconds=seconds,
                    content_type=reply.content_type,
                    body=reply.body[:KEPT_BODY],
                )
            )
        return reply

    async def _exchange(self, letter: Letter, url: str, headers: Mapping[str, str]) -> Reply:
        if letter.method == "GET":
            url, posted = f"{url}{'&' if '?' in url else '?'}{urlencode(letter.params)}", {}
        else:
            posted = dict(letter.params)
        token = "somebody else's" if letter.forged else self._token
        address, host = self._routed(url)
        signed = {**headers, **host, "X-Twilio-Signature": sign(token, url, posted)}
        try:
            return await self._over_the_wire(letter.method, address, posted, signed)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            return Reply(status=None, trouble="ct")
        except (aiohttp.ClientError, TimeoutError, OSError):
            return Reply(status=None, trouble="rt")

    async def _over_the_wire(
        self, method: str, address: str, posted: Mapping[str, str], headers: Mapping[str, str]
    ) -> Reply:
        data = urlencode(posted) if method == "POST" else None
        form = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"} if method == "POST" else {}
        wire = URL(address, encoded=True)
        async with self._wire().request(
            method, wire, data=data, headers={**form, **headers}, allow_redirects=False
        ) as got:
            body = (await got.content.read(LONGEST_BODY)).decode("utf-8", "replace")
            return Reply(status=got.status, content_type=got.headers.get("Content-Type", ""), body=body)

    def _routed(self, url: str) -> tuple[str, dict[str, str]]:
        parts = urlsplit(url)
        for suffix, target in self.routes.items():
            if (parts.hostname or "").endswith(suffix):
                return parts._replace(scheme="http", netloc=target).geturl(), {"Host": parts.netloc}
        return url, {}

    def _wire(self) -> aiohttp.ClientSession:
        if not self._session:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(
                    total=TOTAL_SECONDS, sock_connect=CONNECT_SECONDS, sock_read=READ_SECONDS
                ),
                connector=aiohttp.TCPConnector(limit=0),
                headers={"User-Agent": "TwilioProxy/1.1", "Accept": "*/*"},
                skip_auto_headers=("Accept-Encoding",),
            )
        return self._session
