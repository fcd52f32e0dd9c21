"""`seen.cures()`: it leaves everything as it was, says what it did, and what it says is true."""

import copy
import re
import sys
import time

import numpy as np
import pytest

import autograd_mini
import nn
from autograd_mini import Tensor
from autograd_mini.signals.page import page
from nn.signals.cures import race as races
from nn.signals.cures.candidates import CHANGES, Change, Start
from nn.signals.cures.ranking import as_good, further_rate, going_on, in_order
from nn.signals.cures.search import takes_scores
from nn.signals.cures.section import NUMBERS
from nn.signals.cures.trials import Trial, data_of, recognises
from nn.signals.cures.tried import Tried, TriedRow

rng = np.random.default_rng(0)
X = rng.standard_normal((48, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)


@pytest.fixture
def short(monkeypatch):
    """Races of few steps."""
    monkeypatch.setattr(races, "ROUNDS", (races.Round(2, 4, 0.45), races.Round(2, 3, 0.7), races.Round(2, 2, 0.9)))
    monkeypatch.setattr(races, "TRIPLED_STEPS", 2)
    monkeypatch.setattr(races, "MORE_RATES", (10.0,))
    monkeypatch.setattr(races, "FURTHER", 0)


def sgd(parameters):
    return nn.SGD(parameters, 0.05, momentum=0.9)


def tried_of(model, x=X, y=Y, loss=nn.cross_entropy, optimizer=sgd, **options):
    return nn.signals(model, loss, x, y).cures(optimizer, progress=False, **options)


def numbers(tried):
    """The rows without what differs from run to run."""
    return [row._replace(seconds=0.0)[:-1] for row in tried.rows]


def words(tried):
    """What is printed, as one line."""
    return re.sub(r"\s+", " ", str(tried))


class Noisy(nn.Module):
    """Dropout, running statistics, a generator of its own and the global one."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 6, rng=0), nn.BatchNorm(6), nn.Tanh(), nn.Dropout(0.2, rng=1))
        self.out, self.rng, self.calls = nn.Linear(6, 2, rng=2), np.random.default_rng(3), 0

    def forward(self, x):
        self.calls += 1
        return self.out(self.layers(x)) + 1e-3 * self.rng.random() + 1e-3 * np.random.rand()


def test_nothing_of_the_users_changes_and_the_same_call_makes_the_same_table(short):
    model = Noisy()
    own = sgd(model.parameters())
    penalised = lambda out, y: nn.cross_entropy(out, y) + 1e-3 * np.sum(model.out.weights**2)  # its backward meets ours
    penalised(model(X), Y).backward()
    np.random.seed(5)
    before, generators = copy.deepcopy(model), (np.random.get_state()[1].copy(), model.rng.bit_generator.state)
    steps = copy.deepcopy(own.state_dict())
    seen = nn.signals(model, penalised, X, Y, optimizer=own)
    first = seen.cures(sgd, seconds=100, progress=False)
    np.random.seed(5)
    for (name, array), (_, was) in zip(model.state_dict().items(), before.state_dict().items(), strict=True):
        assert array.tobytes() == was.tobytes(), name
    for parameter, was in zip(model.parameters(), before.parameters(), strict=True):
        np.testing.assert_array_equal(parameter.grad, was.grad)
    np.testing.assert_array_equal(np.random.get_state()[1], generators[0])
    assert model.rng.bit_generator.state == generators[1]
    assert (model.calls, model.training) == (before.calls, True)
    assert own.state_dict() == steps
    np.random.seed(9)
    again = seen.cures(sgd, seconds=100, progress=False)
    assert not first.stopped
    assert str(numbers(first)) == str(numbers(again))  # as text, in which nan is nan


def test_it_tries_the_model_as_it_was_when_it_was_measured(short):
    model = nn.MLP([4, 6, 2], rng=0)
    seen = nn.signals(model, nn.cross_entropy, X, Y)
    was = model.state_dict()
    for parameter in model.parameters():
        parameter.data = parameter.data * 0
    tried = seen.cures(sgd, progress=False)
    row = next(i for i, row in enumerate(tried.rows) if row.change == "as it is")
    for name, array in tried.model(row).state_dict().items():
        np.testing.assert_array_equal(array, was[name])


def test_it_stops_at_the_limit_and_says_where():
    class Slow(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 2, rng=0)

        def forward(self, x):
            time.sleep(0.01)
            return self.layer(x)

    seen = nn.signals(Slow(), nn.cross_entropy, X, Y)
    began = time.perf_counter()
    tried = seen.cures(sgd, seconds=0.6, progress=False)
    assert time.perf_counter() - began < 2.5
    assert tried.stopped
    assert tried.stopped in words(tried)
    assert any(row.why_not == races.OUT_OF_TIME for row in tried.rows)


@pytest.mark.parametrize("kind", ["ReLU", "sigmoid with softmax", "images"])
def test_each_line_of_code_does_what_its_row_was_measured_with(short, kind):
    models = {
        "ReLU": nn.MLP([4, 6, 6, 6, 6, 2], "relu", rng=0),
        "sigmoid with softmax": nn.Sequential(*nn.MLP([4, 6, 6, 2], "sigmoid", rng=0), nn.Softmax()),
        "images": nn.Sequential(
            nn.Conv2d(1, 2, 3, padding=1, rng=0), nn.ReLU(), nn.Flatten(), nn.Linear(8, 8, rng=1), nn.Tanh(),
            nn.Linear(8, 2, rng=2),
        ),
    }  # fmt: skip
    mine, x = models[kind], 9 * X * np.array([1, 1, 1, 20], np.float32)
    if kind == "images":
        x = np.reshape(x, (48, 1, 2, 2))
    if kind == "ReLU":
        mine[2].weights.data *= 1e-3
        mine[0].bias.data += 1
    tried = tried_of(mine, x, seconds=100)
    lines = 0
    for i, row in enumerate(tried.rows):
        if row.why_not:
            continue
        names = {"nn": nn, "model": copy.deepcopy(mine), "x": x}
        exec(row.code, names)
        made, kept = names["model"], tried.model(i)
        assert repr(made) == repr(kept)
        np.testing.assert_array_equal(nn.predict(made, x), nn.predict(kept, x))
        lines += bool(row.code)
    assert lines > 10
    named = {row.change for row in tried.rows}
    assert {change.name for change in CHANGES} <= named


def test_a_row_can_be_trained_to_what_it_says(short):
    tried = tried_of(nn.MLP([4, 6, 6, 2], "sigmoid", rng=0), seconds=100)
    data, row = data_of((X, Y)), tried.rows[0]
    model = tried.model(0)
    optimizer = nn.SGD(model.parameters(), row.rate, momentum=0.9)
    loader = nn.DataLoader(*data.train, batch_size=data.batch, shuffle=True, drop_last=True, rng=0)
    while optimizer.steps < row.steps:
        for x, y in loader:
            optimizer.zero_grad()
            nn.cross_entropy(model(x), y).backward()
            optimizer.step()
            if optimizer.steps == row.steps:
                break
    assert nn.evaluate(model, nn.cross_entropy, data.held)["loss"] == row.held_out_loss


class Own(nn.Module):
    """Attention, or a recurrent layer, and an activation that is no module."""

    def __init__(self, inner):
        super().__init__()
        self.inner, self.out = inner, nn.Linear(4, 2, rng=1)

    def forward(self, x):
        out = self.inner(x)
        return self.out(np.tanh(np.mean(out[0] if isinstance(out, tuple) else out, axis=1)))


@pytest.mark.parametrize("inner", [nn.RNN(4, 4, rng=0), nn.MultiHeadAttention(4, 2, rng=0)], ids=["RNN", "attention"])
def test_modules_of_any_kind_and_what_cannot_be_tried_says_why(short, inner):
    x = rng.standard_normal((48, 3, 4)).astype(np.float32)
    tried = tried_of(Own(inner), x, seconds=100)
    known = {row.change for row in tried.rows if not row.why_not}
    assert {"as it is", "BatchNorm", "LayerNorm", "He", "orthogonal weights"} <= known
    refused = {row.change: row.why_not for row in tried.rows if row.why_not}
    assert "what `forward` computes or makes" in refused["ReLU + He"]
    assert "end in a Softmax" in refused["no activation before the loss"]
    assert refused["ReLU + He"] in words(tried)
    with pytest.raises(ValueError, match="what `forward` computes or makes"):
        tried.model([row.change for row in tried.rows].index("ReLU + He"))
    with pytest.raises(IndexError, match="rows 0 to"):
        tried.model(len(tried.rows))


def test_regression_without_targets_of_several_inputs_with_any_optimizer(short):
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = nn.MLP([8, 6, 1], rng=0)

        def forward(self, a, b):
            return self.net(np.concatenate([a, b], 1))

    schedule = lambda p: nn.Adam(p, nn.schedules.cosine(0.01, steps=100))
    groups = lambda p: nn.Optimizers(*(nn.RMSprop([q], 0.01) for q in p))
    for optimizer in (nn.AdamW, schedule, groups):
        tried = tried_of(Two(), (X, X[::-1]), None, lambda out: np.mean((out - 1) ** 2), optimizer, seconds=100)
        rows = [row for row in tried.rows if row.change == "as it is"]
        assert {0.1, 1.0, 10.0} <= {row.times for row in rows} <= {0.1, 1.0, 10.0, 0.3, 3.0, 30.0}
        assert all(row.rate == pytest.approx(row.times * tried.as_it_is.rate) for row in rows)
        assert np.isfinite(tried.rows[0].held_out_loss)
    tried = tried_of(
        nn.MLP([4, 6, 1], rng=0), X, X[:, :1] * 1e4, nn.squared_error, None, data=nn.DataLoader(X, X[:, :1])
    )
    assert "nn.SGD(parameters, 0.02, momentum=0.9)" in words(tried)


@pytest.mark.heavy
def test_a_net_that_cannot_learn_is_trained_by_the_first_row():
    model = nn.MLP([4, *[6] * 6, 2], "sigmoid", rng=0)
    x = rng.standard_normal((120, 4)).astype(np.float32)
    tried = tried_of(model, x, (x[:, 0] > 0).astype(int), seconds=100)
    assert tried.as_it_is.held_out_loss > 0.6
    assert tried.rows[0].held_out_loss < 0.4
    assert tried.helping[0] is tried.rows[0]
    assert f"{tried.rows[0].title}: held-out loss" in words(tried)
    later = [(-row.steps, row.held_out_loss) for row in tried.rows[:20] if np.isnan(row.tripled_loss)]
    assert later == sorted(later)


def test_what_diverges_at_three_times_its_rate_is_raced_at_a_third_of_it():
    tried = tried_of(nn.Linear(4, 1, rng=0), X, X[:, :1], nn.squared_error, lambda p: nn.SGD(p, 0.4))
    best, given = tried.rows[0], tried.as_it_is
    assert best.title == "as it is, rate x0.333"
    assert best.rate == pytest.approx(0.4 / 3, rel=1e-5)
    assert best.tripled_loss == given.held_out_loss
    assert given.tripled_loss == np.inf
    assert tried.rows.index(given) > 0


def table(*losses, steps=(200, 200, 200)):
    """A table of changes with these losses, the model as it is last."""
    how = [Change("one", "a"), Change("two", "b"), Change("as it is", "as it is")]
    rows = [TriedRow(h.name, 0.1, v, np.nan, 1.0, "", 1.0, n, h) for h, v, n in zip(how, losses, steps, strict=True)]
    rows.sort(key=lambda row: row.held_out_loss)
    return Tried(rows, Start(nn.Tanh(), nn.squared_error, X, X), 1.0, 3, 36, 2.0, "the optimizer", "")


def test_the_sentence_says_so_if_nothing_beats_the_model_as_it_is():
    assert "nothing that was tried is clearly better" in table(0.5, 0.6, 0.4).summary
    assert "nothing that was tried is clearly better" in table(0.385, 0.6, 0.4).summary
    assert "one: held-out loss 0.1 (as it is 0.4)" in table(0.1, 0.6, 0.4).summary
    assert "one: held-out loss 0.1 (as it is diverged)" in table(0.1, 0.6, np.inf).summary
    assert "two" not in table(0.1, 0.3, 0.4, steps=(200, 15, 200)).summary  # of fewer steps, so not to be compared


def trial(name, score, parts, steps=1, times=1.0):
    change = Change(name, name, ((nn.changes.skipping, ()),) * steps)
    one = Trial(change, None, times, None, None, 2.0)
    one.score, one.rounds, one.tripled, one.parts, one.tripled_parts = score, 4, score, np.array(parts), np.array(parts)
    return one


def test_of_what_the_held_out_examples_cannot_tell_apart_the_simplest_comes_first():
    best = trial("three", 0.10, [0.05, 0.15, 0.08, 0.12], steps=3)
    alike = trial("one", 0.11, [0.16, 0.05, 0.14, 0.09])
    worse = trial("none", 0.20, [0.15, 0.25, 0.18, 0.22], steps=0)
    rate = trial("rate", 0.105, [0.05, 0.17, 0.05, 0.15], steps=0, times=0.1)
    near, far = (best.parts + np.array(above) for above in ([0, 0.04, 0, 0.01], [0, 0.13, 0, 0.05]))
    assert (as_good(near, best.parts), as_good(far, best.parts)) == (True, False)  # both by 1.3 standard errors
    assert [t.change.name for t in in_order([best, worse], [], 4.0)] == ["three", "none"]
    assert [t.change.name for t in in_order([worse, alike, best], [], 4.0)] == ["one", "three", "none"]
    assert [t.change.name for t in in_order([alike, best, rate], [worse], 4.0)] == ["rate", "one", "three", "none"]


def test_the_rates_go_on_where_the_best_lies_at_their_edge():
    base = [trial("as it is", 1.0, [1], times=10.0), trial("as it is", 1.5, [1])]
    low = [trial("a", 1.0, [1], times=0.1), trial("a", np.inf, [1])]
    learned = [trial("a", 1.5, [1], times=0.1), trial("a", 1.0, [1])]
    assert further_rate(low, base[1]) == 0.01
    low.append(trial("a", 0.9, [1], times=0.01))
    low[-1].further = True
    assert set(low[::2]) <= set(going_on(low, 4, 1))  # the usual rate goes on beside the lower one
    assert further_rate(learned, base[1]) is None
    assert further_rate(learned, trial("as it is", 1, [1], times=1e3)) == 1e3
    assert further_rate(base, base[0]) == 100.0
    assert further_rate([trial("as it is", 1.99, [1], times=1e3)], base[0]) is None  # it has learned nothing


def test_the_best_other_rate_of_the_model_as_it_is_goes_on_in_any_case():
    better = [trial(f"change {i}", 0.1 + 0.01 * i, [1]) for i in range(9)]
    base = [
        trial("as it is", 1.0 + abs(np.log10(times) + 2), [1], steps=0, times=times) for times in (1.0, 0.1, 0.01, 10.0)
    ]
    assert {t.times for t in going_on(sorted([*better, *base], key=lambda t: t.score), 4, 1)[-2:]} == {1.0, 0.01}


def test_a_regression_with_raw_targets_and_a_sigmoid_at_its_end_is_trained_by_the_first_row(short, monkeypatch):
    monkeypatch.setattr(races, "ROUNDS", (races.Round(6, 6, 0.45, 1), races.Round(40, 3, 0.9)))
    x = rng.standard_normal((200, 4)).astype(np.float32)
    y = (150 + 60 * x[:, :1]).astype(np.float32)
    tried = tried_of(nn.Sequential(*nn.MLP([4, 8, 1], rng=0), nn.Sigmoid()), x, y, nn.squared_error, seconds=100)
    assert {"no activation before the loss", "outputs scaled"} < {row.change for row in tried.rows if not row.why_not}
    assert "no activation before the loss + outputs scaled" in tried.rows[0].change
    assert ", x, y)" in tried.rows[0].code
    assert tried.rows[0].held_out_loss < 0.2 * np.var(y)
    assert tried.as_it_is.held_out_loss > 4 * np.var(y)


def test_the_page_and_print_show_the_same_rows_and_say_what_the_rate_alone_does():
    how = [Change("one", "a", ((nn.changes.skipping, ()),)), Change("as it is", "as it is")]
    losses = ((how[0], 1.0, 0.01), (how[1], 0.1, 0.2), (how[1], 1.0, 2.0))
    rows = [TriedRow(h.name, 0.1 * times, v, np.nan, 1.0, "", times, 200, h) for h, times, v in losses]
    tried = Tried(rows, Start(nn.Tanh(), nn.squared_error, X, X), 1.0, 3, 36, 2.0, "the optimizer", "")
    assert "The learning rate alone, 0.01, comes to 0.2." in tried.summary
    assert "Lower and higher rates than 0.1 were not tried with it." in tried.summary
    numbers = re.findall(r'data-name="row">(\d+)<', tried._repr_html_())
    assert numbers == re.findall(r"(?m)^ +(\d) ", str(tried)) == ["0", "1", "2"]
    assert re.findall(r'data-name="rate">([\d.]+)<', tried._repr_html_()) == ["0.1", "0.01", "0.1"]
    assert "logarithmic, from 10<sup>-2</sup>" in tried._repr_html_()
    bars = [float(width) for width in re.findall(r"2px;width:([\d.]+)%", tried._repr_html_())]
    np.testing.assert_allclose(bars, [0, 100 * np.log10(20) / np.log10(200), 100], atol=0.1)


def test_what_fits_the_targets_of_other_examples_as_well_is_no_help():
    tried = table(0.1, 0.6, 0.4)
    assert tried.helping
    guessing = [row._replace(guess_loss=0.102) if row.change == "one" else row for row in tried.rows]
    tried = Tried(guessing, Start(nn.Tanh(), nn.squared_error, X, X), 1.0, 3, 36, 2.0, "the optimizer", "")
    assert not tried.helping
    assert "nothing that was tried learned more than to guess: one has a held-out loss of 0.1" in tried.summary


def test_a_first_row_that_guesses_hides_no_other_that_learned():
    rows = [row._replace(guess_loss=0.102 if row.change == "one" else 0.9) for row in table(0.1, 0.2, 0.4).rows]
    tried = Tried(rows, Start(nn.Tanh(), nn.squared_error, X, X), 1.0, 3, 36, 2.0, "the optimizer", "")
    assert "two: held-out loss 0.2 (as it is 0.4)" in tried.summary
    rows = [row._replace(recognises=row.change == "as it is", guess_loss=0.1) for row in tried.rows]
    tried = Tried(rows, Start(nn.Tanh(), nn.squared_error, X, X), 1.0, 3, 36, 2.0, "the optimizer", "")
    assert "nothing that was tried is clearly better than the model as it is" in tried.summary


def test_what_is_right_more_often_than_by_chance_does_not_guess_whatever_its_loss():
    squashed = nn.Sequential(nn.Linear(4, 2, nn.init.constant(0.0)), nn.Tanh())
    squashed[0].weights.data[0] = 1e-3, -1e-3  # the scores are right, and nearly alike
    one = Trial(CHANGES[0], squashed, 1.0, None, nn.cross_entropy)
    one.model = squashed
    assert recognises(one, data_of((X, 1 - Y)))
    assert not recognises(one, data_of((X, Y)))  # wrong each time
    assert not recognises(one, data_of((X, np.arange(48) % 2)))
    assert not recognises(one, data_of((X, X[:, :2])))


class Step(nn.Module):
    """A net that no signal passes."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 4, rng=0), nn.Linear(4, 2, nn.init.constant(0.0), rng=1)

    def forward(self, x):
        return self.b(np.round(np.tanh(self.a(x)) / 9))


def test_where_no_signal_arrives_the_summary_quotes_why(short):
    seen = nn.signals(Step(), nn.cross_entropy, X, Y)
    tried = seen.cures(sgd, progress=False)
    assert tried.finding == seen.findings[0] == seen.without_signal
    guessing = [row._replace(guess_loss=0.0, held_out_loss=1.0) for row in tried.rows if not row.why_not]
    quoted = Tried(guessing, tried._start, 1.0, 3, 36, 2.0, "the optimizer", "")
    assert "Do inputs and targets belong together" in quoted.summary
    quoted.finding = tried.finding
    assert quoted.summary.endswith(seen.findings[0])
    alike = table(0.4, 0.6, 0.4)
    alike.finding = tried.finding
    assert alike.summary.endswith(f"(held-out loss 0.4). {seen.findings[0]}")
    detached = nn.MLP([4, 4, 2], rng=0)
    cut = nn.signals(detached, lambda out, y: nn.cross_entropy(out.detach() + detached[2].bias, y), X, Y)
    assert "No gradient reaches" in cut.without_signal
    assert nn.signals(nn.MLP([4, 2], rng=0), nn.cross_entropy, X, Y).without_signal == ""


def test_a_printed_line_has_its_rate_and_the_page_all_rows(short):
    tried = tried_of(nn.MLP([4, 6, 6, 6, 2], "sigmoid", rng=0), seconds=100)
    numbers = re.findall(r'data-name="row">(\d+)<', tried._repr_html_())
    assert numbers == re.findall(r"(?m)^ +(\d+) ", str(tried)) == list(map(str, tried.shown))
    assert len(numbers) > 12
    for i in tried.shown:
        row = tried.rows[i]
        assert row.code == (row.how.code and f"{row.how.code}  # rate {row.rate:.3g}")
        assert row.said in str(tried)
    assert NUMBERS in words(tried)
    assert NUMBERS in tried._repr_html_()


def test_targets_that_have_nothing_to_do_with_the_inputs_are_only_guessed():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((600, 4)).astype(np.float32), rng.integers(0, 2, 600)
    tried = nn.signals(nn.MLP([4, 2], rng=0), nn.cross_entropy, x, y).cures(sgd, seconds=20, progress=False)
    assert not tried.helping
    assert tried.rows[0].guesses


def test_a_loss_without_targets_has_none_to_exchange(short):
    model = nn.Sequential(nn.Linear(4, 3, rng=0), nn.Tanh(), nn.Linear(3, 4, rng=0))
    tried = nn.signals(model, lambda out: np.mean(out**2), X).cures(sgd, progress=False)
    assert all(np.isnan(row.guess_loss) for row in tried.rows)
    assert tried.helping


@pytest.mark.parametrize("data", [X, (X,), Tensor(X)])
def test_inputs_without_targets_are_refused(data):
    seen = nn.signals(nn.MLP([4, 2], rng=0), nn.cross_entropy, X, Y)
    with pytest.raises(ValueError, match=r"data=\(x, y\)"):
        seen.cures(data=data)


def test_a_row_is_found_by_its_name():
    tried = table(0.1, 0.6, 0.4)
    with pytest.raises(KeyError, match=r"no row has that name\. Write a number, or one of: one, as it is, two"):
        tried.model("three")


def test_a_loss_that_takes_scores_is_known_by_what_it_computes():
    model, few = nn.MLP([4, 2], rng=0), (X[:4], Y[:4])
    assert takes_scores(model, lambda out, y: 2 * nn.cross_entropy(out, y), few)
    assert not takes_scores(model, lambda out, y: -np.mean(np.log(np.abs(out[np.arange(4), y]))), few)


def test_a_computation_alone_has_no_cures_and_says_what_has():
    with pytest.raises(TypeError, match=r"nn\.signals\(model, loss_fn, x, y\)"):
        autograd_mini.signals(np.sum(Tensor([1.0, 2.0], requires_grad=True) ** 2)).cures(seconds=3)
    w = Tensor(np.ones((4, 2)), requires_grad=True)
    with pytest.raises(TypeError, match=r"an nn\.Module"):
        nn.signals(lambda x: x @ w, nn.cross_entropy, X, Y).cures()


def test_errors_say_what_to_write():
    seen = nn.signals(nn.MLP([4, 2], rng=0), nn.cross_entropy, X, Y)
    with pytest.raises(TypeError, match=r"lambda parameters: nn\.SGD"):
        seen.cures(sgd(nn.MLP([4, 2]).parameters()))
    fixed = sgd(nn.MLP([4, 2]).parameters())
    with pytest.raises(ValueError, match="other parameters"):
        seen.cures(lambda parameters: fixed)
    with pytest.raises(ValueError, match="too few"):
        nn.signals(nn.MLP([4, 2], rng=0), nn.cross_entropy, X[:4], Y[:4]).cures()
    with pytest.raises(ValueError, match="data="):
        nn.signals(nn.MLP([4, 2], rng=0), lambda out, y: np.mean(out) * y, X, 3.0).cures()
    with pytest.raises(ValueError, match="seconds"):
        seen.cures(seconds=0)

    class Uncopyable(nn.MLP):
        def __deepcopy__(self, memo):
            raise RuntimeError("a file is open")

    with pytest.raises(TypeError, match="cannot be copied: a file is open"):
        nn.signals(Uncopyable([4, 2], rng=0), nn.cross_entropy, X, Y).cures()


def test_the_page_the_notebook_the_data_frame_and_the_log(short, monkeypatch):
    log = nn.SignalLog(nn.MLP([4, 6, 2], rng=0))
    assert log.cures(nn.cross_entropy, X, Y, optimizer=sgd, progress=False).trials > 10
    seen = nn.signals(log.model, nn.cross_entropy, X, Y)
    before = page([seen])
    tried = seen.cures(sgd, progress=False)
    after = page([seen])
    assert 'id="cures"' not in before
    assert 'id="cures"' in after
    assert tried._repr_html_() in after
    bars = [float(width) for width in re.findall(r"2px;width:([\d.]+)%", tried._repr_html_())]
    losses = [float(loss) for loss in re.findall(r"</span>([\d.]+)(?: ✓)?</td>", tried._repr_html_())]
    assert len(bars) == len(losses) >= 5
    np.testing.assert_allclose(bars, 100 * np.array(losses) / max(losses), atol=1)

    class Frames:
        DataFrame = staticmethod(list)

    monkeypatch.setitem(sys.modules, "pandas", Frames)
    frame = tried.to_dataframe()
    assert [row["change"] for row in frame] == [row.change for row in tried.rows]
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        tried.to_dataframe()


def test_an_activation_made_inside_forward_is_said_to_be_one_that_cannot_be_exchanged(short):
    class Made(nn.Sequential):
        def forward(self, x):
            return self[1](nn.Sigmoid()(self[0](x)))

    tried = tried_of(Made(nn.Linear(4, 6, rng=0), nn.Linear(6, 2, rng=1)))
    assert "`self.act = nn.Sigmoid()` in `__init__` and `self.act(x)` in `forward`" in words(tried)


def test_how_large_the_batches_of_a_batch_norm_were_is_said(short):
    tried = tried_of(nn.MLP([4, 6, 6, 2], "sigmoid", rng=0))
    said = "BatchNorm had 36 examples in each batch."
    assert said in words(tried)
    assert said in tried._repr_html_()
    assert "batch_size=36, shuffle=True, drop_last=True" in words(tried)
    others = [row for row in tried.rows if row.change != "BatchNorm"]
    assert said not in words(Tried(others, tried._start, 1.0, 3, 36, 2.0, "the optimizer", ""))


@pytest.mark.extra
class TestOfPyTorch:
    """Parts of a model that was read are nodes of a program."""

    @pytest.fixture
    def read(self):
        torch = pytest.importorskip("torch")
        parts = torch.nn.Linear(4, 6), torch.nn.Sigmoid(), torch.nn.Linear(6, 2), torch.nn.Tanh()
        return lambda: nn.from_torch(torch.nn.Sequential(*parts), torch.zeros(2, 4))

    def test_what_can_be_tried_is_said_first(self, short, read):
        seen = nn.signals(read(), nn.cross_entropy, X, Y)
        tried = seen.cures(sgd, progress=False)
        assert tried.summary.startswith("Of this model only learning rates, and its inputs and outputs scaled, can be")
        assert {row.change for row in tried.rows if not row.why_not} <= {"as it is", "inputs standardised"}
        poor = {"guess_loss": 0.0, "held_out_loss": 1.0, "recognises": False}
        guessing = [row._replace(**poor) for row in tried.rows if not row.why_not]
        said = Tried(guessing, tried._start, 1.0, 3, 36, 2.0, "the optimizer", "").summary
        assert "nothing that was tried learned more than to guess" in said
        assert "Do inputs and targets belong together" not in said

    def test_of_a_regression_the_targets_are_scaled(self, short, read):
        y = (150 + 60 * X[:, :2]).astype(np.float32)
        tried = tried_of(read(), X * 30, y, nn.squared_error)
        assert {"outputs scaled", "inputs standardised"} < {row.change for row in tried.rows if not row.why_not}

    def test_the_layers_around_it_can_be_changed(self, short, read):
        tried = tried_of(nn.Sequential(read(), nn.Linear(2, 6, rng=0), nn.Tanh(), nn.Linear(6, 2, rng=1)))
        assert {"BatchNorm", "He", "ReLU + He"} < {row.change for row in tried.rows}
        assert not [row for row in tried.rows if "nodes" in row.why_not]
