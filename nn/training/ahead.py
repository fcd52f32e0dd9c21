"""Batches made ahead by a thread, and sent ahead to a device. What a batch is made of is not known here."""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from typing import Any, TypeAlias

from nn.training.sources import Batch

Send: TypeAlias = Callable[[Batch], Callable[[], Batch]]

PATIENCE = 5.0  # seconds that a batch in the making may take when the loop around it has ended


def ahead(made: Generator[Batch], depth: int) -> Generator[Batch]:
    """The same batches, made by a thread that stays `depth` ahead and ends with the loop that takes them."""
    ready: queue.Queue[tuple[Batch | None, BaseException | None]] = queue.Queue(depth)
    left = threading.Event()
    worker = threading.Thread(target=make_ahead, args=(made, ready, left), name="nn.DataLoader", daemon=True)
    worker.start()
    try:
        while True:
            batch, error = ready.get()
            if error is not None:
                raise error
            if batch is None:
                return
            yield batch
    finally:
        error = None  # or its traceback would hold this frame, and this frame the error
        left.set()
        if not sys.is_finalizing():  # then the thread stands still, and would not answer
            with contextlib.suppress(queue.Empty):
                while True:  # room for the batch that the thread holds
                    ready.get_nowait()
            worker.join(PATIENCE)


def sent_ahead(batches: Iterator[Batch], send: Send) -> Generator[Batch]:
    """The batches as they arrive: each is sent before the one in front of it is given out.

    Of a batch that cannot be made it is told when its turn has come.
    """
    arrive = None
    try:
        for batch in batches:
            following = send(batch)
            if arrive is not None:
                yield arrive()
            arrive = following
    except Exception:
        if arrive is not None:
            yield arrive()
        raise
    if arrive is not None:
        yield arrive()


def make_ahead(made: Generator[Batch], ready: queue.Queue[Any], left: threading.Event) -> None:
    """The thread: batches, then None, or the exception that came up."""
    try:
        with contextlib.closing(made):
            for batch in made:
                ready.put((batch, None))
                if left.is_set():
                    return
        ready.put((None, None))
    except BaseException as error:  # noqa: BLE001 (it is raised again where the batches are used)
        ready.put((None, error))
