"""What many parts do with what a user wrote: counts are whole numbers, sizes positive ones, layers modules, inputs
anything like an array. What only one part asks for is checked there."""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd_mini import Batch, Tensor, devices, everywhere
from nn.module import Module

WHOLE = "{call}({option}={got!r}): write a whole number from {least} on."
NUMBER = "{call}({option}={got!r}): write a finite number, {bounds}."
SIZE = "{call}: {size} must be a positive whole number, such as {size}=16."
LAYER = "{name} was given {got} as layer {i}. Its layers are modules: {write}."
FUNCTION = "write `nn.Tanh()` for np.tanh, or a class of your own with a `forward`"
TABLE = (
    "A layer was given a {got} of which not all columns are numbers. Leave the others out, or make numbers of them: "
    "`table.select_dtypes('number')`."
)


def check_sizes(name: str, **sizes: Any) -> None:
    """Raise ValueError for the first of the sizes that is no positive whole number; None stands for no size."""
    for size, value in sizes.items():
        whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
        if value is not None and not (whole and value > 0):
            arguments = ", ".join(f"{other}={given!r}" for other, given in sizes.items())
            raise ValueError(SIZE.format(call=f"{name}({arguments})", size=size))


def whole(call: str, option: str, value: Any, least: int = 1) -> int:
    """The value as an int, or ValueError if it is no whole number or a smaller one."""
    try:
        count = least - 1 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        count = least - 1
    if count < least:
        raise ValueError(WHOLE.format(call=call, option=option, got=value, least=least))
    return count


def positive(call: str, option: str, value: Any, zero: bool = False) -> float:
    """The value as a float, or ValueError if it is not finite and above 0; with `zero`, from 0 on."""
    try:
        number = math.nan if isinstance(value, bool | str) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 <= number < math.inf or (number == 0 and not zero):
        bounds = "0 or more" if zero else "above 0"
        raise ValueError(NUMBER.format(call=call, option=option, got=value, bounds=bounds))
    return number


def is_number(value: Any) -> bool:
    """Whether it is a real number, so that comparing it with a bound makes sense."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def as_seed(rng: int | np.random.Generator | None) -> int:
    """One whole number that all random choices are derived from."""
    if rng is None:
        return int(np.random.SeedSequence().entropy)  # type: ignore[arg-type]
    if isinstance(rng, np.random.Generator):
        return int(rng.integers(2**63))
    return int(np.random.SeedSequence(operator.index(rng)).entropy)  # type: ignore[arg-type]


def check_layers(name: str, layers: Iterable[Any]) -> None:
    """Raise TypeError for the first of the layers that is no module, and so would be left out in silence."""
    for i, layer in enumerate(layers):
        if not isinstance(layer, Module):
            got, write = f"a {type(layer).__name__}", FUNCTION
            if isinstance(layer, type):
                got, write = f"the class {layer.__name__}", f"write `nn.{layer.__name__}()`, with parentheses, for one"
            elif isinstance(layer, list | tuple):
                write = f"write `nn.{name}(*layers)` for a list"
            raise TypeError(LAYER.format(name=name, got=got, i=i, write=write))


def as_input(x: Any, weights: Any = None) -> Any:
    """What a layer is given as it is, if it is a tensor or an array of any kind; a list, number or table as an array.

    Whole numbers that meet weights come in the precision of these, as NumPy would take float64 for most of them.
    """
    if type(x) is not np.ndarray and type(x) is not Tensor:
        x = devices.adopted(x) if hasattr(x, "ndim") and not hasattr(type(x), "iloc") else as_rows(x)
    return x if weights is None or x.dtype.kind not in "iub" else x.astype(weights.dtype)


def as_rows(x: Any) -> Any:
    """A list, a number or a table of pandas as an array."""
    array = np.asarray(x)
    if array.dtype.kind == "O":
        raise TypeError(TABLE.format(got=type(x).__name__))
    return array


def as_values(x: Any) -> Any:
    """The values of a tensor, without its history; of anything else, an array; arrays of other kinds as they are."""
    if type(x) is np.ndarray:
        return x
    if isinstance(x, Tensor):
        return x.data
    x = devices.adopted(x)
    return x if is_foreign(x) else np.asarray(x)


passes = devices.passes


def is_finite(number: Any) -> bool:
    """Whether a number is finite; of one that differs from call to call of a compiled step, a check."""
    return passes(np.isfinite(number)) if is_foreign(number) else everywhere(np.isfinite(number))


def is_batch(x: Any) -> bool:
    """Whether a value differs among the examples of a vmap, so that there is no one array of it."""
    return isinstance(x.data if isinstance(x, Tensor) else x, Batch)


def is_foreign(x: Any) -> bool:
    """Whether NumPy's functions hand over to it, as they do to what is batched or recorded."""
    return not isinstance(x, np.ndarray) and hasattr(type(x), "__array_function__")


def all_values(x: Any) -> Any:
    """The values that a check looks at: inside a vmap those of all examples, which the first axes then count."""
    values = as_values(x)
    while isinstance(values, Batch):
        values = values.values
    return values


def as_scores(s: Any, weights: Any = None) -> Any:
    """The same as floating-point numbers, because differences of unsigned whole ones go around at 0."""
    s = as_input(s, weights)
    return s.astype(float) if s.dtype.kind in "iub" else s
