"""The checker catches every seeded mistake, accepts each right twin, and its messages help; the list is `mistakes`."""

import collections
import os

import numpy as np
import pytest

from autograd_mini.testing import DerivativeError, check_derivatives, checks, shrinking
from tests.autograd_mini.testing.mistakes import MISTAKES, softmax

SEEDS, CAUGHT = 5, 1  # draws of the arguments of right and of wrong derivatives
ENTROPY = 0
if os.environ.get("AUTOGRAD_MINI_PROFILE") == "thorough":
    SEEDS, CAUGHT, ENTROPY = 100, 20, np.random.SeedSequence().entropy


def caught(mistake, draw=0):
    """The error that a wrong derivative raises."""
    with pytest.raises(DerivativeError) as found:
        mistake.check(mistake.wrong, mistake.arguments(draw, ENTROPY), draw)
    return found.value


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_each_mistake_is_caught_and_the_message_names_the_cause(mistake):
    for draw in range(CAUGHT):
        error = caught(mistake, draw)
        assert error.kind == mistake.kind, f"draw {draw} of entropy {ENTROPY}"
        assert draw or not mistake.cause or mistake.cause in str(error)


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_each_right_derivative_is_accepted(mistake):
    for draw in range(SEEDS):
        report = mistake.check(mistake.right, mistake.arguments(draw, ENTROPY), draw)
        assert report.verdict == "right", f"draw {draw} of entropy {ENTROPY}"
        assert report.entries


def test_the_list_is_large_and_covers_all_families():
    assert len(MISTAKES) >= 60
    assert len({str(m) for m in MISTAKES}) == len(MISTAKES)
    families = collections.Counter(m.family for m in MISTAKES)
    assert len(families) >= 15
    assert min(families.values()) >= 4


def reproduced(error, **names):
    """What the message's line to paste raises."""
    line = str(error).rpartition("To see it again:\n    ")[2]
    with pytest.raises(DerivativeError) as found:
        exec(line, {"np": np, "check_derivatives": check_derivatives, **names})
    return found.value


def without_cross_term(g, x):
    return g * softmax(x) * (1 - softmax(x))


def test_the_example_is_shrunk():
    x = np.random.default_rng(0).standard_normal((5, 7))
    with pytest.raises(DerivativeError) as found:
        check_derivatives(softmax, x, vjp=without_cross_term)
    assert "wrong     2 of the 4 entries of the Jacobian" in str(found.value)
    assert "np.array([[0.1, -0.1]])" in str(found.value)


def test_the_line_to_paste_raises_the_same_again():
    x = np.random.default_rng(0).standard_normal((5, 7))
    with pytest.raises(DerivativeError) as found:
        check_derivatives(softmax, x, vjp=without_cross_term)
    again = reproduced(found.value, softmax=softmax, without_cross_term=without_cross_term)
    assert str(again) == str(found.value)


def test_the_line_to_paste_holds_containers_and_other_arguments():
    def weighted(parameters, index, power):
        return parameters["w"][index] ** power * parameters["b"]

    def gradient(g, parameters, index, power):
        w, b = parameters["w"], parameters["b"]
        by_w = np.zeros_like(w)
        by_w[index] = g * b * power * w[index] ** (power - 1)
        return np.sum(g * w[index]), by_w

    parameters = {"b": np.array(0.5), "w": np.array([1.0, 2.0, 3.0])}
    with pytest.raises(DerivativeError) as found:
        check_derivatives(weighted, parameters, np.array([0, 2]), 2, vjp=gradient)
    again = reproduced(found.value, weighted=weighted, gradient=gradient)
    assert str(again) == str(found.value)


def test_the_line_to_paste_holds_float32_and_complex_numbers():
    def product(x, z):
        return x * z

    def unconjugated(g, x, z):
        return np.real(g * z), g * x

    args = np.array([0.1, 0.2], np.float32), np.array([1 + 2j, 3 - 1j], np.complex64)
    with pytest.raises(DerivativeError) as found:
        check_derivatives(product, *args, vjp=unconjugated)
    assert str(reproduced(found.value, product=product, unconjugated=unconjugated)) == str(found.value)


def test_the_entry_is_named():
    def but_one(g, x):
        found = g * np.cos(x)
        if found.shape == (3, 4):
            found[1, 2] *= 1.5
        return found

    with pytest.raises(DerivativeError, match=r"by        x\[1, 2\] = .*\n  of        result\[1, 2\]\n") as found:
        check_derivatives(np.sin, np.random.default_rng(0).standard_normal((3, 4)), vjp=but_one)
    assert "ratio     1.5" in str(found.value)
    assert "wrong     1 of the 144 entries" in str(found.value)


def test_one_wrong_entry_of_many_is_named():
    (mistake,) = (m for m in MISTAKES if "20,000" in m.name)
    assert "x[12345] = " in str(caught(mistake))


def test_a_mistake_of_second_order_is_called_so():
    (mistake,) = (m for m in MISTAKES if str(m) == "second order: sine: sign")
    assert str(caught(mistake)).startswith("function: wrong derivative of order 2 by x[0]")


class TestShrinking:
    x = np.random.default_rng(0).standard_normal((4, 2))

    def test_a_smaller_example_costs_about_as_much_as_a_check(self):
        right = lambda g, x: softmax(x) * (g - np.sum(g * softmax(x), axis=-1, keepdims=True))
        calls = collections.Counter()

        def f(x):
            calls[x.shape] += 1
            return softmax(x)

        check_derivatives(f, self.x, vjp=right)
        of_a_check = calls.total()
        calls.clear()
        with pytest.raises(DerivativeError, match=r"np.array\(\[\[0.1, -0.1\]\]\)"):
            check_derivatives(f, self.x, vjp=without_cross_term)
        smaller = sum(count for shape, count in calls.items() if shape != self.x.shape)
        assert smaller <= 200
        assert calls.total() <= 4 * of_a_check

    def test_what_takes_long_is_said_once(self, capsys, monkeypatch):
        monkeypatch.setattr(checks, "PATIENCE", -1.0)
        with pytest.raises(DerivativeError):
            check_derivatives(softmax, self.x, vjp=without_cross_term)
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 1
        assert lines[0].startswith(
            "check_derivatives: a derivative of softmax is wrong after 0 s; looking for a smaller"
        )

    def test_what_takes_no_time_is_not_said(self, capsys, monkeypatch):
        monkeypatch.setattr(checks, "PATIENCE", 1e9)
        with pytest.raises(DerivativeError):
            check_derivatives(softmax, self.x, vjp=without_cross_term)
        assert not capsys.readouterr().err

    @pytest.mark.parametrize("seed", range(5))
    def test_a_check_is_asked_at_most_200_times(self, seed, monkeypatch):
        asked = []

        def counted(leaves, fails, before_each):
            return shrinking.smallest(leaves, lambda candidate: asked.append(1) or fails(candidate), before_each)

        monkeypatch.setattr(checks, "smallest", counted)
        x = np.random.default_rng(seed).standard_normal((4, 2))
        threshold = np.sort(x, axis=None)[-2]
        with pytest.raises(DerivativeError):
            check_derivatives(np.sin, x, vjp=lambda g, x: g * np.cos(x) * np.where(x >= threshold, 1.01, 1))
        assert 0 < len(asked) <= 200
