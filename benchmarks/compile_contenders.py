"""What `benchmarks.compile` times, once for each contender; no timing and no limit lives here.

Each public function takes a contender's key and a column of a table, and returns the call that is timed. It runs in a
process of its own (benchmarks/workers.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import contestants
from benchmarks.batching import sum_of_squares, two_layers
from benchmarks.common import RATE, SIZES, make_problem

Call = Callable[[], Any]
OPTIONS: dict[str, dict[str, Any]] = {
    "compiled": {},
    "fast": {"fast": True},
    "numba": {"numba": True},
    "threads": {"threads": 2},
    "fast threads": {"fast": True, "threads": 2},
}  # those of `autograd_mini.compile`, by contender
EPSILON, BETAS, TINY = 1e-5, (0.9, 0.999), 1e-8  # of layer norms and of Adam: everyone's defaults


def step(key: str, size: str, rule: str = "SGD") -> Call:
    """A training step of one of `SIZES`."""
    problem = make_problem(SIZES[size])
    match key:
        case "hand":
            return contestants.numpy_by_hand(problem)
        case "jax" | "jax threads":
            return contestants.jax_jit(problem, as_it_comes=True)
        case "jax tuned":
            return contestants.jax_jit(problem)
        case "torch" | "torch compile":
            return contestants.pytorch(problem, compiled=key == "torch compile")
    return contestants.ours(problem, rule=rule, options=OPTIONS.get(key))


def first_step(key: str, case: str) -> Call:
    """A training step of which the first calls are timed: "M, SGD" names a size and an optimizer."""
    return step(key, *case.split(", "))


def element_wise(key: str, case: str) -> Call:
    """One of `ELEMENT_WISE`, float32."""
    return ELEMENT_WISE[case](key)


def derivative(key: str, case: str) -> Call:
    """A Jacobian or a Hessian of all directions at once, float64."""
    rng = np.random.default_rng(0)
    first, second = rng.standard_normal((2, 64, 64)) / 8
    x = rng.standard_normal(64)
    function: Any = two_layers if "Jacobian" in case else sum_of_squares
    if key == "jax":
        import jax

        jax.config.update("jax_enable_x64", True)
        by = jax.jacrev if "Jacobian" in case else jax.hessian
        return jax_call(by(function(jax.numpy.array(first), jax.numpy.array(second), jax.numpy.tanh)), x)
    import autograd_mini

    by = autograd_mini.jacobian if "Jacobian" in case else autograd_mini.hessian
    return our_call(key, by(function(first, second)), x)


def our_call(key: str, f: Callable[..., Any], *args: Any) -> Call:
    """A pure function, compiled or as it is, with its arguments."""
    import autograd_mini

    called = autograd_mini.compile(f, **OPTIONS[key]) if key in OPTIONS else f
    return lambda: called(*args)


def jax_call(f: Callable[..., Any], *args: Any) -> Call:
    """The same for JAX, which computes in this thread."""
    import jax

    jax.config.update("jax_cpu_enable_async_dispatch", False)
    compiled, values = jax.jit(f), [jax.numpy.array(value) for value in args]
    return lambda: jax.block_until_ready(compiled(*values))


def torch_call(f: Callable[..., Any], *args: Any) -> Call:
    """The value of a function of PyTorch's, and its gradients by all of the arguments."""
    import torch

    torch.set_num_threads(1)
    leaves = [torch.tensor(value, requires_grad=True) for value in args]

    def call() -> Any:
        value = f(*leaves)
        return value, torch.autograd.grad(value, leaves)

    return call


def softplus_and_log_sum_exp(key: str) -> Call:
    """sum(log(1 + e^x)) + log(sum(e^x)) and its gradient, of a million numbers."""
    x = np.random.default_rng(0).standard_normal(1_000_000, np.float32)
    if key == "jax":
        import jax

        return jax_call(
            jax.value_and_grad(lambda x: jax.nn.softplus(x).sum() + jax.scipy.special.logsumexp(x), argnums=(0,)), x
        )
    if key == "torch":
        import torch

        return torch_call(lambda x: torch.nn.functional.softplus(x).sum() + torch.logsumexp(x, 0), x)
    import nn
    from autograd_mini import value_and_grad

    softplus = nn.Softplus()

    def f(x: Any) -> Any:
        largest = np.max(x)
        return np.sum(softplus(x)) + largest + np.log(np.sum(np.exp(x - largest)))

    return our_call(key, value_and_grad(f), x)


def layer_norm_and_gelu(key: str) -> Call:
    """The sum of squares behind a layer norm and GELU (of tanh), and its gradients: of gain, bias and inputs."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((512, 1024), np.float32)
    gain, bias = 1 + rng.standard_normal(1024, np.float32) / 10, rng.standard_normal(1024, np.float32) / 10
    if key == "jax":
        import jax

        def standardised(gain: Any, bias: Any, x: Any) -> Any:
            centred = x - x.mean(-1, keepdims=True)
            variance = (centred**2).mean(-1, keepdims=True)
            return centred * jax.lax.rsqrt(variance + EPSILON) * gain + bias

        def f(*args: Any) -> Any:
            return (jax.nn.gelu(standardised(*args), approximate=True) ** 2).sum()

        return jax_call(jax.value_and_grad(f, argnums=(0, 1, 2)), gain, bias, x)
    if key == "torch":
        from torch.nn import functional

        return torch_call(
            lambda gain, bias, x: (
                functional.gelu(functional.layer_norm(x, (1024,), gain, bias, EPSILON), approximate="tanh")
                .square()
                .sum()
            ),
            *(gain, bias, x),
        )
    import nn
    from autograd_mini import value_and_grad
    from nn.layers.normalization import standardise

    gelu = nn.GELU()

    def f(gain: Any, bias: Any, x: Any) -> Any:
        return np.sum(np.square(gelu(standardise(x, axis=-1, epsilon=EPSILON) * gain + bias)))

    return our_call(key, value_and_grad(f, argnums=(0, 1, 2)), gain, bias, x)


def adam(key: str) -> Call:
    """A step of Adam on a million parameters, whose gradient is given."""
    w, g = np.random.default_rng(0).standard_normal((2, 1_000_000), np.float32)
    if key == "jax":
        return jax_adam(w, g)
    if key == "torch":
        import torch

        torch.set_num_threads(1)
        tensor = torch.tensor(w, requires_grad=True)
        tensor.grad = torch.tensor(g)
        rule = torch.optim.Adam([tensor], lr=RATE, betas=BETAS, eps=TINY)
        return lambda: (rule.step(), tensor)[1]
    import autograd_mini
    import nn

    class Million(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(w.copy())

    model = Million()
    optimizer = nn.Adam(model.parameters(), RATE, betas=BETAS, eps=TINY)

    def update(g: Any) -> None:
        model.w.grad = g
        optimizer.step()

    called: Any = autograd_mini.compile(model, optimizer, **OPTIONS[key])(update) if key in OPTIONS else update
    return lambda: (called(g), model.w)[1]


def jax_adam(w: Any, g: Any) -> Call:
    """Adam written out for JAX, its arrays handed over to each step."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_cpu_enable_async_dispatch", False)
    one, two = BETAS

    def update(state: Any, g: Any) -> Any:
        w, mean, square, count = state
        count += 1
        mean, square = one * mean + (1 - one) * g, two * square + (1 - two) * g * g
        corrected = jnp.sqrt(square / (1 - two**count)) + TINY
        return w - RATE / (1 - one**count) * mean / corrected, mean, square, count

    compiled, g = jax.jit(update, donate_argnums=0), jnp.array(g)
    state: Any = (jnp.array(w), jnp.zeros_like(g), jnp.zeros_like(g), jnp.zeros((), jnp.int32))

    def call() -> Any:
        nonlocal state
        state = jax.block_until_ready(compiled(state, g))
        return state[0]

    return call


ELEMENT_WISE = {
    "softplus + log-sum-exp, 1e6": softplus_and_log_sum_exp,
    "layer norm + GELU, 512 x 1024": layer_norm_and_gelu,
    "Adam, 1e6": adam,
}
