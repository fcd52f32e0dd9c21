"""What is said of inputs and targets is true: of drawn data with a fault it names that, and of others nothing."""

import re

import numpy as np
import pytest

import nn
from autograd_mini import Tensor, signals
from tests.nn.signals.faulty import Apply, rms
from tests.nn.signals.test_findings import NUMBER, value

ENDS = {  # the range of each, and a module that gives it
    "": (-np.inf, np.inf, None),
    "sigmoid": (0, 1, nn.Sigmoid),
    "sigmoid by hand": (0, 1, lambda: Apply(lambda s: 1 / (1 + np.exp(-s)))),
    "tanh": (-1, 1, nn.Tanh),
    "ReLU": (0, np.inf, nn.ReLU),
    "softplus by hand": (0, np.inf, lambda: Apply(lambda s: np.log(1 + np.exp(s)))),
    "exp": (0, np.inf, lambda: Apply(np.exp)),
    "scaled": (-np.inf, np.inf, lambda: Apply(lambda s: 1e3 * np.tanh(s) + 20)),  # its range is not told
}
LOSSES = {
    "squared": nn.squared_error,
    "absolute": nn.absolute_error,
    "huber": nn.huber_loss,
    "by hand": lambda out, y: np.mean((out - y) ** 2),
    "scaled": lambda out, y: np.mean((out - y / 400) ** 2),  # targets are not what it wants the outputs to be
    "masked": lambda out, y: np.nanmean((out - y) ** 2),
}
FAULTS = ["none", "NaN", "inf", "NaN in y", "large column", "small column", "made up for", "normalised", "rare", "both"]


class Drawn:
    """One network and its data."""

    def __init__(self, seed):
        rng = np.random.default_rng([11, seed])
        self.seed, self.fault = seed, FAULTS[seed % len(FAULTS)]
        refused = self.fault in {"NaN in y", "both"}  # by the losses of `nn`
        losses = [name for name, loss in LOSSES.items() if not (refused and loss.__module__.startswith("nn."))]
        self.end, self.loss = str(rng.choice(list(ENDS))), str(rng.choice(losses))
        n, features, outputs = (int(rng.integers(*ends)) for ends in ((12, 60), (3, 12), (1, 4)))
        sizes = [features, *[int(size) for size in rng.integers(8, 24, int(rng.integers(1, 4)))], outputs]
        layers = [*nn.MLP(sizes, str(rng.choice(["tanh", "relu"])), "glorot", rng=seed, dtype=np.float64)]
        made = ENDS[self.end][2]
        if made:
            layers.append(made())
        self.x = rng.standard_normal((n, features))
        centre, spread = [(0, 1), (0.5, 0.1), (150, 60), (0, 1e-4), (1e3, 1)][int(rng.integers(5))]
        self.y = rng.normal(centre, spread, (n, outputs))
        self.at = int(rng.integers(features))
        size = 10 ** rng.uniform(3, 5)
        if self.fault in {"NaN", "inf", "both"}:
            self.x[rng.random(self.x.shape) < 0.05] = np.inf if self.fault == "inf" else np.nan
        if self.fault in {"NaN in y", "both"}:
            self.y[rng.random(self.y.shape) < 0.2] = np.nan
        if self.fault in {"large column", "made up for", "normalised"}:
            self.x[:, self.at] *= size
        if self.fault == "small column":
            self.x[:, self.at] /= size
        if self.fault == "rare":
            self.x[:, self.at] = 0
            self.x[0, self.at] = 1e-4
        if self.fault == "made up for":
            layers[0].weights.data[self.at] /= size
        if self.fault == "normalised":
            layers.insert(0, nn.BatchNorm(features, dtype=np.float64))
        self.model = nn.Sequential(*layers)

    def said(self):
        with np.errstate(all="ignore"):
            return " ".join(nn.signals(self.model, LOSSES[self.loss], self.x, self.y).findings)

    def wrong(self, said):
        """What is said of the data and false, or not said and true."""
        return [*self.of_gaps(said), *self.of_columns(said), *self.of_targets(said)]

    def is_harmed(self):
        """Whether the loss or a gradient is not finite."""
        with np.errstate(all="ignore"):
            loss = LOSSES[self.loss](self.model(self.x), self.y)
            loss.backward()
        gradients = [parameter.grad for parameter in self.model.parameters()]
        self.model.zero_grad()
        return not all(np.isfinite(array).all() for array in (loss.data, *gradients))

    def of_gaps(self, said):
        for name, array in (("x", self.x), ("y", self.y)):
            missing = ~np.isfinite(array)
            entries = rf"{name} has (NaN|inf) in (\d+) of ([\d,]+) entries"
            told = re.findall(rf"{entries}, in (one|\d+) of (\d+) examples.*? {name}\[(\d+)\]", said)
            if bool(told) != (missing.any() and self.is_harmed()):
                yield "gap", name, told
            if told:
                rows = np.flatnonzero(missing.any(axis=1))
                wanted = "inf" if np.isinf(array).any() else "NaN"
                count = "one" if len(rows) == 1 else str(len(rows))
                numbers = wanted, str(missing.sum()), f"{array.size:,}", count, str(len(array)), str(rows[0])
                if told != [numbers]:
                    yield "counts", told, numbers

    def of_columns(self, said):
        told = re.findall(
            rf"largest entry is {NUMBER} in x\[:, (\d+)\] and {NUMBER} in x\[:, (\d+)\], the median one's {NUMBER}",
            said,
        )
        if bool(told) != (self.fault in {"large column", "small column"}):
            yield "columns", told
        for low, small, high, large, _ in told:
            sizes = np.abs(self.x).max(axis=0)
            if sizes.argmin() != int(small) or sizes.argmax() != int(large):
                yield "which columns", small, large
            if self.at not in {int(small), int(large)}:
                yield "another column", small, large, self.at
            if [value(low), value(high)] != pytest.approx([sizes.min(), sizes.max()], rel=0.06):
                yield "sizes", low, high

    def is_straight(self, out):
        """Whether all outputs lie where the last function is flat, or a line, so that nothing tells what it is."""
        if self.end == "ReLU":
            return bool(out.min() > 0)
        if self.end == "sigmoid by hand":
            return bool(out.min() < 1e-300 or np.max(out * (1 - out)) < 0.01)  # there exp(-s) is too large a number
        with np.errstate(all="ignore"):
            slopes = 1 - np.exp(-out)
        return self.end == "softplus by hand" and bool(np.all((slopes < 0.01) | (slopes > 0.99)))

    def of_targets(self, said):
        told = re.findall(rf"(?:The|all) targets lie between {NUMBER} and {NUMBER}", said)
        with np.errstate(all="ignore"):
            out = self.model(self.x).data
        known = np.isfinite(out).all() and np.isfinite(self.y).all() and self.loss != "scaled"
        low, high, _ = ENDS[self.end]
        outside = int(np.sum((self.y < low) | (self.y > high))) if known else 0
        if known and self.is_straight(out):
            outside = 0
        if ("The model ends in" in said) != (outside > 0):
            yield "ends", outside
        for number, of in re.findall(r"but (\d+) of (\d+) targets", said):
            if [int(number), int(of)] != [outside, self.y.size]:
                yield "outside", number, of, outside
        size, given = (rms(self.y), rms(out)) if known else (0, 0)
        far = known and not outside and (size > 10 * max(1, given) or (size < 0.01 and 10 * size < given))
        if ("Scale the targets, as" in said) != bool(far):
            yield "scale", size, given
        if far or outside:
            ends = [value(end) for end in told[0]] if told else []
            if ends != pytest.approx([self.y.min(), self.y.max()], rel=0.006):
                yield "targets", told
        for least, most in re.findall(rf"the outputs between {NUMBER} and {NUMBER}", said):
            if [value(least), value(most)] != pytest.approx([out.min(), out.max()], rel=0.006):
                yield "outputs", least, most


@pytest.fixture
def seeds(thorough):
    start = int(np.random.SeedSequence().entropy % 10**6) * len(FAULTS) if thorough else 0
    return range(start, start + (400 if thorough else 60))


def test_what_is_said_of_inputs_and_targets_is_true_and_nothing_is_left_out(seeds):
    cases = [Drawn(seed) for seed in seeds]
    wrong = [(case.seed, case.fault, case.end, case.loss, *what) for case in cases for what in case.wrong(case.said())]
    assert not wrong, wrong


def test_these_checks_can_fail():
    found = set()
    for seed in range(20):
        case = Drawn(seed)
        said = case.said()
        found.update(what[0] for what in case.wrong(""))
        found.update(what[0] for what in case.wrong(re.sub(r"(\d)(\d*) of ", r"1\1\2 of ", said)))
    assert found >= {"gap", "counts", "columns", "ends", "outside", "scale"}


# Losses and inputs of other kinds


X = np.random.default_rng(0).standard_normal((32, 5))
Y = 100 * np.random.default_rng(1).standard_normal((32, 1))


def said_of(model, loss, x, y):
    return " ".join(nn.signals(model, loss, x, y).findings)


def test_targets_that_no_output_shall_equal_are_not_compared_with_outputs():
    model = nn.Sequential(nn.Linear(5, 1, rng=0), nn.Sigmoid())
    counts = np.random.default_rng(2).integers(0, 90, (32, 1))

    def poisson(out, y):
        return np.mean(np.exp(out) - y * out)

    def fails_elsewhere(out, y):
        if np.max(out.data) > 1:
            raise ValueError("no probability")
        return np.mean((out - y / 100) ** 2)

    for loss in (poisson, fails_elsewhere):
        assert "targets" not in said_of(model, loss, X, counts)
    labels = np.random.default_rng(2).integers(0, 5, 32)
    assert "targets" not in said_of(nn.Linear(5, 5, rng=0), nn.cross_entropy, X, labels)
    assert "targets" not in said_of(model, nn.squared_error, X, (counts > 40) * 1.0)


def test_asking_what_the_loss_wants_changes_no_gradient_of_its_own():
    class Weighted(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(np.array([2.0]))

        def forward(self, out, y):
            return np.mean(self.weight * (out - y) ** 2)

    loss = Weighted()
    assert "The targets lie between" in said_of(nn.Linear(5, 1, rng=0), loss, X, Y)
    assert loss.weight.grad is None


def test_each_of_several_inputs_is_named():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(5, 1, rng=0)

        def forward(self, a, b):
            return self.layer(a) + np.mean(b)

    missing = np.where(np.arange(5) == 2, np.nan, X)
    assert "x[1] has NaN in 32 of 160 entries, in 32 of 32" in said_of(Two(), nn.squared_error, (X, missing), Y)


def test_a_computation_without_a_module_may_be_given_its_targets():
    w = Tensor(np.ones((5, 1)), requires_grad=True)
    output = np.tanh(Tensor(X) @ w)
    found = " ".join(signals(np.mean((output - Y) ** 2), outputs=[output], targets=Y).findings)
    outside = int(np.sum(np.abs(Y) > 1))
    assert f"The model ends in a tanh: what it gives lies between -1 and 1, but {outside} of 32 targets do not" in found


def test_a_signal_that_falls_at_an_output_out_of_reach_is_not_blamed_on_the_layers_before():
    layers = nn.Linear(5, 16, rng=0), nn.Tanh(), nn.Linear(16, 16, rng=1), nn.Tanh(), nn.Linear(16, 1, rng=2)
    seen = nn.signals(nn.Sequential(*layers, nn.Sigmoid()), nn.squared_error, X, Y + 300)
    assert "Most of it is layer 3 (Sequential.4)" in seen.findings[0]
    assert "The model ends in a sigmoid: what it gives lies between 0 and 1, but 32 of 32" in seen.findings[0]
    assert "tanh" not in seen.findings[0]
