"""Data: batches of arrays, datasets and streams, their order, threads that make them ahead, positions, mistakes."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
from autograd_mini import Tensor
from nn.training import sources

X = np.arange(22.0).reshape(11, 2)
Y = np.arange(11)


class Squares:
    """A dataset of (number, square)."""

    def __init__(self, count=7):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, i):
        return np.array([float(i)]), i * i


def lists(batches):
    return [tuple(part.tolist() for part in batch) for batch in batches]


def order(loader):
    return [labels.tolist() for *_, labels in loader]


def count_threads():
    return sum(thread.name == "nn.DataLoader" for thread in threading.enumerate())


@pytest.fixture(params=[0, 1, 3])
def prefetch(request):
    return request.param


class TestBatches:
    def test_the_last_batch_is_smaller(self):
        assert order(nn.DataLoader(X, Y, batch_size=4)) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10]]

    def test_or_left_out(self):
        loader = nn.DataLoader(X, Y, batch_size=4, drop_last=True)
        assert order(loader) == [[0, 1, 2, 3], [4, 5, 6, 7]]
        assert len(loader) == 2

    @given(
        count=st.integers(1, 40),
        size=st.integers(1, 45),
        shuffle=st.booleans(),
        prefetch=st.sampled_from([0, 2]),
        seed=st.integers(0, 9),
    )
    def test_each_example_comes_once_with_its_target(self, count, size, shuffle, prefetch, seed):
        y = np.arange(count)
        loader = nn.DataLoader(y * 10, y, batch_size=size, shuffle=shuffle, prefetch=prefetch, rng=seed)
        batches = list(loader)
        assert len(batches) == len(loader) == -(-count // size)
        assert all((x == 10 * y).all() for x, y in batches)
        assert sorted(np.concatenate([y for _, y in batches])) == list(range(count))

    def test_a_batch_is_a_copy(self):
        x = np.ones(4)
        for (batch,) in nn.DataLoader(x, batch_size=2):
            batch += 1
        np.testing.assert_array_equal(x, 1)

    @pytest.mark.parametrize("taken", [1, 70, 150])
    def test_how_much_is_taken_at_once_changes_nothing(self, taken, monkeypatch):
        expected = lists(nn.DataLoader(X, Y, batch_size=2, shuffle=True, rng=0))
        monkeypatch.setattr(sources, "TAKEN", taken)
        loader = nn.DataLoader(X, Y, batch_size=2, shuffle=True, rng=0)
        assert lists(loader) == expected
        loader.epoch = 0
        for _, _batch in zip(range(3), loader, strict=False):
            pass
        again = nn.DataLoader(X, Y, batch_size=2, shuffle=True)
        again.load_state_dict(loader.state_dict())
        assert lists(again) == expected[3:]

    def test_read_only_batches_are_the_same_and_a_transform_may_still_write(self):
        loader = nn.DataLoader(X, Y, batch_size=4, shuffle=True, rng=0)
        batches = list(loader.read_only())
        loader.epoch = 0
        assert lists(batches) == lists(loader)
        assert not any(part.flags.writeable or part.base.flags.writeable for batch in batches for part in batch)
        changed = nn.DataLoader(X, batch_size=4, transform=lambda rng, batch: (np.negative(*batch, out=batch[0]),))
        assert lists(changed.read_only())[0] == ((-X[:4]).tolist(),)

    def test_tensors_and_lists_are_arrays(self):
        assert lists(nn.DataLoader(Tensor([1.0, 2.0]), [[3], [4]], batch_size=2)) == [([1.0, 2.0], [[3], [4]])]

    def test_a_dataset_gives_its_examples_stacked(self):
        assert lists(nn.DataLoader(Squares(3), batch_size=2)) == [([[0.0], [1.0]], [0, 1]), ([[2.0]], [4])]

    def test_a_list_of_pairs_is_a_dataset(self):
        pairs = [(np.zeros(2), 0), (np.ones(2), 1), (np.ones(2), 2)]
        assert order(nn.DataLoader(pairs, batch_size=2, shuffle=True, rng=1)) == [[1, 0], [2]]

    def test_a_stream_gives_the_same_batches(self, prefetch):
        read = lambda: (Squares()[i] for i in range(7))
        expected = lists(nn.DataLoader(Squares(), batch_size=3))
        loader = nn.DataLoader(read, batch_size=3, prefetch=prefetch)
        assert lists(loader) == lists(loader) == expected
        assert lists(nn.DataLoader(read(), batch_size=3)) == expected
        assert len(lists(nn.DataLoader(read(), batch_size=3, drop_last=True))) == 2

    def test_a_stream_of_batches(self):
        made = [(X[:2], Y[:2]), (X[2:7], Y[2:7])]
        assert lists(nn.DataLoader(iter(made), batch_size=None)) == lists(made)

    def test_a_generator_function_is_closed_when_the_loop_ends(self, prefetch):
        closed = []

        def read():
            try:
                yield from range(100)
            finally:
                closed.append(True)

        for _ in nn.DataLoader(read, batch_size=2, prefetch=prefetch):
            break
        assert closed == [True]


class TestOrder:
    def test_each_epoch_has_an_order_of_its_own(self):
        loader = nn.DataLoader(Y, batch_size=11, shuffle=True, rng=0)
        assert order(loader) != order(loader)

    def test_one_seed_gives_one_order(self, prefetch):
        def run(rng, ahead):
            loader = nn.DataLoader(Y, batch_size=3, shuffle=True, rng=rng, prefetch=ahead)
            return order(loader) + order(loader)

        assert run(5, 0) == run(5, prefetch)
        assert run(5, 0) != run(6, 0)
        assert run(np.random.default_rng(1), 0) == run(np.random.default_rng(1), prefetch)

    def test_without_a_seed_orders_differ(self):
        first, second = (order(nn.DataLoader(np.arange(99), batch_size=99, shuffle=True)) for _ in "ab")
        assert first != second

    def test_minibatches_of_one_generator_differ_from_pass_to_pass(self):
        rng = np.random.default_rng(0)
        first, second = (lists(nn.minibatches(Y, size=11, rng=rng)) for _ in "ab")
        assert first != second


class TestTransform:
    def test_it_depends_on_seed_epoch_and_batch_alone(self, prefetch):
        def run(ahead):
            noise = nn.data.gaussian_noise(0.5)
            loader = nn.DataLoader(X, Y, batch_size=4, shuffle=True, rng=3, transform=noise, prefetch=ahead)
            return lists(loader) + lists(loader)

        assert run(prefetch) == run(0)

    def test_gaussian_noise_keeps_the_dtype_and_the_targets(self):
        loader = nn.DataLoader(
            np.zeros((10_000, 2), np.float32), np.arange(10_000), batch_size=10_000, transform=nn.data.gaussian_noise(2)
        )
        ((x, y),) = loader
        assert x.dtype == np.float32
        assert 1.9 < x.std() < 2.1
        assert (y == np.arange(10_000)).all()

    def test_masking_sets_a_share_to_zero(self):
        ((x,),) = nn.DataLoader(np.full(10_000, np.nan), batch_size=10_000, transform=nn.data.masking(0.3), rng=0)
        assert 0.28 < np.mean(x == 0) < 0.32
        assert np.isnan(x[x != 0]).all()

    def test_one_of_the_users_own(self):
        def double(_rng, batch):
            x, y = batch
            return np.concatenate([x, -x]), np.concatenate([y, y])

        ((x, y),) = nn.DataLoader(np.ones(2), np.ones(2), batch_size=2, transform=double)
        assert x.tolist() == [1, 1, -1, -1]
        assert len(y) == 4

    def test_a_transform_that_breaks_a_batch_is_named(self):
        loader = nn.DataLoader(X, Y, transform=lambda _rng, batch: (batch[0][1:], batch[1]))
        with pytest.raises(ValueError, match=r"lengths \[10, 11\] after `transform`"):
            list(loader)


class TestPosition:
    @pytest.mark.parametrize("taken", [0, 1, 3, 4, 5, 9])
    def test_another_loader_goes_on_with_the_next_batch(self, taken, prefetch):
        def build(rng=None):
            return nn.DataLoader(
                X, Y, batch_size=3, shuffle=True, rng=rng, transform=nn.data.gaussian_noise(1), prefetch=prefetch
            )

        def epochs(loader):
            while True:
                yield from loader

        whole, stopped = build(7), build(7)
        expected = lists(batch for batch, _ in zip(epochs(whole), range(12), strict=False))
        batches = epochs(stopped)
        for _ in range(taken):
            next(batches)
        state = stopped.state_dict()
        batches.close()
        resumed = build()
        resumed.load_state_dict(state)
        assert lists(batch for batch, _ in zip(epochs(resumed), range(12 - taken), strict=False)) == expected[taken:]

    def test_a_stream_is_read_up_to_the_position(self):
        build = lambda: nn.DataLoader(lambda: iter(range(7)), batch_size=2)
        loader, again = build(), build()
        for _ in zip(range(2), loader, strict=False):
            pass
        again.load_state_dict(loader.state_dict())
        assert order(again) == [[4, 5], [6]]
        assert order(again) == [[0, 1], [2, 3], [4, 5], [6]]

    def test_after_a_break_the_next_loop_is_a_new_epoch(self):
        loader = nn.DataLoader(Y, batch_size=4)
        next(iter(loader))
        assert (loader.epoch, loader.batch) == (0, 1)
        assert len(order(loader)) == 3
        assert (loader.epoch, loader.batch) == (2, 0)

    def test_a_state_of_other_data_is_refused(self):
        state = nn.DataLoader(Y, batch_size=4).state_dict()
        with pytest.raises(ValueError, match="batch_size was 4 and is 3"):
            nn.DataLoader(Y, batch_size=3).load_state_dict(state)
        with pytest.raises(ValueError, match="examples was 11 and is 10"):
            nn.DataLoader(Y[1:], batch_size=4).load_state_dict(state)

    @pytest.mark.parametrize("key", ["seed", "epoch", "batch"])
    @pytest.mark.parametrize("value", [-1, None, True, 0.5, "0"])
    def test_a_damaged_state_is_refused(self, key, value):
        loader = nn.DataLoader(Y, rng=1)
        with pytest.raises(ValueError, match=key):
            loader.load_state_dict({**loader.state_dict(), key: value})
        assert (loader.seed, loader.epoch, loader.batch) == (1, 0, 0)


class TestThread:
    def test_it_ends_with_the_epoch(self):
        list(nn.DataLoader(X, prefetch=2, batch_size=1))
        assert count_threads() == 0

    def test_it_ends_on_break(self):
        for _ in nn.DataLoader(X, prefetch=2, batch_size=1):
            assert count_threads() == 1
            break
        assert count_threads() == 0

    def test_it_ends_on_an_exception_in_the_loop(self):
        def consume():
            for _ in nn.DataLoader(X, prefetch=2, batch_size=1):
                raise KeyError

        with pytest.raises(KeyError):
            consume()
        assert count_threads() == 0

    def test_an_exception_in_the_dataset_comes_out_of_the_loop(self, prefetch):
        class Broken(Squares):
            def __getitem__(self, i):
                if i == 4:
                    raise OSError("disk on fire")
                return super().__getitem__(i)

        seen = []

        def consume():
            seen.extend(nn.DataLoader(Broken(), batch_size=2, prefetch=prefetch))

        with pytest.raises(OSError, match="disk on fire") as caught:
            consume()
        assert len(seen) == 2
        assert "__getitem__" in [entry.name for entry in caught.traceback]
        assert count_threads() == 0

    def test_it_makes_no_more_than_asked_for(self):
        made = []
        read = lambda: (made.append(i) or i for i in range(100))
        batches = iter(nn.DataLoader(read, batch_size=1, prefetch=2))
        next(batches)
        time.sleep(0.05)
        assert len(made) <= 4  # given out, two ready, one in hand
        batches.close()

    @pytest.mark.skipif(os.name != "posix", reason="signals")
    @pytest.mark.parametrize("depth", [0, 2])
    @pytest.mark.parametrize("where", ["in the loop", "while waiting"])
    def test_ctrl_c_leaves_nothing_behind(self, where, depth):
        slow, idle = (0.005, 30) if where == "in the loop" else (0.3, 0)
        code = f"""
import threading, time, nn
class Slow:
    def __len__(self): return 1000
    def __getitem__(self, i): time.sleep({slow}); return float(i)
try:
    for i, batch in enumerate(nn.DataLoader(Slow(), batch_size=1, prefetch={depth})):
        print("ready", flush=True)
        time.sleep({idle})
except KeyboardInterrupt:
    print("threads", threading.active_count(), flush=True)
    raise
"""
        out, error, status = interrupted(code)
        assert "threads 1" in out
        assert status == -signal.SIGINT
        assert error.rstrip().endswith("KeyboardInterrupt")

    @pytest.mark.skipif(os.name != "posix", reason="signals")
    def test_an_iterator_that_was_never_finished_does_not_hold_up_the_end(self):
        code = """
import nn
batches = iter(nn.DataLoader(range(100), batch_size=1, prefetch=2))
next(batches)
"""
        begin = time.monotonic()
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert time.monotonic() - begin < 30


def interrupted(code):
    """What a Python that runs `code` prints when it gets a Ctrl-C after its first line."""
    root = str(Path(__file__).resolve().parents[3])
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": root},
    )
    try:
        first = child.stdout.readline()
        time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        out, error = child.communicate(timeout=60)
    finally:
        child.kill()
    return first + out, error, child.returncode


class TestMistakes:
    @pytest.mark.parametrize(
        ("build", "message"),
        [
            (lambda: nn.DataLoader(np.ones(3), np.ones(2)), r"lengths \[3, 2\]"),
            (lambda: nn.DataLoader(np.ones((0, 3))), "no examples"),
            (lambda: nn.DataLoader([]), "no examples"),
            (lambda: nn.minibatches(np.ones(0), size=1), "no examples"),
            (lambda: nn.DataLoader(np.ones(()), np.ones(3)), "without axes"),
            (lambda: nn.DataLoader(np.float32(3.0)), "without axes"),
            (lambda: nn.DataLoader([[1, 2], [3]], Y[:2]), "different lengths"),
            (lambda: nn.DataLoader(np.array([{}, {}])), "Python objects"),
            (lambda: nn.DataLoader(), "without data"),
            (lambda: nn.DataLoader((X, Y)), r"DataLoader\(x, y\)"),
            (lambda: nn.DataLoader({"x": X}), "given a dict"),
            (lambda: nn.DataLoader(3), "given a int"),
            (lambda: nn.DataLoader("data.csv"), "given a str"),
            (lambda: nn.DataLoader(X, batch_size=0), "batch_size=0"),
            (lambda: nn.DataLoader(X, batch_size=-3), "batch_size=-3"),
            (lambda: nn.DataLoader(X, batch_size=2.5), "batch_size=2.5"),
            (lambda: nn.DataLoader(X, batch_size=None), "stream of batches"),
            (lambda: nn.DataLoader(X, batch_size=12, drop_last=True), "11 examples"),
            (lambda: nn.DataLoader(X, prefetch=-1), "prefetch=-1"),
            (lambda: nn.DataLoader(iter(X), shuffle=True), "own order"),
            (lambda: len(nn.DataLoader(iter(X))), "not known"),
            (lambda: list(nn.DataLoader(lambda: 3)), "function that returned a int"),
            (lambda: list(nn.DataLoader(iter(()))), "no examples"),
            (lambda: list(nn.DataLoader([np.ones(2), np.ones(3)])), r"shapes \(2,\) and \(3,\)"),
            (lambda: list(nn.DataLoader([(1, 2), (1,)])), "2 parts and 1 parts"),
            (lambda: list(nn.DataLoader([{"x": 1}])), "kind dict"),
            (lambda: list(nn.DataLoader(iter([(X, Y[1:])]), batch_size=None)), r"lengths \[11, 10\]"),
            (lambda: nn.data.gaussian_noise(-1), "scale=-1"),
            (lambda: nn.data.gaussian_noise(np.nan), "scale=nan"),
            (lambda: nn.data.masking(1.5), "share=1.5"),
        ],
    )
    def test_says_what_is_wrong(self, build, message):
        with pytest.raises((ValueError, TypeError), match=message):
            build()

    def test_a_generator_is_read_once(self):
        loader = nn.DataLoader(iter(range(4)), batch_size=2)
        assert len(list(loader)) == 2
        with pytest.raises(ValueError, match="function that makes the generator"):
            list(loader)

    def test_sparse_matrices_are_refused(self):
        sparse = pytest.importorskip("scipy.sparse")
        with pytest.raises(TypeError, match="toarray"):
            nn.DataLoader(sparse.eye(3), Y[:3])
