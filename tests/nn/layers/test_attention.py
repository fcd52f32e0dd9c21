"""Multi-head attention: its formula, masks, large scores, derivatives, mistakes."""

import numpy as np
import pytest

import nn
from autograd_mini.testing import check_module

RNG = np.random.default_rng(0)
X, CONTEXT = RNG.standard_normal((2, 3, 4)), RNG.standard_normal((2, 5, 4))


def made(**options):
    return nn.MultiHeadAttention(4, heads=2, rng=0, dtype=float, **options)


def by_hand(layer, x, context, may=None):
    """One head after the other."""
    q, k, v = (of @ part.weights.data for part, of in ((layer.query, x), (layer.key, context), (layer.value, context)))
    parts = []
    for head in range(2):
        own = slice(2 * head, 2 * head + 2)
        scores = np.einsum("nqd,nkd->nqk", q[..., own], k[..., own]) / np.sqrt(2)
        shares = np.exp(scores) * (1 if may is None else may)
        shares /= shares.sum(-1, keepdims=True)
        parts.append(np.einsum("nqk,nkd->nqd", shares, v[..., own]))
    return np.concatenate(parts, -1) @ layer.out.weights.data


def test_reads_from_itself_or_from_a_context():
    layer = made()
    np.testing.assert_allclose(layer(X).data, by_hand(layer, X, X), rtol=1e-10)
    np.testing.assert_allclose(layer(X, CONTEXT).data, by_hand(layer, X, CONTEXT), rtol=1e-10)


def test_masks_keep_queries_from_keys():
    layer, known = made(), np.array([[True] * 5, [True, True, False, False, False]])
    may = np.broadcast_to(known[:, None, :], (2, 3, 5))
    np.testing.assert_allclose(layer(X, CONTEXT, mask=may).data, by_hand(layer, X, CONTEXT, may), rtol=1e-10)
    np.testing.assert_allclose(layer(X, CONTEXT, mask=known[:, None]).data, layer(X, CONTEXT, mask=may).data)


def test_causal_positions_do_not_see_later_ones():
    layer, changed = made(), X.copy()
    changed[:, 2] += 1
    before, after = layer(X, causal=True).data, layer(changed, causal=True).data
    np.testing.assert_array_equal(before[:, :2], after[:, :2])
    assert not np.allclose(before[:, 2], after[:, 2])
    np.testing.assert_allclose(before, by_hand(layer, X, X, np.tri(3)), rtol=1e-10)


def test_weights_are_shares():
    _, shares = made()(X, CONTEXT, weights=True)
    assert shares.shape == (2, 2, 3, 5)
    np.testing.assert_allclose(shares.data.sum(-1), 1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_scores_do_not_overflow(dtype):
    layer = nn.MultiHeadAttention(4, rng=0, dtype=dtype)
    x = (1e4 * X).astype(dtype)
    out = layer(x, causal=True)
    out.sum().backward()
    assert out.dtype == dtype
    assert np.all(np.isfinite(out.data))
    assert all(np.all(np.isfinite(parameter.grad)) for parameter in layer.parameters())


def test_dropout_is_for_training():
    layer = made(dropout=0.5)
    assert not np.array_equal(layer(X).data, layer(X).data)
    np.testing.assert_allclose(layer.eval()(X).data, by_hand(layer, X, X), rtol=1e-10)


def test_derivatives():
    check_module(nn.MultiHeadAttention(4, heads=2, rng=0), (2, 3, 4))


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: nn.MultiHeadAttention(4, heads=3), ValueError, "3 does not divide 4"),
        (lambda: nn.MultiHeadAttention(0), ValueError, "units must be"),
        (lambda: made()(X[0]), ValueError, "given queries of shape (3, 4)"),
        (lambda: made()(X, CONTEXT[:1]), ValueError, "given keys of shape (1, 5, 4)"),
        (lambda: made()(X, CONTEXT[:, :0]), ValueError, "given keys of shape (2, 0, 4)"),
        (lambda: made()(X, mask=np.ones((2, 3, 3))), TypeError, "mask of dtype float64"),
        (lambda: made()(X, mask=np.ones((2, 3, 2), bool)), ValueError, "mask of shape (2, 3, 2)"),
        (lambda: made()(X, mask=np.zeros((1, 3), bool)), ValueError, "leaves 6 queries without a key"),
    ],
)
def test_mistakes_say_what_to_write(call, error, says):
    with pytest.raises(error) as caught:
        call()
    assert says in str(caught.value)
