"""Derivatives of `np.linalg`, for matrices and stacks of them, real and complex.

Two conventions. Where NumPy reads one triangle of a Hermitian matrix (`eigh`, `cholesky`), that triangle gets the whole
derivative and the other one zero, as for the function that NumPy computes. Eigenvectors and singular vectors are
determined up to a sign or a phase; derivatives are right for functions that do not depend on it.
"""

import math

import numpy as np

from autograd_mini.arrays import as_values
from autograd_mini.devices import beside, surely
from autograd_mini.domains import POSITIVE, REAL, case
from autograd_mini.primitive import composite, constant, primitive, rule
from autograd_mini.rules.refusals import axes_of, require

COMPLEX = frozenset(map(np.dtype, (np.complex64, np.complex128, np.clongdouble)))
EQUAL = (
    "The derivative of {what} was asked for where {values} are equal or nearly so ({gap:.1e} apart). There any "
    "rotation among their vectors is as good, so the vectors have no derivative. Use a function of the values alone "
    "(their derivative is right here), add a small perturbation, or compute without the vectors: `np.linalg.inv`, "
    "`np.linalg.solve`, `np.linalg.matrix_power`."
)
SINGULAR = (
    "The derivative of {what} was asked for at a matrix with a singular value of {value:.1e}, where the vectors that "
    "belong to it have no derivative. Use a function of the singular values alone, or a matrix of full rank."
)
FULL_MATRICES = (
    "The derivative of np.linalg.svd(a, full_matrices=True) was asked for, for a matrix of shape {shape}. Its "
    "additional vectors are any that complete a basis, so they have no derivative. Write "
    "`np.linalg.svd(a, full_matrices=False)`, or `np.linalg.svdvals(a)` for the values alone."
)
QR_MODE = (
    "The derivative of np.linalg.qr(a, mode={mode!r}) was asked for, for a matrix of shape {shape}. It is defined only "
    "for what the matrix determines. Write `np.linalg.qr(a)`, or `mode='r'` for R alone."
)
NORM_AXES = (
    "np.linalg.norm was called with ord={order!r} on an array of {ndim} axes. It is of vectors or matrices; say with "
    "`axis=` which axes are theirs."
)
LINALG_ERROR = np.linalg.LinAlgError
SQUARE = (case((3, 3)), case((1, 1)), case((2, 2, 2)), case((0, 2, 2)))


def adjoint(a):
    """The conjugate transpose of each matrix."""
    return np.swapaxes(np.conj(a) if a.dtype in COMPLEX else a, -1, -2)


def conjugate(a):
    """The conjugate of complex numbers; real ones as they are, at no cost."""
    return np.conj(a) if a.dtype in COMPLEX else a


def transpose(a):
    """Each matrix transposed."""
    return np.swapaxes(a, -1, -2)


def diagonal(a):
    """The diagonal of each matrix."""
    return np.diagonal(a, 0, -2, -1)


def column(a):
    """A number for each row: its factor in a product with a matrix."""
    return a[..., None]


def row(a):
    """A number for each column."""
    return a[..., None, :]


def dot(*factors):
    """The product of stacks of matrices, from the left."""
    product = factors[0]
    for factor in factors[1:]:
        product = np.matmul(product, factor)
    return product


def trace(a, b):
    """The sum of the products of the entries of two matrices, as a factor of a matrix."""
    return np.sum(a * b, axis=(-2, -1), keepdims=True)


@primitive
def identity(a):
    """The identity matrix with as many columns as `a`, of its dtype."""
    return beside(np.eye(a.shape[-1], dtype=a.dtype), a)


constant(identity)


@primitive
def undefined(message, **what):
    """Say why there is no derivative."""
    raise np.linalg.LinAlgError(message.format(**what))


# Vectors whose values are equal have no derivative


@primitive
def between(x, values, what="eigenvectors"):
    """Entry i, j of `x` divided by values[j] - values[i], and 0 where it is 0 already, as it is on the diagonal.

    Raises
    ------
    numpy.linalg.LinAlgError
        If another entry of `x` is to be divided by zero, up to rounding: the vectors have no derivative.
    """
    gaps = values[..., None, :] - values[..., :, None]
    scale = np.max(np.abs(values), axis=-1, initial=0.0)[..., None, None]
    size = np.abs(gaps)
    off = beside(~np.eye(values.shape[-1], dtype=bool), values)
    equal = (size <= 16 * max(values.shape[-1], 1) * np.finfo(values.dtype).eps * scale) & off
    if np.any(equal & (x != 0)):
        gap = np.min(size[equal & (x != 0)])
        raise np.linalg.LinAlgError(EQUAL.format(what=what, values=what.replace("vectors", "values"), gap=float(gap)))
    usable = off & ~equal
    return np.where(usable, x, 0) / np.where(usable, gaps, 1)


rule(
    between,
    lambda g, _out, _x, values, what="eigenvectors": between(g, values, what),
    lambda g, out, _x, values, what="eigenvectors": slide(g * out, values, what),
    kinks=lambda x, values, **_: np.diff(np.sort(values, axis=-1)),
    cases=(case((3, 3), (3,)), case((2, 3, 3), (2, 3)), case((0, 0), (0,))),
)


def slide(x, values, what):
    """The cotangent of the values: a larger value at j widens the gaps in column j, and narrows those in row j."""
    quotients = between(x, values, what)
    return np.sum(quotients, axis=-1) - np.sum(quotients, axis=-2)


@primitive
def over(x, values, what="singular vectors"):
    """`x` divided by singular values, 0 where it is 0 already; an error where another entry is divided by zero."""
    zero = np.abs(values) <= 16 * np.finfo(values.dtype).eps * np.max(np.abs(values), axis=-1, keepdims=True, initial=0)
    zero = np.broadcast_to(zero, x.shape)
    if np.any(zero & (x != 0)):
        value = np.min(np.abs(values))
        raise np.linalg.LinAlgError(SINGULAR.format(what=what, value=float(value)))
    return np.where(zero, 0, x) / np.where(zero, 1, values)


rule(
    over,
    lambda g, _out, _x, values, what="singular vectors": over(g, values, what),
    lambda g, out, _x, values, what="singular vectors": -over(g * out, values, what),
    broadcasts=True,
    domain=(REAL, POSITIVE),
    cases=(case((2, 3), (3,)), case((2, 4, 3), (2, 1, 3))),
)


# Inverses and linear equations


def well_conditioned(a):
    """Matrices with singular values of 1 and more."""
    return a + 4 * np.eye(a.shape[-1])


rule(
    np.linalg.inv,
    lambda g, out, _a: -dot(transpose(out), g, transpose(out)),
    cases=SQUARE,
    prepare=well_conditioned,
)


def as_columns(g, b):
    """A vector on the right side of an equation as a matrix of one column."""
    return column(g) if b.ndim == 1 else g


def solve_right(g, _out, a, _b):
    """The cotangent of the right side."""
    part = np.linalg.solve(transpose(a), as_columns(g, _b))
    return np.squeeze(part, -1) if _b.ndim == 1 else part


rule(
    np.linalg.solve,
    lambda g, out, a, _b: -dot(np.linalg.solve(transpose(a), as_columns(g, _b)), transpose(as_columns(out, _b))),
    solve_right,
    broadcasts=True,
    cases=(
        case((3, 3), (3,)),
        case((3, 3), (3, 2)),
        case((2, 3, 3), (3,)),
        case((2, 3, 3), (2, 3, 2)),
        case((3, 3), (2, 3, 2)),
        case((2, 1, 3, 3), (4, 3, 1)),
    ),
    prepare=lambda a, b: (well_conditioned(a), b),
)


def pinv(g, out, a, *, rcond=None, hermitian=False, rtol=None):
    """Golub and Pereyra's formula, for changes that do not change the rank."""
    inverse, conjugated = transpose(out), adjoint(out)
    within_rows = dot(transpose(g), out, conjugated)
    within_columns = dot(conjugated, out, transpose(g))
    part = (
        conjugate(within_rows - dot(a, out, within_rows))
        + conjugate(within_columns - dot(within_columns, out, a))
        - dot(inverse, g, inverse)
    )
    return from_triangle(part, "L") if hermitian else part


rule(
    np.linalg.pinv,
    pinv,
    cases=(case((3, 3)), case((4, 2)), case((2, 4)), case((2, 3, 2)), case((3, 3), rcond=1e-8)),
    prepare=lambda a: a + 4 * np.eye(*a.shape[-2:]),
)


@primitive
def cutoff(a):
    """The relative size up to which `np.linalg.lstsq` takes a singular value for zero."""
    return float(np.finfo(a.dtype).eps * max(a.shape))


constant(np.linalg.matrix_rank, cutoff)


def lstsq_parts(g, out, a, b):
    """The cotangents of the solution and of the residual b - a x, as columns."""
    solution, squares = out[0], out[1]
    x, gx = as_columns(solution, b), as_columns(g[0], b)
    rest = as_columns(b, b) - np.matmul(a, x)
    if squares.size == 0:  # NumPy tells none of the residual
        return x, gx, np.zeros_like(rest)
    gr = 2 * conjugate(rest) * g[1]
    return x, gx - np.matmul(transpose(a), gr), gr


def lstsq_left(g, out, a, b, rcond=None):
    """By the pseudoinverse, for changes that do not change the rank; the singular values have a part of their own."""
    a = a.astype(out[0].dtype)
    inverse = np.linalg.pinv(a, cutoff(a) if rcond is None else rcond)
    x, gx, gr = lstsq_parts(g, out, a, b)
    through = pinv(np.matmul(gx, transpose(as_columns(b, b))), inverse, a)
    return through - np.matmul(gr, transpose(x)) + svdvals(g[3], out[3], a)


def lstsq_right(g, out, a, b, rcond=None):
    """The pseudoinverse carries the right side to the solution."""
    a = a.astype(out[0].dtype)
    inverse = np.linalg.pinv(a, cutoff(a) if rcond is None else rcond)
    _, gx, gr = lstsq_parts(g, out, a, b)
    part = np.matmul(transpose(inverse), gx) + gr
    return np.squeeze(part, -1) if b.ndim == 1 else part


rule(
    np.linalg.lstsq,
    lstsq_left,
    lstsq_right,
    cases=(case((4, 2), (4,)), case((4, 2), (4, 3)), case((2, 3), (2,)), case((3, 3), (3, 2), rcond=1e-8)),
    prepare=lambda a, b: (a + 4 * np.eye(*a.shape[-2:]) * distinct(a.shape[-1]), b),
)


def check_square(*lengths):
    """Refuse matrices that are not square."""
    require(lengths[0] == lengths[1], "Last 2 dimensions of the array must be square", LINALG_ERROR)


@composite(np.linalg.tensorinv)
def _tensorinv(a, ind=2):
    require(ind > 0, "Invalid ind argument.")
    require(a.ndim > 0, "np.linalg.tensorinv needs an array of one axis at least", TypeError)
    rows = math.prod(a.shape[ind:])
    return np.reshape(np.linalg.inv(np.reshape(a, (rows, -1))), a.shape[ind:] + a.shape[:ind])


@composite(np.linalg.tensorsolve)
def _tensorsolve(a, b, axes=None):
    if axes is not None:
        last = [axis % a.ndim for axis in axes]
        a = np.transpose(a, [axis for axis in range(a.ndim) if axis not in last] + last)
    shape = a.shape[-(a.ndim - np.ndim(b)) :]
    rows = math.prod(shape)
    check_square(a.size, rows**2)
    return np.reshape(np.linalg.solve(np.reshape(a, (rows, rows)), np.ravel(b)), shape)


@composite(np.linalg.matrix_power)
def _matrix_power(a, n):
    require(a.ndim > 1, "np.linalg.matrix_power needs an array of two axes at least", LINALG_ERROR)
    check_square(*a.shape[-2:])
    if n == 0:
        return np.zeros_like(a) + identity(a)
    base = np.linalg.inv(a) if n < 0 else a
    n, power = max(n, -n), None
    for bit in reversed(range(64)):
        power = power if power is None else np.matmul(power, power)
        if n >> bit & 1:
            power = base if power is None else np.matmul(power, base)
    return power


# Determinants. The derivative of det is the matrix of cofactors, a polynomial: it exists for singular matrices too.


def products_without(s, *others):
    """The product of the values except those at the given positions, which are arrays of positions."""
    left = np.ones(np.shape(others[0]), bool)[..., None] * np.ones(s.shape[-1], bool)
    for other in others:
        left &= np.arange(s.shape[-1]) != np.asarray(other)[..., None]
    return np.prod(np.where(beside(left, s), np.expand_dims(s, tuple(range(-left.ndim, -1))), 1), axis=-1)


@primitive
def frozen(a):
    """The values of `a`, through which no derivative flows."""
    return a


constant(frozen)


@primitive
def cofactors(a, det=None):
    """The derivative of det by each entry: det(a) inv(a).T, and its limit at singular matrices.

    The determinant may be given where it is known.
    """
    with np.errstate(all="ignore"):
        det = as_values(np.linalg.det(a) if det is None else det)
        if surely((det != 0) & np.isfinite(det)):
            return det[..., None, None] * transpose(np.linalg.inv(a))
        u, s, vh = np.linalg.svd(a)
        sign = (np.linalg.det(u) * np.linalg.det(vh))[..., None, None]
        n = np.arange(s.shape[-1])
        return sign * np.matmul(np.conj(u) * products_without(s, n)[..., None, :], np.conj(vh))


@primitive
def second_cofactors(g, a):
    """The derivative of sum(g * cofactors(a)) by each entry of `a`, singular or not.

    In the basis of the singular vectors the matrix is diagonal, and of its minors only those that leave out two
    diagonal entries are not zero.
    """
    u, s, vh = np.linalg.svd(a)
    sign = (np.linalg.det(u) * np.linalg.det(vh))[..., None, None]
    i, j = np.indices((s.shape[-1],) * 2)
    minors = np.where(beside(i == j, s), 0, products_without(s, i, j))
    inner = np.matmul(np.matmul(np.conj(transpose(u)), g), np.conj(transpose(vh)))
    diagonals = np.matmul(minors, np.diagonal(inner, 0, -2, -1)[..., None])
    part = diagonals * identity(a) - minors * transpose(inner)
    return sign * np.matmul(np.matmul(np.conj(u), part), np.conj(vh))


def third_cofactors(h, _out, g, a):
    """The derivative of sum(h * second_cofactors(g, a)), in terms of the inverse."""
    b = transpose(np.linalg.inv(a))
    bgb, bhb = dot(b, transpose(g), b), dot(b, transpose(h), b)
    mixed = dot(bgb, transpose(h), b) + dot(bhb, transpose(g), b)
    both = trace(g, b) * trace(h, b) - trace(h, bgb)
    return column(column(np.linalg.det(a))) * (b * both - trace(h, b) * bgb - trace(g, b) * bhb + mixed)


rule(np.linalg.det, lambda g, out, a: column(column(g)) * cofactors(a, det=frozen(out)), cases=(*SQUARE, case((0, 0))))
rule(cofactors, lambda g, _out, a, det=None: second_cofactors(g, a), cases=SQUARE)
rule(
    second_cofactors,
    lambda g, _out, _g, a: second_cofactors(g, a),
    third_cofactors,
    cases=(case((3, 3), (3, 3)), case((1, 3, 3), (1, 3, 3))),
    prepare=lambda g, a: (g, well_conditioned(a)),
)


def slogdet(g, out, a):
    """The logarithm grows by the real part of tr(inv(a) da); the sign turns by the imaginary part."""
    if a.dtype in COMPLEX:
        return column(column(g[1] + 1j * np.imag(g[0] * out[0]))) * transpose(np.linalg.inv(a))
    return column(column(g[1])) * transpose(np.linalg.inv(a))


rule(np.linalg.slogdet, slogdet, cases=SQUARE, prepare=well_conditioned)


# Decompositions


def from_triangle(g, uplo):
    """The cotangent of the triangle that NumPy reads, from that of the Hermitian matrix that it stands for."""
    both = (g + adjoint(g)) * (1 - identity(g) / 2)
    return np.tril(both) if uplo in ("L", "l") else np.triu(both)


def positive_definite(a):
    """Hermitian matrices with eigenvalues of 1 and more."""
    return np.matmul(a, adjoint(a)) + np.diag(np.arange(1.0, a.shape[-1] + 1))


def cholesky(g, out, _a):
    """Of da = L (P + P^H) L^H, where P is lower triangular, dL = L P."""
    inverse = np.linalg.inv(out)
    inner = np.tril(np.matmul(transpose(out), g)) * (1 - identity(g) / 2)
    return from_triangle(dot(transpose(inverse), inner, conjugate(inverse)), "L")


@primitive
def lower_cholesky(a):
    """`np.linalg.cholesky(a)`."""
    return np.linalg.cholesky(a)


rule(lower_cholesky, cholesky, cases=SQUARE, prepare=positive_definite)


@composite(np.linalg.cholesky)
def _cholesky(a, /, *, upper=False):
    return adjoint(lower_cholesky(adjoint(a))) if upper else lower_cholesky(a)


def qr(g, out, _a, mode="reduced"):
    """Walter and Lehmann's formula; the columns of a wide matrix after the first ones only change R."""
    rows, columns = _a.shape[-2:]
    if (mode == "complete" and rows > columns) or mode not in ("complete", "reduced"):
        return undefined(QR_MODE, mode=mode, shape=_a.shape)
    gq, gr, q, r = g[0], g[1], out[0], out[1]
    if columns <= rows:
        return qr_of_columns(gq, gr, q, r)
    g_rest = gr[..., rows:]
    gq = gq + dot(conjugate(dot(q, r[..., rows:])), adjoint(g_rest))
    first = qr_of_columns(gq, gr[..., :rows], q, r[..., :rows])
    return np.concatenate([first, dot(conjugate(q), g_rest)], axis=-1)


def qr_of_columns(gq, gr, q, r):
    """The cotangent of a matrix with independent columns."""
    m = dot(conjugate(r), adjoint(gr)) - dot(adjoint(gq), conjugate(q))
    lower = np.tril(m) * (1 - identity(m) / 2)
    return transpose(np.linalg.solve(r, transpose(gq + dot(conjugate(q), lower + adjoint(lower)))))


@primitive
def qr_factors(a, mode="reduced"):
    """`np.linalg.qr` where it returns two factors."""
    return np.linalg.qr(a, mode)


rule(
    qr_factors,
    qr,
    cases=(case((3, 3)), case((4, 2)), case((2, 4)), case((2, 3, 2)), case((2, 3), mode="complete")),
    prepare=lambda a: a + 4 * np.eye(*a.shape[-2:]),
)


@composite(np.linalg.qr)
def _qr(a, mode="reduced"):
    return qr_factors(a, "reduced")[1] if mode == "r" else qr_factors(a, mode)


def distinct(n):
    """Numbers that are well apart."""
    return np.arange(1.0, n + 1) ** 2


def far_apart(a):
    """Hermitian matrices whose eigenvalues are well apart."""
    return a + adjoint(a) + 8 * np.diag(distinct(a.shape[-1]))


def eigh(g, out, _a, UPLO="L"):  # noqa: N803 (NumPy's name)
    """With V^H da V = D: the values change by the diagonal of D, the vectors by V (D / gaps)."""
    (gw, gv), (w, v) = g, out
    inner = between(np.matmul(transpose(v), gv), w)
    inner = inner + column(gw) * identity(inner)
    return from_triangle(dot(conjugate(v), inner, transpose(v)), UPLO)


rule(
    np.linalg.eigh,
    eigh,
    cases=(*SQUARE, case((3, 3), UPLO="U")),
    prepare=far_apart,
)


def eigvalsh(g, _out, a, UPLO="L"):  # noqa: N803
    v = np.linalg.eigh(a, UPLO)[1]
    return from_triangle(np.matmul(conjugate(v) * row(g), transpose(v)), UPLO)


rule(np.linalg.eigvalsh, eigvalsh, cases=(*SQUARE, case((3, 3), UPLO="U")), prepare=far_apart)


def eig(g, out, _a):
    """As for `eigh`, with the inverse of V for its adjoint, and vectors that keep their length."""
    (gw, gv), (w, v) = g, out
    across = gv - conjugate(v) * np.real(row(np.sum(gv * v, axis=-2)))
    inner = between(np.matmul(transpose(v), across), w)
    inner = inner + column(gw) * identity(inner)
    return np.linalg.solve(transpose(v), np.matmul(inner, transpose(v)))


rule(
    np.linalg.eig,
    eig,
    cases=SQUARE,
    prepare=lambda a: a + 8 * np.diag(distinct(a.shape[-1])),
)


@composite(np.linalg.eigvals)
def _eigvals(a):
    return np.linalg.eig(a)[0]


def by_squares(x, s):
    """Entry i, j of `x` divided by s[j]^2 - s[i]^2."""
    sums = row(s) + column(s)
    return between(x, s, "singular vectors") / np.where(sums == 0, 1, sums)


def svd(g, out, _a, full_matrices=True):
    """With U^H da V = D: the values change by the diagonal of D, the vectors by its other entries."""
    rows, columns = _a.shape[-2:]
    if full_matrices and rows != columns:
        return undefined(FULL_MATRICES, shape=_a.shape)
    (gu, gs, gvh), (u, s, vh) = g, out
    left, right = np.matmul(transpose(u), gu), np.matmul(gvh, transpose(vh))
    x, y = by_squares(left, s), by_squares(right, s)
    inner = (x + adjoint(x)) * row(s) - column(s) * (y + adjoint(y)) + column(gs) * identity(left)
    if _a.dtype in COMPLEX:
        inner = inner + column(over(np.imag(diagonal(left + right)), s) * 0.5j) * identity(left)
    part = dot(conjugate(u), inner, conjugate(vh))
    if rows > columns:
        rest = over(gu, row(s))
        part = part + np.matmul(rest - dot(conjugate(u), transpose(u), rest), conjugate(vh))
    if rows < columns:
        rest = transpose(over(transpose(gvh), row(s)))
        part = part + np.matmul(conjugate(u), rest - dot(rest, transpose(vh), conjugate(vh)))
    return part


@primitive
def singular(a, full_matrices=True):
    """`np.linalg.svd` with vectors."""
    return np.linalg.svd(a, full_matrices)


rule(
    singular,
    svd,
    cases=(
        case((3, 3)),
        case((1, 1)),
        case((2, 2, 2)),
        case((4, 2), full_matrices=False),
        case((2, 2, 3), full_matrices=False),
    ),
    prepare=lambda a: a + 8 * np.eye(*a.shape[-2:]) * distinct(a.shape[-1]),
)
SVD = type(np.linalg.svd(np.eye(1)))


def named(kind, *parts):
    """A named tuple."""
    return kind(*parts)


@composite(np.linalg.svd)
def _svd(a, full_matrices=True, compute_uv=True, hermitian=False):
    if not hermitian:
        return singular(a, full_matrices) if compute_uv else np.linalg.svdvals(a)
    w, v = np.linalg.eigh(a)
    order = np.flip(np.argsort(np.abs(w)), -1)
    w = np.take_along_axis(w, order, -1)
    if not compute_uv:
        return np.abs(w)
    u = np.take_along_axis(v, row(order), -1)
    return named(SVD, u, np.abs(w), adjoint(u * row(np.sign(w))))


def svdvals(g, _out, x):
    u, _, vh = singular(x, False)
    return np.matmul(conjugate(u) * row(g), conjugate(vh))


rule(
    np.linalg.svdvals,
    svdvals,
    cases=(case((3, 3)), case((4, 2)), case((2, 2, 3))),
    prepare=lambda a: a + 8 * np.eye(*a.shape[-2:]) * distinct(a.shape[-1]),
)


# Norms. At zero their slope is 0; entries that share an extremum share the slope.


def kept(g, x, axis, keepdims):
    """`g` with the axes that were reduced put back."""
    return g if keepdims or axis is None else np.expand_dims(g, axis if isinstance(axis, tuple) else int(axis))


@primitive
def over_norm(y, x, axis, order, size=None):
    """`y` divided by the norm of `x`, and 0 where that is 0, also where its powers over- or underflow.

    The norm as NumPy computes it may be given where it is known.
    """
    with np.errstate(all="ignore"):
        if size is not None:
            limits = np.finfo(size.dtype)
            low = (limits.tiny / limits.eps) ** (1 / max(abs(order), 1))
            if surely((size > low) & np.isfinite(size)):
                return y / size
        magnitude = np.abs(x)
        scale = np.max(magnitude, axis=axis, keepdims=True, initial=0)
        scale = np.where((scale > 0) & np.isfinite(scale), scale, 1)
        size = np.linalg.vector_norm(magnitude / scale, axis=axis, keepdims=True, ord=order)
        return y / scale / np.where(size == 0, np.inf, size)


rule(
    over_norm,
    lambda g, _out, _y, x, axis, order, size=None: over_norm(g, x, axis, order, frozen(size)),
    lambda g, out, _y, x, axis, order, size=None: (
        -norm_slope(x, size, axis, order)
        * np.sum(np.real(over_norm(g, x, axis, order, frozen(size)) * out), axis=axis, keepdims=True)
    ),
    cases=(case((2, 3), (2, 3), axis=-1, order=2), case((2, 3), (2, 3), axis=(0, 1), order=3)),
)


def norm_slope(x, size, axis, order):
    """The derivative of a norm by each entry, given the norm; of an order other than 0, 1 and infinity."""
    size = frozen(size)
    if order == 2:
        return over_norm(conjugate(x), x, axis, order, size)
    sign, magnitude = np.sign(conjugate(x)), np.abs(x)
    if order > 2:
        return sign * over_norm(magnitude, x, axis, order, size) ** (order - 1)
    zero = magnitude == 0
    ratio = over_norm(np.where(zero, 1, magnitude), x, axis, order, size)
    return sign * np.where(zero, 0, np.where(zero, 1, ratio) ** (order - 1))


def vector_norm(g, out, x, *, axis=None, keepdims=False, ord=2):
    g, size = kept(g, x, axis, keepdims), kept(out, x, axis, keepdims)
    ord = 2 if ord is None else ord
    if ord == 2 or ord not in (0, 1, np.inf, -np.inf):
        return g * norm_slope(x, size, axis, ord)
    if ord == 0:
        return g * np.zeros_like(x)
    sign = np.sign(conjugate(x))
    if ord in (np.inf, -np.inf):
        ties = np.equal(np.abs(x), size)
        return g * sign * (ties / np.sum(ties, axis=axis, keepdims=True)).astype(size.dtype)
    return g * sign


def norm_kinks(x, *, axis=None, keepdims=False, ord=2):
    """Zero at zero and where two entries are of one size."""
    return np.append(np.diff(np.sort(np.abs(x), axis=None)), x)


rule(
    np.linalg.vector_norm,
    vector_norm,
    kinks=norm_kinks,
    cases=(
        case((3,)),
        case(()),
        case((2, 3)),
        case((2, 3), axis=0),
        case((2, 3, 2), axis=(0, -1), keepdims=True),
        case((2, 3), keepdims=True),
        case((0,)),
        *(case((2, 3), axis=-1, ord=p) for p in (0, 1, 2, 3, 2.5, 0.5, -1, -2, np.inf, -np.inf)),
        *(case((2, 3), axis=(0, 1), ord=p) for p in (1, 3, np.inf)),
    ),
    pole=True,
)


@primitive
def nuclear_norm(x):
    """The sum of the singular values of each matrix."""
    return np.linalg.matrix_norm(x, ord="nuc")


def nuclear_slope(g, _out, x):
    """U V^H, without the vectors that belong to singular values of 0."""
    u, s, vh = singular(x, False)
    return column(column(g)) * np.matmul(conjugate(u) * row(np.sign(s)), conjugate(vh))


rule(
    nuclear_norm,
    nuclear_slope,
    cases=(case((3, 3)), case((4, 2)), case((2, 2, 3))),
    prepare=lambda a: a + 8 * np.eye(*a.shape[-2:]) * distinct(a.shape[-1]),
)


@composite(np.linalg.matrix_norm)
def _matrix_norm(x, /, *, keepdims=False, ord="fro"):
    axes_of((-2, -1), np.ndim(x))
    if ord in (None, "fro", "f"):
        return np.linalg.vector_norm(x, axis=(-2, -1), keepdims=keepdims)
    if ord in (1, -1, np.inf, -np.inf):
        sums = np.sum(np.abs(x), axis=-2 if ord in (1, -1) else -1)
    elif ord == "nuc":
        sums = nuclear_norm(x)
    elif ord in (2, -2):
        sums = np.abs(np.linalg.svdvals(x))  # whose slope is 0 at 0
    else:
        return undefined(NORM_AXES, order=ord, ndim=np.ndim(x))
    norm = sums if ord == "nuc" else np.max(sums, axis=-1, initial=0) if ord > 0 else np.min(sums, axis=-1)
    return np.expand_dims(norm, (-2, -1)) if keepdims else norm


@primitive
def length(x):
    """`np.linalg.norm(x)`, which is faster than the same of `np.linalg.vector_norm`."""
    return np.linalg.norm(x)


rule(
    length,
    lambda g, out, x: g * norm_slope(x, out, None, 2),
    kinks=norm_kinks,
    cases=(case((3,)), case((2, 3)), case(()), case((0,))),
)


@composite(np.linalg.norm)
def _norm(x, ord=None, axis=None, keepdims=False):
    if axis is None and ord is None and not keepdims:
        return length(x)
    ndim = np.ndim(x)
    if axis is None and ord is None:
        return np.linalg.vector_norm(x, keepdims=keepdims)
    require(not isinstance(axis, list), "'axis' must be None, an integer or a tuple of integers", TypeError)
    axes = axes_of(axis if axis is None or isinstance(axis, tuple) else int(axis), ndim)
    if len(axes) == 1:
        return np.linalg.vector_norm(x, axis=axes[0], keepdims=keepdims, ord=2 if ord is None else ord)
    if len(axes) != 2:
        return undefined(NORM_AXES, order=ord, ndim=ndim)
    if ord in (None, "fro", "f"):
        return np.linalg.vector_norm(x, axis=axes, keepdims=keepdims)
    norm = np.linalg.matrix_norm(np.moveaxis(x, axes, (-2, -1)), ord=ord)
    return np.expand_dims(norm, axes) if keepdims else norm


@composite(np.linalg.cond)
def _cond(x, p=None):
    require(x.size > 0 or math.prod(x.shape[-2:]) > 0, "cond is not defined on empty arrays", LINALG_ERROR)
    if p in (None, 2, -2):
        s = np.linalg.svdvals(x)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    return np.linalg.matrix_norm(x, ord=p) * np.linalg.matrix_norm(np.linalg.inv(x), ord=p)


# Functions that NumPy has twice


@composite(np.linalg.trace)
def _trace(x, /, *, offset=0, dtype=None):
    return np.trace(x, offset, -2, -1, dtype)


@composite(np.linalg.diagonal)
def _diagonal(x, /, *, offset=0):
    return np.diagonal(x, offset, -2, -1)


@composite(np.linalg.matrix_transpose)
def _matrix_transpose(x, /):
    return np.swapaxes(x, -1, -2)
