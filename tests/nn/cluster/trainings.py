"""What the tests of the cluster train: a network with all that has a state, on data that workers read; and workers in
this process."""

import copy

import numpy as np

import nn
from nn.cluster.engine import opened
from nn.cluster.worker import Worker

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


class Several:
    """An engine of several workers in this process, each with a copy of everything."""

    def __init__(self, workers, keep=2):
        self.workers, self.keep, self.jobs = workers, keep, []

    def start(self, task, makers):
        self.hands = [Worker(copy.deepcopy(task), dict(enumerate(makers)), self.keep) for _ in range(self.workers)]

    def run(self, method, common, jobs, shared):
        done = []
        for i, hand in enumerate(self.hands):
            mine = jobs[i :: self.workers]
            self.jobs += [(method, i)] * bool(mine)
            done += [opened(copy.deepcopy(hand.call(method, copy.deepcopy(common), mine)))] if mine else []
        return done[::-1]

    def stop(self):
        self.hands = []
