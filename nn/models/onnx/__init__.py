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

    Returns
    -------
    Module
        In training mode; `model.write(path)` writes it back.

    Raises
    ------
    NotImplementedError
        If the file has operators that there is no form of; all of them are listed.
    ValueError
        If it is no valid ONNX file.
    ImportError
        If the package onnx is not installed.

    Warns
    -----
    UserWarning
        If the exporter has changed the network in a way that training would feel, with how to export it instead.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> nn.save_onnx(nn.MLP([2, 8, 1], rng=0), "model.onnx", np.zeros((4, 2), np.float32))
    >>> model = nn.load_onnx("model.onnx")
    >>> [name for name, _ in model.named_parameters()]
    ['0.weights', '0.bias', '2.weights', '2.bias']
    >>> history = nn.fit(model, nn.squared_error, (np.eye(2), np.ones((2, 1))), progress=False)
    >>> model.write("trained.onnx")
    """
    try:
        import onnx  # noqa: F401
    except ModuleNotFoundError:
        raise ImportError(NO_ONNX) from None
    from nn.models.onnx.model import load

    return load(path, rng)
