"""Schedules: each formula at chosen steps, what comes after the end, joints without a jump, and refusals."""

import copy
import math
import pickle

import numpy as np
import pytest

import nn
from nn import schedules

ALL = {
    "constant": schedules.constant(0.1),
    "step": schedules.step(0.1, every=30),
    "milestones": schedules.step(0.1, every=[10, 40], factor=0.5),
    "exponential": schedules.exponential(0.1, 0.9, every=10),
    "linear": schedules.linear(0.01, 0.1, steps=50),
    "polynomial": schedules.polynomial(0.1, steps=100, power=2.0, end=0.01),
    "cosine": schedules.cosine(0.1, steps=100, warmup=10),
    "inverse_sqrt": schedules.inverse_sqrt(0.1, warmup=10),
    "one_cycle": schedules.one_cycle(0.1, steps=100),
    "warmup": schedules.warmup(0.1, steps=10),
    "joined": schedules.joined(0.1, 10, schedules.cosine(0.1, steps=90), 90, 0.0001),
}
every = pytest.mark.parametrize("schedule", ALL.values(), ids=ALL)


def rates(schedule, *steps):
    return [schedule(t) for t in steps]


def test_step_falls_at_its_steps():
    assert rates(schedules.step(1.0, every=3, factor=0.5), 0, 2, 3, 5, 6) == [1, 1, 0.5, 0.5, 0.25]
    assert rates(schedules.step(1.0, every=[2, 5], factor=0.5), 1, 2, 4, 5, 99) == [1, 0.5, 0.5, 0.25, 0.25]


def test_exponential_falls_by_the_factor_each_so_many_steps():
    found = rates(schedules.exponential(8.0, factor=0.25, every=2), 0, 1, 2, 4)
    assert found == pytest.approx([8, 4, 2, 0.5], rel=1e-14)


def test_linear_goes_straight_and_stays():
    assert rates(schedules.linear(1.0, 3.0, steps=4), 0, 1, 4, 9) == [1, 1.5, 3, 3]


def test_polynomial_is_the_power_of_what_is_left():
    assert rates(schedules.polynomial(3.0, steps=4, power=2, end=1.0), 0, 2, 4, 5) == [3, 1.5, 1, 1]


def test_cosine_is_half_a_wave():
    found = rates(schedules.cosine(3.0, steps=6, end=1.0), 0, 2, 3, 4, 6, 7)
    assert found == pytest.approx([3, 2.5, 2, 1.5, 1, 1], rel=1e-14)


def test_cosine_is_what_pytorch_computes_by_recursion():
    """CosineAnnealingLR's own recursion (T_max=20, eta_min=0.01), written out."""
    schedule, rate = schedules.cosine(0.1, steps=20, end=0.01), 0.1
    for t in range(1, 20):
        rate = (1 + math.cos(math.pi * t / 20)) / (1 + math.cos(math.pi * (t - 1) / 20)) * (rate - 0.01) + 0.01
        assert schedule(t) == pytest.approx(rate, rel=1e-12)


def test_inverse_sqrt_meets_at_the_end_of_its_warmup():
    found = rates(schedules.inverse_sqrt(2.0, warmup=4), 0, 1, 3, 15)
    assert found == pytest.approx([0.5, 1, 2, 1], rel=1e-14)


def test_one_cycle_rises_and_falls_by_half_waves():
    schedule = schedules.one_cycle(1.0, steps=10, rise=0.4, start=0.2, end=0.0)
    assert rates(schedule, 0, 2, 4, 7, 10, 11) == pytest.approx([0.2, 0.6, 1.0, 0.5, 0.0, 0.0], abs=1e-14)
    default = schedules.one_cycle(1.0, steps=10)
    assert rates(default, 0, 3, 10) == pytest.approx([1 / 25, 1, 1 / 250_000], rel=1e-12)


def test_warmup_wastes_no_step_and_ends_where_the_schedule_begins():
    found = rates(schedules.warmup(schedules.step(1.0, every=2, factor=0.5), steps=3), *range(7))
    assert found == [0.25, 0.5, 0.75, 1, 1, 0.5, 0.5]


def test_the_warmup_of_cosine_and_polynomial_is_part_of_their_steps():
    for make in (schedules.cosine, schedules.polynomial):
        schedule = make(1.0, steps=10, warmup=4)
        assert rates(schedule, 0, 3, 4, 10) == pytest.approx([0.2, 0.8, 1.0, 0.0], abs=1e-14)
        assert schedule(7) == pytest.approx(make(1.0, steps=6)(3))


def test_joined_schedules_count_their_own_steps():
    schedule = schedules.joined(1.0, 2, schedules.linear(4.0, 0.0, steps=4), 3, 7.0)
    assert rates(schedule, *range(7)) == [1, 1, 4, 3, 2, 7, 7]


@every
def test_every_schedule_is_a_pure_function_of_the_step(schedule):
    forwards = [schedule(t) for t in range(150)]
    assert [schedule(t) for t in reversed(range(150))] == forwards[::-1]
    assert all(type(rate) is float and 0 <= rate <= 0.1 + 1e-12 for rate in forwards)
    assert schedule(np.int64(7)) == forwards[7]


@every
def test_copies_and_pickles_give_the_same_rates(schedule):
    for other in (copy.deepcopy(schedule), pickle.loads(pickle.dumps(schedule))):
        assert repr(other) == repr(schedule)
        assert other(33) == schedule(33)


@every
def test_an_optimizer_takes_it(schedule):
    w = nn.Parameter(np.ones(2))
    optimizer = nn.SGD([w], learning_rate=schedule)
    for _ in range(3):
        w.grad = np.ones(2)
        optimizer.step()
    np.testing.assert_allclose(w.data, 1 - sum(schedule(t) for t in range(3)), rtol=1e-14)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: schedules.constant(0), r"constant\(rate=0\)"),
        (lambda: schedules.constant("0.1"), "rate='0.1'"),
        (lambda: schedules.constant(math.nan), "rate=nan"),
        (lambda: schedules.step(0.1, every=0), "every=0"),
        (lambda: schedules.step(0.1, every=2.5), "every=2.5"),
        (lambda: schedules.step(0.1, every=[4, 2]), "rising order"),
        (lambda: schedules.step(0.1, every=[]), "rising order"),
        (lambda: schedules.step(0.1, every=3, factor=-1), "factor=-1"),
        (lambda: schedules.exponential(0.1, factor=0), "factor=0"),
        (lambda: schedules.linear(-0.1, 0.1, steps=3), "start=-0.1"),
        (lambda: schedules.linear(0.0, 0.1, steps=True), "steps=True"),
        (lambda: schedules.polynomial(0.1, steps=10, power=0), "power=0"),
        (lambda: schedules.cosine(math.inf, steps=10), "rate=inf"),
        (lambda: schedules.cosine(0.1, steps=10, warmup=10), "part of the steps"),
        (lambda: schedules.cosine(0.1, steps=10, end=-1), "end=-1"),
        (lambda: schedules.inverse_sqrt(0.1, warmup=0), "warmup=0"),
        (lambda: schedules.one_cycle(0.1, steps=10, rise=1.0), "rise=1.0"),
        (lambda: schedules.one_cycle(0.1, steps=1), "steps=1"),
        (lambda: schedules.warmup("cosine", steps=5), "'cosine' as a schedule"),
        (lambda: schedules.warmup(0.1, steps=0), "steps=0"),
        (lambda: schedules.joined(0.1, 10), "joined"),
        (lambda: schedules.joined(0.1, 0, 0.2), "steps=0"),
        (lambda: schedules.joined(0.1, 5, None), "None as a schedule"),
    ],
)
def test_bad_options_are_named(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()


@pytest.mark.parametrize("step", [-1, 1.5, "3", None])
def test_what_is_no_step_is_refused(step):
    with pytest.raises(ValueError, match="whole numbers from 0"):
        schedules.constant(0.1)(step)
