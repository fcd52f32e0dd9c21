"""What is checked of a user's numbers, in one place for all parts of nn."""

import re
from fractions import Fraction

import numpy as np
import pytest

import nn
from nn.checks import positive, whole

CALLS = {
    "DataLoader(batch_size": lambda n: nn.DataLoader(np.ones(3), batch_size=n),
    "minibatches(size": lambda n: nn.minibatches(np.ones(3), size=n),
    "fit(accumulate": lambda n: nn.fit(
        nn.Linear(1, 1), nn.squared_error, (np.ones((2, 1)),) * 2, epochs=1, accumulate=n
    ),
    "EarlyStopping(patience": nn.EarlyStopping,
    "SignalLog(every": lambda n: nn.SignalLog(nn.Linear(1, 1), n),
    "schedules.cosine(steps": lambda n: nn.schedules.cosine(0.1, n),
    "boost(neurons": lambda n: nn.boost(np.ones((2, 1)), np.ones(2), n),
}


@pytest.mark.parametrize("number", [3, np.int8(3), np.uint64(3), np.array(3)], ids=repr)
def test_whole_numbers_of_any_kind_become_an_int(number):
    assert type(whole("f", "n", number)) is int


@pytest.mark.parametrize("number", [0, -1, True, np.True_, 2.0, "3", None, [3]], ids=repr)
def test_what_is_no_count_is_shown_as_it_was_written(number):
    with pytest.raises(ValueError, match=re.escape(f"f(n={number!r}): write a whole number from 1 on.")):
        whole("f", "n", number)


@pytest.mark.parametrize("number", [1, 0.5, np.float32(0.5), Fraction(1, 2)], ids=repr)
def test_numbers_of_any_kind_become_a_float(number):
    assert type(positive("f", "x", number)) is float


@pytest.mark.parametrize("number", [-1, 0, True, np.nan, np.inf, "1", None, [1.0]], ids=repr)
def test_what_is_no_positive_number_is_shown_as_it_was_written(number):
    with pytest.raises(ValueError, match=re.escape(f"f(x={number!r}): write a finite number, above 0.")):
        positive("f", "x", number)
    assert positive("f", "x", 0, zero=True) == 0


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("number", [0, True, 1.5], ids=repr)
def test_all_parts_say_it_alike(call, number):
    with pytest.raises(ValueError, match=re.escape(f"{call}={number!r}): write a whole number from 1 on.")):
        CALLS[call](number)
