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
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
            for port in ports:
                asyncio.run_coroutine_threadsafe(_lead(folder / str(port), port), loop).result(5)
        yield
    finally:
        asyncio.run_coroutine_threadsafe(_end_all(), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _lead(socket: Path, port: int) -> None:
    async def carry_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(carry(reader, back), carry(there, writer))

    await asyncio.start_unix_server(carry_on, socket)


async def _end_all() -> None:
    """Connections that are still open end with the containers; none may outlive the world."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
