"""Each rule beside HIPS autograd: forward and backward on the smallest and on large arrays, the worst ratio first.

Run with `python -m benchmarks.rules`. Element-wise functions come from the registry, with as many entries as `SIZES`
says; all other calls that both know are in `CALLS`.
"""

from __future__ import annotations

import argparse
import ctypes
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd_mini import Tensor
from autograd_mini.primitive import Primitive, primitives

try:
    import autograd.numpy as anp
    import autograd.scipy.special
    import scipy.special
    from autograd import make_vjp

    import autograd_mini.scipy.special  # noqa: F401 (registers its rules)
except ImportError:
    sys.exit("HIPS autograd or SciPy is missing: `pip install autograd scipy`, or this project's extra `bench`.")

SIZES = {"small": 1, "large": 1_000_000}
ROUNDS, BATCH = 7, 0.003  # comparisons of a call, and the least seconds of each
SUSPICIOUS = 0.95  # from here on a ratio is measured again, in more rounds
MALLOC_OPTIONS = {-1: 1 << 30, -3: 1 << 30}  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD

# The operands, by the names that `CALLS` gives them: their shapes, small and large.
SHAPES = {
    "x": ((1,), (1_000_000,)),
    "y": ((1,), (1_000_000,)),
    "v": ((5,), (1_000_000,)),  # where one entry is too few
    "short": ((1,), (1000,)),
    "row": ((1,), (1000,)),
    "one": ((1, 1), (1, 1000)),
    "a": ((1, 1), (1000, 1000)),
    "b": ((1, 1), (1000, 1000)),
    "near": ((1,), (1_000_000,)),  # entries near 1, with a product that is no zero
    "m": ((5, 5), (1000, 1000)),
    "c": ((1, 1), (1000, 1000)),  # complex
    "even": ((2, 2), (1000, 1000)),
    "t": ((1, 1, 1), (100, 100, 100)),
    "u": ((1, 1, 1), (100, 100, 100)),
    "p": ((1, 1), (300, 300)),  # p, q, s and d are well-conditioned; s is symmetric, d positive definite
    "q": ((1, 1), (300, 300)),
    "s": ((1, 1), (300, 300)),
    "d": ((1, 1), (300, 300)),
    "e": ((1,), (300,)),
    "k": ((1, 1), (30, 30)),
    "triples": ((1, 3), (300_000, 3)),
    "others": ((1, 3), (300_000, 3)),
}

CALLS = """
np.sum(x)                   np.sum(a, axis=0)           np.sum(a, axis=1)           np.sum(a, axis=1, keepdims=True)
np.mean(x)                  np.mean(a, axis=0)          np.mean(a, axis=1)          np.mean(t, axis=(0, 2))
np.prod(x)                  np.prod(a, axis=0)          np.prod(a, axis=1)          np.prod(near)
np.max(x)                   np.max(a, axis=0)           np.max(a, axis=1)           np.min(a, axis=1)
np.var(x)                   np.var(m, axis=0)           np.var(m, axis=1)
np.std(v)                   np.std(m, axis=0)           np.std(m, axis=1)
np.cumsum(x)                np.cumsum(a, axis=1)        np.diff(v)                  np.diff(m, axis=0)
np.gradient(v)              np.gradient(m, axis=0)      np.trace(a)                 np.diff(m)
np.sort(x)                  np.partition(v, 2)          np.clip(x, -1.0, 1.0)       np.where(mask, x, y)
np.where(mask, x, 0.0)      np.nan_to_num(x)            np.select([mask], [x])
np.reshape(a, (-1,))        np.ravel(a)                 np.transpose(a)             np.transpose(t, (2, 0, 1))
np.swapaxes(t, 0, 2)        np.moveaxis(t, 0, 2)        np.rollaxis(t, 2)           np.expand_dims(a, 1)
np.squeeze(t[:1])           np.roll(x, 3)               np.roll(a, 3, axis=1)       np.rot90(a)
np.flipud(a)                np.fliplr(a)                np.atleast_2d(x)            np.broadcast_to(row, row.shape)
np.concatenate([x, y])      np.concatenate([a, b], 1)   np.stack([x, y])            np.vstack([a, b])
np.hstack([a, b])           np.column_stack([x, y])     np.append(x, y)             np.stack([a, b], axis=-1)
np.split(even, 2)[0]        np.array_split(m, 3)[1]     np.vsplit(even, 2)[1]       np.hsplit(even, 2)[1]
np.tile(x, 2)               np.tile(a, (2, 2))          np.repeat(x, 3)             np.repeat(a, 2, axis=0)
np.repeat(a, 2, axis=1)     np.pad(x, 3, "constant")    np.pad(a, 1, "constant")
x[0]                        a[0]                        a[:, 0]                     m[1:, ::2]
x[index]                    a[rows]                     a[rows, rows]               x[mask]
np.tril(a)                  np.triu(a)                  np.diag(short)              np.diag(a)
np.diagonal(t, 0, -1, -2)   np.linalg.norm(x)           np.linalg.norm(a, axis=1)   np.linalg.norm(a, "fro")
np.linalg.norm(p, "nuc")    np.linalg.norm(x, 3)        np.linalg.norm(a, 3, axis=0)
np.add(a, row)              np.multiply(a, row)         np.multiply(a, 2.0)         np.power(x, 3)
np.add(x, y) * x - y        np.sum(np.tanh(a @ row))    np.maximum(x, 0.0)          np.sum(x * x)
np.matmul(p, q)             np.matmul(a, row)           np.matmul(row, a)           np.matmul(t, u)
np.matmul(x, y)             np.matmul(t, u[0])          np.sum(np.matmul(p, q))     np.mean(np.dot(p, q))
np.dot(p, q)                np.dot(x, y)                np.dot(a, row)              np.dot(t, u[0])
np.inner(x, y)              np.inner(p, q)              np.outer(short, row)        np.kron(k, k)
np.tensordot(p, q, 1)       np.tensordot(t, u, 2)       np.tensordot(a, b, 2)       np.tensordot(t, u, ([0, 1], [1, 0]))
np.einsum("ij,jk->ik", p, q)                            np.einsum("ij->i", a)       np.einsum("ij,ij->", a, b)
np.einsum("bij,bjk->bik", t, u)                         np.einsum("ij->ji", a)      np.einsum("i,j->ij", short, row)
np.einsum("ij,j->i", a, row)                            np.einsum("i,i", x, y)      np.cross(triples, others)
np.linalg.inv(p)            np.linalg.det(p)            np.linalg.slogdet(p)[1]     np.linalg.solve(p, q)
np.linalg.solve(p, e)       np.linalg.cholesky(d)       np.linalg.pinv(p)           np.linalg.eigh(s)[0]
np.linalg.eigh(s)[1]        np.linalg.eig(p)[0]         np.linalg.svd(p, compute_uv=False)
np.linalg.svd(p, full_matrices=False)[0]                np.linalg.svd(p, full_matrices=False)[1]
np.fft.fft(c)               np.fft.ifft(c)              np.fft.fft2(c)              np.fft.ifft2(c)
np.fft.fftn(c)              np.fft.ifftn(c)             np.fft.rfft(even)           np.fft.rfft2(even)
np.fft.fft(x)               np.abs(np.fft.fft(a))       np.fft.irfft(half)          np.fft.irfft2(half)
np.fft.fftshift(a)          np.fft.ifftshift(a)         np.abs(c)                   np.angle(c)
np.real(c)                  np.imag(c)                  np.conj(c)                  np.exp(c)
c * c                       np.sum(np.real(c * np.conj(c)))
"""


class Timing(NamedTuple):
    """One call at one size: seconds, and the median of the ratios of neighbouring measurements."""

    name: str
    size: str
    ours: float
    theirs: float
    ratio: float


class Call(NamedTuple):
    """A function of the module that it is to use, NumPy or HIPS autograd's, and of its operands at each size."""

    name: str
    run: Callable[..., Any]
    operands: dict[str, Sequence[Any]]


# The calls


def make_operands(name: str, shape: tuple[int, ...]) -> Any:
    """Random numbers, the matrices among them as `SHAPES` says."""
    rng = np.random.default_rng(sum(map(ord, name)))
    values = rng.uniform(0.5, 1.5, shape) * rng.choice([-1.0, 1.0], shape)
    n = shape[0]
    if name == "near":
        return 1 + values / 1000
    if name == "c":
        return values + 1j * rng.standard_normal(shape)
    if name in ("p", "q"):
        return rng.standard_normal(shape) / n + np.diag(1 + np.arange(n) / n)
    if name == "s":
        return (values + values.T) / n + np.diag(np.arange(n) + 1.0)
    return values @ values.T + n * np.eye(n) if name == "d" else values


def table_calls() -> Iterator[Call]:
    """Those of `CALLS`."""
    for text in [part.strip() for line in CALLS.splitlines() for part in line.split("  ") if part.strip()]:
        names = [name for name in SHAPES if name in compile(text, "call", "eval").co_names]
        half = "half" in text
        operands: dict[str, Sequence[Any]] = {}
        settings = {}
        for place, size in enumerate(SIZES):
            operands[size] = [make_operands(name, SHAPES[name][place]) for name in names]
            if half:
                operands[size] = [np.fft.rfft(make_operands("even", SHAPES["even"][place]))]
            rng = np.random.default_rng(1)
            count = SHAPES["x"][place][0]
            settings[count] = {
                "mask": rng.random(count) < 0.5,
                "index": rng.integers(0, count, count),
                "rows": rng.integers(0, SHAPES["a"][place][0], SHAPES["a"][place][0]),
            }
        yield Call(text, table_function(text, [*names, *(["half"] if half else [])], settings), operands)


def table_function(text: str, names: Sequence[str], settings: dict[int, dict[str, Any]]) -> Callable[..., Any]:
    """A function of the module and the operands, from its text."""
    code = eval(f"lambda np, mask, index, rows, {', '.join(names)}: {text}")
    small, large = settings.values()

    def run(module: Any, *operands: Any) -> Any:
        return code(module, *(small if np.size(operands[0]) <= 25 else large).values(), *operands)

    return run


def registry_calls() -> Iterator[Call]:
    """The element-wise functions that both have, on vectors inside their domains."""
    for function, primitive in primitives.items():
        ufunc = isinstance(function, np.ufunc) and function.signature is None
        if not ufunc or None in primitive.vjps or not hasattr(counterpart(primitive, anp), "fun"):
            continue
        operands = {size: elementwise_operands(primitive, count) for size, count in SIZES.items()}
        yield Call(primitive.name, elementwise_function(primitive), operands)


def elementwise_function(primitive: Primitive) -> Callable[..., Any]:
    return lambda module, *operands: counterpart(primitive, module)(*operands)


def counterpart(primitive: Primitive, module: Any) -> Any:
    """The function of that name in a module like NumPy, or in that for SciPy's functions that goes with it."""
    if primitive.name.startswith("np."):
        return getattr(module, primitive.name[3:], None)
    return getattr(scipy.special if module is np else autograd.scipy.special, primitive.name, None)


def elementwise_operands(primitive: Primitive, size: int) -> list[np.ndarray[Any, Any]]:
    """Operands inside the primitive's domain."""
    rng = np.random.default_rng(0)
    operands = []
    for i in range(len(primitive.vjps)):
        interval = primitive.domain.intervals[min(i, len(primitive.domain.intervals) - 1)]
        low, high = max(interval.low, -3.0), min(interval.high, 3.0)
        margin = 0.05 * (high - low)
        operands.append(rng.uniform(low + margin, high - margin, size))
    return operands


# Time


def seconds(step: Callable[[], Any], count: int) -> float:
    """The time of one step, over `count` of them."""
    start = time.perf_counter()
    for _ in range(count):
        step()
    return (time.perf_counter() - start) / count


def keep_memory() -> None:
    """Have freed memory used again instead of given back to the system, where the C library is glibc.

    When it is given back depends on where arrays happen to lie; getting it anew costs more than most rules.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    for option, value in MALLOC_OPTIONS.items():
        if mallopt is not None:
            mallopt(option, value)


def compare(ours: Callable[[], Any], theirs: Callable[[], Any]) -> tuple[float, float, float]:
    """Seconds of both, in turn, and the median of their ratios; ratios near 1 and above are measured for longer."""
    once = max(seconds(theirs, 1), seconds(ours, 1))
    once = min(once, max(seconds(theirs, 1), seconds(ours, 1)))
    count = max(1, int(BATCH / once))
    rounds = (ROUNDS, 2 * ROUNDS) if once < 0.05 else (3,)
    pairs: list[tuple[float, float]] = []
    for more in rounds:
        pairs += [(seconds(ours, count), seconds(theirs, count)) for _ in range(more)]
        ratio = float(np.median([a / b for a, b in pairs]))
        if ratio < SUSPICIOUS:
            break
    mine, other = np.median(pairs, axis=0)
    return float(mine), float(other), ratio


def measure(call: Call, size: str) -> Timing:
    """Time a call forward and backward, by all its operands, from a random cotangent."""
    operands = tuple(call.operands[size])
    leaves = [Tensor(operand, requires_grad=True) for operand in operands]
    out = call.run(np, *operands)
    rng = np.random.default_rng(2)
    seed = rng.standard_normal(out.shape).astype(out.dtype) * (1 + 1j if out.dtype.kind == "c" else 1)

    def ours() -> Any:
        for leaf in leaves:
            leaf.grad = None
        value = call.run(np, *leaves)
        value.backward(seed)
        return value, [leaf.grad for leaf in leaves]

    def theirs() -> Any:
        pullback, value = make_vjp(lambda chosen: call.run(anp, *chosen))(operands)
        return value, pullback(seed)

    theirs()
    return Timing(call.name, size, *compare(ours, theirs))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="compare only the calls whose name has this in it")
    parser.add_argument("--size", choices=list(SIZES), help="compare only at this size")
    args = parser.parse_args()
    warnings.simplefilter("ignore")  # the peer's, of functions that are constant
    keep_memory()
    timings, refused = [], {}
    for call in (*registry_calls(), *table_calls()):
        if args.only not in call.name:
            continue
        for size in SIZES if args.size is None else [args.size]:
            try:
                timings.append(measure(call, size))
            except Exception as error:  # noqa: BLE001 (a peer's refusal of any kind)
                refused[call.name, size] = f"{type(error).__name__}: {error}"
    print(f"{'call':40}{'size':>8}{'ours us':>12}{'autograd us':>14}{'ratio':>8}")
    for t in sorted(timings, key=lambda t: -t.ratio):
        print(f"{t.name:40}{t.size:>8}{t.ours * 1e6:>12.1f}{t.theirs * 1e6:>14.1f}{t.ratio:>8.2f}")
    for (name, size), reason in refused.items():
        print(f"{name:40}{size:>8}  not compared: {' '.join(reason.split())[:60]}")
    print(f"{len(timings)} comparisons, {sum(t.ratio > 1 for t in timings)} slower than autograd")


if __name__ == "__main__":
    main()
