"""Advice that is followed to the letter does what it says: drawn networks, changed by the sentences alone."""

import itertools
import re

import numpy as np
import pytest

import nn
from tests.nn.signals.faulty import GAINS, Apply, Case, truth
from tests.nn.signals.test_findings import NUMBER, close, value

LAYERS = r"(layers? [\d, toand]+?)"
GIVE = rf"Give the weights of {LAYERS} a standard deviation of [\d.e+-]+ instead of [\d.e+-]+ \({NUMBER} times (\w+)\)"
MAKE = rf"Make the weights {NUMBER} times (\w+) in {LAYERS}(?:,|:)"
FURTHER = rf"make those of {LAYERS} {NUMBER}(?: to {NUMBER})? times (\w+)"


def numbers(names):
    """The numbers in `layers 1 to 3, 5 and 7`."""
    runs = re.findall(r"(\d+)(?: to (\d+))?", names)
    return [number for first, last in runs for number in range(int(first), int(last or first) + 1)]


def factors(said):
    """How many times larger which layer's weights are to be made."""
    asked = [(layers, size, way) for layers, size, way in re.findall(GIVE, said)]
    asked += [(layers, size, way) for size, way, layers in re.findall(MAKE, said)]
    asked += [(layers, size, way) for layers, size, _, way in re.findall(FURTHER, said)]
    return {
        number: value(size) ** (1 if way == "larger" else -1) for names, size, way in asked for number in numbers(names)
    }


def change(seen):
    return seen.layers[0].g.rms / seen.layers[-1].g.rms


class Wrong:
    """A network of which all weights are too small or too large, its widths alike or not."""

    def __init__(self, seed):
        rng = np.random.default_rng([3, seed])
        act, depth = str(rng.choice(["tanh", "relu", "prelu", "leaky_relu"])), int(rng.integers(4, 20))
        widths = rng.choice([16, 24, 32, 48], depth + 1) if rng.random() < 0.5 else np.full(depth + 1, 24)
        widths[-1] = rng.integers(2, 11)
        self.size = rng.uniform(2, 12) if rng.random() < 0.5 else rng.uniform(0.1, 0.5)
        self.std = float(self.size / np.sqrt(np.mean(widths)))
        self.model = nn.MLP(widths.tolist(), act, nn.init.small_random(self.std), rng=seed)
        self.batch = rng.standard_normal((48, widths[0])), rng.integers(0, widths[-1], 48)
        glorot = [self.std * np.sqrt((a + b) / 2) for a, b in itertools.pairwise(widths)]
        self.as_wrong = {i for i, one in enumerate(glorot, 1) if 0.8 < one / np.median(glorot) < 1.25}

    def seen(self):
        return nn.signals(self.model, nn.cross_entropy, *self.batch)


@pytest.fixture
def wrong_nets(thorough):
    start = int(np.random.SeedSequence().entropy % 10**6) if thorough else 0
    return [Wrong(seed) for seed in range(start, start + (240 if thorough else 24))]


def test_weights_that_are_all_as_wrong_are_all_named_and_the_advice_holds_the_signal(wrong_nets):
    failed, advised = [], 0
    for net in wrong_nets:
        seen = net.seen()
        asked = factors(seen.findings[0])
        if not asked:
            assert "is steady" in seen.findings[0] or net.size > 0.2, seen.findings[0]
            continue
        advised += 1
        assert net.as_wrong <= asked.keys(), (net.as_wrong - asked.keys(), seen.findings[0])
        assert all((factor > 1) == (net.size < 1) for factor in asked.values()), seen.findings[0]
        for number, factor in asked.items():
            net.model[2 * (number - 1)].weights.data *= np.float32(factor)
        if not 0.1 < change(net.seen()) < 10:
            failed.append((change(seen), change(net.seen()), seen.findings[0]))
    assert advised > 0.8 * len(wrong_nets)
    assert len(failed) <= max(1, advised // 15), failed


def test_an_output_layer_that_is_as_wrong_is_named_and_one_that_is_right_is_not():
    x, y = np.random.default_rng(0).standard_normal((64, 16)), np.random.default_rng(1).integers(0, 4, 64)
    model = nn.MLP([16] * 6 + [4], "tanh", nn.init.small_random(3.0), rng=0)
    assert set(factors(nn.signals(model, nn.cross_entropy, x, y).findings[0])) == {1, 2, 3, 4, 5, 6}
    model[10].weights.data /= np.float32(10)
    first, *others = nn.signals(model, nn.cross_entropy, x, y).findings
    assert "ends about as it began" in first
    (told,) = (sentence for sentence in others if "is saturated" in sentence)
    assert set(factors(told)) == {1, 2, 3, 4, 5}


# Layers that differ alike


class Apart:
    """A network of which some layers are so many times too large, and some others too small."""

    def __init__(self, seed):
        rng = np.random.default_rng([5, seed])
        act, depth, width = str(rng.choice(["relu", "prelu", "leaky_relu"])), int(rng.integers(14, 24)), 48
        sizes = [width] * depth + [4]
        weights = [GAINS[act] * rng.standard_normal((a, b)) / np.sqrt(a) for a, b in itertools.pairwise(sizes)]
        chosen = [int(number) for number in rng.permutation(np.arange(2, depth))]
        few, more = int(rng.integers(2, 5)), int(rng.integers(0, 3))
        self.large, self.small = sorted(chosen[:few]), sorted(chosen[few : few + more])
        self.factor = float(rng.uniform(60, 300))
        for number in self.large:
            weights[number - 1] *= self.factor
        for number in self.small:
            weights[number - 1] /= self.factor
        x, y = rng.standard_normal((40, width)), rng.integers(0, 4, 40)
        acts, biases = [act] * (depth - 1) + [""], [np.zeros(b) for b in sizes[1:]]
        self.case = Case(seed, "none", 0, weights, biases, acts, x, y, nn.cross_entropy)


@pytest.fixture
def nets_apart(thorough):
    start = int(np.random.SeedSequence().entropy % 10**6) if thorough else 0
    return [Apart(seed) for seed in range(start, start + (120 if thorough else 12))]


def test_layers_that_differ_alike_stand_in_one_sentence_with_their_numbers(nets_apart):
    for net in nets_apart:
        case = net.case
        said = " ".join(nn.signals(case.model(), case.loss, case.x, case.y).findings)
        gains = np.array(truth(case).gains)
        for group in (net.large, net.small):
            if len(group) < 2:
                continue
            names = f"ayers {', '.join(map(str, group[:-1]))} and {group[-1]}"
            runs = re.findall(rf"(l?ayers? [\d, toand]+) stand out: each makes it ×{NUMBER}(?: to ×{NUMBER})?", said)
            told = [one for one in runs if numbers(one[0]) == group]
            together = re.search(rf"[Ll]{names[:1]}", said) and "stand out; others have" in said
            assert told or together, (group, said)
            for _, low, high in told:
                ends = gains[np.array(group) - 1]
                assert close(value(low), ends.min()), (said, ends)
                assert close(value(high or low), ends.max()), (said, ends)
        assert len(re.findall("stands? out", said)) <= 1 + bool(net.small), said
        usual = np.median(gains)
        for others in re.findall(rf"where others have ×{NUMBER}\. It is", said):
            assert close(value(others), usual)


# Layers that are no chain, and what lies between


def by_hand(s):
    return 1 / (1 + np.exp(-s))


class Gated(nn.Module):
    """A unit and its gate from one product, by hand."""

    def __init__(self, width, seed):
        super().__init__()
        self.width, self.layer = width, nn.Linear(width, 2 * width, rng=seed)

    def forward(self, x):
        z = self.layer(x)
        return z[:, : self.width] * by_hand(z[:, self.width :])


X, Y = np.random.default_rng(0).standard_normal((32, 16)), np.random.default_rng(1).integers(0, 4, 32)


def said_of(*layers, x=X):
    return nn.signals(nn.Sequential(*layers), nn.cross_entropy, x, Y).findings


def test_operations_of_a_gate_are_named_where_they_are_counted_and_no_activation_is_praised_for_them():
    first = said_of(*[Gated(16, seed) for seed in range(6)], nn.Linear(16, 4, rng=9))[0]
    assert "What lies between activation and weights" in first
    assert "Look at what lies between weights and activation: getitem, exp, divide and multiply." in first
    assert "slope of the activation" not in first


def test_an_activation_by_hand_counts_as_one():
    layers = [part for seed in range(8) for part in (nn.Linear(16, 16, rng=seed), Apply(by_hand))]
    first = said_of(*layers, nn.Linear(16, 4, rng=9))[0]
    assert "The slope of the activation" in first
    assert "The slopes of the activation (exp, add, divide) are small here" in first
    assert "lies between" not in first


IMAGES = np.random.default_rng(2).standard_normal((32, 1, 16, 16)).astype(np.float32)


def pooled(*norm):
    """Sigmoids and pooling, and what is before the sigmoids."""
    parts, channels = [], 1
    for seed in range(3):
        convolution = nn.Conv2d(channels, 8, 3, padding=1, rng=seed)
        parts += [convolution, *(one(8) for one in norm), nn.Sigmoid(), nn.MaxPool2d(2)]
        channels = 8
    return said_of(*parts, nn.Flatten(), nn.Linear(32, 4, rng=9), x=IMAGES)[0]


def test_a_pooling_is_found_after_the_activation_and_named_by_its_module_beside_the_remedy_of_the_slope():
    first = pooled()
    assert "The slope of the activation (×0.37 a layer) and what lies between activation and weights" in first
    assert "The slopes of sigmoid are small here" in first
    assert "Look at what lies after the activation: largest (Sequential.5 and Sequential.8)." in first
    assert "between weights and activation" not in first


def test_a_normalisation_takes_nothing_from_the_remedy_of_the_slope():
    first = pooled(nn.BatchNorm)
    assert "The slope of the activation" in first
    assert "The slopes of sigmoid are small here" in first
    assert "Look at" not in first


def test_a_normalisation_is_found_before_the_activation():
    layers = [part for seed in range(6) for part in (nn.Linear(16, 16, rng=seed), nn.BatchNorm(16), nn.Sigmoid())]
    second = said_of(*layers, nn.Linear(16, 4, rng=9), x=30 * X)[1]
    assert second.endswith("Look at what lies between weights and activation: standardise (Sequential.1).")


class Attending(nn.Module):
    def __init__(self, std):
        super().__init__()
        self.first, self.second = (nn.MultiHeadAttention(16, 4, rng=seed) for seed in range(2))
        self.out = nn.Linear(16, 4, rng=2)
        rng = np.random.default_rng(3)
        for name, parameter in self.named_parameters():
            if name.endswith("weights") and not name.startswith("out"):
                parameter.data = rng.normal(0, std, parameter.shape).astype(np.float32)

    def forward(self, x):
        return self.out(np.mean(self.second(self.first(x)), axis=1))


def test_weights_of_attention_that_are_too_large_or_too_small_are_blamed_by_theory():
    x = np.random.default_rng(0).standard_normal((32, 10, 16))
    for std, way in ((3, "smaller"), (0.02, "larger")):
        first = said_of(Attending(std), x=x)[0]
        assert set(factors(first)) == set(range(1, 9)), first
        assert f"times {way}" in first
        assert f"instead of {std}" in first
    flat = said_of(Attending(30), x=x)[0]
    assert re.search(
        "exactly zero .*? softmax is flat nearly everywhere: whatever signal arrives, next to nothing", flat
    )
    assert set(factors(flat)) == set(range(1, 9)), flat
    assert factors(said_of(Attending(0.25), x=x)[0]) == {}


def test_layers_with_equal_weights_are_told_beside_those_that_are_copies():
    model = nn.MLP([16] * 5 + [4], "tanh", rng=0)
    for at in (0, 2):
        model[at].weights.data[:] = 0.1
    said = said_of(*model, x=X)
    assert any("The units of layer 1 (Sequential.0) are identical copies" in sentence for sentence in said)
    assert any("The units of layer 2 (Sequential.2) all have the same weights and give the same" in one for one in said)
    assert "standard deviation of 0 " not in " ".join(said)
    model[2].bias.data[:] = np.arange(16)
    assert "give the same results" not in " ".join(said_of(*model, x=X))


def test_a_saturated_layer_that_a_signal_passes_is_not_blamed_for_losing_it():
    said = said_of(*nn.MLP([16] * 8 + [4], "tanh", nn.init.small_random(3.0), rng=0))
    (told,) = (sentence for sentence in said if "is saturated" in sentence)
    number, by_itself, whole = re.search(
        rf"ayer (\d+) .*?by itself makes the signal ×{NUMBER}; the whole layer makes it ×{NUMBER}\.", told
    ).groups()
    layer = nn.signals(nn.MLP([16] * 8 + [4], "tanh", nn.init.small_random(3.0), rng=0), nn.cross_entropy, X, Y).layers[
        int(number) - 1
    ]
    assert close(value(by_itself), layer.slope * layer.alignment)
    assert close(value(whole), layer.gain)


def test_a_narrow_output_layer_is_no_fault(thorough):
    for seed in range(200 if thorough else 12):
        rng = np.random.default_rng([9, seed])
        width, depth, units = int(rng.integers(60, 200)), int(rng.integers(2, 12)), int(rng.integers(1, 4))
        act, init = [("tanh", "glorot"), ("relu", "he"), ("prelu", "he"), ("tanh", "orthogonal")][seed % 4]
        model = nn.MLP([width] * depth + [units], act, init, rng=seed)
        x, y = rng.standard_normal((40, width)), rng.standard_normal((40, units))
        first, *others = nn.signals(model, nn.squared_error, x, y).findings
        assert not factors(" ".join([first, *others])), first
        assert "stand" not in " ".join([first, *others]), others
        for number, gain, of, inputs in re.findall(
            rf"Most of it is layer (\d+) \S+ \(×{NUMBER}\): it spreads the signal of (\d+) units? over (\d+) inputs",
            first,
        ):
            layer = nn.signals(model, nn.squared_error, x, y).layers[-1]
            assert [int(number), int(of), int(inputs)] == [depth, units, width]
            assert close(value(gain), layer.gain)


def test_output_weights_that_are_far_too_small_are_blamed_in_two_layers():
    x, y = np.random.default_rng(0).standard_normal((32, 16)), np.random.default_rng(1).integers(0, 3, 32)
    model = nn.MLP([16, 8, 3], "tanh", rng=0)
    model[2].weights.data *= np.float32(1e-3)
    first = nn.signals(model, nn.cross_entropy, x, y).findings[0]
    (factor,) = factors(first).values()
    assert list(factors(first)) == [2]
    size = np.std(model[2].weights.data) * np.sqrt((8 + 3) / 2)
    assert close(size * factor, 1)
