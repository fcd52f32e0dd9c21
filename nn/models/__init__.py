"""Models from elsewhere: a PyTorch module or an ONNX file as an `nn.Module`, and a model of ours as an ONNX file.

What was read becomes named parameters in a tree of parts, and a list of nodes that `forward` runs. No layer lives here.
"""

from nn.models.pytorch.reading import from_torch, to_torch_state
from nn.models.saving import save_onnx

__all__ = ["from_torch", "save_onnx", "to_torch_state"]
