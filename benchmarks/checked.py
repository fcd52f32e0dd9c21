"""What `with checked():` adds to a training step: `python -m benchmarks.checked`.

Forward, cross-entropy, backward and plain gradient descent on a tanh network in float32, without and with the block, in
turns in one process; the ratio is the median over the rounds of the ratio within a round.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

import numpy as np

import nn
from autograd_mini import checked
from benchmarks.common import Size, print_table, quartiles
from benchmarks.training_step import measure, ratio

NETWORKS = (Size((2, 16, 16, 2), 32), Size((784, 256, 256, 10), 128))


def training_step(size: Size) -> Callable[[], None]:
    """One step of training on one batch."""
    rng = np.random.default_rng(0)
    model = nn.MLP(size.widths, activation="tanh", rng=rng)
    sgd = nn.SGD(model.parameters(), learning_rate=1e-3)
    x = rng.standard_normal((size.batch, size.widths[0]), np.float32)
    y = rng.integers(0, size.widths[-1], size.batch)

    def step() -> None:
        sgd.zero_grad()
        nn.cross_entropy(model(x), y).backward()
        sgd.step()

    return step


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print; `arguments` as on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=6.0, help="for each network (default: %(default)s)")
    options = parser.parse_args(arguments)
    rows = []
    for size in NETWORKS:
        steps = {"plain": training_step(size), "checked": checked()(training_step(size))}
        samples = measure(steps, options.seconds)
        low, middle, high = ratio(samples, "checked", "plain") or (0.0, 0.0, 0.0)
        times = [f"{1e6 * quartiles(samples[key].seconds)[1]:,.0f}" for key in steps]
        rows.append([str(size), *times, f"{middle:.2f}", f"{low:.2f} - {high:.2f}"])
    print_table("One training step, float32", ["", "us plain", "us checked", "ratio", "quartiles"], rows)


if __name__ == "__main__":
    main()
