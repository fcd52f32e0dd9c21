"""`vmap`: a function of one example as a function of many at once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_mini.arrays import is_array
from autograd_mini.batching.batch import Batch, Level, is_refusal
from autograd_mini.batching.crossing import Vmap, enter, leave
from autograd_mini.elsewhere import explained
from autograd_mini.graph import modes
from autograd_mini.levels import recording
from autograd_mini.tensor import Tensor
from autograd_mini.transforms.trees import flatten

if TYPE_CHECKING:
    from autograd_mini.typed import Derivative

SIZES = (
    "vmap was given axes of different lengths: {sizes}. Each argument's axis counts the same examples; write `in_axes` "
    "so that they do, with None for an argument that all examples share."
)
NO_AXIS = (
    "vmap(..., in_axes={axes!r}) was called with no argument that has an axis of examples. Write a number for one at "
    "least, such as in_axes=0."
)
COUNT = "vmap(..., in_axes={axes!r}) was called with {count} arguments. Write one number, or one for each of them."
FITS = (
    "vmap(..., {name}={axes!r}): {what} has another structure than its axes. Write one number for all of it, or a "
    "container of the same structure with a number or None for each array."
)
KIND = "vmap(..., {name}={axes!r}): an axis is a whole number, or None."
MISSING = (
    "vmap(..., in_axes={axes!r}): argument {argument} holds {what}, which has no axis {axis}. Write None for what all "
    "examples share, or give it an axis that counts the examples."
)
RESULT = "vmap needs a function that returns arrays, tensors or numbers, but {name} returned {what}."
STRAY = (
    "vmap: a result of {name} holds a value that was kept from inside of another vmap, which has ended. Return values "
    "from the function, and use what `vmap` returns."
)
NO_OUT_AXIS = (
    "vmap(..., out_axes={axes!r}): None asks for a result that is the same for all examples, but this one of {name} "
    "differs among them. Write the axis that is to count the examples."
)
OUT_AXIS = "vmap(..., out_axes={axes!r}): a result of {name} with the examples has {ndim} axes, and no axis {axis}."


@explained
def vmap(f: Callable[..., Any], in_axes: Any = 0, out_axes: Any = 0) -> Derivative:
    r"""`f` of one example as a function of many: :math:`(x_1, x_2, \dots) \mapsto (f(x_1), f(x_2), \dots)`.

    It gives what a loop gives, at the price of a few operations on all examples: `f` is called once, with values that
    stand for one example. It nests, also with `grad`, `vjp`, `jvp`, `jacobian`, `hessian`, `hvp` and `checkpoint`.

    Parameters
    ----------
    f : callable
        Takes and returns arrays or tensors, or nested containers of them, in terms of `np.*` functions. Tensors and
        modules that it uses without being given them are the same for all examples.
    in_axes : int, None, or a sequence with an entry for each argument
        Which axis counts the examples; None for what all of them share. For a container, an entry may be a container
        of the same structure. Keyword arguments are shared.
    out_axes : int, None, or a container of the structure of the result
        Where the examples are counted in the results; None for one that is the same for all of them.

    Returns
    -------
    callable
        Takes the arguments of `f`, each with an axis for the examples; returns its results with one.

    Raises
    ------
    ValueError
        If the axes differ in length, or no argument has one.
    TypeError
        If `f` asks for one value where the examples differ: in `if` and `while`, `float(x)`, an assignment.

    Notes
    -----
    Which functions have no batching rule and fall back to a loop, `loops()` counts. Random numbers that `f` draws by
    itself are the same for all examples; those of `nn`'s layers differ.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import grad, vmap
    >>> vmap(np.dot)(np.ones((3, 2)), np.arange(6.0).reshape(3, 2))
    array([1., 5., 9.])
    >>> vmap(grad(lambda x: np.sum(x**3)))(np.array([[1.0, 2.0], [3.0, 4.0]]))  # the gradient of each example
    array([[ 3., 12.],
           [27., 48.]])
    """

    @functools.wraps(f)
    def of_all(*args: Any, **kwargs: Any) -> Any:
        each = tuple(in_axes) if isinstance(in_axes, tuple | list) else (in_axes,) * len(args)
        if len(each) != len(args):
            raise ValueError(COUNT.format(axes=in_axes, count=len(args)))
        arguments = [Argument(i, arg, entry, in_axes) for i, (arg, entry) in enumerate(zip(args, each, strict=True))]
        sizes = {size for argument in arguments for size in argument.sizes()}
        if not sizes:
            raise ValueError(NO_AXIS.format(axes=in_axes))
        if len(sizes) > 1:
            raise ValueError(SIZES.format(sizes=", ".join(map(str, sorted(sizes)))))
        level = Vmap(sizes.pop())
        out = inside(level, f, [argument.inside(level) for argument in arguments], kwargs)
        results, rebuild = flatten(out)
        places = axes_of(out_axes, out, "out_axes", out_axes, "the result")
        arrays = [x for argument in arguments for x in argument.leaves]  # with which no result may share memory
        count = len(arrays)
        for x, axis in zip(results, places, strict=True):
            arrays.append(separate(returned(x, level, axis, out_axes, f), arrays))
        return rebuild(arrays[count:])

    return of_all


class Argument:
    """One argument of a call: its arrays, and for each the axis that counts the examples, or None."""

    def __init__(self, position: int, arg: Any, entry: Any, in_axes: Any) -> None:
        self.position, self.arg, self.in_axes = position, arg, in_axes
        self.leaves, self.rebuild = flatten(arg)
        self.axes = axes_of(entry, arg, "in_axes", in_axes, f"argument {position}")

    def sizes(self) -> list[int]:
        """How many examples each axis counts."""
        return [self.size(x, axis) for x, axis in zip(self.leaves, self.axes, strict=True) if axis is not None]

    def size(self, x: Any, axis: int) -> int:
        shape = np.shape(x) if is_array(x) else ()
        if not -len(shape) <= axis < len(shape):
            what = f"an array of shape {shape}" if is_array(x) else f"a {type(x).__name__}"
            raise ValueError(MISSING.format(axes=self.in_axes, argument=self.position, what=what, axis=axis))
        return int(shape[axis])

    def inside(self, level: Vmap) -> Any:
        """The argument with a batch for each array that has an axis."""
        if all(axis is None for axis in self.axes):
            return self.arg
        pairs = zip(self.leaves, self.axes, strict=True)
        return self.rebuild([x if axis is None else enter(x, level, axis) for x, axis in pairs])


def inside(level: Vmap, f: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Call `f` inside of a vmap."""
    try:
        with recording((*modes.levels, level)):
            return f(*args, **kwargs)
    except ValueError as error:
        if is_refusal(error):  # which says it better than NumPy
            raise error.__cause__ from None  # type: ignore[misc]
        raise


def axes_of(entry: Any, tree: Any, name: str, axes: Any, what: str) -> list[Any]:
    """An axis, or None, for each leaf of an argument or result."""
    leaves, _ = flatten(tree)
    if entry is None or isinstance(entry, int | np.integer):
        return [entry] * len(leaves)
    unfit = ValueError(FITS.format(name=name, axes=axes, what=what))
    if isinstance(entry, dict):
        if not isinstance(tree, dict) or entry.keys() != tree.keys():
            raise unfit
        return [axis for key, part in tree.items() for axis in axes_of(entry[key], part, name, axes, what)]
    if not isinstance(entry, tuple | list):
        raise TypeError(KIND.format(name=name, axes=axes))
    if not isinstance(tree, tuple | list) or len(entry) != len(tree):
        raise unfit
    return [axis for part, one in zip(tree, entry, strict=True) for axis in axes_of(one, part, name, axes, what)]


def returned(x: Any, level: Vmap, axis: int | None, axes: Any, f: Any) -> Any:
    """A result with an axis for the examples."""
    name = getattr(f, "__name__", repr(f))
    if not is_array(x) and not isinstance(x, float | int | complex):
        raise TypeError(RESULT.format(name=name, what=f"a {type(x).__name__}"))
    if axis is None:
        if level in levels_of(x):
            raise ValueError(NO_OUT_AXIS.format(axes=axes, name=name))
        return x
    if not set(levels_of(x)) <= {level, *modes.levels}:
        raise ValueError(STRAY.format(name=name))
    ndim = np.ndim(x) + 1
    if not -ndim <= axis < ndim:
        raise ValueError(OUT_AXIS.format(axes=axes, name=name, ndim=ndim, axis=axis))
    return leave(x, level, axis)


def levels_of(x: Any) -> list[Level]:
    """The vmaps among whose examples a value differs."""
    levels, values = [], x.data if isinstance(x, Tensor) else x
    while type(values) is Batch:
        levels.append(values.level)
        values = values.values
    return levels


def separate(array: Any, others: list[Any]) -> Any:
    """A result in memory of its own."""
    if not isinstance(array, np.ndarray):
        return array if getattr(array, "base", None) is None else array.copy()
    shared = any(isinstance(other, np.ndarray) and np.may_share_memory(array, other) for other in others)
    return array.copy() if shared or not array.flags.writeable else array
