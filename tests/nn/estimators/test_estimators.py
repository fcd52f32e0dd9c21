"""The scikit-learn estimators: scikit-learn's own checks, and what users of it do with a network."""

import copy
import functools
import pickle
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("sklearn")

from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris, load_wine, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.estimator_checks import parametrize_with_checks

import nn
from nn.estimators import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def scaled(load):
    x, y = load(return_X_y=True)
    return StandardScaler().fit_transform(x), y


IRIS, WINE, DIABETES = (scaled(load) for load in (load_iris, load_wine, load_diabetes))
TWO = IRIS[0][:100], IRIS[1][:100]
BOTH = pytest.mark.parametrize(("estimator", "data"), [(MLPClassifier, WINE), (MLPRegressor, DIABETES)])


def small(estimator=MLPClassifier, **options):
    return estimator(**{"hidden_layer_sizes": (8,), "max_iter": 5, "random_state": 0} | options)


def weights(estimator):
    return [p.data for p in estimator.model_.parameters()]


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(weights(one), weights(other), strict=True))


@pytest.mark.extra  # two of them pass pandas' tables
@parametrize_with_checks([MLPClassifier(), MLPRegressor()])
def test_scikit_learns_checks(estimator, check):
    check(estimator)


class TestTools:
    def test_a_grid_search_over_architectures_in_a_pipeline(self):
        pipeline = make_pipeline(StandardScaler(), MLPClassifier(max_iter=60, learning_rate_init=0.02, random_state=0))
        grid = {"mlpclassifier__hidden_layer_sizes": [(), (8,), (8, 8)]}
        search = GridSearchCV(pipeline, grid, cv=3).fit(*load_wine(return_X_y=True))
        assert search.best_score_ > 0.93
        assert search.best_estimator_[-1].model_.count_parameters() > 0

    @pytest.mark.extra
    def test_a_grid_search_on_dasks_workers(self):
        distributed = pytest.importorskip("distributed")
        import joblib

        with distributed.Client(processes=False, n_workers=1, dashboard_address=None), joblib.parallel_backend("dask"):
            search = GridSearchCV(small(), {"alpha": [1e-4, 1.0]}, cv=2).fit(*WINE)
        assert search.n_splits_ == 2

    @BOTH
    def test_copies_and_pickles_predict_and_learn_on_alike(self, estimator, data):
        x, y = data
        model = small(estimator, batch_size=50).fit(x, y)
        for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            np.testing.assert_array_equal(twin.predict(x), model.predict(x))
            assert same(copy.deepcopy(model).partial_fit(x, y), twin.partial_fit(x, y))
        assert not hasattr(clone(model), "model_")

    @BOTH
    def test_the_model_is_a_module_of_nn(self, estimator, data):
        x, y = data
        model = small(estimator).fit(x, y).model_
        assert isinstance(model, nn.MLP)
        assert not model.training
        assert all(p.grad is None for p in model.parameters())
        loss = nn.cross_entropy if estimator is MLPClassifier else nn.squared_error
        assert nn.signals(model, loss, x, y if estimator is MLPClassifier else y[:, None]).findings

    def test_scikit_learn_is_imported_by_nothing_else(self):
        code = (
            "import sys, nn; assert 'sklearn' not in sys.modules; sys.modules['sklearn'] = None\n"
            "try: import nn.estimators\nexcept ImportError as error: print(error)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert 'pip install "autograd-mini[sklearn]"' in done.stdout


class TestClassifier:
    def test_labels_may_be_strings(self):
        x, y = IRIS
        names = load_iris().target_names
        model = small(max_iter=100, learning_rate_init=0.02).fit(x, names[y])
        assert model.classes_.tolist() == sorted(names)
        assert model.score(x, names[y]) > 0.95
        assert model.predict(x[:1])[0] == "setosa"

    @pytest.mark.parametrize("data", [TWO, IRIS], ids=["two classes", "three"])
    def test_probabilities_add_up_also_where_they_are_tiny(self, data):
        x, y = data
        model = small(max_iter=30, learning_rate_init=0.05).fit(x, y)
        shares = model.predict_proba(x)
        np.testing.assert_allclose(shares.sum(axis=1), 1)
        np.testing.assert_array_equal(model.classes_[shares.argmax(axis=1)], model.predict(x))
        np.testing.assert_allclose(model.predict_log_proba(x), np.log(shares), rtol=1e-6)
        assert np.isfinite(model.predict_log_proba(1e6 * x)).all()

    def test_two_classes_have_one_score(self):
        model = small(max_iter=50, learning_rate_init=0.05).fit(*TWO)
        assert model.model_(TWO[0]).shape == (100, 1)
        assert model.score(*TWO) == 1

    def test_labels_that_hold_together(self):
        x, y = make_multilabel_classification(100, 6, n_classes=3, random_state=0)
        x = StandardScaler().fit_transform(x)
        model = small(max_iter=100, learning_rate_init=0.02).fit(x, y)
        assert model.predict(x).shape == model.predict_proba(x).shape == y.shape
        always_the_more_frequent = np.mean(np.maximum(y.mean(axis=0), 1 - y.mean(axis=0)))
        assert np.mean(model.predict(x) == y) > always_the_more_frequent + 0.1
        stopped = small(early_stopping=True).fit(x, y)
        assert len(stopped.validation_scores_) == stopped.n_iter_

    def test_balanced_classes_are_sample_weights(self):
        x, y = WINE
        balanced = small(class_weight="balanced").fit(x, y)
        assert same(balanced, small().fit(x, y, sample_weight=compute_sample_weight("balanced", y)))
        assert not same(balanced, small().fit(x, y))
        assert same(
            small(class_weight={0: 2, 1: 2, 2: 2}, alpha=0).fit(x, y), small(alpha=0).fit(x, y, np.ones(len(y)))
        )

    @pytest.mark.parametrize("weights", [{0: 1, 1: -2, 2: 1}, dict.fromkeys(range(3), 0)])
    def test_class_weights_that_are_none(self, weights):
        with pytest.raises(ValueError, match=r"class_weight=\.\.\.\) gives the examples weights from"):
            small(class_weight=weights).fit(*WINE)

    def test_one_class_is_refused(self):
        with pytest.raises(ValueError, match="labels of one class, 1"):
            small().fit(IRIS[0], np.ones(150, int))


class TestRegressor:
    def test_units_of_the_target_do_not_matter(self):
        x, y = DIABETES
        plain, other = small(MLPRegressor).fit(x, y), small(MLPRegressor).fit(x, 1e6 * y - 1e9)
        np.testing.assert_allclose(other.predict(x), 1e6 * plain.predict(x) - 1e9, rtol=1e-6)
        assert other.n_iter_ == plain.n_iter_

    def test_several_targets(self):
        x, y = DIABETES
        model = small(MLPRegressor, max_iter=100, learning_rate_init=0.02).fit(x, np.column_stack([y, -y, 0 * y]))
        found = model.predict(x)
        assert found.shape == (len(x), 3)
        assert np.corrcoef(found[:, 0], y)[0, 1] > 0.6 > np.corrcoef(found[:, 1], y)[0, 1]
        np.testing.assert_allclose(found[:, 2], 0, atol=0.2)

    def test_another_number_of_targets_is_refused_later(self):
        x, y = DIABETES
        model = small(MLPRegressor).partial_fit(x, y)
        with pytest.raises(ValueError, match=r"learned 1 outputs and was given targets of shape \(442, 2\)"):
            model.partial_fit(x, np.column_stack([y, y]))


class TestTraining:
    @BOTH
    def test_one_seed_decides_all_bits(self, estimator, data):
        one, two = (small(estimator, batch_size=50, early_stopping=True).fit(*data) for _ in range(2))
        assert same(one, two)
        assert not same(one, small(estimator, batch_size=50, random_state=1).fit(*data))

    @BOTH
    def test_a_pass_by_partial_fit_is_an_epoch(self, estimator, data):
        x, y = data
        more = {"classes": np.unique(y)} if estimator is MLPClassifier else {}
        model = small(estimator).partial_fit(x, y, **more)
        assert same(model, small(estimator, max_iter=1).fit(x, y))
        model.partial_fit(x, y)
        assert len(model.loss_curve_) == 2

    def test_partial_fit_knows_classes_that_come_later(self):
        x, y = WINE
        model = small(learning_rate_init=0.02).partial_fit(x[y < 2], y[y < 2], classes=[0, 1, 2])
        for _ in range(100):
            model.partial_fit(x, y)
        assert model.score(x, y) > 0.9

    def test_a_warm_start_goes_on(self):
        x, y = WINE
        model = small(warm_start=True).fit(x, y)
        first = model.model_
        model.fit(x, y)
        assert model.model_ is first
        assert len(model.loss_curve_) == 10
        assert max(model.loss_curve_[5:]) < min(model.loss_curve_[:5])
        with pytest.raises(ValueError, match=r"knows the classes \[0, 1, 2\] and was given \[7\]"):
            model.fit(x, np.where(y == 2, 7, y))

    def test_early_stopping_returns_to_the_best_epoch(self):
        options = {"early_stopping": True, "batch_size": 20, "learning_rate_init": 0.01, "n_iter_no_change": 5}
        stopped = small(max_iter=200, **options).fit(*WINE)
        best = int(np.argmax(stopped.validation_scores_)) + 1
        assert stopped.n_iter_ == len(stopped.validation_scores_) < 200
        assert stopped.best_validation_score_ == max(stopped.validation_scores_)
        assert same(stopped, small(max_iter=best, **options).fit(*WINE))

    def test_it_stops_when_the_loss_no_longer_improves(self):
        model = small(max_iter=100, tol=1e9, n_iter_no_change=3).fit(*WINE)
        assert model.n_iter_ == 5  # the first, and more than three that are not better by so much
        with pytest.warns(ConvergenceWarning, match="after max_iter=5 epochs"):
            small(tol=0).fit(*WINE)

    def test_the_penalty_is_that_of_its_formula(self):
        x, y = DIABETES
        options = {"hidden_layer_sizes": (), "max_iter": 1, "solver": "sgd", "momentum": 0}
        start, free, decayed = (
            small(MLPRegressor, learning_rate_init=rate, alpha=alpha, batch_size=500, **options).fit(x, y)
            for rate, alpha in ((1e-12, 0), (0.1, 0), (0.1, 50))
        )
        np.testing.assert_allclose(
            weights(free)[0] - weights(decayed)[0], 0.1 * 50 / len(x) * weights(start)[0], rtol=1e-6
        )

    @pytest.mark.parametrize(
        "solver", ["sgd", nn.AdamW, functools.partial(nn.Adam, betas=(0.5, 0.9))], ids=["sgd", "AdamW", "partial"]
    )
    def test_solvers(self, solver):
        model = small(max_iter=100, solver=solver, learning_rate_init=0.02).fit(*WINE)
        assert model.score(*WINE) > 0.95

    def test_the_rate_may_follow_a_schedule(self):
        model = small(learning_rate_init=lambda step: 0.1 if step < 2 else 0.0, max_iter=4, batch_size=200).fit(*WINE)
        assert np.ptp(model.loss_curve_[2:]) < 1e-12

    @pytest.mark.parametrize("activation", ["tanh", "logistic", "identity", nn.PReLU, nn.LeakyReLU(0.1)], ids=str)
    def test_activations(self, activation):
        model = small(max_iter=60, activation=activation, learning_rate_init=0.02).fit(*WINE)
        assert model.score(*WINE) > 0.95

    def test_a_network_of_ones_own(self):
        def network(sizes, rng):
            hidden = nn.Linear(sizes[0], sizes[1], rng=rng), nn.BatchNorm(sizes[1]), nn.ReLU(), nn.Dropout(0.2, rng=rng)
            return nn.Sequential(*hidden, nn.Linear(sizes[1], sizes[-1], rng=rng))

        x, y = WINE
        model = small(network=network, max_iter=60, learning_rate_init=0.02).fit(x, y)
        assert model.score(x, y) > 0.95
        np.testing.assert_allclose(model.predict_proba(x[:3]), model.predict_proba(x)[:3], err_msg="it still drops")
        with pytest.raises(ValueError, match=r"made a Linear of output shape \(2, 8\) for 2 examples"):
            small(network=lambda sizes, rng: nn.Linear(sizes[0], sizes[1])).fit(x, y)
        with pytest.raises(ValueError, match="made a int"):
            small(network=lambda sizes, rng: 1).fit(x, y)

    @BOTH
    def test_float32_is_learned_in_float32(self, estimator, data):
        x, y = data
        model = small(estimator).fit(x.astype(np.float32), y)
        assert {p.dtype for p in model.model_.parameters()} == {np.dtype(np.float32)}
        found = model.predict_proba(x) if estimator is MLPClassifier else model.predict(x)
        assert found.dtype == np.float32


class TestRefusals:
    @pytest.mark.parametrize(
        ("option", "value", "want"),
        [
            ("hidden_layer_sizes", (8, 0), "the widths"),
            ("hidden_layer_sizes", (2.5,), "the widths"),
            ("hidden_layer_sizes", "wide", "the widths"),
            ("solver", "lbfgs", "'adam', 'sgd'"),
            ("alpha", -1, "not negative"),
            ("alpha", True, "not negative"),
            ("batch_size", 0, "from 1 on"),
            ("learning_rate_init", 0, "above 0"),
            ("learning_rate_init", "constant", "above 0"),
            ("max_iter", 2.5, "from 1 on"),
            ("early_stopping", "yes", "True or False"),
            ("validation_fraction", 1.0, "below 1"),
            ("momentum", 1, "below 1"),
            ("tol", np.nan, "not negative"),
            ("n_iter_no_change", 0, "np.inf"),
            ("network", nn.MLP([4, 3]), "a function"),
        ],
    )
    def test_options(self, option, value, want):
        with pytest.raises(ValueError, match=f"(?s)MLPClassifier\\({option}=.*{want}"):
            small(**{option: value}).fit(*IRIS)

    def test_an_unknown_activation_is_told_the_known_ones(self):
        with pytest.raises(TypeError, match="'relu'"):
            small(activation="softsign").fit(*IRIS)

    @BOTH
    def test_sparse_inputs(self, estimator, data):
        x, y = data
        with pytest.raises(TypeError, match="toarray"):
            small(estimator).fit(csr_array(x), y)
        with pytest.raises(TypeError, match="toarray"):
            small(estimator).fit(x, y).predict(csr_array(x))

    @pytest.mark.parametrize("weights", [[1.0, 2.0], -np.ones(178), np.zeros(178)], ids=["short", "negative", "zero"])
    def test_weights(self, weights):
        with pytest.raises(ValueError, match=r"weight|inconsistent"):
            small().fit(*WINE, sample_weight=weights)

    def test_a_warm_start_with_another_network(self):
        model = small(warm_start=True).fit(*WINE).set_params(hidden_layer_sizes=(9,))
        for learn in (model.fit, model.partial_fit):
            with pytest.raises(ValueError, match=r"hidden_layer_sizes=\(8,\), and \(9,\) were asked for"):
                learn(*WINE)
        model.set_params(warm_start=False).fit(*WINE)
        assert weights(model)[0].shape == (13, 9)

    def test_too_few_examples_to_hold_out(self):
        with pytest.raises(ValueError, match=r"validation_fraction=0.001 of 178 examples.*larger share"):
            small(early_stopping=True, validation_fraction=0.001).fit(*WINE)

    def test_rows_of_labels(self):
        x, y = WINE
        with pytest.raises(ValueError, match="MultiOutputClassifier"):
            small().fit(x, np.column_stack([y, y]))

    def test_partial_fit_of_what_needs_all_data(self):
        for options, message in (
            ({"early_stopping": True}, "early_stopping"),
            ({"class_weight": "balanced"}, "balanced"),
        ):
            with pytest.raises(ValueError, match=message):
                small(**options).partial_fit(*WINE, classes=[0, 1, 2])
        with pytest.raises(ValueError, match=r"classes=np\.unique"):
            small().partial_fit(*WINE)
        with pytest.raises(ValueError, match=r"was given \[2\] besides"):
            small().partial_fit(*WINE, classes=[0, 1])

    def test_a_loss_that_overflows(self):
        x, y = DIABETES
        with np.errstate(all="ignore"), pytest.raises(ValueError, match="StandardScaler"):
            small(MLPRegressor, solver="sgd", learning_rate_init=1e3, max_iter=200).fit(1e6 * x, y)

    def test_prediction_before_learning(self):
        with pytest.raises(NotFittedError):
            small().predict(IRIS[0])
