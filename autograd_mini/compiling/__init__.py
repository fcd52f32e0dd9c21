"""A step as a NumPy program: it is recorded, shortened, printed, tried against the step, and run in its place."""

from autograd_mini.compiling.slots import Slot
from autograd_mini.compiling.step import Compiled, compile
from autograd_mini.compiling.traced import CompileError

__all__ = ["CompileError", "Compiled", "Slot", "compile"]
