"""`nn.init`, which `nn` makes importable by this name."""

from nn.layers.init import *
