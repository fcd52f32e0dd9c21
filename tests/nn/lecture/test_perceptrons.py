"""Perceptrons and their aggregations: the lecture's logic by its truth tables, its polygons by their area."""

import copy
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
from autograd_mini import Tensor
from nn.lecture.perceptrons import AND, NOT, OR, XOR, convex, learn


def inputs(count):
    """Perceptrons that read one input each, and every point of -1 and +1."""
    return [nn.Perceptron(w) for w in np.eye(count)], np.array(list(itertools.product([-1, 1], repeat=count)))


@given(st.lists(st.floats(-9, 9), min_size=1, max_size=5), st.floats(-9, 9), st.integers(0, 99))
def test_a_perceptron_is_the_sign_of_its_score(weights, bias, seed):
    x = np.random.default_rng(seed).standard_normal((2, 3, len(weights)))
    found = nn.Perceptron(weights, bias, dtype=np.float64)(x).data
    np.testing.assert_array_equal(found, np.sign(x @ weights + bias))


def test_on_its_plane_a_perceptron_is_undecided():
    assert nn.Perceptron([1, -1])([2, 2]).data == 0


@given(st.integers(1, 4), st.integers(0, 99))
def test_an_aggregation_is_the_sign_of_the_votes(count, seed):
    rng = np.random.default_rng(seed)
    w, b = rng.standard_normal((count, 2)), rng.standard_normal(count)
    alpha, bias, x = rng.standard_normal(count), rng.standard_normal(), rng.standard_normal((7, 2))
    parts = [nn.Perceptron(*one, dtype=np.float64) for one in zip(w, b, strict=True)]
    G = nn.Aggregation(parts, alpha, bias, dtype=np.float64)
    expected = [np.sign(bias + sum(alpha[t] * np.sign(w[t] @ one + b[t]) for t in range(count))) for one in x]
    np.testing.assert_array_equal(G(x).data, expected)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_and_or_of_any_number_of_parts(count):
    parts, points = inputs(count)
    np.testing.assert_array_equal(AND(*parts)(points).data, points.min(axis=1))
    np.testing.assert_array_equal(OR(*parts)(points).data, points.max(axis=1))
    np.testing.assert_array_equal(NOT(parts[0])(points).data, -points[:, 0])


@pytest.mark.parametrize("signs", list(itertools.product([-1, 1], repeat=3)))
def test_negated_parts_cost_no_layer(signs):
    parts, points = inputs(3)
    literals = [g if sign > 0 else -g for g, sign in zip(parts, signs, strict=True)]
    for logic, expected in [(AND, (signs * points).min(axis=1)), (OR, (signs * points).max(axis=1))]:
        G = logic(*literals)
        np.testing.assert_array_equal(G(points).data, expected)
        assert G.parts == parts
        np.testing.assert_array_equal(G.alpha.data, signs)


def test_the_lectures_and_is_minus_one_plus_g1_plus_g2():
    G = AND(*inputs(2)[0])
    assert (G.bias.data, *G.alpha.data) == (-1, 1, 1)


def test_a_double_negation_and_a_negated_aggregation():
    (g1, g2), points = inputs(2)
    np.testing.assert_array_equal((NOT(-g1))(points).data, g1(points).data)
    np.testing.assert_array_equal(AND(NOT(-g1), -OR(g1, g2))(points).data, [-1, -1, -1, -1])
    np.testing.assert_array_equal((-AND(g1, g2))(points).data, [1, 1, 1, -1])


def test_an_aggregation_of_one_part_with_a_bias_is_no_negation():
    (g1, _), points = inputs(2)
    always = nn.Aggregation([g1], [-1], bias=2)
    np.testing.assert_array_equal(AND(always)(points).data, [1, 1, 1, 1])


def test_xor_has_two_layers_over_the_same_two_perceptrons():
    (g1, g2), points = inputs(2)
    G = XOR(g1, g2)
    np.testing.assert_array_equal(G(points).data, -points[:, 0] * points[:, 1])
    assert [part.parts for part in G.parts] == [[g1, g2], [g1, g2]]
    assert sum(parameter.size for parameter in G.parameters()) == 2 * 3 + 3 * 3


@given(st.tuples(*[st.floats(-100, 100)] * 3))
def test_no_single_aggregation_is_xor(votes):
    parts, points = inputs(2)
    G = nn.Aggregation(parts, votes[1:], votes[0], dtype=np.float64)
    assert np.any(G(points).data != XOR(*parts)(points).data)


@pytest.mark.parametrize("sides", [3, 8, 16])
def test_a_convex_set_lies_within_its_half_planes(sides):
    u = np.linspace(0, 2 * np.pi, 500)
    ellipse = np.stack([2 * np.cos(u), np.sin(u)], axis=1)
    G = convex(lambda u: np.linalg.norm(u * [2, 1], axis=1), sides)
    assert len(G.parts) == sides
    assert np.all(G(0.999 * ellipse).data == 1)
    assert np.any(G(1.05 * ellipse).data == -1)


def test_the_area_around_a_disc_is_that_of_the_polygon():
    side = np.linspace(-1.5, 1.5, 400) + 1e-4
    square = np.stack(np.meshgrid(side, side), axis=-1)
    for sides in (4, 8, 16):
        area = 9 * np.mean(convex(lambda u: np.ones(len(u)), sides)(square).data == 1)
        assert area == pytest.approx(sides * np.tan(np.pi / sides), rel=0.01)


@given(st.integers(0, 99))
def test_what_a_plane_separates_is_learned_without_mistakes(seed):
    rng = np.random.default_rng(seed)
    x, w = rng.uniform(-1, 1, (40, 3)), rng.standard_normal(4)
    score = x @ w[1:] + w[0]
    x, y = x[np.abs(score) > 0.1], np.sign(score[np.abs(score) > 0.1])
    if len(x):
        np.testing.assert_array_equal(learn(x, y, rng=seed)(x).data, y)


def test_of_xor_a_perceptron_learns_three_points():
    _, points = inputs(2)
    y = -points[:, 0] * points[:, 1]
    assert np.sum(learn(points, y, updates=200, rng=0)(points).data == y) == 3


def test_the_pocket_keeps_the_best_weights():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((60, 2))
    y = np.where(x[:, 0] + 0.5 * rng.standard_normal(60) > 0, 1, -1)
    wrong = [np.sum(learn(x, y, updates=updates, rng=1)(x).data != y) for updates in (0, 1, 5, 50, 500)]
    assert wrong == sorted(wrong, reverse=True)
    assert wrong[-1] < 15


def test_signs_have_gradient_0():
    x = Tensor(np.ones((3, 2)), requires_grad=True)
    G = XOR(nn.Perceptron([1, 2]), nn.Perceptron([2, -1]))
    np.sum(G(x)).backward()
    assert not np.any(x.grad)
    assert not np.any(G.alpha.grad)


def test_it_is_a_module_like_others():
    G = XOR(nn.Perceptron([1, 2]), nn.Perceptron([2, -1]))
    twin = copy.deepcopy(G)
    twin.load_state_dict({name: -value for name, value in G.state_dict().items()})
    x = np.random.default_rng(0).standard_normal((9, 2), dtype=np.float32)
    assert twin(x).data.shape == (9,)
    assert G(x).dtype == np.float32


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        (lambda: nn.Perceptron(3.0), ValueError, r"shape \(\)"),
        (lambda: nn.Perceptron([[1.0]]), ValueError, r"shape \(1, 1\)"),
        (lambda: nn.Perceptron([]), ValueError, r"shape \(0,\)"),
        (lambda: nn.Perceptron([1, 2])(np.ones((4, 3))), ValueError, r"2 weights .* shape \(4, 3\)"),
        (lambda: nn.Perceptron([1])(5.0), ValueError, r"1 weights .* shape \(\)"),
        (lambda: AND(), ValueError, r"AND was given nothing"),
        (lambda: nn.Aggregation([]), ValueError, r"Aggregation was given nothing"),
        (lambda: OR(nn.Perceptron([1]), 1.0), TypeError, r"OR .* a float"),
        (lambda: OR([nn.Perceptron([1])]), TypeError, r"OR .* a list.* one by one"),
        (lambda: NOT(nn.Tanh()), TypeError, r"NOT .* a Tanh"),
        (lambda: nn.Aggregation([nn.Perceptron([1])], [1, 2]), ValueError, r"1 parts and alpha of shape \(2,\)"),
        (lambda: convex(lambda u: np.ones(len(u)), 2), ValueError, r"sides=2"),
        (lambda: learn([[1.0]], [0]), ValueError, r"labels \[0\]"),
        (lambda: learn([[1.0]], [1, 1]), ValueError, r"shape \(1, 1\) and labels of shape \(2,\)"),
        (lambda: learn(np.ones((0, 2)), []), ValueError, r"shape \(0, 2\)"),
        (lambda: learn([[np.nan]], [1]), ValueError, r"not finite"),
        (lambda: convex(lambda u: 1.0, 8), ValueError, r"shape \(\) instead of \(8,\)"),
    ],
)
def test_what_cannot_work_is_refused(wrong, error, words):
    with pytest.raises(error, match=words):
        wrong()
