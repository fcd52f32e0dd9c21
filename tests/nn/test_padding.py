"""Sequences of unequal length: an example's results and gradients are those it has alone, whatever it is padded to."""

import itertools

import numpy as np
import pytest

import nn
from autograd_mini import Tensor, no_grad, value_and_grad
from autograd_mini.testing import check_derivatives, check_module

LENGTHS = [3, 1, 5]
RNG = np.random.default_rng(0)
ALONE = [RNG.standard_normal((length, 4)) for length in LENGTHS]


def padded(extra, fill):
    x, _ = nn.pad_sequences(ALONE, fill=fill)
    return np.concatenate([x, np.full((3, extra, 4), fill)], axis=1)


class Mean(nn.Module):
    """Attention, and the mean of what it gives."""

    def __init__(self, causal=False, dropout=0.0):
        super().__init__()
        self.attention = nn.MultiHeadAttention(4, 2, dropout, rng=1, dtype=float)
        self.causal, self.pool = causal, nn.MeanOverTime()

    def forward(self, x, lengths=None):
        return self.pool(self.attention(x, lengths=lengths, causal=self.causal), lengths)


class Reads(nn.Module):
    """A recurrent layer: all states, and the last ones."""

    def __init__(self, kind, **options):
        super().__init__()
        self.layer = kind(4, 2, rng=1, dtype=float, **options)

    def forward(self, x, lengths=None):
        states, last = self.layer(x, lengths=lengths)
        last = last if isinstance(last, tuple) else (last,)
        tops = np.max(states, axis=1) if lengths is None else nn.MaxOverTime()(states, lengths)
        return np.concatenate([tops, *(np.reshape(part, (len(part), -1)) for part in last)], axis=1)


class Asks(nn.Module):
    """Fixed queries that read from the sequence."""

    def __init__(self):
        super().__init__()
        self.attention = nn.MultiHeadAttention(4, 2, rng=1, dtype=float)

    def forward(self, x, lengths=None):
        return self.attention(np.ones((len(x), 2, 4)), x, lengths=lengths)


class OfLengths(nn.Module):
    """A model of sequences whose lengths are these."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        return self.model(x, LENGTHS)


DEEP = {"layers": 3, "bidirectional": True}
MODELS = {
    **{f"{kind.__name__} {len(o)}": (lambda k=kind, o=o: Reads(k, **o)) for kind in (nn.RNN, nn.GRU, nn.LSTM)
       for o in ({}, DEEP)},
    "projection": lambda: Reads(nn.LSTM, projection=3, **DEEP),
    "attention": Mean,
    "causal": lambda: Mean(causal=True),
    "context": Asks,
    "mean": nn.MeanOverTime,
    "max": nn.MaxOverTime,
}  # fmt: skip
DROPPING = {
    "LSTM": lambda: Reads(nn.LSTM, dropout=0.4, **DEEP),
    "attention": lambda: Mean(dropout=0.4),
}


def results(model, x, *lengths):
    """The values for each example, and the gradients of a sum of them with weights."""
    x = Tensor(x, requires_grad=True)
    out = model(x, *lengths)
    np.sum(out * np.cos(np.arange(out.size)).reshape(out.shape)).backward()
    return out.data, x.grad, [p.grad for p in model.parameters()]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(("extra", "fill"), [(0, 0.0), (4, 0.0), (2, 1e300), (1, np.nan), (1, np.inf)])
def test_an_example_is_what_it_is_alone(name, extra, fill):
    model = MODELS[name]()
    out, gradient, gradients = results(model, padded(extra, fill), LENGTHS)
    rows = len(ALONE)
    weights = np.cos(np.arange(out.size)).reshape(out.shape)
    total = [np.zeros_like(g) for g in gradients]
    for i, x in enumerate(ALONE):
        model.zero_grad()
        one = Tensor(x[None], requires_grad=True)
        alone = model(one)
        np.sum(alone * weights[i : i + 1]).backward()
        np.testing.assert_allclose(out[i], alone.data[0], rtol=0, atol=1e-12)
        np.testing.assert_allclose(gradient[i, : len(x)], one.grad[0], rtol=0, atol=1e-12)
        np.testing.assert_array_equal(gradient[i, len(x) :], 0)
        total = [before + p.grad for before, p in zip(total, model.parameters(), strict=True)]
    assert len(out) == rows
    for found, right in zip(gradients, total, strict=True):
        np.testing.assert_allclose(found, right, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", DROPPING)
def test_in_training_the_same_is_dropped_whatever_the_padding(name):
    found = [results(DROPPING[name](), padded(extra, fill), LENGTHS) for extra, fill in ((0, 0.0), (5, np.nan))]
    for one, other in zip(found[0][2], found[1][2], strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=0, atol=1e-12)
    kept = DROPPING[name]().eval()(padded(0, 0.0), LENGTHS).data
    assert not np.allclose(kept, found[0][0])


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
def test_states_after_an_end_are_0_and_a_given_state_is_where_each_cell_begins(kind):
    layer = kind(4, 2, bidirectional=True, rng=1, dtype=float)
    begin = RNG.standard_normal((3, 2, 2))
    begin = (begin, begin + 1) if kind is nn.LSTM else begin
    states, _ = layer(padded(2, 0.0), begin, lengths=LENGTHS)
    assert states.shape == (3, 7, 4)
    for i, x in enumerate(ALONE):
        own = tuple(part[i : i + 1] for part in begin) if kind is nn.LSTM else begin[i : i + 1]
        alone, _ = layer(x[None], own)
        np.testing.assert_allclose(states.data[i, : len(x)], alone.data[0], rtol=0, atol=1e-12)
        np.testing.assert_array_equal(states.data[i, len(x) :], 0)


@pytest.mark.parametrize("model", [Reads(nn.GRU, bidirectional=True), Mean()])
def test_derivatives(model):
    check_module(OfLengths(model), padded(1, 0.5))


def test_pooling_has_second_derivatives_and_takes_whole_numbers():
    for pool in (nn.MeanOverTime(), nn.MaxOverTime()):
        check_derivatives(lambda x, pool=pool: pool(np.sin(x), LENGTHS), padded(1, 0.5))
        assert pool([[1, 9], [5, 6]], [1, 2]).tolist() in ([1.0, 5.5], [1, 6])
        assert pool(np.ones((2, 3, 4), np.float32), [1, 2]).dtype == np.float32


def test_the_largest_of_truth_values():
    assert nn.MaxOverTime()(np.array([[[False], [True]]]), [1]).tolist() == [[False]]


@pytest.mark.parametrize("name", DROPPING)
def test_lengths_of_sequences_that_are_all_as_long_change_no_bit(name):
    x = RNG.standard_normal((2, 3, 4))
    np.testing.assert_array_equal(DROPPING[name]()(x).data, DROPPING[name]()(x, [3, 3]).data)


def test_padding_costs_nothing_where_no_example_has_a_step():
    layer = nn.RNN(4, 2, rng=0, dtype=float)
    with no_grad():
        assert layer(np.zeros((1, 100_000, 4)), lengths=[2])[0].shape == (1, 100_000, 2)


class TestPadSequences:
    def test_to_the_longest_and_back(self):
        x, lengths = nn.pad_sequences(ALONE)
        assert (x.shape, lengths.tolist()) == ((3, 5, 4), LENGTHS)
        for row, length, alone in zip(x, lengths, ALONE, strict=True):
            np.testing.assert_array_equal(row[:length], alone)
            assert not row[length:].any()
        there = nn.sequence_mask(lengths)
        np.testing.assert_array_equal(x[there], np.concatenate(ALONE))
        assert nn.sequence_mask(lengths, 9).shape == (3, 9)

    def test_the_dtype_is_kept_and_common(self):
        assert nn.pad_sequences([np.ones(2, np.float32), np.ones(1, np.float32)], fill=np.nan)[0].dtype == np.float32
        assert nn.pad_sequences([np.ones(2, np.int8), np.ones(1)])[0].dtype == float

    @pytest.mark.parametrize(
        ("sequences", "options", "words"),
        [
            ([], {}, "no sequences"),
            ([[1], []], {}, r"sequence 1 one of shape \(0,\)"),
            ([3], {}, "sequence 0 a int"),
            ([[1], [[1]]], {}, r"shapes \(\) and, in sequence 1, \(1,\)"),
            ([[1]], {"fill": np.nan}, "fill=nan.*dtype int64"),
            ([[1]], {"fill": 0.5}, "fill=0.5.*dtype int64"),
            ([[True]], {"fill": -1}, "fill=-1.*dtype bool"),
            ([np.ones(1, np.uint8)], {"fill": -1}, "fill=-1.*dtype uint8"),
            ([Tensor([1.0], requires_grad=True)], {}, "history would be lost"),
        ],
    )
    def test_mistakes(self, sequences, options, words):
        with pytest.raises((ValueError, TypeError), match=words):
            nn.pad_sequences(sequences, **options)

    def test_mistakes_of_masks(self):
        for lengths, steps, words in (
            ([1.0], None, "given \\[1.0\\]"),
            ([-1], None, "given \\[-1\\]"),
            (3, None, "given 3"),
            ([[1]], None, "array of shape"),
            ([3], 2, "steps=2.*has 3"),
        ):
            with pytest.raises(ValueError, match=words):
                nn.sequence_mask(lengths, steps)


@pytest.mark.parametrize(
    "lengths", [[1, 2], [0, 1, 2], [1, 2, 6], [1.0, 2.0, 3.0], 3, np.ones((3, 1), int), [-1, 1, 1]]
)
def test_lengths_that_do_not_fit_are_refused_by_all_alike(lengths):
    x = np.ones((3, 5, 4))
    layers = (
        lambda: nn.LSTM(4, 2)(x, lengths=lengths),
        lambda: nn.MultiHeadAttention(4)(x, lengths=lengths),
        lambda: nn.MeanOverTime()(x, lengths),
    )
    for call in layers:
        with pytest.raises(ValueError, match=r"given lengths .* for an input of shape \(3, 5, 4\).*from 1 to 5"):
            call()


def test_sequences_without_steps_are_refused():
    for pool, shape in itertools.product((nn.MeanOverTime(), nn.MaxOverTime()), ((3,), (3, 0, 2))):
        with pytest.raises(ValueError, match=r"Give sequences of shape"):
            pool(np.ones(shape))


def test_a_mask_and_causal_reading_go_with_lengths():
    attention = nn.MultiHeadAttention(4, rng=0, dtype=float)
    own = np.eye(5, dtype=bool)
    _, weights = attention(padded(0, 0.0), lengths=LENGTHS, mask=own, weights=True)
    np.testing.assert_array_equal(weights.data[2, 0], np.eye(5))
    with pytest.raises(ValueError, match="without a key to read"):
        attention(padded(0, 0.0), lengths=LENGTHS, mask=np.tri(5, k=-1, dtype=bool))


def test_a_loss_is_the_same_with_value_and_grad_over_the_padded_array():
    pool = nn.MeanOverTime()
    for fill in (0.0, np.nan):
        value, gradient = value_and_grad(lambda x: np.sum(pool(x, LENGTHS) ** 2))(padded(0, fill))
        assert value > 0
        assert np.isfinite(gradient).all()
