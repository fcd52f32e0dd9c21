"""Fourier transforms, whose last axis holds real and imaginary parts."""

import numpy as np

from nn.models.onnx.operators.table import like, number, operator, room


def as_complex(x):
    return x[..., 0] if x.shape[-1] == 1 else x[..., 0] + 1j * x[..., 1]


def as_pairs(z):
    return np.stack([np.real(z), np.imag(z)], -1)


@operator
def DFT(x, dft_length=None, axis=None, inverse=0, onesided=0, *, opset):
    axis = (-2 if opset >= 20 else 1) if axis is None else number(axis)
    axis, n = axis % x.ndim, None if dft_length is None else number(dft_length)
    room((x.size, n or 1), x.dtype)
    z = as_complex(x)
    if onesided:
        return like(np.expand_dims(np.fft.irfft(z, n, axis), -1) if inverse else as_pairs(np.fft.rfft(z, n, axis)), x)
    return like(as_pairs((np.fft.ifft if inverse else np.fft.fft)(z, n, axis)), x)


@operator
def STFT(signal, frame_step, window=None, frame_length=None, onesided=1):
    """The transforms of frames, cut out of signals at regular steps."""
    step = number(frame_step)
    length = window.shape[0] if frame_length is None else number(frame_length)
    starts = np.arange(0, signal.shape[1] - length + 1, step)
    frames = as_complex(signal)[:, starts[:, None] + np.arange(length)]
    frames = frames if window is None else frames * window
    return like(as_pairs((np.fft.rfft if onesided else np.fft.fft)(frames, axis=-1)), signal)
