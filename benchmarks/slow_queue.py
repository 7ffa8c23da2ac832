"""A queue that is as far away as a real one: it takes every message, ten milliseconds after it was asked.

`python -m benchmarks.slow_queue SECONDS` prints its URL; GET /asked says how many requests it has had.
"""

import asyncio
import json
import sys
from typing import Any

_HEADER_END = b"\r\n\r\n"


class SlowQueue:
    """Just enough HTTP for one kind of client."""

    def __init__(self, delay: float) -> None:
        self.delay = delay
        self.asked = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await _head(reader):
                body = await reader.readexactly(_length(head))
                writer.write(_reply(await self._answer(head, body)))
                await writer.drain()
        finally:
            writer.close()

    async def _answer(self, head: str, body: bytes) -> dict[str, Any]:
        if head.startswith("GET /asked"):
            return {"asked": self.asked}
        self.asked += 1
        await asyncio.sleep(self.delay)
        entries = json.loads(body).get("Entries")
        if entries is None:
            return {"MessageId": "1", "MD5OfMessageBody": "0" * 32}
        taken = [{"Id": one["Id"], "MessageId": one["Id"], "MD5OfMessageBody": "0" * 32} for one in entries]
        return {"Successful": taken, "Failed": []}


async def _head(reader: asyncio.StreamReader) -> str:
    try:
        return (await reader.readuntil(_HEADER_END)).decode()
    except (asyncio.IncompleteReadError, ConnectionError):
        return ""


def _length(head: str) -> int:
    named = (line.partition(":") for line in head.lower().splitlines())
    return next((int(value) for name, _, value in named if name == "content-length"), 0)


def _reply(answer: dict[str, Any]) -> bytes:
    body = json.dumps(answer).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def main(delay: float) -> None:
    server = await asyncio.start_server(SlowQueue(delay).serve, "127.0.0.1", 0)
    print(json.dumps({"url": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"}), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1])))
