"""A scheduler and workers of Dask as real processes; each module starts its own, and ends it."""

import pytest


@pytest.fixture(scope="module")
def processes():
    pytest.importorskip("distributed")
    from examples.processes import Processes

    with Processes(workers=2) as started:
        yield started


@pytest.fixture
def client(processes):
    """A client, with at least two workers that live and answer."""
    from distributed import Client

    with Client(processes.address, set_as_default=False) as client:
        for _ in range(2 - len(processes.living)):
            processes.start_worker()
        client.wait_for_workers(2, timeout=120)
        yield client
