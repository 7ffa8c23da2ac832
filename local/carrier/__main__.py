"""`python -m local.carrier`: prints one JSON line with its URL when ready, runs until SIGTERM or SIGINT."""

import argparse
import asyncio
import json
import os
import signal
from pathlib import Path

from local.carrier.server import HOST, Server, Setup


def main() -> None:
    asyncio.run(serve(read_arguments()))


def read_arguments() -> Setup:
    parser = argparse.ArgumentParser(prog="python -m local.carrier", description="A simulator of Twilio's voice API.")
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--state", type=Path, required=True, help="folder of the ledger")
    parser.add_argument("--account-sid", required=True)
    parser.add_argument("--auth-token", dest="token", required=True)
    parser.add_argument("--time-scale", type=float, default=1.0, help="real seconds per carrier second")
    parser.add_argument("--cps", type=float, default=0.0, help="calls a second; more wait as queued; 0: no limit")
    parser.add_argument("--queue-limit", type=int, default=0, help="most calls waiting; 0: no limit")
    parser.add_argument("--rate-limit", type=int, default=0, help="API requests a second before 429; 0: no limit")
    parser.add_argument("--list-lag", type=float, default=0.0, help="real seconds before a new call is listed")
    parser.add_argument(
        "--events-lag", type=float, default=900.0, help="carrier seconds after its end before a call's events are"
    )
    parser.add_argument("--seed", type=int, default=0)
    return Setup(**vars(parser.parse_args()))


async def serve(setup: Setup) -> None:
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    server = Server(setup)
    await server.open()
    print(json.dumps({"url": f"http://{HOST}:{server.port}", "pid": os.getpid()}), flush=True)
    await stop.wait()
    await server.close()


if __name__ == "__main__":
    main()
