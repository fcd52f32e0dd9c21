"""The training step of each library, written as its users write it; no timing lives here.

Each function takes a problem and returns `step()`, which trains once on the whole batch and returns the loss from
before the update.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from benchmarks.common import RATE, SIZES, Problem, make_problem

Step = Callable[[], Any]


def numpy_by_hand(problem: Problem) -> Step:
    """The backward pass written out; every array allocated once, and every view and constant made once."""
    x, y = problem.x, problem.y
    layers = [(W.copy(), b.copy()) for W, b in problem.layers]
    signals = [np.empty((len(x), len(b)), np.float32) for _, b in layers]
    cotangents = [np.empty_like(signal) for signal in signals]
    inputs = [x, *signals[:-1]]
    output, top = signals[-1], cotangents[-1]
    flat = top.reshape(-1)
    one, rate, seed = (np.array(value, np.float32) for value in (1, RATE, 2 / top.size))
    forward = [(signal, W, b, out) for signal, (W, b), out in zip(inputs, layers, signals, strict=True)]
    below = [None, *((g, signal, np.empty_like(g)) for g, signal in zip(cotangents, signals[:-1], strict=False))]
    gradients = [(np.empty_like(W), np.empty_like(b)) for W, b in layers]
    backward = [
        (signal.T, g, W, W.T, b, dW, db, under)
        for signal, g, (W, b), (dW, db), under in zip(inputs, cotangents, layers, gradients, below, strict=True)
    ][::-1]
    add, dot, matmul, multiply, subtract, tanh = np.add, np.dot, np.matmul, np.multiply, np.subtract, np.tanh
    reduce = np.add.reduce

    def step() -> Any:
        for signal, W, b, out in forward:
            matmul(signal, W, out=out)
            add(out, b, out=out)
            if out is not output:
                tanh(out, out=out)
        subtract(output, y, out=top)
        loss = dot(flat, flat) / flat.size
        multiply(top, seed, out=top)
        for signal_T, g, W, W_T, b, dW, db, under in backward:
            matmul(signal_T, g, out=dW)
            reduce(g, axis=0, out=db)
            if under is not None:
                g_below, signal, slope = under
                matmul(g, W_T, out=g_below)
                multiply(signal, signal, out=slope)
                subtract(one, slope, out=slope)
                multiply(g_below, slope, out=g_below)
            multiply(dW, rate, out=dW)
            subtract(W, dW, out=W)
            multiply(db, rate, out=db)
            subtract(b, db, out=b)
        return loss

    return step


def ours(
    problem: Problem,
    task: str = "tanh",
    rule: str = "SGD",
    options: dict[str, Any] | None = None,
    device: str = "cpu",
) -> Step:
    """This library's step; `task` is one of `TASKS`, `rule` an optimizer, `options` those of `compile`, if any."""
    import nn
    from autograd_mini import Tensor

    x, y = problem.x, problem.y
    loss_of: Any = nn.squared_error
    if task == "relu":
        loss_of, y = nn.cross_entropy, labels_of(problem)
    elif task == "masked":
        loss_of, y = masked_error, np.where(y > 0, y, np.float32(np.nan))
    model = nn.MLP(problem.size.widths, activation="relu" if task == "relu" else "tanh")
    for parameter, array in zip(model.parameters(), (a for layer in problem.layers for a in layer), strict=True):
        parameter.data = array.copy()
    if device != "cpu":
        model, x, y = model.to_device(device), *(Tensor(array).to_device(device) for array in (x, y))
    optimizer = getattr(nn, rule)(model.parameters(), learning_rate=RATE)

    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    if options is not None:
        import autograd_mini

        step = autograd_mini.compile(model, optimizer, **options)(step)
    return functools.partial(step, x, y)


def labels_of(problem: Problem) -> np.ndarray:
    """A class for each example."""
    return np.abs(problem.y.sum(axis=1)).astype(int) % problem.y.shape[1]


def our_step(size: str, task: str) -> Step:
    """`ours` by the name of its size."""
    return ours(make_problem(SIZES[size]), task)


def masked_error(output: Any, target: Any) -> Any:
    """A loss as users write it for targets of which some are missing."""
    return np.mean(np.where(np.isnan(target), 0, (output - target) ** 2))


TASKS = {
    "tanh": "tanh units, mean squared error",
    "relu": "ReLU units, cross-entropy",
    "masked": "tanh units, a mask over squared errors, half of the targets NaN",
}


def pytorch(problem: Problem, compiled: bool = False, task: str = "tanh", rule: str = "SGD") -> Step:
    import torch

    torch.set_num_threads(1)
    x, y = torch.tensor(problem.x), torch.tensor(labels_of(problem) if task == "relu" else problem.y)
    between: Any = torch.nn.ReLU if task == "relu" else torch.nn.Tanh
    modules: list[Any] = []
    for W, b in problem.layers:
        linear = torch.nn.Linear(*W.shape)
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(W.T))
            linear.bias.copy_(torch.tensor(b))
        modules += [linear, between()]
    model = torch.nn.Sequential(*modules[:-1])
    criterion: Any = torch.nn.CrossEntropyLoss() if task == "relu" else torch.nn.MSELoss()
    optimizer = getattr(torch.optim, rule)(model.parameters(), lr=RATE)

    def step() -> Any:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return torch.compile(step) if compiled else step


def jax_jit(problem: Problem, as_it_comes: bool = False) -> Step:
    import jax
    import jax.numpy as jnp

    if not as_it_comes:
        jax.config.update("jax_cpu_enable_async_dispatch", False)  # compute in this thread, not in a second one; faster
    x, y = jnp.asarray(problem.x), jnp.asarray(problem.y)
    parameters = [(jnp.array(W), jnp.array(b)) for W, b in problem.layers]

    def mean_squared_error(parameters: Any, x: Any, y: Any) -> Any:
        *hidden, (W, b) = parameters
        for weights, bias in hidden:
            x = jnp.tanh(x @ weights + bias)
        return jnp.mean((x @ W + b - y) ** 2)

    def update(parameters: Any, x: Any, y: Any) -> Any:
        loss, gradients = jax.value_and_grad(mean_squared_error)(parameters, x, y)
        return jax.tree.map(lambda parameter, gradient: parameter - RATE * gradient, parameters, gradients), loss

    compiled = jax.jit(update, donate_argnums=0)

    def step() -> Any:
        nonlocal parameters
        parameters, loss = compiled(parameters, x, y)
        jax.block_until_ready(parameters)
        return loss

    return step


def hips_autograd(problem: Problem) -> Step:
    import autograd.numpy as anp
    from autograd import value_and_grad

    parameters = [(W.copy(), b.copy()) for W, b in problem.layers]

    def mean_squared_error(parameters: Any, x: Any, y: Any) -> Any:
        *hidden, (W, b) = parameters
        for weights, bias in hidden:
            x = anp.tanh(anp.dot(x, weights) + bias)
        return anp.mean((anp.dot(x, W) + b - y) ** 2)

    gradient = value_and_grad(mean_squared_error)

    def step() -> Any:
        nonlocal parameters
        loss, gradients = gradient(parameters, problem.x, problem.y)
        parameters = [(W - RATE * dW, b - RATE * db) for (W, b), (dW, db) in zip(parameters, gradients, strict=True)]
        return loss

    return step


def mygrad(problem: Problem) -> Step:
    import mygrad as mg

    layers = [(mg.tensor(W), mg.tensor(b)) for W, b in problem.layers]
    *hidden, (W, b) = layers

    def step() -> Any:
        signal = problem.x
        for weights, bias in hidden:
            signal = mg.tanh(mg.matmul(signal, weights) + bias)
        loss = mg.mean((mg.matmul(signal, W) + b - problem.y) ** 2)
        loss.backward()
        for layer in layers:
            for parameter in layer:
                parameter.data -= RATE * parameter.grad
        return loss

    return step


class Contestant(NamedTuple):
    """A library in the tables: its name there, how to build its step, what to import and what to install."""

    name: str
    build: Callable[[Problem], Step]
    module: str
    package: str

    def load(self) -> None:
        """Import the library; ImportError if it is not there."""
        importlib.import_module(self.module)


CONTESTANTS = {
    "numpy": Contestant("NumPy by hand, buffers reused", numpy_by_hand, "numpy", "numpy"),
    "ours": Contestant("autograd_mini and nn", ours, "nn", "autograd-mini"),
    "torch": Contestant("PyTorch eager", pytorch, "torch", "torch"),
    "jax": Contestant("JAX jit", jax_jit, "jax", "jax"),
    "autograd": Contestant("HIPS autograd", hips_autograd, "autograd.numpy", "autograd"),
    "mygrad": Contestant("MyGrad", mygrad, "mygrad", "mygrad"),
}


def available(wanted: list[str]) -> list[str]:
    """Those of `wanted` that are installed; a line is printed about each other one."""
    found = []
    for key in wanted:
        contestant = CONTESTANTS[key]
        try:
            contestant.load()
        except ImportError:
            print(f"{contestant.name} is left out: it is not installed. `pip install {contestant.package}`")
            continue
        found.append(key)
    return found


def loss_after(step: Step, steps: int) -> float:
    """The loss that the last of `steps` steps returned."""
    for _ in range(steps):
        loss = step()
    return float(loss.item() if hasattr(loss, "item") else loss)


def build_right_ones(wanted: list[str], size: str) -> dict[str, Step]:
    """The steps of those contestants whose loss after 3 updates is the hand-written one's; a line about the others."""
    problem = make_problem(SIZES[size])
    expected = loss_after(numpy_by_hand(problem), 4)
    right = {}
    for key in wanted:
        step = CONTESTANTS[key].build(problem)
        loss = loss_after(step, 4)
        if abs(loss - expected) <= 1e-4 * abs(expected):
            right[key] = step
        else:
            print(f"{CONTESTANTS[key].name} is left out of {size}: its loss after 3 steps is {loss}, not {expected}.")
    return right
