"""Batches of sequences of unequal length: padding, buckets, losses and metrics that count what is there."""

import itertools

import numpy as np
import pytest
from sklearn.metrics import f1_score

import nn
from autograd_mini import Tensor, no_grad

RNG = np.random.default_rng(0)
STEPS = RNG.integers(1, 9, 23)
SEQUENCES = [RNG.standard_normal((n, 3)) for n in STEPS]
TAGS = [RNG.integers(0, 3, n) for n in STEPS]
VALUES = [RNG.standard_normal((n, 2)) for n in STEPS]


class Tagger(nn.Module):
    """An output for each step."""

    def __init__(self, width=3):
        super().__init__()
        self.reads = nn.GRU(3, 4, bidirectional=True, rng=0, dtype=float)
        self.scores = nn.Linear(8, width, rng=1, dtype=float)

    def forward(self, x, lengths):
        return self.scores(self.reads(x, lengths=lengths)[0])


def loader(*parts, **options):
    options = {"batch_size": 5, "collate": nn.data.padded()} | options
    return nn.DataLoader(*parts, **options)


def alone(model):
    """The outputs for each example by itself."""
    with no_grad():
        return [model(x[None], [len(x)]).data[0] for x in SEQUENCES]


class TestPadded:
    def test_a_batch_is_padded_to_its_longest(self):
        batches = list(loader(SEQUENCES, TAGS))
        for i, (x, lengths, y) in enumerate(batches):
            some = slice(5 * i, 5 * i + 5)
            assert lengths.tolist() == STEPS[some].tolist()
            assert x.shape == (len(lengths), lengths.max(), 3)
            there = nn.sequence_mask(lengths)
            np.testing.assert_array_equal(x[there], np.concatenate(SEQUENCES[some]))
            np.testing.assert_array_equal(y[there], np.concatenate(TAGS[some]))
            assert (y[~there] == -1).all()
            assert not x[~there].any()

    def test_targets_that_are_numbers_have_nan_and_one_for_each_example_is_put_side_by_side(self):
        weights = RNG.random(23)
        for x, lengths, y, w in loader(SEQUENCES, VALUES, weights):
            assert np.isnan(y[~nn.sequence_mask(lengths, x.shape[1])]).all()
            assert w.shape == lengths.shape

    def test_what_stands_there_can_be_said(self):
        (x, _, y) = next(iter(loader(SEQUENCES, TAGS, collate=nn.data.padded(fill=(9.0, -100)), batch_size=23)))
        assert x.max() == 9
        assert y.min() == -100

    def test_all_kinds_of_sources(self):
        pairs = list(zip(SEQUENCES, TAGS, strict=True))
        want = list(loader(SEQUENCES, TAGS))
        for source in (pairs, lambda: iter(pairs)):
            for one, other in zip(want, loader(source), strict=True):
                for a, b in zip(one, other, strict=True):
                    np.testing.assert_array_equal(a, b)
        x, y = np.arange(12).reshape(6, 2), np.arange(6)
        (batch,) = loader(x, y, batch_size=6)
        np.testing.assert_array_equal(batch[0], x)
        np.testing.assert_array_equal(batch[1], 2)

    def test_a_collate_of_one_s_own_and_a_transform(self):
        total = lambda examples: np.array([len(x) for x, _ in examples])
        batches = list(loader(SEQUENCES, TAGS, collate=total, transform=lambda _rng, batch: batch[0] + 1))
        np.testing.assert_array_equal(np.concatenate([b[0] for b in batches]), STEPS + 1)

    @pytest.mark.parametrize(
        ("sources", "options", "words"),
        [
            (([[1, 2], [1]], [[1, 1], [1, 1, 1]]), {}, "part 1 of example 1 one of 3 steps beside 1"),
            (([[1, 2], [1]], [3, [1]]), {}, "part 1 of example 0 one of no steps"),
            (([[1], []],), {}, "sequence 1 one of shape"),
            (([[1]], [[1]]), {"collate": nn.data.padded(fill=(1, 2, 3))}, r"has 3 numbers for examples of 2 parts"),
            (([[1], [1, 2]], [np.ones(1, np.uint8), np.ones(2, np.uint8)]), {}, "dtype uint8.*no room for -1"),
            (([[1], [1, 2]], [[1]]), {}, r"lengths \[2, 1\]"),
            (([[1]],), {"collate": "pad"}, "collate='pad'"),
            (([[1]],), {"collate": nn.data.padded}, r"such as `nn.data.padded\(\)`"),
            (([[1], [1, 2]],), {"collate": lambda _examples: (np.ones(1), np.ones(2))}, "lengths \\[1, 2\\]"),
        ],
    )
    def test_mistakes(self, sources, options, words):
        with pytest.raises((ValueError, TypeError), match=words):
            list(loader(*sources, **options))

    def test_what_cannot_be_stacked_is_told_about_padding(self):
        with pytest.raises(ValueError, match=r"collate=nn.data.padded\(\)"):
            list(nn.DataLoader([np.ones(2), np.ones(3)], batch_size=2))


class TestBuckets:
    def test_all_examples_come_once_in_batches_of_like_length(self):
        plain, grouped = (
            loader(SEQUENCES, np.arange(23), shuffle=True, rng=0, group_by_length=g) for g in (False, True)
        )
        waste = [sum(x.shape[1] * len(x) for x, _, _ in made) - STEPS.sum() for made in (plain, grouped)]
        assert waste[1] < waste[0] / 2
        assert sorted(np.concatenate([i for _, _, i in grouped]).tolist()) == list(range(23))
        longest = [x.shape[1] for x, _, _ in grouped]
        assert longest != sorted(longest)

    def test_the_seed_decides_and_each_epoch_has_an_order_of_its_own(self):
        def order(made):
            return [i.tolist() for _, _, i in made]

        made, again, other = (
            loader(SEQUENCES, np.arange(23), shuffle=True, rng=rng, group_by_length=True) for rng in (0, 0, 1)
        )
        first, second = order(made), order(made)
        assert order(again) == first
        assert order(other) != first != second

    def test_it_goes_on_from_a_checkpoint(self):
        made = loader(SEQUENCES, np.arange(23), shuffle=True, rng=0, group_by_length=True)
        whole = [i.tolist() for _, _, i in made.from_start()]
        for _ in itertools.islice(made, 2):
            pass
        again = loader(SEQUENCES, np.arange(23), shuffle=True, group_by_length=True)
        again.load_state_dict(made.state_dict())
        assert [i.tolist() for _, _, i in again] == whole[2:]
        with pytest.raises(ValueError, match="group_by_length was True and is None"):
            loader(SEQUENCES, np.arange(23), shuffle=True).load_state_dict(made.state_dict())

    def test_the_smaller_batch_that_is_dropped_is_not_always_the_longest(self):
        made = loader(SEQUENCES, np.arange(23), shuffle=True, rng=0, group_by_length=True, drop_last=True)
        seen = set()
        for _ in range(12):
            batches = [i for _, _, i in made]
            assert [len(i) for i in batches] == [5] * 4
            seen |= set(np.concatenate(batches).tolist())
        assert len(seen) == 23

    def test_lengths_can_be_given_and_without_shuffling_the_shortest_come_first(self):
        made = loader(SEQUENCES, group_by_length=STEPS)
        lengths = np.concatenate([lengths for _, lengths in made])
        np.testing.assert_array_equal(lengths, np.sort(STEPS))

    def test_predict_keeps_the_order_of_the_data(self):
        model = Tagger()
        out = nn.predict(model, loader(SEQUENCES, shuffle=True, group_by_length=True))
        for row, own in zip(out, alone(model), strict=True):
            np.testing.assert_allclose(row[: len(own)], own, rtol=0, atol=1e-12)

    @pytest.mark.parametrize(
        ("source", "given", "words"),
        [
            (SEQUENCES, [1, 2], r"shape \(2,\) for 23 examples"),
            (SEQUENCES, np.ones(23), "float64"),
            (SEQUENCES, 3, "given 3 for 23"),
            ([1, 2], True, "first part is a int, which has no length"),
            (lambda: iter(SEQUENCES), True, "given a stream"),
        ],
    )
    def test_mistakes(self, source, given, words):
        with pytest.raises(ValueError, match=words):
            loader(source, group_by_length=given)


LOSSES = {
    "squared": (nn.squared_error, VALUES, 2),
    "absolute": (nn.absolute_error, VALUES, 2),
    "huber": (nn.huber_loss, VALUES, 2),
    "cosine": (nn.cosine_distance, VALUES, 2),
    "cross": (nn.cross_entropy, TAGS, 3),
    "hinge": (nn.hinge_loss, TAGS, 3),
    "logistic": (nn.logistic_loss, [np.abs(np.sin(v)) for v in VALUES], 2),
    "shares": (nn.kl_divergence, [np.exp(v) / np.exp(v).sum(axis=-1, keepdims=True) for v in VALUES], 2),
    "weighted": (lambda s, y: nn.cross_entropy(s, y, class_weights=[1, 2, 3]), TAGS, 3),
    "own": (lambda s, y: np.mean(np.abs(s - y) ** 3), VALUES, 2),
    "two": (lambda s, y: nn.squared_error(s, y) + nn.absolute_error(s, y), VALUES, 2),
}


class TestUnpadded:
    @pytest.mark.parametrize("name", LOSSES)
    @pytest.mark.parametrize("batch_size", [1, 5, 23])
    def test_evaluate_is_the_loss_of_all_steps_whatever_the_batches(self, name, batch_size):
        loss, targets, width = LOSSES[name]
        model = Tagger(width)
        want = loss(Tensor(np.concatenate(alone(model))), np.concatenate(targets)).item()
        for grouped in (False, True):
            data = loader(SEQUENCES, targets, batch_size=batch_size, shuffle=True, rng=0, group_by_length=grouped)
            assert abs(nn.evaluate(model, nn.unpadded(loss), data)["loss"] - want) < 1e-12 * max(1, abs(want))

    @pytest.mark.parametrize("name", ["squared", "cosine", "cross", "weighted", "own"])
    def test_accumulated_gradients_are_those_of_one_batch(self, name):
        loss, targets, width = LOSSES[name]
        found = []
        for size, accumulate in ((23, 1), (4, 6)):
            model = Tagger(width)
            data = loader(SEQUENCES, targets, batch_size=size)
            sgd = nn.SGD(model.parameters(), 1.0)
            nn.fit(model, nn.unpadded(loss), data, optimizer=sgd, epochs=1, accumulate=accumulate)
            found.append([p.data for p in model.parameters()])
        for one, other in zip(*found, strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-12)

    @pytest.mark.parametrize("name", ["squared", "cross"])
    def test_the_gradient_is_that_of_each_example_alone(self, name):
        loss, targets, width = LOSSES[name]
        model = Tagger(width)
        for x, lengths, y in loader(SEQUENCES, targets, batch_size=23):
            nn.unpadded(loss)(model(x, lengths), y).backward()
        whole = [p.grad for p in model.parameters()]
        model.zero_grad()
        for x, y in zip(SEQUENCES, targets, strict=True):
            (loss(model(x[None], [len(x)])[0], y) * (len(x) / STEPS.sum())).backward()
        for p, g in zip(model.parameters(), whole, strict=True):
            np.testing.assert_allclose(p.grad, g, rtol=0, atol=1e-12)

    def test_weights_of_examples(self):
        weights = RNG.random(23)
        model = Tagger()
        ours = nn.evaluate(model, nn.unpadded(nn.cross_entropy), loader(SEQUENCES, TAGS, weights), sample_weight=True)
        each = [nn.cross_entropy(s, y, reduction="none") for s, y in zip(alone(model), TAGS, strict=True)]
        want = sum(w * np.sum(e) for w, e in zip(weights, each, strict=True)) / np.sum(weights * STEPS)
        assert abs(ours["loss"] - want) < 1e-12

    def test_the_losses_one_by_one(self):
        loss = nn.unpadded(nn.cross_entropy)
        losses = loss(np.zeros((2, 2, 3)), [[0, 1], [2, -1]], reduction="none")
        np.testing.assert_allclose(losses, np.log(3) * np.array([[1, 1], [1, 0]]))

    def test_targets_without_steps_are_given_on(self):
        assert nn.unpadded(nn.accuracy)([[1.0, 2.0]], [1]) == 1

    @pytest.mark.parametrize("collate", [nn.data.padded(), nn.data.padded(fill=(0, -100))])
    def test_metrics_are_those_of_all_steps(self, collate):
        ignored = -1 if collate.fill is None else -100
        model = Tagger()
        metrics = {
            "hits": nn.unpadded(nn.accuracy, ignore_index=ignored),
            "own": lambda s, y: nn.accuracy(s, y, ignore_index=ignored),
            "f1": nn.unpadded(nn.f1, ignore_index=ignored),
            "theirs": nn.unpadded(nn.sklearn_metric(f1_score, average="macro"), ignore_index=ignored),
        }
        loss = nn.unpadded(nn.cross_entropy, ignore_index=ignored)
        data = loader(SEQUENCES, TAGS, collate=collate)
        scores, labels = np.concatenate(alone(model)), np.concatenate(TAGS)
        hits, macro = nn.accuracy(scores, labels), f1_score(labels, scores.argmax(axis=1), average="macro")
        want = {"hits": hits, "own": hits, "f1": macro, "theirs": macro}
        found = nn.evaluate(model, loss, data, metrics=metrics)
        still = nn.SGD(model.parameters(), 1e-300)
        history = nn.fit(model, loss, data, metrics=metrics, optimizer=still, epochs=1, validation=data)
        for name, value in want.items():
            for got in (found[name], history[name][0], history[f"val_{name}"][0]):
                assert abs(got - value) < 1e-12, name

    def test_what_stands_for_padding_is_not_guessed(self):
        data = loader(SEQUENCES, TAGS, collate=lambda some: nn.data.padded()(some))
        with pytest.raises(ValueError, match=r"not known what stands for padding. Write `nn.unpadded\(accuracy\)`"):
            nn.evaluate(Tagger(), nn.unpadded(nn.cross_entropy), data, metrics=[nn.accuracy])
        assert nn.evaluate(Tagger(), nn.unpadded(nn.cross_entropy), data, metrics=[nn.unpadded(nn.accuracy)])

    def test_padding_that_is_forgotten_is_refused(self):
        for loss, targets, width, words in (
            (nn.squared_error, VALUES, 2, "not finite"),
            (nn.cross_entropy, TAGS, 3, "labels from -1"),
        ):
            with pytest.raises(ValueError, match=words):
                nn.evaluate(Tagger(width), loss, loader(SEQUENCES, targets))

    def test_a_loss_that_is_not_finite_is_not_blamed_on_padding(self):
        model = Tagger(2)
        model.scores.weights.data[0, 0] = np.inf
        with pytest.raises(FloatingPointError, match=r"parameter scores\.weights"), np.errstate(all="ignore"):
            nn.fit(model, nn.unpadded(nn.squared_error), loader(SEQUENCES, VALUES), epochs=1)

    @pytest.mark.parametrize(
        ("outputs", "targets", "words"),
        [
            (np.ones((2, 3)), [[1.0, 2.0], [1.0, 2.0]], r"outputs of shape \(2, 3\) and targets of shape \(2, 2\)"),
            ((1, 2), [[1.0]], "outputs that are a tuple"),
            (np.ones((1, 3)), [[1.0, np.nan, 2.0]], "step 1 of example 0 is NaN and a later one is not"),
            (np.ones((1, 2)), [[np.nan, np.nan]], "padding alone"),
            (np.ones((1, 1, 2)), [[[np.nan, 1.0]]], "not finite"),
        ],
    )
    def test_mistakes(self, outputs, targets, words):
        with pytest.raises(ValueError, match=words):
            nn.unpadded(nn.squared_error)(outputs, targets)

    def test_mistakes_of_arguments(self):
        with pytest.raises(TypeError, match="unpadded\\(3\\)"):
            nn.unpadded(3)
        with pytest.raises(TypeError, match="ignore_index=None"):
            nn.unpadded(nn.accuracy, ignore_index=None)
