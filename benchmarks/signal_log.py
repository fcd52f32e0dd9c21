"""What `nn.SignalLog(every=10)` costs: training steps with and without it, in turns. Run with
`python -m benchmarks.signal_log`.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

import nn

ROUNDS, STEPS = 60, 50
NETS = {
    "2-16-16-2, batch 32": ([2, 16, 16, 2], 32),
    "64-(64 x 20)-10, batch 64": ([64, *[64] * 20, 10], 64),
    "784-256-256-10, batch 128": ([784, 256, 256, 10], 128),
}


def training(sizes: list[int], batch: int, every: int) -> Callable[[], None]:
    """A function that takes `STEPS` steps."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((batch, sizes[0])).astype(np.float32)
    y = rng.integers(0, sizes[-1], batch)
    model = nn.MLP(sizes, "tanh", rng=0)
    sgd = nn.SGD(model.parameters(), 1e-4)
    log = nn.SignalLog(model, every) if every else None

    def steps() -> None:
        for _ in range(STEPS):
            sgd.zero_grad()
            loss = nn.cross_entropy(model(x), y)
            if log is None:
                loss.backward()
            else:
                log.backward(loss)
            sgd.step()

    return steps


def seconds(run: Callable[[], None]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main() -> None:
    for name, (sizes, batch) in NETS.items():
        plain, logged, again = (training(sizes, batch, every) for every in (0, 10, 0))
        times = [[seconds(run) for run in (plain, logged, again)] for _ in range(ROUNDS)][1:]
        ratios = statistics.quantiles([2 * b / (a + c) for a, b, c in times], n=4)
        control = statistics.median(c / a for a, _, c in times)
        low, middle, high = ratios
        print(f"{name:28s} with the log / without: {middle:.3f} ({low:.3f}-{high:.3f}); twice without {control:.3f}")


if __name__ == "__main__":
    main()
