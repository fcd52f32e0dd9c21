"""Nests of `vmap` with the derivatives give what loops give; AUTOGRAD_MINI_PROFILE=thorough draws 20,000."""

import os

import numpy as np
import pytest

from tests.autograd_mini.batching.nests import Nest

SLICES = 8
NESTS = 20_000 if os.environ.get("AUTOGRAD_MINI_PROFILE") == "thorough" else 1_000


def relative_error(got, want):
    assert got.shape == want.shape
    assert got.dtype == want.dtype
    return np.max(np.abs(got - want)) / (1e-9 + np.max(np.abs(want)))


@pytest.mark.parametrize("number", [0, 1, *(pytest.param(i, marks=pytest.mark.heavy) for i in range(2, SLICES))])
def test_random_nests_are_right(number):
    for seed in range(number, NESTS, SLICES):
        nest = Nest(seed)
        error = relative_error(np.asarray(nest.batched()), np.asarray(nest.looped()))
        assert error < 1e-9, f"seed {seed}: off by {error:.1e}: {nest.plan}, end {nest.end}"


def test_a_sum_that_is_forgotten_would_be_seen(monkeypatch):
    monkeypatch.setattr("autograd_mini.backward.left", lambda part, _node, _parent: part)
    nest = next(nest for nest in map(Nest, range(100)) if nest.plan[0] == 0 and nest.end == 0)
    with pytest.raises((AssertionError, TypeError, ValueError)):
        assert relative_error(np.asarray(nest.batched()), np.asarray(nest.looped())) < 1e-9
