"""Densities and distribution functions of `scipy.stats` for tensors, as compositions of NumPy and `scipy.special`.

A shape parameter of a distribution function (`df` of `t.cdf`, `a` of `gamma.cdf`) is a constant, and a tensor that
requires grad raises there; in densities all parameters have derivatives.
"""

import math
from typing import Any

import numpy as np
from scipy import special

from autograd_mini import errors
from autograd_mini.tensor import Tensor

__all__ = ["beta", "chi2", "dirichlet", "gamma", "multivariate_normal", "norm", "poisson", "t"]

Value = Any
LOG_2_PI = math.log(2 * math.pi)


def number(function: Any, value: Value) -> Value:
    """A function's value; for a Python number a Python number, which does not widen float32."""
    return float(function(value)) if type(value) in {int, float} else function(value)


class Distribution:
    """Methods of a continuous distribution, from its standard form; called as SciPy's: `norm.logpdf(x, loc, scale)`.

    Parameters
    ----------
    shapes : str
        The names of its shape parameters.
    low, high : float
        The ends of its support.
    """

    def __init__(self, shapes: str = "", low: float = -math.inf, high: float = math.inf) -> None:
        self.shapes = tuple(shapes.split())
        self.low, self.high = low, high

    def standard(
        self, x: Value, args: tuple[Value, ...], kwargs: dict[str, Value]
    ) -> tuple[Value, tuple[Value, ...], Value]:
        """The place of x in the standard form, the shape parameters and the scale."""
        names = (*self.shapes, "loc", "scale")
        if len(args) > len(names) or not set(kwargs) <= set(names[len(args) :]):
            raise TypeError(f"{type(self).__name__} takes x and ({', '.join(names)}), each once.")
        values = {"loc": 0, "scale": 1, **dict(zip(names, args, strict=False)), **kwargs}
        missing = [name for name in self.shapes if name not in values]
        if missing:
            raise TypeError(f"{type(self).__name__} was called without its parameter {missing[0]!r}.")
        loc, scale = as_operand(values["loc"]), as_operand(values["scale"])
        x = as_operand(x)
        y = x if type(loc) is int and loc == 0 else x - loc
        y = y if type(scale) is int and scale == 1 else y / scale
        # Next to a Python number SciPy's functions compute float32 in float64.
        kind = y.dtype.type if getattr(y, "dtype", np.dtype(int)).kind == "f" else float
        shapes = (as_operand(values[name]) for name in self.shapes)
        return y, tuple(kind(shape) if type(shape) in {int, float} else shape for shape in shapes), scale

    def logpdf(self, x: Value, *args: Value, **kwargs: Value) -> Value:
        """The logarithm of the density; -inf outside of the support."""
        y, shapes, scale = self.standard(x, args, kwargs)
        if math.isinf(self.low):
            return self.log_density(y, *shapes) - number(np.log, scale)
        inside = np.logical_and(np.greater_equal(y, self.low), np.less_equal(y, self.high))
        y = np.where(inside, y, 0.5)  # where the other branch is taken, its slope must not be nan
        return np.where(inside, self.log_density(y, *shapes) - number(np.log, scale), -math.inf)

    def pdf(self, x: Value, *args: Value, **kwargs: Value) -> Value:
        """The density."""
        return np.exp(self.logpdf(x, *args, **kwargs))

    def cdf(self, x: Value, *args: Value, **kwargs: Value) -> Value:
        """The probability of at most x."""
        y, shapes, _ = self.standard(x, args, kwargs)
        return self.below(self.clipped(y), *shapes)

    def sf(self, x: Value, *args: Value, **kwargs: Value) -> Value:
        """The probability of more than x."""
        y, shapes, _ = self.standard(x, args, kwargs)
        return self.above(self.clipped(y), *shapes)

    def logcdf(self, x: Value, *args: Value, **kwargs: Value) -> Value:
        """The logarithm of `cdf`."""
        return np.log(self.cdf(x, *args, **kwargs))

    def logsf(self, x: Value, *args: Value, **kwargs: Value) -> Value:
        """The logarithm of `sf`."""
        return np.log(self.sf(x, *args, **kwargs))

    def clipped(self, y: Value) -> Value:
        """`y` brought to the support, with slope 0 outside."""
        if math.isfinite(self.low):
            y = np.where(np.less(y, self.low), self.low, y)
        return np.where(np.greater(y, self.high), self.high, y) if math.isfinite(self.high) else y

    def log_density(self, y: Value, *shapes: Value) -> Value:
        raise NotImplementedError

    def below(self, y: Value, *shapes: Value) -> Value:
        raise NotImplementedError

    def above(self, y: Value, *shapes: Value) -> Value:
        raise NotImplementedError


def as_operand(value: Value) -> Value:
    """Lists as arrays; arrays, tensors and Python numbers as they are."""
    return np.asarray(value) if isinstance(value, list | tuple) else value


class Norm(Distribution):
    r"""`scipy.stats.norm`, of density :math:`\frac{1}{\sqrt{2\pi}} e^{-y^2/2}` at y = (x - loc) / scale.

    Its methods `logpdf`, `pdf`, `cdf`, `sf`, `logcdf` and `logsf` take `(x, loc=0, scale=1)`, arrays or tensors that
    broadcast with each other, whose shape the result has. They are differentiable in all three.

    Examples
    --------
    >>> from autograd_mini import grad
    >>> from autograd_mini.scipy import stats
    >>> float(grad(lambda mean: stats.norm.logpdf(3.0, mean, 2.0))(1.0))  # (x - mean) / scale^2
    0.5
    """

    def log_density(self, y: Value, *_: Value) -> Value:
        return -0.5 * y * y - 0.5 * LOG_2_PI

    def below(self, y: Value, *_: Value) -> Value:
        return special.ndtr(y)

    def above(self, y: Value, *_: Value) -> Value:
        return special.ndtr(-y)

    def logcdf(self, x: Value, *args: Value, **kwargs: Value) -> Value:
        return special.log_ndtr(self.standard(x, args, kwargs)[0])

    def logsf(self, x: Value, *args: Value, **kwargs: Value) -> Value:
        return special.log_ndtr(-self.standard(x, args, kwargs)[0])


class T(Distribution):
    r"""`scipy.stats.t`, Student's distribution, of density proportional to :math:`(1 + y^2/\nu)^{-(\nu+1)/2}`.

    Its methods `logpdf`, `pdf`, `cdf`, `sf`, `logcdf` and `logsf` take `(x, df, loc=0, scale=1)`, arrays or tensors
    that broadcast with each other, whose shape the result has, with `df` for :math:`\nu`; distribution functions
    are not differentiable in `df`.

    Examples
    --------
    >>> from autograd_mini import grad
    >>> from autograd_mini.scipy import stats
    >>> slope = grad(lambda x: stats.t.cdf(x, 3.0))(0.5)
    >>> round(float(slope), 4), round(float(stats.t.pdf(0.5, 3.0)), 4)
    (0.3132, 0.3132)
    """

    def log_density(self, y: Value, *shapes: Value) -> Value:
        (df,) = shapes
        constant = special.gammaln((df + 1) / 2) - special.gammaln(df / 2)
        return constant - 0.5 * np.log(df * math.pi) - (df + 1) / 2 * np.log1p(y * y / df)

    def below(self, y: Value, *shapes: Value) -> Value:
        return special.stdtr(shapes[0], y)

    def above(self, y: Value, *shapes: Value) -> Value:
        return special.stdtr(shapes[0], -y)


class Beta(Distribution):
    """`scipy.stats.beta`, of density proportional to :math:`y^{a-1}(1-y)^{b-1}` on [0, 1].

    Its methods `logpdf`, `pdf`, `cdf`, `sf`, `logcdf` and `logsf` take `(x, a, b, loc=0, scale=1)`, arrays or
    tensors that broadcast with each other, whose shape the result has; distribution functions are not
    differentiable in `a` and `b`.

    Examples
    --------
    >>> from autograd_mini import grad
    >>> from autograd_mini.scipy import stats
    >>> round(float(grad(lambda x: stats.beta.cdf(x, 2.0, 2.0))(0.5)), 4)  # the density, 6 x (1 - x)
    1.5
    """

    def log_density(self, y: Value, *shapes: Value) -> Value:
        a, b = shapes
        total = special.gammaln(a) + special.gammaln(b) - special.gammaln(a + b)
        return special.xlogy(a - 1, y) + special.xlog1py(b - 1, -y) - total

    def below(self, y: Value, *shapes: Value) -> Value:
        return special.betainc(*shapes, y)

    def above(self, y: Value, *shapes: Value) -> Value:
        return special.betaincc(*shapes, y)


class Gamma(Distribution):
    r"""`scipy.stats.gamma`, of density :math:`y^{a-1} e^{-y} / \Gamma(a)` for :math:`y \ge 0`.

    Its methods `logpdf`, `pdf`, `cdf`, `sf`, `logcdf` and `logsf` take `(x, a, loc=0, scale=1)`, arrays or tensors
    that broadcast with each other, whose shape the result has; distribution functions are not differentiable in
    `a`.

    Examples
    --------
    >>> from autograd_mini import grad
    >>> from autograd_mini.scipy import stats
    >>> round(float(grad(lambda x: stats.gamma.logpdf(x, 3.0))(1.0)), 4)  # (a - 1) / x - 1
    1.0
    """

    def log_density(self, y: Value, *shapes: Value) -> Value:
        (a,) = shapes
        return special.xlogy(a - 1, y) - y - special.gammaln(a)

    def below(self, y: Value, *shapes: Value) -> Value:
        return special.gammainc(*shapes, y)

    def above(self, y: Value, *shapes: Value) -> Value:
        return special.gammaincc(*shapes, y)


class Chi2(Distribution):
    r"""`scipy.stats.chi2`, of density proportional to :math:`y^{\nu/2-1} e^{-y/2}` for :math:`y \ge 0`.

    Its methods `logpdf`, `pdf`, `cdf`, `sf`, `logcdf` and `logsf` take `(x, df, loc=0, scale=1)`, arrays or tensors
    that broadcast with each other, whose shape the result has, with `df` for :math:`\nu`; distribution functions
    are not differentiable in `df`.

    Examples
    --------
    >>> from autograd_mini import grad
    >>> from autograd_mini.scipy import stats
    >>> round(float(grad(lambda x: stats.chi2.logpdf(x, 4.0))(1.0)), 4)  # (df / 2 - 1) / x - 1 / 2
    0.5
    """

    def log_density(self, y: Value, *shapes: Value) -> Value:
        (df,) = shapes
        half = df / 2
        return special.xlogy(half - 1, y) - y / 2 - special.gammaln(half) - math.log(2) * half

    def below(self, y: Value, *shapes: Value) -> Value:
        return special.gammainc(shapes[0] / 2, y / 2)

    def above(self, y: Value, *shapes: Value) -> Value:
        return special.gammaincc(shapes[0] / 2, y / 2)


class Poisson:
    r"""`scipy.stats.poisson`, of probabilities :math:`\mu^k e^{-\mu} / k!`, differentiable in the mean mu.

    Its methods `logpmf`, `pmf`, `cdf`, `sf`, `logcdf` and `logsf` take `(k, mu, loc=0)`, which broadcast
    with each other; the counts k are constants.

    Raises
    ------
    TypeError
        If k is a tensor that requires grad.

    Examples
    --------
    >>> from autograd_mini import grad
    >>> from autograd_mini.scipy import stats
    >>> round(float(grad(lambda mu: stats.poisson.logpmf(6, mu))(2.0)), 4)  # k / mu - 1
    2.0
    """

    @staticmethod
    def count(k: Value, loc: Value) -> Value:
        """k - loc as an array, which no gradient passes."""
        if isinstance(k, Tensor):
            if k.requires_grad:
                raise TypeError(errors.TENSOR_OPTION.format(name="poisson", option="k"))
            k = k.data
        return np.asarray(k) - loc

    def logpmf(self, k: Value, mu: Value, loc: Value = 0) -> Value:
        """The logarithm of the probability of k; -inf where k is no count."""
        k = self.count(k, loc)
        counts = (k >= 0) & (k == np.floor(k))
        k = np.where(counts, k, 0)
        dtype = getattr(as_operand(mu), "dtype", np.dtype(float))
        if dtype.kind == "f":  # counts are whole numbers; they do not widen a float32 mean
            k = k.astype(dtype)
        return np.where(counts, special.xlogy(k, mu) - special.gammaln(k + 1) - mu, -math.inf)

    def pmf(self, k: Value, mu: Value, loc: Value = 0) -> Value:
        """The probability of k."""
        return np.exp(self.logpmf(k, mu, loc))

    def cdf(self, k: Value, mu: Value, loc: Value = 0) -> Value:
        """The probability of at most k."""
        k = np.floor(self.count(k, loc))
        return np.where(k < 0, 0.0, special.gammaincc(np.maximum(k, 0) + 1, mu))

    def sf(self, k: Value, mu: Value, loc: Value = 0) -> Value:
        """The probability of more than k."""
        k = np.floor(self.count(k, loc))
        return np.where(k < 0, 1.0, special.gammainc(np.maximum(k, 0) + 1, mu))

    def logcdf(self, k: Value, mu: Value, loc: Value = 0) -> Value:
        """The logarithm of `cdf`."""
        return np.log(self.cdf(k, mu, loc))

    def logsf(self, k: Value, mu: Value, loc: Value = 0) -> Value:
        """The logarithm of `sf`."""
        return np.log(self.sf(k, mu, loc))


class Dirichlet:
    r"""`scipy.stats.dirichlet`, of density proportional to :math:`\prod_k x_k^{\alpha_k - 1}` on the simplex.

    Its methods `logpdf` and `pdf` take `(x, alpha)`: points x of shape (K,), (K, N), or with the last of the K
    coordinates left out, and alpha of shape (K,). They are differentiable in both.

    Raises
    ------
    ValueError
        If x has another number of coordinates.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini.scipy import stats
    >>> round(float(stats.dirichlet.pdf(np.array([0.2, 0.3, 0.5]), np.ones(3))), 4)
    2.0
    """

    def logpdf(self, x: Value, alpha: Value) -> Value:
        """The logarithm of the density; the caller sees to it that x is in the simplex."""
        x, alpha = as_operand(x), as_operand(alpha)
        if x.shape[0] == alpha.shape[0] - 1:
            x = np.concatenate([x, 1 - np.sum(x, axis=0, keepdims=True)])
        if x.shape[0] != alpha.shape[0]:
            raise ValueError(f"dirichlet was given points of shape {x.shape} for {alpha.shape[0]} parameters.")
        powers = np.reshape(alpha - 1, (-1,) + (1,) * (x.ndim - 1))
        scale = special.gammaln(np.sum(alpha)) - np.sum(special.gammaln(alpha))
        return np.sum(special.xlogy(powers, x), axis=0) + scale

    def pdf(self, x: Value, alpha: Value) -> Value:
        """The density."""
        return np.exp(self.logpdf(x, alpha))


class MultivariateNormal:
    r"""`scipy.stats.multivariate_normal`, density :math:`e^{-z^\top \Sigma^{-1} z/2} / \sqrt{|2\pi\Sigma|}`.

    Here z is x - mean. `logpdf` and `pdf` take `(x, mean=None, cov=1)`, and `entropy` takes `(mean=None, cov=1)`: x of
    shape (..., d), mean of shape (d,), and `cov` a number, a vector (the diagonal) or a symmetric matrix. They are
    differentiable in all; the gradient by `cov` takes its entries as independent.

    Raises
    ------
    TypeError
        With `allow_singular=True`, where the density has no derivative.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import grad
    >>> from autograd_mini.scipy import stats
    >>> grad(lambda mean: stats.multivariate_normal.logpdf(np.ones(2), mean, 2 * np.eye(2)))(np.zeros(2))
    array([0.5, 0.5])
    """

    def logpdf(self, x: Value, mean: Value = None, cov: Value = 1, allow_singular: bool = False) -> Value:
        r"""The logarithm of the density. The gradient by `cov` takes its entries as independent.

        Raises
        ------
        TypeError
            With `allow_singular=True`: the density has no derivative there.
        """
        if allow_singular:
            raise TypeError("multivariate_normal has no derivative at a singular cov. Leave out allow_singular=True.")
        x, mean, cov = as_operand(x), as_operand(mean), as_operand(cov)
        size = cov.shape[-1] if np.ndim(cov) else (np.shape(mean) or (1,))[-1] if mean is not None else None
        size = np.shape(x)[-1] if size is None and np.ndim(x) else size or 1
        if np.ndim(x) == 0 or (np.ndim(x) == 1 and size == 1):
            x = np.expand_dims(x, -1)
        z = x if mean is None else x - mean
        if np.ndim(cov) < 2:
            square = np.sum(z * z / cov, axis=-1)
            log_det = np.sum(np.log(cov)) if np.ndim(cov) else size * number(np.log, cov)
        else:
            white = np.linalg.solve(cov, np.reshape(z, (-1, size)).T).T
            square = np.sum(z * np.reshape(white, z.shape), axis=-1)
            log_det = np.linalg.slogdet(cov)[1]
        return -0.5 * (square + log_det + size * LOG_2_PI)

    def pdf(self, x: Value, mean: Value = None, cov: Value = 1, allow_singular: bool = False) -> Value:
        """The density."""
        return np.exp(self.logpdf(x, mean, cov, allow_singular))

    def entropy(self, mean: Value = None, cov: Value = 1) -> Value:
        """The differential entropy, which does not depend on the mean."""
        cov = as_operand(cov)
        size = cov.shape[-1] if np.ndim(cov) else (np.shape(mean) or (1,))[-1] if mean is not None else 1
        if np.ndim(cov) == 2:
            log_det = np.linalg.slogdet(cov)[1]
        else:
            log_det = np.sum(np.log(cov)) if np.ndim(cov) else size * number(np.log, cov)
        return 0.5 * (log_det + size * (LOG_2_PI + 1))


norm, t = Norm(), T("df")
beta, gamma, chi2 = Beta("a b", 0, 1), Gamma("a", 0), Chi2("df", 0)
poisson, dirichlet, multivariate_normal = Poisson(), Dirichlet(), MultivariateNormal()
