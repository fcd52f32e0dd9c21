"""Products, linear algebra and Fourier transforms in PyTorch's words."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import torch

from autograd_mini.devices.pytorch.dtypes import inexact, promoted, tensors
from autograd_mini.devices.pytorch.tables import axes_of, says

# Products


@says(np.dot)
def dot(a, b, out=None):
    a, b = tensors(a, b)
    if not a.ndim or not b.ndim:
        return a * b
    return torch.matmul(a, b) if b.ndim == 1 else torch.tensordot(a, b, ([a.ndim - 1], [b.ndim - 2]))


@says(np.inner)
def inner(a, b, /):
    a, b = tensors(a, b)
    return torch.inner(a, b)


@says(np.vdot)
def vdot(a, b, /):
    a, b = tensors(a, b)
    return torch.vdot(a.reshape(-1), b.reshape(-1))


@says(np.outer)
def outer(a, b, out=None):
    a, b = tensors(a, b)
    return torch.outer(a.reshape(-1), b.reshape(-1))


@says(np.tensordot)
def tensordot(a, b, axes=2):
    a, b = tensors(a, b)
    if not isinstance(axes, int | np.integer):
        axes = tuple([int(one)] if isinstance(one, int | np.integer) else list(map(int, one)) for one in axes)
    return torch.tensordot(a, b, axes)


@says(np.einsum)
def einsum(subscripts, *operands, out=None, dtype=None, order="K", casting="safe", optimize=False):
    if not isinstance(subscripts, str):
        raise NotImplementedError("np.einsum without a string")
    return torch.einsum(subscripts.replace(" ", ""), *promoted(*operands))


@says(np.linalg.multi_dot)
def multi_dot(arrays, *, out=None):
    return (
        functools.reduce(dot, arrays)
        if any(a.ndim not in {1, 2} for a in arrays)
        else torch.linalg.multi_dot(promoted(*arrays))
    )


@says(np.cross, np.linalg.cross)
def cross(a, b, axisa=-1, axisb=-1, axisc=-1, axis=None):
    a, b = tensors(a, b)
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = torch.movedim(a, axisa, -1), torch.movedim(b, axisb, -1)
    if a.shape[-1] != 3 or b.shape[-1] != 3:
        raise NotImplementedError("np.cross of vectors with 2 entries")
    return torch.movedim(torch.linalg.cross(*torch.broadcast_tensors(a, b)), -1, axisc)


MODES = {"full": lambda n, m: m - 1, "same": lambda n, m: m // 2, "valid": lambda n, m: 0}


@says(np.convolve)
def convolve(a, v, mode="full"):
    a, v = tensors(inexact(a), inexact(v))
    a, v = (a, v) if len(a) >= len(v) else (v, a)
    if a.dtype.is_complex or mode not in MODES:
        raise NotImplementedError(f"np.convolve of dtype {a.dtype}, mode={mode!r}")
    padding = MODES[mode](len(a), len(v))
    found = torch.nn.functional.conv1d(a[None, None], v.flip(0)[None, None], padding=padding)[0, 0]
    return found[: len(a)] if mode == "same" else found


@says(np.bincount)
def bincount(x, /, weights=None, minlength=0):
    weights = weights if weights is None else weights.to(torch.float64)
    return torch.bincount(x, weights, int(minlength))


@says(np.unwrap)
def unwrap(p, discont=None, axis=-1, *, period=2 * math.pi):
    p = inexact(p)
    if not p.shape[axis]:
        return p.clone()
    steps = torch.diff(p, dim=axis)
    low = -period / 2
    inside = torch.remainder(steps - low, period) + low
    inside = torch.where((inside == low) & (steps > 0), -low, inside)
    turns = torch.where(torch.abs(steps) < (period / 2 if discont is None else discont), 0.0, inside - steps)
    first = torch.narrow(p, axis, 0, 1)
    return torch.cat([first, torch.narrow(p, axis, 1, p.shape[axis] - 1) + torch.cumsum(turns, axis)], axis)


# Linear algebra

RESULTS: dict[str, Any] = {
    name: type(getattr(np.linalg, name)(np.eye(1))) for name in ("eig", "eigh", "qr", "slogdet", "svd")
}


def several(name: str, *parts: torch.Tensor) -> Any:
    """A tuple of NumPy's kind: `U, S, Vh = np.linalg.svd(a)`, or `.U`."""
    return RESULTS[name](*parts)


says(np.linalg.inv)(lambda a: torch.linalg.inv(inexact(a)))
says(np.linalg.det)(lambda a: torch.linalg.det(inexact(a)))
says(np.linalg.slogdet)(lambda a: several("slogdet", *torch.linalg.slogdet(inexact(a))))
says(np.linalg.eigvalsh)(lambda a, UPLO="L": torch.linalg.eigvalsh(inexact(a), UPLO))
says(np.linalg.eigh)(lambda a, UPLO="L": several("eigh", *torch.linalg.eigh(inexact(a), UPLO)))
says(np.linalg.qr)(lambda a, mode="reduced": qr(inexact(a), mode))
says(np.linalg.svdvals)(lambda x, /: torch.linalg.svdvals(inexact(x)))


def qr(a: torch.Tensor, mode: str) -> Any:
    if mode not in {"reduced", "complete", "r"}:
        raise NotImplementedError(f"np.linalg.qr(mode={mode!r})")
    parts = torch.linalg.qr(a, mode)
    return parts[1] if mode == "r" else several("qr", *parts)


@says(np.linalg.solve)
def solve(a, b):
    a, b = tensors(inexact(a), inexact(b))
    return torch.linalg.solve(a, b.unsqueeze(-1)).squeeze(-1) if b.ndim == 1 else torch.linalg.solve(a, b)


@says(np.linalg.cholesky)
def cholesky(a, /, *, upper=False):
    return torch.linalg.cholesky(inexact(a), upper=upper)


@says(np.linalg.eig)
def eig(a):
    a = inexact(a)
    values, vectors = torch.linalg.eig(a)
    if not a.dtype.is_complex and bool(torch.all(values.imag == 0)):  # NumPy's result is real then
        values, vectors = values.real, vectors.real
    return several("eig", values, vectors)


@says(np.linalg.eigvals)
def eigvals(a):
    a = inexact(a)
    values = torch.linalg.eigvals(a)
    return values.real if not a.dtype.is_complex and bool(torch.all(values.imag == 0)) else values


@says(np.linalg.svd)
def svd(a, full_matrices=True, compute_uv=True, hermitian=False):
    if not compute_uv:
        return torch.linalg.svdvals(inexact(a))
    return several("svd", *torch.linalg.svd(inexact(a), full_matrices))


@says(np.linalg.pinv)
def pinv(a, rcond=None, hermitian=False, *, rtol=None):
    rtol = rcond if rtol is None else rtol
    return torch.linalg.pinv(inexact(a), rtol=1e-15 if rtol is None else rtol, atol=0.0, hermitian=hermitian)


@says(np.linalg.lstsq)
def lstsq(a, b, rcond=None):
    a, b = tensors(inexact(a), inexact(b))
    flat = b.ndim == 1
    cutoff = torch.finfo(a.dtype).eps * max(a.shape) if rcond is None else rcond
    found = torch.linalg.lstsq(a, b.unsqueeze(-1) if flat else b, rcond=cutoff, driver="gelsd")
    x = found.solution.squeeze(-1) if flat else found.solution
    rest = found.residuals
    return x, rest, found.rank, found.singular_values


@says(np.linalg.matrix_rank)
def matrix_rank(A, tol=None, hermitian=False, *, rtol=None):
    return torch.linalg.matrix_rank(inexact(A), atol=tol, rtol=rtol, hermitian=hermitian)


@says(np.linalg.vector_norm)
def vector_norm(x, /, *, axis=None, keepdims=False, ord=2):
    x = inexact(x)
    axes = axes_of(axis, x.ndim)
    return torch.linalg.vector_norm(x, ord, axes, bool(keepdims)) if axes else torch.abs(x)


@says(np.linalg.matrix_norm)
def matrix_norm(x, /, *, keepdims=False, ord="fro"):
    return torch.linalg.matrix_norm(inexact(x), ord, keepdim=bool(keepdims))


@says(np.linalg.norm)
def norm(x, ord=None, axis=None, keepdims=False):
    x = inexact(x)
    if ord is None and axis is None:
        found = torch.linalg.vector_norm(x)
        return found.reshape((1,) * x.ndim) if keepdims else found
    return torch.linalg.norm(x, ord, axis, keepdims)


# Fourier transforms


def along_one(name: str):
    transform = getattr(torch.fft, name)
    return lambda a, n=None, axis=-1, norm=None, out=None: transform(a, n, axis, norm)


def along_several(name: str, default: Any = None):
    transform = getattr(torch.fft, name)
    return lambda a, s=None, axes=default, norm=None, out=None: transform(a, s, axes, norm)


for _name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft"):
    says(getattr(np.fft, _name))(along_one(_name))
for _name in ("fftn", "ifftn", "rfftn", "irfftn"):
    says(getattr(np.fft, _name))(along_several(_name))
for _name in ("fft2", "ifft2", "rfft2", "irfft2"):
    says(getattr(np.fft, _name))(along_several(_name, (-2, -1)))
says(np.fft.fftshift)(lambda x, axes=None: torch.fft.fftshift(x, axes))
says(np.fft.ifftshift)(lambda x, axes=None: torch.fft.ifftshift(x, axes))

# Functions that NumPy computes of several others

says(np.sinc)(lambda x: torch.sinc(inexact(x)))
says(np.i0)(lambda x: torch.special.i0(inexact(x)))
