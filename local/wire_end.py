"""Inside a container: this machine's loopback ports, each carried over a Unix socket that lies beside the function.

Runs before the function's runtime, on that runtime's own interpreter: only the standard library.
"""

import asyncio
import sys
from functools import partial
from pathlib import Path


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Bytes one way, until there are no more."""
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def main(sockets: list[Path]) -> None:
    for socket in sockets:
        await asyncio.start_server(partial(lead_to, socket), "127.0.0.1", int(socket.name))
    print("ready", flush=True)
    await asyncio.Event().wait()


async def lead_to(socket: Path, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    there, back = await asyncio.open_unix_connection(socket)
    await asyncio.gather(carry(reader, back), carry(there, writer))


if __name__ == "__main__":
    asyncio.run(main(sorted(Path(sys.argv[1]).iterdir())))
