"""Programs of which threads share the lines: no thread reads what another may not have written yet, whatever is small
enough for a test counts as large, and threads are waited for whatever happens."""

import subprocess
import sys
import threading
import warnings

import hypothesis
import numpy as np
import pytest
from hypothesis import given

import nn
from autograd_mini import CompileError, compile, value_and_grad
from autograd_mini.compiling import printing, step, threads
from autograd_mini.compiling.bound import Deviation, equal
from autograd_mini.compiling.passes import shares
from autograd_mini.testing import programs
from autograd_mini.transforms.trees import flatten
from tests.autograd_mini.compiling.test_programs import PROGRAMS, derivative, inputs_of
from tests.autograd_mini.testing.test_programs import ENDLESS, seeded
from tests.nn.test_compile import LOSSES, NETS, OPTIMIZERS, ROWS, stepping

RNG = np.random.default_rng(0)
PARTS = 16  # of the random programs, of which a few are tried


ORDER = [0, 1]  # in which shares are computed, one after the other


@pytest.fixture(autouse=True)
def nothing_is_small(monkeypatch):
    """Let threads share all lines that can be shared, by turns."""

    def side_by_side(share, count):
        assert count == len(ORDER)
        for part in ORDER:
            share(part)

    monkeypatch.setattr(shares, "LEAST", 0)
    monkeypatch.setattr(shares, "LEAST_LINE", 0)
    monkeypatch.setattr(printing, "side_by_side", side_by_side)
    monkeypatch.setattr(printing, "one_thread_each", lambda step: step)
    monkeypatch.setattr(step, "check_threads", lambda count: None)


def assert_same_in_both_orders(bound, leaves):
    """What a thread reads before another has written it, or after it has written the next, differs between the two."""
    found = []
    for _ in range(2):
        made, state, generators = bound.on_copies(leaves)
        found.append(([*flatten(made)[0], *state], generators))
        ORDER.reverse()
    assert all(map(equal, found[0][0], found[1][0])), bound.text.source
    assert found[0][1] == found[1][1]


def near(a, b):
    """Whether a result is the other but for rounding, which may be all that there is of it."""
    return a.shape == b.shape and a.dtype == b.dtype and np.allclose(a, b, rtol=1e-6, atol=1e-9, equal_nan=True)


def assert_right(f, calls):
    """The program of a function is near it; return the program, if there is one."""
    compiled = compile(f, threads=2)
    calls = [*calls]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for args in calls:
            compiled(*args)
        bounds = [entry.bound for entry in compiled.entries if entry.bound is not None]
        for bound in bounds:
            try:
                made, *_ = bound.on_copies([*calls[-1]])
            except Deviation:
                continue
            wanted = [x for x in flatten(f(*calls[-1]))[0] if isinstance(x, np.ndarray | np.generic)]
            assert all(near(np.asarray(a), np.asarray(b)) for a, b in zip(flatten(made)[0], wanted, strict=True))
            assert_same_in_both_orders(bound, [*calls[-1]])
    return bounds[-1] if bounds else None


@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.heavy) for part in range(1, 4))])
def test_random_programs_do_not_depend_on_which_thread_is_first(part):
    shared = 0
    for seed in sorted(set(range(part, PROGRAMS, PARTS)) - ENDLESS):
        program = seeded(seed)
        bound = assert_right(derivative(program, seed // PARTS % 3), inputs_of(program))
        shared += bound is not None and bool(bound.program.shares)
    assert shared > PROGRAMS // (4 * PARTS)


@hypothesis.settings(max_examples=8, derandomize=True, database=None, deadline=None)
@given(programs(max_steps=6))
def test_drawn_programs_do_not_depend_on_which_thread_is_first(program):
    assert_right(derivative(program, 1), inputs_of(program))


def assert_trains(make, batches, rule="sgd", loss=nn.cross_entropy, **options):
    """Steps of which the lines are shared leave what others leave."""
    plain, compiled = make(), make()
    rules = [OPTIMIZERS[rule](list(model.parameters())) for model in (plain, compiled)]
    eager = stepping(plain, rules[0], loss)
    shared = compile(compiled, rules[1], threads=2, **options)(stepping(compiled, rules[1], loss))
    for i in range(7):
        batch = batches[i % len(batches)]
        np.testing.assert_allclose(shared(*batch).data, eager(*batch).data, rtol=1e-4)
    for (name, part), other in zip(plain.state_dict().items(), compiled.state_dict().values(), strict=True):
        np.testing.assert_allclose(other, part, rtol=1e-3, atol=1e-4, err_msg=name)
    assert shared.last is not None
    assert shared.last.ready
    assert shared.last.bound.program.shares
    assert_same_in_both_orders(shared.last.bound, [*batches[0]])


@pytest.mark.parametrize("name", NETS)
def test_layers_do_not_depend_on_which_thread_is_first(name):
    assert_trains(*NETS[name])


@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_optimizers_do_not_depend_on_which_thread_is_first(rule):
    assert_trains(*NETS["tanh"], rule)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_do_not_depend_on_which_thread_is_first(name):
    loss, y = LOSSES[name]
    assert_trains(NETS["tanh"][0], [(ROWS[0][0], y)], "momentum", loss)


@pytest.mark.parametrize("option", ["fast", pytest.param("numba", marks=pytest.mark.extra)])
@pytest.mark.parametrize("name", ["tanh", "relu", "batch norm", "convolution", "gru"])
def test_other_options_do_not_make_it_depend_on_which_thread_is_first(name, option, tmp_path, monkeypatch):
    if option == "numba":
        pytest.importorskip("numba")
        monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert_trains(*NETS[name], "adam", **{option: True})


def test_tiles_are_cut_out_of_a_threads_rows():
    x = RNG.standard_normal((700, 400))
    bound = assert_right(lambda x: np.tanh(x * 2 + 1) * x, [(x,)] * 5)
    assert "[part]:" in bound.text.source


@pytest.mark.parametrize("fast", [False, True])
def test_a_saved_program_computes_with_threads_without_this_library(fast, tmp_path, monkeypatch):
    monkeypatch.undo()
    weights, x = (RNG.standard_normal(shape).astype(np.float32) for shape in ((300, 400), (256, 300)))
    f = value_and_grad(lambda weights, x: np.sum(np.tanh(np.tanh(x @ weights) @ weights.T)))
    compiled = compile(f, threads=2, fast=fast)
    for _ in range(4):
        value, gradient = compiled(weights, x)
    compiled.save(tmp_path / "step.py")
    np.savez(tmp_path / "given.npz", weights=weights, x=x, value=value, gradient=gradient)
    code = """
import numpy as np, sys
from step import build
given = np.load("given.npz")
step, _ = build()
value, gradient = step(given["weights"], given["x"])
assert value.tobytes() == given["value"].tobytes() and gradient.tobytes() == given["gradient"].tobytes()
assert not any(name.startswith(("autograd_mini", "nn")) for name in sys.modules)
import threading
print(threading.active_count())
"""
    found = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert found.stdout.strip() == "2", found.stderr


def test_threads_compute_at_the_same_time():
    barrier = threading.Barrier(3, timeout=10)
    threads.side_by_side(lambda _part: barrier.wait() and None, 3)


def test_all_shares_are_waited_for_and_the_first_error_is_raised():
    done, other = threading.Event(), threading.Event()

    def share(part):
        if part == 0:
            other.wait(10)
            raise KeyboardInterrupt
        other.set()
        done.wait(0.05)
        done.set()

    with pytest.raises(KeyboardInterrupt):
        threads.side_by_side(share, 2)
    assert done.is_set()
    with pytest.raises(ZeroDivisionError):
        threads.side_by_side(lambda part: 1 / (1 - part), 2)
    threads.side_by_side(lambda part: None, 2)


def test_a_forked_process_has_threads_of_its_own():
    code = """
import os
from autograd_mini.compiling.threads import side_by_side
found = []
side_by_side(found.append, 2)
child = os.fork()
side_by_side(found.append, 2)
if child:
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert sorted(found) == [0, 0, 1, 1]
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_shares_know_the_callers_error_state():
    found = {}

    def share(part):
        found[part] = np.geterr()["divide"]

    with np.errstate(divide="raise"):
        threads.side_by_side(share, 2)
    assert found == {0: "raise", 1: "raise"}


def test_a_program_whose_threads_are_taken_computes_all_shares_itself():
    found = []

    def outer(part):
        if part == 0:
            threads.side_by_side(lambda part: found.append((part, threading.current_thread().name)), 2)

    threads.side_by_side(outer, 2)
    assert [part for part, _ in found] == [0, 1]
    assert len({name for _, name in found}) == 1


@pytest.mark.parametrize("count", [0, -1, 1.5, "2", True])
def test_a_count_that_is_none_says_what_to_write(count, monkeypatch):
    monkeypatch.undo()
    with pytest.raises(CompileError, match="whole number from 1 on"):
        compile(np.tanh, threads=count)


def test_without_threadpoolctl_the_extra_is_named(monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(CompileError, match=r"autograd-mini\[threads\]"):
        compile(np.tanh, threads=2)


def test_what_is_small_is_not_shared(monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(step, "check_threads", lambda count: None)
    compiled = compile(lambda x: np.tanh(x) * 2, threads=2)
    for _ in range(4):
        compiled(RNG.standard_normal((16, 4)))
    assert "side_by_side" not in compiled.source
