"""Automatic differentiation that you can see through: NumPy in, derivatives and their pictures out."""

import importlib
import sys as _sys
from typing import TYPE_CHECKING, Any

from autograd_mini import (
    devices,
    elsewhere,
    rules,  # registers the derivative of each NumPy function
    showing,
)
from autograd_mini.arrays import everywhere
from autograd_mini.batching import Batch, batching_rule, hessian, is_batched, jacobian, loops, values_of, vmap
from autograd_mini.checked import checked
from autograd_mini.domains import case
from autograd_mini.graph import Watch, enable_grad, no_grad, scope
from autograd_mini.primitive import composite, constant, primitive, rule
from autograd_mini.signals import signals
from autograd_mini.tensor import Tensor
from autograd_mini.transforms import (
    checkpoint,
    elementwise_grad,
    grad,
    gradients_of,
    hvp,
    jvp,
    stop_gradient,
    value_and_grad,
    vjp,
)
from autograd_mini.words import in_words

if TYPE_CHECKING:
    from autograd_mini import numpy
    from autograd_mini.checked.explanations import NonFiniteError
    from autograd_mini.compiling.lines import Recording, record
    from autograd_mini.compiling.slots import CompileError, Slot
    from autograd_mini.compiling.step import Compiled, compile
    from autograd_mini.drawing.draw import draw
    from autograd_mini.measuring.noise import GradientNoise
    from autograd_mini.measuring.spectrum import jacobian_spectrum
    from autograd_mini.signals.bars import Bars
    from autograd_mini.signals.maps import signal_map
    from autograd_mini.signals.report import Recorder, Signals

else:
    import numpy  # noqa: ICN001 (NumPy itself, of which type checkers are told more: `numpy/__init__.pyi`)

    for _module in (numpy, numpy.fft, numpy.linalg):  # `import autograd_mini.numpy as np` gives it too
        _sys.modules[f"autograd_mini.{_module.__name__}"] = _module

_sys.modules["autograd_mini.tensor"].__class__ = elsewhere.NotCalled  # which is what PyTorch calls its function

__version__ = "0.1.0"

__all__ = [
    "Bars",
    "Batch",
    "CompileError",
    "Compiled",
    "GradientNoise",
    "NonFiniteError",
    "Recorder",
    "Recording",
    "Signals",
    "Slot",
    "Tensor",
    "Watch",
    "batching_rule",
    "case",
    "checked",
    "checkpoint",
    "compile",
    "composite",
    "constant",
    "devices",
    "draw",
    "elementwise_grad",
    "elsewhere",
    "enable_grad",
    "everywhere",
    "grad",
    "gradients_of",
    "hessian",
    "hvp",
    "in_words",
    "is_batched",
    "jacobian",
    "jacobian_spectrum",
    "jvp",
    "loops",
    "no_grad",
    "numpy",
    "primitive",
    "record",
    "rule",
    "rules",
    "scope",
    "showing",
    "signal_map",
    "signals",
    "stop_gradient",
    "value_and_grad",
    "values_of",
    "vjp",
    "vmap",
]

# What measures and draws is imported when it is first asked for.
LATER = {
    "Bars": "signals.bars",
    "CompileError": "compiling.slots",
    "Compiled": "compiling.step",
    "NonFiniteError": "checked.explanations",
    "Recorder": "signals.report",
    "Recording": "compiling.lines",
    "Signals": "signals.report",
    "GradientNoise": "measuring.noise",
    "Slot": "compiling.slots",
    "compile": "compiling.step",
    "draw": "drawing.draw",
    "jacobian_spectrum": "measuring.spectrum",
    "record": "compiling.lines",
    "signal_map": "signals.maps",
}


if not TYPE_CHECKING:  # to checkers no other name exists

    def __getattr__(name: str) -> Any:
        if name not in LATER:
            raise elsewhere.missing("autograd_mini", name, elsewhere.ENGINE, __all__)
        return getattr(importlib.import_module(f"autograd_mini.{LATER[name]}"), name)

    def __dir__() -> list[str]:
        return sorted([*__all__, "__version__"])
