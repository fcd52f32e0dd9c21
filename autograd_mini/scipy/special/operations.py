"""How a universal function of SciPy becomes operations of the graph; no derivative lives here.

Orders and shape parameters become options, which are constants: a tensor that requires grad in their place raises.
Each of several results becomes an operation of its own. All compute in double precision and give the dtype of their
operands.
"""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_mini.batching import batching_rule
from autograd_mini.batching.operands import aligned_wise
from autograd_mini.domains import case
from autograd_mini.primitive import composite, primitive

DOUBLE, SINGLE = np.float64, np.float32


def double(x: Any) -> Any:
    """`x` in double precision, real or complex."""
    x = np.asarray(x)
    return x.astype(np.result_type(x, DOUBLE), copy=False)


def precision(*values: Any) -> Any:
    """The real dtype of a result: single if no operand is double; whole numbers and Python's widen nothing."""
    dtypes = [x.dtype for x in values if getattr(x, "dtype", np.dtype(int)).kind in "fc"]
    return np.finfo(np.result_type(*dtypes, SINGLE)).dtype if dtypes else np.dtype(DOUBLE)


def as_precise(result: Any, *operands: Any) -> Any:
    """A result computed in double precision in the precision of the operands."""
    dtype = precision(*operands)
    return np.asarray(result).astype(np.result_type(dtype, np.complex64) if np.iscomplexobj(result) else dtype)


def precisely(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function(*operands, **options)` computed in double precision, in the precision of its operands and options."""

    def compute(*operands: Any, **options: Any) -> Any:
        wide = {name: double(value) if hasattr(value, "dtype") else value for name, value in options.items()}
        return as_precise(function(*map(double, operands), **wide), *operands, *options.values())

    compute.__name__, compute.__doc__, compute.__module__ = function.__name__, function.__doc__, __name__
    compute.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    made = primitive(compute)
    batching_rule(made)(aligned_wise(made))
    return made


def constants_of(v: Any, *operands: Any) -> Any:
    """Orders as their owner may not change them later: numbers, or a new array in the precision of all operands."""
    v = np.stack(v) if isinstance(v, list | tuple) else +v
    return v.astype(precision(v, *operands)) if hasattr(v, "dtype") else v


def whole(v: Any) -> Any:
    """Whole numbers as integers, for which SciPy has recurrences; others as they are."""
    return np.asarray(v, int) if np.all(np.equal(v, np.rint(v))) else v


def operations(function: np.ufunc, names: str, constants: str = "") -> Any:
    """The operations that `function`, called with arguments of these names, is made of: one for each of its results.

    Parameters
    ----------
    function : ufunc
        Of `scipy.special`; called on tensors, it becomes these operations.
    names : str
        Its arguments in order.
    constants : str
        Those that have no derivative, which become keyword options.

    Returns
    -------
    callable or tuple of callable
    """
    order, fixed = names.split(), constants.split()
    with_integers = any("l" in kind for kind in function.types)
    kinds = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    signature = inspect.Signature(
        [inspect.Parameter(name, kinds[0]) for name in order if name not in fixed]
        + [inspect.Parameter(name, kinds[1]) for name in fixed]
    )

    def result(index: int) -> Any:
        def compute(*operands: Any, **options: Any) -> Any:
            free = iter(operands)
            if with_integers:
                options = {name: whole(option) for name, option in options.items()}
            results = function(*[options[name] if name in fixed else next(free) for name in order])
            return results[index] if function.nout > 1 else results

        compute.__name__ = function.__name__ if function.nout == 1 else f"{function.__name__}[{index}]"
        compute.__doc__ = f"`scipy.special.{function.__name__}`."
        compute.__signature__ = signature  # type: ignore[attr-defined]
        return precisely(compute)

    parts = tuple(result(index) for index in range(function.nout))

    @composite(function)
    def _of_operations(*args: Any) -> Any:
        given = dict(zip(order, args, strict=True))
        operands = [given[name] for name in order if name not in fixed]
        options = {name: constants_of(given[name], *operands) for name in fixed}
        results = tuple(part(*operands, **options) for part in parts)
        return results if function.nout > 1 else results[0]

    by = ", ".join(name for name in order if name not in fixed)
    _of_operations.__doc__ = f"rule by {by}" + (f"; constant: {', '.join(fixed)}" if fixed else "")
    return parts if function.nout > 1 else parts[0]


def calls(*shapes: tuple[int, ...], **options: list[Any]) -> Any:
    """Example calls on operands of these shapes, one for each list of options."""
    count = max(map(len, options.values()), default=1)
    return tuple(case(*shapes, **{name: values[i] for name, values in options.items()}) for i in range(count))
