"""NumPy's universal functions on PyTorch tensors: how PyTorch calls each, in the dtypes that NumPy computes in."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from autograd_mini.devices.pytorch import reductions
from autograd_mini.devices.pytorch.dtypes import TO_NUMPY, to_torch

Function = Callable[..., Any]

# These take Python's numbers beside tensors
WITH_NUMBERS: dict[Any, Function] = {
    np.add: operator.add,
    np.subtract: operator.sub,
    np.multiply: operator.mul,
    np.divide: operator.truediv,
    np.power: operator.pow,
    np.equal: operator.eq,
    np.not_equal: operator.ne,
    np.less: operator.lt,
    np.less_equal: operator.le,
    np.greater: operator.gt,
    np.greater_equal: operator.ge,
    np.bitwise_and: operator.and_,
    np.bitwise_or: operator.or_,
    np.bitwise_xor: operator.xor,
    np.left_shift: operator.lshift,
    np.right_shift: operator.rshift,
}
SAME_NAME = (
    "arccos arccosh arcsin arcsinh arctan arctan2 arctanh copysign cos cosh deg2rad exp exp2 expm1 "
    "floor_divide fmax fmin fmod frexp gcd hypot isfinite isinf isnan lcm log log10 log1p log2 logaddexp "
    "logaddexp2 logical_and logical_not logical_or logical_xor maximum minimum matmul negative nextafter rad2deg "
    "reciprocal remainder signbit sin sinh sqrt square tan tanh float_power"
)


def of_numbers(compute: Function) -> Function:
    """A function of numbers that leaves truth values as they are, of which PyTorch has none."""
    return lambda x: x.clone() if x.dtype is torch.bool else compute(x)


def cube_root(x: torch.Tensor) -> torch.Tensor:
    root = torch.sign(x) * torch.abs(x) ** (1 / 3)
    better = root - (root - x / (root * root)) / 3  # a step of Newton's method, for the last digits
    return torch.where((x == 0) | ~torch.isfinite(better), root, better)


def heaviside(x: torch.Tensor, at_zero: torch.Tensor) -> torch.Tensor:
    return torch.where(torch.isnan(x), x, torch.heaviside(x, at_zero))


def fraction_and_whole(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    whole = torch.trunc(x)
    return torch.copysign(torch.where(torch.isinf(x), 0.0, x - whole), x), whole


def spacing(x: torch.Tensor) -> torch.Tensor:
    size = torch.abs(x)
    return torch.copysign(torch.nextafter(size, torch.full_like(size, torch.inf)) - size, x)


def vector_times_matrix(v: torch.Tensor, m: torch.Tensor) -> torch.Tensor:
    return torch.matmul(v.conj().unsqueeze(-2), m).squeeze(-2)


UFUNCS: dict[Any, Function] = {getattr(np, name): getattr(torch, name) for name in SAME_NAME.split()}
UFUNCS |= {
    **WITH_NUMBERS,
    np.ceil: of_numbers(torch.ceil),
    np.floor: of_numbers(torch.floor),
    np.trunc: of_numbers(torch.trunc),
    np.absolute: of_numbers(torch.abs),
    np.cbrt: cube_root,
    np.conjugate: torch.conj_physical,
    np.degrees: torch.rad2deg,
    np.divmod: lambda a, b: (torch.floor_divide(a, b), torch.remainder(a, b)),
    np.fabs: torch.abs,
    np.heaviside: heaviside,
    np.invert: torch.bitwise_not,
    np.ldexp: lambda x, e: x * torch.exp2(e.to(x.dtype)),
    np.matvec: lambda m, v: torch.matmul(m, v.unsqueeze(-1)).squeeze(-1),
    np.modf: fraction_and_whole,
    np.positive: torch.clone,
    np.radians: torch.deg2rad,
    np.rint: of_numbers(torch.round),
    np.sign: torch.sgn,
    np.spacing: spacing,
    np.vecdot: lambda a, b: torch.linalg.vecdot(a, b),
    np.vecmat: vector_times_matrix,
}


NUMBERS = {float, int}
FLOATS = {torch.float16, torch.float32, torch.float64}
SCALARS = {np.float32: torch.float32, np.float64: torch.float64}
NARROW = {torch.uint8, torch.int8, torch.int16, torch.int32}  # whole numbers that not every index fits into
SINGLE = np.dtype(np.float32)


def is_quick(ufunc: np.ufunc) -> bool:
    """Whether floating-point numbers of one dtype give numbers of that dtype, or truth values, as in PyTorch."""
    try:
        *given, result = ufunc.resolve_dtypes((SINGLE,) * ufunc.nin + (None,) * ufunc.nout)
    except TypeError:
        return False
    return ufunc.nout == 1 and set(given) == {SINGLE} and (result is SINGLE or result.kind == "b")


QUICK: dict[Any, Function] = {ufunc: compute for ufunc, compute in UFUNCS.items() if is_quick(ufunc)}
OF_TRUTHS: dict[Any, Function] = {
    ufunc: UFUNCS[ufunc]
    for ufunc in (
        *(np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.invert),
        *(np.logical_and, np.logical_or, np.logical_xor, np.logical_not),
    )
}
OF_WHOLES: dict[Any, Function] = {
    ufunc: UFUNCS[ufunc] for ufunc in (np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal)
}
TABLES = {**dict.fromkeys(FLOATS, QUICK), torch.bool: OF_TRUTHS, torch.int64: OF_WHOLES}
BY_DTYPE: dict[Any, dict[torch.dtype, Function]] = {
    ufunc: {dtype: table[ufunc] for dtype, table in TABLES.items() if ufunc in table} for ufunc in UFUNCS
}
NO_DTYPE: dict[torch.dtype, Function] = {}
TOLD_SLOWLY = RuntimeError, OverflowError, IndexError  # in NumPy's words, by the way that needs a plan


def quickly(ufunc: np.ufunc, a: Any, b: Any) -> Any:
    """What needs no plan: tensors of one dtype that PyTorch treats as NumPy does, and numbers beside one. Else None."""
    tensor, other = (a, b) if type(a) is torch.Tensor else (b, a)
    dtype = tensor.dtype
    compute = BY_DTYPE.get(ufunc, NO_DTYPE).get(dtype)
    if compute is None:
        return None
    kind = type(other)
    if kind is torch.Tensor:
        if other.dtype is not dtype:
            return None
    elif ufunc not in WITH_NUMBERS:
        return None
    elif kind not in NUMBERS:
        if SCALARS.get(kind) is not dtype:
            return None
        a, b = (tensor, other.item()) if tensor is a else (other.item(), tensor)
    elif kind is float and dtype not in FLOATS:
        return None
    try:
        return compute(a, b)
    except TOLD_SLOWLY:
        return None


def quickly_of_one(ufunc: np.ufunc, tensor: torch.Tensor) -> Any:
    """The same of one operand."""
    compute = BY_DTYPE.get(ufunc, NO_DTYPE).get(tensor.dtype)
    try:
        return None if compute is None else compute(tensor)
    except TOLD_SLOWLY:
        return None


def apart(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Whether two tensors are known to share no memory."""
    if not (a.is_contiguous() and b.is_contiguous()):
        return False
    start, other = a.data_ptr(), b.data_ptr()
    return start + a.nbytes <= other or other + b.nbytes <= start


# What is written into the first operand itself
IN_PLACE: dict[Any, Function] = {
    np.add: torch.Tensor.add_,
    np.subtract: torch.Tensor.sub_,
    np.multiply: torch.Tensor.mul_,
    np.divide: torch.Tensor.div_,
    np.exp: torch.Tensor.exp_,
    np.sqrt: torch.Tensor.sqrt_,
    np.square: torch.Tensor.square_,
    np.tanh: torch.Tensor.tanh_,
    np.log: torch.Tensor.log_,
    np.negative: torch.Tensor.neg_,
}


def quickly_in_place(ufunc: np.ufunc, tensor: torch.Tensor, *others: Any) -> bool:
    """Whether `ufunc(tensor, *others, out=tensor)` was done: of floating-point numbers, and of numbers beside them."""
    compute = IN_PLACE.get(ufunc)
    if compute is None or tensor.dtype not in FLOATS or ufunc.nin != 1 + len(others):
        return False
    for other in others:
        if type(other) is not torch.Tensor:
            if type(other) not in NUMBERS:
                return False
        elif other.dtype is not tensor.dtype or not apart(tensor, other):
            return False
    try:
        compute(tensor, *others)
    except TOLD_SLOWLY:
        return False
    return True


class Plan(NamedTuple):
    """How a universal function computes operands of certain dtypes."""

    compute: Function
    casts: tuple[torch.dtype | None, ...] | None  # what operands must become first
    numbers: tuple[torch.dtype, ...] | None  # what Python numbers become, where PyTorch takes none
    results: tuple[torch.dtype, ...]


OUT_OF_BOUNDS = "Python integer {number} out of bounds for {dtype}"


def in_bounds(ufunc: np.ufunc, kinds: list[Any], values: list[Any]) -> tuple[list[Any], list[Any]]:
    """Operands of which some are Python's whole numbers: beside narrow ones they must fit, or be compared in int64."""
    dtypes = [kind for kind in kinds if isinstance(kind, torch.dtype) and kind in NARROW]
    if len(dtypes) + kinds.count(int) < len(kinds):
        return kinds, values
    for value, kind in zip(values, kinds, strict=True):
        if kind is int and not all(torch.iinfo(dtype).min <= value <= torch.iinfo(dtype).max for dtype in dtypes):
            if ufunc not in OF_WHOLES:
                if (ufunc in OF_TRUTHS and ufunc not in WITH_NUMBERS) or not computes_wholes(ufunc, kinds):
                    break
                raise OverflowError(OUT_OF_BOUNDS.format(number=value, dtype=TO_NUMPY[dtypes[0]]))
            wide = [v.to(torch.int64) if isinstance(v, torch.Tensor) else v for v in values]
            return [torch.int64 if kind in NARROW else kind for kind in kinds], wide
    return kinds, values


def computes_wholes(ufunc: np.ufunc, kinds: list[Any]) -> bool:
    """Whether NumPy computes with whole numbers where it is given such."""
    loop = ufunc.resolve_dtypes((*(TO_NUMPY.get(kind, kind) for kind in kinds), *(None,) * ufunc.nout))
    return loop[0].kind in "iu"


PLANS: dict[Any, Plan] = {}  # by function, device kind, and the dtype or kind of number of each operand


def planned(ufunc: np.ufunc, kinds: Sequence[Any], device: torch.device, dtype: Any = None) -> Plan:
    """The plan for operands of these kinds: torch dtypes, NumPy's dtypes, Python's classes of numbers.

    Raises
    ------
    KeyError
        If PyTorch has no such function.
    TypeError
        If NumPy does not compute the function of such operands.
    """
    compute = UFUNCS[ufunc]
    given = [TO_NUMPY.get(kind, kind) for kind in kinds]
    given = [np.dtype(bool) if kind is bool else kind for kind in given]
    asked: Any = {} if dtype is None else {"signature": (None,) * ufunc.nin + (np.dtype(dtype),) * ufunc.nout}
    loop = ufunc.resolve_dtypes((*given, *(None,) * ufunc.nout), **asked)
    wanted = [to_torch(part, device) for part in loop]
    ours, results = wanted[: ufunc.nin], tuple(wanted[ufunc.nin :])
    casts = tuple(w if isinstance(k, torch.dtype) and k is not w else None for k, w in zip(kinds, ours, strict=True))
    takes = ufunc in WITH_NUMBERS and bool not in kinds and np.dtype(bool) not in kinds
    numbers = None if takes or all(isinstance(k, torch.dtype) for k in kinds) else tuple(ours)
    plan = Plan(compute, casts if any(casts) else None, numbers, results)
    PLANS[ufunc, device.type, dtype, *kinds] = plan
    return plan


def computed(ufunc: np.ufunc, kinds: list[Any], values: list[Any], device: torch.device, dtype: Any = None) -> Any:
    """A universal function of tensors and Python numbers: a tensor, or a tuple of them."""
    plan = PLANS.get((ufunc, device.type, dtype, *kinds)) or planned(ufunc, kinds, device, dtype)
    compute, casts, numbers, wanted = plan
    if casts is not None:
        values = [value if new is None else value.to(new) for value, new in zip(values, casts, strict=True)]
    if numbers is not None:
        values = [
            v if type(v) is torch.Tensor else torch.full((), v, dtype=new, device=device)
            for v, new in zip(values, numbers, strict=True)
        ]
    out = compute(*values)
    if type(out) is torch.Tensor:
        return out if out.dtype is wanted[0] else out.to(wanted[0])
    return tuple(part if part.dtype is new else part.to(new) for part, new in zip(out, wanted, strict=True))


# Methods of universal functions


def outer(ufunc: np.ufunc, a: torch.Tensor, b: torch.Tensor) -> Any:
    return computed(ufunc, [a.dtype, b.dtype], [a.reshape(a.shape + (1,) * b.ndim), b], a.device)


METHODS: dict[str, Function] = {
    "reduce": reductions.reduced,
    "accumulate": reductions.accumulated,
    "reduceat": reductions.of_runs,
    "outer": outer,
}
