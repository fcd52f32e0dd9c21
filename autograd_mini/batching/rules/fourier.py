"""Batching rules of Fourier transforms."""

import functools

import numpy as np

from autograd_mini.batching.batch import Batch, rules
from autograd_mini.batching.operands import inner_axis
from autograd_mini.rules import fourier


def along_one(function, level, a, n=None, axis=-1, norm=None):
    return Batch(function(a.values, n, inner_axis(axis, a.ndim), norm), level)


def along_several(function, level, a, s=None, axes=None, norm=None):
    last = range(-a.ndim if s is None else -len(s), 0)
    places = tuple(last) if axes is None else tuple(inner_axis(i, a.ndim) for i in axes)
    return Batch(function(a.values, s, places, norm), level)


def shifted(function, level, x, axes=None):
    return Batch(function(x.values, inner_axis(axes, x.ndim)), level)


for name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft"):
    rules[getattr(np.fft, name)] = functools.partial(along_one, getattr(np.fft, name))
for name in ("fftn", "ifftn"):
    rules[getattr(np.fft, name)] = functools.partial(along_several, getattr(np.fft, name))
for name in ("fftshift", "ifftshift"):
    rules[getattr(np.fft, name)] = functools.partial(shifted, getattr(np.fft, name))


def scale_inside(level, x, factor, n, axis):
    return Batch(fourier.scale_inside(x.values, factor, n, inner_axis(axis, x.ndim)), level)


rules[fourier.scale_inside] = scale_inside
