"""Rewrites that change rounding: what is computed is the same but for the order of products and sums."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

from autograd_mini.compiling.passes.fast.choices import choose_by_maxima
from autograd_mini.compiling.passes.fast.factors import join_factors
from autograd_mini.compiling.passes.fast.layout import turn_activations
from autograd_mini.compiling.passes.fast.products import square_by_products, sum_by_products, update_by_products
from autograd_mini.compiling.passes.fast.rows import put_biases_into_rows
from autograd_mini.compiling.passes.fast.seed import put_rate_into_seed

Passes = tuple[Callable[[Any], None], ...]


def fast_passes(threads: int = 1) -> tuple[Passes, Passes]:
    """The passes before small parameters are joined, and afterwards; those that need SciPy, if it is installed.

    SciPy's products keep other threads from running, so they are for one thread only.
    """
    passes: Passes = (join_factors, choose_by_maxima, put_rate_into_seed, sum_by_products, square_by_products)
    if threads == 1 and importlib.util.find_spec("scipy") is not None:
        passes = (*passes, update_by_products)
    return (*passes, turn_activations), (put_biases_into_rows,)
