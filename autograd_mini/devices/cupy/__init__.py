"""CuPy's arrays as arrays that speak all of NumPy's protocols. Nothing outside of this folder knows CuPy's words."""

from autograd_mini.devices.cupy.array import CuPyArray, adopted, placed

__all__ = ["CuPyArray", "adopted", "placed"]
