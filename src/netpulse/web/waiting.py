"""Waiting that ends when the client leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from netpulse.web.exchange import Receive

T = TypeVar("T")


class Gone(Exception):
    """The client has left; nobody is there to answer."""


async def unless_gone(receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    """What `work` returns; raises Gone, and the work is cancelled, when the client leaves before."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnected(receive))
    gone.add_done_callback(lambda _: task.cancel())
    try:
        return await task
    except asyncio.CancelledError:
        # Cancelled from above is another thing than cancelled by the client's leaving.
        if gone.done() and not gone.cancelled() and not _being_cancelled():
            raise Gone from None
        raise
    finally:
        gone.cancel()
        task.cancel()


def _being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
