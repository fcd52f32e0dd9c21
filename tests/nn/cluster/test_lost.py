"""Workers that are killed, frozen or new, a scheduler that dies, Ctrl-C: nothing that was learned is lost."""

import gc
import os
import random
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import nn
from benchmarks.cluster import Kills
from tests.nn.cluster.trainings import PARTS, bits, network, trained

pytest.importorskip("distributed")
pytestmark = pytest.mark.extra

EPOCHS = 6
STEPS = EPOCHS * 6


@pytest.fixture(scope="module")
def alone():
    return bits(*trained(nn.Cluster(None, parts=PARTS), epochs=EPOCHS))


class At:
    """A callback that does something after so many steps."""

    def __init__(self, step, act):
        self.step, self.act = step, act

    def on_step(self, run):
        if run.step == self.step:
            self.act()


def test_ten_kills_with_all_at_once_among_them_change_no_bit(client, processes, alone):
    for _ in range(2):
        processes.start_worker()
    client.wait_for_workers(4, timeout=120)
    kills = Kills(processes, client, {2: 1, 5: 1, 9: "all", 14: 1, 20: "all", 26: 1, 30: 1}, random.Random(0))
    found = bits(*trained(nn.Cluster(client, parts=PARTS), epochs=EPOCHS, callbacks=[kills]))
    assert sum(kills.killed) >= 10
    assert max(kills.killed) >= 2
    assert found == alone


def test_workers_killed_at_any_moment_of_a_step_change_no_bit(client, processes, alone):
    kills = Kills(processes, client, {3: 1, 17: 1}, random.Random(1), longest=0.02)
    assert bits(*trained(nn.Cluster(client, parts=PARTS), epochs=EPOCHS, callbacks=[kills])) == alone
    assert kills.killed


class Reads:
    """A shard that leaves a note of who reads it."""

    def __init__(self, folder, seed):
        self.folder, self.seed = str(folder), seed

    def __call__(self):
        with Path(self.folder, str(os.getpid())).open("a") as note:
            note.write(f"{self.seed}\n")
        x = np.random.default_rng(self.seed).standard_normal((20, 8))
        return x, (x[:, 0] > 0).astype(int)


def readers(folder):
    return {int(path.name) for path in folder.iterdir()}


def test_a_new_worker_is_used(client, processes, tmp_path):
    new, begun = [], []

    class Wait:
        def on_step(self, run):
            if run.step == 3:
                new.append(processes.start_worker().pid)
                begun.append(time.monotonic())
            if new and (new[0] in readers(tmp_path) or time.monotonic() - begun[0] > 60):
                run.stop("seen")

    data = nn.Shards([Reads(tmp_path, seed) for seed in range(6)], [20] * 6)
    trained(nn.Cluster(client, parts=PARTS, keep=1), data=data, epochs=10**6, callbacks=[Wait()])
    assert new[0] in readers(tmp_path)


def test_a_frozen_workers_parts_go_to_others(client, processes, alone):
    frozen = processes.living[0]
    try:
        freeze = At(5, lambda: processes.freeze(frozen))
        cluster = nn.Cluster(client, parts=PARTS, patience=8)
        found = bits(*trained(cluster, epochs=EPOCHS, callbacks=[freeze]))
    finally:
        frozen.kill()
        frozen.wait()
    assert found == alone


def test_the_schedulers_death_is_named_and_the_training_goes_on_elsewhere(client, tmp_path, alone):
    from distributed import Client

    from examples.processes import Processes

    path, killed = tmp_path / "run.safetensors", []
    with Processes(workers=1) as doomed, Client(doomed.address, set_as_default=False) as other:
        other.wait_for_workers(1, timeout=120)

        def kill():
            doomed.scheduler.kill()
            killed.append(time.monotonic())

        options = {"epochs": EPOCHS, "checkpoint": path, "checkpoint_every": 1}
        with pytest.raises(ConnectionError, match="scheduler"):
            trained(nn.Cluster(other, parts=PARTS), callbacks=[At(8, kill)], **options)
        assert time.monotonic() - killed[0] < 20  # 5 s on a machine that does nothing else
    # with a callback as before, as a checkpoint asks for
    assert bits(*trained(nn.Cluster(client, parts=PARTS), **options, resume=True)) == alone


def state_of_worker(dask_worker):
    gc.collect()
    modules = [thing for thing in gc.get_objects() if isinstance(thing, nn.Module)]
    return dask_worker.state.executing_count, len(dask_worker.state.tasks), len(modules)


def test_ctrl_c_leaves_the_workers_idle_and_clean(client):
    model = network()
    interrupt = At(4, lambda: threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGINT)).start())
    with pytest.raises(KeyboardInterrupt):
        trained(nn.Cluster(client, parts=PARTS), model, epochs=10**6, callbacks=[interrupt])
    end = time.monotonic() + 30
    while any(map(any, client.run(state_of_worker).values())) and time.monotonic() < end:
        time.sleep(0.1)
    assert set(client.run(state_of_worker).values()) == {(0, 0, 0)}
    assert not np.array_equal(model[0].weights.data, network()[0].weights.data)
