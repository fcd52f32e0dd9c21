"""Numbers for people: short, right to the digits that are shown, and read the same everywhere."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_mini import in_words
from autograd_mini.words import RAISED, decades, times

LOWERED = {raised: chr(plain) for plain, raised in zip(RAISED, map(chr, RAISED.values()), strict=True)}


def read(words: str) -> float:
    """The number that words mean."""
    plain = words.replace(",", "").removeprefix("×")
    value = 1.0
    for part in plain.split(" × "):
        sign, digits = (-1, part[1:]) if part.startswith("-") else (1, part)
        power = "".join(LOWERED.get(letter, "") for letter in digits)
        value *= sign * (10.0 ** int(power) if power else float(digits))
    return value


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "0"),
        (0.5, "0.5"),
        (-1.04, "-1"),
        (99.6, "100"),
        (1234.5, "1,200"),
        (1e4, "10,000"),
        (1.7e-5, "1.7 × 10⁻⁵"),
        (-1e-13, "-10⁻¹³"),
        (9.99e-4, "0.001"),
        (3e38, "3 × 10³⁸"),
        (math.inf, "infinity"),
        (math.nan, "no number"),
    ],
)
def test_numbers_are_short(value, words):
    assert in_words(value) == words


@given(st.floats(1e-300, 1e300), st.sampled_from([1, -1]), st.integers(1, 4))
def test_what_is_written_is_the_number_to_its_digits(size, sign, digits):
    assert read(in_words(sign * size, digits)) == pytest.approx(sign * size, rel=0.51 * 10.0 ** (1 - digits))


@given(st.floats(1e-300, 1e300))
def test_factors_are_right_to_a_twentieth(factor):
    assert read(times(factor)) == pytest.approx(factor, rel=0.0501)


def test_factors_near_1_have_more_digits():
    assert [times(factor) for factor in (1, 0.9993, 0.39, 12.0, 5.9e-13)] == [
        *("×1.00", "×0.9993", "×0.39", "×12.00", "×5.9 × 10⁻¹³")
    ]


def test_decades_are_counted():
    assert [decades(ratio) for ratio in (1e-13, 10, 0.25)] == ["13 decades", "1 decade", "0.6 decades"]
