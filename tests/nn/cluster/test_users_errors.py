"""What is wrong with a user's data or code is raised at once, with where it was, and is not tried again."""

from pathlib import Path

import numpy as np
import pytest

import nn
from tests.nn.cluster.trainings import PARTS, trained

pytest.importorskip("distributed")
pytestmark = pytest.mark.extra

ROWS = 20


class Shard:
    """A shard of which some are bad; it leaves a note for each time that it is read."""

    def __init__(self, number, kind, folder):
        self.number, self.kind, self.folder = number, kind, str(folder)

    def __call__(self):
        with Path(self.folder, "reads").open("a") as note:
            note.write(f"{self.number} ")
        x = np.random.default_rng(self.number).standard_normal((ROWS, 8))
        y = (x[:, 0] > 0).astype(int)
        if self.number == 4:
            if self.kind == "label":
                y[7] = 3
            elif self.kind == "file":
                return np.load(Path(self.folder, "missing.npy"))
            elif self.kind == "oserror":
                raise OSError("the disk is gone")
            elif self.kind == "nan":
                x[7, 2] = np.nan
            elif self.kind == "bug":
                x.no_such_method()
        return x, y


@pytest.mark.parametrize(
    ("kind", "error", "says"),
    [
        ("label", ValueError, "labels"),
        ("file", FileNotFoundError, "missing.npy"),
        ("oserror", OSError, "the disk is gone"),
        ("nan", FloatingPointError, "loss is nan"),
        ("bug", AttributeError, "no_such_method"),
    ],
)
def test_an_error_comes_back_with_its_place_and_is_not_tried_again(client, tmp_path, kind, error, says):
    data = nn.Shards([Shard(number, kind, tmp_path) for number in range(6)], [ROWS] * 6)
    with pytest.raises(error, match=says) as caught:
        trained(nn.Cluster(client, parts=PARTS, keep=6), data=data, batch_size=8)
    told = "\n".join([str(caught.value), *getattr(caught.value, "__notes__", [])])
    assert "shard 4" in told
    assert "rows" in told
    assert "step" in told
    if kind != "nan":
        assert "Traceback" in told
        assert Path(__file__).name in told or kind == "label"
    reads = (tmp_path / "reads").read_text().split()
    assert reads.count("4") <= PARTS  # as many as read it for the first time, at most


def test_the_workers_train_on_after_an_error(client, tmp_path):
    data = nn.Shards([Shard(number, "nan", tmp_path) for number in range(6)], [ROWS] * 6)
    with pytest.raises(FloatingPointError):
        trained(nn.Cluster(client, parts=PARTS), data=data)
    _, history = trained(nn.Cluster(client, parts=PARTS))
    assert np.isfinite(history["loss"]).all()


def test_what_cannot_be_sent_is_named(client):
    import threading

    lock = threading.Lock()

    def locked():
        with lock:
            return np.zeros((ROWS, 8)), np.zeros(ROWS, int)

    for data, options, says in (
        (nn.Shards([locked] * 2, [ROWS] * 2), {}, "the function of shard"),
        (None, {"metrics": {"locked": lambda outputs, targets: lock and 0.0}}, "the loss or the metrics"),
    ):
        with pytest.raises(TypeError, match="pickle") as caught:
            trained(nn.Cluster(client, parts=PARTS), data=data, batch_size=8, **options)
        assert says in caught.value.__notes__[-1]
