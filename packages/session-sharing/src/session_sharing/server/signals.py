"""Let coroutines wait for events of other threads, and for the draining of the server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from types import TracebackType
from typing import Any, TypeVar

_Item = TypeVar("_Item")


class Signal:
    """Wakes a coroutine for events. An event before `wait` is not lost: `wait` returns at once."""

    def __init__(
        self,
        listen: Callable[[Callable[[Any], None]], Callable[[], None]],
        draining: asyncio.Event,
    ) -> None:
        self._listen = listen
        self._draining = draining
        self._loop = asyncio.get_running_loop()
        self._happened = asyncio.Event()

    def __enter__(self) -> Signal:
        self._stop = self._listen(self._wake)
        self._drain = asyncio.ensure_future(self._draining.wait())
        self._drain.add_done_callback(lambda _: self._happened.set())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop()
        self._drain.cancel()

    def _wake(self, _: object) -> None:
        self._loop.call_soon_threadsafe(self._happened.set)

    async def wait(self) -> bool:
        """Wait for the next event; return False when the server drains."""
        await self._happened.wait()
        self._happened.clear()
        return not self._draining.is_set()


async def until(event: asyncio.Event, stream: AsyncIterator[_Item]) -> AsyncGenerator[_Item, None]:
    """Yield the items of a stream until it ends or the event is set; then the stream has ended."""
    happened = asyncio.ensure_future(event.wait())
    waiting: set[asyncio.Future[Any]] = {happened}
    try:
        while True:
            item = asyncio.ensure_future(anext(stream, None))
            waiting.add(item)
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if not item.done() or (found := item.result()) is None:
                return
            waiting.remove(item)
            yield found
    finally:
        for future in waiting:
            future.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
