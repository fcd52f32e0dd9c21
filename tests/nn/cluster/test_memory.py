"""A worker holds few shards at a time, so that what is larger than all memory together trains."""

import itertools
import os
import weakref
from pathlib import Path

import numpy as np
import pytest

import nn
from examples.processes import Processes
from tests.nn.cluster.trainings import PARTS

pytest.importorskip("distributed")
pytestmark = pytest.mark.extra

LIMIT = 400  # MB of a worker
ROWS, COLUMNS = 500, 16_000  # 32 MB as float32
COUNT = 16
LIVING: set[int] = set()
NUMBERS = itertools.count()


class Large:
    """A shard that leaves a note of how many there are in its process."""

    def __init__(self, folder, rows, columns, number):
        self.folder, self.rows, self.columns, self.number = str(folder), rows, columns, number

    def __call__(self):
        from tests.nn.cluster import test_memory as mine

        x = np.full((self.rows, self.columns), self.number / 100, np.float32)
        key = next(mine.NUMBERS)
        mine.LIVING.add(key)
        weakref.finalize(x, mine.LIVING.discard, key)
        with Path(self.folder, str(os.getpid())).open("a") as note:
            note.write(f"{len(mine.LIVING)}\n")
        return x, np.arange(self.rows) % 2


def fit(client, folder, *, keep, rows, columns, count):
    data = nn.Shards([Large(folder, rows, columns, number) for number in range(count)], [rows] * count)
    model = nn.Linear(columns, 2, rng=0).astype(np.float32)
    cluster = nn.Cluster(client, parts=PARTS, keep=keep)
    nn.fit(model, nn.cross_entropy, data, cluster=cluster, epochs=1, batch_size=rows * count // 10, progress=False)
    return [[int(line) for line in path.read_text().split()] for path in Path(folder).iterdir()]


@pytest.mark.parametrize("keep", [1, 2])
def test_a_worker_keeps_at_most_so_many_shards(client, tmp_path, keep):
    held = fit(client, tmp_path, keep=keep, rows=20, columns=8, count=12)
    assert held
    assert max(itertools.chain(*held)) <= keep


def peak(dask_worker):
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="/proc")
def test_shards_larger_together_than_the_workers_memory_train(tmp_path):
    from distributed import Client

    with (
        Processes(workers=1, memory=f"{LIMIT}MB") as processes,
        Client(processes.address, set_as_default=False) as client,
    ):
        client.wait_for_workers(1, timeout=120)
        fit(client, tmp_path, keep=1, rows=ROWS, columns=COLUMNS, count=COUNT)
        peaks = client.run(peak).values()
    assert COUNT * ROWS * COLUMNS * 4 / 1e6 > LIMIT
    assert max(peaks) < LIMIT
