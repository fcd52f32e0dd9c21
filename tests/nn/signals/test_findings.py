"""Findings are true: of drawn networks with a known fault each names it, and each number in it is that of formulas."""

import itertools
import re

import numpy as np
import pytest

import nn
from autograd_mini import Tensor, signals
from autograd_mini.words import RAISED, in_words
from tests.nn.signals.faulty import KINDS, STEPS, Apply, drawn, rms, truth

LOWERED = {raised: chr(plain) for plain, raised in zip(RAISED, map(chr, RAISED.values()), strict=True)}
NUMBER = r"(-?[\d,.]*\d(?: × 10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?|10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)"
ENDS = rf"from {NUMBER} at layer (\d+) .*? to {NUMBER} at layer (\d+)"
BLAMED = {
    "small weights": "the size of the weights",
    "large weights": "the size of the weights",
    "a small layer": "It is the size of the weights",
    "a large layer": "It is the size of the weights",
    "dead units": "Dead units",
    "a dead layer": "slope 0",
    "a step": "a step",
    "equal weights": "identical copies",
    "equal units": "identical copies of others",
    "zero weights": "All weights of layer",
    "frozen": "Frozen",
    "detached": "is detached on its way",
    "unused": "no recorded operation reads them",
    "squashed": "of that again",
    "dropout": "A dropout sets",
    "not finite": "whose results are not finite",
    "saturated": "is saturated",
    "rounding": "rounds it to 0",
}


def value(words):
    """The number that words mean."""
    total = 1.0
    for part in words.replace(",", "").split(" × "):
        power = "".join(LOWERED.get(letter, "") for letter in part)
        total *= 10.0 ** int(power) if power else float(part)
    return total


def seen_of(case):
    values = [a.astype(case.dtype) if a.dtype.kind == "f" else a for a in (case.x, case.y)]
    with np.errstate(all="ignore"):
        return nn.signals(case.model(), case.loss, *values)


def close(said, true, rel=0.06):
    return said == pytest.approx(true, rel=rel)


class Checker:
    """Holds what is said of one network to what is true of it; layers that the loss does not reach have no number."""

    def __init__(self, case, said):
        self.case, self.said, self.wrong = case, said, []
        with np.errstate(all="ignore"):
            self.truth = truth(case)
        skipped = set(range(1, case.cut + 1)) | {case.frozen}
        self.layers = [i for i in range(1, case.depth + 1) if i not in skipped]

    def index(self, number):
        """The place of a layer among all, from the number that it has among those that have one."""
        return self.layers[int(number) - 1] - 1

    def expect(self, holds, sentence, *more):
        if not holds:
            self.wrong.append((sentence, *more))

    def all(self, pattern):
        return [match for sentence in self.said for match in re.findall(pattern, sentence)]

    def check(self):
        for check in (self.ends, self.gains, self.units, self.kinds_of_fault, self.cures):
            check()
        return self.wrong

    def ends(self):
        g = [rms(array) for array in self.truth.g]
        if self.case.frozen:  # what is behind a layer, up to the next that learns, is its result
            g[self.case.frozen - 2] = g[self.case.frozen - 1]
        for way, decades, top, _, bottom, _ in self.all(
            rf"The signal, rms\(g\), (falls|grows) by ([\d.]+) decades?, {ENDS}"
        ):
            first, last = g[self.index(1)], g[-1]
            self.expect(close(value(top), last) and close(value(bottom), first), "ends", first, last)
            self.expect((way == "falls") == (first < last), "way")
            if first / last > 1e-15:  # what cancels is rounding
                self.expect(abs(float(decades) - abs(np.log10(first / last))) < 0.51, "decades", first / last)
        for most, top, bottom in self.all(
            rf"is steady within a factor of {NUMBER}: from {NUMBER} at layer \d+ .*? to {NUMBER} at layer 1 "
        ):
            first, last = g[self.index(1)], g[-1]
            sizes = [g[self.index(number)] for number in range(1, len(self.layers) + 1)]
            self.expect(close(value(most), max(sizes) / min(sizes)), "within", most, sizes)
            self.expect(close(value(top), last) and close(value(bottom), first), "steady ends", first, last)
            self.expect(0.1 < first / last < 10, "steady", first / last)
        for each, _, every in self.all(rf"\): ×{NUMBER} a layer \((halved|doubled) every ([\d.]+) layers\)"):
            true = (g[self.index(1)] / g[-1]) ** (1 / (len(self.layers) - 1))
            self.expect(close(value(each), true), "a layer", true)
            self.expect(abs(float(every) - np.log(2) / abs(np.log(true))) < 0.06, "every", every, true)

    def gains(self):
        t, w = self.truth, self.case.weights
        if self.case.frozen:
            return  # its factor belongs to the layer before it
        scale = [np.linalg.norm(weights) / np.sqrt(len(weights)) for weights in w]
        rest = [t.gains[i] for i in map(self.index, range(1, len(self.layers) + 1))]
        logs = np.log(rest[1:]) if min(rest) > 0 else np.zeros(0)
        alike = abs(logs - np.median(logs)) < np.log(1.25) if logs.size else logs
        for sentence in self.said:
            if "All layers do it alike" in sentence:
                self.expect(all(alike), "alike", rest)
            if "Nearly all layers do it alike" in sentence:
                self.expect(np.mean(alike) > 0.8, "nearly alike", rest)
            if "unevenly" in sentence:
                self.expect(np.mean(alike) <= 0.8, "unevenly", rest)
        for number, gain in self.all(rf"layer (\d+) \(\S+\) most of all \(×{NUMBER}\)"):
            true = t.gains[self.index(number)]
            self.expect(close(value(gain), true), "most of all", true)
            self.expect(true in {min(rest[1:]), max(rest[1:])}, "most", rest)
        for number, gain, usual in self.all(rf"ayer (\d+) \(\S+\) stands out: ×{NUMBER} where others have ×{NUMBER}"):
            self.expect(close(value(gain), t.gains[self.index(number)]), "stands out", gain)
            self.expect(close(value(usual), np.median(rest)), "others", usual, np.median(rest))
        for number, size, usual in self.all(
            rf"ayer (\d+) \(\S+\) stands out:.*?It is the size of the weights \(×{NUMBER} where others have ×{NUMBER}"
        ):
            self.expect(close(value(size), scale[self.index(number)]), "scale", size)
            self.expect(close(value(usual), np.median([scale[i - 1] for i in self.layers])), "usual scale", usual)
        for size in self.all(rf"size of the weights \(×{NUMBER} a layer\)"):
            lost = int((self.all(r"exactly zero from layer (\d+)") or [1])[0])
            true = np.exp(np.mean([np.log(scale[i - 1]) for i in self.layers[lost:]]))
            self.expect(close(value(size), true), "typical scale", size, true)
        for number, most in self.all(r"ayer (\d+) \(\S+\) is saturated: (\d+)% of the slopes"):
            true = [np.mean(np.abs(slopes) < 0.05) for slopes in t.slopes]
            at = self.index(number)
            self.expect(abs(true[at] - int(most) / 100) < 0.02, "saturated", most, true[at])
            self.expect(self.case.acts[at] in {"tanh", "sigmoid"} or self.case.end == "sigmoid", "flat", number)

    def units(self):
        t = self.truth
        dead = [np.mean(np.all(slopes == 0, axis=0)) for slopes in t.slopes]
        for sentence in self.said:
            if "Dead units" in sentence:
                for share, number in re.findall(r"(\d+)% of layer (\d+)", sentence.partition("have slope 0")[0]):
                    self.expect(abs(dead[self.index(number)] - int(share) / 100) < 0.0051, "dead", share, number)
        for number in self.all(r"All units of layer (\d+) \(\S+\) have slope 0"):
            self.expect(dead[self.index(number)] == 1, "all dead", number)
        for text, count, number in self.all(
            r"((\d+) of \d+ units|The units) of layer (\d+) \(\S+\) are identical copies"
        ):
            self.expect(self.copies(self.index(number)) == int(count or self.width(number)), "copies", text)
        for first, last in self.all(r"The units of layers (\d+) (?:to|and) (\d+) are identical copies"):
            for number in range(int(first), int(last) + 1):
                self.expect(self.copies(self.index(number)) == self.width(number), "all copies", number)

    def width(self, number):
        return self.case.weights[self.index(number)].shape[1]

    def copies(self, at):
        """Units with the same weights, and the same gradient of them."""
        w, b, change = self.case.weights[at], self.case.biases[at], self.truth.gradients[at]
        size = np.abs(change).max(initial=0)
        same = [
            [
                j != k
                and np.array_equal(w[:, j], w[:, k])
                and b[j] == b[k]
                and np.all(np.abs(change[:, j] - change[:, k]) <= 1e-4 * size)
                for k in range(w.shape[1])
            ]
            for j in range(w.shape[1])
        ]
        return int(np.any(same, axis=1).sum())

    def kinds_of_fault(self):
        t, case = self.truth, self.case
        for number in self.all(r"exactly zero from layer (\d+) \(\S+\) on"):
            if case.dtype == np.float64:
                zero = [rms(array) == 0 for array in t.delta]
                self.expect(zero == [i < int(number) for i in range(case.depth)], "zero", number)
        for nothing in self.all(r"the weights of (\d+) of \d+ layers get no gradient"):
            if case.dtype == np.float64:
                still = sum(not t.gradients[i - 1].any() for i in self.layers)
                self.expect(still == int(nothing), "nothing", nothing)
        for number, name in self.all(r"At layer (\d+) \(\S+\) it meets (\w+), a step"):
            self.expect(case.acts[self.index(number)] == name in STEPS, "step", name)
        for number in self.all(r"All weights of layer (\d+) \(\S+\) are 0"):
            self.expect(not case.weights[self.index(number)].any(), "zero weights", number)
        for by, own, most in self.all(
            r"ends in a (\w+), and the loss takes a (\w+) of that again.*?(?:above|and) (\d+)%"
        ):
            classes = case.weights[-1].shape[1]
            self.expect(by == case.end and (own == "sigmoid") == (case.loss is nn.logistic_loss), "squashed", by, own)
            best = np.e / (np.e + (classes - 1 if own == "softmax" else 1))
            self.expect(abs(best - int(most) / 100) < 0.0051, "share", most)
        for share, number, factor in self.all(
            rf"sets (\d+)% of the results of layer (\d+) \(\S+\) to 0 and .*? {NUMBER} times"
        ):
            true = case.masks.get(self.index(number) + 1, 0)
            self.expect(abs(true - int(share) / 100) < 1e-6 and close(value(factor), 1 / (1 - true)), "dropout", share)
        for number in self.all(r"the first layer whose results are not finite is layer (\d+)"):
            first = next(i for i, array in enumerate(t.scores) if not np.isfinite(array).all())
            self.expect(self.index(number) == first, "not finite", number)
        for name, wanted in (
            ("Frozen", case.frozen),
            ("is detached on", case.cut),
            ("no recorded", case.kind == "unused"),
        ):
            self.expect(any(name in sentence for sentence in self.said) == bool(wanted), name)

    def cures(self):
        """What is said to hold by theory, held to the theory; what is said of biases, computed."""
        t, w = self.truth, self.case.weights
        for number, share in self.all(
            r"(?:Dead units: \d+% of|All units of) layer (\d+) \(\S+\) .*?biases of 0, (\d+)% of its units"
        ):
            at = self.index(number)
            true = np.mean(np.all(t.scores[at] - self.case.biases[at] <= 0, axis=0))
            self.expect(abs(true - int(share) / 100) < 0.0051, "biases", share, true)
        for new, old in self.all(
            r"standard deviation of ([\d.e-]+) instead of ([\d.e-]+) .*?: by the theory .*? the signal"
        ):
            self.expect(any(close(float(old), np.std(weights), 0.2) for weights in w), "old", old)
            factor = float(new) / float(old)
            each = np.median([t.gains[i - 1] for i in self.layers[1:]])
            scale = np.median([np.linalg.norm(a) / np.sqrt(len(a)) for a in w])
            self.expect(close(factor * each, 1, 0.5) or close(factor * scale, 1, 0.5), "holds", factor, each, scale)
        free = [np.std(a) * np.sqrt(sum(a.shape) / 2) for a in w]
        given = r"of layers? (\d+).*? a standard deviation of ([\d.e-]+) instead of ([\d.e-]+)"
        for number, new, old in self.all(rf"{given} .*? scores are then about as large"):
            size = float(new) / float(old) * free[self.index(number)]
            self.expect(close(size, 1, 0.5), "scores", number, size)


def told(case, said):
    """Whether the fault is named, at its layer."""
    text = " ".join(said)
    name = BLAMED.get(case.kind)
    if name is None:
        return not re.search(r"falls|grows|stands out|exactly zero|copies|a step|Frozen|Dead units: [5-9]", text)
    if case.kind in {"small weights", "large weights"} and "is steady" in said[0]:
        t = truth(case)
        return 0.1 < rms(t.g[0]) / rms(t.g[-1]) < 10
    if case.kind == "rounding" and "exactly zero" not in said[0]:
        return "size of the weights" in said[0]
    if case.kind in {"frozen", "detached"}:
        return name in text and f"{parameter(case)}.weights" in text
    where = f"ayer {case.at} (" in text or f"layers 1 to {case.depth - 1} " in text or case.at in {0, case.depth}
    if case.kind == "a large layer" and case.acts[0] == "tanh":  # it is then flat there
        return where
    return name.lower() in text.lower() and where


def parameter(case):
    """The number of the module of the frozen layer, or of the first that is cut off."""
    return 2 * (case.at - 1) if case.kind == "frozen" else 0


LIGHT = 3 * len(KINDS)  # three of each kind


@pytest.fixture
def cases(thorough):
    start = int(np.random.SeedSequence().entropy % 10**6) * len(KINDS) if thorough else 0
    return [drawn(seed) for seed in range(start, start + (40 * len(KINDS) if thorough else LIGHT))]


def test_findings_name_the_fault_and_say_nothing_false(cases):
    assert len(cases) >= 40
    missed, wrong = [], []
    for case in cases:
        said = seen_of(case).findings
        wrong += [(case.seed, case.kind, *what) for what in Checker(case, said).check()]
        if not told(case, said):
            missed.append((case.seed, case.kind, case.at, said))
    assert not wrong, wrong
    assert len(missed) <= len(cases) // 20, missed


def test_the_checks_can_fail():
    case = drawn(2)
    said = seen_of(case).findings
    assert Checker(case, said).check() == []
    assert Checker(case, [said[0].replace(f"ayer {case.at} (", f"ayer {case.at + 1} (")]).check()
    assert Checker(case, [re.sub(r"by [\d.]+ decades", "by 7 decades", said[0])]).check()
    assert not told(case, ["The signal, rms(g), is steady."])


# Networks of other kinds


X = np.random.default_rng(0).standard_normal((32, 16)).astype(np.float32)
Y = np.random.default_rng(1).integers(0, 4, 32)


def between(function):
    return nn.Sequential(nn.Linear(16, 16, rng=0), Apply(function), nn.Linear(16, 4, rng=1))


def own_softmax(s):
    return np.exp(s) / np.sum(np.exp(s), axis=1, keepdims=True)


def surprise(p, y):
    return -np.mean(np.log(p[np.arange(len(y)), y]))


def text(model, loss=nn.cross_entropy, x=X, y=Y):
    return " ".join(nn.signals(model, loss, x, y).findings)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (np.sign, "At layer 1 (Sequential.0) it meets sign, a step"),
        (lambda s: np.tanh(s) + np.sign(s), "is steady"),
        (lambda s: s + (np.sign(s) - s).detach(), "is steady"),
        (lambda s: s * np.zeros(16, np.float32), "multiply has a mask that is 0"),
        (lambda s: np.tanh(s) - np.tanh(s), "cancel each other exactly"),
        (lambda s: np.tanh(s).detach(), "No gradient reaches 0.weights, 0.bias, although the forward reads them"),
        (lambda s: np.tanh(s.data), "No gradient reaches 0.weights, 0.bias, although the forward reads them"),
        (lambda s: np.tanh(s * 1e6), "All units of layer 1 (Sequential.0) have a slope that is rounded to 0"),
    ],
)
def test_what_lies_between_layers_is_told_as_it_is(function, said):
    found = text(between(function))
    assert said in found
    assert ("a step" in found) == ("a step" in said)


@pytest.mark.parametrize(
    ("end", "loss", "twice"),
    [
        (own_softmax, nn.cross_entropy, True),
        (own_softmax, surprise, False),
        (own_softmax, lambda p, y: np.mean((p - np.eye(4)[y]) ** 2), False),
        (lambda s: 1 / (1 + np.exp(-s)), lambda s, y: nn.logistic_loss(s, np.eye(4)[y]), True),
        (np.tanh, nn.cross_entropy, False),
        (lambda s: np.clip(s, 0, 1), nn.cross_entropy, False),
    ],
)
def test_a_second_softmax_or_sigmoid_is_found_whoever_wrote_it(end, loss, twice):
    model = nn.Sequential(nn.Linear(16, 8, rng=0), nn.Tanh(), nn.Linear(8, 4, rng=1), Apply(end))
    assert ("of that again" in text(model, loss)) == twice


def test_a_dead_branch_of_a_residual_net_is_told_and_the_rest_is_not_called_lost():
    blocks = [nn.Residual(nn.Linear(16, 16, rng=i), nn.ReLU(), nn.Linear(16, 16, rng=i)) for i in range(3)]
    blocks[1].layers[0].bias.data[:] = -1e3
    model = nn.Sequential(*blocks, nn.Linear(16, 4, rng=9))
    seen = nn.signals(model, nn.cross_entropy, X, Y)
    nn.cross_entropy(model(X), Y).backward()
    assert not blocks[1].layers[0].weights.grad.any()
    assert blocks[0].layers[0].weights.grad.any()
    assert seen.findings[0].startswith(
        "The signal is exactly zero at layer 3 (Sequential.1.layers.0), and the weights of 2 of 7 layers get no"
    )


def test_units_of_a_convolution_are_told_as_such():
    def model(init):
        layers = nn.Conv2d(1, 4, 3, init=init, rng=0), nn.ReLU(), nn.Flatten(), nn.Linear(16, 4, init, rng=1)
        return nn.Sequential(Apply(lambda x: np.reshape(x, (-1, 1, 4, 4))), *layers)

    dead = model("he")
    dead[1].bias.data[:] = -1e3
    assert "All units of layer 1 (Sequential.1) have slope 0 for all positions of all examples given" in text(dead)
    alike = text(model(nn.init.constant(0.1)), lambda s, y: np.mean((s - np.eye(4)[y]) ** 2))
    assert "The units of layer 1 (Sequential.1) are identical copies of one another" in alike


def test_only_a_model_that_is_known_can_be_changed_and_tried():
    rng = np.random.default_rng(0)
    h = Tensor(X)
    for _ in range(8):
        h = np.tanh(h @ Tensor(0.05 * rng.standard_normal((16, 16)), requires_grad=True))
    said = " ".join(signals(np.sum(h)).findings)
    assert "by the theory of independent weights" in said
    assert "cures" not in said
    assert "`seen.cures()` measures what helps" in text(
        nn.MLP([16] * 12 + [4], "tanh", nn.init.small_random(0.05), rng=0)
    )


# What cannot be, or is not, as it seems


def own_norm(s):
    centred = s - np.mean(s, axis=-1, keepdims=True)
    return centred / np.sqrt(np.mean(centred**2, axis=-1, keepdims=True) + 1e-5)


def ending_in(*ends, width, rng):
    return nn.Sequential(nn.Linear(16, width, rng=rng), nn.Tanh(), nn.Linear(width, 1, rng=rng), *ends)


@pytest.mark.parametrize(
    "end", [nn.LayerNorm(1), nn.GroupNorm(1, 1), nn.Softmax(), Apply(own_norm), Apply(own_softmax)]
)
def test_what_is_normalised_over_one_entry_is_not_said_to_have_large_scores(end):
    rng = np.random.default_rng(0)
    model = ending_in(end, width=int(rng.integers(2, 20)), rng=rng)
    found = text(model, nn.squared_error, X, rng.standard_normal((32, 1)))
    assert "goes over one entry" in found
    assert "too large" not in found
    assert "PReLU" not in found


def test_an_activation_that_gives_the_same_whatever_its_scores_are_is_told():
    rng = np.random.default_rng(0)
    found = text(ending_in(Apply(lambda s: np.tanh(s) * 0), width=5, rng=rng), nn.squared_error, X, X[:, :1])
    assert "does not depend on its scores" in found
    assert "PReLU" not in found


def test_biases_that_kill_units_are_said_with_their_mean():
    rng = np.random.default_rng(0)
    low = float(-rng.integers(20, 90))
    model = nn.MLP([16, 12, 20, 4], "relu", "he", rng=rng)
    model[2].bias.data[:] = low
    dead = np.mean(
        np.all(np.maximum(X @ model[0].weights.data + model[0].bias.data, 0) @ model[2].weights.data <= 0, 0)
    )
    found = text(model)
    assert f"With biases of 0, {dead:.0%} of its units would be dead" in found
    assert f": set its biases (mean {low:g}) to 0." in found
    assert "the weights of 3 of 3 layers get no gradient" in found  # the last one reads zeros


@pytest.mark.parametrize("width", [3, 8])
def test_parameters_that_are_cut_off_are_told_first_and_one_layer_that_is_left_in_a_whole_sentence(width):
    model = nn.Sequential(nn.Linear(16, width), Apply(lambda s: np.tanh(s.data)), nn.Linear(width, 4))
    first, second = nn.signals(model, nn.cross_entropy, X, Y).findings
    assert first.startswith("No gradient reaches 0.weights, 0.bias")
    assert re.fullmatch(r"One layer: rms\(g\) is \S+( × \S+)? behind Sequential\.2\.", second), second


def test_scores_that_saturate_the_softmax_of_the_loss_are_told_beside_the_loss_of_guessing():
    rng = np.random.default_rng(0)
    model = nn.MLP([16, 24, 4], "relu", "he", rng=rng)
    model[2].weights.data *= np.float32(100)
    seen = nn.signals(model, nn.cross_entropy, X, Y)
    (told,) = (sentence for sentence in seen.findings if "subnormal" in sentence)
    out = model(X)
    loss = float(nn.cross_entropy(out, Y).data)
    assert f"their rms is {in_words(rms(out.data))}, and the loss is {in_words(loss)}" in told
    assert f"{in_words(loss / np.log(4))} times that of guessing, ln(4) = 1.4" in told
    assert "Give the weights of layer 2 a standard deviation of" in " ".join(seen.findings)
    assert "dtype" not in told


def test_a_signal_that_underflows_by_itself_is_told_to_be_scaled():
    found = text(nn.MLP([16, 8, 4], "relu", "he", rng=0), lambda out, y: nn.cross_entropy(out, y) * np.float32(1e-37))
    assert "The signal underflows" in found
    assert "Scale the loss" in found


@pytest.mark.parametrize("first", [nn.Flatten(), nn.Conv2d(1, 6, 3, rng=0)])
def test_inputs_that_make_the_first_scores_large_are_told_with_mean_and_deviation(first):
    pixels = np.random.default_rng(0).integers(0, 256, (32, 1, 4, 4)).astype(np.float32)
    rest = nn.Linear(16 if isinstance(first, nn.Flatten) else 24, 4, rng=1)
    model = nn.Sequential(first, nn.Flatten(), rest)
    said = f"x has mean {in_words(pixels.mean(), 2)} and standard deviation {in_words(pixels.std(), 2)}, and the scores"
    assert said in text(model, x=pixels)
    assert "x has mean" not in text(model, x=(pixels - pixels.mean()) / pixels.std())


class Cell(nn.Module):
    """A recurrent cell of one's own: h = tanh(x_t W + h V)."""

    def __init__(self, width, size, rng):
        super().__init__()
        self.read, self.carry = (
            nn.Linear(3, width, rng=rng),
            nn.Linear(width, width, nn.init.small_random(size), rng=rng),
        )
        self.out = nn.Linear(width, 4, rng=rng)

    def forward(self, x):
        h = np.zeros((len(x), self.carry.weights.shape[0]), np.float32)
        for t in range(x.shape[1]):
            h = np.tanh(self.read(x[:, t]) + self.carry(h))
        return self.out(h)


def test_only_weights_that_lead_from_a_step_to_the_next_are_blamed_and_the_size_that_theory_gives_helps():
    rng = np.random.default_rng(0)
    width = int(rng.integers(16, 40))
    model, x = Cell(width, 0.4 / np.sqrt(width), rng), rng.standard_normal((32, 15, 3)).astype(np.float32)
    seen = nn.signals(model, nn.cross_entropy, x, Y)
    (told,) = (sentence for sentence in seen.findings if "uses of" in sentence)
    assert told.startswith("Along the 15 uses of Cell.carry ")
    ((new, old),) = re.findall(r"a standard deviation of (\S+) instead of (\S+) .* by the theory", told)
    model.carry.weights.data *= np.float32(float(new) / float(old))
    better = nn.signals(model, nn.cross_entropy, x, Y)
    lost, still = (s.layers[0].g.rms / s.layers[-2].g.rms for s in (seen, better))
    assert lost < 1e-3
    assert still > 30 * lost


def with_several_faults(seed):
    """A network whose layers have drawn faults: dead, scaled or equal units, frozen layers, any activation."""
    rng = np.random.default_rng([9, seed])
    activations = [nn.Tanh, nn.ReLU, nn.Sigmoid, nn.LeakyReLU, nn.Sign, nn.ELU, nn.Softmax]
    sizes = [4, *rng.integers(1, 9, rng.integers(1, 6)).tolist(), 3]
    layers = [nn.Linear(a, b, rng=seed, dtype=float) for a, b in itertools.pairwise(sizes)]
    for layer in layers:
        fault = rng.choice(["none", "none", "dead", "large", "zero", "tiny", "equal"])
        scale = {"large": 100, "zero": 0, "tiny": 1e-8, "equal": 0}.get(fault, 1)
        layer.weights.data = scale * layer.weights.data + 0.5 * (fault == "equal")
        layer.bias.data = layer.bias.data - 1e3 * (fault == "dead")
    chosen = rng.integers(len(activations), size=len(layers))
    parts = [part for layer, i in zip(layers, chosen, strict=True) for part in (layer, activations[i]())]
    return nn.Sequential(*parts[:-1]), rng.standard_normal((8, 4)), rng.integers(0, 3, 8)


def test_no_sentence_has_a_number_that_is_none(thorough):
    for seed in range(1000 if thorough else 60):
        model, x, y = with_several_faults(seed)
        with np.errstate(all="ignore"):
            said = nn.signals(model, nn.cross_entropy, x, y).findings
        assert not [sentence for sentence in said if "no number" in sentence], seed
