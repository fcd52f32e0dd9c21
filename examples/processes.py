"""A scheduler and workers of Dask on this machine, each a process that can be killed; nothing of training."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parent.parent
LONGEST_START = 120.0  # seconds, on a busy machine
THREADS = "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"
NOT_STARTED = "`{command}` {how}. It wrote:\n{log}"


class Processes:
    """A scheduler and its workers, which end with the `with` block, or with this process, however it ends.

    Parameters
    ----------
    workers : int
        How many are started; `start_worker` starts more.
    memory : str
        The limit of a worker, as `dask worker --memory-limit` takes it.

    Attributes
    ----------
    address : str
        The scheduler's, for `distributed.Client(address)`.
    scheduler : subprocess.Popen
    workers : list of subprocess.Popen
        All that were started, those that were killed among them.

    Examples
    --------
    >>> with Processes(workers=2) as processes, Client(processes.address) as client:  # doctest: +SKIP
    ...     processes.workers[0].kill()
    ...     processes.start_worker()
    """

    def __init__(self, workers: int = 2, *, memory: str = "0") -> None:
        self.memory, self.workers = memory, list[subprocess.Popen[bytes]]()
        self.folder = tempfile.TemporaryDirectory(prefix="cluster-", ignore_cleanup_errors=True)
        self.scheduler: subprocess.Popen[bytes] | None = None
        try:
            self.start_scheduler()
            for _ in range(workers):
                self.start_worker()
        except BaseException:
            self.close()
            raise

    def start_scheduler(self) -> None:
        """Start it on a free port and wait until it says which."""
        found = Path(self.folder.name, "scheduler.json")
        command = "scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(found)
        self.scheduler = self.start("scheduler", *command, "--dashboard-address", "127.0.0.1:0")
        end = time.monotonic() + LONGEST_START
        while not (found.exists() and found.read_text().endswith("}")):
            ended = self.scheduler.poll() is not None
            if ended or time.monotonic() > end:
                how = "ended" if ended else f"is not there after {LONGEST_START:.0f} s"
                log = Path(self.folder.name, "scheduler.log").read_text()
                raise RuntimeError(NOT_STARTED.format(command="dask scheduler", how=how, log=log))
            time.sleep(0.05)
        self.address = str(json.loads(found.read_text())["address"])

    def start_worker(self) -> subprocess.Popen[bytes]:
        """Start one more; `client.wait_for_workers(n)` waits until it is there."""
        name = f"worker-{len(self.workers)}"
        where = "--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0", "--local-directory", self.folder.name
        limits = "--nthreads", "1", "--memory-limit", self.memory, "--death-timeout", f"{LONGEST_START:.0f}"
        # Without a nanny, which would start the worker anew when it is killed.
        self.workers.append(self.start(name, "worker", self.address, "--name", name, "--no-nanny", *where, *limits))
        return self.workers[-1]

    def start(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, **dict.fromkeys(THREADS, "1")}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        with Path(self.folder.name, f"{name}.log").open("wb") as log:
            return subprocess.Popen(  # noqa: S603 (our own command)
                [sys.executable, "-m", "dask", *command, "--preload", str(Path(__file__).resolve())],
                stdin=subprocess.PIPE,  # `dask_setup` reads it
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,  # Ctrl-C is for who trains
            )

    @property
    def living(self) -> list[subprocess.Popen[bytes]]:
        """The workers that did not end."""
        return [worker for worker in self.workers if worker.poll() is None]

    def freeze(self, worker: subprocess.Popen[bytes]) -> None:
        """Stop it as Ctrl-Z does: its connections stay, and nothing answers."""
        worker.send_signal(signal.SIGSTOP)

    def thaw(self, worker: subprocess.Popen[bytes]) -> None:
        """Let it go on."""
        worker.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """Kill what is left of what was started here."""
        started = [process for process in (*self.workers, self.scheduler) if process is not None]
        for process in started:
            process.kill()
        for process in started:
            process.wait()
            assert process.stdin is not None
            process.stdin.close()
        self.folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def dask_setup(_server: Any) -> None:
    """What Dask calls in each process: it ends when the one that started it does, which even SIGKILL tells."""

    def watch() -> None:
        while os.read(0, 1):
            pass
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()
