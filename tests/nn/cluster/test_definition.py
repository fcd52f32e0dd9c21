"""What a training in parts computes: the same on any workers, and as a whole batch wherever a mean says so."""

import pickle

import numpy as np
import pytest

import nn
from nn.cluster.worker import Failure
from tests.nn.cluster.trainings import Several, bits, examples, network, shards, trained

OPTIMIZERS = [
    lambda parameters: nn.SGD(parameters, 0.1, momentum=0.9),
    lambda parameters: nn.AdaGrad(parameters, 0.1),
    lambda parameters: nn.RMSprop(parameters, 0.01),
    lambda parameters: nn.AdamW(parameters, nn.schedules.cosine(0.01, 12)),
]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("sync_every", [1, 3])
def test_the_same_bits_on_any_number_of_workers(optimizer, sync_every):
    options = {"optimizer": optimizer, "clip_norm": 0.5, "validation": examples(), "metrics": [nn.accuracy, nn.f1]}
    expected = bits(*trained(nn.Cluster(parts=5, sync_every=sync_every), **options))
    for workers, keep in ((1, 1), (2, 2), (3, 7)):
        cluster = nn.Cluster(Several(workers, keep), parts=5, sync_every=sync_every)
        assert bits(*trained(cluster, **options)) == expected
        assert {i for method, i in cluster.engine.jobs if method != "evaluate"} == set(range(workers))


def smooth():
    return nn.MLP([8, 16, 3], "tanh", rng=0).astype(np.float64)


def distance(one, other):
    return max(np.abs(a.data - b.data).max() for a, b in zip(one.parameters(), other.parameters(), strict=True))


def ignoring(outputs, targets, **options):
    return nn.cross_entropy(outputs, targets, ignore_index=0, **options)


def weighing(outputs, targets, **options):
    return nn.cross_entropy(outputs, targets, class_weights=np.array([1.0, 10.0, 0.1]), **options)


@pytest.mark.parametrize("loss", [nn.cross_entropy, ignoring, weighing])
@pytest.mark.parametrize("weights", [None, np.linspace(0, 2, 240)], ids=["plain", "weighted"])
def test_parts_of_a_batch_are_the_batch(loss, weights):
    def of(parts, **options):
        shards = nn.Shards.arrays(*examples(), *([] if weights is None else [weights]), shards=6)
        given = None if weights is None else True
        options = {"optimizer": lambda p: nn.SGD(p, 0.1), "batch_size": 50, "sample_weight": given} | options
        model = smooth()
        return model, nn.fit(model, loss, shards, cluster=nn.Cluster(parts=parts), epochs=1, **options)

    model, history = of(1, optimizer=lambda p: nn.SGD(p, 1e-9))
    assert np.isclose(
        history["loss"][0], nn.evaluate(model, loss, examples(), sample_weight=weights)["loss"], rtol=1e-6
    )
    whole, history = of(1, batch_size=240)
    alone = smooth()
    nn.fit(alone, loss, examples(), optimizer=lambda p: nn.SGD(p, 0.1), batch_size=240, epochs=1, sample_weight=weights)
    assert distance(whole, alone) < 1e-14
    for parts in (4, 7):
        parted, same = of(parts, batch_size=240)
        assert distance(whole, parted) < 1e-13
        assert np.isclose(history["loss"][0], same["loss"][0], rtol=1e-12)
    assert distance(of(5, batch_size=120, accumulate=2)[0], whole) < 1e-13


def test_a_part_without_an_example_that_counts_adds_nothing():
    x, y = examples()
    y[:200] = 0
    model, history = trained(nn.Cluster(parts=4), smooth(), nn.Shards.arrays(x, y, shards=24), batch_size=8)
    assert np.isfinite(history["loss"]).all()
    with pytest.raises(ValueError, match="no example counts"):
        nn.fit(model, ignoring, nn.Shards.arrays(x, np.zeros(240, int)), batch_size=40)


def test_running_statistics_are_means_over_the_parts_and_constants_stay():
    class Kept(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm(8, momentum=1.0, dtype=np.float64)
            self.mask = nn.Buffer(np.array([0.1, -np.inf, np.nan]))
            self.count = nn.Buffer(np.array(0))
            self.out = nn.Linear(8, 3, rng=0)

        def forward(self, x):
            self.count.data = self.count.data + 1
            return self.out(self.norm(x))

    x, y = examples()
    model = Kept()
    nn.fit(model, nn.cross_entropy, (x, y), cluster=nn.Cluster(parts=3), batch_size=240, epochs=2)
    assert np.allclose(model.norm.mean.data, x.mean(0))
    assert model.count.data == 2
    assert np.array_equal(model.mask.data, [0.1, -np.inf, np.nan], equal_nan=True)


class Enough(Exception):
    pass


class Stopping:
    def __init__(self, step):
        self.step = step

    def on_step(self, run):
        if run.step == self.step:
            raise Enough


@pytest.mark.parametrize("sync_every", [1, 2])
def test_a_training_resumes_to_the_bit_within_an_epoch_on_other_workers(tmp_path, sync_every):
    cluster = nn.Cluster(parts=4, sync_every=sync_every)
    options = {"checkpoint": tmp_path / "run.safetensors", "checkpoint_every": 3, "metrics": [nn.f1]}
    expected = bits(*trained(cluster, **options))
    with pytest.raises(Enough):
        trained(cluster, callbacks=[Stopping(10)], **options)
    found = trained(nn.Cluster(Several(3), parts=4, sync_every=sync_every), resume=True, **options)
    assert bits(*found) == expected
    with pytest.raises(ValueError, match="parts was 4 and is 5"):
        trained(nn.Cluster(parts=5), resume=True, **options)


def test_the_model_is_evaluated_and_asked_in_shards():
    model, (x, y) = network().eval(), examples()
    here = nn.evaluate(model, nn.cross_entropy, (x, y), metrics=[nn.accuracy, nn.f1])
    shards = nn.Shards.arrays(x, y, shards=7)
    found = nn.evaluate(model, nn.cross_entropy, shards, metrics=[nn.accuracy, nn.f1], batch_size=9)
    assert here.keys() == found.keys()
    assert np.allclose([*here.values()], [*found.values()])
    again = nn.evaluate(model, nn.cross_entropy, (x, y), metrics=[nn.accuracy], cluster=nn.Cluster(Several(3)))
    assert np.isclose(again["loss"], here["loss"])
    assert np.allclose(nn.predict(model, x), nn.predict(model, nn.Shards.arrays(x, shards=7)))


def test_a_loss_computed_from_means_is_evaluated_on_all_outputs():
    def loss(outputs, targets):
        return nn.cross_entropy(outputs, targets, ignore_index=0) ** 2

    model, data = smooth(), examples()
    expected = nn.evaluate(model, loss, data)["loss"]
    assert np.isclose(nn.evaluate(model, loss, nn.Shards.arrays(*data, shards=5))["loss"], expected)
    with pytest.raises(ValueError, match="computed from means"):
        nn.fit(model, loss, nn.Shards.arrays(*data), batch_size=40)


@pytest.mark.parametrize("sync_every", [1, 2])
def test_compiled_gradients_have_the_same_bits(sync_every):
    options = {"metrics": [nn.accuracy, nn.f1], "epochs": 3}
    expected = bits(*trained(nn.Cluster(parts=4, sync_every=sync_every), **options))
    compiled = trained(nn.Cluster(Several(2), parts=4, sync_every=sync_every), compile=True, **options)
    assert bits(*compiled) == expected
    x, y = examples()
    x[3] = np.nan
    with pytest.raises(FloatingPointError, match="batch itself holds"):
        trained(nn.Cluster(parts=4), smooth(), nn.Shards.arrays(x, y), compile=True, batch_size=8)


def test_what_a_callback_changes_counts():
    class Later:
        def on_step(self, run):
            if run.step == 3:
                run.model[3].probability = 0.0
                run.model[0].freeze()

    cluster = nn.Cluster(Several(2), parts=4)
    changed = trained(cluster, callbacks=[Later()])
    assert bits(*changed) == bits(*trained(nn.Cluster(parts=4), callbacks=[Later()]))
    assert bits(*changed) != bits(*trained(nn.Cluster(parts=4)))


def test_the_progress_bar_is_told_of_the_workers_and_their_speed():
    told = []

    class Telling:
        def on_step(self, run):
            told.append(run.means())

    trained(nn.Cluster(Several(3), parts=4), callbacks=[Telling()], metrics=[nn.accuracy])
    assert told[0].keys() == {"loss", "accuracy", "workers", "examples/s"}
    assert told[-1]["workers"] == 3
    assert told[-1]["examples/s"] > 0


def test_a_cluster_computes_one_thing_at_a_time():
    cluster = nn.Cluster(parts=4)

    def again(run):
        nn.evaluate(run.model, run.loss, shards(), cluster=nn.Cluster(parts=4))
        nn.evaluate(run.model, run.loss, shards(), cluster=cluster)

    with pytest.raises(RuntimeError, match="Make another"):
        trained(cluster, callbacks=[again])
    trained(cluster)


def test_early_stopping_gives_the_best_weights_back():
    stopping = nn.EarlyStopping(patience=1, monitor="val_loss")
    model, history = trained(nn.Cluster(parts=4), callbacks=[stopping], validation=examples(), epochs=30)
    assert history.stopped
    best = nn.evaluate(model, nn.cross_entropy, nn.Shards.arrays(*examples()), batch_size=40)["loss"]
    assert np.isclose(best, history["val_loss"].min())


def test_a_signal_log_measures_the_first_part_of_a_batch():
    def of(cluster):
        model = smooth()
        log = nn.SignalLog(model, every=2)
        trained(cluster, model, callbacks=[log])
        return log

    log = of(nn.Cluster(Several(2), parts=4))
    assert log.steps == [0, 2, 4, 6, 8, 10]
    assert np.array_equal(log.history(), of(nn.Cluster(parts=4)).history())
    assert np.isfinite(log.history("update_ratio")[:, :-1]).all()
    one, alone = smooth(), smooth()
    logs = nn.SignalLog(one), nn.SignalLog(alone)
    trained(nn.Cluster(parts=1), one, callbacks=[logs[0]], batch_size=240, epochs=1)
    trained(None, alone, examples(), callbacks=[logs[1]], batch_size=240, epochs=1)
    assert np.allclose(logs[0].history(), logs[1].history(), rtol=1e-10)


def test_alone_with_one_part_is_the_training_by_steps():
    def of(sync_every):
        model = smooth()
        trained(nn.Cluster(parts=1, sync_every=sync_every), model, optimizer=lambda p: nn.Adam(p, 0.01))
        return model

    assert distance(of(1), of(4)) < 1e-12


def test_alone_the_optimizers_state_is_a_mean_and_its_steps_are_counted():
    model = smooth()
    optimizer = nn.Adam(model.parameters(), nn.schedules.cosine(0.01, 12))
    steps = []

    class Count:
        def on_step(self, run):
            steps.append((run.step, optimizer.steps))

    trained(nn.Cluster(parts=4, sync_every=4), model, optimizer=optimizer, callbacks=[Count()])
    assert steps == [(4, 4), (6, 6), (10, 10), (12, 12)]
    assert all((state[1] >= 0).all() for state in optimizer.state)


class Backward:
    def backward(self, loss, **options):
        loss.backward(**options)


@pytest.mark.parametrize(
    ("cluster", "options", "error", "says"),
    [
        ({}, {"data": nn.DataLoader(*examples()), "validation": examples()}, TypeError, "DataLoader"),
        ({}, {"data": 3}, TypeError, "a int as data"),
        ({}, {"sample_weight": np.ones(240)}, TypeError, "sample_weight=True"),
        ({}, {"batch_size": 4}, ValueError, "batch_size=4"),
        ({}, {"read_every": 2}, ValueError, "read_every=2"),
        ({}, {"callbacks": [Backward()]}, TypeError, "has no `probe`"),
        ({"sync_every": 2}, {"accumulate": 2}, ValueError, "accumulate=2"),
        ({"sync_every": 2}, {"callbacks": [nn.SignalLog(smooth())]}, ValueError, "sync_every=2"),
    ],
)
def test_what_cannot_work_is_named(cluster, options, error, says):
    with pytest.raises(error, match=says):
        trained(nn.Cluster(**cluster), smooth(), **options)


@pytest.mark.parametrize(
    ("options", "says"), [({"parts": 0}, "parts=0"), ({"keep": 1.5}, "keep=1.5"), ({"patience": -1}, "patience=-1")]
)
def test_options_of_a_cluster_are_checked(options, says):
    with pytest.raises(ValueError, match=says):
        nn.Cluster(**options)
    with pytest.raises(TypeError, match=r"dask.distributed.Client"):
        trained("tcp://scheduler:8786")


def copied(error):
    return pickle.loads(pickle.dumps(Failure(error))).error("tcp://there")


def test_an_error_says_its_shard_rows_and_step():
    x, y = examples()
    y[100] = 9
    with pytest.raises(ValueError, match="to 9 for 3 classes") as caught:
        trained(nn.Cluster(parts=4), smooth(), nn.Shards.arrays(x, y, shards=6), batch_size=8)
    place, worker = copied(caught.value).__notes__
    assert "of shard 2" in place
    assert "step" in place
    assert "20" in place.partition("rows ")[2]
    assert "Traceback" in worker
    x[100], y[100] = np.nan, 0
    before = smooth()
    model = smooth()
    with pytest.raises(FloatingPointError, match="batch itself holds 8 entries"):
        nn.fit(model, nn.cross_entropy, (x, y), cluster=nn.Cluster(parts=4), batch_size=240)
    assert distance(model, before) == 0


def test_an_error_that_cannot_be_copied_is_told():
    class Odd(Exception):
        def __init__(self, one, two):
            super().__init__(f"{one} and {two}")

    def broken():
        raise Odd("this", "that")

    with pytest.raises(Odd, match="this and that"):
        trained(nn.Cluster(), data=nn.Shards([broken], [240]))
    with pytest.raises(RuntimeError, match="Odd: this and that"):
        trained(nn.Cluster(Several(2)), data=nn.Shards([broken], [240]))
