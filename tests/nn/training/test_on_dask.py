"""Training and asking a model with Dask's arrays: lazy where one computes, numbers where they are asked for."""

import numpy as np
import pytest

import nn
from autograd_mini import devices

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")

RNG = np.random.default_rng(0)
X, LABELS = RNG.standard_normal((64, 4)), RNG.integers(0, 3, 64)
LAZY = da.from_array(X, chunks=(16, 4)), da.from_array(LABELS, chunks=16)
OPTIMIZERS = {
    "SGD": lambda p: nn.SGD(p, 0.1, momentum=0.9),
    "RMSProp": lambda p: nn.RMSprop(p, 0.01),
    "Adam": lambda p: nn.Adam(p, 0.01),
    "a schedule": lambda p: nn.Adam(p, nn.schedules.cosine(0.1, steps=10)),
}
CLIPS = {
    "norm": lambda model: nn.clip_norm(model, 0.1),
    "value": lambda model: nn.clip_value(model, 0.01),
    "each": lambda model: nn.normalise_gradients(model, 0.1),
}


def network(device="cpu"):
    return nn.MLP([4, 8, 3], "relu", rng=0).astype(float).to_device(device)


def host(values):
    """Numbers, computed if they are not yet."""
    return [np.asarray(value) for value in dask.compute(*values)]


def assert_equal(found, wanted):
    for ours, numpys in zip(host(found), host(wanted), strict=True):
        np.testing.assert_allclose(ours, numpys, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_with_lazy_gradients_are_tasks_until_the_parameters_are_computed(name):
    def trained(x, y):
        model = network()
        optimizer = OPTIMIZERS[name](model.parameters())
        for _ in range(2):
            optimizer.zero_grad()
            nn.cross_entropy(model(x), y).backward()
            optimizer.step()
        return [parameter.data for parameter in model.parameters()]

    lazy = trained(*LAZY)
    assert {devices.device_of(array) for array in lazy} == {"dask"}
    assert_equal(lazy, trained(X, LABELS))


@pytest.mark.parametrize("name", CLIPS)
def test_lazy_gradients_are_clipped_as_those_of_the_host(name):
    def clipped(x, y):
        model = network()
        nn.cross_entropy(model(x), y).backward()
        before = CLIPS[name](model)
        return [*(p.grad for p in model.parameters()), *(before if isinstance(before, list) else [before])]

    assert_equal(clipped(*LAZY), clipped(X, LABELS))


@pytest.mark.parametrize("name", CLIPS)
def test_a_lazy_gradient_that_is_not_finite_raises_when_it_is_computed(name):
    w = nn.Parameter(np.ones(3))
    w.grad = devices.to_device(np.array([1.0, np.nan, 2.0]), "dask")
    CLIPS[name]([w])
    with pytest.raises(ValueError, match=r"gradient of 'parameter 0' \(shape \(3,\)\) holds 1 entries"):
        w.grad.compute()


@pytest.mark.parametrize("data", [(X, LABELS), LAZY], ids=["numpy", "dask"])
def test_a_model_on_dask_is_trained_as_on_the_host(data):
    options = {"epochs": 1, "batch_size": 32, "metrics": [nn.accuracy], "validation": data}
    model, twin = network(), network("dask")
    wanted = nn.fit(model, nn.cross_entropy, (X, LABELS), optimizer=nn.Adam(model.parameters(), 0.01), **options)
    found = nn.fit(twin, nn.cross_entropy, data, optimizer=nn.Adam(twin.parameters(), 0.01), **options)
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        np.testing.assert_allclose(found[name], wanted[name], rtol=1e-9)
    assert twin.device == "dask"
    assert_equal([p.data for p in twin.parameters()], [p.data for p in model.parameters()])


def test_lazy_data_of_a_model_on_the_host_is_read_block_by_block():
    def trained(data, **options):
        model = network()
        optimizer = nn.Adam(model.parameters(), 0.01)
        history = nn.fit(model, nn.cross_entropy, data, optimizer=optimizer, epochs=2, batch_size=16, **options)
        return [history["loss"], *model.state_dict().values()]

    blocks = []

    def seen(block):
        blocks.append(len(block))
        return block

    lazy = LAZY[0].map_blocks(seen, dtype=float, meta=np.empty((0, 4))), LAZY[1]
    found = trained(lazy, validation=LAZY)
    assert set(blocks) == {16}
    for ours, wanted in zip(found, trained(nn.Shards.dask(*LAZY)), strict=True):
        np.testing.assert_array_equal(ours, wanted)
    for ours, wanted in zip(found, trained(LAZY, cluster=nn.Cluster(None)), strict=True):
        np.testing.assert_array_equal(ours, wanted)


@pytest.mark.parametrize("device", ["cpu", "dask"])
def test_a_model_is_evaluated_on_lazy_data(device):
    scores = [
        nn.evaluate(network(at), nn.cross_entropy, data, metrics=[nn.accuracy])
        for at, data in ((device, LAZY), ("cpu", (X, LABELS)))
    ]
    assert scores[0] == pytest.approx(scores[1])


def test_predictions_for_lazy_inputs_are_lazy():
    outputs = nn.predict(network(), LAZY[0])
    assert devices.device_of(outputs) == "dask"
    assert_equal([outputs], [nn.predict(network(), X)])
