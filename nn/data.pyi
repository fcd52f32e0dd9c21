"""`nn.data`, which `nn` makes importable by this name."""

from nn.training.data import *
