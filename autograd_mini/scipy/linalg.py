"""`scipy.linalg` for tensors: functions of matrices, equations with matrices of a structure, matrices built of parts.

Stacks of matrices too, as far as the SciPy that is installed takes them.
"""

# ruff: noqa: N803 (SciPy's names and orders of arguments; a rule names all options)

import numpy as np
import scipy.linalg

from autograd_mini.batching import Batch, batching_rule, is_batched
from autograd_mini.batching.batch import padded
from autograd_mini.batching.operands import ndim, of_some
from autograd_mini.domains import Interval, case
from autograd_mini.primitive import primitive, rule

__all__ = [
    "block_diag",
    "cho_factor",
    "cho_solve",
    "cholesky",
    "expm",
    "expm_frechet",
    "solve_banded",
    "solve_sylvester",
    "solve_toeplitz",
    "solve_triangular",
    "sqrtm",
    "toeplitz",
]

TOEPLITZ_AXES = "{name} was given {what} of {ndim} axes. Write a vector."


def turned(a):
    """The matrices of a stack transposed."""
    return np.swapaxes(a, -1, -2)


def column(b, like):
    """A vector as a matrix of one column, where `like`, the matrix of the equation, has as many axes more."""
    return np.expand_dims(b, -1) if b.ndim < like.ndim else b


def triangle(a, lower, unit_diagonal):
    """`a` with zeros where a triangular solve does not look."""
    return np.tril(a, -1 if unit_diagonal else 0) if lower else np.triu(a, 1 if unit_diagonal else 0)


@primitive
def solve_triangular(a, b, trans=0, lower=False, unit_diagonal=False, overwrite_b=False, check_finite=True):
    """`scipy.linalg.solve_triangular`: the :math:`x` of :math:`a x = b`; the other triangle of a has gradient 0.

    Parameters
    ----------
    a : array_like or Tensor
        Shape (n, n), of which one triangle is read.
    b : array_like or Tensor
        A vector, or a matrix of columns.
    trans : {0, 1, 2, "N", "T", "C"}
        Solve with a, its transpose or its conjugate transpose.
    lower : bool
        The lower triangle is read.
    unit_diagonal : bool
        The diagonal is taken as 1 and not read.
    overwrite_b : bool
        SciPy's, not heeded.
    check_finite : bool
        Raise ValueError of numbers that are not finite.

    Returns
    -------
    ndarray or Tensor
        Of the shape of b; float32 stays float32.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini.scipy import linalg
    >>> linalg.solve_triangular(np.array([[2.0, 0.0], [1.0, 1.0]]), np.array([2.0, 3.0]), lower=True)
    array([1., 2.])
    """
    return scipy.linalg.solve_triangular(a, b, trans, lower, unit_diagonal, check_finite=check_finite)


@primitive
def solve_sylvester(a, b, q):
    """`scipy.linalg.solve_sylvester`: the :math:`X` of :math:`a X + X b = q`.

    Parameters
    ----------
    a, b : array_like or Tensor
        Square matrices; no eigenvalue of a is minus one of b.
    q : array_like or Tensor
        As many rows as a, as many columns as b.

    Returns
    -------
    ndarray or Tensor
        Of the shape of q; float32 stays float32.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini.scipy import linalg
    >>> linalg.solve_sylvester(np.eye(2), np.eye(2), np.array([[2.0, 4.0], [6.0, 8.0]]))
    array([[1., 2.],
           [3., 4.]])
    """
    return scipy.linalg.solve_sylvester(a, b, q)


@primitive
def sqrtm(A):
    """`scipy.linalg.sqrtm`, the principal square root: the :math:`X` with :math:`X X = A`.

    Parameters
    ----------
    A : array_like or Tensor
        A square matrix without an eigenvalue 0.

    Returns
    -------
    ndarray or Tensor
        Of the shape of A; float32 stays float32.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini.scipy import linalg
    >>> linalg.sqrtm(np.diag([4.0, 9.0]))
    array([[2., 0.],
           [0., 3.]])
    """
    return scipy.linalg.sqrtm(A)


@primitive
def expm(A):
    r"""`scipy.linalg.expm`, the matrix exponential :math:`\sum_k A^k / k!`.

    Its derivative in a direction E is that of `expm_frechet`, and of a cotangent G it is :math:`D(A^\top, G)`:

    .. math::
        D(A, E) = \int_0^1 e^{s A} E\, e^{(1 - s) A}\, ds

    Parameters
    ----------
    A : array_like or Tensor
        Square matrices, shape (..., n, n).

    Returns
    -------
    ndarray or Tensor
        Of the shape of A; float32 stays float32.

    Raises
    ------
    numpy.linalg.LinAlgError
        If A has fewer than two axes, or the last two are not of one length.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini.scipy import linalg
    >>> linalg.expm(np.array([[0.0, 1.0], [0.0, 0.0]]))
    array([[1., 1.],
           [0., 1.]])
    """
    return scipy.linalg.expm(A)


@primitive
def expm_frechet(A, E):
    r"""The derivative of `expm` at A in the direction E, as `scipy.linalg.expm_frechet(..., compute_expm=False)`.

    .. math::
        \lim_{h \to 0} \frac{e^{A + h E} - e^A}{h}

    Parameters
    ----------
    A, E : array_like or Tensor
        Square matrices, shape (..., n, n).

    Returns
    -------
    ndarray or Tensor
        Of the shape that A and E broadcast to; float32 stays float32.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini.scipy import linalg
    >>> linalg.expm_frechet(np.zeros((2, 2)), np.eye(2))
    array([[1., 0.],
           [0., 1.]])
    """
    A, E = np.broadcast_arrays(A, E)
    out = np.empty(A.shape, np.result_type(A, E))
    for i in np.ndindex(A.shape[:-2]):
        out[i] = scipy.linalg.expm_frechet(A[i], E[i], compute_expm=False)
    return out


# All examples of a vmap at once: stacks of matrices, or more right sides of the same equation


def on_stacks(function):
    """Say that the operands of a function are stacks of matrices, which broadcast with each other."""

    @batching_rule(function)
    @of_some
    def _(level, *operands):
        axes = max(map(ndim, operands))
        return Batch(function(*(padded(x, axes, level) for x in operands)), level)


def of_columns(function, level, b):
    """The solutions of an equation for the right sides of all examples, which are columns of one."""
    sides = np.moveaxis(b.values, 0, -1)
    out = function(np.reshape(sides, (sides.shape[0], -1)))
    return Batch(np.moveaxis(np.reshape(out, sides.shape), -1, 0), level)


@batching_rule(solve_triangular)
@of_some
def _(level, a, b, *flags, **options):
    if not is_batched(a, level) and ndim(a) == 2 and ndim(b) < 3:
        return of_columns(lambda sides: solve_triangular(a, sides, *flags, **options), level, b)
    columns = b[..., None] if ndim(b) == 1 else b
    axes = max(ndim(a), ndim(columns))
    out = solve_triangular(padded(a, axes, level), padded(columns, axes, level), *flags, **options)
    return Batch(out[..., 0] if ndim(b) == 1 else out, level)


on_stacks(solve_sylvester)
on_stacks(expm_frechet)
on_stacks(sqrtm)
on_stacks(expm)


def separation(a, b, q):
    """Near 0 where a and -b nearly share an eigenvalue and the equation is nearly singular."""
    gaps = np.linalg.eigvals(a)[..., :, None] + np.linalg.eigvals(b)[..., None, :]
    return np.abs(gaps) - 0.3 if np.min(np.abs(gaps)) > 0.3 else 0.0


def cut_distance(A):
    """0 unless every eigenvalue is right of the cut, along the negative numbers, by a margin."""
    return np.maximum(np.linalg.eigvals(A).real - 0.1, 0)


def right_side(g, a, trans, lower, unit_diagonal, check_finite):
    """The cotangent of the right side: the solution of the transposed equation."""
    if trans in {2, "C"}:  # the plain transpose of the conjugate transpose
        return solve_triangular(
            np.conj(a), g, trans=0, lower=lower, unit_diagonal=unit_diagonal, check_finite=check_finite
        )
    trans = 1 if trans in {0, "N"} else 0
    return solve_triangular(a, g, trans=trans, lower=lower, unit_diagonal=unit_diagonal, check_finite=check_finite)


def triangular_left(g, out, a, _b, trans=0, lower=False, unit_diagonal=False, overwrite_b=False, check_finite=True):
    """The cotangent of the matrix: minus the outer product of the two solutions, on its triangle."""
    pulled = column(right_side(g, a, trans, lower, unit_diagonal, check_finite), a)
    solution = column(out, a)
    if trans in {0, "N"}:
        return triangle(-np.matmul(pulled, turned(solution)), lower, unit_diagonal)
    full = -np.matmul(solution, turned(pulled))
    return triangle(np.conj(full) if trans in {2, "C"} else full, lower, unit_diagonal)


def triangular_right(g, _out, a, _b, trans=0, lower=False, unit_diagonal=False, overwrite_b=False, check_finite=True):
    """The cotangent of the right side, as a rule."""
    return right_side(g, a, trans, lower, unit_diagonal, check_finite)


def sylvester(g, a, b):
    """The cotangent of q in a X + X b = q."""
    return solve_sylvester(turned(a), turned(b), g)


def frechet_left(g, _out, A, E):
    """The directional derivative is a block of an exponential, whose derivative is a directional derivative."""
    n, At, Et, none = A.shape[-1], turned(A), turned(E), np.zeros_like(A)
    doubled = np.concatenate([np.concatenate([At, none], -1), np.concatenate([Et, At], -1)], -2)
    seed = np.concatenate([np.concatenate([none, g], -1), np.concatenate([none, none], -1)], -2)
    pulled = expm_frechet(doubled, seed)
    return pulled[..., :n, :n] + pulled[..., n:, n:]


SYSTEMS = (
    case((3, 3), (3, 2)),
    case((3, 3), (3,), lower=True),
    case((3, 3), (3,), trans=1),
    case((3, 3), (3, 2), trans="T", lower=True, unit_diagonal=True),
    case((3, 3), (3, 1), trans=2, unit_diagonal=True),
    case((2, 3, 3), (2, 3, 2), lower=True),
)
STACK = (case((3, 3)), case((2, 2, 2)), case((1, 1)))
TWO_STACKS = (case((3, 3), (3, 3)), case((2, 2, 2), (2, 2, 2)))

rule(solve_triangular, triangular_left, triangular_right, domain=(Interval(0.9, 1.6), Interval()), cases=SYSTEMS)
rule(
    solve_sylvester,
    lambda g, out, a, b, _q: -np.matmul(sylvester(g, a, b), turned(out)),
    lambda g, out, a, b, _q: -np.matmul(turned(out), sylvester(g, a, b)),
    lambda g, _out, a, b, _q: sylvester(g, a, b),
    domain=(Interval(0.2, 4), Interval(0.2, 4), Interval()),
    kinks=separation,
    cases=(case((3, 3), (2, 2), (3, 2)), case((2, 2, 2), (2, 3, 3), (2, 2, 3)), case((1, 1), (1, 1), (1, 1))),
)
rule(
    sqrtm,
    lambda g, out, _A: solve_sylvester(turned(out), turned(out), g),
    kinks=cut_distance,
    cases=STACK,
)
rule(expm, lambda g, _out, A: expm_frechet(turned(A), g), domain=Interval(-1.0, 1.0), cases=STACK)
rule(
    expm_frechet,
    frechet_left,
    lambda g, _out, A, _E: expm_frechet(turned(A), g),
    domain=Interval(-1.0, 1.0),
    cases=TWO_STACKS,
)


# Cholesky's factor, of which SciPy and NumPy read one triangle; the other has gradient 0.


def adjoint(a):
    """The conjugate transpose."""
    return np.conj(turned(a)) if np.iscomplexobj(a) else turned(a)


def cholesky(a, lower=False, overwrite_a=False, check_finite=True):
    """`scipy.linalg.cholesky`: a triangular :math:`U` with :math:`U^H U = a`, or :math:`L` with :math:`L L^H = a`.

    Parameters
    ----------
    a : array_like or Tensor
        Positive definite, shape (..., n, n); one triangle is read, and the other has gradient 0.
    lower : bool
        Return L.
    overwrite_a, check_finite : bool
        SciPy's, not heeded.

    Returns
    -------
    ndarray or Tensor
        Of the shape of a, with zeros in its other triangle; float32 stays float32.

    Raises
    ------
    numpy.linalg.LinAlgError
        If `a` is not positive definite.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini.scipy import linalg
    >>> linalg.cholesky(np.array([[4.0, 2.0], [2.0, 5.0]]))
    array([[2., 1.],
           [0., 2.]])
    """
    return np.linalg.cholesky(a) if lower else adjoint(np.linalg.cholesky(adjoint(a)))


def cho_factor(a, lower=False, overwrite_a=False, check_finite=True):
    """`scipy.linalg.cho_factor`: the pair that `scipy.linalg.cho_solve` takes, Cholesky's factor and `lower`.

    The triangle that is not read has zeros.

    Parameters
    ----------
    a : array_like or Tensor
        Positive definite, shape (..., n, n).
    lower : bool
        Which factor.
    overwrite_a, check_finite : bool
        SciPy's, not heeded.

    Returns
    -------
    tuple
        The factor, of the shape and dtype of a, and `lower`.

    Raises
    ------
    numpy.linalg.LinAlgError
        If `a` is not positive definite.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini.scipy import linalg
    >>> factor = linalg.cho_factor(np.array([[4.0, 2.0], [2.0, 5.0]]))
    >>> linalg.cho_solve(factor, np.array([8.0, 12.0]))
    array([1., 2.])
    """
    return cholesky(a, lower), lower


def cho_solve(c_and_lower, b, overwrite_b=False, check_finite=True):
    """`scipy.linalg.cho_solve`: the :math:`x` of :math:`a x = b`, given Cholesky's factor of a.

    Parameters
    ----------
    c_and_lower : tuple
        What `cho_factor` returns.
    b : array_like or Tensor
        A vector, or a matrix of columns.
    overwrite_b : bool
        SciPy's, not heeded.
    check_finite : bool
        Raise ValueError of numbers that are not finite.

    Returns
    -------
    ndarray or Tensor
        Of the shape of b; float32 stays float32.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini.scipy import linalg
    >>> factor = linalg.cho_factor(2 * np.eye(2))
    >>> linalg.cho_solve(factor, np.array([2.0, 4.0])).round(12)
    array([1., 2.])
    """
    c, lower = c_and_lower
    first, second = (0, 2) if lower else (2, 0)
    half = solve_triangular(c, b, trans=first, lower=lower, check_finite=check_finite)
    return solve_triangular(c, half, trans=second, lower=lower, check_finite=check_finite)


# Banded matrices, whose diagonals are the rows of `ab`: ab[u + i - j, j] = a[i, j].


def shifted(rows, d):
    """rows[..., j + d, :] at j, and 0 where there is none."""
    if d >= 0:
        return np.concatenate([rows[..., d:, :], np.zeros_like(rows[..., :d, :])], -2)
    return np.concatenate([np.zeros_like(rows[..., d:, :]), rows[..., :d, :]], -2)


def transposed_bands(ab, l, u):  # noqa: E741 (SciPy's name)
    """The bands of the transposed matrix, which has u lower and l upper ones."""
    bands = [shifted(np.expand_dims(ab[..., l + u - r, :], -1), r - l) for r in range(l + u + 1)]
    return np.stack([band[..., 0] for band in bands], -2)


@primitive
def banded_solution(ab, b, l_and_u, check_finite=True):
    """`scipy.linalg.solve_banded(l_and_u, ab, b)`."""
    return scipy.linalg.solve_banded(l_and_u, ab, b, check_finite=check_finite)


@batching_rule(banded_solution)
@of_some
def _(level, ab, b, **options):
    if is_batched(ab, level):
        return NotImplemented
    return of_columns(lambda sides: banded_solution(ab, sides, **options), level, b)


def banded_right_side(g, ab, l_and_u):
    """The cotangent of the right side: the solution of the transposed equation."""
    l, u = l_and_u  # noqa: E741
    return banded_solution(transposed_bands(ab, l, u), g, l_and_u=(u, l))


def bands(g, out, ab, _b, l_and_u, check_finite=True):
    """The cotangent of the bands: those of minus the outer product of the two solutions."""
    l, u = l_and_u  # noqa: E741
    pulled, solution = column(banded_right_side(g, ab, l_and_u), ab), column(out, ab)
    return np.stack([-np.sum(shifted(pulled, r - u) * solution, axis=-1) for r in range(l + u + 1)], -2)


def solve_banded(l_and_u, ab, b, overwrite_ab=False, overwrite_b=False, check_finite=True):
    """`scipy.linalg.solve_banded`: the :math:`x` of :math:`a x = b`, where `ab` has the diagonals of a.

    Parameters
    ----------
    l_and_u : tuple of int
        How many diagonals are below the main one, and how many above.
    ab : array_like or Tensor
        The diagonals as rows, `ab[u + i - j, j] = a[i, j]`; entries outside of the matrix have gradient 0.
    b : array_like or Tensor
        A vector, or a matrix of columns.
    overwrite_ab, overwrite_b : bool
        SciPy's, not heeded.
    check_finite : bool
        Raise ValueError of numbers that are not finite.

    Returns
    -------
    ndarray or Tensor
        Of the shape of b; float32 stays float32.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini.scipy import linalg
    >>> linalg.solve_banded((0, 1), np.array([[0.0, 1.0], [2.0, 4.0]]), np.array([4.0, 8.0]))
    array([1., 2.])
    """
    return banded_solution(ab, b, l_and_u=tuple(l_and_u), check_finite=check_finite)


# Toeplitz matrices, of a first column c and a first row r whose own first entry is not read


def vector(a, what, name):
    """A vector, as SciPy takes it: a number is one of length 1."""
    if np.ndim(a) > 1:
        raise ValueError(TOEPLITZ_AXES.format(name=name, what=what, ndim=np.ndim(a)))
    return np.atleast_1d(a)


def toeplitz(c, r=None):
    """`scipy.linalg.toeplitz`: `c[i - j]` below and on the diagonal, `r[j - i]` above.

    Parameters
    ----------
    c : array_like or Tensor
        The first column, a vector.
    r : array_like or Tensor, optional
        The first row, whose own first entry is not read; without it conj(c).

    Returns
    -------
    ndarray or Tensor
        A row for each entry of c, a column for each of r; of their dtype.

    Raises
    ------
    ValueError
        If one of them has several axes.

    Examples
    --------
    >>> from autograd_mini.scipy import linalg
    >>> linalg.toeplitz([1, 2, 3], [1, 4, 5])
    array([[1, 4, 5],
           [2, 1, 4],
           [3, 2, 1]])
    """
    c = vector(c, "a first column", "toeplitz")
    r = np.conj(c) if r is None else vector(r, "a first row", "toeplitz")
    m, n = np.shape(c)[0], np.shape(r)[0]
    values = np.concatenate([np.flip(c), r[1:]])
    return values[np.arange(n) - np.arange(m)[:, None] + m - 1]


@primitive
def toeplitz_solution(c, r, b, check_finite=True):
    """`scipy.linalg.solve_toeplitz((c, r), b)`."""
    out = scipy.linalg.solve_toeplitz((c, r), b, check_finite=check_finite)
    return np.reshape(out, np.shape(b)).astype(np.result_type(c, r, np.asarray(b), np.float32))


@batching_rule(toeplitz_solution)
@of_some
def _(level, c, r, b, **options):
    if is_batched(c, level) or is_batched(r, level):
        return NotImplemented
    return of_columns(lambda sides: toeplitz_solution(c, r, sides, **options), level, b)


def toeplitz_right_side(g, c, r):
    """The cotangent of the right side: the solution of the transposed equation."""
    return toeplitz_solution(np.concatenate([c[:1], r[1:]]), c, g)


def toeplitz_parts(g, out, c, r, first):
    """The cotangents of c (`first` = 0) or r (1): minus the sums of products that are so many places apart."""
    if c.shape[0] == 0:
        return np.zeros_like(c)
    ends = toeplitz_right_side(g, c, r), out
    left, right = (np.reshape(end, (c.shape[0], -1)) for end in (ends if first == 0 else ends[::-1]))
    return np.stack([-np.sum(shifted(left, k) * right) for k in range(first, c.shape[0])])


def row_parts(g, out, c, r):
    """The cotangent of r, whose first entry is not read."""
    return (
        np.concatenate([np.zeros_like(r[:1]), toeplitz_parts(g, out, c, r, 1)]) if r.shape[0] > 1 else np.zeros_like(r)
    )


def solve_toeplitz(c_or_cr, b, check_finite=True):
    """`scipy.linalg.solve_toeplitz`: the :math:`x` of :math:`T x = b`, where T is a Toeplitz matrix.

    Parameters
    ----------
    c_or_cr : array_like, Tensor, or tuple of two
        The first column, or the first column and the first row; without a row it is conj(c).
    b : array_like or Tensor
        A vector, or a matrix of columns.
    check_finite : bool
        Raise ValueError of numbers that are not finite.

    Returns
    -------
    ndarray or Tensor
        Of the shape of b; float32 stays float32.

    Raises
    ------
    ValueError
        If a column or row has several axes.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini.scipy import linalg
    >>> linalg.solve_toeplitz(np.array([2.0, 1.0]), np.array([4.0, 5.0])).round(12)
    array([1., 2.])
    """
    c, r = c_or_cr if isinstance(c_or_cr, tuple) else (c_or_cr, None)
    c = vector(c, "a first column", "solve_toeplitz")
    r = np.conj(c) if r is None else vector(r, "a first row", "solve_toeplitz")
    return toeplitz_solution(c, r, b, check_finite=check_finite)


def block_diag(*arrs):
    """`scipy.linalg.block_diag`: matrices along the diagonal and zeros elsewhere.

    Parameters
    ----------
    *arrs : array_like or Tensor
        Matrices, or stacks of them; a vector is a row.

    Returns
    -------
    ndarray or Tensor
        As many rows and columns as all matrices have; float32 stays float32.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini.scipy import linalg
    >>> linalg.block_diag(np.eye(2), [[5.0]])
    array([[1., 0., 0.],
           [0., 1., 0.],
           [0., 0., 5.]])
    """
    if not arrs:
        return scipy.linalg.block_diag()
    blocks = [np.atleast_2d(a) for a in arrs]
    total = sum(block.shape[-1] for block in blocks)
    rows, before = [], 0
    for block in blocks:
        n = block.shape[-1]
        rows.append(np.pad(block, [(0, 0)] * (block.ndim - 1) + [(before, total - before - n)]))
        before += n
    return np.concatenate(rows, -2)


rule(
    banded_solution,
    bands,
    lambda g, _out, ab, _b, l_and_u, check_finite=True: banded_right_side(g, ab, l_and_u),
    prepare=lambda ab, b: (ab + 5 * np.eye(1, ab.shape[-2], 1).T, b),  # the diagonal, in the second row
    cases=(
        case((3, 4), (4,), l_and_u=(1, 1)),
        case((4, 4), (4, 2), l_and_u=(2, 1)),
        case((2, 3), (3,), l_and_u=(0, 1)),
    ),
)
rule(
    toeplitz_solution,
    lambda g, out, c, r, _b, check_finite=True: toeplitz_parts(g, out, c, r, 0),
    lambda g, out, c, r, _b, check_finite=True: row_parts(g, out, c, r),
    lambda g, _out, c, r, _b, check_finite=True: toeplitz_right_side(g, c, r),
    prepare=lambda c, r, b: (c + 6 * np.eye(1, c.size)[0], r, b),
    cases=(case((3,), (3,), (3,)), case((4,), (4,), (4, 2)), case((1,), (1,), (1,))),
)
