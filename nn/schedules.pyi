"""`nn.schedules`, which `nn` makes importable by this name."""

from nn.optimizers.schedules import *
