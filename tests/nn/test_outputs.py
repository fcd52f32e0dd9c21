"""The lecture's outputs: classes by the sign or the largest score, probabilities by theta or softmax."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

import nn
from autograd_mini import Tensor
from autograd_mini.testing import check_derivatives

S = np.array([-800.0, -3.0, -1e-300, 0.0, 0.5, 800.0])


@pytest.mark.parametrize("shape", [(6,), (6, 1)])
def test_one_score_is_classified_by_its_sign(shape):
    np.testing.assert_array_equal(nn.classify(S.reshape(shape)), [0, 0, 0, 0, 1, 1])
    np.testing.assert_array_equal(nn.classify(Tensor(S.reshape(shape), requires_grad=True)), [0, 0, 0, 0, 1, 1])


def test_a_row_of_scores_is_classified_by_its_largest():
    np.testing.assert_array_equal(nn.classify([[1, 3, 2], [5, 5, -1], [-2, -3, -1]]), [1, 0, 2])


def test_theta_and_softmax_agree_with_scipy_at_any_score():
    np.testing.assert_allclose(nn.probabilities(S).data, special.expit(S), rtol=1e-14)
    rows = np.random.default_rng(0).standard_normal((5, 4)) * [1, 10, 100, 1000]
    np.testing.assert_allclose(nn.probabilities(rows).data, special.softmax(rows, axis=1), rtol=1e-13)


@given(st.lists(st.floats(-50, 50), min_size=2, max_size=2))
def test_softmax_of_two_scores_is_theta_of_their_difference(scores):
    first = nn.probabilities([scores]).data[0, 0]
    np.testing.assert_allclose(first, nn.probabilities([scores[0] - scores[1]]).data[0], rtol=1e-12)


def test_classes_are_those_of_the_largest_probability():
    scores = np.random.default_rng(1).standard_normal((50, 3))
    np.testing.assert_array_equal(nn.classify(scores), np.argmax(nn.probabilities(scores).data, axis=1))
    np.testing.assert_array_equal(nn.classify(scores[:, 0]), nn.probabilities(scores[:, 0]).data > 0.5)


def test_accuracy_counts_what_classify_says():
    scores = np.random.default_rng(2).standard_normal((50, 1))
    labels = np.random.default_rng(3).integers(0, 2, 50)
    assert nn.accuracy(scores, labels) == np.mean(nn.classify(scores) == labels)


def test_probabilities_can_be_differentiated():
    check_derivatives(nn.probabilities, np.array([[0.5], [-2.0]]))
    check_derivatives(nn.probabilities, np.array([[0.5, -2.0, 1.0]]))


def test_dtype_is_kept():
    assert nn.probabilities(np.ones((2, 3), np.float32)).dtype == np.float32


def test_no_examples_have_no_classes():
    assert nn.classify(np.ones((0, 3))).shape == (0,)
    assert nn.classify(np.ones((0, 1))).shape == (0,)


@pytest.mark.parametrize("function", [nn.classify, nn.probabilities])
@pytest.mark.parametrize("shape", [(), (2, 3, 4), (5, 0)])
def test_other_shapes_are_refused(function, shape):
    with pytest.raises(ValueError, match=rf"{function.__name__} .* shape \({', '.join(map(str, shape))}"):
        function(np.ones(shape))


def test_nan_belongs_to_no_class():
    with pytest.raises(ValueError, match=r"1 scores that are NaN, .* \(1, 0\)"):
        nn.classify([[1.0, 2.0], [np.nan, 0.0]])
