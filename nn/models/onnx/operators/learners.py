"""What scikit-learn's converter writes, in the domain ai.onnx.ml."""

from collections.abc import Callable
from typing import Any

import numpy as np

from nn.functions import sigmoid, softmax
from nn.models.onnx.operators.table import OPERATORS, ints

AFTER: dict[str, Callable[..., Any]] = {"NONE": lambda s: s, "LOGISTIC": sigmoid, "SOFTMAX": softmax}
NORMS = {
    "L1": lambda x: np.sum(np.abs(x), -1, keepdims=True),
    "L2": lambda x: np.sqrt(np.sum(np.square(x), -1, keepdims=True)),
    "MAX": lambda x: np.max(x, -1, keepdims=True),
}


def linear(x, coefficients, intercepts, count):
    """Scores of `count` outputs."""
    scores = x.astype(np.float32) @ np.reshape(np.array(coefficients, np.float32), (count, -1)).T
    return scores if intercepts is None else scores + np.array(intercepts, np.float32)


def regressor(x, coefficients, intercepts=None, targets=1, post_transform="NONE"):
    return AFTER[post_transform](linear(x, coefficients, intercepts, targets))


def classifier(
    x,
    coefficients,
    intercepts=None,
    classlabels_ints=None,
    classlabels_strings=None,
    multi_class=0,
    post_transform="NONE",
):
    labels = np.array(classlabels_ints or classlabels_strings)
    rows = len(coefficients) // x.shape[1]
    scores = linear(x, coefficients, intercepts, rows)
    if rows == 1 and len(labels) == 2:
        scores = np.concatenate([-scores, scores], -1)
    return labels[np.argmax(scores, -1)], AFTER[post_transform](scores)


OPERATORS.update(
    {
        "ai.onnx.ml.ArrayFeatureExtractor": lambda x, places: np.take(x, ints(places), -1),
        "ai.onnx.ml.Binarizer": lambda x, threshold=0.0: (x > threshold).astype(x.dtype),
        "ai.onnx.ml.LinearClassifier": classifier,
        "ai.onnx.ml.LinearRegressor": regressor,
        "ai.onnx.ml.Normalizer": lambda x, norm="MAX": x / NORMS[norm](x),
        "ai.onnx.ml.Scaler": lambda x, offset, scale: (
            (x.astype(np.float32) - np.array(offset, np.float32)) * np.array(scale, np.float32)
        ),
    }
)
