"""Derivatives of `np.fft`: each transform is linear, and its transpose is a transform again.

No rule conjugates: the cotangent g of z means dL = Re(g dz), so that a linear map goes back by its transpose, and the
matrix of a Fourier transform is symmetric. Where the spectrum of real numbers is kept by half, an entry inside stands
for two.
"""

import numpy as np

from autograd_mini.devices import beside
from autograd_mini.domains import case
from autograd_mini.primitive import composite, primitive, rule
from autograd_mini.rules.refusals import require

COMPLEX = frozenset(map(np.dtype, (np.complex64, np.complex128, np.clongdouble)))
ONE_AXIS = (
    case((4,)),
    case((5,)),
    case((2, 3), axis=0),
    case((4, 3), n=3, axis=0),
    case((2, 3), n=6),
    case((2, 4), norm="ortho"),
    case((5,), n=4, norm="forward"),
)
SPECTRA = (*ONE_AXIS, case((3,), n=5), case((2, 3), n=1), case((2,), n=2))
SOME_AXES = (
    case((4,)),
    case((2, 3)),
    case((2, 3, 4), axes=(0, -1)),
    case((2, 3, 4), axes=(1,), norm="ortho"),
    case((3, 4), s=(2, 6), axes=(0, 1)),
    case((2, 3, 4), s=(4, -1), axes=(-1, 0), norm="forward"),
)


def fitted(x, n, axis):
    """The first `n` entries along an axis, zeros after the last one: what a transform of length n reads."""
    have = x.shape[axis]
    if have == n:
        return x
    if have > n:
        return x[(slice(None),) * (axis % x.ndim) + (slice(n),)]
    shape = tuple(n - have if i == axis % x.ndim else length for i, length in enumerate(x.shape))
    return np.concatenate([x, np.zeros_like(x, shape=shape)], axis)


@primitive
def scale_inside(x, factor, n, axis):
    """The half of a spectrum of `n` entries, with those that stand for two, all but k = 0 and n/2, times a factor."""
    weights = np.full(x.shape[axis], factor, x.real.dtype)
    weights[0] = 1
    weights[n // 2 if n % 2 == 0 else 0] = 1
    return x * np.expand_dims(beside(weights, x), tuple(range(1, -(axis % x.ndim - x.ndim))))


rule(
    scale_inside,
    lambda g, _out, _x, factor, n, axis: scale_inside(g, factor, n, axis),
    cases=(case((3, 2), factor=2, n=4, axis=0), case((2, 3), factor=0.5, n=5, axis=-1)),
)


def as_given(g, a, *axes):
    """`g` in the shape and dtype of `a`, which may have been real, or of half precision."""
    for axis in axes:
        g = fitted(g, a.shape[axis], axis)
    g = g if a.dtype in COMPLEX else np.real(g)
    return g if g.dtype == a.dtype else g.astype(a.dtype)


# One axis

rule(
    np.fft.fft,
    lambda g, _out, _a, n=None, axis=-1, norm=None: as_given(np.fft.fft(g, None, axis, norm), _a, axis),
    cases=ONE_AXIS,
)
rule(
    np.fft.ifft,
    lambda g, _out, _a, n=None, axis=-1, norm=None: as_given(np.fft.ifft(g, None, axis, norm), _a, axis),
    cases=ONE_AXIS,
)


def rfft(g, _out, _a, n=None, axis=-1, norm=None):
    n = _a.shape[axis] if n is None else n
    return as_given(np.fft.hfft(scale_inside(g, 0.5, n, axis), n, axis, norm), _a, axis)


def ihfft(g, _out, _a, n=None, axis=-1, norm=None):
    n = _a.shape[axis] if n is None else n
    return as_given(np.fft.irfft(scale_inside(g, 0.5, n, axis), n, axis, norm), _a, axis)


def irfft(g, _out, _a, n=None, axis=-1, norm=None):
    return as_given(scale_inside(np.fft.ihfft(g, None, axis, norm), 2, g.shape[axis], axis), _a, axis)


def hfft(g, _out, _a, n=None, axis=-1, norm=None):
    return as_given(scale_inside(np.fft.rfft(g, None, axis, norm), 2, g.shape[axis], axis), _a, axis)


rule(np.fft.rfft, rfft, cases=SPECTRA)
rule(np.fft.ihfft, ihfft, cases=SPECTRA)
rule(np.fft.irfft, irfft, cases=SPECTRA)
rule(np.fft.hfft, hfft, cases=SPECTRA)


# Several axes


def transformed(a, s, axes):
    """The axes that an n-dimensional transform goes along."""
    if axes is not None:
        require(s is None or len(s) == len(axes), "Shape and axes have different lengths.")
        return tuple(axes)
    return tuple(range(-a.ndim if s is None else -len(s), 0))


def fftn(g, _out, _a, s=None, axes=None, norm=None):
    axes = transformed(_a, s, axes)
    return as_given(np.fft.fftn(g, None, axes, norm), _a, *axes)


def ifftn(g, _out, _a, s=None, axes=None, norm=None):
    axes = transformed(_a, s, axes)
    return as_given(np.fft.ifftn(g, None, axes, norm), _a, *axes)


rule(np.fft.fftn, fftn, cases=SOME_AXES)
rule(np.fft.ifftn, ifftn, cases=SOME_AXES)


@composite(np.fft.fft2)
def _fft2(a, s=None, axes=(-2, -1), norm=None):
    return np.fft.fftn(a, s, axes, norm)


@composite(np.fft.ifft2)
def _ifft2(a, s=None, axes=(-2, -1), norm=None):
    return np.fft.ifftn(a, s, axes, norm)


def lengths_of(a, s, axes):
    """The length along each of the axes; None for the last one that NumPy takes by itself."""
    if s is None:
        return [*(a.shape[axis] for axis in axes[:-1]), None]
    return [a.shape[axis] if n == -1 else n for n, axis in zip(s, axes, strict=True)]


@composite(np.fft.rfftn)
def _rfftn(a, s=None, axes=None, norm=None):
    axes = transformed(a, s, axes)
    *lengths, last = lengths_of(a, s, axes)
    half = np.fft.rfft(a, last, axes[-1], norm)
    return np.fft.fftn(half, lengths, axes[:-1], norm) if len(axes) > 1 else half


@composite(np.fft.irfftn)
def _irfftn(a, s=None, axes=None, norm=None):
    axes = transformed(a, s, axes)
    *lengths, last = lengths_of(a, s, axes)
    for n, axis in zip(lengths, axes[:-1], strict=True):  # in NumPy's order
        a = np.fft.ifft(a, n, axis, norm)
    return np.fft.irfft(a, last, axes[-1], norm)


@composite(np.fft.rfft2)
def _rfft2(a, s=None, axes=(-2, -1), norm=None):
    return np.fft.rfftn(a, s, axes, norm)


@composite(np.fft.irfft2)
def _irfft2(a, s=None, axes=(-2, -1), norm=None):
    return np.fft.irfftn(a, s, axes, norm)


# Shifts

SHIFTS = (case((5,)), case((4, 3)), case((2, 3), axes=1), case((3, 4, 2), axes=(0, -1)))
rule(np.fft.fftshift, lambda g, _out, _x, axes=None: np.fft.ifftshift(g, axes), cases=SHIFTS)
rule(np.fft.ifftshift, lambda g, _out, _x, axes=None: np.fft.fftshift(g, axes), cases=SHIFTS)
