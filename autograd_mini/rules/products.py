"""Derivatives of products: of matrices and stacks of them, Einstein's sums, cross products, convolutions, windows."""

import functools
import math
import string

import numpy as np

from autograd_mini.devices import beside
from autograd_mini.domains import case
from autograd_mini.primitive import composite, constant, primitive, rule
from autograd_mini.rules.refusals import axis_of, numpys, require

EINSUM = (
    "np.einsum was called on a tensor with subscripts that do not fit its operands: {reason}. Write one term for each "
    "operand, with one label for each axis."
)
CROSS = (
    "np.cross was called on a tensor of vectors of length {length}. NumPy gives up vectors of length 2; append a zero "
    "to them, or write `a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]`."
)
LENGTHS = "A product of vectors was given operands whose vectors are of different lengths, or that hold none."


def conjugate(a):
    """The conjugate of complex numbers; real ones as they are, at no cost."""
    return np.conj(a) if np.iscomplexobj(a) else a


def columns(a):
    """The matrices of `a` transposed; a vector is a row."""
    return np.expand_dims(a, -1) if a.ndim == 1 else a.T if a.ndim == 2 else np.swapaxes(a, -1, -2)


def rows(a):
    """A stack of matrices as one matrix with all their rows."""
    return np.reshape(a, (math.prod(a.shape[:-1]), a.shape[-1]))


def outer_left(g, _out, _a, b):
    """The cotangent of the left factor: g b^T."""
    if b.ndim == 2 and g.ndim > 1:
        return np.matmul(g, b.T)
    if b.ndim == 1:
        return np.expand_dims(g, -1) * b
    if _a.ndim == 1:
        return np.squeeze(np.matmul(b, np.expand_dims(g, -1)), -1)
    return np.matmul(g, columns(b))


def outer_right(g, _out, a, _b):
    """The cotangent of the right factor: a^T g."""
    if a.ndim == 2 and g.ndim == 2:
        return np.matmul(a.T, g)
    if a.ndim == 1:
        return g * a if _b.ndim == 1 else np.expand_dims(a, -1) * np.expand_dims(g, -2)
    if _b.ndim == 1:
        return np.squeeze(np.matmul(columns(a), np.expand_dims(g, -1)), -1)
    if _b.ndim == 2 and a.ndim > 2:  # one product over all rows instead of one for each matrix of the stack
        return np.matmul(rows(a).T, rows(g))
    return np.matmul(columns(a), g)


rule(
    np.matmul,
    outer_left,
    outer_right,
    broadcasts=True,
    cases=(
        case((2, 3), (3, 4)),
        case((3,), (3,)),
        case((3,), (3, 4)),
        case((2, 3), (3,)),
        case((5, 2, 3), (3, 4)),
        case((2, 3), (5, 3, 4)),
        case((5, 1, 2, 3), (4, 3, 2)),
        case((3,), (5, 3, 4)),
        case((5, 2, 3), (3,)),
        case((0, 3), (3, 4)),
        case((2, 0), (0, 4)),
    ),
    linear=True,
)


# Products of vectors and of matrices, in terms of `matmul`


@composite(np.dot)
def _dot(a, b):
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return np.multiply(a, b)
    if np.ndim(b) > 2:
        return np.tensordot(a, b, (-1, -2))
    if np.ndim(a) > 2:  # one product over all rows
        return np.reshape(np.matmul(rows(a), b), np.shape(a)[:-1] + np.shape(b)[1:])
    return np.matmul(a, b)


@composite(np.vdot)
def _vdot(a, b):
    return np.matmul(np.ravel(conjugate(a)), np.ravel(b))


@composite(np.inner)
def _inner(a, b):
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return np.multiply(a, b)
    return np.matmul(a, b) if np.ndim(a) == np.ndim(b) == 1 else np.tensordot(a, b, (-1, -1))


rule(
    np.outer,
    lambda g, _out, _a, b: np.reshape(np.matmul(g, np.ravel(b)), _a.shape),
    lambda g, _out, a, _b: np.reshape(np.matmul(np.ravel(a), g), _b.shape),
    cases=(case((2,), (3,)), case((2, 2), (3,)), case((), (2, 1)), case((0,), (2,))),
    linear=True,
)


@composite(np.linalg.outer)
def _linalg_outer(x1, x2, /):
    return np.einsum("i,j->ij", x1, x2)  # which refuses all but vectors


@composite(np.linalg.matmul)
def _linalg_matmul(x1, x2, /):
    return np.matmul(x1, x2)


@composite(np.vecdot)
def _vecdot(x1, x2, /, axis=-1):
    lengths = [np.shape(x)[axis_of(axis, np.ndim(x))] if np.ndim(x) else 0 for x in (x1, x2)]
    require(np.ndim(x1) and np.ndim(x2) and lengths[0] == lengths[1], LENGTHS)
    if axis != -1:
        x1, x2 = np.moveaxis(x1, axis, -1), np.moveaxis(x2, axis, -1)
    return np.sum(conjugate(x1) * x2, axis=-1)


@composite(np.linalg.vecdot)
def _linalg_vecdot(x1, x2, /, *, axis=-1):
    return np.vecdot(x1, x2, axis=axis)


if hasattr(np, "matvec"):  # from NumPy 2.2 on

    @composite(np.matvec)
    def _matvec(x1, x2, /):
        require(np.ndim(x1) > 1 and np.ndim(x2) > 0, LENGTHS)
        return np.squeeze(np.matmul(x1, np.expand_dims(x2, -1)), -1)

    @composite(np.vecmat)
    def _vecmat(x1, x2, /):
        require(np.ndim(x1) > 0 and np.ndim(x2) > 1, LENGTHS)
        return np.squeeze(np.matmul(np.expand_dims(conjugate(x1), -2), x2), -2)


@composite(np.kron)
def _kron(a, b):
    ndim = max(np.ndim(a), np.ndim(b))
    left = (1,) * (ndim - np.ndim(a)) + np.shape(a)
    right = (1,) * (ndim - np.ndim(b)) + np.shape(b)
    # All products first, as one matrix: its derivative is two products of a matrix and a vector.
    products = np.reshape(np.outer(a, b), left + right)
    blocks = np.transpose(
        products, tuple(i for pair in zip(range(ndim), range(ndim, 2 * ndim), strict=True) for i in pair)
    )
    return np.reshape(blocks, tuple(m * n for m, n in zip(left, right, strict=True)))


@composite(np.polyval)
def _polyval(p, x):
    p = np.atleast_1d(p)  # also of a np.poly1d, whose own entries are numbered by power
    value = np.zeros_like(x)
    for i in range(len(p)):
        value = value * x + p[i]
    return value


# Sums over axes


def summed_axes(a, b, axes):
    """The axes of `a` and those of `b` that `tensordot` sums over, each pair at one position."""
    if isinstance(axes, tuple | list):
        left, right = ([n] if np.ndim(n) == 0 else list(n) for n in axes)
    else:
        left, right = list(range(-axes, 0)), list(range(axes))
    return [i % a.ndim for i in left], [i % b.ndim for i in right]


def others(a, axes):
    """The axes of `a` that are not among `axes`."""
    return [i for i in range(a.ndim) if i not in axes]


def tensordot_left(g, _out, _a, b, axes=2):
    """The cotangent of the left factor: the free axes of b are summed, those of a put back in their places."""
    left, right = summed_axes(_a, b, axes)
    free = others(_a, left)
    part = np.tensordot(g, b, (list(range(len(free), g.ndim)), others(b, right)))
    places = free + [left[right.index(i)] for i in sorted(right)]
    return np.transpose(part, [places.index(i) for i in range(_a.ndim)])


def tensordot_right(g, _out, a, _b, axes=2):
    """The cotangent of the right factor: the free axes of a are summed, those of b put back in their places."""
    left, right = summed_axes(a, _b, axes)
    free = others(a, left)
    part = np.tensordot(a, g, (free, list(range(len(free)))))
    places = [right[left.index(i)] for i in sorted(left)] + others(_b, right)
    return np.transpose(part, [places.index(i) for i in range(_b.ndim)])


rule(
    np.tensordot,
    tensordot_left,
    tensordot_right,
    cases=(
        case((2, 3, 4), (3, 4, 2)),
        case((2, 3), (3, 2), axes=1),
        case((2, 3), (2,), axes=0),
        case((2, 3, 4), (4, 5, 2), axes=((2, 0), (0, 2))),
        case((2, 3, 4), (5, 4, 3), axes=([1, -1], [2, -2])),
        case((2, 3), (4, 3), axes=(1, 1)),
        case((3,), (3,), axes=1),
    ),
    linear=True,
)


@composite(np.linalg.tensordot)
def _linalg_tensordot(x1, x2, /, *, axes=2):
    return np.tensordot(x1, x2, axes)


# Einstein's sums. NumPy's forms of writing one are brought to a single form first: a tuple of integers for each
# operand and one for the result, without ellipsis.

LARGE_SUM = 1 << 16  # terms from which it pays to look for a good order and to use matrix products


def parse(operands):
    """The arrays and the terms of `np.einsum(*operands)`."""
    if isinstance(operands[0], str):
        arrays, written = operands[1:], operands[0]
    else:
        arrays = operands[: len(operands) // 2 * 2 : 2]
        written = tuple(tuple(part) for part in (*operands[1::2], *operands[len(arrays) * 2 :]))
    return tuple(arrays), terms_of(written, tuple(np.ndim(array) for array in arrays))


@functools.lru_cache
def terms_of(written, ndims):
    """The terms, from subscripts or from a tuple of labels for each operand and perhaps one for the result."""
    if isinstance(written, str):
        inputs, arrow, output = written.replace(" ", "").partition("->")
        named = [split(part) for part in inputs.split(",")]
        result = split(output) if arrow else None
    else:
        named = list(written[: len(ndims)])
        result = list(written[-1]) if len(written) > len(ndims) else None
    if len(named) != len(ndims):
        raise ValueError(EINSUM.format(reason=f"{len(named)} terms were written for {len(ndims)} operands"))
    terms = [spread(term, ndim) for term, ndim in zip(named, ndims, strict=True)]
    labels = [label for term in terms for label in term]
    dots = sorted({label for label in labels if type(label) is tuple})
    if result is None:
        once = sorted(label for label in labels if type(label) is not tuple and labels.count(label) == 1)
        terms.append(dots + once)
    elif dots and Ellipsis not in result:
        raise ValueError(EINSUM.format(reason="the result has no ellipsis for the axes that one stands for"))
    else:
        terms.append([new for label in result for new in (dots if label is Ellipsis else [label])])
    numbers = {label: i for i, label in enumerate(dict.fromkeys(labels))}
    for label in terms[-1]:
        if label not in numbers:
            raise ValueError(EINSUM.format(reason=f"the result has the label {label!r}, which no operand has"))
    return tuple(tuple(numbers[label] for label in term) for term in terms)


def split(term):
    """The labels of one operand, as written: letters and an ellipsis."""
    return [Ellipsis if label == "." else label for label in term.replace("...", ".")]


def spread(term, ndim):
    """The labels with the ellipsis replaced by one label for each of its axes, counted from the last."""
    count = ndim - sum(label is not Ellipsis for label in term)
    if count < 0 or (count > 0 and Ellipsis not in term):
        raise ValueError(EINSUM.format(reason=f"the term {term} does not fit an operand of {ndim} axes"))
    return [new for label in term for new in (((i,) for i in range(-count, 0)) if label is Ellipsis else (label,))]


@functools.lru_cache
def subscripts(terms):
    """The terms as NumPy's string."""
    *inputs, result = ["".join(string.ascii_letters[label] for label in term) for term in terms]
    return f"{','.join(inputs)}->{result}"


def bind_einsum(args, kwargs):
    """`einsum(operands, ...)` as written by a user, or `einsum(arrays, terms)`."""
    if len(args) > 1 or "terms" in kwargs:
        return args[0], {**dict(zip(("terms", "optimize"), args[1:], strict=False)), **kwargs}
    arrays, terms = parse(args[0])
    return arrays, {**kwargs, "terms": terms}


@primitive
def einsum(arrays, terms=None, optimize=False):
    """`np.einsum`: its arguments as one tuple, or the arrays and `terms`."""
    if terms is None:
        return np.einsum(*arrays, optimize=optimize)
    return np.einsum(subscripts(terms), *arrays, optimize=optimize)


@primitive
def identity(a, n):
    """The identity matrix of `n` rows, of the dtype of `a`."""
    return beside(np.eye(n, dtype=a.dtype), a)


constant(identity)


@functools.lru_cache
def plan_of(position, terms, shapes):
    """How to compute the cotangent of the operand at a position: the arguments of the steps of `einsum_part`.

    It is the sum of the cotangent with the other operands, over all labels but this operand's own. A label that only
    this operand has, or along which it was repeated, is missing from that sum; where a label is repeated in this
    operand, its cotangent lies on the diagonal.
    """
    term, shape = terms[position], shapes[position]
    rest = [i for i in range(len(shapes)) if i != position]
    pairs = [pair for i in rest for pair in zip(terms[i], shapes[i], strict=True)]
    known = [*terms[-1], *(label for label, n in pairs if n != 1)]
    firsts = [i for i in range(len(term)) if term[i] not in term[:i]]
    found = [i for i in firsts if shape[i] != 1 and term[i] in known]
    again = [i for i in range(len(term)) if i not in firsts]
    places = firsts + again
    diagonals = [(places.index(term.index(term[i])), places.index(i)) for i in again]
    sizes = {label: n for label, n in (*pairs, *zip(term, shape, strict=True)) if n != 1}
    return (
        (terms[-1], *(terms[i] for i in rest), tuple(term[i] for i in found)),
        math.prod(sizes[label] for label in sizes) >= LARGE_SUM,
        tuple(shape[i] if i in found else 1 for i in firsts),
        tuple(shape[i] for i in firsts),
        (tuple(range(len(firsts))), *diagonals, tuple(places.index(i) for i in range(len(term)))),
        [shape[i] for i in again],
    )


def einsum_part(position, g, _out, *arrays, terms=None, optimize=False):
    """The cotangent of one operand: a sum with the others, spread where labels are missing, put on diagonals."""
    shapes = tuple([array.shape for array in arrays])
    sums, large, shape, spread_shape, diagonals, lengths = plan_of(position, terms, shapes)
    part = einsum((g, *arrays[:position], *arrays[position + 1 :]), sums, optimize is not False or large)
    if part.shape != spread_shape:
        part = np.broadcast_to(np.reshape(part, shape), spread_shape)
    return einsum((part, *(identity(g, n) for n in lengths)), diagonals) if lengths else part


rule(
    einsum,
    einsum_part,
    variadic=True,
    bind=bind_einsum,
    cases=(
        case((2, 3), (3, 4), terms=((0, 1), (1, 2), (0, 2))),
        case((2, 3), (3, 4), (4,), terms=((0, 1), (1, 2), (2,), ()), optimize=True),
        case((3, 3), terms=((0, 0), (0,))),
        case((3, 3), terms=((0, 0), ())),
        case((3, 2, 3, 3), terms=((0, 1, 0, 0), (1, 0))),
        case((2, 3), terms=((0, 1), (0,))),
        case((2, 3), (2, 3), terms=((0, 1), (0, 1), (0, 1))),
        case((2, 1), (3, 4), terms=((0, 1), (1, 2), (0, 2))),
        case((2, 3), (1, 4), terms=((0, 1), (1, 2), (2, 0))),
        case((1, 1), (3,), terms=((0, 0), (0,), (0,))),
        case((2, 3), (4,), terms=((0, 1), (2,), (2,))),
        case((), (3,), terms=((), (0,), (0,))),
        case((0, 3), (3, 2), terms=((0, 1), (1, 2), (2,))),
    ),
    linear=True,
)


@composite(np.einsum)
def _einsum(*operands, optimize=False):
    return einsum(operands, optimize=optimize)


# Cross products: each cotangent is a cross product again, of vectors along the axes of the operands.


def from_end(axis, axes, a):
    """The axis of `a` that holds its vectors, counted from the last, so that it stays when axes are put in front."""
    return (axes if axis is None else axis) % a.ndim - a.ndim


def cross_left(g, _out, _a, b, *, axisa=-1, axisb=-1, axisc=-1, axis=None):
    """The cotangent of the left factor: b x g."""
    axisa, axisb, axisc = from_end(axis, axisa, _a), from_end(axis, axisb, b), from_end(axis, axisc, g)
    return np.cross(b, g, axisa=axisb, axisb=axisc, axisc=axisa)


def cross_right(g, _out, a, _b, *, axisa=-1, axisb=-1, axisc=-1, axis=None):
    """The cotangent of the right factor: g x a."""
    axisa, axisb, axisc = from_end(axis, axisa, a), from_end(axis, axisb, _b), from_end(axis, axisc, g)
    return np.cross(g, a, axisa=axisc, axisb=axisa, axisc=axisb)


def bind_cross(args, kwargs):
    """Only vectors of three numbers; NumPy is about to give up the others."""
    operands, options = args[:2], {**dict(zip(("axisa", "axisb", "axisc", "axis"), args[2:], strict=False)), **kwargs}
    for operand, name in zip(operands, ("axisa", "axisb"), strict=False):
        axis = options.get(name, -1) if options.get("axis") is None else options["axis"]
        if np.ndim(operand) and np.shape(operand)[axis] != 3:
            raise ValueError(CROSS.format(length=np.shape(operand)[axis]))
    return operands, options


rule(
    np.cross,
    cross_left,
    cross_right,
    broadcasts=True,
    bind=bind_cross,
    cases=(
        case((3,), (3,)),
        case((2, 3), (3,)),
        case((3,), (4, 2, 3)),
        case((3, 2), (2, 3), axisa=0),
        case((2, 3, 4), (3, 4), axisa=1, axisb=0, axisc=1),
        case((3, 2), (3, 2), axis=0),
        case((3, 4), (3, 2, 4), axisa=0, axisb=0, axisc=0),
    ),
    linear=True,
)


@composite(np.linalg.cross)
def _linalg_cross(x1, x2, /, *, axis=-1):
    lengths = {np.shape(x)[axis] for x in (x1, x2)}
    require(lengths == {3}, "np.linalg.cross is of vectors of length 3")
    return np.cross(x1, x2, axis=axis)


# Chains of matrices


def as_matrix(a, axis):
    """A vector at an end of a chain, as a matrix of one row (axis 0) or of one column (axis 1)."""
    return a if a.ndim > 1 else np.expand_dims(a, axis)


def chain_part(position, g, _out, *arrays):
    """The cotangent of one factor of a product L A R: L^T g R^T, again in the cheapest order."""
    last = len(arrays) - 1
    if last == 1:
        return dot_part(position, g, *arrays)
    factors = [as_matrix(arrays[i], 1 if i == last else 0) for i in range(len(arrays))]
    g = np.reshape(g, (factors[0].shape[0], factors[last].shape[1]))
    before = [factors[i].T for i in reversed(range(position))]
    after = [factors[i].T for i in reversed(range(position + 1, len(factors)))]
    return np.reshape(np.linalg.multi_dot([*before, g, *after]), arrays[position].shape)


def dot_part(position, g, a, b):
    """The cotangent of one operand of `np.dot`, which is what a chain of two is, whatever their dimensions."""
    if a.ndim == 0 or b.ndim == 0:
        own, other = (a, b) if position == 0 else (b, a)
        return g * other if own.ndim else np.sum(g * other)
    outer, inner = a.ndim - 1, max(b.ndim - 2, 0)
    if position == 0:
        axes = tuple(range(outer, g.ndim)), tuple(axis for axis in range(b.ndim) if axis != inner)
        return np.tensordot(g, b, axes)
    return np.moveaxis(np.tensordot(a, g, (tuple(range(outer)), tuple(range(outer)))), 0, inner)


rule(
    np.linalg.multi_dot,
    chain_part,
    variadic=True,
    cases=(
        case((2, 3), (3, 4)),
        case((2, 3), (3, 4), (4, 2), (2, 5)),
        case((3,), (3, 4), (4, 2)),
        case((2, 3), (3, 4), (4,)),
        case((3,), (3, 4), (4,)),
        case((3,), (3,)),
        case((2, 4, 3), (3, 2)),
        case((4, 3), (2, 3, 5)),
        case((2, 3), (2, 3, 2)),
        case((3,), (2, 3, 2)),
        case((2, 4, 3), (3,)),
        case((), (2, 3)),
        case((2, 3), ()),
    ),
    linear=True,
)


# Convolution


@primitive
def convolution(a, v):
    """`np.convolve(a, v)`, all of it."""
    return np.convolve(a, v)


rule(
    convolution,
    lambda g, _out, _a, v: np.convolve(g, np.flip(v), "valid"),
    lambda g, _out, a, _v: np.convolve(g, np.flip(a), "valid"),
    cases=(case((5,), (3,)), case((2,), (4,)), case((3,), (3,)), case((1,), (1,))),
    linear=True,
)


def cut(whole, short, mode, before):
    """The part of a whole convolution that a mode keeps.

    `short` is the length of the shorter operand; "same" leaves out `short - 1` entries, `before` of them in front.
    """
    if mode == "full":
        return whole
    if mode == "valid":
        return whole[short - 1 : whole.shape[0] - short + 1]
    return whole[before : whole.shape[0] - short + 1 + before]


@composite(np.convolve)
def _convolve(a, v, mode="full"):
    numpys(np.correlate, [1.0], [1.0], mode)  # refuses an unknown mode
    short = min(np.size(a), np.size(v))
    return cut(convolution(np.atleast_1d(a), np.atleast_1d(v)), short, mode, (short - 1) // 2)


@composite(np.correlate)
def _correlate(a, v, mode="valid"):
    numpys(np.correlate, [1.0], [1.0], mode)
    short = min(np.size(a), np.size(v))
    before = short // 2 if np.size(a) < np.size(v) else (short - 1) // 2  # NumPy exchanges them, and turns the result
    return cut(convolution(np.atleast_1d(a), np.flip(np.atleast_1d(conjugate(v)))), short, mode, before)


# Windows


@primitive
def add_windows(g, window_shape, axis, shape):
    """Zeros of the given shape, with each window of `g` added where `sliding_window_view` reads it."""
    total = np.zeros_like(g, shape=shape)
    for offsets in np.ndindex(*window_shape):
        place = [slice(None)] * len(shape)
        window = g[(..., *offsets)]
        for i, offset in zip(axis, offsets, strict=True):
            start = (place[i].start or 0) + offset
            place[i] = slice(start, start + window.shape[i])
        total[tuple(place)] += window
    return total


def window(axis, window_shape, ndim):
    """The lengths of the window and the axes that it moves along, as two tuples."""
    lengths = window_shape if isinstance(window_shape, tuple | list) else (window_shape,)
    axes = range(ndim) if axis is None else axis if isinstance(axis, tuple | list) else (axis,)
    return tuple(lengths), tuple(i % ndim for i in axes)


def sliding_window_view(g, _out, _a, window_shape, axis=None, subok=False, writeable=False):
    lengths, axes = window(axis, window_shape, _a.ndim)
    return add_windows(g, lengths, axes, _a.shape)


rule(
    np.lib.stride_tricks.sliding_window_view,
    sliding_window_view,
    cases=(
        case((5,), window_shape=3),
        case((4, 5), window_shape=(2, 3)),
        case((4, 5), window_shape=2, axis=-1),
        case((4, 5), window_shape=(2, 2), axis=(1, 0)),
        case((6, 2), window_shape=(2, 3), axis=(0, 0)),
    ),
)
rule(
    add_windows,
    lambda g, _out, _g, window_shape, axis, shape: np.lib.stride_tricks.sliding_window_view(g, window_shape, axis),
    cases=(
        case((3, 3), window_shape=(3,), axis=(0,), shape=(5,)),
        case((4, 4, 2), window_shape=(2,), axis=(1,), shape=(4, 5)),
    ),
)
