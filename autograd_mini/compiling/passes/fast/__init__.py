"""Rewrites that change rounding: what is computed is the same but for the order of products and sums."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

from autograd_mini.compiling.passes.fast.factors import join_factors
from autograd_mini.compiling.passes.fast.products import square_by_products, sum_by_products, update_by_products
from autograd_mini.compiling.passes.fast.seed import put_rate_into_seed


def fast_passes() -> tuple[Callable[[Any], None], ...]:
    """The passes in order; those that need SciPy, if it is installed."""
    passes = (join_factors, put_rate_into_seed, sum_by_products, square_by_products)
    return (*passes, update_by_products) if importlib.util.find_spec("scipy") is not None else passes
