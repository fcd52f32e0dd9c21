"""Processes that each hold one contender of a comparison and run it when told; what they run is written elsewhere.

A process of its own keeps a contender's threads, allocator and imports away from the others. All of them wait but one,
so turns can be interleaved: whatever else the machine does meets each contender.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import ROOT

TURN = 0.02  # seconds that a contender runs before the next one's turn
ROUNDS = 24  # of which the fastest counts
SETTLED = 8  # calls after which nothing is compiled any more
WORKER = """
import os, sys
root, checkout, processors, *contender = sys.argv[1:]
if processors and hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, map(int, processors.split(",")))
sys.path.insert(0, root)
from benchmarks import workers
sys.path[0] = checkout
workers.work(checkout, *contender)
"""


def work(checkout: str, traced: str, build: str, *arguments: str) -> None:
    """In a process of its own: build a contender, then do what each line of the standard input says, and answer."""
    module, _, name = build.partition(":")
    if traced:
        tracemalloc.start()
    call = getattr(importlib.import_module(module), name)(*arguments)
    ours = sys.modules.get("nn")
    assert ours is None or Path(str(ours.__file__)).is_relative_to(Path(checkout).resolve()), ours.__file__
    held = held_by_numpy()
    for line in sys.stdin:
        what, count, *rest = line.split()
        if what == "time":
            answer = seconds(call, int(count))
        elif what == "first":
            start = time.perf_counter()
            for _ in range(int(count)):
                call()
            answer = time.perf_counter() - start
        elif what == "peak":
            answer = most_held(call, int(count), held)
        else:
            np.savez(*rest, *(array for _ in range(int(count)) for array in arrays(call())))
            answer = 0
        print(answer, flush=True)


def seconds(call: Callable[[], Any], count: int) -> float:
    """The time of a call, over so many after one that brings its data back into the cache."""
    call()
    start = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - start) / count


def held_by_numpy() -> int:
    """Bytes of the arrays that live now, of those made while tracemalloc ran."""
    if not tracemalloc.is_tracing():
        return 0
    gc.collect()
    only = tracemalloc.DomainFilter(inclusive=True, domain=np.lib.tracemalloc_domain)
    return sum(trace.size for trace in tracemalloc.take_snapshot().filter_traces([only]).traces)


def most_held(call: Callable[[], Any], count: int, before: int) -> int:
    """Bytes at the peak of a call, after so many others, beyond the arrays that were held before the first.

    What lives between calls counts: gradients, or the blocks of a compiled program; its Python objects do not.
    """
    for _ in range(count):
        call()
    lives = held_by_numpy()
    tracemalloc.reset_peak()
    at_start, _ = tracemalloc.get_traced_memory()
    call()
    return lives - before + tracemalloc.get_traced_memory()[1] - at_start


def arrays(result: Any) -> Iterator[np.ndarray[Any, Any]]:
    """What a call of any of the libraries returned, as a flat sequence of NumPy's arrays."""
    if isinstance(result, (list, tuple)):
        for part in result:
            yield from arrays(part)
    elif isinstance(result, dict):
        yield from arrays(list(result.values()))
    elif hasattr(result, "detach"):
        values = result.detach()
        yield np.array(values.to_device("cpu").data if hasattr(values, "to_device") else values.numpy())
    else:
        yield np.array(result)


class ContenderError(Exception):
    """A contender could not be built or run; what its process wrote last is the message."""


class Worker:
    """A contender's process.

    Parameters
    ----------
    build : str
        The function that makes the contender, as `"module:name"`; it returns what is called.
    arguments : str
        For that function.
    checkout : Path
        Where the library is imported from.
    threads : int
        That JAX and PyTorch may take.
    processors : sequence of int
        On which the process may run; all, if empty.
    traced : bool
        Whether memory is followed, which takes time.
    """

    def __init__(
        self,
        build: str,
        *arguments: str,
        checkout: Path = ROOT,
        threads: int = 1,
        processors: Sequence[int] = (),
        traced: bool = False,
    ) -> None:
        self.complaints = tempfile.TemporaryFile("w+")  # noqa: SIM115 (lives as long as the process)
        where = [str(ROOT), str(checkout), ",".join(map(str, processors))]
        self.process: Any = subprocess.Popen(
            [sys.executable, "-P", "-c", WORKER, *where, "traced" if traced else "", build, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.complaints,
            text=True,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "BENCHMARK_THREADS": str(threads)},
        )

    def ask(self, what: str, count: int, *rest: str) -> float:
        """The process's answer to a line."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(" ".join([what, str(count), *rest]) + "\n")
            self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            self.complaints.seek(0)
            raise ContenderError((self.complaints.read().strip().splitlines() or ["its process ended"])[-1])
        return float(answer)

    def seconds(self, count: int) -> float:
        """The time of a call, over so many."""
        return self.ask("time", count)

    def first(self, count: int) -> float:
        """The time of so many calls together, with nothing before them."""
        return self.ask("first", count)

    def peak(self) -> float:
        """Bytes that a call holds at most beyond the model; the worker must be `traced`."""
        return self.ask("peak", SETTLED)

    def results(self, count: int) -> list[np.ndarray[Any, Any]]:
        """What so many calls return, one after the other, as a flat list of arrays."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "results.npz"
            self.ask("results", count, str(path))
            with np.load(path) as found:
                return [found[name] for name in found.files]

    def close(self) -> None:
        """End the process."""
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()
        self.complaints.close()


def take_turns(
    workers: dict[str, Worker], rounds: int = ROUNDS, turn: float = TURN, at_least: float = 0.0
) -> dict[str, list[float]]:
    """The times of a call of each worker, round by round; every other round goes backwards.

    There are as many rounds as asked for, and more until `at_least` so many seconds are over.
    """
    counts = {key: max(1, round(turn / worker.seconds(3))) for key, worker in workers.items()}
    taken: dict[str, list[float]] = {key: [] for key in workers}
    end, order = time.perf_counter() + at_least, list(workers)
    while len(next(iter(taken.values()))) < rounds or time.perf_counter() < end:
        order.reverse()
        for key in order:
            taken[key].append(workers[key].seconds(counts[key]))
    return taken
