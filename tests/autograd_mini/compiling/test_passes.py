"""What passes make of lines: the bits stay, and what NumPy is told about errors."""

import warnings

import numpy as np
import pytest

from autograd_mini import compile, grad
from tests.autograd_mini.compiling.same import fault

ODD = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, -np.nan, 1e-45, -1e-45, 2.0, -2.0, 2.5, -2.5])


def repeated(**errors):
    def f(x):
        first = np.log(x)
        with np.errstate(**errors):
            return first + np.log(x)

    return f


def ready(f, x):
    step = compile(f)
    for _ in range(4):
        step(x)
    assert step.last.ready
    return step


def test_a_line_that_tells_nothing_of_errors_is_not_computed_again():
    assert "np.add(first, first)" in ready(repeated(divide="ignore", invalid="ignore"), np.ones(3)).source


def test_a_line_that_raises_is_computed_though_an_equal_one_does_not():
    step = ready(repeated(invalid="raise"), np.ones(3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(FloatingPointError):
            step(np.array([1.0, -1.0, 1.0]))


def test_what_numpy_is_told_and_the_step_is_not_is_all_that_the_text_says():
    source = ready(repeated(invalid="raise"), np.ones(3)).source
    assert "np.errstate(invalid='raise')" in source


@pytest.mark.parametrize("kind", ["f4", "f8"])
@pytest.mark.parametrize("ends", [(-2, 2), (-2.5, 2.5), (0, 2), (-0.0, 2.0), (2, -2), (-np.inf, 2)])
def test_a_clip_keeps_its_bits(ends, kind):
    calls = [(np.tile(np.roll(ODD, i), 60_000).astype(kind),) for i in range(4)]
    assert not fault(lambda x: np.clip(x * 1.0, *ends) + x, calls)


def test_a_gradient_that_a_clip_cuts_in_some_calls_only_has_eagers_bits():
    x = np.linspace(-1, 1, 2**19, dtype=np.float32)
    calls = [(x * scale,) for scale in (1, 1, 1, 1, 3, 1, 2)]
    assert not fault(grad(lambda x: np.sum(np.sqrt(1 + np.clip(x * x, -2, 4)))), calls, program=False)


def test_lines_behind_a_choice_go_through_tiles_too():
    step = ready(grad(lambda x: np.sum(np.where(x > 0, np.exp(x * x) * x, 0))), np.ones(2**20, np.float32))
    inside = step.source.partition("np.errstate(")[2]
    assert "for rows in tiles" in inside
