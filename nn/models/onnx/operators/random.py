"""Random numbers, drawn from the model's generator; a seed in the file begins it."""

import functools

import numpy as np

from nn.models.onnx.operators.table import as_dtype, ints, operator, room
from nn.noise import drawn, values


def uniform(rng, shape, low, high):
    return low + (high - low) * rng.random(shape)


def normal(rng, shape, mean, scale):
    return mean + scale * rng.standard_normal(shape)


def of_shape(draw, rng, shape, dtype):
    return draw(rng, room(ints(shape), dtype)).astype(dtype)


def of_shape_of(draw, rng, x, dtype):
    return drawn(values(x), functools.partial(draw, rng), x.shape).astype(dtype)


@operator
def RandomUniform(shape, dtype=1, low=0.0, high=1.0, seed=None, *, rng):
    return of_shape(functools.partial(uniform, low=low, high=high), rng, shape, as_dtype(dtype))


@operator
def RandomNormal(shape, dtype=1, mean=0.0, scale=1.0, seed=None, *, rng):
    return of_shape(functools.partial(normal, mean=mean, scale=scale), rng, shape, as_dtype(dtype))


@operator
def RandomUniformLike(x, dtype=None, low=0.0, high=1.0, seed=None, *, rng):
    kind = x.dtype if dtype is None else as_dtype(dtype)
    return of_shape_of(functools.partial(uniform, low=low, high=high), rng, x, kind)


@operator
def RandomNormalLike(x, dtype=None, mean=0.0, scale=1.0, seed=None, *, rng):
    kind = x.dtype if dtype is None else as_dtype(dtype)
    return of_shape_of(functools.partial(normal, mean=mean, scale=scale), rng, x, kind)


@operator
def Bernoulli(x, dtype=None, seed=None, *, rng):
    """1 with the probability x; there is no derivative."""
    kind = x.dtype if dtype is None else as_dtype(dtype)
    return (drawn(values(x), rng.random, x.shape) < values(x)).astype(kind)


@operator
def Multinomial(x, dtype=6, sample_size=1, seed=None, *, rng):
    """Classes by the logarithms of their shares: where the largest is, with Gumbel's noise added (Gumbel 1954)."""
    shape = room((x.shape[0], sample_size, x.shape[1]), np.float64)
    noise = drawn(values(x), functools.partial(gumbel, rng), shape)
    return np.argmax(values(x)[:, None] + noise, axis=-1).astype(as_dtype(dtype))


def gumbel(rng, shape):
    return rng.gumbel(size=shape)
