"""Jacobians, Hessians and gradients of single examples beside torch.func: `python -m benchmarks.batching`.

float64 for derivatives of functions, float32 for networks, one thread each (set OPENBLAS_NUM_THREADS=1), in turns in
one process; the ratio is that of the smallest times, ours over PyTorch's: below 1 we are faster. Both compute the same
numbers, which are compared first. Below it: a tall Jacobian beside its three directions one by one, and how much memory
a square one takes at most.
"""

from __future__ import annotations

import argparse
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import nn
from autograd_mini import Tensor, grad, hessian, jacobian, jvp, vmap
from benchmarks.common import print_table
from benchmarks.training_step import measure

LIMITS = {
    "Jacobian, 64 to 64": 0.7,
    "Jacobian, 3 to 2000": 0.7,
    "Hessian, 64 variables": 0.4,
    "Hessian, logistic regression": 0.4,
    "gradient of each example, MLP": 0.9,
    "gradient of each example, convnet": 1.3,
    "1000 trajectories": 1.25,
    "their gradients": 1.1,
}
STEPS = 10  # of the trajectories
Pair = tuple[Callable[[], Any], Callable[[], Any]]
rng = np.random.default_rng(0)


def two_layers(first: Any, second: Any, tanh: Any = np.tanh) -> Callable[[Any], Any]:
    """The function of which the Jacobian is taken."""
    return lambda x: tanh(second @ tanh(first @ x))


def sum_of_squares(first: Any, second: Any, tanh: Any = np.tanh) -> Callable[[Any], Any]:
    """The function of which the Hessian is taken: of the squares of `two_layers`."""
    f = two_layers(first, second, tanh)
    return lambda x: (f(x) ** 2).sum()


def functions() -> dict[str, Pair]:
    """Derivatives of functions of vectors: ours and PyTorch's."""
    import torch
    from torch import func

    first, second = rng.standard_normal((2, 64, 64)) / 8
    x, tall, z = rng.standard_normal(64), rng.standard_normal((2000, 3)), rng.standard_normal(3)
    rows, weights = rng.standard_normal((1000, 50)), rng.standard_normal(50)
    labels = (rng.uniform(size=1000) > 0.5).astype(float)
    t = {name: torch.tensor(array) for name, array in locals().items() if isinstance(array, np.ndarray)}
    softplus = torch.nn.functional.softplus
    return {
        "Jacobian, 64 to 64": (
            lambda: jacobian(two_layers(first, second))(x),
            lambda: func.jacrev(two_layers(t["first"], t["second"], torch.tanh))(t["x"]),
        ),
        "Jacobian, 3 to 2000": (
            lambda: jacobian(lambda z: np.tanh(tall @ z))(z),
            lambda: func.jacfwd(lambda z: torch.tanh(t["tall"] @ z))(t["z"]),
        ),
        "Hessian, 64 variables": (
            lambda: hessian(sum_of_squares(first, second))(x),
            lambda: func.hessian(sum_of_squares(t["first"], t["second"], torch.tanh))(t["x"]),
        ),
        "Hessian, logistic regression": (
            lambda: hessian(lambda w: np.sum(np.logaddexp(0, rows @ w) - labels * (rows @ w)))(weights),
            lambda: func.hessian(lambda w: torch.sum(softplus(t["rows"] @ w) - t["labels"] * (t["rows"] @ w)))(
                t["weights"]
            ),
        ),
        **trajectories(),
    }


def trajectories() -> dict[str, Pair]:
    """Steps of a pendulum from many starts, and the gradient of the end by the start."""
    import torch
    from torch import func

    starts = rng.standard_normal((1000, 2))
    others = torch.tensor(starts)

    def end(state: Any, sin: Any, stack: Any) -> Any:
        for _ in range(STEPS):
            state = state + 0.05 * stack([state[1], -sin(state[0])])
        return state

    def energy(state: Any) -> Any:
        state = end(state, np.sin, np.stack)
        return np.sum(state * state)

    def their_energy(state: Any) -> Any:
        state = end(state, torch.sin, torch.stack)
        return (state * state).sum()

    return {
        "1000 trajectories": (
            lambda: vmap(lambda s: end(s, np.sin, np.stack))(starts),
            lambda: func.vmap(lambda s: end(s, torch.sin, torch.stack))(others),
        ),
        "their gradients": (lambda: vmap(grad(energy))(starts), lambda: func.vmap(func.grad(their_energy))(others)),
    }


def networks() -> dict[str, Pair]:
    """The gradient of each example by the parameters of a network."""
    import torch

    mlp = nn.Sequential(nn.Linear(784, 128, rng=0), nn.Tanh(), nn.Linear(128, 10, rng=1))
    convnet = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding="same", rng=0),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding="same", rng=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * 7 * 7, 10, rng=2),
    )
    their_mlp = torch.nn.Sequential(torch.nn.Linear(784, 128), torch.nn.Tanh(), torch.nn.Linear(128, 10))
    their_convnet = torch.nn.Sequential(
        torch.nn.Conv2d(1, 8, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(8, 16, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(16 * 7 * 7, 10),
    )
    return {
        "gradient of each example, MLP": each_example(mlp, their_mlp, (128, 784)),
        "gradient of each example, convnet": each_example(convnet, their_convnet, (32, 1, 28, 28)),
    }


def each_example(ours: Any, theirs: Any, shape: tuple[int, ...]) -> Pair:
    """Both networks with the same weights, on the same examples."""
    import torch
    from torch import func

    own = {name: parameter.data for name, parameter in ours.named_parameters()}
    state = {
        name.removesuffix(".T"): own[mine].T if name.endswith(".T") else own[mine]
        for mine, name in nn.torch_names(ours).items()
    }
    theirs.load_state_dict({name: torch.tensor(array) for name, array in state.items()})
    x = rng.standard_normal(shape).astype(np.float32)
    y = rng.integers(0, 10, shape[0])
    inputs, labels = torch.tensor(x), torch.tensor(y)
    parameters = {name: parameter.detach() for name, parameter in theirs.named_parameters()}

    def loss(values: Any, image: Any, label: Any) -> Any:
        scores = func.functional_call(theirs, values, (image.unsqueeze(0),))
        return torch.nn.functional.cross_entropy(scores, label.unsqueeze(0))

    gradients = func.vmap(func.grad(loss), in_dims=(None, 0, 0))
    return (
        lambda: list(nn.per_example_grad(nn.cross_entropy)(ours, x, y).values()),
        lambda: list(gradients(parameters, inputs, labels).values()),
    )


def agree(ours: Any, theirs: Any) -> None:
    """Raise where the two do not give the same numbers; weights of PyTorch are the transposes of ours."""
    for mine, other in zip(*([a] if not isinstance(a, list) else a for a in (ours, theirs)), strict=True):
        wanted = other.detach().numpy()
        given = np.swapaxes(mine, -1, -2) if mine.shape != wanted.shape else mine
        np.testing.assert_allclose(given, wanted, rtol=1e-3, atol=1e-4 * np.abs(wanted).max())


def tall_beside_directions(seconds: float) -> float:
    """The time of a Jacobian of 2000 results by 3 variables, over that of its three directional derivatives."""
    weights, x, units = rng.standard_normal((2000, 3)), rng.standard_normal(3), np.eye(3)

    def f(x: Any) -> Any:
        return np.tanh(weights @ x)

    steps = {
        "jacobian": lambda: jacobian(f)(x),
        "directions": lambda: [jvp(f, (x,), (unit,)) for unit in units],
    }
    samples = measure(steps, seconds)
    return min(samples["jacobian"].seconds) / min(samples["directions"].seconds)


def peak_of_square() -> float:
    """The most memory that the Jacobian of 1500 results by 1500 variables takes, in sizes of its own."""
    weights, x = Tensor(rng.standard_normal((1500, 1500)) / 40), rng.standard_normal(1500)
    of_x = jacobian(lambda x: np.tanh(weights @ x))
    of_x(x)
    tracemalloc.start()
    size = of_x(x).nbytes
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / size


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print; `arguments` as on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=4.0, help="for each line (default: %(default)s)")
    parser.add_argument("--only", default="", help="lines that contain this")
    options = parser.parse_args(arguments)
    import torch

    torch.set_num_threads(1)
    rows = []
    for name, (ours, theirs) in {**functions(), **networks()}.items():
        if options.only not in name:
            continue
        agree(ours(), theirs())
        samples = measure({"ours": ours, "theirs": theirs}, options.seconds)
        best = {key: min(sample.seconds) for key, sample in samples.items()}
        times = [f"{1e6 * best[key]:,.0f}" for key in ("ours", "theirs")]
        rows.append([name, *times, f"{best['ours'] / best['theirs']:.2f}", f"{LIMITS[name]}"])
    print_table("Beside torch.func", ["", "ours, us", "torch.func, us", "ratio", "limit"], rows)
    if not options.only:
        print(
            f"Jacobian, 3 to 2000, over its three directions one by one: {tall_beside_directions(options.seconds):.2f}"
        )
        print(f"Peak memory of a Jacobian, 1500 to 1500, in sizes of its own: {peak_of_square():.2f}")


if __name__ == "__main__":
    main()
