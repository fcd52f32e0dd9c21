"""Losses: their formulas, reductions, size of scores, derivatives to second order, errors."""

import functools

import numpy as np
import pytest

import nn
from autograd_mini import Tensor, grad
from autograd_mini.testing import check_derivatives
from nn import functions
from tests.autograd_mini.testing.numeric import assert_close

RNG = np.random.default_rng(0)
S, Y = RNG.standard_normal((4, 3)), RNG.standard_normal((4, 3))
P = RNG.dirichlet(np.ones(3), 4)
LABELS, BINARY = np.array([2, 0, 1, 1]), np.array([[0, 1, 1], [1, 0, 0], [0, 0, 1], [1, 1, 0]])
TARGETS = {
    nn.squared_error: Y,
    nn.absolute_error: Y,
    nn.huber_loss: Y,
    nn.cosine_distance: Y,
    nn.logistic_loss: BINARY,
    nn.hinge_loss: BINARY,
    nn.cross_entropy: LABELS,
    nn.nll_loss: LABELS,
    nn.kl_divergence: P,
}
OF_NUMBERS = [(f, y) for f, y in TARGETS.items() if f not in {nn.cross_entropy, nn.nll_loss}]
every_loss = pytest.mark.parametrize(("loss", "y"), TARGETS.items(), ids=lambda value: getattr(value, "__name__", ""))


def log_softmax(s):
    return s - np.log(np.sum(np.exp(s), axis=-1, keepdims=True))


def theta(s):
    return 1 / (1 + np.exp(-s))


def huber(r, delta):
    return np.where(np.abs(r) <= delta, r * r / 2, delta * (np.abs(r) - delta / 2))


FORMULAS = [
    (nn.squared_error, Y, np.square(S - Y)),
    (nn.absolute_error, Y, np.abs(S - Y)),
    (nn.huber_loss, Y, huber(S - Y, 1.0)),
    (functools.partial(nn.huber_loss, delta=0.3), Y, huber(S - Y, 0.3)),
    (nn.cosine_distance, Y, 1 - np.sum(S * Y, 1) / np.linalg.norm(S, axis=1) / np.linalg.norm(Y, axis=1)),
    (nn.logistic_loss, BINARY, np.log(1 + np.exp(-(2 * BINARY - 1) * S))),
    (nn.logistic_loss, P, -P * np.log(theta(S)) - (1 - P) * np.log(theta(-S))),
    (nn.hinge_loss, BINARY, np.maximum(0, 1 - (2 * BINARY - 1) * S)),
    (nn.cross_entropy, LABELS, -log_softmax(S)[np.arange(4), LABELS]),
    (nn.nll_loss, LABELS, -S[np.arange(4), LABELS]),
    (nn.cross_entropy, P, -np.sum(P * log_softmax(S), axis=1)),
    (nn.kl_divergence, P, np.sum(P * np.log(P / np.exp(log_softmax(S))), axis=1)),
]


class TestEveryLoss:
    @pytest.mark.parametrize(("loss", "y", "losses"), FORMULAS)
    def test_formula_and_reductions(self, loss, y, losses):
        assert_close(loss(S, y, reduction="none"), losses, 1e-13)
        assert_close(loss(S, y, reduction="sum"), np.sum(losses), 1e-13)
        assert_close(loss(S, y), np.mean(losses), 1e-13)
        assert_close(loss(Tensor(S), y).data, np.mean(losses), 1e-13)

    @every_loss
    def test_derivatives_to_second_order(self, loss, y):
        for reduction in ("mean", "sum", "none"):
            check_derivatives(lambda s, reduction=reduction: loss(s, y, reduction=reduction), S, order=2)

    @pytest.mark.parametrize(("loss", "y"), [(f, y) for f, y in TARGETS.items() if y is Y])
    def test_gradients_flow_to_targets_that_are_tensors(self, loss, y):
        check_derivatives(loss, S, y, order=2)

    @every_loss
    def test_float32_stays_float32(self, loss, y):
        s = Tensor(S.astype(np.float32), requires_grad=True)
        out = loss(s, y)
        out.backward()
        assert out.dtype == s.grad.dtype == np.float32
        assert_close(s.grad, grad(loss)(S, y), 1e-5)

    @every_loss
    def test_lists_and_whole_numbers_are_outputs_too(self, loss, y):
        assert_close(loss(S.tolist(), y.tolist()), loss(S, y), 1e-15)
        whole = np.rint(3 * S).astype(int) + 1
        assert_close(loss(whole, y), loss(whole.astype(float), y), 1e-15)

    @every_loss
    def test_memory_layout_does_not_matter(self, loss, y):
        fortran = Tensor(np.asfortranarray(S), requires_grad=True)
        loss(fortran, y).backward()
        assert_close(fortran.grad, grad(loss)(S, y), 1e-15)

    @every_loss
    def test_unknown_reductions_are_named(self, loss, y):
        with pytest.raises(ValueError, match=r"reduction='avg'.*'mean'.*'sum'.*'none'"):
            loss(S, y, reduction="avg")

    @every_loss
    def test_shapes_that_do_not_fit_are_both_named(self, loss, y):
        with pytest.raises(ValueError, match=r"shape \(4, 3\).*shape \(2,"):
            loss(S, y[:2])

    @every_loss
    def test_empty_batches_are_refused(self, loss, y):
        with pytest.raises(ValueError, match=r"Leave empty batches out|at least 1"):
            loss(S[:0], y[:0])

    @pytest.mark.parametrize(("loss", "y"), OF_NUMBERS)
    @pytest.mark.parametrize("reduction", ["mean", "none"])
    def test_targets_that_are_not_finite_are_located(self, loss, y, reduction):
        y = y.astype(float)
        y[2, 1] = np.nan
        with pytest.raises(ValueError, match=r"1 of 12 are not finite, the first nan at index \(2, 1\)"):
            loss(Tensor(S), y, reduction=reduction)

    @every_loss
    def test_outputs_that_are_nan_show_in_the_loss(self, loss, y):
        assert np.isnan(loss(np.where(np.roll(np.eye(4, 3), 2, axis=1), np.nan, S), y))

    @every_loss
    def test_complex_outputs_are_refused(self, loss, y):
        with pytest.raises(TypeError, match="complex128"):
            loss(S + 0j, y)

    @pytest.mark.parametrize(("loss", "y"), OF_NUMBERS)
    def test_targets_that_are_no_numbers_are_refused(self, loss, y):
        with pytest.raises(TypeError, match="<U"):
            loss(S, y.astype(str))
        with pytest.raises(TypeError, match="mask"):
            loss(S, np.ma.array(y, mask=y > 0.5))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1e4, -1e4])
class TestLargeScores:
    """At scores of +-1e4 the softmax and the sigmoid are 0 or 1 in floating point; losses are exact lines."""

    @staticmethod
    def slopes(loss, s, dtype):
        s = Tensor(np.array(s, dtype), requires_grad=True)
        value = loss(s)
        first = grad(loss)(s)
        second = grad(lambda s: np.sum(grad(loss)(s)))(s.detach())
        assert value.dtype == first.dtype == second.dtype == dtype
        return value.item(), first.data, second.data

    def test_cross_entropy(self, size, dtype):
        for loss in (
            lambda s: nn.cross_entropy(s, [0, 1]),
            lambda s: nn.cross_entropy(s, [0, 1], ignore_index=-1),
            lambda s: nn.cross_entropy(s, np.eye(2)),
            lambda s: nn.kl_divergence(s, np.eye(2)),
        ):
            value, first, second = self.slopes(loss, [[size, 0.0], [0.0, size]], dtype)
            assert value == max(-size, 0)
            expected = np.zeros((2, 2)) if size > 0 else [[-0.5, 0.5], [0.5, -0.5]]
            np.testing.assert_array_equal(first, expected)
            np.testing.assert_array_equal(second, np.zeros((2, 2)))

    def test_logistic(self, size, dtype):
        value, first, second = self.slopes(lambda s: nn.logistic_loss(s, [1.0, 0.0]), [size, size], dtype)
        assert value == 1e4 / 2
        np.testing.assert_array_equal(first, [0, 0.5] if size > 0 else [-0.5, 0])
        np.testing.assert_array_equal(second, [0, 0])

    def test_hinge(self, size, dtype):
        value, first, second = self.slopes(lambda s: nn.hinge_loss(s, [1, 0]), [size, size], dtype)
        assert value == (1 + 1e4) / 2
        np.testing.assert_array_equal(first, [0, 0.5] if size > 0 else [-0.5, 0])
        np.testing.assert_array_equal(second, [0, 0])

    def test_regression(self, size, dtype):
        expected = {nn.squared_error: (1e8, 2 * size), nn.absolute_error: (1e4, np.sign(size))}
        expected[nn.huber_loss] = (1e4 - 0.5, np.sign(size))
        for loss, (value, slope) in expected.items():
            found, first, _ = self.slopes(lambda s, loss=loss: loss(s, [0.0]), [size], dtype)
            assert (found, first) == (value, slope)

    def test_cosine(self, size, dtype):
        v = np.array([[1.0, 1.0]])
        value, first, _ = self.slopes(lambda s: nn.cosine_distance(s, v), [[size, 0.0]], dtype)
        assert_close(value, 1 - np.sign(size) / np.sqrt(2), 1e-6)
        assert_close(first, [[0, -1 / np.sqrt(2) / abs(size)]], 1e-6)


class TestKinks:
    def test_slope_0_where_an_error_is_0(self):
        assert grad(nn.absolute_error)(np.ones(1), np.ones(1)) == 0

    def test_huber_is_smooth_where_the_line_begins(self):
        np.testing.assert_array_equal(
            grad(lambda s: nn.huber_loss(s, np.zeros(2), reduction="sum"))(np.array([1.0, -1.0])), [1, -1]
        )

    def test_hinge_has_slope_0_at_a_margin_of_1_and_best_wrong_classes_share_it(self):
        assert grad(nn.hinge_loss)(np.ones(1), np.ones(1)) == 0
        np.testing.assert_array_equal(grad(nn.hinge_loss)(np.array([[0.0, 1.0, 1.0]]), [0]), [[-1, 0.5, 0.5]])

    def test_a_vector_of_zeros_has_distance_1_and_slope_0(self):
        u = Tensor(np.zeros((1, 2)), requires_grad=True)
        loss = nn.cosine_distance(u, np.ones((1, 2)))
        loss.backward()
        assert loss.item() == 1
        np.testing.assert_array_equal(u.grad, [[0, 0]])


class TestExactness:
    def test_logistic_keeps_its_digits_on_the_right_side(self):
        s = Tensor(np.array([40.0, -40.0]), requires_grad=True)
        losses = nn.logistic_loss(s, [1, 0], reduction="none")
        assert_close(losses.data, np.exp([-40.0, -40.0]), 1e-14)
        losses.sum().backward()
        assert_close(s.grad, np.array([-1, 1]) * np.exp(-40.0), 1e-14)

    @pytest.mark.parametrize("angle", [1e-7, 1e-5])
    @pytest.mark.parametrize("length", [1e-200, 1.0, 1e200])
    def test_small_angles_at_any_length(self, angle, length):
        u, v = length * np.array([[1.0, 0.0]]), np.array([[np.cos(angle), np.sin(angle)]])
        assert_close(nn.cosine_distance(u, v), angle**2 / 2, 1e-8)

    def test_masked_classes_count_nothing(self):
        s = np.array([[1.0, -np.inf, 0.5]])
        expected = -log_softmax(s[:, [0, 2]])
        assert_close(nn.cross_entropy(s, [0]), expected[0, 0], 1e-15)
        assert_close(nn.cross_entropy(s, [[0.5, 0.0, 0.5]]), expected.mean(), 1e-15)
        assert_close(nn.kl_divergence(s, [[0.0, 0.0, 1.0]]), expected[0, 1], 1e-15)

    def test_kl_is_0_where_the_model_gives_p(self):
        assert_close(nn.kl_divergence(np.log(P), P), 0.0, error=1e-16)


class TestCrossEntropy:
    """Weights and smoothing are PyTorch's: the numbers are `F.cross_entropy(s, y, ...)` of PyTorch 2.13 in float64."""

    S = np.array([[2.0, -1.0, 0.5], [0.1, 0.2, 0.3], [-1.5, 0.25, 1.0]])
    Y, W = [2, 0, 1], [1.0, 2.0, 0.5]
    ROWS = np.array([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0], [0.25, 0.25, 0.5]])

    @pytest.mark.parametrize(
        ("options", "mean", "losses"),
        [  # weight=w, label_smoothing=, ignore_index= there
            ({"class_weights": W}, 1.2728125894913895, [0.8706556483285786, 1.201942848229244, 2.382245566662041]),
            (
                {"label_smoothing": 0.1},
                1.3859034205169183,
                [1.7413112966571571, 1.1919428482292442, 1.224456116664354],
            ),
            (
                {"class_weights": W, "label_smoothing": 0.1},
                1.3078677043399742,
                [1.0367430681057224, 1.2119752290330648, 2.328818668051123],
            ),
            (
                {"class_weights": W, "label_smoothing": 0.1, "ignore_index": 0},
                1.346224694462738,
                [1.0367430681057224, 0.0, 2.328818668051123],
            ),
        ],
    )
    def test_weights_and_smoothing(self, options, mean, losses):
        assert_close(nn.cross_entropy(self.S, self.Y, **options), mean, 1e-14)
        assert_close(nn.cross_entropy(self.S, self.Y, **options, reduction="sum"), np.sum(losses), 1e-14)
        assert_close(nn.cross_entropy(self.S, self.Y, **options, reduction="none"), losses, 1e-14)
        check_derivatives(lambda s: nn.cross_entropy(s, self.Y, **options), self.S, order=2)

    def test_weights_and_smoothing_of_rows(self):
        options = {"class_weights": self.W, "label_smoothing": 0.1}
        assert_close(nn.cross_entropy(self.S, self.ROWS, **options), 1.7108251840124282, 1e-14)
        losses = [2.438692159951015, 1.2119752290330645, 1.4818081630532045]
        assert_close(nn.cross_entropy(self.S, self.ROWS, **options, reduction="none"), losses, 1e-14)

    def test_rows_of_one_1_are_labels(self):
        assert_close(nn.cross_entropy(S, np.eye(3)[LABELS]), nn.cross_entropy(S, LABELS), 1e-15)

    def test_learns_from_a_teacher_that_learns(self):
        check_derivatives(lambda s, t: nn.cross_entropy(s, functions.softmax(t)), S, Y, order=2)
        check_derivatives(lambda s, t: nn.kl_divergence(s, functions.softmax(t)), S, Y, order=2)

    def test_ignored_examples_count_nothing(self):
        labels = np.array([2, -100, 1, -100])
        ignoring = functools.partial(nn.cross_entropy, ignore_index=-100)
        assert_close(ignoring(S, labels), nn.cross_entropy(S[[0, 2]], labels[[0, 2]]), 1e-15)
        assert not np.any(grad(ignoring)(S, labels)[[1, 3]])

    def test_any_number_of_leading_axes(self):
        s, y = S.reshape(2, 2, 3), LABELS.reshape(2, 2)
        assert_close(nn.cross_entropy(s, y), nn.cross_entropy(S, LABELS), 1e-15)
        assert nn.cross_entropy(s, y, reduction="none").shape == (2, 2)
        assert_close(grad(nn.cross_entropy)(s, y).reshape(4, 3), grad(nn.cross_entropy)(S, LABELS), 1e-15)

    def test_labels_may_be_overwritten_before_the_backward(self):
        s, labels = Tensor(S, requires_grad=True), LABELS.copy()
        loss = nn.cross_entropy(s, labels)
        labels[:] = 0
        loss.backward()
        assert_close(s.grad, grad(nn.cross_entropy)(S, LABELS), 1e-15)

    @pytest.mark.parametrize(
        ("labels", "options", "says"),
        [
            (np.eye(3, dtype=int)[LABELS], {}, "argmax"),
            (LABELS - 1, {}, "labels from -1 to 1 for 3 classes"),
            (LABELS + 1, {"ignore_index": 0}, "labels from 0 to 3|labels from 1 to 3"),
            (LABELS * 1.0, {}, r"float64.*shape \(4,\)"),
            (P * 2, {}, "row .* the sum 2"),
            (P - 1, {}, "from 0 to 1"),
            (np.full((4, 3), np.nan), {}, "12 of 12 are not finite"),
            (P, {"ignore_index": 0}, "whole numbers"),
            (LABELS, {"label_smoothing": 1.5}, r"label_smoothing=1\.5"),
            (LABELS, {"class_weights": [1, 2]}, "3 classes"),
            (LABELS, {"class_weights": [1, -2, 1]}, "none negative"),
            (LABELS, {"class_weights": [1, np.nan, 1]}, "NaN"),
            (np.full(4, 7), {"ignore_index": 7}, "their mean is no number"),
        ],
    )
    def test_refuses(self, labels, options, says):
        with pytest.raises(ValueError, match=says):
            nn.cross_entropy(S, labels, **options)


class TestTwoClasses:
    @pytest.mark.parametrize("loss", [nn.logistic_loss, nn.hinge_loss])
    def test_the_lectures_labels_are_refused_with_what_to_write(self, loss):
        y = 2 * BINARY - 1
        with pytest.raises(ValueError, match=r"\(y \+ 1\) / 2"):
            loss(S, y)
        assert_close(loss(S, (y + 1) / 2), loss(S, BINARY), 1e-15)

    def test_hinge_refuses_probabilities(self):
        with pytest.raises(ValueError, match="the class 0 or 1"):
            nn.hinge_loss(S, P)

    def test_logistic_is_the_cross_entropy_of_two_classes_of_which_one_has_score_0(self):
        two = np.stack([np.zeros(4), S[:, 0]], axis=1)
        assert_close(nn.logistic_loss(S[:, 0], BINARY[:, 0]), nn.cross_entropy(two, BINARY[:, 0]), 1e-14)

    def test_hinge_of_rows_is_crammer_and_singers(self):
        expected = [max(0, 1 + max(np.delete(s, y)) - s[y]) for s, y in zip(S, LABELS, strict=True)]
        assert_close(nn.hinge_loss(S, LABELS, reduction="none"), expected, 1e-15)
        check_derivatives(lambda s: nn.hinge_loss(s, LABELS), S, order=2)

    def test_hinge_of_rows_with_one_score_says_to_drop_the_axis(self):
        with pytest.raises(ValueError, match="drop the last axis"):
            nn.hinge_loss(S[:, :1], [0, 0, 0, 0])


@pytest.mark.parametrize("delta", [0, -1, np.nan, np.inf])
def test_huber_refuses_deltas_that_are_not_positive(delta):
    with pytest.raises(ValueError, match="positive"):
        nn.huber_loss(S, Y, delta=delta)


def test_a_single_score_is_no_row():
    with pytest.raises(ValueError, match="a single score"):
        nn.cross_entropy(1.0, 0)


def test_class_weights_that_are_no_numbers_are_named():
    with pytest.raises(TypeError, match="class_weights of dtype <U"):
        nn.cross_entropy(S, LABELS, class_weights=["a", "b", "c"])


def test_the_hint_fits_the_sizes():
    with pytest.raises(ValueError, match=r"y\.reshape\(\(4, 1\)\)"):
        nn.squared_error(S[:, :1], Y[:, 0])
    with pytest.raises(ValueError, match=r"nn\.cross_entropy"):
        nn.squared_error(S, LABELS)


class TestNegativeLogLikelihood:
    X = functions.log_softmax(S)

    @pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
    def test_of_a_log_softmax_it_is_the_cross_entropy(self, reduction):
        options = {"class_weights": [1.0, 0.5, 3.0], "ignore_index": 0, "reduction": reduction}
        assert_close(nn.nll_loss(self.X, LABELS, **options), nn.cross_entropy(S, LABELS, **options), 1e-14)

    def test_what_is_ignored_may_be_anything(self):
        x = Tensor(np.where(np.arange(4)[:, None] == 1, -np.inf, self.X), requires_grad=True)
        loss = nn.nll_loss(x, [2, -1, 1, 1], ignore_index=-1)
        loss.backward()
        assert_close(loss.data, -np.mean(self.X[[0, 2, 3], [2, 1, 1]]), 1e-15)
        assert np.all(x.grad[1] == 0)
        with pytest.raises(ValueError, match="nll_loss was given 2 labels which all count nothing"):
            nn.nll_loss(self.X[:2], [-1, -1], ignore_index=-1)
        with pytest.raises(ValueError, match=r"nll_loss\(class_weights=...\) was given an array of shape \(2,\)"):
            nn.nll_loss(self.X, LABELS, class_weights=[1, 2])
