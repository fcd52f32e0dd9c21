"""The processes of the tests: a scheduler and workers that can be killed and frozen, and of which nothing is left."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from examples.processes import ROOT, THREADS, Processes

pytest.importorskip("distributed")
pytestmark = pytest.mark.extra

OWNER = """
from examples.processes import Processes
processes = Processes(workers=1)
print(processes.scheduler.pid, processes.workers[0].pid, flush=True)
input()
"""


def settings():
    import autograd_mini

    return autograd_mini.__file__, {os.environ[name] for name in THREADS}


def slow_pid(_number):
    time.sleep(0.2)
    return os.getpid()


def is_running(pid):
    psutil = pytest.importorskip("psutil")
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def gone(pids, seconds=60):
    """Whether all of them end in time."""
    end = time.monotonic() + seconds
    while any(map(is_running, pids)) and time.monotonic() < end:
        time.sleep(0.05)
    return not any(map(is_running, pids))


def test_workers_import_this_library_and_have_one_thread_each(client):
    found = client.run(settings)
    assert len(found) == 2
    assert all(file.startswith(str(ROOT)) and threads == {"1"} for file, threads in found.values())


def test_a_killed_workers_tasks_are_done_by_others(client, processes):
    futures = client.map(slow_pid, range(8), pure=False)
    killed = processes.living[0]
    killed.kill()
    assert killed.wait(timeout=60) == -signal.SIGKILL
    done_by = client.gather(futures)
    assert len(done_by) == 8
    assert killed.pid not in done_by


def test_a_new_worker_is_used(client, processes):
    new = processes.start_worker()
    client.wait_for_workers(len(processes.living), timeout=120)
    assert new.pid in client.run(os.getpid).values()


def test_a_frozen_worker_goes_on_when_it_is_thawed(client, processes):
    frozen = processes.living[0]
    processes.freeze(frozen)
    try:
        futures = client.map(slow_pid, range(6), pure=False)
        time.sleep(0.5)
        assert not all(future.done() for future in futures)
    finally:
        processes.thaw(frozen)
    assert frozen.pid in client.gather(futures)


def interrupted(started):
    with Processes(workers=1) as processes:
        started.append(processes)
        raise KeyboardInterrupt


def test_nothing_is_left_when_a_block_is_interrupted():
    started = []
    with pytest.raises(KeyboardInterrupt):
        interrupted(started)
    assert gone([started[0].scheduler.pid, started[0].workers[0].pid])
    assert not Path(started[0].folder.name).exists()


def test_nothing_is_left_when_the_owner_is_killed():
    command = [sys.executable, "-c", OWNER]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        pids = [int(pid) for pid in owner.stdout.readline().split()]
        assert all(map(is_running, pids))
        owner.kill()
    assert gone(pids)
