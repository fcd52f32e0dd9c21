"""Training: fit and what it promises about bits, callbacks, gradient accumulation, resuming; metrics; histories."""

import json
import math
import os
import re
import sys

import numpy as np
import pytest

import nn
from autograd_mini import NonFiniteError, checked
from nn.training import tensor_files
from nn.training.history import History
from tests.autograd_mini.testing.numeric import assert_close
from tests.docs.test_docs import ROOT, snippets
from tests.nn.training.test_data import interrupted

RNG = np.random.default_rng(0)
X = RNG.standard_normal((46, 3)).astype(np.float32)
Y = (X[:, 0] * X[:, 1] > 0).astype(int)


def small(rng=0):
    return nn.MLP([3, 8, 2], rng=rng)


def noisy():
    return nn.Sequential(nn.Linear(3, 8, rng=0), nn.Tanh(), nn.Dropout(0.3), nn.Linear(8, 2, rng=1))


class Odd:
    """A callback whose state no checkpoint can hold."""

    def on_epoch(self, run):
        pass

    def state_dict(self):
        return {"a": [1]}

    def load_state_dict(self, state):
        pass


def run(model=None, **options):
    """A short training and its history."""
    model = model or small()
    settings = {"optimizer": nn.SGD(model.parameters(), 0.1, momentum=0.9), "epochs": 3, "batch_size": 8}
    history = nn.fit(model, nn.cross_entropy, (X, Y), **settings | options)
    return model, history


def bits(model):
    return {name: array.tobytes() for name, array in model.state_dict().items()}


class TestFit:
    def test_it_leaves_no_gradients(self):
        model, _ = run(metrics=None, callbacks=None)
        assert all(parameter.grad is None for parameter in model.parameters())

    def test_it_learns(self):
        model = nn.MLP([3, 16, 2], rng=0)
        history = nn.fit(
            model, nn.cross_entropy, (X, Y), optimizer=nn.Adam(model.parameters(), 0.02), epochs=60, metrics=nn.accuracy
        )
        assert history["accuracy"][-1] > 0.95
        assert history["loss"].shape == (60,)

    def test_it_does_what_a_loop_by_hand_does(self):
        model, twin = small(), small()
        loader = nn.DataLoader(X, Y, batch_size=8, shuffle=True, rng=5)
        nn.fit(model, nn.cross_entropy, loader, optimizer=nn.SGD(model.parameters(), 0.1), epochs=2)
        sgd = nn.SGD(twin.parameters(), 0.1)
        again = nn.DataLoader(X, Y, batch_size=8, shuffle=True, rng=5)
        for _ in range(2):
            for x, y in again:
                sgd.zero_grad()
                nn.cross_entropy(twin(x), y).backward()
                sgd.step()
        assert bits(model) == bits(twin)

    def test_same_seed_same_bits(self):
        (first, a), (second, b) = run(noisy()), run(noisy())
        assert bits(first) == bits(second)
        assert (a["loss"] == b["loss"]).all()

    def test_another_seed_other_bits(self):
        assert bits(run(rng=0)[0]) != bits(run(rng=1)[0])
        assert bits(run(rng=None)[0]) != bits(run(rng=None)[0])

    def test_the_seed_reaches_dropout(self):
        x = X[:8], Y[:8]
        trained = []
        for seed in (0, 0, 1):
            model = noisy()
            nn.fit(model, nn.cross_entropy, x, optimizer=nn.SGD(model.parameters(), 0.1), epochs=2, rng=seed)
            trained.append(model(X[:8]).data.tobytes() and bits(model))
        assert trained[0] == trained[1] != trained[2]

    def test_the_seed_reaches_a_loader_without_one(self):
        def trained(loader_rng, rng):
            noise = nn.data.gaussian_noise(1)
            loader = nn.DataLoader(X, Y, batch_size=8, shuffle=True, rng=loader_rng, transform=noise)
            model = small()
            nn.fit(model, nn.cross_entropy, loader, epochs=1, rng=rng)
            return bits(model)

        assert trained(None, 3) == trained(None, 3) != trained(None, 4)
        assert trained(9, 3) == trained(9, 4)

    def test_generators_of_any_kind_are_seeded(self):
        def trained(kind):
            model = noisy()
            model[2].rng = np.random.Generator(kind())
            return bits(run(model)[0])

        for kind in (np.random.MT19937, np.random.Philox, np.random.SFC64):
            assert trained(kind) == trained(kind)

    def test_adam_is_the_default_and_a_class_will_do(self):
        assert bits(run(optimizer=None)[0]) == bits(run(optimizer=nn.Adam)[0])

    def test_float64_inputs_are_computed_in_the_models_precision(self):
        seen = []
        model = small()
        with model[0].register_forward_hook(lambda _module, args, _output: seen.append(args[0].dtype)):
            nn.fit(model, nn.cross_entropy, (X.astype(float), Y), epochs=1, validation=(X.astype(float), Y))
        assert set(seen) == {np.dtype(np.float32)}

    @pytest.mark.parametrize("kind", [int, np.uint8, bool, float])
    def test_whole_numbers_are_computed_in_the_models_precision(self, kind):
        class Own(nn.Module):
            def __init__(self, *layers):
                super().__init__()
                self.layers = list(layers)

            def forward(self, x):
                for layer in self.layers:
                    x = layer(x)
                return x

        x = (4 * np.abs(X)).astype(kind)
        first = [
            nn.Linear(3, 3, rng=0),
            nn.WeightNorm(nn.Linear(3, 3, rng=0)),
            nn.BatchNorm(3),
            nn.LayerNorm(3),
            nn.PReLU(3),
            nn.Residual(nn.Linear(3, 3, rng=0)),
        ]
        others = [nn.Dropout(0.5), nn.GaussianNoise(1.0), nn.Masking(0.5), nn.Tanh(), nn.GELU(), nn.Identity()]
        makes = [lambda *layers: nn.Sequential(*layers)] + ([Own] if kind is not float else [])
        for make in makes:
            for layer in first + (others if make is not Own else []):
                model = make(layer, nn.Linear(3, 2, rng=0))
                nn.fit(model, nn.cross_entropy, (x, Y), epochs=1, validation=(x, Y))
                assert {p.dtype for p in model.parameters()} == {np.dtype(np.float32)}
                assert nn.predict(model, x).dtype == np.float32
                wide = model.astype(np.float64)
                assert nn.predict(wide, x).dtype == np.float64
        images = (9 * np.abs(X[:40])).astype(kind).reshape(4, 1, 6, 5)
        assert nn.predict(nn.Conv2d(1, 2, 3, rng=0), images).dtype == np.float32
        sequences = images.reshape(4, 10, 3)
        assert nn.predict(nn.GRU(3, 2, rng=0), sequences)[1].dtype == np.float32
        assert nn.predict(nn.MultiHeadAttention(3, 1, rng=0), sequences).dtype == np.float32

    def test_places_in_a_table_stay_whole_numbers(self):
        class Rows(nn.Module):
            def forward(self, x):
                return np.eye(4, dtype=np.float32)[x]

        places = np.arange(46) % 4
        for first in (nn.Embedding(4, 4, rng=0), Rows()):
            model = nn.Sequential(first, nn.Linear(4, 2, rng=0))
            nn.fit(model, nn.cross_entropy, (places, Y), epochs=1)
            assert nn.predict(model, places).dtype == np.float32

    def test_several_inputs(self):
        class Sum(nn.Module):
            def __init__(self):
                super().__init__()
                self.layer = nn.Linear(3, 2, rng=0)

            def forward(self, a, b):
                return self.layer(a) + self.layer(b)

        history = nn.fit(Sum(), nn.cross_entropy, (X, -X, Y), epochs=1)
        assert_close(history["loss"][0], np.log(2), 0.1)

    def test_a_single_array_has_no_target(self):
        model = nn.Linear(3, 1, rng=0)
        nn.fit(model, lambda s: (s * s).mean(), X, optimizer=nn.SGD(model.parameters(), 0.5), epochs=30)
        assert np.abs(model(X).data).max() < 1e-2

    def test_a_stream(self):
        loader = nn.DataLoader(lambda: zip(X, Y, strict=True), batch_size=8)
        model = small()
        assert len(nn.fit(model, nn.cross_entropy, loader, epochs=2)["loss"]) == 2

    def test_no_epochs(self):
        model, history = run(epochs=0)
        assert bits(model) == bits(small())
        assert history.epochs == 0

    def test_frozen_parts_stay(self):
        model = small()
        model[0].freeze()
        before = model[0].weights.data.copy()
        run(model)
        np.testing.assert_array_equal(model[0].weights.data, before)


class TestModes:
    def test_the_mode_is_restored(self):
        for training in (True, False):
            model, _ = run(noisy().train(training), validation=(X, Y))
            assert all(module.training == training for _, module in model.named_modules())
            assert model.training == training

    def test_it_trains_in_training_mode_and_validates_in_evaluation_mode(self):
        seen = []
        model = noisy().eval()
        with model[2].register_forward_hook(lambda module, _args, _output: seen.append(module.training)):
            nn.fit(model, nn.cross_entropy, (X, Y), epochs=1, batch_size=23, validation=(X, Y))
        assert seen == [True, True, False, False]

    def test_a_part_in_evaluation_mode_stays_there(self):
        model = noisy()
        model[2].eval()
        seen = []
        with model[2].register_forward_hook(lambda module, _args, _output: seen.append(module.training)):
            run(model, epochs=1, validation=(X, Y))
        assert not any(seen)
        assert not model[2].training
        assert model.training

    def test_validation_changes_nothing(self):
        assert bits(run(noisy(), validation=(X, Y), metrics=[nn.accuracy])[0]) == bits(run(noisy())[0])


class TestEvaluate:
    def test_the_mean_over_uneven_batches(self):
        model = small()
        whole = nn.cross_entropy(model(X), Y).item()
        for size in (1, 7, 46, 99):
            assert_close(nn.evaluate(model, nn.cross_entropy, (X, Y), batch_size=size)["loss"], whole, 1e-6)

    def test_metrics_see_all_outputs_at_once(self):
        model = nn.Linear(3, 1, rng=0)
        target = X[:, :1] + 2
        values = nn.evaluate(model, nn.squared_error, (X, target), metrics=[nn.r2], batch_size=7)
        assert_close(values["r2"], nn.r2(model(X), target), 1e-6)

    def test_predict_keeps_the_order(self):
        model = noisy()
        np.testing.assert_allclose(nn.predict(model, X, batch_size=7), model.eval()(X).data, rtol=1e-6)

    def test_a_loader_is_passed_from_the_beginning(self):
        loader = nn.DataLoader(X, Y, batch_size=8, rng=0, transform=nn.data.gaussian_noise(1))
        next(iter(loader))
        first, second = (nn.evaluate(small(), nn.cross_entropy, loader) for _ in "ab")
        assert first == second

    def test_a_loader_stays_where_it_is(self):
        def trained(callbacks, **options):
            model = small()
            loader = nn.DataLoader(X, Y, batch_size=8, shuffle=True, rng=3)
            nn.fit(model, nn.cross_entropy, loader, epochs=3, callbacks=[c(loader) for c in callbacks], **options)
            return bits(model), loader.state_dict()

        looking = lambda loader: lambda run: nn.evaluate(run.model, nn.cross_entropy, loader)
        assert trained([looking]) == trained([])

    def test_predict_undoes_a_loader_s_order(self):
        model = noisy()
        loader = nn.DataLoader(X, batch_size=8, shuffle=True, drop_last=True, rng=0)
        next(iter(loader))
        before = loader.state_dict()
        np.testing.assert_array_equal(nn.predict(model, loader), nn.predict(model, X, batch_size=8))
        assert loader.state_dict() == before

    def test_predict_takes_lists(self):
        np.testing.assert_array_equal(nn.predict(small(), X[:2].tolist()), nn.predict(small(), X[:2].astype(float)))

    def test_outputs_can_be_several(self):
        model, x = nn.GRU(3, 4, rng=0), X[:40].reshape(10, 4, 3)
        states, last = nn.predict(model, x, batch_size=3)
        np.testing.assert_array_equal(states[:, -1], last)
        loss = lambda output, y: nn.squared_error(output[1], y)
        metrics = {"shape": lambda output, y: output[0].shape[0]}
        history = nn.fit(model, loss, (x, last), validation=(x, last), metrics=metrics, epochs=1, batch_size=5)

        class Named(nn.GRU):
            def forward(self, x):
                return dict(zip(("states", "last"), super().forward(x), strict=True))

        np.testing.assert_array_equal(nn.predict(Named(3, 4, rng=0), x, batch_size=3)["last"], last)
        assert (history["shape"], history["val_shape"]) == (10, 10)


class TestAccumulation:
    @pytest.mark.parametrize("count", [46, 40, 41])
    def test_it_is_the_big_batch_also_at_an_uneven_end(self, count):
        def trained(batch_size, accumulate):
            model = nn.MLP([3, 4, 2], rng=0, dtype=float)
            sgd = nn.SGD(model.parameters(), 0.5)
            loader = nn.DataLoader(X[:count].astype(float), Y[:count], batch_size=batch_size, shuffle=True, rng=1)
            nn.fit(model, nn.cross_entropy, loader, optimizer=sgd, epochs=2, accumulate=accumulate)
            return model.state_dict(), sgd.steps

        small_batches, steps = trained(4, 3)
        big_batches, big_steps = trained(12, 1)
        assert steps == big_steps == 2 * -(-count // 12)
        for name, array in big_batches.items():
            assert_close(small_batches[name], array, 1e-12)

    def test_clipping_bounds_the_gradient_of_all_together(self):
        norms = []

        class Watching(nn.SGD):
            def step(self):
                norms.append(math.sqrt(sum(float((p.grad**2).sum()) for p in self.parameters)))
                super().step()

        for limit in (0.01, 1e9):
            model = small()
            run(model, optimizer=Watching(model.parameters(), 0.1), clip_norm=limit, epochs=1)
        clipped, free = norms[:6], norms[6:]
        assert max(clipped) == pytest.approx(0.01, rel=1e-5)
        assert min(free) > 0.02


class TestCallbacks:
    def test_moments_and_functions(self):
        seen = []

        class Recorder:
            def on_start(self, run):
                seen.append(("start", run.epoch, run.step))

            def on_step(self, run):
                seen.append(("step", run.epoch, run.step))

            def on_epoch(self, run):
                seen.append(("epoch", run.epoch, run.step))

            def on_end(self, run):
                seen.append(("end", run.epoch, run.step))

        run(callbacks=[Recorder(), lambda run: seen.append(("function", run.history.epochs))], batch_size=23, epochs=2)
        one = [("step", 0, 1), ("step", 0, 2), ("epoch", 1, 2), ("function", 1)]
        two = [("step", 1, 3), ("step", 1, 4), ("epoch", 2, 4), ("function", 2)]
        assert seen == [("start", 0, 0), *one, *two, ("end", 2, 4)]

    def test_stop(self):
        _, history = run(epochs=50, callbacks=[lambda run: run.epoch == 2 and run.stop("enough")])
        assert history.epochs == 2
        assert history.stopped == "enough"

    def test_early_stopping_restores_the_best_weights(self):
        kept = []
        stopping = nn.EarlyStopping(patience=4)
        keep = lambda run: kept.append(bits(run.model))
        validation = X, 1 - Y  # the better on the data, the worse there
        model, history = run(epochs=50, validation=validation, callbacks=[stopping, keep])
        best = int(history["val_loss"].argmin())
        assert history.epochs == best + 1 + 4
        assert stopping.best == history["val_loss"][best]
        assert stopping.best_epoch == best + 1
        assert bits(model) == kept[best]
        assert "epoch 1 was best" in history.stopped

    def test_also_at_the_last_epoch(self):
        kept = []
        model, history = run(
            validation=(X, 1 - Y), callbacks=[nn.EarlyStopping(), lambda run: kept.append(bits(run.model))]
        )
        assert history.stopped is None
        assert bits(model) == kept[int(history["val_loss"].argmin())] != kept[-1]

    def test_the_largest_can_be_the_best(self):
        stopping = nn.EarlyStopping(patience=2, monitor="accuracy", mode="max")
        _, history = run(epochs=60, metrics=[nn.accuracy], callbacks=[stopping])
        assert stopping.best == history["accuracy"].max()
        assert history.epochs == stopping.best_epoch + 2

    def test_a_quantity_that_is_never_a_number_has_no_best_epoch(self):
        _, history = run(validation=(X * np.nan, Y), callbacks=[nn.EarlyStopping(2)])
        assert history.stopped == "val_loss has not improved for 2 epochs; it never was a number"

    def test_larger_accuracies_are_better_unless_told_otherwise(self):
        for mode, sign in ((None, 1), ("max", 1), ("min", -1)):
            stopping = nn.EarlyStopping(patience=9, monitor="val_accuracy", mode=mode)
            _, history = run(validation=(X, Y), metrics=[nn.accuracy], callbacks=[stopping])
            assert stopping.best == sign * (sign * history["val_accuracy"]).max()

    def test_a_callback_can_be_used_again(self):
        stopping = nn.EarlyStopping(patience=1)
        counts = [run(epochs=50, validation=(X, 1 - Y), callbacks=[stopping])[1].epochs for _ in "ab"]
        assert counts[0] == counts[1]

    def test_reduce_on_plateau(self):
        model = small()
        sgd = nn.SGD(model.parameters(), 0.1)
        reducing = nn.ReduceOnPlateau(0.5, patience=2, monitor="val_loss", min_delta=100, min_rate=0.03)
        _, history = run(model, optimizer=sgd, epochs=8, validation=(X, Y), callbacks=[reducing])
        np.testing.assert_allclose(history["rate"], [0.1, 0.1, 0.1, 0.05, 0.05, 0.03, 0.03, 0.03])

    def test_a_schedule_cannot_be_reduced(self):
        model = small()
        with pytest.raises(TypeError, match="schedule"):
            run(model, optimizer=nn.SGD(model.parameters(), lambda step: 0.1), callbacks=[nn.ReduceOnPlateau()])

    def test_signal_log_takes_the_backward(self):
        model = small()
        log = nn.SignalLog(model, every=2)
        run(model, callbacks=[log], epochs=1, accumulate=2)
        assert log.steps == [0, 2, 4]
        assert bits(model) == bits(run(epochs=1, accumulate=2)[0])

    @pytest.mark.parametrize("wrong", [3, "early", nn.EarlyStopping])
    def test_what_is_no_callback(self, wrong):
        with pytest.raises(TypeError, match="is no callback"):
            run(callbacks=[wrong])

    def test_a_quantity_that_is_not_there(self):
        with pytest.raises(ValueError, match=r"val_loss.*'loss', 'rate'"):
            run(callbacks=[nn.EarlyStopping(monitor="val_loss")])


class TestNotFinite:
    def test_data_are_blamed(self):
        x = X.copy()
        x[3, 1] = np.nan
        model = small()
        before = bits(model)
        with pytest.raises(FloatingPointError, match=r"step 0 \(epoch 1, batch 1 of 1\).*1 entries .* array 0 of 2"):
            nn.fit(model, nn.cross_entropy, (x, Y), batch_size=99)
        assert bits(model) == before

    def test_parameters_are_blamed(self):
        class Breaking:
            def on_step(self, run):
                if run.step == 8:
                    run.model[2].weights.data = np.full((8, 2), np.nan, np.float32)

        with pytest.raises(FloatingPointError, match=r"step 8 \(epoch 2, batch 3 of 6\).*2\.weights is.*clip_norm"):
            run(callbacks=[Breaking()])

    @pytest.mark.filterwarnings("ignore::RuntimeWarning")
    def test_operations_are_found_with_checked(self):
        loss = lambda s, _y: np.log(s - s).mean()
        with pytest.raises(FloatingPointError, match=r"autograd_mini\.checked\(\)"):
            nn.fit(small(), loss, (X, Y))
        with pytest.raises(NonFiniteError, match=r"np\.log"), checked():
            nn.fit(small(), loss, (X, Y))


class TestResume:
    def options(self, path, **more):
        return {
            "checkpoint": path,
            "validation": (X, 1 - Y),
            "metrics": [nn.accuracy],
            "resume": True,
            "epochs": 6,
            "callbacks": [nn.EarlyStopping(patience=3), nn.ReduceOnPlateau(patience=1)],
        } | more

    @pytest.mark.parametrize("every", [None, 1, 4])
    @pytest.mark.parametrize("accumulate", [1, 4])
    @pytest.mark.parametrize("last", [1, 3, 5, 6, 7, 12])
    def test_to_the_same_bits_wherever_it_ended(self, tmp_path, last, every, accumulate):
        class Cut(Exception):
            pass

        class Cutting:
            def on_step(self, run):
                if run.step == last:
                    raise Cut

        options = {"checkpoint_every": every, "accumulate": accumulate}
        whole, expected = run(noisy(), **self.options(tmp_path / "whole", **options))
        path = tmp_path / "cut"
        cutting = self.options(path, **options)
        cutting["callbacks"].append(Cutting())
        if last <= 6 * -(-6 // accumulate) and last <= expected.epochs * -(-6 // accumulate):
            with pytest.raises(Cut):
                run(noisy(), **cutting)
        model, history = run(noisy(), **self.options(path, **options))
        assert bits(model) == bits(whole)
        assert str(history) == str(expected)
        assert all(history[name].tobytes() == expected[name].tobytes() for name in expected)

    def test_a_finished_training_stays_finished(self, tmp_path):
        path = tmp_path / "run"
        model, history = run(noisy(), **self.options(path))
        again, same = run(noisy(), **self.options(path))
        assert bits(again) == bits(model)
        assert str(same) == str(history)

    def test_more_epochs_go_on(self, tmp_path):
        path = tmp_path / "run"
        options = {"checkpoint": path, "resume": True}
        run(epochs=2, **options)
        model, history = run(epochs=5, **options)
        assert history.epochs == 5
        assert bits(model) == bits(run(epochs=5)[0])

    def test_from_another_file(self, tmp_path):
        run(epochs=2, checkpoint=tmp_path / "first")
        model, _ = run(epochs=4, resume=tmp_path / "first")
        assert bits(model) == bits(run(epochs=4)[0])
        with pytest.raises(FileNotFoundError):
            run(resume=tmp_path / "missing")

    def test_without_a_file_it_begins(self, tmp_path):
        assert bits(run(checkpoint=tmp_path / "run", resume=True)[0]) == bits(run()[0])

    @pytest.mark.parametrize(
        "change",
        [
            lambda arrays: arrays.pop("callback_0/weights.0.bias"),
            lambda arrays: arrays.update({"callback_0/weights.other": np.zeros(2)}),
            lambda arrays: arrays.update({"callback_0/weights.0.bias": np.zeros(3, np.float32)}),
            lambda arrays: arrays.update({"callback_0/weights.0.bias": np.zeros(8)}),
        ],
    )
    def test_best_weights_of_another_model_are_refused_and_nothing_changes(self, tmp_path, change):
        path = tmp_path / "run"
        run(noisy(), **self.options(path))
        arrays, facts = tensor_files.read(path)
        change(arrays)
        tensor_files.write(path, arrays, facts)
        model = noisy()
        model[0].bias.data = np.ones(8, np.float32)
        before = bits(model), str(model[2].rng.bit_generator.state)
        with pytest.raises(ValueError, match="best weights that EarlyStopping kept are not this model's"):
            run(model, **self.options(path))
        assert (bits(model), str(model[2].rng.bit_generator.state)) == before

    def test_what_cannot_be_saved_is_told_before_the_training(self, tmp_path):
        model = small()
        with pytest.raises(FileNotFoundError, match="no directory"):
            run(model, checkpoint=tmp_path / "missing" / "run")
        with pytest.raises(TypeError, match=r"a = \[1\]"):
            run(model, checkpoint=tmp_path / "run", callbacks=[Odd()])
        assert bits(model) == bits(small())
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize("changed", [{"metrics": [nn.accuracy]}, {"callbacks": [nn.EarlyStopping()]}])
    def test_another_training_is_told_what_must_be_the_same(self, tmp_path, changed):
        options = {"checkpoint": tmp_path / "run", "resume": True}
        run(epochs=1, **options)
        with pytest.raises(ValueError, match="run") as raised:
            run(epochs=2, **options, **changed)
        assert "same kinds of model, optimizer, data, metrics and callbacks" in raised.value.__notes__[0]

    @pytest.mark.parametrize(
        ("first", "second", "message", "goes_on"),
        [
            ({}, {"learning_rate": 0.01}, r"learning_rate was 0.1 and is 0.01.*checkpoint's", "first"),
            (
                {},
                {"momentum": 0.5, "weight_decay": 0.1},
                r"momentum was 0.9 and is 0.5, weight_decay was 0.0 and is",
                "first",
            ),
            ({"learning_rate": 0.01, "fit": {"rng": 3}}, {"learning_rate": 0.01}, "rng was 3 and is 0", "first"),
            ({"fit": {"accumulate": 2}}, {"fit": {"accumulate": 3}}, r"accumulate was 2 and is 3.*this call", "second"),
            ({"fit": {"clip_norm": 0.1}}, {}, "clip_norm was 0.1 and is None", "second"),
            (
                {"learning_rate": nn.schedules.cosine(0.1, steps=12)},
                {"learning_rate": nn.schedules.cosine(0.1, steps=24)},
                r"was 'cosine\(.*steps=12.*' and is 'cosine\(.*steps=24.*rate 0 of step 12 was 0.0 and is 0.05",
                "second",
            ),
            (
                {"learning_rate": lambda t: 0.1},
                {"learning_rate": lambda t: 0.2},
                "rate 0 of step 12 was 0.1 and is 0.2",
                "second",
            ),
        ],
    )
    def test_what_is_asked_for_otherwise_is_told_with_both_values(self, tmp_path, first, second, message, goes_on):
        def trained(epochs, learning_rate=0.1, fit=None, **options):
            model = small()
            sgd = nn.SGD(model.parameters(), learning_rate, **({"momentum": 0.9} | options))
            return run(model, optimizer=sgd, epochs=epochs, checkpoint=tmp_path / "run", resume=True, **(fit or {}))

        whole, _ = trained(4, **first)
        (tmp_path / "run").unlink()
        trained(2, **first)
        with pytest.warns(UserWarning, match=message) as told:
            model, _ = trained(4, **second)
        assert len(told) == 1
        assert (bits(model) == bits(whole)) == (goes_on == "first")
        if goes_on == "second":
            trained(5, **second)  # what was taken over is no news any more
        else:
            trained(5, **first)

    def test_what_changes_in_the_training_is_no_difference(self, tmp_path):
        reducing = lambda: [nn.ReduceOnPlateau(0.5, patience=1, min_delta=100)]
        for epochs in (2, 4):
            _, history = run(epochs=epochs, checkpoint=tmp_path / "run", resume=True, callbacks=reducing())
        assert history["rate"][-1] < 0.1
        again = nn.schedules.cosine(0.1, steps=12)
        for epochs in (1, 2):
            model = small()
            groups = nn.Optimizers(nn.SGD(model[0].parameters(), again), nn.SGD(model[2].parameters(), lambda t: 0.1))
            run(model, optimizer=groups, epochs=epochs, checkpoint=tmp_path / "groups", resume=True)
        model = small()
        groups = nn.Optimizers(nn.SGD(model[0].parameters(), again), nn.SGD(model[2].parameters(), lambda t: 0.3))
        with pytest.warns(UserWarning, match="rate 1 of step 12 was 0.1 and is 0.3"):
            run(model, optimizer=groups, epochs=3, checkpoint=tmp_path / "groups", resume=True)

    def test_a_training_that_had_stopped_stays_so_and_says_it(self, tmp_path):
        options = {"checkpoint": tmp_path / "run", "resume": True, "validation": (X, Y)}
        stopping = lambda: [nn.EarlyStopping(1, min_delta=100)]
        first, history = run(epochs=4, callbacks=stopping(), **options)
        with pytest.warns(UserWarning, match="had stopped after 2 epochs"):
            second, again = run(epochs=9, callbacks=stopping(), **options)
        assert bits(first) == bits(second)
        assert history == again

    def test_other_data_are_refused_and_nothing_changes(self, tmp_path):
        run(checkpoint=tmp_path / "run")
        model = small(rng=9)
        with pytest.raises(ValueError, match="examples was 46 and is 40"):
            nn.fit(
                model,
                nn.cross_entropy,
                (X[:40], Y[:40]),
                optimizer=nn.SGD(model.parameters(), 0.1, momentum=0.9),
                batch_size=8,
                resume=tmp_path / "run",
            )
        assert bits(model) == bits(small(rng=9))


class TestInterrupt:
    def test_the_model_is_usable_and_the_interrupt_comes_through(self):
        def interrupt(run):
            if run.epoch == 2:
                raise KeyboardInterrupt

        model = noisy().eval()
        kept = []
        with pytest.raises(KeyboardInterrupt):
            run(
                model,
                epochs=9,
                validation=(X, 1 - Y),
                callbacks=[nn.EarlyStopping(), lambda run: kept.append(bits(run.model)), interrupt],
            )
        assert bits(model) == kept[0]
        assert not model.training
        assert not model[2].training
        assert all(parameter.grad is None for parameter in model.parameters())

    @pytest.mark.skipif(os.name != "posix", reason="signals")
    def test_ctrl_c(self):
        pytest.importorskip("tqdm")
        code = """
import threading
import numpy as np
import nn
x = np.ones((1000, 3), np.float32)
model = nn.Linear(3, 1, rng=0)
loader = nn.DataLoader(x, x[:, :1], batch_size=1, prefetch=2)
try:
    nn.fit(model, nn.squared_error, loader, epochs=100000, progress=True,
           callbacks=[lambda run: run.epoch == 1 and print("ready", flush=True)])
except KeyboardInterrupt:
    print("threads", threading.active_count(), "finite", np.isfinite(model(x).data).all(), flush=True)
    raise
"""
        out, error, _ = interrupted(code)
        assert "threads 1 finite True" in out
        assert "KeyboardInterrupt" in error


class TestProgress:
    def test_a_bar_with_loss_metrics_and_time_left(self, capfd):
        pytest.importorskip("tqdm")
        run(progress=True, metrics=[nn.accuracy], validation=(X, Y))
        shown = capfd.readouterr().err
        assert "epoch 3/3: 100%" in shown
        assert "18/18" in shown
        assert "loss=" in shown
        assert "val_accuracy=" in shown

    def test_nothing_where_there_is_no_terminal(self, capfd):
        run()
        assert capfd.readouterr().err == ""

    def test_without_tqdm(self, monkeypatch):
        for name in ("tqdm", "tqdm.auto"):
            monkeypatch.setitem(sys.modules, name, None)
        run()
        with pytest.raises(ImportError, match=r"autograd-mini\[progress\]"):
            run(progress=True)

    def test_it_is_no_part_of_the_training(self, capfd):
        assert bits(run(progress=True)[0]) == bits(run(progress=False)[0])
        capfd.readouterr()


def test_the_guide_runs(tmp_path, monkeypatch, capsys):
    for extra in ("sklearn", "matplotlib", "safetensors"):
        pytest.importorskip(extra)
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__main__"}
    for line, code in snippets(ROOT / "docs" / "training.md"):
        exec(compile("\n" * (line - 1) + code, "training.md", "exec"), names)
    assert names["history"].epochs == 4
    assert nn.accuracy(names["scores"], names["validation"][1]) > 0.9
    assert "stopped: val_loss" in capsys.readouterr().out


class TestMistakes:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"epochs": -1}, r"fit\(epochs=-1\)"),
            ({"epochs": 1.5}, r"fit\(epochs=1.5\)"),
            ({"accumulate": 0}, r"fit\(accumulate=0\)"),
            ({"batch_size": 0}, r"fit\(batch_size=0\)"),
            ({"checkpoint_every": 0, "checkpoint": "x"}, r"fit\(checkpoint_every=0\)"),
            ({"clip_norm": 0}, r"fit\(clip_norm=0\)"),
            ({"clip_norm": math.nan}, r"fit\(clip_norm=nan\)"),
            ({"optimizer": "adam"}, "nn.Adam"),
            ({"optimizer": lambda parameters: None}, "optimizer=None"),
            ({"metrics": ["accuracy"]}, "'accuracy' is no metric"),
            ({"metrics": [nn.accuracy, nn.accuracy]}, "two metrics are called 'accuracy'"),
            ({"metrics": {"m": lambda s, y: "high"}}, "metric m returned 'high'"),
            ({"validation": "x.csv"}, "given a str as data"),
            ({"optimizer": nn.SGD(small().parameters(), 0.1)}, "none of the optimizer's parameters"),
            ({"validation": (X, Y[1:])}, r"lengths \[46, 45\]"),
            ({"callbacks": 3}, "3 is no callback"),
            ({"resume": True}, "no checkpoint to resume from"),
            ({"checkpoint_every": 3}, "no checkpoint to write"),
        ],
    )
    def test_options(self, options, message):
        with pytest.raises((TypeError, ValueError), match=message):
            run(**options)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ((lambda x: x, nn.cross_entropy, (X, Y)), "given a function"),
            ((small(), "mse", (X, Y)), "loss='mse'"),
            ((small(), nn.cross_entropy, {"x": X}), "given a dict as data"),
            ((small(), nn.cross_entropy, iter([(X, Y)])), "nn.DataLoader"),
            ((small(), lambda s, y: s, (X, Y)), r"tensor of shape \(32, 2\)"),
            ((small(), lambda s, y: 1.0, (X, Y)), "returned a float"),
        ],
    )
    def test_arguments(self, arguments, message):
        with pytest.raises(TypeError, match=message):
            nn.fit(*arguments)

    @pytest.mark.parametrize(
        ("data", "options", "note"),
        [(X, {}, r"Write `\(x, y\)`"), ((X, Y), {"optimizer": nn.SGD}, "lambda parameters: nn.SGD")],
    )
    def test_a_missing_argument_is_explained(self, data, options, note):
        with pytest.raises(TypeError, match="missing 1 required positional argument") as raised:
            nn.fit(small(), nn.cross_entropy, data, **options)
        assert re.search(note, raised.value.__notes__[0])

    def test_a_batch_size_beside_a_loader_would_be_ignored(self):
        loader = nn.DataLoader(X, Y, batch_size=8)
        with pytest.raises(ValueError, match="batch_size=16"):
            nn.fit(small(), nn.cross_entropy, loader, batch_size=16)
        nn.fit(small(), nn.cross_entropy, loader, validation=(X, Y), batch_size=16, epochs=1)

    @pytest.mark.parametrize(
        ("build", "message"),
        [
            (lambda: nn.EarlyStopping(patience=0), "patience=0"),
            (lambda: nn.EarlyStopping(mode="auto"), "mode='auto'"),
            (lambda: nn.EarlyStopping(min_delta=-1), "min_delta=-1"),
            (lambda: nn.ReduceOnPlateau(factor=1), "factor=1"),
        ],
    )
    def test_callbacks(self, build, message):
        with pytest.raises(ValueError, match=message):
            build()


class TestMetrics:
    def test_accuracy_of_one_score(self):
        for labels in ([1, 0, 1, 0], [1, -1, 1, -1]):
            assert nn.accuracy([2.0, -1.0, -3.0, -0.5], labels) == 0.75
            assert nn.accuracy([[2.0], [-1.0], [-3.0], [-0.5]], np.array(labels)[:, None]) == 0.75

    @pytest.mark.parametrize(
        ("output", "labels"),
        [
            ([[1.0, 2.0]], [1, 0]),
            ([[1.0, 2.0]], [0.5]),
            ([1.0, 2.0], [2, 3]),
            (np.ones((0, 2)), np.ones(0, int)),
            ([1.0, 2.0], [[0, 1]]),
        ],
    )
    def test_accuracy_of_what_does_not_fit(self, output, labels):
        with pytest.raises(ValueError, match="accuracy was given"):
            nn.accuracy(output, labels)

    def test_accuracy_takes_what_cross_entropy_takes(self):
        rng = np.random.default_rng(0)
        for shape in ((), (4,), (4, 3), (2, 3, 2)):
            scores, labels = rng.standard_normal((*shape, 5)), rng.integers(0, 5, shape)
            want = np.mean(scores.argmax(axis=-1) == labels)
            assert np.isfinite(nn.cross_entropy(scores, labels))
            assert nn.accuracy(scores, labels) == want
            if shape:
                assert nn.accuracy(scores, np.eye(5)[labels]) == want
                assert np.isfinite(nn.cross_entropy(scores, np.eye(5)[labels]))
            for ignored in (-1, -100, 2, 9):
                some = np.where(rng.random(shape) < 0.4, ignored, labels)
                if np.any(some != ignored):
                    assert np.isfinite(nn.cross_entropy(scores, some, ignore_index=ignored))
                    hits = (scores.argmax(axis=-1) == some)[some != ignored]
                    assert nn.accuracy(scores, some, ignore_index=ignored) == np.mean(hits)

    def test_accuracy_of_what_cross_entropy_refuses(self):
        scores = np.ones((4, 3))
        for labels, options, message in (
            (np.full(4, -1), {"ignore_index": -1}, "4 labels which are all ignored"),
            (np.full(4, -1), {}, "labels from -1 to -1"),
            (np.eye(4, 3), {}, "adds up to 1"),
            (np.eye(4, 3)[[0, 1, 2, 0]], {"ignore_index": -1}, r"accuracy\(ignore_index=-1\)"),
            (np.eye(4, 3).astype(int), {}, "dtype int64"),
        ):
            with pytest.raises(ValueError, match=message):
                nn.accuracy(scores, labels, **options)
            with pytest.raises(ValueError, match="cross_entropy"):
                nn.cross_entropy(scores, labels, **options)

    def test_accuracy_of_one_score_in_sequences_and_with_ignored_labels(self):
        scores = np.array([[[2.0], [-1.0]], [[-3.0], [1.0]]])
        for labels in (np.array([[1, 0], [1, 9]]), np.array([[1, 0], [1, 9]])[..., None]):
            assert nn.accuracy(scores, labels, ignore_index=9) == 2 / 3
        assert nn.accuracy([2.0, -1.0, np.nan], [1, 1, -100], ignore_index=-100) == 0.5

    def test_an_epoch_s_accuracy_is_that_of_its_labels(self):
        labels = np.where(np.arange(46) % 7 < 2, Y, -1)
        model = small()
        accuracy = lambda s, y: nn.accuracy(s, y, ignore_index=-1)
        loss = lambda s, y: nn.cross_entropy(s, y, ignore_index=-1)
        still = nn.SGD(model.parameters(), 1e-30)
        history = nn.fit(
            model,
            loss,
            (X, labels),
            optimizer=still,
            epochs=1,
            batch_size=3,
            metrics={"a": accuracy},
            validation=(X, labels),
        )
        assert_close(history["a"], history["val_a"], 1e-12)

    def test_labels_out_of_range_and_scores_that_are_nan(self):
        for labels in ([0, 2], [-1, 1]):
            with pytest.raises(ValueError, match=r"labels from .* for 2 classes"):
                nn.accuracy([[1.0, 2.0], [2.0, 1.0]], labels)
        with pytest.raises(ValueError, match="1 scores that are NaN"):
            nn.accuracy([[1.0, np.nan], [2.0, 1.0]], [0, 1])

    def test_r2(self):
        with pytest.raises(ValueError, match="1 of 2 are NaN"):
            nn.r2([1.0, 2.0], [np.nan, 2.0])
        assert nn.r2([2.0, 2.0], [1.0, 3.0]) == 0
        assert nn.r2(*np.array([[0, 200], [200, 0]], np.uint8)) == -3
        with pytest.raises(ValueError, match="all equal"):
            nn.r2([1.0, 2.0], [3.0, 3.0])
        with pytest.raises(ValueError, match="must agree"):
            nn.r2([[1.0], [2.0]], [3.0, 3.0])


class TestHistory:
    def test_equality(self):
        assert self.history() == self.history()
        other = self.history()
        other.stopped = "early"
        assert self.history() != other
        assert other != {}

    def history(self):
        history = History()
        for i in range(30):
            history.append({"loss": 1 / (i + 1), "val_loss": 2 / (i + 1), "rate": 0.1})
        return history

    def test_a_long_table_is_cut_in_the_middle(self):
        lines = str(self.history()).splitlines()
        assert len(lines) == 22
        assert lines[11].strip() == "..."
        assert lines[-1].split() == ["30", "0.03333", "0.06667", "0.1"]

    def test_it_says_which_epoch_was_kept(self):
        stopping = nn.EarlyStopping(patience=2)
        _, history = run(epochs=9, validation=(X, 1 - Y), callbacks=[stopping])
        assert history.kept == stopping.best_epoch
        end = f"kept: the weights of epoch {history.kept}"
        assert str(history).splitlines()[-1] == end
        assert end in repr(history)
        assert f"<strong>{history.kept}</strong>" in history._repr_html_()
        assert run()[1].kept is None

    def test_the_epoch_that_was_kept_is_shown_in_a_long_table(self):
        history = self.history()
        history.kept = 15
        assert [line.split()[0] for line in str(history).splitlines()][10:15] == ["10", "...", "15", "...", "21"]
        assert "<strong>15</strong>" in history._repr_html_()
        assert "no epoch" in History()._repr_html_()

    def test_json(self):
        history = History()
        history.append({"loss": 0.5, "score": np.inf})
        history.stopped = "enough"
        columns = {"loss": [0.5], "score": [None]}
        wanted = {"epochs": 1, "stopped": "enough", "kept": None, "columns": columns}
        assert json.loads(history.to_json()) == wanted

    @pytest.mark.extra
    def test_data_frame(self):
        pytest.importorskip("pandas")
        frame = self.history().to_dataframe()
        assert list(frame.columns) == ["loss", "val_loss", "rate"]
        assert frame.index.name == "epoch"
        assert frame.loc[4, "loss"] == 0.25

    def test_names_are_known(self):
        with pytest.raises(KeyError, match="'loss', 'val_loss'"):
            self.history()["accuracy"]

    def test_state(self):
        history = self.history()
        history.stopped = "enough"
        again = History()
        again.load_state_dict(history.state_dict())
        assert str(again) == str(history)
        assert list(again) == ["loss", "val_loss", "rate"]

    @pytest.mark.parametrize("change", [{"epochs": 3}, {"stopped": 3}, {"name.0": 3}, {"column.1": np.ones(3)}])
    def test_a_damaged_state(self, change):
        with pytest.raises(ValueError, match="none of a History"):
            History().load_state_dict(self.history().state_dict() | change)

    def test_a_late_quantity_has_gaps(self):
        history = History()
        history.append({"loss": 1.0})
        history.append({"loss": 0.5, "extra": 3.0})
        np.testing.assert_array_equal(history["extra"], [np.nan, 3.0])

    def test_plot(self):
        pytest.importorskip("matplotlib")
        figure = self.history().plot()
        assert [axis.get_ylabel() for axis in figure.axes] == ["loss"]
        assert [line.get_label() for line in figure.axes[0].lines] == ["training", "validation"]
        with pytest.raises(ValueError, match="no epoch"):
            History().plot()
