"""`nn.perceptrons`, which `nn` makes importable by this name."""

from nn.lecture.perceptrons import *
