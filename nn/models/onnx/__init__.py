"""ONNX files as models: `load_onnx` reads one, `operators` has what its nodes compute. All else needs the package."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from nn.models.onnx.model import OnnxModel

NO_ONNX = 'load_onnx() reads files with the package onnx. Write `pip install "autograd-mini[onnx]"`.'


def load_onnx(path: str | os.PathLike[str] | Any, rng: int | np.random.Generator | None = None) -> OnnxModel:
    """The model of an ONNX file, which can be trained, looked at and written back.

    Floating-point initializers become parameters under their own names, in a tree of parts that their names tell;
    whole numbers stay as they are. The statistics of batch normalization become buffers. As every model it begins in
    training mode, and `train()` and `eval()`, not the file, say what batch normalization and dropout do.

    Parameters
    ----------
    path : str, path or onnx.ModelProto
        Versions 7 to 28 of ONNX's operators are read.
    rng : int or numpy.random.Generator, optional
        Where dropout and the like come from; by default from the seed that the file names, if it does.

    Raises
    ------
    NotImplementedError
        If the file has operators that there is no form of; all of them are listed.
    ValueError
        If it is no valid ONNX file.

    Warns
    -----
    UserWarning
        If the exporter has changed the network in a way that training would feel, with how to export it instead.
    """
    try:
        import onnx  # noqa: F401
    except ModuleNotFoundError:
        raise ImportError(NO_ONNX) from None
    from nn.models.onnx.model import load

    return load(path, rng)
