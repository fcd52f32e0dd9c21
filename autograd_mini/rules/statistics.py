"""Derivatives of covariances, correlations and sums over bins."""

import warnings

import numpy as np

from autograd_mini.domains import case
from autograd_mini.primitive import composite, constant, primitive, rule
from autograd_mini.rules.refusals import kind_of, require

# Covariance


@primitive
def cov_dtype(m, y, dtype):
    """The dtype in which `np.cov` computes; also refuses what has too many axes."""
    for name, a in (("m", m), ("y", y)):
        if np.ndim(a) > 2:
            raise ValueError(f"{name} has more than 2 dimensions")
    if dtype is not None:
        return np.dtype(dtype)
    return np.result_type(np.float64, *(np.asarray(a).dtype for a in (m, y) if a is not None))


@primitive
def check_weights(weights, count, whole):
    """Refuse weights of observations that NumPy refuses."""
    weights = np.asarray(weights, dtype=float)
    name = "fweights" if whole else "aweights"
    if whole and not np.all(weights == np.around(weights)):
        raise TypeError("fweights must be integer")
    if weights.ndim > 1:
        raise RuntimeError(f"cannot handle multidimensional {name}")
    if weights.shape[0] != count:
        raise RuntimeError(f"incompatible numbers of samples and {name}")
    if np.any(weights < 0):
        raise ValueError(f"{name} cannot be negative")


@primitive
def check_total(total):
    """Refuse weights whose sum is zero."""
    if total == 0:
        raise ZeroDivisionError("Weights sum to zero, can't be normalized")


@primitive
def check_ddof(ddof):
    """Refuse degrees of freedom that are no whole number."""
    if ddof is not None and ddof != int(ddof):
        raise ValueError("ddof must be integer")


@primitive
def too_few(freedom):
    """Whether no degree of freedom is left, of which it warns."""
    if freedom <= 0:
        warnings.warn("Degrees of freedom <= 0 for slice", RuntimeWarning, stacklevel=2)
    return bool(freedom <= 0)


constant(cov_dtype, check_weights, check_total, check_ddof, too_few)


def variables(m, y, rowvar, dtype):
    """All observations, a row for each variable."""
    x = np.atleast_2d(m).astype(dtype)
    x = x.T if not rowvar and np.ndim(m) != 1 else x
    if y is None or not x.shape[0]:
        return x
    y = np.atleast_2d(y).astype(dtype)
    return np.concatenate([x, y.T if not rowvar and y.shape[0] != 1 else y])


def weight_of(fweights, aweights, count):
    """The weight of each observation, in double precision, or None."""
    weight = None
    if fweights is not None:
        check_weights(fweights, count, True)
        weight = np.atleast_1d(fweights).astype("float64")
    if aweights is not None:
        check_weights(aweights, count, False)
        aweights = np.atleast_1d(aweights).astype("float64")
        weight = aweights if weight is None else weight * aweights
    return weight, aweights


@composite(np.cov)
def _cov(m, y=None, rowvar=True, bias=False, ddof=None, fweights=None, aweights=None, *, dtype=None):  # noqa: PLR0917
    check_ddof(ddof)
    x = variables(m, y, rowvar, cov_dtype(m, y, dtype))
    if not x.shape[0]:
        return np.zeros_like(x, shape=(0, 0), dtype="float64")
    require(kind_of(x.dtype) in "fc", "np.cov subtracts the mean in a dtype that holds fractions", TypeError)
    ddof = ddof if ddof is not None else 0 if bias else 1
    weight, aweights = weight_of(fweights, aweights, x.shape[1])
    if weight is None:
        freedom = x.shape[1] - ddof
        weighted = x = x - np.mean(x, axis=1, keepdims=True)
    else:
        total = np.sum(weight)
        check_total(total)
        freedom = total
        if ddof != 0:
            freedom = total - ddof * (1 if aweights is None else np.sum(weight * aweights) / total)
        x = x - np.expand_dims(np.matmul(x, weight) / total, 1).astype(x.dtype)
        weighted = x * weight
    if too_few(freedom):
        freedom = 0.0
    spread = np.matmul(x, np.conjugate(weighted).T if np.iscomplexobj(x) else weighted.T)
    return np.squeeze(spread / freedom)


@primitive
def clipped(c):
    """Correlations without what rounding has put beyond 1: no kink, as they reach 1 with slope 0."""
    c = c.copy()
    np.clip(c.real, -1, 1, out=c.real)
    if np.iscomplexobj(c):
        np.clip(c.imag, -1, 1, out=c.imag)
    return c


rule(clipped, lambda g, _out, _c: g, cases=(case((2, 2)),), prepare=np.tanh, chooses=True)


@composite(np.corrcoef)
def _corrcoef(x, y=None, rowvar=True, *, dtype=None):
    c = np.cov(x, y, rowvar, dtype=dtype)
    if np.ndim(c) == 0:
        return c / c
    deviation = np.sqrt(np.real(np.diagonal(c)))
    return clipped(c / np.expand_dims(deviation, 1) / deviation)


# Bins


@primitive
def places(x):
    """The bins as an array that no one else writes into."""
    array = np.array(x)
    return array.astype(int) if isinstance(x, list | tuple) and not x else array


@primitive
def counts(x, minlength):
    """How often each bin occurs."""
    return np.bincount(x, minlength=minlength)


constant(places, counts)


@primitive
def binned(weights, x, minlength=0, dtype=None):
    """The sum of the weights in each bin, by default in their own dtype."""
    return np.bincount(x, weights, minlength).astype(weights.dtype if dtype is None else dtype)


rule(
    binned,
    lambda g, _out, _weights, x, minlength=0, dtype=None: np.take(g, x),
    cases=(
        case((4,), x=np.array([2, 0, 2, 5])),
        case((3,), x=np.array([1, 1, 1]), minlength=6),
        case((0,), x=np.zeros(0, int), minlength=2),
    ),
    chooses=True,
)


@composite(np.bincount)
def _bincount(x, /, weights=None, minlength=0):
    x = places(x)
    if weights is None or not x.size:
        return counts(x, minlength)
    return binned(weights, x, minlength, "float64")
