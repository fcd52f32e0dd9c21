"""Digits learned on a cluster whose workers are killed, to the bits of a training alone: `make cluster-demo`."""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
from distributed import Client
from processes import Processes
from sklearn.datasets import load_digits

import nn

TRAINED, EPOCHS, KILLED_AT = 1400, 12, 20
OTHER_BITS = "The training on the cluster ended at other bits than the one alone."


class Kill:
    """A callback that kills a worker after some steps, and starts another."""

    def __init__(self, processes: Processes) -> None:
        self.processes = processes

    def on_step(self, run: nn.Training) -> None:
        if run.step == KILLED_AT:
            worker, *others = self.processes.living
            worker.kill()
            print(f"  step {run.step}: worker {worker.pid} is killed, {len(others)} is left; another is started")
            self.processes.start_worker()


def train(cluster: Any, *callbacks: Any) -> tuple[nn.Module, nn.History]:
    """The same call each time, but for where it is computed."""
    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype(np.float32)
    shards = nn.Shards.arrays(x[:TRAINED], y[:TRAINED], shards=16)
    model = nn.Sequential(
        nn.Linear(64, 64, rng=0), nn.BatchNorm(64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 10, rng=1)
    )
    history = nn.fit(
        model,
        nn.cross_entropy,
        shards,
        cluster=cluster,
        epochs=EPOCHS,
        batch_size=128,
        optimizer=nn.Adam(model.parameters(), 5e-3),
        validation=(x[TRAINED:], y[TRAINED:]),
        metrics=[nn.accuracy],
        callbacks=callbacks,
        progress=False,
    )
    return model, history


def told(where: str, history: nn.History, seconds: float) -> None:
    print(f"{where}: {seconds:.1f} s, loss {history['loss'][-1]:.6f}, validation {history['val_accuracy'][-1]:.1%}")


def main() -> None:
    start = time.perf_counter()
    alone, history = train(nn.Cluster(None, parts=8))
    told("alone, in this process", history, time.perf_counter() - start)
    with Processes(workers=2) as processes, Client(processes.address) as client:
        client.wait_for_workers(2)
        print(f"on two workers, {' and '.join(str(worker.pid) for worker in processes.workers)}:")
        start = time.perf_counter()
        model, history = train(nn.Cluster(client, parts=8), Kill(processes))
        told("on the cluster", history, time.perf_counter() - start)
    ours, theirs = model.state_dict(), alone.state_dict()
    if not all(np.array_equal(ours[name], theirs[name]) for name in theirs):
        sys.exit(OTHER_BITS)
    print(f"The bits of all {model.count_parameters():,} weights are those of the training alone.")


if __name__ == "__main__":
    main()
