"""What the tests of the cluster train: a network with all that has a state, on data that workers read."""

import numpy as np

import nn

PARTS = 4
EXAMPLES = 240


def network():
    return nn.Sequential(
        nn.Linear(8, 16, rng=0),
        nn.BatchNorm(16),
        nn.PReLU(),
        nn.Dropout(0.3),
        nn.Linear(16, 3, rng=1),
        nn.GaussianNoise(0.1),
    )


def examples():
    rng = np.random.default_rng(3)
    x = rng.standard_normal((EXAMPLES, 8))
    return x, (x[:, :3] ** 2).argmax(axis=1)


def shards():
    return nn.Shards.arrays(*examples(), shards=6)


def trained(cluster, model=None, data=None, **options):
    """The model, and the history, of a training with a small batch."""
    model = network() if model is None else model
    defaults = {"batch_size": 40, "epochs": 2, "progress": False}
    history = nn.fit(
        model, nn.cross_entropy, shards() if data is None else data, cluster=cluster, **{**defaults, **options}
    )
    return model, history


def bits(model, history):
    """All that a training ends with, as bytes."""
    arrays = {**model.state_dict(), **{f"history.{name}": values for name, values in history.items()}}
    return {name: np.asarray(array).tobytes() for name, array in arrays.items()}
