"""The bits of a training depend on the seed, the data and the parts, and not on the workers."""

import numpy as np
import pytest

import nn
from benchmarks.cluster import train
from examples.processes import Processes
from tests.nn.cluster.trainings import PARTS, bits, examples, network, trained

pytest.importorskip("distributed")
pytestmark = pytest.mark.extra


def two(parameters):
    first, *others = parameters
    return nn.Optimizers(nn.SGD([first], 0.1), nn.Adam(others, 0.01))


OPTIMIZERS = {
    "momentum": lambda parameters: nn.SGD(parameters, 0.1, momentum=0.9),
    "AdaGrad": lambda parameters: nn.AdaGrad(parameters, 0.1),
    "RMSprop": lambda parameters: nn.RMSprop(parameters, 0.01),
    "Adam": lambda parameters: nn.Adam(parameters, 0.01),
    "AdamW": lambda parameters: nn.AdamW(parameters, nn.schedules.cosine(0.01, 12)),
    "two": two,
}


def columns():
    """Data that lies in memory by columns."""
    x, y = examples()
    return np.asfortranarray(x), y


def searched(method, **options):
    """A search of second order over all the data."""
    x, _ = examples()
    data = (x, np.tanh(x[:, :1]))
    data = (nn.Shards.arrays(*data, shards=7),) if options else data
    model = nn.MLP([8, 4, 1], "tanh", rng=0)
    return nn.minimize(model, nn.squared_error, *data, method=method, options={"maxiter": 3}, **options)


def ends(cluster):
    """Where each training ends, and what is measured and predicted."""
    found = {name: bits(*trained(cluster, optimizer=make, epochs=1)) for name, make in OPTIMIZERS.items()}
    options = {"validation": columns(), "metrics": [nn.accuracy, nn.f1], "clip_norm": 0.5}
    model, history = trained(cluster, network().astype(np.float32), columns(), accumulate=2, **options)
    found["float32"] = bits(model, history)
    found["wide"] = {name: array.tobytes() for name, array in train(cluster, 1).items()}
    found["evaluate"] = nn.evaluate(model, nn.cross_entropy, columns(), metrics=[nn.accuracy], cluster=cluster)
    found["predict"] = nn.predict(model, columns()[0], cluster=cluster).tobytes()
    for method in ("L-BFGS-B", "Newton-CG"):
        found[method] = searched(method, cluster=cluster).x.tobytes()
    found["sync_every"] = bits(*trained(nn.Cluster(cluster.client, parts=PARTS, sync_every=3)))
    return found


def test_the_same_bits_here_and_on_one_two_and_three_workers():
    from distributed import Client

    alone = ends(nn.Cluster(None, parts=PARTS))
    with Processes(workers=0) as processes, Client(processes.address, set_as_default=False) as client:
        for count in (1, 2, 3):
            processes.start_worker()
            client.wait_for_workers(count, timeout=120)
            found = ends(nn.Cluster(client, parts=PARTS))
            assert [name for name in alone if found[name] != alone[name]] == [], f"{count} workers"


def test_arrays_of_a_message_are_computed_with_as_any_others():
    from nn.cluster.weights import aligned

    values = np.random.default_rng(0).standard_normal((128, 128))
    message = np.empty(values.nbytes + 1, np.uint8)
    at_an_odd_byte = message[1:].view(np.float64).reshape(values.shape)
    at_an_odd_byte[...] = values
    found = aligned({"sums": [(at_an_odd_byte, None)], "count": 3})
    assert found["sums"][0][0].flags.aligned
    assert np.array_equal(found["sums"][0][0], values)
    assert found["sums"][0][1] is None


@pytest.mark.parametrize("method", ["L-BFGS-B", "Newton-CG"])
def test_a_search_over_shards_ends_where_one_over_arrays_does(method):
    alone, shards = searched(method), searched(method, cluster=nn.Cluster(None, parts=PARTS))
    np.testing.assert_allclose(shards.x, alone.x, rtol=0, atol=1e-10)
