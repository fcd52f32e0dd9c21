"""NumPy's functions in Dask's words, where Dask has none of that name, or knows fewer arguments. All of it is lazy.

What reads a whole axis, or whole matrices, gathers the chunks along them, and no others.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import dask.array as da
import numpy as np
from dask import delayed
from dask.array.reductions import cumreduction

Function = Callable[..., Any]
FUNCTIONS: dict[Function, Function] = {}  # called as NumPy's function is
NOT_GIVEN = np._NoValue


def says(*functions: Function) -> Callable[[Function], Function]:
    """`@says(np.sum)` above how it is said."""

    def register(compute: Function) -> Function:
        FUNCTIONS.update(dict.fromkeys(functions, compute))
        return compute

    return register


def dasks(function: Function) -> Function | None:
    """Dask's function of the same name, if it has one of its own."""
    found: Any = da
    for name in [*(getattr(function, "__module__", None) or "").split(".")[1:], function.__name__]:
        found = getattr(found, name, None)
    return None if found is function or not callable(found) or isinstance(found, type) else found


def in_one_task(function: Function, shape: tuple[int, ...], dtype: Any, *args: Any) -> Any:
    """A function of whole arrays, whose result is one chunk."""
    return da.from_delayed(delayed(function, pure=True)(*args), shape, dtype)


# Facts that need no values

FUNCTIONS[np.shape] = lambda a: a.shape
FUNCTIONS[np.ndim] = lambda a: a.ndim
FUNCTIONS[np.iscomplexobj] = lambda a: a.dtype.kind == "c"
FUNCTIONS[np.isrealobj] = lambda a: a.dtype.kind != "c"
FUNCTIONS[np.copy] = lambda a, order="K", subok=False: a.copy()
FUNCTIONS[np.array] = lambda a, dtype=None, copy=True, order="K", subok=False: da.array(a, dtype)


def created(function: Function) -> None:
    """A function that makes an array beside one, as `np.zeros(shape, dtype, like=x)` does."""
    of_dask: Any = dasks(function)
    says(function)(lambda shape, dtype=float, order="C": of_dask(shape, dtype=dtype))


for _function in (np.zeros, np.ones, np.empty):
    created(_function)
FUNCTIONS[np.full] = lambda shape, fill_value, dtype=None, order="C": da.full(shape, fill_value, dtype=dtype)


@says(np.size)
def size(a: Any, axis: Any = None) -> int:
    return a.size if axis is None else a.shape[axis]


# Entries


def parts_of(index: Any) -> tuple[Any, ...]:
    return index if isinstance(index, tuple) else (index,)


def is_array(part: Any) -> bool:
    return isinstance(part, np.ndarray | da.Array | list)


def reads_one_axis(index: Any) -> bool:
    """Whether an index is one that Dask knows: slices, whole numbers, and at most one line of them."""
    arrays = [part for part in parts_of(index) if is_array(part)]
    return not arrays or (len(arrays) == 1 and np.ndim(arrays[0]) == 1)


def read(a: Any, index: Any) -> Any:
    """`a[index]`; of several index arrays, in one task."""
    index = tuple(np.asarray(part) if isinstance(part, list) else part for part in parts_of(index))
    if reads_one_axis(index) or any(isinstance(part, da.Array) and part.dtype == bool for part in index):
        return da.Array.__getitem__(a, index)
    if any(math.isnan(n) for part in index for n in getattr(part, "shape", ())):
        raise NotImplementedError("the length of an index is not known before it is computed.")
    known = tuple(np.broadcast_to(0, part.shape) if isinstance(part, da.Array) else part for part in index)
    shape = np.broadcast_to(np.False_, a.shape)[known].shape
    return in_one_task(operator.getitem, shape, a.dtype, a, index)


def write(a: Any, index: Any, values: Any) -> None:
    """`a[index] = values`, which gives the array other tasks."""
    if any(part is None or is_array(part) for part in parts_of(index)):
        index, values = Ellipsis, in_one_task(assigned, a.shape, a.dtype, a, index, values)
    if getattr(values, "size", 1):
        da.Array.__setitem__(a, index, values)


def assigned(a: Any, index: Any, values: Any) -> Any:
    """In a task: a copy with other values at the index."""
    a = a.copy()
    a[index] = values
    return a


# Shapes


@says(np.reshape)
def reshape(a: Any, /, shape: Any = None, order: str = "C", *, newshape: Any = None, copy: Any = None) -> Any:
    shape = newshape if shape is None else shape
    shape = tuple(shape) if np.iterable(shape) else (shape,)
    if order == "F" and a.ndim + len(shape) > 2:
        return reshape(np.transpose(a), shape[::-1]).transpose()
    if not a.size:
        return da.zeros(np.broadcast_to(np.False_, a.shape).reshape(shape).shape, dtype=a.dtype)
    if not a.ndim and shape:
        a = a[None]
    if not shape and a.size != 1:
        raise ValueError(f"cannot reshape array of size {a.size} into shape ()")
    if not shape:
        return a[(0,) * a.ndim]
    try:
        return da.reshape(a, shape)
    except NotImplementedError:  # Dask merges axes, or splits one
        return a.reshape(-1).reshape(shape)


@says(np.ravel)
def ravel(a: Any, order: str = "C") -> Any:
    return reshape(a, -1, order="F" if order == "F" else "C")


@says(np.broadcast_to)
def broadcast_to(a: Any, shape: Any, subok: bool = False) -> Any:
    return da.broadcast_to(a, tuple(shape) if np.iterable(shape) else (shape,))


@says(np.matrix_transpose, np.linalg.matrix_transpose)
def matrix_transpose(a: Any, /) -> Any:
    return da.swapaxes(a, -1, -2)


# Sums and extremes


def is_given(option: Any) -> bool:
    return option is not NOT_GIVEN and option is not None


def masked(a: Any, where: Any, filler: Any) -> Any:
    return a if where is True or where is NOT_GIVEN else da.where(where, a, filler)


def edge(dtype: Any, largest: bool) -> Any:
    """The largest number, or the smallest, of a dtype."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return np.bool(largest)
    if dtype.kind in "iu":
        return dtype.type(np.iinfo(dtype).max if largest else np.iinfo(dtype).min)
    return dtype.type(np.inf if largest else -np.inf)


IDENTITIES: dict[np.ufunc, Callable[[Any], Any]] = {
    **dict.fromkeys((np.maximum, np.fmax), lambda dtype: edge(dtype, False)),
    **dict.fromkeys((np.minimum, np.fmin), lambda dtype: edge(dtype, True)),
}

ASSOCIATIVE = {*IDENTITIES, np.add, np.multiply, np.logaddexp, np.logaddexp2, np.hypot, np.gcd, np.lcm}
ASSOCIATIVE |= {np.logical_and, np.logical_or, np.logical_xor, np.bitwise_and, np.bitwise_or, np.bitwise_xor}


def check_associative(ufunc: np.ufunc) -> None:
    """Refuse what chunks cannot do by themselves."""
    if ufunc not in ASSOCIATIVE:
        raise NotImplementedError(f"{ufunc.__name__} of chunks is not that of the whole.")


def identity_of(ufunc: np.ufunc, dtype: Any) -> Any:
    """The number that changes nothing."""
    return IDENTITIES[ufunc](dtype) if ufunc in IDENTITIES else ufunc.identity


def of_chunk(
    a: Any, axis: Any = 0, keepdims: bool = False, *, ufunc: np.ufunc, dtype: Any, start: dict[str, Any]
) -> Any:
    """In a task: `ufunc.reduce`, with a signature that all versions of Dask can read."""
    return ufunc.reduce(a, axis=axis, keepdims=keepdims, dtype=dtype, **start)


def reduce(
    ufunc: np.ufunc,
    a: Any,
    axis: Any = 0,
    dtype: Any = None,
    out: None = None,
    keepdims: bool = False,
    initial: Any = NOT_GIVEN,
    where: Any = True,
) -> Any:
    """`ufunc.reduce`: of each chunk, and of what these give."""
    check_associative(ufunc)
    if ufunc in IDENTITIES and not is_given(initial) and masked(None, where, a) is not None:
        raise NotImplementedError("an extreme of some entries needs an initial value.")
    if ufunc in IDENTITIES and is_given(initial):
        initial = a.dtype.type(initial)
    start = {"initial": initial} if ufunc in IDENTITIES and is_given(initial) else {}  # also of no entries at all
    of_numbers = functools.partial(of_chunk, ufunc=ufunc, dtype=dtype, start=start)
    found_dtype = of_numbers(np.ones(1, a.dtype)).dtype
    a = masked(a, where, initial if is_given(initial) and ufunc in IDENTITIES else identity_of(ufunc, a.dtype))
    if not a.ndim:
        found = a.astype(found_dtype)
    else:
        found = da.reduction(a, of_numbers, of_numbers, axis, bool(keepdims), dtype=found_dtype)
    return ufunc(found, found_dtype.type(initial)) if is_given(initial) else found


def accumulate(ufunc: np.ufunc, a: Any, axis: int = 0, dtype: Any = None, out: None = None) -> Any:
    """`ufunc.accumulate`: of each chunk, and on from the last entry of the one before."""
    check_associative(ufunc)
    dtype = ufunc.accumulate(np.ones(1, a.dtype), dtype=dtype).dtype
    if not a.size:
        return a.astype(dtype)
    return cumreduction(ufunc.accumulate, ufunc, identity_of(ufunc, dtype), a, axis, dtype)


def scattered(ufunc: np.ufunc, target: Any, index: Any, values: Sequence[Any]) -> Any:
    """In a task: `ufunc.at` of a copy."""
    target = np.array(target)
    ufunc.at(target, index, *values)
    return target


def at(ufunc: np.ufunc, target: Any, index: Any, *values: Any) -> None:
    """`ufunc.at`, in one task; the array has the result's tasks then, as after an assignment."""
    target[...] = in_one_task(scattered, target.shape, target.dtype, ufunc, target, index, values)


def outer(ufunc: np.ufunc, a: Any, b: Any) -> Any:
    """`ufunc.outer`."""
    a = da.asarray(a)
    return ufunc(a[(..., *(None,) * np.ndim(b))], b)


METHODS: dict[str, Function] = {"reduce": reduce, "accumulate": accumulate, "at": at, "outer": outer}


def reduction(ufunc: np.ufunc, *functions: Function) -> None:
    """NumPy's function of that name as `ufunc.reduce` over all axes, or some."""

    def compute(
        a: Any,
        axis: Any = None,
        dtype: Any = None,
        out: None = None,
        keepdims: Any = False,
        **options: Any,
    ) -> Any:
        return reduce(ufunc, a, axis, dtype, None, is_given(keepdims) and keepdims, **options)

    def without_dtype(a: Any, axis: Any = None, out: None = None, keepdims: Any = False, **options: Any) -> Any:
        return compute(a, axis, None, None, keepdims, **options)

    says(*functions)(without_dtype if ufunc in {*IDENTITIES, np.logical_and, np.logical_or} else compute)


reduction(np.add, np.sum)
reduction(np.multiply, np.prod)
reduction(np.maximum, np.max)
reduction(np.minimum, np.min)
reduction(np.fmax, np.nanmax)
reduction(np.fmin, np.nanmin)


@says(np.mean)
def mean(
    a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: Any = False, *, where: Any = True
) -> Any:
    keepdims = is_given(keepdims) and keepdims
    if where is True or where is NOT_GIVEN:
        return da.mean(a, axis, dtype, keepdims)
    counted = da.sum(da.broadcast_to(where, a.shape), axis, keepdims=keepdims)
    found = da.mean(a[:0], dtype=dtype).dtype
    return (da.sum(masked(a, where, 0), axis, dtype, keepdims) / counted).astype(found)


@says(np.linalg.vector_norm)
def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    size = np.abs(x)
    if ord == np.inf:
        return np.max(size, axis=axis, keepdims=keepdims)
    if ord == -np.inf:
        return np.min(size, axis=axis, keepdims=keepdims)
    if ord == 0:
        return np.sum((x != 0).astype(size.dtype), axis=axis, keepdims=keepdims)
    if ord == 2:
        return np.sqrt(np.sum(size * size, axis=axis, keepdims=keepdims))
    return np.sum(size**ord, axis=axis, keepdims=keepdims) ** (1 / ord)


@says(np.linalg.multi_dot)
def multi_dot(arrays: Any, *, out: None = None) -> Any:
    return functools.reduce(np.dot, arrays)


def without_axis(function: Function) -> None:
    """Dask's function of one axis, also of all entries."""
    of_one: Any = dasks(function)

    @says(function)
    def compute(a: Any, *args: Any, axis: Any = None, keepdims: Any = False, **options: Any) -> Any:
        if options.get("weights") is not None:
            raise NotImplementedError("weights are not supported.")  # Dask takes them, and leaves them out
        if axis is not None:
            return of_one(a, *args, axis=axis, keepdims=bool(keepdims), **options)
        found = of_one(reshape(a, -1), *args, axis=0, **options)
        return reshape(found, (*found.shape, *(1,) * a.ndim)) if keepdims else found


for _function in (np.median, np.nanmedian, np.quantile, np.nanquantile, np.percentile, np.nanpercentile):
    if dasks(_function) is not None:  # older versions have not all of them
        without_axis(_function)


# Entry by entry


def by_block(function: Function) -> None:
    """A function that goes entry by entry."""

    @says(function)
    def compute(a: Any, **options: Any) -> Any:
        dtype = function(np.ones(1, a.dtype), **options).dtype
        return a.map_blocks(functools.partial(function, **options), dtype=dtype)


by_block(np.nan_to_num)


# Whole axes


def along(function: Function, a: Any, axes: Sequence[int], keyword: str, options: dict[str, Any]) -> Any:
    """A function that reads whole axes of an array, its keyword says which, and changes their length perhaps."""
    axes = [axis % a.ndim for axis in axes]
    last = {keyword: -1 if keyword == "axis" else tuple(range(-len(axes), 0))}
    found = function(np.ones([a.shape[axis] for axis in axes], a.dtype), **last, **options)
    core, made = ([f"{side}{i}" for i in range(len(axes))] for side in "ab")
    return da.apply_gufunc(
        functools.partial(function, **last, **options),
        f"({','.join(core)})->({','.join(made)})",
        a,
        axes=[tuple(axes)] * 2,
        output_dtypes=found.dtype,
        output_sizes=dict(zip(made, found.shape, strict=True)),
        allow_rechunk=True,
    )


def of_lines(function: Function) -> None:
    """A function that reads an array along one axis."""

    @says(function)
    def compute(a: Any, *args: Any, **options: Any) -> Any:
        names = LINES[function]
        options = {**dict(zip(names, args, strict=False)), **options}
        axis = options.pop("axis", -1)
        a = da.asarray(a)
        return along(function, a.reshape(-1) if axis is None else a, [-1 if axis is None else axis], "axis", options)


FFT = ("n", "axis", "norm", "out")
LINES: dict[Function, tuple[str, ...]] = {
    np.sort: ("axis", "kind", "order"),
    np.argsort: ("axis", "kind", "order"),
    np.unwrap: ("discont", "axis"),
    **dict.fromkeys((np.fft.fft, np.fft.ifft, np.fft.rfft, np.fft.irfft, np.fft.hfft, np.fft.ihfft), FFT),
}
for _function in LINES:
    of_lines(_function)


def of_planes(function: Function) -> None:
    """A Fourier transform along several axes."""

    @says(function)
    def compute(a: Any, s: Any = None, axes: Any = None, norm: Any = None) -> Any:
        if axes is None:
            axes = (-2, -1) if function.__name__.endswith("2") else range(-(a.ndim if s is None else len(s)), 0)
        return along(function, a, list(axes), "axes", {"s": s, "norm": norm})


for _function in (np.fft.fftn, np.fft.ifftn, np.fft.rfftn, np.fft.irfftn, np.fft.fft2, np.fft.ifft2, np.fft.rfft2):
    of_planes(_function)


@says(np.take_along_axis)
def take_along_axis(arr: Any, indices: Any, axis: Any = -1) -> Any:
    if axis is None:
        arr, axis = reshape(da.asarray(arr), -1), 0
    arr, indices = da.asarray(arr), da.asarray(indices)
    return da.apply_gufunc(
        functools.partial(np.take_along_axis, axis=-1),
        "(n),(m)->(m)",
        arr,
        indices,
        axes=[(axis,)] * 3,
        output_dtypes=arr.dtype,
        allow_rechunk=True,
    )


@says(np.take)
def take(a: Any, indices: Any, axis: Any = None, out: None = None, mode: str = "raise") -> Any:
    """Of an array whose chunks along the axis are gathered, which for a table of weights is all of it."""
    a, indices = da.asarray(a), da.asarray(indices)
    if axis is None:
        a, axis = reshape(a, -1), 0
    axis %= a.ndim
    before, after = a.shape[:axis], a.shape[axis + 1 :]
    names = [f"i{i}" for i in range(a.ndim + indices.ndim)]
    of_a, of_indices = names[: a.ndim], names[a.ndim :]
    return da.blockwise(
        functools.partial(taken, axis=axis, mode=mode),
        (*of_a[:axis], *of_indices, *of_a[axis + 1 :]),
        a.rechunk({axis: -1}) if a.shape[axis] else a,
        of_a,
        indices,
        of_indices,
        dtype=a.dtype,
        concatenate=True,
        meta=np.empty((0,) * (len(before) + indices.ndim + len(after)), a.dtype),
    )


@says(np.repeat)
def repeat(a: Any, repeats: Any, axis: Any = None) -> Any:
    a, axis = (reshape(a, -1), 0) if axis is None else (a, axis)
    return da.take(a, np.repeat(np.arange(a.shape[axis]), repeats), axis)


def triangle(function: Function) -> None:
    """One half of a matrix."""
    says(function)(lambda m, k=0: da.where(function(np.ones(m.shape[-2:], bool), k), m, m.dtype.type(0)))


triangle(np.tril)
triangle(np.triu)


@says(np.put_along_axis)
def put_along_axis(arr: Any, indices: Any, values: Any, axis: Any) -> None:
    indices = da.asarray(indices)
    arr[...] = in_one_task(put, arr.shape, arr.dtype, arr, indices, values, axis)


def put(arr: Any, indices: Any, values: Any, axis: Any) -> Any:
    """In a task: a copy with other values along an axis."""
    arr = arr.copy()
    np.put_along_axis(arr, indices, values, axis)
    return arr


def taken(a: Any, indices: Any, axis: int, mode: str) -> Any:
    """In a task: `np.take`."""
    return np.take(a, indices, axis, mode=mode)


# Matrices

MATRICES: dict[Function, str] = {
    np.linalg.inv: "(m,m)->(m,m)",
    np.linalg.pinv: "(m,n)->(n,m)",
    np.linalg.det: "(m,m)->()",
    np.linalg.slogdet: "(m,m)->(),()",
    np.linalg.cholesky: "(m,m)->(m,m)",
    np.linalg.eigh: "(m,m)->(m),(m,m)",
    np.linalg.eigvalsh: "(m,m)->(m)",
    np.linalg.eig: "(m,m)->(m),(m,m)",
    np.linalg.eigvals: "(m,m)->(m)",
    np.linalg.svdvals: "(m,n)->(k)",
    np.linalg.solve: "(m,m),(m,n)->(m,n)",
    np.linalg.matrix_power: "(m,m)->(m,m)",
}
QR = {"reduced": "(m,n)->(m,k),(k,n)", "complete": "(m,n)->(m,m),(m,n)", "r": "(m,n)->(k,n)"}
SVD = {True: "(m,n)->(m,m),(k),(n,n)", False: "(m,n)->(m,k),(k),(k,n)"}


def of_matrices(function: Function, signature: str, *arrays: Any, **options: Any) -> Any:
    """A function of matrices, those of a stack chunk by chunk."""
    compute = functools.partial(function, **options)
    arrays = tuple(map(da.asarray, arrays))
    sample = compute(*(np.eye(2, dtype=a.dtype)[: a.ndim] if a.ndim > 1 else np.ones(2, a.dtype) for a in arrays))
    found = sample if isinstance(sample, tuple) else (sample,)
    dtypes = [np.asarray(part).dtype for part in found]
    result = da.apply_gufunc(
        compute,
        signature,
        *arrays,
        output_dtypes=dtypes if isinstance(sample, tuple) else dtypes[0],
        output_sizes={"k": min(arrays[0].shape[-2:])},
        allow_rechunk=True,
    )
    return type(sample)(*result) if hasattr(sample, "_fields") else result


def matrices(function: Function, signature: str) -> None:
    """A function whose arguments beside the matrices are options."""
    count = signature.partition("->")[0].count("(")

    @says(function)
    def compute(*args: Any, **options: Any) -> Any:
        wanted = signature
        if function is np.linalg.solve and np.ndim(args[1]) == 1:
            wanted = "(m,m),(m)->(m)"
        names = ("n",) if function is np.linalg.matrix_power else ("rcond", "hermitian")
        options.update(zip(names, args[count:], strict=False))
        return of_matrices(function, wanted, *args[:count], **options)


for _function, _signature in MATRICES.items():
    matrices(_function, _signature)


@says(np.linalg.qr)
def qr(a: Any, mode: str = "reduced") -> Any:
    return of_matrices(np.linalg.qr, QR[mode], a, mode=mode)


@says(np.linalg.svd)
def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    signature = SVD[full_matrices] if compute_uv else "(m,n)->(k)"
    return of_matrices(
        np.linalg.svd, signature, a, full_matrices=full_matrices, compute_uv=compute_uv, hermitian=hermitian
    )
