"""Plain loopback doors to function URLs: a caller needs no special Host header, and every byte it sends passes.

AWS routes a function URL by host name, and so does MiniStack. Standard input takes one JSON line per wish,
`{"name", "port", "url_id"}`; standard output answers each with `{"name", "url"}`. A door may open before the function
exists (its address goes into the deployment) and answers 503 until it is told the function's URL id.

A burst of requests waits at the door for its turn: each that passed at once would start a process of its own, and on a
small machine they would keep one another from ever being ready.
"""

import asyncio
import json
import sys

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector, web
from multidict import CIMultiDict
from yarl import URL

AT_ONCE = 4
HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)


class Door:
    def __init__(self, gateway: str, session: ClientSession) -> None:
        self.gateway = gateway
        self.session = session
        self.host = ""
        self.url = ""
        self.turn = asyncio.Semaphore(AT_ONCE)

    async def open(self, port: int) -> None:
        runner = web.ServerRunner(web.Server(self.pass_on, access_log=None))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"

    async def pass_on(self, request: web.BaseRequest) -> web.StreamResponse:
        if not self.host:
            return web.Response(status=503, text="The function behind this door is not deployed yet.\n")
        headers = CIMultiDict((k, v) for k, v in request.headers.items() if k.lower() not in HOP_BY_HOP | {"host"})
        headers["Host"] = self.host
        target = URL(self.gateway + request.raw_path, encoded=True)
        body = await request.read()
        try:
            async with self.turn, self.session.request(
                request.method, target, headers=headers, data=body or None, allow_redirects=False,
                skip_auto_headers=("User-Agent", "Content-Type", "Accept", "Accept-Encoding"),
            ) as reply:  # fmt: skip
                answer = await reply.read()
        except ClientError as error:
            return web.Response(status=502, text=f"{error}\n")
        kept = CIMultiDict((k, v) for k, v in reply.headers.items() if k.lower() not in HOP_BY_HOP | {"content-length"})
        return web.Response(status=reply.status, headers=kept, body=answer)


async def main(gateway: str, region: str) -> None:
    doors: dict[str, Door] = {}
    connector, timeout = TCPConnector(limit=0), ClientTimeout(total=900)
    async with ClientSession(
        connector=connector, timeout=timeout, auto_decompress=False, cookie_jar=DummyCookieJar()
    ) as session:
        wishes = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(wishes), sys.stdin)
        while line := await wishes.readline():  # the end of standard input is the end of the owner
            wish = json.loads(line)
            door = doors.get(wish["name"])
            if door is None:
                door = doors[wish["name"]] = Door(gateway, session)
                await door.open(wish["port"])
            if wish["url_id"]:
                door.host = f"{wish['url_id']}.lambda-url.{region}.on.aws"
            print(json.dumps({"name": wish["name"], "url": door.url}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
