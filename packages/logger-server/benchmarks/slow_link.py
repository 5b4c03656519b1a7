"""A TCP proxy that delays everything: `slow_link.py PORT SECONDS`. It prints its own port."""

from __future__ import annotations

import asyncio
import sys

upstream, delay = int(sys.argv[1]), float(sys.argv[2])


async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    loop = asyncio.get_running_loop()
    while data := await source.read(1 << 16):
        loop.call_later(delay, sink.write, data)
    loop.call_later(delay, sink.close)


async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    back_reader, back_writer = await asyncio.open_connection("127.0.0.1", upstream)
    await asyncio.gather(pump(reader, back_writer), pump(back_reader, writer))


async def main() -> None:
    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
