"""Metrics beside scikit-learn's: top-k, F1, confusion matrices, any of theirs; and that they are of all examples."""

import numpy as np
import pytest
import sklearn.metrics as theirs

import nn
from autograd_mini import Tensor

RNG = np.random.default_rng(0)
SCORES, LABELS = RNG.standard_normal((40, 6)), RNG.integers(0, 5, 40)  # nothing is of class 5
ONE, TWO = RNG.standard_normal(40), RNG.integers(0, 2, 40)
CALLED = SCORES.argmax(axis=1)


class TestTopK:
    @pytest.mark.parametrize("k", [1, 2, 5])
    def test_as_scikit_learn(self, k):
        want = theirs.top_k_accuracy_score(LABELS, SCORES, k=k, labels=range(6))
        assert nn.top_k_accuracy(SCORES, LABELS, k=k) == pytest.approx(want, abs=1e-12)

    def test_ties_go_to_the_first_as_in_accuracy(self):
        scores = RNG.integers(0, 3, (50, 4)).astype(float)
        labels = RNG.integers(0, 4, 50)
        assert nn.top_k_accuracy(scores, labels, k=1) == nn.accuracy(scores, labels)

    def test_ignored_labels_tensors_and_sequences(self):
        labels = np.where(np.arange(40) % 3 == 0, -1, LABELS)
        want = nn.top_k_accuracy(SCORES[labels >= 0], labels[labels >= 0], k=2)
        scores = Tensor(SCORES.reshape(8, 5, 6))
        assert nn.top_k_accuracy(scores, labels.reshape(8, 5), k=2, ignore_index=-1) == want

    @pytest.mark.parametrize(
        ("scores", "labels", "k", "words"),
        [
            (SCORES, LABELS, 6, "k=6.*6 classes"),
            (ONE, TWO, 1, "k=1.*1 class:"),
            (SCORES, LABELS, 0, "k=0"),
            (SCORES, LABELS + 5, 2, "top_k_accuracy was given labels from 5"),
            (SCORES * np.nan, LABELS, 2, "NaN"),
        ],
    )
    def test_mistakes(self, scores, labels, k, words):
        with pytest.raises(ValueError, match=words):
            nn.top_k_accuracy(scores, labels, k=k)


class TestF1:
    @pytest.mark.parametrize("average", ["macro", "micro"])
    def test_of_several_classes_as_scikit_learn(self, average):
        for scores, labels in ((SCORES, LABELS), (SCORES[:6, [0, 3, 5]], np.zeros(6, int))):
            want = theirs.f1_score(labels, scores.argmax(axis=1), average=average, zero_division=0.0)
            assert nn.f1(scores, labels, average=average) == pytest.approx(want, abs=1e-12)

    def test_of_two_as_scikit_learn(self):
        want = theirs.f1_score(TWO, ONE > 0)
        for scores, labels in ((ONE, TWO), (ONE[:, None], 2 * TWO - 1), (np.stack([0 * ONE, ONE], axis=1), TWO)):
            assert nn.f1(scores, labels, average="binary") == pytest.approx(want, abs=1e-12)
        assert nn.f1([-1.0, -2.0], [0, 0], average="binary") == 0

    def test_mistakes(self):
        with pytest.raises(ValueError, match="average='samples'"):
            nn.f1(SCORES, LABELS, average="samples")
        with pytest.raises(ValueError, match="scores of 6 classes"):
            nn.f1(SCORES, LABELS, average="binary")
        with pytest.raises(ValueError, match="f1 was given 2 labels which are all ignored"):
            nn.f1([1.0, 2.0], [-1, -1], ignore_index=-1)


class TestConfusionMatrix:
    def test_as_scikit_learn(self):
        for scores, labels, called in ((SCORES, LABELS, CALLED), (ONE, TWO, ONE > 0)):
            want = theirs.confusion_matrix(labels, called, labels=range(6 if scores.ndim > 1 else 2))
            matrix = nn.confusion_matrix(scores, labels)
            np.testing.assert_array_equal(matrix, want)
            assert np.trace(matrix.counts) / len(labels) == nn.accuracy(scores, labels)

    def test_it_prints_a_table(self):
        scores = np.eye(3)[[0] * 12 + [1, 2]]
        told = str(nn.confusion_matrix(scores, [0] * 10 + [1] * 4, names=["a", "b", "ostrich"]))
        assert told.splitlines() == [
            "label    called  a  b  ostrich",
            "a               10  0        0",
            "b                2  1        1",
            "ostrich          0  0        0",
        ]
        assert repr(nn.confusion_matrix(ONE, TWO)).startswith("ConfusionMatrix(2 classes, ")

    def test_it_draws_the_counts_and_the_shares(self):
        matrix = nn.confusion_matrix(SCORES, LABELS, names=list("abcdef"))
        axes = matrix.plot().axes[0]
        assert [text.get_text() for text in axes.texts] == [str(count) for count in matrix.counts.ravel()]
        shares = axes.images[0].get_array()
        np.testing.assert_allclose(shares.sum(axis=1), [1, 1, 1, 1, 1, 0])
        assert [label.get_text() for label in axes.get_yticklabels()] == list("abcdef")

    def test_mistakes(self):
        with pytest.raises(ValueError, match="2 names for 6 classes"):
            nn.confusion_matrix(SCORES, LABELS, names=["a", "b"])
        with pytest.raises(TypeError, match=r"metric confusion_matrix returned ConfusionMatrix\(6 classes"):
            nn.evaluate(nn.Linear(6, 6), nn.cross_entropy, (SCORES, LABELS), metrics=[nn.confusion_matrix])


class TestTheirs:
    @pytest.mark.parametrize(
        ("metric", "options"),
        [
            (theirs.f1_score, {"average": "weighted"}),
            (theirs.matthews_corrcoef, {}),
            (theirs.cohen_kappa_score, {"weights": "linear"}),
            (theirs.jaccard_score, {"average": "micro"}),
        ],
    )
    def test_of_classes(self, metric, options):
        ours = nn.sklearn_metric(metric, **options)
        want = metric(LABELS, CALLED, **options)
        assert ours(SCORES, LABELS) == want
        assert ours(Tensor(SCORES.reshape(8, 5, 6)), LABELS.reshape(8, 5)) == want
        assert ours.__name__ == metric.__name__

    def test_of_probabilities_and_of_outputs_as_they_are(self):
        sure = nn.probabilities(ONE).data
        for metric in (theirs.roc_auc_score, theirs.average_precision_score, theirs.log_loss, theirs.brier_score_loss):
            ours = nn.sklearn_metric(metric, outputs=nn.probabilities)
            assert ours(ONE[:, None], TWO) == pytest.approx(metric(TWO, sure), abs=1e-12)
        many = nn.sklearn_metric(theirs.roc_auc_score, outputs=nn.probabilities, multi_class="ovr", labels=range(5))
        want = theirs.roc_auc_score(LABELS, nn.probabilities(SCORES[:, :5]).data, multi_class="ovr", labels=range(5))
        assert many(SCORES[:, :5], LABELS) == want
        ours = nn.sklearn_metric(theirs.r2_score, outputs=None)
        assert ours(ONE, TWO) == theirs.r2_score(TWO, ONE)

    def test_labels_of_the_lecture(self):
        ours = nn.sklearn_metric(theirs.f1_score)
        assert ours(ONE, 2 * TWO - 1) == ours(ONE[:, None], TWO) == theirs.f1_score(TWO, ONE > 0)

    def test_mistakes(self):
        for arguments, options in ((("f1",), {}), ((theirs.f1_score,), {"outputs": "classes"})):
            with pytest.raises(TypeError, match="sklearn_metric was given '"):
                nn.sklearn_metric(*arguments, **options)


METRICS = {
    "f1": nn.f1,
    "r2": lambda s, y: nn.r2(s.max(axis=1), y),
    "kappa": nn.sklearn_metric(theirs.cohen_kappa_score),
    "top": nn.top_k_accuracy,
    "count": lambda s, _y: len(s),
}


def trained(metrics=METRICS, rate=1e-300, **options):
    model = nn.Linear(6, 6, rng=0, dtype=float)
    model.weights.data[:], model.bias.data[:] = np.eye(6), 0
    sgd = nn.SGD(model.parameters(), rate)
    options = {"epochs": 1, "batch_size": 3, "validation": (SCORES, LABELS), "metrics": metrics} | options
    return model, nn.fit(model, nn.cross_entropy, (SCORES, LABELS), optimizer=sgd, **options)


def test_over_an_epoch_they_are_those_of_all_examples():
    model, history = trained()
    found = nn.evaluate(model, nn.cross_entropy, (SCORES, LABELS), metrics=METRICS, batch_size=7)
    for name, metric in METRICS.items():
        want = metric(SCORES, LABELS)
        for got in (history[name][0], history[f"val_{name}"][0], found[name]):
            assert got == pytest.approx(want, abs=1e-12), name
    assert list(history)[1:6] == list(METRICS)


def test_a_training_that_goes_on_within_an_epoch_has_the_same_metrics_to_the_bit(tmp_path):
    path = tmp_path / "run.safetensors"

    def broken(run):
        if run.step == 20:
            raise KeyboardInterrupt

    class Breaking:
        on_step = staticmethod(broken)

    options = {"rate": 0.3, "epochs": 2, "checkpoint": path, "checkpoint_every": 4}
    _, whole = trained(**options)
    path.unlink()
    with pytest.raises(KeyboardInterrupt):
        trained(**options, callbacks=[Breaking()])
    assert trained(**options, resume=True)[1] == whole


class Several(nn.Linear):
    """Outputs that are a dict with a tuple in it."""

    def forward(self, x):
        return {"scores": super().forward(x), "inputs": (x, 2 * x)}


def test_so_has_one_of_several_outputs(tmp_path):
    path = tmp_path / "run.safetensors"

    def train(stop=None, **options):
        model = Several(6, 6, rng=0)
        metrics = {"f1": lambda out, y: nn.f1(out["scores"], y) + float(np.mean(out["inputs"][1]))}
        loss = lambda out, y: nn.cross_entropy(out["scores"], y)

        class Stops:
            def on_step(self, run):
                if run.step == stop:
                    raise KeyboardInterrupt

        return nn.fit(
            model, loss, (SCORES, LABELS), batch_size=3, epochs=1, metrics=metrics, checkpoint=path,
            checkpoint_every=5, callbacks=[Stops()], **options,
        )  # fmt: skip

    whole = train()
    path.unlink()
    with pytest.raises(KeyboardInterrupt):
        train(stop=12)
    assert train(resume=True) == whole


@pytest.mark.parametrize("name", ["f1", "top_k_accuracy", "f1_score", "val_balanced_accuracy_score"])
def test_stopping_early_knows_of_which_more_is_better(name):
    stopping = nn.EarlyStopping(monitor=name)
    history = nn.History()
    for value in (0.1, 0.5, 0.3):
        history.append({name: value})
        stopping.improved(history)
    assert stopping.best == 0.5
