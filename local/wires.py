"""The host's end of the wires into containers: Unix sockets that lead to loopback ports.

`sam local` leaves a function on Docker's bridge, whatever network it is told (`--docker-network host` is read and not
used), and nothing of ours listens there. A Unix socket beside the function's code needs no network at all.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

from local.wire_end import carry


@contextmanager
def led(folders: Sequence[Path], ports: Sequence[int]) -> Iterator[None]:
    """In each folder a socket for each port, named after it."""
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    servers: list[asyncio.Server] = []
    try:
        servers += asyncio.run_coroutine_threadsafe(_lead_all(folders, ports), loop).result(5)
        yield
    finally:
        asyncio.run_coroutine_threadsafe(_end_all(servers), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _lead_all(folders: Sequence[Path], ports: Sequence[int]) -> list[asyncio.Server]:
    return [await _lead(folder / str(port), port) for folder in folders for port in ports]


async def _lead(socket: Path, port: int) -> asyncio.Server:
    async def carry_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(carry(reader, back), carry(there, writer))

    return await asyncio.start_unix_server(carry_on, socket)


async def _end_all(servers: Sequence[asyncio.Server]) -> None:
    """Nobody comes in any more; connections that are still open must not outlive the world."""
    for server in servers:
        server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
