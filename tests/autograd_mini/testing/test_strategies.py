"""What the strategies of `autograd_mini.testing` draw is what they say, and needs no luck to be checked."""

import builtins
import subprocess
import sys

import hypothesis
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_mini import Tensor, testing
from autograd_mini.domains import Interval
from autograd_mini.primitive import primitives
from autograd_mini.testing import (
    arrays,
    axes,
    broadcastable,
    check_derivatives,
    einsum_specs,
    indices,
    operands,
    tensors,
)

few = hypothesis.settings(max_examples=40, derandomize=True, database=None, deadline=None)
FUNCTIONS = [np.multiply, np.power, np.arcsin, np.maximum, np.linalg.inv, np.where, np.concatenate, np.sum, np.sort]


def example(strategy, condition=lambda _: True, **options):
    """The simplest example."""
    settings = hypothesis.settings(database=None, derandomize=True, max_examples=2000, **options)
    return hypothesis.find(strategy, condition, settings=settings)


def is_drawn(strategy, condition):
    """Whether there is an example, which need not be the simplest."""
    return condition(example(strategy, condition, phases=[hypothesis.Phase.generate]))


class TestArrays:
    @few
    @given(arrays(domain=(0.0, 1.0), margin=0.1))
    def test_values_keep_their_distance_from_the_ends(self, x):
        assert x.dtype == np.float64
        assert np.all((x >= 0.1) & (x <= 0.9))

    @pytest.mark.parametrize("strategy", [arrays(3), tensors(3), indices(3).map(np.arange(3).__getitem__)])
    def test_a_length_is_a_shape(self, strategy):
        assert is_drawn(strategy, lambda x: np.shape(x) == (3,))

    @few
    @given(arrays(away_from=[0.0, 1.0], margin=0.05))
    def test_values_keep_away_from_points(self, x):
        assert np.all(np.abs(np.subtract.outer(x, [0.0, 1.0])) > 0.05)

    @few
    @given(arrays((3,), away_from=lambda x: np.diff(x)))
    def test_values_keep_away_from_the_zeros_of_a_function(self, x):
        assert np.all(np.abs(np.diff(x)) > 0)

    @few
    @given(arrays((2, 3), np.float32))
    def test_shape_and_dtype_can_be_given(self, x):
        assert (x.shape, x.dtype) == ((2, 3), np.float32)

    @pytest.mark.parametrize("wanted", [(), (0,), (2, 3), (0, 3)])
    def test_all_small_shapes_are_drawn(self, wanted):
        assert is_drawn(arrays(), lambda x: x.shape == wanted)

    @pytest.mark.parametrize("dtype", [np.float32, np.complex128])
    def test_all_dtypes_of_a_list_are_drawn(self, dtype):
        assert is_drawn(arrays(dtype=[np.float64, np.float32, np.complex128]), lambda x: x.dtype == dtype)

    def test_magnitudes_differ(self):
        assert is_drawn(arrays(()), lambda x: 0 < abs(x) < 0.01)
        assert is_drawn(arrays(()), lambda x: abs(x) > 5)

    def test_examples_shrink_to_simple_numbers(self):
        np.testing.assert_array_equal(example(arrays((2,))), [1.0, 1.0])

    def test_integers_are_refused(self):
        with pytest.raises(TypeError, match="floating-point or complex"):
            example(arrays(dtype=int))

    def test_an_interval_without_room_is_refused(self):
        with pytest.raises(ValueError, match="wider `domain`"):
            example(arrays(domain=Interval(0.0, 0.01)))


@few
@given(tensors((2,), [np.float32, np.float64]))
def test_tensors_require_grad(t):
    assert type(t) is Tensor
    assert t.requires_grad


@few
@given(broadcastable(3))
def test_groups_broadcast(group):
    assert len(group) == 3
    np.broadcast_shapes(*(a.shape for a in group))


class TestAxes:
    @few
    @given(st.integers(0, 4).flatmap(lambda n: st.tuples(st.just(n), axes(n))))
    def test_numpy_takes_them(self, drawn):
        ndim, axis = drawn
        np.sum(np.ones((2,) * ndim), axis=axis)

    @pytest.mark.parametrize("wanted", [None, (), 1, -1, (0, -1)])
    def test_all_forms_are_drawn(self, wanted):
        assert is_drawn(axes(3), lambda axis: axis == wanted and type(axis) is type(wanted))

    def test_something_else_than_a_number_is_refused(self):
        with pytest.raises(TypeError, match=r"axes\(x\.ndim\)"):
            axes((2, 3))


class TestIndices:
    @few
    @given(indices((3, 2, 4)))
    def test_numpy_takes_them(self, index):
        np.zeros((3, 2, 4))[index]

    @pytest.mark.parametrize(
        "is_wanted",
        [
            lambda i: i is Ellipsis or (isinstance(i, tuple) and Ellipsis in [p for p in i if p is Ellipsis]),
            lambda i: isinstance(i, np.ndarray) and i.dtype == bool,
            lambda i: isinstance(i, tuple) and any(p is None for p in i),
            lambda i: any(
                isinstance(p, np.ndarray) and p.dtype != bool and p.size > len(np.unique(p))
                for p in (i if isinstance(i, tuple) else (i,))
            ),
            lambda i: isinstance(i, tuple) and {slice, np.ndarray} <= {type(p) for p in i},
            lambda i: isinstance(i, int) and i < 0,
        ],
        ids=["ellipsis", "mask", "new axis", "repeats", "mixed", "from the back"],
    )
    def test_all_kinds_are_drawn(self, is_wanted):
        assert is_drawn(indices((3, 2)), is_wanted)


class TestEinsum:
    @few
    @given(einsum_specs())
    def test_numpy_takes_them(self, spec):
        subscripts, shapes = spec
        np.einsum(subscripts, *(np.ones(shape) for shape in shapes))

    @pytest.mark.parametrize("mark", ["->", "...", ","])
    def test_all_forms_are_drawn(self, mark):
        assert is_drawn(einsum_specs(), lambda spec: mark in spec[0])
        assert is_drawn(einsum_specs(), lambda spec: mark not in spec[0])


class TestOperands:
    @pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
    def test_derivatives_are_right_there(self, function):
        primitive = primitives[function]

        @hypothesis.settings(few, max_examples=8)
        @given(operands(function))
        def check(drawn):
            fixed = [a.dtype == bool for a in drawn.operands]

            def f(*moved):
                values = iter(moved)
                call = [a if fix else next(values) for a, fix in zip(drawn.operands, fixed, strict=True)]
                return function(call, **drawn.options) if primitive.variadic else function(*call, **drawn.options)

            moved = [a for a, fix in zip(drawn.operands, fixed, strict=True) if not fix]
            assert check_derivatives(f, *moved, order=1, small_shapes=False).verdict == "right"

        check()

    def test_a_function_without_a_rule_is_refused(self):
        with pytest.raises(TypeError, match="has no rule"):
            operands(np.histogram)


class TestWithoutHypothesis:
    def test_the_module_does_not_import_it(self):
        code = "import sys, autograd_mini.testing; print('hypothesis' in sys.modules)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout == "False\n"

    def test_the_error_names_the_extra(self, monkeypatch):
        monkeypatch.setattr(testing.importlib.util, "find_spec", lambda _name: None)
        with pytest.raises(ImportError, match=r'pip install "autograd-mini\[testing\]"'):
            testing.__getattr__("arrays")

    def test_other_names_are_no_attributes(self):
        assert "no_such" not in builtins.dir(testing)
        with pytest.raises(AttributeError, match="no_such"):
            testing.no_such
