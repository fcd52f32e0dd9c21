"""A scheduler and workers of Dask as real processes; each module starts its own, and ends it."""

import time

import pytest


@pytest.fixture(scope="module")
def processes():
    pytest.importorskip("distributed")
    from examples.processes import Processes

    with Processes(workers=2) as started:
        yield started


@pytest.fixture
def client(processes):
    """A client, with two workers that live and answer."""
    from distributed import Client

    for worker in processes.living[2:]:
        worker.kill()
        worker.wait()
    for _ in range(2 - len(processes.living)):
        processes.start_worker()
    with Client(processes.address, set_as_default=False) as client:
        names = {f"worker-{processes.workers.index(worker)}" for worker in processes.living}
        end = time.monotonic() + 120
        while {w["name"] for w in client.scheduler_info()["workers"].values()} != names:
            assert time.monotonic() < end, "the workers are not there"
            time.sleep(0.05)
        yield client
