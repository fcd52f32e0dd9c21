"""Random computations, compiled: values, gradients and second derivatives have the bits of eager code."""

import os

import hypothesis
import numpy as np
import pytest
from hypothesis import given

from autograd_mini import grad, vjp
from autograd_mini.testing import programs
from tests.autograd_mini.compiling.same import fault
from tests.autograd_mini.testing.test_programs import ENDLESS, seeded

SLICES = 16  # one of them for every run
PROGRAMS = 20_000 if os.environ.get("AUTOGRAD_MINI_PROFILE") == "thorough" else 500
few = hypothesis.settings(max_examples=30, derandomize=True, database=None, deadline=None)


def derivative(program, order):
    """The program itself, its values and gradients, or second derivatives."""

    def first(*args):
        out, pull = vjp(program, *args)
        return out, pull(np.ones_like(out))

    def squares(*args):
        return sum((np.sum(np.square(part)) for part in first(*args)[1]), 0.0)

    return [program, first, grad(squares, argnums=tuple(range(len(program.inputs))))][order]


def inputs_of(program, count=5):
    """The inputs of a program, and others near them."""
    rng = np.random.default_rng(0)
    yield program.inputs
    for _ in range(count - 1):
        yield [np.asarray(a * (1 + 0.01 * rng.uniform(-1, 1, a.shape)), dtype=a.dtype) for a in program.inputs]


@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.heavy) for part in range(1, SLICES))])
def test_random_programs_have_the_bits_of_eager_code(part):
    for seed in sorted(set(range(part, PROGRAMS, SLICES)) - ENDLESS):
        program = seeded(seed)
        wrong = fault(derivative(program, seed // SLICES % 3), inputs_of(program), program=False)
        assert not wrong, f"random_program(np.random.default_rng({seed})): {wrong}\n{program}"


@few
@given(programs(max_steps=6))
def test_drawn_programs_have_the_bits_of_eager_code(program):
    assert not fault(derivative(program, 1), inputs_of(program), program=False)
