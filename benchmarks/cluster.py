"""What a step of a training costs on a cluster of this machine, and whether killed workers change its bits.

`python -m benchmarks.cluster`: milliseconds a step beside the slowest worker's own, on two workers.
`python -m benchmarks.cluster --kills`: trainings whose workers are killed by SIGKILL at random moments, one or all of
them at once, until there were 200; each ends at the bits of one that nobody disturbs.
"""

from __future__ import annotations

import argparse
import math
import random
import threading
import time
from typing import Any, NamedTuple

import numpy as np

import nn
from benchmarks.common import print_table
from examples.processes import Processes

WORKERS = 2
PARTS = 8
DIFFERENT = (
    "Training {number}, whose workers were killed {kills} times, ended at other bits than one that was left alone."
)


# Kills


class Kills:
    """A callback that kills workers which are there, and starts others.

    Parameters
    ----------
    processes : Processes
    client : distributed.Client
    plan : dict
        After how many steps how many are killed, one after the other or all at once: `{step: 1, other_step: "all"}`.
    rng : random.Random
        The moments, and the workers.
    longest : float
        Up to so many seconds after the step; 0 kills at once.
    """

    def __init__(
        self, processes: Processes, client: Any, plan: dict[int, Any], rng: random.Random, longest: float = 0.0
    ) -> None:
        self.processes, self.client, self.plan, self.rng, self.longest = processes, client, plan, rng, longest
        self.killed: list[int] = []  # how many at once, each time
        self.timers: list[threading.Timer] = []

    def on_step(self, run: nn.Training) -> None:
        count = self.plan.get(run.step)
        if count is not None:
            delay = self.rng.uniform(0, self.longest)
            if not delay:
                self.kill(count)
                return
            self.timers.append(threading.Timer(delay, self.kill, (count,)))
            self.timers[-1].start()

    def on_end(self, _run: nn.Training) -> None:
        for timer in self.timers:
            timer.join()

    def kill(self, count: int | str) -> None:
        """Kill so many of those that the scheduler knows, or "all", and start as many."""
        known = {worker["name"] for worker in self.client.scheduler_info()["workers"].values()}
        there = [w for i, w in enumerate(self.processes.workers) if w.poll() is None and f"worker-{i}" in known]
        chosen = there if count == "all" else self.rng.sample(there, min(int(count), len(there)))
        for worker in chosen:
            worker.kill()
        for worker in chosen:
            worker.wait()
            self.processes.start_worker()
        if chosen:
            self.killed.append(len(chosen))


def train(cluster: nn.Cluster, epochs: int, *callbacks: Any) -> dict[str, Any]:
    """The weights, statistics and history of a training with all that has a state."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((768, 32), np.float32)
    y = (x[:, :10] ** 2).argmax(axis=1)
    model = nn.Sequential(
        nn.Linear(32, 128, rng=1), nn.BatchNorm(128), nn.ReLU(), nn.Dropout(0.2), nn.Linear(128, 128, rng=2),
        nn.PReLU(), nn.Dropout(0.2), nn.Linear(128, 10, rng=3),
    )  # fmt: skip
    history = nn.fit(
        model,
        nn.cross_entropy,
        nn.Shards.arrays(x[128:], y[128:], shards=16),
        cluster=cluster,
        optimizer=nn.AdamW(model.parameters(), lambda step: 1e-2 / (1 + 0.01 * step)),
        batch_size=64,
        epochs=epochs,
        validation=(x[:128], y[:128]),
        metrics=[nn.accuracy],
        callbacks=callbacks,
        clip_norm=1.0,
        progress=False,
    )
    return {**model.state_dict(), **{f"history.{name}": values for name, values in history.items()}}


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two trainings ended at the same bits."""
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


class Outcome(NamedTuple):
    """A training whose workers were killed."""

    workers: int
    kills: int
    at_once: int  # how often all of several were killed at once
    seconds: float
    same: bool


def killed(workers: int, epochs: int, most: int, expected: dict[str, Any], rng: random.Random) -> Outcome:
    """A training on new processes, disturbed after every other step, until so many were killed."""
    from distributed import Client

    steps = epochs * 10
    with Processes(workers=workers) as processes, Client(processes.address, set_as_default=False) as client:
        client.wait_for_workers(workers)
        moments = sorted(rng.sample(range(1, steps - 1), min(most, steps // 2)))
        plan = {step: "all" if rng.random() < 0.15 else 1 for step in moments}
        callback = Kills(processes, client, plan, rng, longest=0.05)
        start = time.perf_counter()
        found = train(nn.Cluster(client, parts=PARTS), epochs, callback)
        seconds = time.perf_counter() - start
        at_once = sum(count > 1 for count in callback.killed)
        return Outcome(workers, sum(callback.killed), at_once, seconds, same(found, expected))


def kill(count: int, epochs: int, seed: int) -> None:
    rng = random.Random(seed)
    expected = train(nn.Cluster(None, parts=PARTS), epochs)
    outcomes: list[Outcome] = []
    while (left := count - sum(outcome.kills for outcome in outcomes)) > 0:
        outcomes.append(killed(2 + len(outcomes) % 2, epochs, left, expected, rng))
        print(f"training {len(outcomes)}: {outcomes[-1]}", flush=True)
    rows = [
        [str(i + 1), str(o.workers), str(o.kills), str(o.at_once), f"{o.seconds:.0f}", "yes" if o.same else "NO"]
        for i, o in enumerate(outcomes)
    ]
    kills, at_once = (sum(column) for column in zip(*((o.kills, o.at_once) for o in outcomes), strict=True))
    seconds, alike = sum(o.seconds for o in outcomes), sum(o.same for o in outcomes)
    rows.append(["all", "", str(kills), str(at_once), f"{seconds:.0f}", f"{alike} of {len(outcomes)}"])
    head = ["training", "workers", "SIGKILLs", "times all at once", "seconds", "same bits"]
    print_table(f"{epochs * 10} steps a training, workers killed at random moments", head, rows)
    for i, outcome in enumerate(outcomes):
        if not outcome.same:
            raise SystemExit(DIFFERENT.format(number=i + 1, kills=outcome.kills))


# What a step costs


NETWORKS = (2, 16, 16, 2), (784, 256, 256, 10), (784, 2048, 2048, 10)
BATCH = 256
LIMITS = {(NETWORKS[0], 1): 15.0, (NETWORKS[1], 1): 25.0, (NETWORKS[2], 1): 200.0, (NETWORKS[1], 8): 5.0}


class Watch:
    """A callback that notes what a step takes, and what of it is not the slowest worker's."""

    def __init__(self, cluster: nn.Cluster) -> None:
        self.cluster, self.last, self.step = cluster, 0.0, 0
        self.whole: list[float] = []
        self.beside: list[float] = []

    def on_start(self, _run: nn.Training) -> None:
        self.last = time.perf_counter()

    def on_step(self, run: nn.Training) -> None:
        now, steps = time.perf_counter(), run.step - self.step
        self.whole.append((now - self.last) / steps)
        self.beside.append((now - self.last - self.cluster.busy) / steps)
        self.last, self.step = time.perf_counter(), run.step


class Cost(NamedTuple):
    """Seconds a step, minima: all of it, and what is beside the slowest worker."""

    size: int
    whole: float
    beside: float


def cost(client: Any, widths: tuple[int, ...], sync_every: int, steps: int) -> Cost:
    """A training of one epoch; the first steps, which send the model and the data, are among those measured."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((BATCH, widths[0]), np.float32), rng.integers(0, widths[-1], BATCH)
    model = nn.MLP(widths, "tanh", rng=0).astype(np.float32)
    cluster = nn.Cluster(client, parts=PARTS, sync_every=sync_every)
    watch = Watch(cluster)
    shards = nn.Shards.arrays(x, y, shards=PARTS)
    optimizer = nn.SGD(model.parameters(), 0.01)
    options: dict[str, Any] = {"batch_size": BATCH // 8, "progress": False, "callbacks": [watch]}
    nn.fit(model, nn.cross_entropy, shards, cluster=cluster, optimizer=optimizer, epochs=steps // 8, **options)
    return Cost(sum(p.data.nbytes for p in model.parameters()), min(watch.whole), min(watch.beside))


class Constants(NamedTuple):
    """Milliseconds beside the slowest worker: a + b W + M (p + q W), with W workers and M megabytes of weights."""

    a: float
    b: float
    p: float
    q: float

    def beside(self, workers: float, megabytes: float) -> float:
        return self.a + self.b * workers + megabytes * (self.p + self.q * workers)

    def step(self, alone: float, workers: float, megabytes: float) -> float:
        """Of a step that takes so many milliseconds alone."""
        return alone / workers + self.beside(workers, megabytes)

    def best(self, alone: float, megabytes: float) -> int:
        """The number of workers with the shortest step."""
        root = math.sqrt(alone / max(self.b + self.q * megabytes, 1e-9))
        return min((max(1, math.floor(root)), math.ceil(root)), key=lambda w: self.step(alone, w, megabytes))

    def tree(self, alone: float, workers: int, megabytes: float, branches: int = 4) -> float:
        """Of a step whose weights and sums pass through the workers, each of which hands them to a few others."""
        levels = math.ceil(math.log(workers, branches))
        return alone / workers + self.a + megabytes * self.p + levels * branches * (self.b + self.q * megabytes)


def fitted(measured: list[tuple[int, float, float]]) -> Constants:
    """The constants from workers, megabytes and milliseconds, none of them negative, each measurement as exact."""
    from scipy.optimize import nnls

    rows = [np.array([1, w, m, m * w]) / ms for w, m, ms in measured]
    return Constants(*nnls(np.array(rows), np.ones(len(rows)))[0])


def costs(steps: int) -> None:
    from distributed import Client

    rows, measured = [], []
    with Processes(workers=1) as processes, Client(processes.address, direct_to_workers=True) as client:
        for workers in (1, WORKERS):
            if workers > 1:
                processes.start_worker()
            client.wait_for_workers(workers)
            for (widths, every), limit in LIMITS.items():
                found = cost(client, widths, every, max(16, steps // 5 if widths == NETWORKS[2] else steps))
                megabytes = found.size / 1e6
                if every == 1:
                    measured.append((workers, megabytes, found.beside * 1e3))
                times = f"{found.whole * 1e3:.1f}", f"{found.beside * 1e3:.1f}"
                told = f"{limit:.0f}" if workers == WORKERS else ""
                rows.append(["-".join(map(str, widths)), f"{megabytes:.2f}", str(every), str(workers), *times, told])
    head = ["network", "MB", "sync_every", "workers", "a step, ms", "beside the slowest worker, ms", "at most"]
    print_table(f"Workers on this machine, {PARTS} parts, minima of {steps} steps", head, rows)
    say(fitted(measured))


def say(found: Constants) -> None:
    """The constants, and what follows for other steps."""
    a, b, p, q = (f"{value:.2f}" for value in found)
    print(f"\nBeside the slowest worker: {a} + {b} W + M ({p} + {q} W) ms, with W workers and M megabytes of weights.")
    rows = []
    for megabytes in (0.1, 1.0, 23.0):
        for alone in (30.0, 100.0, 300.0, 1000.0, 10_000.0):
            best = found.best(alone, megabytes)
            gains = alone / found.step(alone, best, megabytes), alone / found.step(alone, 4, megabytes)
            flat, tree = found.step(alone, 100, megabytes), found.tree(alone, 100, megabytes)
            times = f"{alone / flat:.1f}", f"{alone / tree:.1f}"
            rows.append([f"{alone / 1e3:g}", f"{megabytes:g}", f"{gains[1]:.1f}", str(best), f"{gains[0]:.1f}", *times])
    head = ["a step alone, s", "MB", "4 workers: times as fast", "best W", "times as fast", "W = 100", "by a tree"]
    print_table("By the formula", head, rows)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, nargs="?", const=200, help="kill so many workers, and compare the bits")
    parser.add_argument("--epochs", type=int, default=10, help="of 10 steps each, with --kills")
    parser.add_argument("--seed", type=int, default=0, help="of the moments of the kills")
    parser.add_argument("--steps", type=int, default=200, help="to measure, without --kills")
    options = parser.parse_args(arguments)
    if options.kills:
        kill(options.kills, options.epochs, options.seed)
    else:
        costs(options.steps)


if __name__ == "__main__":
    main()
