"""Hypothesis strategies for what derivatives are tested on: arrays within a domain, shapes, axes, indices, operands.

Only the drawing lives here; nothing is differentiated. Importing this module needs the extra `testing`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from hypothesis.strategies import DrawFn, SearchStrategy

from autograd_mini.domains import REAL, Case, Domain, Interval
from autograd_mini.primitive import display_name, primitives
from autograd_mini.tensor import Tensor

Shape = tuple[int, ...]
Shapes = int | Shape | SearchStrategy[Shape] | None
Dtypes = Any  # a dtype, a list of them, or a strategy
Kinks = Callable[..., Any] | Sequence[float] | None

SIMPLE = (1.0, 0.5, 2.0, -1.0, 3.0, 1.5, -0.5, 0.25, -2.0, 0.75, 0.0)
LARGEST = 10.0
SMALLEST = 1e-3
MARGIN = 0.05
LETTERS = "ijklmnpq"
GOLDEN = (math.sqrt(5) - 1) / 2
WRONG_AXES = "axes({ndim!r}) was called, but axes are counted in a number of dimensions. Write `axes(x.ndim)`."
NO_ROOM = (
    "A value was asked for in the open interval ({low}, {high}), at least {margin} from either end, and there is none. "
    "Write a wider `domain`, or a smaller `margin`."
)
WRONG_DTYPE = "dtype {dtype} was asked for, and derivatives are of floating-point or complex numbers: float64, say."
NO_DOMAIN = (
    "operands({name}) was called, but {name} has no rule, so nothing says what it may be given. Register one with "
    "`autograd_mini.rule({name}, ..., cases=[case((2, 3))])`."
)
NO_CASES = (
    "operands({name}) was called, but its rule came without example calls, so nothing says of which shapes its "
    "operands are. Register it with `autograd_mini.rule({name}, ..., cases=[case((2, 3)), case((3,), axis=0)])`."
)


class Operands(NamedTuple):
    """Arguments that a primitive may be differentiated at: `function(*operands, **options)`."""

    operands: tuple[Any, ...]
    options: dict[str, Any]


def shapes(min_dims: int = 0, max_dims: int = 3, min_side: int = 0, max_side: int = 4) -> SearchStrategy[Shape]:
    """Small shapes, those without axes and without entries among them."""
    return npst.array_shapes(min_dims=min_dims, max_dims=max_dims, min_side=min_side, max_side=max_side)


def dtypes(wanted: Dtypes = None) -> SearchStrategy[Any]:
    """One dtype, one of a list, or one of a strategy; float64 by default."""
    if isinstance(wanted, SearchStrategy):
        return wanted.map(differentiable_dtype)
    if isinstance(wanted, list | tuple):
        return st.sampled_from([differentiable_dtype(one) for one in wanted])
    return st.just(differentiable_dtype(np.float64 if wanted is None else wanted))


def differentiable_dtype(wanted: Any) -> Any:
    """A dtype that has derivatives."""
    dtype = np.dtype(wanted)
    if dtype.kind not in "fc":
        raise TypeError(WRONG_DTYPE.format(dtype=dtype))
    return dtype


def bounds(domain: Interval, margin: float, largest: float = LARGEST) -> tuple[float, float]:
    """The closed interval from which values of a domain come: away from its ends, and not beyond `largest`.

    An end that is infinite is `largest` away from 0, or from the other end if there is one.
    """
    low, high = domain
    start = low + margin if math.isfinite(low) else min(-largest, high - largest)
    stop = high - margin if math.isfinite(high) else max(largest, low + largest)
    if not start <= stop:
        raise ValueError(NO_ROOM.format(low=low, high=high, margin=margin))
    return start, stop


def numbers(domain: Interval = REAL, *, margin: float = MARGIN, largest: float = LARGEST) -> SearchStrategy[float]:
    """Values of a domain: simple ones, ones of all magnitudes from a thousandth on, and any in between."""
    low, high = bounds(domain, margin, largest)
    simple = [x for x in (*SIMPLE, *(low + x for x in SIMPLE), *(high - x for x in SIMPLE)) if low <= x <= high]
    simple = simple or [(low + high) / 2]
    evenly = st.floats(low, high, allow_subnormal=False).filter(lambda x: abs(x) >= SMALLEST)
    powers = [s * 2.0**e for e in range(-9, math.frexp(max(abs(low), abs(high), SMALLEST))[1] + 1) for s in (1.0, -1.0)]
    powers = [p for p in powers if low <= p <= high]
    if not powers:
        return st.sampled_from(simple) | evenly
    scaled = st.builds(lambda p, f: min(max(p * f, low), high), st.sampled_from(powers), st.floats(1.0, 2.0))
    return st.sampled_from(simple) | evenly | scaled


@st.composite
def drawn_array(draw: DrawFn, shape: Shape, dtype: Any, *, domain: Interval, margin: float, largest: float) -> Any:
    """An array of one shape and dtype; a complex one has its real part in the domain."""
    elements = numbers(domain, margin=margin, largest=largest)
    size = math.prod(shape)
    values = np.array(draw(st.lists(elements, min_size=size, max_size=size)), float).reshape(shape)
    if dtype.kind == "c":
        imaginary = draw(st.lists(numbers(largest=largest), min_size=size, max_size=size))
        return (values + 1j * np.reshape(imaginary, shape)).astype(dtype)
    return values.astype(dtype)


def arrays(
    shape: Shapes = None,
    dtype: Dtypes = None,
    *,
    domain: Interval | tuple[float, float] = REAL,
    away_from: Kinks = None,
    margin: float = MARGIN,
    largest: float = LARGEST,
    min_side: int = 0,
    max_side: int = 4,
    max_dims: int = 3,
) -> SearchStrategy[Any]:
    r"""Arrays of values at which a function can be differentiated.

    Each value has :math:`a + m \le x \le b - m` for the domain (a, b) and the margin m. Some are simple, such as 1.0
    and 0.5, and failing examples shrink to those; others are of all magnitudes from 0.001 on.

    Parameters
    ----------
    shape : int, tuple of int or strategy, optional
        By default small shapes are drawn, also () and ones with an axis of length 0.
    dtype : dtype, list of dtypes or strategy, optional
        float64 by default. The imaginary part of complex numbers is not bound to the domain.
    domain : Interval or pair of float
        Open, with values from all of it; an infinite end stands for a distance of `largest`.
    away_from : sequence of float or callable, optional
        Points from which each entry stays `margin` away, or a function of the array that is zero at kinks and is to
        be larger than `margin` in absolute value, such as `lambda x: np.diff(np.sort(x, axis=None))`.
    margin : float
        The distance from the domain's ends and from kinks.
    largest : float
        What an infinite end of the domain stands for.
    min_side, max_side, max_dims : int
        Of drawn shapes.

    Returns
    -------
    strategy of ndarray

    Raises
    ------
    TypeError
        If a dtype has no derivatives.
    ValueError
        If the domain has no room for the margin.

    Examples
    --------
    >>> import numpy as np
    >>> from hypothesis import given
    >>> from autograd_mini.testing import arrays, check_derivatives
    >>> @given(arrays((3,), domain=(0, np.inf)))
    ... def test_log(x):
    ...     check_derivatives(np.log, x)
    """
    shape = (shape,) if isinstance(shape, int) else shape
    interval = Interval(*domain)
    bounds(interval, margin, largest)  # an error belongs to this call, not to the first draw
    kinds = dtypes(dtype)
    drawn = shapes(max_dims=max_dims, min_side=min_side, max_side=max_side) if shape is None else shape

    @st.composite
    def array(draw: DrawFn) -> Any:
        where = draw(drawn) if isinstance(drawn, SearchStrategy) else drawn
        values = draw(drawn_array(where, draw(kinds), domain=interval, margin=margin, largest=largest))
        return away([values], (interval,), away_from, margin, largest=largest)[0]

    return array()


def tensors(
    shape: Shapes = None, dtype: Dtypes = None, *, requires_grad: bool = True, **options: Any
) -> SearchStrategy[Tensor]:
    """Tensors that require grad, of values as `arrays` draws them and with its options.

    Parameters
    ----------
    shape, dtype, **options
        As for `arrays`.
    requires_grad : bool
        Of the tensors.

    Returns
    -------
    strategy of Tensor

    Examples
    --------
    >>> import numpy as np
    >>> from hypothesis import given
    >>> from autograd_mini.testing import tensors
    >>> @given(tensors(dtype=[np.float32, np.float64]))
    ... def test_gradient_keeps_its_dtype(t):
    ...     np.sum(np.tanh(t)).backward()
    ...     assert t.grad.dtype == t.dtype
    """
    return arrays(shape, dtype, **options).map(lambda values: Tensor(values, requires_grad=requires_grad))


def away(
    values: Sequence[Any],
    intervals: Sequence[Interval],
    kinks: Kinks,
    margin: float,
    *,
    largest: float = LARGEST,
    accept: Callable[..., Sequence[Any]] | None = None,
    **options: Any,
) -> list[Any]:
    """Values like these, with every kink at least `margin` away; the example is dropped if none are found.

    They are mixed with values that have no pattern, more and more until it helps: domains are convex. `accept` turns
    the values into what is used, such as well-conditioned matrices.
    """
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        mixed = []
        for i, a in enumerate(values):
            low, high = bounds(intervals[min(i, len(intervals) - 1)], margin, largest)
            if not share or a.dtype.kind not in "fc":
                mixed.append(a)
                continue
            pattern = low + (high - low) * np.modf(GOLDEN * (np.arange(a.size) + 1 + 0.37 * i) + 0.21)[0]
            mixed.append(((1 - share) * a + share * pattern.reshape(a.shape)).astype(a.dtype))
        used = list(accept(*mixed)) if accept else mixed
        if distance(used, kinks, options) > margin:
            return used
    assume(False)
    raise AssertionError


def distance(values: Sequence[Any], kinks: Kinks, options: dict[str, Any]) -> float:
    """How far the nearest kink is; infinite without any."""
    if kinks is None:
        return np.inf
    if callable(kinks):
        found = np.abs(kinks(*values, **options))
    else:
        found = np.abs(np.subtract.outer(np.asarray(values[0]), np.asarray(kinks, float)))
    return float(np.min(found, initial=np.inf))


def broadcastable(
    count: int = 2,
    *,
    only_shapes: bool = False,
    min_side: int = 0,
    max_side: int = 4,
    max_dims: int = 3,
    **options: Any,
) -> SearchStrategy[tuple[Any, ...]]:
    """Groups of arrays that broadcast against each other.

    Parameters
    ----------
    count : int
        How many arrays.
    only_shapes : bool
        Draw shapes, not arrays.
    min_side, max_side, max_dims : int
        Of their shapes. Axes of length 1 are drawn whatever `min_side` is: they are what broadcasts.
    **options
        As for `arrays`: `dtype`, `domain`, `away_from`, `margin`, `largest`.

    Returns
    -------
    strategy of tuple
        Of `count` arrays, or shapes.

    Examples
    --------
    >>> import numpy as np
    >>> from hypothesis import given
    >>> from autograd_mini.testing import broadcastable, check_derivatives
    >>> @given(broadcastable(2, max_side=2, max_dims=2))
    ... def test_product(operands):
    ...     check_derivatives(np.multiply, *operands)
    """
    groups = npst.mutually_broadcastable_shapes(
        num_shapes=count, min_side=min_side, max_side=max_side, max_dims=max_dims
    ).map(lambda found: tuple(found.input_shapes))
    if only_shapes:
        return groups
    return groups.flatmap(lambda group: st.tuples(*(arrays(shape, **options) for shape in group)))


def axes(ndim: int) -> SearchStrategy[Any]:
    """What the parameter `axis` of a reduction may be for an array of `ndim` axes.

    Parameters
    ----------
    ndim : int
        How many axes the array has.

    Returns
    -------
    strategy of None, int or tuple of int
        None, an axis counted from the front or from the back, or a tuple of different ones, also the empty tuple.

    Raises
    ------
    TypeError
        If `ndim` is not a number of dimensions.

    Examples
    --------
    >>> import numpy as np
    >>> from hypothesis import given, strategies as st
    >>> from autograd_mini.testing import axes, check_derivatives
    >>> @given(axes(3))
    ... def test_sum(axis):
    ...     check_derivatives(lambda x: np.sum(x, axis=axis), np.ones((2, 1, 3)))
    """
    if not isinstance(ndim, int) or ndim < 0:
        raise TypeError(WRONG_AXES.format(ndim=ndim))
    nothing: SearchStrategy[Any] = st.none() | st.just(())
    if not ndim:
        return nothing

    def signed(axis: int) -> SearchStrategy[int]:
        return st.sampled_from([axis, axis - ndim])

    one = st.integers(0, ndim - 1)
    several = st.lists(one, unique=True, min_size=1, max_size=ndim)
    return nothing | one.flatmap(signed) | several.flatmap(lambda group: st.tuples(*map(signed, group)))


def indices(shape: int | Shape) -> SearchStrategy[Any]:
    """What an array of a shape may be indexed with.

    Parameters
    ----------
    shape : int or tuple of int
        Of the array.

    Returns
    -------
    strategy
        Integers, slices with any step, Ellipsis and None; arrays and lists of integers, with repeats and from the back;
        booleans for one axis or for all; and all of these mixed.

    Examples
    --------
    >>> import numpy as np
    >>> from hypothesis import given
    >>> from autograd_mini.testing import check_derivatives, indices
    >>> @given(indices((3, 2)))
    ... def test_reading(index):
    ...     check_derivatives(lambda x: x[index], np.arange(6.0).reshape(3, 2) + 1)
    """
    shape = (shape,) if isinstance(shape, int) else shape
    mask = npst.arrays(bool, shape, elements=st.booleans(), fill=st.nothing())
    basic = npst.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True, max_dims=len(shape) + 2)
    return basic | mixed_indices(tuple(shape)) | mask


@st.composite
def mixed_indices(draw: DrawFn, shape: Shape) -> Any:
    """One part for each of the leading axes: a number, a slice, an array of numbers, a mask; and None, Ellipsis."""
    count = draw(st.integers(0, len(shape)))
    group = draw(st.sampled_from([(1,), (2,), (3,), (2, 1), (2, 2), (0,)]))
    skipped = draw(st.integers(0, count))  # where an Ellipsis leaves out axes
    ellipsis = draw(st.booleans())
    places = [i if i < skipped or not ellipsis else i + len(shape) - count for i in range(count)]
    parts: list[Any] = [draw(index_part(shape[place], group)) for place in places]
    if ellipsis:
        parts.insert(skipped, Ellipsis)
    for _ in range(draw(st.integers(0, 2))):
        parts.insert(draw(st.integers(0, len(parts))), None)
    if len(parts) == 1 and draw(st.booleans()):
        part = parts[0]
        return part.tolist() if isinstance(part, np.ndarray) and part.size else part
    return tuple(parts)


@st.composite
def index_part(draw: DrawFn, length: int, group: Shape) -> Any:
    """What one axis is indexed with; arrays have the shape `group`, or one that broadcasts to it."""
    kind = draw(st.sampled_from(["slice", "number", "numbers", "few", "mask"]))
    if kind == "mask" and len(group) == 1 and group[0] <= length:
        chosen = draw(st.permutations(range(length)))[: group[0]]
        return np.isin(np.arange(length), chosen)
    if kind == "slice" or (not length and 0 not in group):
        return draw(st.slices(length))
    number = st.integers(-length, length - 1)
    if kind == "number" and length:
        return draw(number)
    where = group if kind != "few" else (1,) if 0 not in group else group
    if not length and 0 not in where:
        return draw(st.slices(length))
    size = math.prod(where)
    values = draw(st.lists(number, min_size=size, max_size=size)) if size else []
    return np.array(values, int).reshape(where)


def einsum_specs(
    *, max_operands: int = 3, min_side: int = 1, max_side: int = 3
) -> SearchStrategy[tuple[str, tuple[Shape, ...]]]:
    """Calls of `np.einsum`: subscripts, and shapes of operands that they fit.

    Parameters
    ----------
    max_operands : int
        At most so many operands.
    min_side, max_side : int
        Of the lengths of axes.

    Returns
    -------
    strategy of (str, tuple of shapes)
        With and without `->`, with letters repeated within an operand (a diagonal) and between operands, with letters
        that one operand has alone, and with an ellipsis whose axes broadcast.

    Examples
    --------
    >>> import numpy as np
    >>> from hypothesis import given
    >>> from autograd_mini.testing import check_derivatives, einsum_specs
    >>> @given(einsum_specs(max_side=2))
    ... def test_einsum(spec):
    ...     subscripts, shapes = spec
    ...     operands = [np.linspace(0.5, 1.5, int(np.prod(shape))).reshape(shape) for shape in shapes]
    ...     check_derivatives(lambda *arrays: np.einsum(subscripts, *arrays), *operands, order=1)
    """
    return einsum_spec(max_operands, min_side, max_side)


@st.composite
def einsum_spec(draw: DrawFn, max_operands: int, min_side: int, max_side: int) -> tuple[str, tuple[Shape, ...]]:
    """One call of `np.einsum`."""
    side = st.integers(min_side, max_side)
    alphabet = LETTERS[: draw(st.integers(1, 4))]
    lengths = {letter: draw(side) for letter in alphabet}
    count = draw(st.integers(1, max_operands))
    terms = ["".join(draw(st.lists(st.sampled_from(alphabet), max_size=3))) for _ in range(count)]
    ellipsis = draw(st.booleans())
    group: tuple[Shape, ...] = ((),) * count
    if ellipsis:
        found = npst.mutually_broadcastable_shapes(num_shapes=count, min_side=min_side, max_side=max_side, max_dims=2)
        group = draw(found).input_shapes
    operands, written = [], []
    for term, extra in zip(terms, group, strict=True):
        place = draw(st.integers(0, len(term))) if ellipsis else 0
        before, after = term[:place], term[place:]
        dots = "..." if ellipsis and (extra or draw(st.booleans())) else ""
        written.append(before + dots + after)
        operands.append((*(lengths[x] for x in before), *extra, *(lengths[x] for x in after)))
    subscripts = ",".join(written)
    if draw(st.booleans()):
        used = sorted(set("".join(terms)))
        kept = "".join(draw(st.permutations(used)))[: draw(st.integers(0, len(used)))]
        place = draw(st.integers(0, len(kept))) if "..." in subscripts else 0
        subscripts += "->" + kept[:place] + ("..." if "..." in subscripts else "") + kept[place:]
    return subscripts, tuple(operands)


def operands(
    function: Callable[..., Any], dtype: Dtypes = None, *, margin: float = MARGIN, largest: float = 4.0
) -> SearchStrategy[Operands]:
    """Arguments at which a primitive is differentiable, as its rule says: intervals, kinks, example calls.

    Parameters
    ----------
    function : callable
        A NumPy function, or your own, that has a rule.
    dtype : dtype, list of dtypes or strategy, optional
        float64 by default. Operands that have no derivative are arrays of booleans.
    margin : float
        The distance from ends of intervals and from kinks.
    largest : float
        What an infinite end of an interval stands for.

    Returns
    -------
    strategy of (operands, options)
        Shapes and options of an example call; of functions that broadcast also drawn shapes. Operands of a function
        that takes a sequence of arrays are the arrays.

    Raises
    ------
    TypeError
        If `function` has no rule, or its rule no example calls.

    Examples
    --------
    >>> import numpy as np
    >>> from hypothesis import given
    >>> from autograd_mini import case, primitive, rule
    >>> from autograd_mini.testing import check_derivatives, operands
    >>> @primitive
    ... def cube(x):
    ...     return x**3
    >>> rule(cube, lambda g, _out, x: 3 * g * x * x, cases=[case((2, 3)), case(())])
    >>> @given(operands(cube))
    ... def test_cube(drawn):
    ...     check_derivatives(lambda x: cube(x, **drawn.options), *drawn.operands)
    """
    if function not in primitives:
        raise TypeError(NO_DOMAIN.format(name=display_name(function)))
    primitive = primitives[function]
    domain: Domain = primitive.domain
    if not domain.cases:
        raise TypeError(NO_CASES.format(name=primitive.name))
    masks = [not primitive.variadic and vjp is None for vjp in primitive.vjps]
    calls: SearchStrategy[Case] = st.sampled_from(domain.cases)
    if isinstance(function, np.ufunc) and function.signature is None:
        calls = calls | broadcastable(function.nin, only_shapes=True, max_dims=2).map(Case)
    kinds = dtypes(dtype)

    @st.composite
    def call(draw: DrawFn) -> Operands:
        case, kind = draw(calls), draw(kinds)

        def prepared(*values: Any) -> list[Any]:
            found = domain.prepare(*values) if domain.prepare else values
            return [a if a.dtype == bool else a.astype(kind) for a in (found if isinstance(found, tuple) else (found,))]

        values = []
        for i, shape in enumerate(case.shapes):
            if masks[i] if i < len(masks) else False:
                values.append(draw(npst.arrays(bool, shape, fill=st.nothing())))
            else:
                interval = domain.intervals[min(i, len(domain.intervals) - 1)]
                values.append(draw(drawn_array(shape, kind, domain=interval, margin=margin, largest=largest)))
        options = dict(case.options)
        kinks = None if any(masks) else domain.kinks
        found = away(values, domain.intervals, kinks, margin, largest=largest, accept=prepared, **options)
        return Operands(tuple(found), options)

    return call()
