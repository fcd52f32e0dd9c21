"""`scipy.linalg` for tensors: functions of matrices and triangular and Sylvester equations; stacks of matrices too."""

# ruff: noqa: ARG001, N803, PLR0917 (SciPy's names and orders of arguments; a rule names all options)

import numpy as np
import scipy.linalg

from autograd_mini.domains import Interval, case
from autograd_mini.primitive import primitive, rule

__all__ = ["expm", "expm_frechet", "solve_sylvester", "solve_triangular", "sqrtm"]


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
    """`scipy.linalg.solve_triangular`; the other triangle of a has gradient 0. `overwrite_b` is not heeded."""
    return scipy.linalg.solve_triangular(a, b, trans, lower, unit_diagonal, check_finite=check_finite)


@primitive
def solve_sylvester(a, b, q):
    """`scipy.linalg.solve_sylvester`: the X of a X + X b = q."""
    return scipy.linalg.solve_sylvester(a, b, q)


@primitive
def sqrtm(A):
    """`scipy.linalg.sqrtm`, the principal square root; A must have no eigenvalue 0."""
    return scipy.linalg.sqrtm(A)


@primitive
def expm(A):
    """`scipy.linalg.expm`, the matrix exponential."""
    return scipy.linalg.expm(A)


@primitive
def expm_frechet(A, E):
    """The derivative of `expm` at A in the direction E, as `scipy.linalg.expm_frechet(..., compute_expm=False)`."""
    A, E = np.broadcast_arrays(A, E)
    out = np.empty(A.shape, np.result_type(A, E))
    for i in np.ndindex(A.shape[:-2]):
        out[i] = scipy.linalg.expm_frechet(A[i], E[i], compute_expm=False)
    return out


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
STACK = (case((3, 3)), case((2, 3, 3)), case((1, 1)))
TWO_STACKS = (case((3, 3), (3, 3)), case((2, 3, 3), (2, 3, 3)))

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
