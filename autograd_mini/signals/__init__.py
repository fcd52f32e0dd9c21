"""Signals for people: `signals` measures a computation and says where its gradient shrinks, by how much, and why.

The numbers come from `measuring`; here they become findings, tables, plots, graphs and a page, when first asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autograd_mini.signals.report import Recorder, Signals
    from autograd_mini.tensor import Tensor

__all__ = ["signals"]


def signals(
    tensor: Tensor,
    seed: Any = None,
    *,
    inputs: Sequence[Tensor] | None = None,
    outputs: Sequence[Tensor] = (),
    forward: Recorder | None = None,
    targets: Any = None,
) -> Signals:
    r"""Measure the gradient at each point of a computation: :math:`\mathrm{rms}(g) = \|g\|_2/\sqrt{\mathrm{size}}`.

    One backward that keeps the graph and leaves every `.grad` alone. For each operand it also takes the gain
    :math:`\mathrm{rms}(c_e)/\mathrm{rms}(g_\mathrm{out})` of the cotangent :math:`c_e` along that one edge, so along
    a chain the logarithms of the gains add up to that of the signal. For each layer it splits the gain into what the
    activation and what the weights do.

    Parameters
    ----------
    tensor : Tensor
        The result, usually the loss.
    seed : array_like, optional
        dL/d(tensor), of its shape. May be left out for a tensor of one entry, where it is 1.
    inputs : sequence of Tensor, optional
        The model's inputs, which tell the data from the weights. By default all arrays that do not require grad.
    outputs : sequence of Tensor
        The model's outputs; what is computed from them belongs to the loss and to no layer.
    forward : Recorder, optional
        What saw the forward; it adds how scores and activations are spread.
    targets : array_like, optional
        What the loss wants the only output to be. Findings then tell which targets the model cannot reach, and whether
        they are far from the outputs.

    Returns
    -------
    Signals
        Print it, give it to `draw`, or ask it for one tensor's signal: `signals(loss)[w].rms`.

    Raises
    ------
    TypeError
        If this is no tensor.
    ValueError
        If the seed is missing or of another shape.
    RuntimeError
        If nothing here requires grad, or an earlier backward has freed the graph.

    Notes
    -----
    Sizes are computed in float64 and scaled, so that cotangents of 1e-300 or 1e300 come out right.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import Tensor, signals
    >>> w = Tensor([3.0, 4.0], requires_grad=True)
    >>> measured = signals(np.sum(w * w))
    >>> measured[w].norm, w.grad
    (10.0, None)
    """
    from autograd_mini.signals.report import report

    return report(tensor, seed, inputs, outputs, forward, targets)
