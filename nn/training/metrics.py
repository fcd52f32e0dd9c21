"""Metrics: numbers that say how good outputs are, for people, and which classes are mixed up; nothing here is
differentiated."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd_mini import showing
from nn.checks import as_values, whole
from nn.losses.classification import IGNORED_ROWS, as_shares
from nn.losses.means import NothingCountsError, mean_over, shape_of
from nn.outputs import classify

LABELS = (
    "{name} was given outputs of shape {output} and labels of shape {labels} and dtype {dtype}. Give a row of scores "
    "for each example and as label the number of its class, or a row of probabilities; or one score for each, and "
    "labels 0 and 1, or -1 and +1."
)
NOTHING_COUNTS = "{name} was given {size} labels which are all ignored (ignore_index={ignored}): a share of nothing."
RANGE = "{name} was given labels from {low} to {high} for {classes} classes. Labels count from 0 to {last}."
SHAPES = "{name} was given outputs of shape {output} and targets of shape {target}. They must agree, and not be empty."
CONSTANT = (
    "r2 was given targets that are all equal ({size} of them), so there is no variance to explain. Use another metric."
)
AVERAGES = "macro", "micro", "binary"
AVERAGE = "f1(average={got!r}): write 'macro', 'micro' or 'binary'; others are scikit-learn's, by `nn.sklearn_metric`."
BINARY = "f1(average='binary') was given scores of {classes} classes. It is for two: write 'macro' or 'micro'."
ALL_RIGHT = (
    "top_k_accuracy(k={k}) was given scores of {classes} class{es}: all would be right. Write a smaller k. (One "
    "score for each example goes to `nn.accuracy`.)"
)
NAMES = "confusion_matrix(names=...) has {given} names for {classes} classes. Write one for each."
NO_METRIC = (
    "sklearn_metric was given {got!r}. Write a function of scikit-learn, such as `sklearn.metrics.f1_score`, and as "
    "`outputs` nn.classify, nn.probabilities, a function of the scores or None."
)
SHOWN = 25  # classes whose counts can be read in a drawing

NOT_FINITE = "r2 was given targets of which {count} of {size} are NaN or infinite. Leave such examples out."


def labels_that_count(_output: Any, labels: Any, *, ignore_index: int | None = None) -> Any:
    """How much each example counts in the mean that `accuracy` is, as `mean_over` asks for it."""
    return shape_of(labels) if ignore_index is None else as_values(labels) != ignore_index


@mean_over(labels_that_count)
def accuracy(output: Any, labels: Any, *, ignore_index: int | None = None) -> float:
    """The share of examples that are classified right; it takes what `nn.cross_entropy` and `nn.logistic_loss` take.

    Parameters
    ----------
    output : Tensor or array_like
        Scores, shape (..., classes), most often (examples, classes): the largest is the class. Or one score for each
        example, shape (examples,) or (..., 1): positive for the class of label 1.
    labels : array_like
        The class of each example, shape (...); or rows of probabilities, shape (..., classes), of which the largest is
        the class. For one score 0 and 1, or the lecture's -1 and +1.
    ignore_index : int, optional
        A label that stands for "none": such examples count nothing.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    ValueError
        If the shapes do not fit, no example counts, a label is out of range, or a score is NaN.

    Examples
    --------
    >>> import nn
    >>> nn.accuracy([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]], [1, 0, 0]), nn.accuracy([2.0, -1.0], [-1, -1])
    (0.6666666666666666, 0.5)
    >>> nn.accuracy([[[0.1, 0.9], [0.8, 0.2]]], [[1, -1]], ignore_index=-1)  # a sequence of two steps
    1.0
    """
    scores, labels = rows_of("accuracy", output, labels, ignore_index)
    return float(np.mean(classify(scores) == labels))


@mean_over(labels_that_count)
def top_k_accuracy(output: Any, labels: Any, *, k: int = 5, ignore_index: int | None = None) -> float:
    """The share of examples whose right class is among those of the k largest scores; the first ones at a tie.

    Parameters
    ----------
    output, labels, ignore_index
        As for `accuracy`, with scores for each class.
    k : int
        How many; `k=1` is `accuracy`. For `fit` write `metrics={"top_3": lambda s, y: nn.top_k_accuracy(s, y, k=3)}`.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    ValueError
        As for `accuracy`, if there is one score alone, or as few classes as k.

    Examples
    --------
    >>> import nn
    >>> nn.top_k_accuracy([[0.5, 0.4, 0.1], [0.5, 0.4, 0.1]], [1, 2], k=2)
    0.5
    """
    k = whole("top_k_accuracy", "k", k)
    scores, labels = rows_of("top_k_accuracy", output, labels, ignore_index)
    classify(scores)  # refuses what is NaN
    classes = scores.shape[1] if scores.ndim == 2 else 1
    if k >= classes:
        raise ValueError(ALL_RIGHT.format(k=k, classes=classes, es="" if classes == 1 else "es"))
    right = scores[np.arange(len(labels)), labels][:, None]
    before = (scores > right) | ((scores == right) & (np.arange(classes) < labels[:, None]))
    return float(np.mean(np.sum(before, axis=1) < k))


def f1(output: Any, labels: Any, *, average: str = "macro", ignore_index: int | None = None) -> float:
    r"""The harmonic mean of precision and recall, :math:`F_1 = 2 TP / (2 TP + FP + FN)`, of all classes or of one.

    It is no mean over examples, so `fit` computes it at the end of an epoch, from all outputs.

    Parameters
    ----------
    output, labels, ignore_index
        As for `accuracy`.
    average : {"macro", "micro", "binary"}
        The mean over the classes that are there, in the labels or in what is said; that of the counts of all classes
        together, which is the accuracy; or that of class 1 of two. If no example is of class 1 or called so, that
        is 0. All are as in scikit-learn.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    ValueError
        As for `accuracy`, if there are more than two classes for "binary", or the average is unknown.

    Examples
    --------
    >>> import nn
    >>> scores, labels = [2.0, -1.0, 3.0, -2.0], [1, 1, 0, 0]
    >>> nn.f1(scores, labels, average="binary"), nn.f1([2.0, 2.0, 2.0], [1, 1, 0])
    (0.5, 0.4)
    """
    if average not in AVERAGES:
        raise ValueError(AVERAGE.format(got=average))
    counts = counts_of("f1", output, labels, ignore_index)
    if average == "binary" and len(counts) != 2:
        raise ValueError(BINARY.format(classes=len(counts)))
    right, all_ = np.diagonal(counts), counts.sum(axis=0) + counts.sum(axis=1)
    if average == "micro":
        return float(2 * right.sum() / all_.sum())
    if average == "binary":
        return float(2 * right[1] / max(all_[1], 1))
    there = all_ > 0
    return float(np.mean(2 * right[there] / all_[there]))


def confusion_matrix(
    output: Any, labels: Any, *, names: Sequence[str] | None = None, ignore_index: int | None = None
) -> ConfusionMatrix:
    """How many examples of each class are called what; `print` shows it as a table, `.plot()` draws it.

    Parameters
    ----------
    output, labels, ignore_index
        As for `accuracy`, such as `nn.predict(model, x)` and `y`.
    names : sequence of str, optional
        What the classes are called.

    Returns
    -------
    ConfusionMatrix
        Its `counts`, whole numbers of shape (classes, classes), have in row i and column j the examples of class i that
        are called j. `np.asarray` makes an array of it.

    Raises
    ------
    ValueError
        As for `accuracy`, or if there is not one name for each class.

    Examples
    --------
    >>> import nn
    >>> print(nn.confusion_matrix([2.0, -1.0, 3.0, -2.0, -1.0], [1, 1, 0, 0, 0], names=["ham", "spam"]))
    label  called ham  spam
    ham             2     1
    spam            1     1
    """
    counts = counts_of("confusion_matrix", output, labels, ignore_index)
    names = list(map(str, range(len(counts)) if names is None else names))
    if len(names) != len(counts):
        raise ValueError(NAMES.format(given=len(names), classes=len(counts)))
    return ConfusionMatrix(counts, names)


class ConfusionMatrix:
    """What `confusion_matrix` returns.

    Attributes
    ----------
    counts : ndarray of int
        Shape (classes, classes): row i, column j has the examples of class i that are called j.
    names : list of str
    """

    def __init__(self, counts: np.ndarray[Any, Any], names: list[str]) -> None:
        self.counts, self.names = counts, names

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        return np.array(self.counts, dtype=dtype, copy=copy)

    def __str__(self) -> str:
        first = max(map(len, (*self.names, "label")))
        widths = [
            max(len(name), len(str(column.max()))) for name, column in zip(self.names, self.counts.T, strict=True)
        ]
        rows = [["label", *self.names], *([name, *row] for name, row in zip(self.names, self.counts, strict=True))]
        gaps = "  called ", " " * len("  called ")
        lines = []
        for i, (name, *cells) in enumerate(rows):
            told = "  ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
            lines.append(f"{name:<{first}}{gaps[i > 0]}{told}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        right, total = int(np.trace(self.counts)), int(self.counts.sum())
        return f"ConfusionMatrix({len(self.names)} classes, {right:,} of {total:,} right)"

    def _repr_html_(self) -> str:
        rows = [[name, *(f"{count:,}" for count in row)] for name, row in zip(self.names, self.counts, strict=True)]
        return showing.table(["label", *(f"called {name}" for name in self.names)], rows, above=[repr(self)])

    def plot(self) -> Any:
        """A matplotlib figure: counts, and as colours the share of each class that is called so.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        """
        classes = len(self.names)
        shares = self.counts / np.maximum(self.counts.sum(axis=1, keepdims=True), 1)
        side = min(2.2 + 0.5 * classes, 12)
        made = showing.figure(1.2 * side, side)
        axes = made.subplots()
        drawn = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        places = range(classes)
        long = max(map(len, self.names)) > 3
        axes.set_xticks(places, self.names, rotation=45 if long else 0, ha="right" if long else "center")
        axes.set_yticks(places, self.names)
        axes.set_xlabel("called")
        axes.set_ylabel("label")
        axes.spines[:].set_visible(False)
        if classes <= SHOWN:
            for (i, j), count in np.ndenumerate(self.counts):
                axes.text(
                    j, i, f"{count:,}", ha="center", va="center", color="white" if shares[i, j] > 0.55 else "black"
                )
        made.colorbar(drawn, ax=axes, label="share of the row")
        return made


def sklearn_metric(
    metric: Callable[..., Any], *, outputs: Callable[[Any], Any] | None = classify, **options: Any
) -> Callable[[Any, Any], Any]:
    """A metric of scikit-learn, `metric(labels, said, **options)`, as one of `fit` and `evaluate`.

    Parameters
    ----------
    metric : callable
        Such as `sklearn.metrics.f1_score`, of labels and of what is said about them.
    outputs : callable or None
        What is said, from the scores: `nn.classify` the class, `nn.probabilities` how sure, such as for `roc_auc_score`
        and `log_loss`. Of several scores in an array (examples, steps, classes) each step is an example. None: the
        outputs as they are, as for regression.
    **options
        Go to the metric.

    Returns
    -------
    callable
        `metric(output, labels)`. It has the name of the metric, and `fit` computes it from all outputs of an epoch. Of
        padded sequences write `nn.unpadded(nn.sklearn_metric(...))`.

    Raises
    ------
    TypeError
        If the metric or `outputs` is no function.

    Examples
    --------
    >>> import nn
    >>> from sklearn.metrics import f1_score, roc_auc_score
    >>> macro = nn.sklearn_metric(f1_score, average="macro")
    >>> round(macro([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]], [1, 0, 0]), 4)
    0.6667
    >>> nn.sklearn_metric(roc_auc_score, outputs=nn.probabilities)([2.0, -1.0, 0.5], [1, 0, 1])
    1.0
    """
    if not callable(metric) or not (outputs is None or callable(outputs)):
        raise TypeError(NO_METRIC.format(got=metric if outputs is None or callable(outputs) else outputs))

    def measure(output: Any, labels: Any) -> Any:
        output, labels = as_values(output), as_values(labels)
        if outputs is None:
            return metric(labels, output, **options)
        if output.ndim > 1 and labels.shape == output.shape[:-1]:
            output = output.reshape(-1, output.shape[-1])
        labels = labels.ravel() if labels.size == len(output) else labels
        if outputs is classify and (output.ndim == 1 or output.shape[1] == 1):
            labels = labels > 0 if np.isin(labels, (-1, 1)).all() else labels  # the lecture's -1 and +1
        return metric(labels, as_values(outputs(output)), **options)

    measure.__name__ = getattr(metric, "__name__", repr(metric))
    return measure


def counts_of(name: str, output: Any, labels: Any, ignored: int | None) -> np.ndarray[Any, Any]:
    """How many examples of each class are called what, shape (classes, classes)."""
    scores, labels = rows_of(name, output, labels, ignored)
    classes = scores.shape[1] if scores.ndim == 2 else 2
    pairs = labels.astype(int) * classes + classify(scores)
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def rows_of(name: str, output: Any, labels: Any, ignored: int | None) -> tuple[Any, Any]:
    """The scores of each example that counts, a row or one number, and the number of its class."""
    output, labels = as_values(output), as_values(labels)
    shape, classes = labels.shape, output.shape[-1] if output.ndim else 0
    rows = classes > 1 and shape == output.shape[:-1]
    shares = classes > 1 and shape == output.shape and output.ndim > 1 and labels.dtype.kind == "f"
    single = (classes == 1 and shape == output.shape[:-1]) or (
        shape == output.shape and (classes == 1 or output.ndim == 1)
    )
    unfit = LABELS.format(name=name, output=output.shape, labels=shape, dtype=labels.dtype)
    if not (rows or shares or single) or (rows and labels.dtype.kind not in "iu"):
        raise ValueError(unfit)
    if not labels.size:
        raise NothingCountsError(unfit, output)
    if shares:
        if ignored is not None:
            raise ValueError(IGNORED_ROWS.format(loss=name, got=ignored))
        labels = np.argmax(as_shares(name, labels, output), axis=-1)
    counted = np.ones(labels.size, bool) if ignored is None else labels.ravel() != ignored
    if not counted.any():
        raise NothingCountsError(NOTHING_COUNTS.format(name=name, size=labels.size, ignored=ignored), output)
    labels = labels.ravel()[counted]
    if single:
        if not np.isin(labels, (-1, 0, 1)).all():
            raise ValueError(unfit)
        return output.ravel()[counted], (labels > 0).astype(int)
    low, high = labels.min(), labels.max()
    if not 0 <= low <= high < classes:
        raise ValueError(RANGE.format(name=name, low=low, high=high, classes=classes, last=classes - 1))
    return output.reshape(-1, classes)[counted], labels


def r2(output: Any, target: Any) -> float:
    r"""The share of the targets' variance that is explained: :math:`1 - \sum(y_n - s_n)^2 / \sum(y_n - \bar y)^2`.

    1 is perfect, 0 is as good as the mean. It is no mean over examples, so `nn.fit` computes it at the end of an epoch,
    from all outputs.

    Parameters
    ----------
    output, target : array_like or Tensor
        Scores s and values y, of the same shape.

    Returns
    -------
    float
        At most 1.

    Raises
    ------
    ValueError
        If the shapes differ, or the targets do not vary or are not finite.

    Examples
    --------
    >>> import nn
    >>> nn.r2([1.0, 2.0, 3.0], [1.0, 2.0, 4.0])
    0.7857142857142857
    """
    output, target = as_values(output), as_values(target)
    if output.shape != target.shape or not output.size:
        raise ValueError(SHAPES.format(name="r2", output=output.shape, target=target.shape))
    output, target = output.astype(float), target.astype(float)  # differences of unsigned numbers would go around at 0
    scatter = float(np.sum((target - target.mean(axis=0)) ** 2))
    if not scatter:
        raise ValueError(CONSTANT.format(size=target.size))
    if not math.isfinite(scatter):
        count = np.count_nonzero(~np.isfinite(target))
        raise ValueError(NOT_FINITE.format(count=count, size=target.size))
    return 1 - float(np.sum((target - output) ** 2)) / scatter
