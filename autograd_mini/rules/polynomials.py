"""Derivatives of functions of polynomials, given by their coefficients, the highest power first.

A coefficient of a power is a variable even where it is zero: where NumPy leaves out leading zeros of a result, what is
left is differentiated as the coefficients of its powers, and roots as those roots that are there.
"""

import warnings

import numpy as np

from autograd_mini.devices import beside
from autograd_mini.domains import case
from autograd_mini.primitive import composite, constant, primitive, rule
from autograd_mini.rules.refusals import require

POLY1D = (
    "np.{name} was given an `np.poly1d` together with a tensor, and a `poly1d` cannot hold the history of a result. "
    "Pass its coefficients: `p.coeffs`."
)
REPEATED = (
    "The derivative of np.roots was asked for at a root near {root:.6g} that occurs more than once, up to rounding. "
    "There the roots move with infinite speed. Use a function of the coefficients alone, or only the simple roots."
)


@primitive
def refuse_poly1d(name, *polynomials):
    """Refuse objects of the class `poly1d`."""
    if any(isinstance(p, np.poly1d) for p in polynomials):
        raise TypeError(POLY1D.format(name=name))


@primitive
def descending(n):
    """The numbers n, ..., 2, 1."""
    return np.arange(n, 0, -1)


@primitive
def identity(a):
    """The identity matrix with as many columns as `a`, of its dtype."""
    return beside(np.eye(a.shape[-1], dtype=a.dtype), a)


constant(refuse_poly1d, descending, identity)


# Sums and products


def aligned(a, count):
    """`a` with zeros in front until it has `count` coefficients."""
    if a.shape[0] == count:
        return a
    return np.concatenate([np.zeros_like(a, shape=count - a.shape[0]), a])


def two(name, a1, a2):
    """Two polynomials as arrays of one length."""
    refuse_poly1d(name, a1, a2)
    a1, a2 = np.atleast_1d(a1), np.atleast_1d(a2)
    count = max(a1.shape[0], a2.shape[0])
    return aligned(a1, count), aligned(a2, count)


@composite(np.polyadd)
def _polyadd(a1, a2):
    a1, a2 = two("polyadd", a1, a2)
    return a1 + a2


@composite(np.polysub)
def _polysub(a1, a2):
    a1, a2 = two("polysub", a1, a2)
    return a1 - a2


@primitive
def leading_zeros(p):
    """How many zeros stand in front of a polynomial; of one that is zero, the last coefficient stays."""
    used = np.flatnonzero(p)
    return int(used[0]) if used.size else max(p.size - 1, 0)


constant(leading_zeros)


def one_polynomial(a):
    """The coefficients as an array, at least one."""
    a = np.atleast_1d(a)
    require(a.ndim == 1, "Polynomial must be 1d only.")
    return a if a.shape[0] else np.zeros_like(a, shape=1)


@composite(np.polymul)
def _polymul(a1, a2):
    refuse_poly1d("polymul", a1, a2)
    a1, a2 = one_polynomial(a1), one_polynomial(a2)
    return np.convolve(a1, a2)[leading_zeros(a1) + leading_zeros(a2) :]


# Division: u = q v + r defines q and r, and their derivatives are found by the same division.


@primitive
def quotient(h, v):
    """The first coefficients of h / v, as many as h has. `np.polydiv` would take its time for a remainder, too."""
    n, kind = v.shape[-1] - 1, np.result_type(h, v)
    rest = np.concatenate([h, np.zeros((*h.shape[:-1], n))], axis=-1).astype(kind)
    q = np.zeros_like(rest, shape=h.shape)
    for k in range(h.shape[-1]):
        q[..., k] = rest[..., k] / v[..., 0]
        rest[..., k + 1 : k + 1 + n] -= q[..., k, None] * v[..., 1:]
    return q


def of_quotient_divisor(g, out, _h, v):
    """The cotangent of v: a change of v is one of h by what its product with the quotient changes."""
    h = np.flip(quotient(np.flip(g), v))
    return -np.convolve(np.concatenate([h, np.zeros_like(v[1:])]), np.flip(out), "valid")


rule(
    quotient,
    lambda g, _out, _h, v: np.flip(quotient(np.flip(g), v)),
    of_quotient_divisor,
    cases=(case((4,), (3,)), case((2,), (4,)), case((3,), (1,)), case((1,), (1,))),
    prepare=lambda h, v: (h, np.concatenate([[2.0], v[1:]])),
)


def of_dividend(g, _out, _u, v):
    """The cotangent of u. NumPy leaves out zeros in front of r, or leaves rounded ones there, which do not count."""
    n, count = v.shape[0] - 1, _u.shape[0] - v.shape[0] + 1
    gq, gr = g
    if count <= 0:
        return aligned(gr, _u.shape[0])
    gr = gr[gr.shape[0] - n :] if gr.shape[0] > n else aligned(gr, n)
    h = gq - np.convolve(aligned(gr, n + count), np.flip(v), "valid")
    return np.concatenate([np.flip(quotient(np.flip(h), v)), gr])


def of_divisor(g, out, _u, v):
    """The cotangent of v, by that of u: a change of v is one of u by -q dv."""
    if _u.shape[0] < v.shape[0]:
        return np.zeros_like(v)
    return -np.convolve(of_dividend(g, None, _u, v), np.flip(out[0]), "valid")


def bind_polydiv(args, kwargs):
    """Both operands as arrays."""
    operands = [*args, *(kwargs[name] for name in ("u", "v")[len(args) :])]
    refuse_poly1d("polydiv", *operands)
    return [np.atleast_1d(operand) for operand in operands], {}


rule(
    np.polydiv,
    of_dividend,
    of_divisor,
    bind=bind_polydiv,
    cases=(
        case((5,), (3,)),
        case((3,), (3,)),
        case((4,), (2,)),
        case((3,), (1,)),
        case((1,), (1,)),
        case((2,), (4,)),
        case((6,), (2,)),
    ),
    # By 2 nothing is rounded, so that NumPy leaves the zeros in front of r out for float32 as well.
    prepare=lambda u, v: (u, np.concatenate([[2.0], v[1:]])),
)


# Derivatives and integrals of polynomials


@composite(np.polyder)
def _polyder(p, m=1):
    m = whole(m)
    require(m >= 0, "Order of derivative must be positive (see polyint)")
    require(np.ndim(p) == 1 or not m, "np.polyder takes the coefficients of one polynomial")
    for _ in range(m):
        p = p[:-1] * descending(len(p) - 1)
    return p


@primitive
def whole(m):
    """A number without its fraction."""
    return int(m)


constant(whole)


@composite(np.polyint)
def _polyint(p, m=1, k=None):
    m = whole(m)
    require(m >= 0, "Order of integral must be positive (see polyder)")
    k = [0.0] * m if k is None else np.atleast_1d(k)
    k = [k[i : i + 1] for i in range(len(k))] if len(k) != 1 else [k] * max(m, 1)
    require(len(k) >= m, "k must be a scalar or a rank-1 array of length 1 or >m.")
    for i in range(m):
        p = np.concatenate([p / descending(len(p)), k[i]])
    return p


# From roots to coefficients


@primitive
def characteristic(a):
    """The coefficients of det(x - a), by the eigenvalues of the matrix as in `np.poly`."""
    return np.poly(a)


def stacked(numbers):
    """A list of numbers, some of them tensors, as one array; `np.poly` and `np.roots` take such lists too."""
    return np.stack(numbers) if isinstance(numbers, list | tuple) else numbers


def of_characteristic(g, out, a):
    """The derivative is -tr(adjugate(x - a) da), and the adjugate's coefficients are b = 1, a b + out[1], ...

    Nothing is divided, so that equal eigenvalues do no harm.
    """
    b = identity(a)
    part = g[1] * b
    for k in range(1, a.shape[0]):
        b = np.matmul(a, b) + out[k] * identity(a)
        part = part + g[k + 1] * b
    return -part.T


rule(characteristic, of_characteristic, cases=(case((3, 3)), case((1, 1)), case((4, 4))))


@primitive
def poly_dtype(a):
    """The dtype in which `np.poly` computes."""
    return np.dtype(np.mintypecode(a.dtype.char))


@primitive
def come_in_pairs(roots):
    """Whether complex roots are all conjugates of each other, so that the polynomial is real."""
    return bool(np.iscomplexobj(roots) and np.all(np.sort(roots) == np.sort(roots.conj())))


constant(poly_dtype, come_in_pairs)


@composite(np.poly)
def _poly(seq_of_zeros):
    roots = stacked(seq_of_zeros)
    if roots.ndim == 2 and roots.shape[0] == roots.shape[1] != 0:
        return characteristic(roots)
    require(roots.ndim == 1, "input must be 1d or non-empty square 2d array.")
    roots = roots.astype(poly_dtype(roots))
    if not roots.shape[0]:
        return 1.0
    a = np.ones_like(roots[:1])
    for i in range(roots.shape[0]):
        a = np.convolve(a, np.concatenate([np.ones_like(roots[:1]), -roots[i : i + 1]]))
    return np.real(a) if come_in_pairs(roots) else a


# From coefficients to roots


@primitive
def repeated(p, roots, slopes):
    """Which roots are so near to another that rounding moves them as far.

    Rounding changes p(r) by about eps sum |p_k| |r|^k, and so r by that over |p'(r)|.
    """
    eps = np.finfo(roots.dtype).eps
    powers = np.abs(roots)[..., None] ** np.arange(p.shape[-1])[::-1]
    rounding = 64 * eps * np.sum(powers * np.abs(p)[..., None, :], axis=-1)
    gaps = np.abs(roots[..., None] - roots[..., None, :])
    gaps = np.where(np.eye(roots.shape[-1], dtype=bool), np.inf, gaps)
    return np.min(gaps, axis=-1, initial=np.inf) * np.abs(slopes) <= rounding


constant(repeated)


@primitive
def over_slopes(x, slopes, equal, roots):
    """`x` divided by the slopes at the roots, 0 where it is 0 already; an error at other roots that are `equal`."""
    wrong = equal & (x != 0)
    if np.any(wrong):
        raise np.linalg.LinAlgError(REPEATED.format(root=np.broadcast_to(roots, wrong.shape)[wrong][0]))
    return np.where(equal, 0, x) / np.where(equal, 1, slopes)


SIMPLE = {"equal": np.zeros(3, bool), "roots": np.arange(3.0)}
rule(
    over_slopes,
    lambda g, _out, _x, slopes, equal, roots: over_slopes(g, slopes, equal, roots),
    lambda g, out, _x, slopes, equal, roots: -over_slopes(g * out, slopes, equal, roots),
    prepare=lambda x, slopes: (x, 4 + slopes),
    cases=(case((3,), (3,), **SIMPLE),),
)


@primitive
def plain(a):
    """The values of `a`, through which no derivative flows."""
    return a


constant(plain)


def of_roots(g, out, p):
    """The root r of p moves by dr = -dp(r) / p'(r)."""
    powers = np.vander(out, p.shape[0]).astype(out.dtype)
    slopes = np.matmul(powers[:, 1:], (p[:-1] * descending(p.shape[0] - 1)).astype(p.dtype))
    equal = repeated(p, out, slopes)
    return -np.matmul(over_slopes(g, slopes, equal, plain(out)), powers)


def with_simple_roots(p):
    """A polynomial with the roots 1, -2, 3, ... about."""
    n = p.shape[0] - 1
    return np.poly((-1.0) ** np.arange(n) * np.arange(1, n + 1)) + 0.05 * p if n > 0 else p


rule(
    np.roots,
    of_roots,
    bind=lambda args, kwargs: ([stacked(p) for p in (*args, *kwargs.values())], {}),
    prepare=with_simple_roots,
    cases=(case((4,)), case((2,)), case((3,))),
)


# Least squares


@primitive
def smallest(x):
    """The relative size up to which `np.polyfit` takes a singular value for zero."""
    return len(x) * np.finfo(x.dtype).eps


@primitive
def warn_of_rank(rank, order):
    """Warn of equations that do not determine the coefficients, as `np.polyfit` does."""
    if rank != order:
        warnings.warn("Polyfit may be poorly conditioned", np.exceptions.RankWarning, stacklevel=2)


constant(smallest, warn_of_rank)


def check_points(x, y, w, deg):
    """Refuse what `np.polyfit` refuses."""
    require(deg >= 0, "expected deg >= 0")
    require(x.ndim == 1, "expected 1D vector for x", TypeError)
    require(x.size > 0, "expected non-empty vector for x", TypeError)
    require(y.ndim in (1, 2), "expected 1D or 2D array for y", TypeError)
    require(x.shape[0] == y.shape[0], "expected x and y to have same length", TypeError)
    require(w is None or w.ndim == 1, "expected a 1-d array for weights", TypeError)
    require(w is None or w.shape[0] == y.shape[0], "expected w and y to have the same length", TypeError)


@composite(np.polyfit)
def _polyfit(x, y, deg, rcond=None, full=False, w=None, cov=False):  # noqa: PLR0917
    order = whole(deg) + 1
    x, y = array(x) + 0.0, array(y) + 0.0
    w = None if w is None else array(w) + 0.0
    check_points(x, y, w, deg)
    rcond = smallest(x) if rcond is None else rcond
    left, right = np.vander(x, order), y
    if w is not None:
        left = left * np.expand_dims(w, 1)
        right = (y * (w if y.ndim == 1 else np.expand_dims(w, 1))).astype(y.dtype)
    scale = np.sqrt(np.sum(left * left, axis=0))
    left = left / scale
    c, squares, rank, s = np.linalg.lstsq(left, right, rcond)
    c = (c.T / scale).T
    if full:
        return c, squares, rank, s, rcond
    warn_of_rank(rank, order)
    if cov:
        base = np.linalg.inv(np.matmul(left.T, left)) / np.outer(scale, scale)
        require(
            cov == "unscaled" or x.size > order,
            "the number of data points must exceed order to scale the covariance matrix",
        )
        base = base if y.ndim == 1 else np.expand_dims(base, 2)
        return c, base * (1 if cov == "unscaled" else squares / (x.size - order))
    return c


def array(a):
    """A list or a number as an array of the same number of axes; arrays and tensors as they are."""
    return np.reshape(a, np.shape(a))
