"""Many small things at once on Dask's workers: searches, seeds, and fuzzed derivatives, each as it would be here."""

import numpy as np
import pytest

import nn
from autograd_mini.testing import DerivativeError, check_derivatives

pytest.importorskip("distributed")
pytestmark = pytest.mark.extra

RNG = np.random.default_rng(0)
X = RNG.standard_normal((120, 4))
Y = (X[:, 0] * X[:, 1] > 0).astype(int)


def trained(seed, x, y):
    """The loss and the weights that a seed ends with."""
    model = nn.MLP([4, 8, 2], "tanh", rng=seed)
    history = nn.fit(model, nn.cross_entropy, (x, y), epochs=3, rng=seed, progress=False)
    return history["loss"][-1], [p.data for p in model.parameters()]


@pytest.mark.filterwarnings("ignore:MLPClassifier still improved")
def test_a_grid_search_finds_what_it_finds_here(client):
    joblib, selection = pytest.importorskip("joblib"), pytest.importorskip("sklearn.model_selection")
    from nn.estimators import MLPClassifier

    learner = MLPClassifier(max_iter=4, random_state=0)
    search = selection.GridSearchCV(learner, {"hidden_layer_sizes": [(), (8,)], "alpha": [1.0]}, cv=2)
    here = search.fit(X, Y).cv_results_["mean_test_score"]
    with joblib.parallel_config("dask", client=client):
        there = search.fit(X, Y).cv_results_["mean_test_score"]
    np.testing.assert_array_equal(there, here)


def test_many_seeds_end_at_the_bits_of_each_alone(client):
    x, y = client.scatter([X, Y], broadcast=True)
    for seed, (loss, weights) in enumerate(client.gather(client.map(trained, range(4), x=x, y=y))):
        expected, alone = trained(seed, X, Y)
        assert loss == expected
        assert all(np.array_equal(a, b) for a, b in zip(weights, alone, strict=True))


def fuzzed(seed, function=None):
    """What is wrong with the derivatives of random programs of this seed; None, if nothing is."""
    import warnings

    import hypothesis

    from autograd_mini.testing import programs

    # Dask draws random numbers in another thread meanwhile, which Hypothesis takes for the program's.
    warnings.simplefilter("ignore", hypothesis.errors.HypothesisDeprecationWarning)

    @hypothesis.seed(seed)
    @hypothesis.settings(max_examples=5, deadline=None, database=None, phases=[hypothesis.Phase.generate])
    @hypothesis.given(programs(function and [function], max_steps=4))
    def derivatives_are_right(program):
        check_derivatives(program, *program.inputs)

    try:
        derivatives_are_right()
    except DerivativeError as error:
        return str(error)
    return None


def fuzzed_with_a_mistake(seed):
    from autograd_mini import case, primitive, rule

    @primitive
    def tangent(x):
        return np.tanh(x)

    rule(tangent, lambda g, out, _x: g * (1 - out), cases=[case((2,))])
    return fuzzed(seed, tangent)


def test_derivatives_are_fuzzed_by_all_workers(client):
    assert client.gather(client.map(fuzzed, range(2))) == [None] * 2


def test_a_mistake_comes_back_with_its_program(client):
    assert "v1 = tangent(v0)" in client.submit(fuzzed_with_a_mistake, 0).result()
