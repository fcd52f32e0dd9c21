"""Loops by Numba: the bits of NumPy, for all dtypes, shapes, special values and memory; kept on disk."""

import subprocess
import sys

import numpy as np
import pytest

from autograd_mini import CompileError, compile, value_and_grad

SPECIAL = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-45, -1e-42, 3e38, 0.1]
RNG = np.random.default_rng(0)
needs_numba = pytest.mark.extra


@pytest.fixture(autouse=True)
def folder(tmp_path_factory, monkeypatch):
    """A folder for what Numba makes, not the user's."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "numba"))


def drawn(shape, dtype, special=True):
    plain = RNG.standard_normal(shape)
    return np.where(RNG.random(shape) < 0.5 * special, RNG.choice(SPECIAL, shape), plain).astype(dtype)


def same(a, b):
    """Equal to the bit; NaN is NaN."""
    a, b = np.asarray(a), np.asarray(b)
    assert (a.shape, a.dtype) == (b.shape, b.dtype)
    nan = np.isnan(a) if a.dtype.kind == "f" else np.zeros(a.shape, bool)
    return bool((nan == (np.isnan(b) if b.dtype.kind == "f" else nan)).all() and a[~nan].tobytes() == b[~nan].tobytes())


def check(function, *batches, least=1):
    """Compiled calls give NumPy's bits, by at least so many loops."""
    step = compile(function, numba=True)
    with np.errstate(all="ignore"):
        for args in [batches[i % len(batches)] for i in range(3 + len(batches))]:
            made, wanted = step(*args), function(*args)
            for a, b in zip(made, wanted, strict=True):
                assert same(a, b)
    assert step.entries[0].ready
    assert len(step.latest().text.loops) >= least
    return step


def everything(a, b):
    """Every operation that a loop knows."""
    signs = np.logical_and(a > b, np.logical_not(np.isnan(a)))
    others = np.logical_or(np.logical_xor(a >= b, a < 1), np.logical_and(a <= b, a != b))
    mixed = np.where(signs, np.maximum(a, b) * 3, np.minimum(a, b) - 0.1)
    roots = np.sqrt(np.abs(mixed)) / (np.square(b) + 1e-3)
    return np.where(others, -roots, roots * signs), np.where(a == b, mixed, roots)


@needs_numba
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1,), (7,), (1000,), (5, 33), (3, 4, 17)])
def test_every_operation_has_numpys_bits(dtype, shape):
    pytest.importorskip("numba")
    check(everything, *[(drawn(shape, dtype), drawn(shape, dtype)) for _ in range(2)])


@needs_numba
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_product_and_a_sum_are_rounded_each(dtype):
    pytest.importorskip("numba")
    check(lambda a, b, c: (a * b + c, a * b - c, c - a * b), [drawn((9999,), dtype, special=False) for _ in range(3)])


@needs_numba
@pytest.mark.parametrize("other", [(40,), (1, 40), (6, 1), (1, 1), (1,), ()])
def test_what_is_broadcast_has_numpys_bits(other):
    pytest.importorskip("numba")
    check(
        lambda a, b: ((a - b) * a + b, (b * a) / (a + 2.0)),
        *[(drawn((6, 40), np.float32), drawn(other, np.float32)) for _ in range(2)],
    )


@needs_numba
@pytest.mark.parametrize("shape", [(40, 32), (600, 1024)])
def test_memory_that_a_row_is_still_read_from_is_not_overwritten(shape):
    pytest.importorskip("numba")

    def shown(a, b):
        x = a + b
        y = np.tanh(x)
        total = np.sum(y)
        return x[0] * y + x * 2.0, total

    check(shown, (drawn(shape, np.float32, special=False), drawn(shape, np.float32, special=False)))


def test_what_large_arrays_return_is_whole():
    step = compile(lambda a: np.tanh(a * 2.0))
    a = drawn((600, 1024), np.float32, special=False)
    for _ in range(4):
        assert same(step(a), np.tanh(a * 2.0))
    assert step.entries[0].ready


@needs_numba
def test_arguments_in_another_order_of_memory_are_taken():
    pytest.importorskip("numba")
    step = check(lambda a: (a * 2.0 + a / 3.0,), (drawn((8, 30), np.float32),))
    for a in (drawn((30, 8), np.float32).T, drawn((16, 30), np.float32)[::2]):
        with np.errstate(all="ignore"):
            assert same(step(a)[0], a * 2.0 + a / 3.0)


@needs_numba
def test_numbers_that_differ_from_call_to_call_are_read():
    pytest.importorskip("numba")
    rates = [(drawn((50,), np.float32), rate) for rate in (0.1, 1e-3, 0.7)]
    check(lambda a, rate: (a - rate * (a * a),), *rates)


@needs_numba
def test_gradients_have_numpys_bits():
    pytest.importorskip("numba")
    step = compile(value_and_grad(loss), numba=True)
    for _ in range(5):
        a = drawn((8, 40), np.float32, special=False)
        made, wanted = step(a), value_and_grad(loss)(a)
        assert all(np.asarray(x).tobytes() == np.asarray(y).tobytes() for x, y in zip(made, wanted, strict=True))
    assert step.latest().text.loops


def loss(a):
    return np.sum(np.tanh(0.8 * (a + 0.04 * a * a * a)) * a / np.sqrt(a * a + 1))


PROCESS = """
import warnings, numpy as np
from autograd_mini import compile
warnings.simplefilter("error")
step = compile(lambda a: a * 2.0 + a / 3.0, numba=True)
a = np.linspace(-1, 1, 100, dtype=np.float32)
for _ in range(5):
    assert step(a).tobytes() == (a * 2.0 + a / 3.0).tobytes()
assert step.last is not None
hits = step.latest().build.__globals__["loop"].stats.cache_hits.values()
print(sum(hits))
"""


@needs_numba
def test_the_next_process_reads_loops_from_disk(tmp_path, monkeypatch):
    pytest.importorskip("numba")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    hits = [
        subprocess.run([sys.executable, "-c", PROCESS], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert hits == ["0\n", "1\n"]


@needs_numba
def test_a_folder_that_cannot_be_written_is_done_without(tmp_path, monkeypatch):
    pytest.importorskip("numba")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file"))
    check(lambda a: (a * 5.0 + a / 7.0,), (drawn((30,), np.float32),))


@needs_numba
def test_the_text_shows_loops_as_functions(tmp_path):
    pytest.importorskip("numba")
    step = check(lambda a: (a * 2.0 + a / 3.0,), (drawn((30,), np.float32),))
    assert "from numba import njit" in step.source
    assert "for i in range(" in step.source
    path = tmp_path / "step.py"
    step.save(path)
    test = (
        "import numpy as np, saved; a = np.ones(30, np.float32); print(saved.build()[0](a)[0] == a[0] * 2 + a[0] / 3)"
    )
    path.rename(tmp_path / "saved.py")
    done = subprocess.run([sys.executable, "-c", test], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == "True\n"


def test_without_numba_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(CompileError, match=r"autograd-mini\[numba\]"):
        compile(lambda a: a, numba=True)
