"""PyTorch's tensors as arrays under NumPy's protocols, loaded when one is first met. No rule, no graph lives here."""

from autograd_mini.devices.pytorch.array import TorchArray, adopted, moved, placed

__all__ = ["TorchArray", "adopted", "moved", "placed"]
