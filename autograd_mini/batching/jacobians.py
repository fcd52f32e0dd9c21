"""`jacobian` and `hessian`: all partial derivatives, by many directions at once, in chunks that bound the memory."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from autograd_mini.backward import pull_back
from autograd_mini.batching.crossing import Vmap, enter, leave
from autograd_mini.batching.vmap import inside, separate
from autograd_mini.devices import beside, zeros_beside
from autograd_mini.elsewhere import explained
from autograd_mini.graph import enable_grad, modes, operations
from autograd_mini.tensor import Tensor, wrap
from autograd_mini.transforms.derivatives import complex_slope
from autograd_mini.transforms.gradients import Trace, as_tensor, grad, positions_of
from autograd_mini.transforms.trees import flatten

if TYPE_CHECKING:
    from autograd_mini.typed import Derivative

MODE = 'jacobian(..., mode={mode!r}): write "reverse", "forward", or None for the one with less work.'
CHUNK = "{name}(..., chunk={chunk!r}): how many directions at once is a positive whole number, or None."
COMPLEX_FORWARD = (
    'jacobian(..., mode="forward") is for real arguments and results; leave the mode out for complex ones.'
)
PER_ARRAY = 1 << 20  # bytes of the largest array of a chunk: it stays in the processor's cache
PART = 1 / 16  # or this part of the Jacobian, if that is more
MANY = 3  # times as many results as arguments, from which on going forward is less work

numpy: Any = np


Mode = Literal["reverse", "forward"]


@overload
def jacobian(
    f: Callable[..., Any], argnums: int = 0, mode: Mode | None = None, chunk: int | None = None
) -> Derivative: ...
@overload
def jacobian(
    f: Callable[..., Any], argnums: Sequence[int], mode: Mode | None = None, chunk: int | None = None
) -> Callable[..., tuple[Any, ...]]: ...
@explained
def jacobian(
    f: Callable[..., Any], argnums: int | Sequence[int] = 0, mode: Mode | None = None, chunk: int | None = None
) -> Any:
    r"""All partial derivatives, :math:`J_{ij} = \partial f_i / \partial x_j`, of shape `out.shape + x.shape`.

    Parameters
    ----------
    f : callable
        Returns a tensor of any shape.
    argnums : int or sequence of int
        Which arguments to differentiate by.
    mode : {"reverse", "forward"}, optional
        Go back once for each entry of the result, or forward once for each entry of the arguments. By default
        forward where the result has more than three times as many entries.
    chunk : int, optional
        How many entries at once. By default so many that no array of a pass takes more than 1 MiB, or a sixteenth
        of the Jacobian.

    Returns
    -------
    callable
        Takes the arguments of `f`; returns the Jacobian, in the structure of the argument.

    Raises
    ------
    TypeError
        If an argument and the result are complex and `f` is not holomorphic there: one number for each pair of
        entries cannot hold the derivative. Take the Jacobians of its real and its imaginary part.
    ValueError
        If the mode or the chunk is none.

    Notes
    -----
    For a real result of complex arguments, :math:`df = \mathrm{Re}(J\,dz)`. Forward means the pullback of the
    pullback, which is linear in its cotangent: there is no second set of rules.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import jacobian
    >>> jacobian(lambda x: x * x)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    positions = positions_of(argnums)
    check_options("jacobian", mode, chunk)

    @functools.wraps(f)
    def jacobian_of(*args: Any, **kwargs: Any) -> Any:
        places = [position % len(args) if args else position for position in positions]

        def of_chosen(*chosen: Any) -> Any:
            call = list(args)
            for place, value in zip(places, chosen, strict=True):
                call[place] = value
            return f(*call, **kwargs)

        chosen = [args[place] for place in places]
        trace = Trace("jacobian", of_chosen, chosen, range(len(chosen)), {})
        leaves, rebuild = flatten(tuple(chosen))
        blocks = all_blocks(trace, mode, chunk)
        parts, start = [], 0
        for result in trace.results:
            rows = slice(start, start + result.size)
            shapes = [result.shape + np.shape(leaf) for leaf in leaves]
            mine = rebuild([numpy.reshape(block[rows], shape) for block, shape in zip(blocks, shapes, strict=True)])
            parts.append(mine if isinstance(argnums, Sequence) else mine[0])
            start += result.size
        return trace.rebuild_out(parts)

    return jacobian_of


@explained
def hessian(f: Callable[..., Any], argnum: int = 0, chunk: int | None = None) -> Derivative:
    r"""The second derivatives of a scalar function, :math:`H_{ij} = \partial^2 f / \partial x_i \partial x_j`.

    Its shape is `x.shape + x.shape`; for a container of arrays it has a block for each pair of them. For the product
    with a vector, `hvp` costs two backwards instead of one for each row.

    Parameters
    ----------
    f : callable
        Returns a real scalar.
    argnum : int
        Which argument to differentiate by.
    chunk : int, optional
        How many rows at once, as in `jacobian`.

    Returns
    -------
    callable
        Takes the arguments of `f`; returns the Hessian, in the structure of the argument.

    Raises
    ------
    ValueError
        If the chunk is no positive whole number.
    TypeError
        If `f` does not return a real scalar, or the argument is not floating-point.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import hessian
    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 3.0]))
    array([[6., 2.],
           [2., 0.]])
    """
    check_options("hessian", None, chunk)
    return jacobian(grad(f, argnum), argnum, "reverse", chunk)


def check_options(name: str, mode: Any, chunk: Any) -> None:
    """Raise if an option cannot mean anything."""
    if mode not in {None, "reverse", "forward"}:
        raise ValueError(MODE.format(mode=mode))
    if chunk is not None and (not isinstance(chunk, int | np.integer) or isinstance(chunk, bool) or chunk < 1):
        raise ValueError(CHUNK.format(name=name, chunk=chunk))


def all_blocks(trace: Trace, mode: str | None, chunk: int | None) -> list[Any]:
    """For each variable of a trace the derivatives of all entries of its results by it, one row for each."""
    out, variables = trace.result, trace.variables
    if not out.size:
        return [np.zeros((0, *variable.shape), out.dtype) for variable in variables]
    inputs = sum(variable.size for variable in variables)
    is_real = "c" not in {out.dtype.kind, *(variable.dtype.kind for variable in variables)}
    if mode == "forward" and not is_real:
        raise TypeError(COMPLEX_FORWARD)
    nodes = operations(out._record) if out._record is not None else []
    forward = is_real and out.size > MANY * inputs and not any(node.hooks for node in nodes)
    if chunk is None:
        largest = max((node.size for node in nodes if type(node.dtype) is not tuple), default=1) * out.dtype.itemsize
        chunk = max(1, int(max(PER_ARRAY, PART * out.size * inputs * out.dtype.itemsize)) // max(1, largest))
    if mode == "forward" or (mode is None and forward):
        return forward_blocks(trace, chunk)

    def pulled(unit: complex) -> list[Any]:
        return over_basis(lambda g: flatten(trace.pull(g))[0], out, unit, chunk, out)

    if out.dtype.kind != "c":
        return [numpy.conj(block) if block.dtype.kind == "c" else block for block in pulled(1)]
    return [complex_slope(*pair, trace.transform) for pair in zip(pulled(1), pulled(1j), strict=True)]


def forward_blocks(trace: Trace, chunk: int) -> list[Any]:
    """The same by going forward from each entry of the variables."""
    pushforward = Pushforward(trace)
    blocks = []
    for i, variable in enumerate(trace.variables):
        if variable.size:
            (rows,) = over_basis(lambda t, i=i: [pushforward(i, t)], variable, 1, chunk, trace.result)  # type: ignore[misc]
            block = numpy.reshape(numpy.moveaxis(rows, 0, -1), (trace.result.size, *variable.shape))
            block = block if block.dtype == variable.dtype else block.astype(variable.dtype)
        else:
            block = zeros_beside(trace.result, (trace.result.size, *variable.shape), variable.dtype)
        blocks.append(as_tensor(block) if any(trace.tensors) else block)
    return blocks


class Pushforward:
    """The derivative of a trace's results along directions of its variables: the pullback of its pullback, recorded."""

    def __init__(self, trace: Trace) -> None:
        self.result = trace.result
        self.connected = trace.connected and modes.recording
        with enable_grad():
            self.cotangent = Tensor(zeros_beside(self.result, self.result.shape, self.result.dtype), requires_grad=True)
            self.pulled = flatten(trace.pull(self.cotangent))[0]

    def __call__(self, i: int, direction: Any) -> Any:
        """Along a direction of the variable at position i."""
        pulled, target = self.pulled[i], self.cotangent._record
        found: dict[Any, Any] = {}
        if isinstance(pulled, Tensor) and pulled.requires_grad and target is not None:
            recorded = self.connected or isinstance(direction, Tensor)
            seed: Any = as_tensor(direction) if recorded else direction
            found = pull_back(pulled._record, seed, [target], retain_graph=True, wrap=wrap if recorded else None)  # type: ignore[arg-type]
        part = found.get(target)
        return zeros_beside(self.result, self.result.shape, self.result.dtype) if part is None else part


def over_basis(f: Callable[[Any], list[Any]], like: Any, unit: complex, chunk: int, place: Any) -> list[Any]:
    """`f`, which returns a list of arrays, of each unit vector of the shape of `like`: the results, stacked.

    The unit vectors are where the array `place` is.
    """
    size = like.size
    parts = (each_of(f, beside(rows, place)) for rows in basis(like, unit, chunk))
    first = next(parts)
    if chunk >= size:
        return first
    if not all(isinstance(part, np.ndarray) for part in first):  # a tensor, or a batch of an outer vmap
        columns = zip(first, *parts, strict=True)
        return [numpy.concatenate(column) for column in columns]
    whole = [np.empty((size, *part.shape[1:]), part.dtype) for part in first]
    for start, part in zip(range(0, size, chunk), itertools.chain([first], parts), strict=True):
        for block, rows in zip(whole, part, strict=True):
            block[start : start + chunk] = rows
    return whole


def each_of(f: Callable[[Any], list[Any]], rows: Any) -> list[Any]:
    """`vmap(f)(rows)`, for what is known to be an array and a list of them."""
    level = Vmap(len(rows))
    results: list[Any] = []
    for result in inside(level, f, [enter(rows, level, 0)], {}):
        results.append(separate(leave(result, level, 0), [rows, *results]))
    return results


def basis(like: Any, unit: complex, chunk: int) -> Iterator[Any]:
    """The unit vectors of the shape of `like`, times `unit`, some at a time."""
    size = like.size
    for start in range(0, size, chunk):
        count = min(chunk, size - start)
        rows = np.zeros((count, size), like.dtype)
        rows[np.arange(count), start + np.arange(count)] = unit
        yield np.reshape(rows, (count, *like.shape))
