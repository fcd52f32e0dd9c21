"""Calls of NumPy's functions, right ones and wrong ones, drawn from their signatures; nothing is compared here.

An argument is drawn by the name of its parameter. A function whose arguments must fit each other has a way of its own.
"""

import inspect
import string
from typing import Any, NamedTuple

import numpy as np

SHAPES = ((), (0,), (1,), (3,), (4,), (2, 3), (3, 3), (3, 1), (1, 3), (0, 3), (3, 0), (2, 3, 3), (2, 1, 3), (2, 2))
DTYPES = (float, float, float, "f4", "f4", "f2", complex, "c8", int, "i1", bool)


class Operand(NamedTuple):
    """An array that a tensor may stand for."""

    array: Any


class Call(NamedTuple):
    """One call of a function, or of a universal function's method."""

    function: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    method: str = "__call__"

    def __str__(self) -> str:
        name = getattr(self.function, "__name__", self.function)
        module = getattr(self.function, "__module__", None) or "numpy"
        written = [shown(arg) for arg in self.args] + [f"{key}={shown(value)}" for key, value in self.kwargs.items()]
        method = "" if self.method == "__call__" else f".{self.method}"
        return f"{module.replace('numpy', 'np')}.{name}{method}({', '.join(written)})"

    def run(self, convert: Any) -> Any:
        """The result with `convert(array)` in the place of each operand."""
        function = getattr(self.function, self.method) if self.method != "__call__" else self.function
        return function(*converted(self.args, convert), **converted(self.kwargs, convert))

    def rounding(self) -> float:
        """The relative rounding of the coarsest floating-point numbers that take part."""
        dtypes = [array.dtype for array in operands((self.args, self.kwargs))]
        dtypes += [np.dtype(self.kwargs[name]) for name in ("dtype",) if self.kwargs.get(name) is not None]
        return max((float(np.finfo(dtype).eps) for dtype in dtypes if dtype.kind in "fc"), default=2e-16)


def operands(tree: Any) -> list[Any]:
    """The arrays of the operands in nested lists, tuples and dicts."""
    if isinstance(tree, Operand):
        return [np.asarray(tree.array)]
    parts = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list | tuple) else ()
    return [array for part in parts for array in operands(part)]


def shown(value: Any) -> str:
    """A value as it is written."""
    if isinstance(value, Operand):
        return f"t({shown(value.array)})"
    if isinstance(value, np.ndarray):
        return f"np.array({value.tolist()!r}, {value.dtype.name!r})" if value.size else f"np.zeros({value.shape})"
    if isinstance(value, list | tuple):
        inner = ", ".join(map(shown, value))
        return f"[{inner}]" if isinstance(value, list) else f"({inner},)" if len(value) == 1 else f"({inner})"
    return getattr(value, "__name__", None) or repr(value)


def converted(tree: Any, convert: Any) -> Any:
    """Nested lists, tuples and dicts with each operand converted."""
    if isinstance(tree, Operand):
        return convert(tree.array)
    if isinstance(tree, dict):
        return {key: converted(value, convert) for key, value in tree.items()}
    if type(tree) in (list, tuple):
        return type(tree)(converted(value, convert) for value in tree)
    return tree


class Drawing:
    """A source of arguments, all from one seed; `shape` and `dtype` are those of the first array."""

    def __init__(self, seed: Any, finite: bool) -> None:
        self.finite = finite
        self.rng = np.random.default_rng(seed)
        self.shape: tuple[int, ...] = self.one_of(*SHAPES)
        self.dtype = self.one_of(*DTYPES)
        self.first = True

    def one_of(self, *values: Any) -> Any:
        """One of the values, each as likely."""
        return values[self.rng.integers(len(values))]

    def chance(self, share: float) -> bool:
        """True in that share of the cases."""
        return bool(self.rng.random() < share)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def near(self) -> tuple[int, ...]:
        """A shape that often fits the first one."""
        if self.first or self.chance(0.6):
            self.first = False
            return self.shape
        if self.chance(0.6):
            cut = self.shape[self.rng.integers(self.ndim + 1) :]
            return tuple(1 if self.chance(0.2) else n for n in cut)
        return self.one_of(*SHAPES)

    def values(self, shape: Any, dtype: Any = None) -> Any:
        """An array: whole numbers with ties, or any numbers, seldom with NaN and infinities."""
        dtype = np.dtype(dtype if dtype is not None else self.dtype if self.chance(0.7) else self.one_of(*DTYPES))
        if dtype.kind in "biu":
            return self.rng.integers(0 if dtype.kind == "b" else -3, 2 if dtype.kind == "b" else 4, shape).astype(dtype)
        numbers = self.rng.integers(-2, 4, shape) * 1.0 if self.chance(0.4) else self.rng.normal(0, 2, shape)
        if dtype.kind == "c":
            numbers = numbers + 1j * self.rng.integers(-2, 3, shape)
        if not self.finite and self.chance(0.1):
            numbers = np.where(self.rng.random(shape) < 0.3, self.one_of(np.nan, np.inf, -np.inf), numbers)
        return np.asarray(numbers).astype(dtype)

    def array(self, shape: Any = None, dtype: Any = None) -> Operand:
        """An operand."""
        return Operand(self.values(self.near() if shape is None else shape, dtype))

    def arrays(self) -> Any:
        """A list or tuple of operands."""
        parts = [self.array() for _ in range(self.rng.integers(0 if self.chance(0.1) else 1, 4))]
        return parts if self.chance(0.8) else tuple(parts)

    def mask(self) -> Any:
        return self.rng.random(self.near()) < 0.6

    def axis(self) -> Any:
        """An axis of the first array, most often; or several, or one that it does not have."""
        ndim = max(self.ndim, 1)
        valid = int(self.rng.integers(-ndim, ndim))
        if self.chance(0.6):
            return valid
        return self.one_of(
            None, (0, 1), (0, -1), (valid,), (), (0, 0), (1, -1), ndim, -ndim - 1, 5, (0, 7), [0, 1], 1.5
        )

    def axes(self) -> Any:
        return self.one_of(self.axis(), self.axis(), (1, 0), (0, 1, 2), (-1, 0), (2, 0, 1), [0], (0, 1, -1))

    def number(self) -> Any:
        return self.one_of(0, 1, -1, 2, 0.5, -2.0, 3, np.float32(1.5), np.int64(2), 1j, True)

    def count(self) -> Any:
        return self.one_of(0, 1, 2, 3, 5, -1, -4, 1.5, np.int64(2))

    def some_shape(self) -> Any:
        size = int(np.prod(self.shape))
        return self.one_of(
            size, (-1,), (size, 1), (1, size), self.shape[::-1], (3, -1), (2, 3), 4, (-1, -1), (), (0, 3)
        )

    def indices(self) -> Any:
        number = self.one_of(0, 1, -1, 2, 4, -5, [0, 1], [1, 1, 0], [0, 7], [], [[0, 1], [1, 0]])
        return number if self.chance(0.6) else np.array(number, int if self.chance(0.9) else float)

    def dtype_name(self) -> Any:
        return self.one_of(None, float, "float32", "float16", int, complex, "int8", bool, "complex64")


# By the name of a parameter

NAMED: dict[str, Any] = {
    "axis": Drawing.axis,
    "axes": Drawing.axes,
    "axis1": Drawing.axis,
    "axis2": Drawing.axis,
    "axisa": Drawing.axis,
    "axisb": Drawing.axis,
    "axisc": Drawing.axis,
    "source": Drawing.axes,
    "destination": Drawing.axes,
    "keepdims": lambda d: d.one_of(True, True, False, 1),
    "dtype": Drawing.dtype_name,
    "ddof": lambda d: d.one_of(0, 1, 2, 0.5, 5),
    "correction": lambda d: d.one_of(0, 1, 0.5),
    "where": Drawing.mask,
    "initial": Drawing.number,
    "k": lambda d: d.one_of(0, 1, -1, 2, -5, 1.5),
    "n": Drawing.count,
    "N": lambda d: d.one_of(None, 0, 1, 2, 4, -1),
    "m": Drawing.count,
    "num": lambda d: d.one_of(0, 1, 2, 5, -1, 2.5),
    "ord": lambda d: d.one_of(None, 0, 1, 2, 3, -1, -2, 0.5, np.inf, -np.inf, "fro", "nuc", "f", "bad"),
    "p": lambda d: d.one_of(None, 1, -1, 2, -2, np.inf, -np.inf, "fro", "nuc", 3),
    "mode": lambda d: d.one_of("full", "same", "valid", "raise", "wrap", "clip", "reduced", "complete", "r", "no"),
    "method": lambda d: d.one_of("linear", "lower", "higher", "nearest", "midpoint", "hazen", "inverted_cdf", "no"),
    "q": lambda d: d.one_of(
        0.5, 0, 1, 0.3, [0.25, 0.75], np.array([[0.1, 0.9]]), 30, [10, 80.5], -1, 120, np.float32(0.3)
    ),
    "weights": lambda d: d.array() if d.chance(0.3) else Operand(np.abs(d.values(d.near(), float))),
    "shape": Drawing.some_shape,
    "new_shape": Drawing.some_shape,
    "order": lambda d: d.one_of("C", "F", "A", "K", "Z"),
    "copy": lambda d: d.one_of(True, None),
    "shift": lambda d: d.one_of(0, 1, -2, 7, (1, 2), 1.5),
    "start": lambda d: d.one_of(0, 1, 2, -1, 4),
    "repeats": lambda d: d.one_of(0, 1, 2, [1, 2], [2, 0, 1], -1, 1.5),
    "reps": lambda d: d.one_of(0, 1, 2, (2, 1), (1, 2, 2), -1),
    "decimals": lambda d: d.one_of(0, 1, -1, 2),
    "deg": lambda d: d.one_of(True, False),
    "offset": lambda d: d.one_of(0, 1, -1, 4),
    "rowvar": lambda d: d.one_of(True, False),
    "bias": lambda d: d.one_of(True, False),
    "fweights": lambda d: d.one_of(None, np.array([1, 2, 1]), np.array([1, 2, 0, 1])),
    "aweights": lambda d: d.one_of(None, np.array([1.0, 0.5, 2.0])),
    "indices_or_sections": lambda d: d.one_of(1, 2, 3, [1], [1, 2], [2, 1], [-1], 0, -1, np.array([1]), 1.5),
    "obj": lambda d: d.one_of(0, 1, -1, 5, [0, 1], [1, 1], slice(0, 2), slice(None, None, -1), [True, False, True], []),
    "values": Drawing.array,
    "indices": Drawing.indices,
    "kth": lambda d: d.one_of(0, 1, -1, [0, 1], 7),
    "kind": lambda d: d.one_of(None, "quicksort", "stable", "heapsort"),
    "stable": lambda d: d.one_of(None, True, False),
    "condition": Drawing.mask,
    "include_initial": lambda d: d.one_of(True, False),
    "returned": lambda d: d.one_of(True, False),
    "retstep": lambda d: d.one_of(True, False),
    "endpoint": lambda d: d.one_of(True, False),
    "base": lambda d: d.one_of(2, 10.0, np.array([2.0, 3.0])),
    "edge_order": lambda d: d.one_of(1, 2, 3),
    "trim": lambda d: d.one_of("f", "b", "fb", "bf", "FB", "x", ""),
    "tol": lambda d: d.one_of(1, 100),
    "norm": lambda d: d.one_of(None, "ortho", "forward", "backward", "no"),
    "s": lambda d: d.one_of(None, (2,), (2, 3), (4, -1), (0, 2)),
    "full_matrices": lambda d: d.one_of(True, False),
    "compute_uv": lambda d: d.one_of(True, False),
    "hermitian": lambda d: d.one_of(True, False),
    "upper": lambda d: d.one_of(True, False),
    "UPLO": lambda d: d.one_of("L", "U", "l", "X"),
    "rcond": lambda d: d.one_of(None, 1e-3, 1e-10),
    "rtol": lambda d: d.one_of(None, 1e-3),
    "ind": lambda d: d.one_of(1, 2, 0, -1),
    "nan": lambda d: d.one_of(0.0, 1.5),
    "posinf": lambda d: d.one_of(None, 3.0),
    "neginf": lambda d: d.one_of(None, -3.0),
    "fill_value": Drawing.number,
    "period": lambda d: d.one_of(None, 2.0, 0, -3.0),
    "left": Drawing.number,
    "right": Drawing.number,
    "discont": lambda d: d.one_of(None, 1.0),
    "to_end": lambda d: d.one_of(None, 1.0, [1.0, 2.0]),
    "to_begin": lambda d: d.one_of(None, 0, [1.0, 2.0]),
    "prepend": lambda d: d.array() if d.chance(0.5) else d.number(),
    "append": lambda d: d.array() if d.chance(0.5) else d.number(),
    "assume_unique": lambda d: d.one_of(False, True),
    "minlength": lambda d: d.one_of(0, 3, 6, -1),
    "min": lambda d: d.array() if d.chance(0.5) else d.number(),
    "max": lambda d: d.array() if d.chance(0.5) else d.number(),
    "window_shape": lambda d: d.one_of(1, 2, (2,), (2, 2), 5, -1, (1, 2, 2)),
    "increasing": lambda d: d.one_of(True, False),
    "sparse": lambda d: d.one_of(True, False),
    "indexing": lambda d: d.one_of("xy", "ij", "no"),
    "x": lambda d: d.array(),
    "dx": lambda d: d.one_of(1.0, 0.5, 2),
    "casting": lambda d: d.one_of("same_kind", "unsafe", "no", "safe"),
    "arrays": Drawing.arrays,
    "tup": Drawing.arrays,
    "equal_nan": lambda d: d.one_of(True, False),
    "return_index": lambda d: d.one_of(True, False),
    "return_inverse": lambda d: d.one_of(True, False),
    "return_counts": lambda d: d.one_of(True, False),
    "return_indices": lambda d: d.one_of(True, False),
    "cov": lambda d: d.one_of(True, False, "unscaled"),
    "full": lambda d: d.one_of(True, False),
    "w": lambda d: d.array(),
    "default": Drawing.number,
}
QUANTILES = ("quantile", "percentile", "nanquantile", "nanpercentile")  # no gradient flows through their weights
# Of these functions a parameter means something else.
OWN: dict[tuple[str, str], Any] = {
    ("trace", "dtype"): lambda d: d.one_of(None, "float32", complex),
    ("polyval", "p"): lambda d: d.array(d.one_of((3,), (1,), (0,), (2, 3))),
    ("polyder", "p"): lambda d: d.array(d.one_of((3,), (1,), (0,), (2, 3))),
    ("polyint", "p"): lambda d: d.array(d.one_of((3,), (1,), (0,), (2, 3))),
    ("roots", "p"): lambda d: d.array(d.one_of((3,), (1,), (0,), (2, 3), (4,))),
    ("unwrap", "p"): Drawing.array,
    ("polyint", "k"): lambda d: d.one_of(None, 1.0, [1.0, 2.0]),
    ("cov", "m"): Drawing.array,
    ("fliplr", "m"): Drawing.array,
    ("flipud", "m"): Drawing.array,
    ("flip", "m"): Drawing.array,
    ("rot90", "m"): Drawing.array,
    ("rot90", "axes"): lambda d: d.one_of((0, 1), (-1, 0), (1, 2), (0, 0), (0, 3), (0,), (0, 1, 2)),
    ("tril", "m"): Drawing.array,
    ("triu", "m"): Drawing.array,
    ("linspace", "start"): Drawing.array,
    ("geomspace", "start"): Drawing.array,
    ("logspace", "start"): Drawing.array,
    ("polyfit", "deg"): lambda d: d.one_of(0, 1, 2, -1),
    ("transpose", "axes"): lambda d: d.one_of(None, range(d.ndim)[::-1], Drawing.axes(d)),
    ("tensordot", "axes"): lambda d: d.one_of(0, 1, 2, (0, 0), (-1, 0), ([0, 1], [1, 0]), ([0], [0]), (0, 5), -1),
    ("tensorsolve", "axes"): lambda d: d.one_of(None, (0,), (0, 5)),
    ("astype", "dtype"): lambda d: d.one_of(float, "float32", complex, "float16"),
    ("take_along_axis", "indices"): lambda d: np.array(d.rng.integers(-2, 3, d.near())),
    ("interp", "period"): lambda d: d.one_of(None, None, 2.0, 0, -3.0),
    ("unstack", "axis"): lambda d: d.one_of(0, -1, 1, 7, None),
    ("copy", "order"): lambda d: d.one_of("K", "C"),
    ("sort", "order"): lambda d: None,
    ("partition", "order"): lambda d: None,
    ("partition", "kind"): lambda d: "introselect",
    ("full_like", "order"): lambda d: "K",
    ("full_like", "shape"): lambda d: None,
    **{(name, "axis"): lambda d: d.one_of(0, -1, 1, 3) for name in ("linspace", "geomspace", "logspace")},
    **{(name, "weights"): lambda d: np.abs(d.values(d.near(), float)) for name in QUANTILES},
}
LEFT_OUT = {
    "mean",
    "sorted",
    "assume_unique",
    "out",
    "subok",
    "device",
    "like",
    "writeable",
    "overwrite_input",
    "order",
}  # ours are told in other tests


def by_signature(function: Any, d: Drawing) -> Call:
    """Arguments for the required parameters, and for some of the others."""
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    name = function.__name__
    for p in inspect.signature(function).parameters.values():
        draw = OWN.get((name, p.name), NAMED.get(p.name, Drawing.array))
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            continue
        if p.default is p.empty:
            known = p.name in NAMED and p.name not in {"x", "min", "max", "p", "n", "m", "k", "w", "s"}
            args.append(draw(d) if known or (name, p.name) in OWN or p.name in {"n", "k"} else Drawing.array(d))
        elif d.chance(0.3) and (p.name not in LEFT_OUT or (name, p.name) in OWN):
            kwargs[p.name] = draw(d)
    return Call(function, tuple(args), kwargs)


# Functions whose arguments must fit each other


def matrix(d: Drawing) -> Operand:
    return d.array(d.one_of((3, 3), (3, 3), (2, 3, 3), (2, 2), (1, 1), (0, 0), (2, 3), (4, 2), (3,), (), (0, 3, 3)))


def well(d: Drawing) -> Operand:
    """A matrix that is far from singular, most often."""
    a = matrix(d).array
    if a.ndim < 2 or d.chance(0.2):
        return Operand(a)
    return Operand((a + 9 * np.eye(*a.shape[-2:])).astype(a.dtype))


def of_matrix(function: Any, d: Drawing) -> Call:
    call = by_signature(function, d)
    return call._replace(args=(well(d), *call.args[1:]))


def of_vectors(function: Any, d: Drawing) -> Call:
    call = by_signature(function, d)
    args = tuple(d.array(d.one_of((3,), (4,), (1,), (0,), (2, 3))) if isinstance(a, Operand) else a for a in call.args)
    return call._replace(args=args)


def of_spectrum(function: Any, d: Drawing) -> Call:
    """Of nothing NumPy reads memory that is not its own."""
    call = by_signature(function, d)
    return call if call.args[0].array.size else call._replace(args=(d.array((3, 2)),))


def product(function: Any, d: Drawing) -> Call:
    """Two arrays whose inner axes fit, most often."""
    n, extra = d.one_of(1, 2, 3, 0), {}
    first = d.one_of((n,), (2, n), (3, n), (2, 2, n), ())
    second = d.one_of((n,), (n, 2), (n, n), (2, n, 3), (3, n), (2, 2, n), ())
    if not isinstance(function, np.ufunc):
        extra = by_signature(function, d).kwargs
    elif d.chance(0.2):
        extra = {"axis": d.axis()} if function is np.vecdot else {"dtype": d.dtype_name()}
    return Call(function, (d.array(first), d.array(second)), extra)


def solve(function: Any, d: Drawing) -> Call:
    a = well(d)
    rows = a.array.shape[-2:-1] or (3,)
    b = d.array(d.one_of(rows, (*rows, 2), (*rows, 1), (3,), (2, 3)))
    return Call(function, (a, b), {"rcond": d.one_of(None, 1e-6)} if function is np.linalg.lstsq else {})


def of_ufunc(function: Any, d: Drawing) -> Call:
    kwargs: dict[str, Any] = {}
    if d.chance(0.2):
        kwargs["dtype"] = d.dtype_name()
    if d.chance(0.1):
        kwargs["casting"] = d.one_of("no", "safe", "unsafe", "same_kind")
    args = [d.array() for _ in range(function.nin)]
    if function is np.ldexp:
        args[1] = d.array(None, int)
    elif function.nin == 2 and d.chance(0.25):
        args[d.one_of(0, 1)] = d.number()
    if d.chance(0.05):
        args = args[:-1]  # more of them would be `out`
    return Call(function, tuple(args), kwargs)


def of_method(function: Any, d: Drawing) -> Call:
    """`np.add.reduce` and its like."""
    name = d.one_of("reduce", "reduce", "accumulate", "outer", "reduceat")
    if name == "outer":
        return Call(function, (d.array(), d.array()), {}, name)
    kwargs: dict[str, Any] = {"axis": d.axis()} if d.chance(0.7) else {}
    if name == "reduceat":
        return Call(function, (d.array(), d.one_of([0], [0, 1], [1, 0, 2], [7])), kwargs, name)
    if d.chance(0.2):
        kwargs["dtype"] = d.dtype_name()
    if name == "reduce":
        for option in ("keepdims", "initial"):
            if d.chance(0.2):
                kwargs[option] = NAMED[option](d)
    return Call(function, (d.array(),), kwargs, name)


def einsum(function: Any, d: Drawing) -> Call:
    terms, shapes = [], []
    for _ in range(d.one_of(1, 2, 2, 3)):
        labels = [d.one_of("i", "j", "k") for _ in range(d.one_of(0, 1, 2, 2))]
        shapes.append(tuple({"i": 2, "j": 3, "k": 2 if d.chance(0.9) else 1}[label] for label in labels))
        terms.append("".join(labels))
    if d.chance(0.2):
        terms[0] += "..."
        shapes[0] += d.one_of((), (2,), (2, 3))
    written = ",".join(terms)
    if d.chance(0.7):
        known = sorted(set(written) & set(string.ascii_letters))
        written += "->" + "".join(c for c in known if d.chance(0.6)) + d.one_of("", "", "", "...", "z", "ii")
    if d.chance(0.05):
        shapes[-1] = (*shapes[-1], 2)
    kwargs = {"optimize": True} if d.chance(0.2) else {}
    return Call(function, (written, *(d.array(shape) for shape in shapes)), kwargs)


def pad(function: Any, d: Drawing) -> Call:
    mode = d.one_of(
        "constant", "constant", "edge", "linear_ramp", "maximum", "mean", "median", "minimum", "reflect", "symmetric",
        "wrap", "no",
    )  # fmt: skip
    width = d.one_of(1, 2, (1, 2), ((1, 2),), ((1, 0), (0, 2)), 0, -1, 1.5, {0: 1}, {-1: (1, 2)}, {5: 1}, [[1], [2]])
    kwargs: dict[str, Any] = {} if d.chance(0.2) else {"mode": mode}
    if d.chance(0.5):
        option = d.one_of("constant_values", "end_values", "stat_length", "reflect_type")
        fitting = {"linear_ramp": "end_values", "reflect": "reflect_type", "symmetric": "reflect_type"}
        fitting |= dict.fromkeys(("maximum", "mean", "median", "minimum"), "stat_length")
        option = fitting.get(mode, "constant_values") if d.chance(0.8) else option
        kwargs[option] = {
            "reflect_type": lambda: d.one_of("even", "odd"),
            "stat_length": lambda: d.one_of(None, 1, 2, (1, 2), 9, 0, -1),
        }.get(option, lambda: d.one_of(0, 1.5, (1, -2), -1))()
    return Call(function, (d.array(), width), kwargs)


def gradient(function: Any, d: Drawing) -> Call:
    f = d.array(d.one_of((4,), (3,), (3, 4), (2, 3), (1,), (0,), (), (2,)))
    shape = f.array.shape
    kwargs = {option: NAMED[option](d) for option in ("axis", "edge_order") if d.chance(0.3)}
    d.shape = shape
    if "axis" in kwargs:
        kwargs["axis"] = d.axis()
    spacing = lambda n: d.one_of(2.0, 0.5, Operand(np.cumsum(d.rng.random(n) + 0.1)), np.arange(n) * 1.0, 2)
    args = (
        [spacing(n) for n in shape] if d.chance(0.3) else [spacing(shape[0] if shape else 1)] if d.chance(0.4) else []
    )
    return Call(function, (f, *args), kwargs)


def interp(function: Any, d: Drawing) -> Call:
    n = d.one_of(1, 2, 4, 4, 0)
    m = n if d.chance(0.8) else d.one_of(1, 2, 3)
    knots = np.sort(d.values((n,), float)) if d.chance(0.9) else d.values(d.one_of((n,), (2, 2)))
    kwargs = {option: NAMED[option](d) for option in ("left", "right") if d.chance(0.2)}
    if d.chance(0.2):
        kwargs["period"] = d.one_of(None, 2.0, 0, -3.0)
    return Call(function, (d.array(), Operand(knots), d.array((m,))), kwargs)


def select(function: Any, d: Drawing) -> Call:
    n = d.one_of(0, 1, 2, 2, 3)
    conditions = [d.mask() if d.chance(0.9) else d.values(d.near(), int) for _ in range(n)]
    choices = [d.array() for _ in range(n if d.chance(0.9) else 1)]
    return Call(function, (conditions, choices), {"default": d.number()} if d.chance(0.3) else {})


def choose(function: Any, d: Drawing) -> Call:
    index = d.rng.integers(0, 3 if d.chance(0.3) else 2, d.near())
    kwargs = {"mode": d.one_of("raise", "wrap", "clip", "no")} if d.chance(0.4) else {}
    return Call(function, (index, [d.array(), d.array()]), kwargs)


def piecewise(function: Any, d: Drawing) -> Call:
    x = d.array(None, d.one_of(*DTYPES[:-1]))
    n = d.one_of(1, 2)
    conditions = [d.rng.random(x.array.shape) < 0.5 for _ in range(n)]
    conditions = [d.mask()] if n == 1 and x.array.size and d.chance(0.1) else conditions
    functions = [d.one_of(np.negative, 2.0, -1, np.square, np.abs) for _ in range(n + d.one_of(0, 0, 1, 2))]
    return Call(
        function, (x, conditions[0] if n == 1 and x.array.size and d.chance(0.3) else conditions, functions), {}
    )


def along(function: Any, d: Drawing) -> Call:
    one = d.one_of(np.sum, np.sort, np.max, np.diff, np.outer)
    args = (d.one_of(np.array([1.0, 2.0]), 2.0),) if one is np.outer else ()
    a = d.array()
    return Call(function, (one, d.axis(), a, *args), {})


def over(function: Any, d: Drawing) -> Call:
    return Call(function, (d.one_of(np.sum, np.max, np.mean), d.array(), d.axes()), {})


def several(function: Any, d: Drawing) -> Call:
    """Functions of any number of arrays."""
    arrays = d.arrays()
    kwargs = {"sparse": True} if function is np.meshgrid and d.chance(0.2) else {}
    if function is np.meshgrid and d.chance(0.3):
        kwargs["indexing"] = NAMED["indexing"](d)
    return Call(function, tuple(arrays), kwargs)


def block(function: Any, d: Drawing) -> Call:
    row = lambda: [d.array() for _ in range(d.one_of(1, 2, 0) if d.chance(0.1) else d.one_of(1, 2))]
    return Call(function, (d.one_of(row(), [row(), row()], d.array(), [row(), d.array()], tuple(row())),), {})


def chain(function: Any, d: Drawing) -> Call:
    n, lengths = d.one_of(2, 3, 4), [d.one_of(2, 3, 1) for _ in range(5)]
    shapes = [(lengths[i], lengths[i + 1]) for i in range(n)]
    if d.chance(0.3):
        shapes[0] = shapes[0][1:]
    if d.chance(0.3):
        shapes[-1] = shapes[-1][:1]
    if d.chance(0.1):
        shapes[0] = d.one_of((), (2, 2, 2), (5, 5))
    return Call(function, ([d.array(shape) for shape in shapes[: None if d.chance(0.9) else 1]],), {})


def power(function: Any, d: Drawing) -> Call:
    return Call(function, (well(d), d.one_of(0, 1, 2, 3, 5, -1, -2, 1.5, np.int64(2))), {})


def norm(function: Any, d: Drawing) -> Call:
    call = by_signature(function, d)
    if d.chance(0.5) and "ord" not in call.kwargs:
        call.kwargs["ord"] = NAMED["ord"](d)
    return call


def bincount(function: Any, d: Drawing) -> Call:
    n = d.one_of(0, 1, 3, 4)
    x = d.rng.integers(0 if d.chance(0.9) else -1, 4, n)
    kwargs = {"minlength": NAMED["minlength"](d)} if d.chance(0.3) else {}
    if d.chance(0.9):
        kwargs["weights"] = d.array((n,) if d.chance(0.9) else None)
    return Call(function, (x if d.chance(0.9) else x * 1.0,), kwargs)


def insert(function: Any, d: Drawing) -> Call:
    kwargs = {"axis": d.axis()} if d.chance(0.7) else {}
    a, values = d.array(), d.one_of(d.array(), d.array(()), d.number())
    if not a.array.size:  # where NumPy broadcasts nothing to nothing of any shape
        values = d.number()
    return Call(function, (a, NAMED["obj"](d), values), kwargs)


def clip(function: Any, d: Drawing) -> Call:
    ends = [d.one_of(None, d.number(), d.array()) for _ in range(2)]
    return Call(function, (d.array(), *ends), {}) if d.chance(0.7) else Call(function, (d.array(),), {"min": ends[0]})


def where(function: Any, d: Drawing) -> Call:
    return Call(function, (d.mask() if d.chance(0.9) else d.values(d.near(), int), d.array(), d.array()), {})


def cross(function: Any, d: Drawing) -> Call:
    call = by_signature(function, d)
    shape = d.one_of((3,), (2, 3), (3, 3), (2, 3, 3), (4,), ())
    d.shape = shape
    return call._replace(args=(d.array(shape), d.array(d.one_of(shape, (3,), (2, 1, 3), (1, 3)))))


def poly(function: Any, d: Drawing) -> Call:
    return Call(function, (d.array(d.one_of((3,), (1,), (0,), (2, 2), (3, 3), (2, 3), ())),), {})


def fit(function: Any, d: Drawing) -> Call:
    call = by_signature(function, d)
    n = d.one_of(4, 5, 5, 1, 0)
    if "w" in call.kwargs:
        call.kwargs["w"] = d.one_of(np.ones(n), np.arange(n) + 1.0, np.ones(2), np.ones((n, 1)))
    x = Operand(np.arange(n) + d.rng.random(n)) if d.chance(0.8) else d.array()
    return call._replace(args=(x, d.array(d.one_of((n,), (n,), (n, 2), (3,))), call.args[2]))


WAYS: dict[Any, Any] = {
    **dict.fromkeys((np.dot, np.inner, np.vdot, np.matmul, np.vecdot, np.linalg.matmul, np.linalg.vecdot), product),
    **{getattr(np, name): product for name in ("matvec", "vecmat") if hasattr(np, name)},
    **dict.fromkeys((np.tensordot, np.linalg.tensordot), by_signature),
    **dict.fromkeys((np.linalg.solve, np.linalg.lstsq, np.linalg.tensorsolve), solve),
    **dict.fromkeys(
        (
            np.linalg.inv, np.linalg.det, np.linalg.slogdet, np.linalg.pinv, np.linalg.eigh, np.linalg.eigvalsh,
            np.linalg.eig, np.linalg.eigvals, np.linalg.svd, np.linalg.svdvals, np.linalg.qr, np.linalg.cholesky,
            np.linalg.cond, np.linalg.matrix_norm, np.linalg.tensorinv,
        ),
        of_matrix,
    ),
    **dict.fromkeys(
        (np.convolve, np.correlate, np.polyadd, np.polysub, np.polymul, np.polydiv, np.linalg.outer), of_vectors
    ),
    **dict.fromkeys((np.fft.irfft, np.fft.irfft2, np.fft.irfftn, np.fft.hfft), of_spectrum),
    **dict.fromkeys((np.broadcast_arrays, np.meshgrid, np.atleast_1d, np.atleast_2d, np.atleast_3d), several),
    np.einsum: einsum,
    np.pad: pad,
    np.gradient: gradient,
    np.interp: interp,
    np.select: select,
    np.choose: choose,
    np.piecewise: piecewise,
    np.apply_along_axis: along,
    np.apply_over_axes: over,
    np.block: block,
    np.linalg.multi_dot: chain,
    np.linalg.matrix_power: power,
    np.linalg.norm: norm,
    np.bincount: bincount,
    np.insert: insert,
    np.clip: clip,
    np.where: where,
    np.cross: cross,
    np.linalg.cross: cross,
    np.poly: poly,
    np.polyfit: fit,
}  # fmt: skip


OF_FINITE = {np.polyfit, np.roots, np.poly, np.interp, np.einsum, np.vecdot}  # inf - inf depends on the order of sums


def drawn(function: Any, seed: Any) -> Call:
    """One call of a function."""
    # LAPACK may never come back from an infinity.
    d = Drawing(seed, ".linalg" in (getattr(function, "__module__", None) or "") or function in OF_FINITE)
    if isinstance(function, np.ufunc):
        if function.nin == 2 and function.nout == 1 and function.signature is None and d.chance(0.4):
            return of_method(function, d)
        return WAYS.get(function, of_ufunc)(function, d)
    return WAYS.get(function, by_signature)(function, d)
