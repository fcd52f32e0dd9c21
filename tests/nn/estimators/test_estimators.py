"""The scikit-learn estimators: scikit-learn's own checks, and what users of it do with a network."""

import copy
import functools
import inspect
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
from sklearn.neural_network import MLPClassifier as TheirClassifier
from sklearn.neural_network import MLPRegressor as TheirRegressor
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
@parametrize_with_checks([MLPClassifier(), MLPRegressor(), MLPClassifier((4,), solver="lbfgs", max_iter=20)])
def test_scikit_learns_checks(estimator, check):
    check(estimator)


class TestTools:
    def test_a_grid_search_over_architectures_in_a_pipeline(self):
        pipeline = make_pipeline(StandardScaler(), MLPClassifier(max_iter=60, learning_rate_init=0.02, random_state=0))
        grid = {"mlpclassifier__hidden_layer_sizes": [(), (8,), (8, 8)]}
        search = GridSearchCV(pipeline, grid, cv=3).fit(*load_wine(return_X_y=True))
        assert search.best_score_ > 0.93
        assert search.best_estimator_[-1].model_.count_parameters() > 0

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


STANDARD = DIABETES[0], StandardScaler().fit_transform(DIABETES[1][:, None])[:, 0]  # targets as they are learned
BESIDE = pytest.mark.parametrize(
    ("estimator", "theirs", "data"),
    [
        (MLPClassifier, TheirClassifier, TWO),
        (MLPClassifier, TheirClassifier, WINE),
        (MLPRegressor, TheirRegressor, STANDARD),
    ],
    ids=["two classes", "three", "numbers"],
)


class TestBesideScikitLearns:
    @BESIDE
    def test_parameters_have_its_names_and_defaults(self, estimator, theirs, data):
        own, their = (inspect.signature(kind).parameters for kind in (estimator, theirs))
        assert their.keys() - own.keys() <= {"loss"}  # of its regressor, for counts
        assert {name for name in own.keys() & their.keys() if own[name].default != their[name].default} == set()

    @pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
    @BESIDE
    def test_attributes_have_its_names_shapes_and_kinds(self, estimator, theirs, data, solver):
        own, their = (small(kind, max_iter=3, solver=solver).fit(*data) for kind in (estimator, theirs))
        told = {name: value for name, value in vars(their).items() if name.endswith("_")}
        for name, value in told.items():
            assert type(getattr(own, name)) is type(value) or isinstance(value, float | None), name
        for name in ("coefs_", "intercepts_"):
            assert [part.shape for part in getattr(own, name)] == [part.shape for part in told[name]]
        same = "n_layers_", "n_outputs_", "n_iter_", "out_activation_", "t_", "n_features_in_"
        assert [getattr(own, name) for name in same] == [told[name] for name in same]

    @BESIDE
    def test_coefs_are_the_arrays_that_predict(self, estimator, theirs, data):
        x, y = data
        model = small(estimator, activation="tanh").fit(x, y)
        hidden = np.tanh(x @ model.coefs_[0] + model.intercepts_[0])
        np.testing.assert_allclose(hidden @ model.coefs_[1] + model.intercepts_[1], model.model_(x).data, rtol=1e-6)
        assert all(
            coef is layer.weights.data for coef, layer in zip(model.coefs_, model.model_.layers[::2], strict=True)
        )

    @pytest.mark.parametrize("weighted", [False, True])
    @BESIDE
    def test_lbfgs_finds_its_minimum(self, estimator, theirs, data, weighted):
        x, y = data
        half = 1 if estimator is MLPClassifier else 2  # its loss is half the squared error, and so is its penalty
        options = {"hidden_layer_sizes": (), "solver": "lbfgs", "max_iter": 500, "tol": 1e-7}
        more = {"sample_weight": np.random.default_rng(0).uniform(0.5, 2, len(y))} if weighted else {}
        if estimator is MLPRegressor and weighted:  # then other numbers have mean 0 and deviation 1
            y = y - np.average(y, weights=more["sample_weight"])
            y = y / np.sqrt(np.average(y**2, weights=more["sample_weight"]))
        own = small(estimator, alpha=half, **options).fit(x, y, **more)
        their = small(theirs, alpha=1, **options).fit(x, y, **more)
        assert own.loss_ == pytest.approx(half * their.loss_, rel=1e-6)
        np.testing.assert_allclose(own.coefs_[0], their.coefs_[0], atol=2e-3)
        assert len(own.loss_curve_) == own.n_iter_

    @pytest.mark.parametrize("batch", [20, 1000])
    def test_the_rate_of_invscaling(self, batch):
        x, y = WINE
        options = {"solver": "sgd", "learning_rate": "invscaling", "power_t": 0.3, "batch_size": min(batch, len(x))}
        own, their = (small(kind, **options).fit(x, y) for kind in (MLPClassifier, TheirClassifier))
        for epochs in (5, 6, 7):
            assert own._optimizer.rate == pytest.approx(1e-3 / (epochs * len(x) + 1) ** 0.3)
            assert own._optimizer.rate == pytest.approx(their._optimizer.learning_rate)
            own.partial_fit(x, y)
            their.partial_fit(x, y)

    def test_the_rate_stays_for_an_epoch(self):
        rates = []

        class Seen(nn.SGD):
            def step(self):
                rates.append(self.rate)
                super().step()

        model = small(solver="sgd", learning_rate="invscaling", power_t=1, batch_size=89, max_iter=2)
        model.fit(*WINE)
        model._optimizer.__class__ = Seen
        model.partial_fit(*WINE)
        assert rates == [1e-3 / (2 * 178 + 1)] * 2

    @pytest.mark.parametrize("early_stopping", [False, True])
    @pytest.mark.parametrize("epochs", [4, 5, 9, 200])
    def test_the_adaptive_rate(self, epochs, early_stopping):
        options = {"solver": "sgd", "learning_rate": "adaptive", "tol": 1e9, "n_iter_no_change": 2, "max_iter": epochs}
        options["early_stopping"] = early_stopping
        own, their = (small(kind, **options).fit(*WINE) for kind in (MLPClassifier, TheirClassifier))
        assert own.n_iter_ == their.n_iter_
        assert own._optimizer.rate == pytest.approx(their._optimizer.learning_rate)

    def test_the_rate_of_others_is_constant(self):
        for solver in ("adam", nn.AdamW):
            model = small(solver=solver, learning_rate="invscaling").fit(*WINE)
            assert model._optimizer.rate == 1e-3

    def test_adams_options(self):
        model = small(beta_1=0.5, beta_2=0.9, epsilon=1e-3).fit(*WINE)._optimizer
        assert (model.beta1, model.beta2, model.eps) == (0.5, 0.9, 1e-3)


class TestLBFGS:
    @BOTH
    def test_it_learns_and_goes_on(self, estimator, data):
        x, y = data
        model = small(estimator, solver="lbfgs", warm_start=True).fit(x, y)
        first = model.loss_
        assert model.fit(x, y).loss_ < first
        assert len(model.loss_curve_) == 10
        assert model.model_._name is None
        assert not model.model_.training

    def test_labels_that_hold_together(self):
        x, y = make_multilabel_classification(100, 6, n_classes=3, random_state=0)
        x = StandardScaler().fit_transform(x)
        assert np.mean(small(solver="lbfgs", max_iter=100).fit(x, y).predict(x) == y) > 0.9

    def test_float32_is_learned_in_float32(self):
        model = small(solver="lbfgs").fit(WINE[0].astype(np.float32), WINE[1])
        assert {coef.dtype for coef in model.coefs_} == {np.dtype(np.float32)}

    @pytest.mark.parametrize("limit", [{"max_iter": 3}, {"max_fun": 3, "max_iter": 100}], ids=str)
    def test_limits_warn(self, limit):
        with pytest.warns(ConvergenceWarning, match=r"solver='lbfgs'\) has not converged: .*LIMIT.* Raise max_iter"):
            model = small(solver="lbfgs", **limit).fit(*WINE)
        assert model.n_iter_ <= 3

    def test_there_is_no_partial_fit(self):
        assert not hasattr(small(solver="lbfgs"), "partial_fit")
        with pytest.raises(AttributeError) as caught:
            small(solver="lbfgs").partial_fit(*WINE)
        assert "solver='adam' or 'sgd'" in str(caught.value.__cause__)

    def test_another_solver_may_go_on(self):
        model = small(solver="adam").fit(*WINE).set_params(solver="lbfgs").fit(*WINE)
        before = model.loss_
        model.set_params(solver="adam", learning_rate_init=0.01)
        for _ in range(20):
            model.partial_fit(*WINE)
        assert model.loss_ < before

    def test_a_network_of_ones_own(self):
        def network(sizes, rng):
            return nn.Sequential(nn.Linear(sizes[0], 5, rng=rng), nn.Tanh(), nn.Linear(5, sizes[-1], rng=rng))

        model = small(network=network, solver="lbfgs", max_iter=50).fit(*WINE)
        assert model.score(*WINE) > 0.95
        assert not hasattr(model, "coefs_")
        with pytest.raises(AttributeError, match="network= made a Sequential"):
            model.intercepts_

    def test_what_is_random_has_no_minimum(self):
        def network(sizes, rng):
            return nn.Sequential(nn.Dropout(0.5, rng=rng), nn.Linear(sizes[0], sizes[-1], rng=rng))

        with pytest.raises(ValueError, match="dropout"):
            small(network=network, solver="lbfgs").fit(*WINE)


class TestRefusals:
    @pytest.mark.parametrize("rate", ["invscaling", "adaptive"])
    def test_a_schedule_and_a_rule_for_the_rate(self, rate):
        with pytest.raises(ValueError, match=r"is a schedule\. Give a number, or leave learning_rate='constant'"):
            small(solver="sgd", learning_rate=rate, learning_rate_init=nn.schedules.constant(0.1)).fit(*WINE)

    @pytest.mark.parametrize(
        ("option", "value", "want"),
        [
            ("hidden_layer_sizes", (8, 0), "the widths"),
            ("hidden_layer_sizes", (2.5,), "the widths"),
            ("hidden_layer_sizes", "wide", "the widths"),
            ("solver", "newton", "'adam', 'sgd', 'lbfgs'"),
            ("learning_rate", "falling", "'constant', 'invscaling' or 'adaptive'"),
            ("learning_rate", 0.1, "'constant', 'invscaling' or 'adaptive'"),
            ("power_t", -1, "not negative"),
            ("beta_1", 1, "below 1"),
            ("beta_2", -0.1, "below 1"),
            ("epsilon", 0, "above 0"),
            ("max_fun", 0, "from 1 on"),
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
