"""A media stream: the carrier's side of the websocket that a call's sound goes over, both ways."""

import asyncio
import json
from base64 import b64encode
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from uuid import uuid4

import aiohttp

from local.carrier.calls import Call
from local.carrier.postman import Postman
from local.carrier.twiml import Verb

SILENCE = b64encode(b"\xff" * 160).decode()  # 20 ms of it, as telephones write it
FORMAT = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
CLOSING_SECONDS = 2.0

Wait = Callable[[float], Awaitable[None]]


@dataclass(kw_only=True)
class MediaStream:
    """Opened, told how it starts, fed with sound and pressed keys, and told of its end."""

    call: Call
    postman: Postman
    verb: Verb
    sid: str = field(default_factory=lambda: f"MZ{uuid4().hex}")
    sent: Counter[str] = field(default_factory=Counter)
    received: Counter[str] = field(default_factory=Counter)

    async def last(self, wait: Wait) -> None:
        """Until the other end closes; what `wait` raises is told to the other end first. One record in the ledger."""
        error = None
        try:
            async with self.postman.websocket(self.verb.attributes.get("url", "")) as socket:
                await self._talk(socket, wait)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as refused:
            error = type(refused).__name__
        finally:
            self._record(error)

    async def _talk(self, socket: aiohttp.ClientWebSocketResponse, wait: Wait) -> None:
        listening = asyncio.create_task(self._listen(socket))
        try:
            await self._begin(socket)
            while not listening.done():
                await self._tell(socket, "media", media={"track": "inbound", "chunk": "1", "payload": SILENCE})
                await wait(1)
        finally:
            if not socket.closed:
                await self._tell(socket, "stop", stop={"accountSid": self.call.account_sid, "callSid": self.call.sid})
                await socket.close()
            listening.cancel()
            await asyncio.wait([listening], timeout=CLOSING_SECONDS)

    async def _begin(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        await self._tell(socket, "connected", protocol="Call", version="1.0.0")
        start = {
            "accountSid": self.call.account_sid,
            "callSid": self.call.sid,
            "streamSid": self.sid,
            "tracks": ["inbound"],
            "mediaFormat": FORMAT,
            "customParameters": self._parameters(),
        }
        await self._tell(socket, "start", start=start)
        if key := self.call.listener.presses():
            await self._tell(socket, "dtmf", dtmf={"track": "inbound_track", "digit": key})

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Counts what comes; a mark is given back, as one that has been played."""
        async for message in socket:
            said = json.loads(message.data)
            self.received[said["event"]] += 1
            if said["event"] == "mark":
                await self._tell(socket, "mark", mark=said["mark"])

    async def _tell(self, socket: aiohttp.ClientWebSocketResponse, event: str, **more: object) -> None:
        if socket.closed:
            return
        self.sent[event] += 1
        numbered = {} if event == "connected" else {"sequenceNumber": str(self.sent.total()), "streamSid": self.sid}
        await socket.send_str(json.dumps({"event": event, **numbered, **more}))

    def _parameters(self) -> dict[str, str]:
        return {
            one.attributes.get("name", ""): one.attributes.get("value", "")
            for one in self.verb.children
            if one.name == "Parameter"
        }

    def _record(self, error: str | None) -> None:
        self.postman.ledger.write(
            "stream",
            sid=self.call.sid,
            url=self.verb.attributes.get("url", ""),
            parameters=self._parameters(),
            sent=dict(self.sent),
            received=dict(self.received),
            error=error,
        )
