"""Batching rules of what statistics are made of."""

from autograd_mini.batching.batch import batching
from autograd_mini.batching.operands import stack_wise
from autograd_mini.rules import statistics

batching(statistics.clipped)(stack_wise(statistics.clipped))
