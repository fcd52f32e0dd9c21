"""What `fit` sends to a device and reads from it: the next batch while a step runs, and one number a step."""

import numpy as np
import pytest

import nn
from autograd_mini import devices
from tests.autograd_mini.devices import stand_in

RNG = np.random.default_rng(0)
X, LABELS = RNG.standard_normal((32, 4)), RNG.integers(0, 3, 32)
SEQUENCES = [RNG.standard_normal((steps, 4)) for steps in RNG.integers(1, 6, 32)]
TAGS = [RNG.integers(0, 3, len(sequence)) for sequence in SEQUENCES]
NUMBERS = [RNG.standard_normal((len(sequence), 3)) for sequence in SEQUENCES]
PLACES = "cpu", "cupy:0"


@pytest.fixture(autouse=True)
def cupy(monkeypatch):
    """A module that stands in for CuPy; an array that is used on its way fails there."""
    stand_in.install(monkeypatch)


def trained(device, loss, data, model=None, **options):
    """The history of a training on a device, and the model."""
    model = (model or nn.MLP([4, 8, 3], "relu", rng=0)).to_device(device)
    optimizer = nn.Adam(model.parameters(), 0.01)
    stand_in.waits.clear()
    stand_in.happened.clear()
    return nn.fit(model, loss, data, optimizer=optimizer, **{"epochs": 1, "batch_size": 8} | options), model


def assert_alike(results):
    """On both places the same came out."""
    (here, model), (there, twin) = results
    np.testing.assert_allclose(there["loss"], here["loss"], rtol=1e-5)
    for ours, wanted in zip(twin.state_dict().values(), model.state_dict().values(), strict=True):
        np.testing.assert_allclose(ours, wanted, rtol=1e-4, atol=1e-6)


def test_the_next_batch_is_sent_before_the_number_of_a_step_is_read():
    trained("cupy:0", nn.cross_entropy, (X, LABELS))
    batch = ["sent", "sent"]  # inputs and labels
    assert stand_in.happened == [*batch, *batch, "read", *batch, "read", *batch, "read", "read"]


def test_a_batch_that_cannot_be_made_is_told_of_in_its_turn():
    def read():
        yield from zip(X[:16], LABELS, strict=False)
        raise OSError("the disk is gone")

    steps = []
    with pytest.raises(OSError, match="the disk is gone"):
        trained(
            "cupy:0", nn.cross_entropy, nn.DataLoader(read, batch_size=8), batch_size=None, callbacks=[Steps(steps)]
        )
    assert steps == [1, 2]


class Steps:
    """A callback that notes the steps."""

    def __init__(self, steps):
        self.steps = steps

    def on_step(self, run):
        self.steps.append(run.step)


def some_ignored(scores, labels):
    return nn.cross_entropy(scores, labels, ignore_index=-1)


WITHOUT = np.where(np.arange(32) // 8 == 1, -1, LABELS)  # the second of four batches counts nothing
WEIGHTS = np.where(np.arange(32) // 8 == 1, 0.0, 1.0)


@pytest.mark.parametrize(
    ("loss", "labels", "options"),
    [
        (some_ignored, WITHOUT, {}),
        (some_ignored, WITHOUT, {"accumulate": 2}),
        (nn.cross_entropy, LABELS, {"sample_weight": True}),
    ],
    ids=["labels", "accumulated", "weights"],
)
def test_a_batch_that_counts_nothing_is_passed_over_as_on_the_host(loss, labels, options):
    parts = (X, labels, WEIGHTS) if "sample_weight" in options else (X, labels)
    data = nn.DataLoader(*parts, batch_size=8)
    assert_alike([trained(place, loss, data.from_start(), batch_size=None, epochs=2, **options) for place in PLACES])
    scores = [
        nn.evaluate(nn.MLP([4, 3], rng=0).to_device(place), loss, data, **options if "sample_weight" in options else {})
        for place in PLACES
    ]
    np.testing.assert_allclose(scores[1]["loss"], scores[0]["loss"], rtol=1e-5)


def test_a_batch_that_counts_nothing_and_was_stepped_with_is_told():
    with pytest.raises(ValueError, match=r"No example of the batch of step 1 counts.*read_every=1"):
        trained("cupy:0", some_ignored, nn.DataLoader(X, WITHOUT, batch_size=8), batch_size=None, read_every=4)


class Tagger(nn.Module):
    """What is asked for at each step of a sequence."""

    def __init__(self):
        super().__init__()
        self.layer, self.out = nn.GRU(4, 8, rng=0), nn.Linear(8, 3, rng=1)

    def forward(self, x, lengths):
        return self.out(self.layer(x, lengths=lengths)[0])


@pytest.mark.parametrize(
    ("loss", "targets"),
    [
        (nn.unpadded(nn.cross_entropy), TAGS),
        (nn.unpadded(nn.squared_error), NUMBERS),
        (some_ignored, TAGS),
    ],
    ids=["unpadded labels", "unpadded numbers", "ignored labels"],
)
def test_sequences_of_unequal_length_read_one_number_a_step(loss, targets):
    data = nn.DataLoader(SEQUENCES, targets, batch_size=8, collate=nn.data.padded())
    results = [trained(place, loss, data.from_start(), Tagger(), batch_size=None) for place in PLACES]
    assert stand_in.happened.count("read") == 4
    assert_alike(results)


def test_lengths_stay_where_python_reads_them_and_other_inputs_come_along():
    places = []

    class Looking(nn.Module):
        def __init__(self):
            super().__init__()
            self.out = nn.Linear(4, 3, rng=0)

        def forward(self, x, lengths, more):
            places.append(tuple(map(devices.device_of, (x, lengths, more))))
            return self.out(x + more)

    trained("cupy:0", nn.cross_entropy, (X, np.arange(32), X, LABELS), Looking())
    assert set(places) == {("cupy:0", "cpu", "cupy:0")}


@pytest.mark.extra
def test_pytorchs_copies_go_in_a_queue_that_waits_for_what_was_queued_and_is_waited_for(monkeypatch):
    torch = pytest.importorskip("torch")
    from autograd_mini.devices import streams

    order = []

    class Queue:
        def __init__(self, name):
            self.name = name

        def wait_stream(self, other):
            order.append(f"{self.name} waits for {other.name}")

        def __enter__(self):
            order.append("copies")

        def __exit__(self, *_):
            order.append("ends")

    computing, copying = Queue("computing"), Queue("copying")
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: computing)
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: stream)
    monkeypatch.setattr(streams, "stream_of_pytorch", lambda name: copying)
    monkeypatch.setattr(streams, "to_device", lambda array, name: order.append(name))
    arrive = devices.sent(X, "cuda:1")
    assert order == ["copying waits for computing", "copies", "cuda:1", "ends"]
    arrive()
    assert order[-1] == "computing waits for copying"
