"""Dask's arrays under NumPy's protocols, without a computation that nobody asked for. Loaded when one is first met; no
rule and no graph lives here."""

from autograd_mini.devices.dask.array import DaskArray, NotComputedError, adopted, placed

__all__ = ["DaskArray", "NotComputedError", "adopted", "placed"]
