"""Threads that compute their shares of some lines at the same time, each with a BLAS of one thread.

A program that is saved takes this file along, so nothing of the library may be imported here.
"""

from __future__ import annotations

import contextvars
import functools
import os
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any


def one_thread_each(step: Callable[..., Any]) -> Callable[..., Any]:
    """A step during which each thread that multiplies matrices does so alone."""
    from threadpoolctl import ThreadpoolController

    blas = ThreadpoolController().select(user_api="blas")

    @functools.wraps(step)
    def limited(*args: Any) -> Any:
        with blas.limit(limits=1):
            return step(*args)

    return limited


class Helpers:
    """The other threads of a process, for all programs by turns."""

    def __init__(self) -> None:
        self.turn = threading.Lock()
        self.inboxes: list[SimpleQueue[Any]] = []

    def started(self, count: int) -> list[SimpleQueue[Any]]:
        """Where so many of them are told what to do."""
        while len(self.inboxes) < count:
            inbox: SimpleQueue[Any] = SimpleQueue()
            threading.Thread(target=serve, args=(inbox,), daemon=True).start()
            self.inboxes.append(inbox)
        return self.inboxes[:count]


def serve(inbox: SimpleQueue[Any]) -> None:
    """Compute shares as they come, and answer how each ended."""
    while True:
        context, share, part, outbox = inbox.get()
        try:
            context.run(share, part)
        except BaseException as error:  # noqa: BLE001 (who waits for it raises it)
            outbox.put(error)
        else:
            outbox.put(None)
        del context, share, outbox


own_helpers = {os.getpid(): Helpers()}


def helpers_of(process: int) -> Helpers:
    """Those of a process; one that was forked has none of its parent's."""
    if process not in own_helpers:
        own_helpers.clear()
        own_helpers[process] = Helpers()
    return own_helpers[process]


def side_by_side(share: Callable[[int], None], count: int) -> None:
    """Compute share 0 here and the others in other threads, all in this context; return when all are done.

    If one raises, this does, when the others are done. While the threads are at another program's shares, all are
    computed here.
    """
    own = helpers_of(os.getpid())
    if not own.turn.acquire(blocking=False):
        for part in range(count):
            share(part)
        return
    try:
        outbox: SimpleQueue[Any] = SimpleQueue()
        for part, inbox in enumerate(own.started(count - 1), 1):
            inbox.put((contextvars.copy_context(), share, part, outbox))
        try:
            share(0)
        finally:
            ends = [outbox.get() for _ in range(count - 1)]
        for error in ends:
            if error is not None:
                raise error
    finally:
        own.turn.release()
