"""What `check_derivatives` says of what it cannot check, and of what goes wrong while it does."""

import subprocess
import sys

import numpy as np
import pytest

from autograd_mini import Tensor, primitive, rule, testing
from autograd_mini.testing import DerivativeError, arrays, check_derivatives
from autograd_mini.testing.snippets import code_of

X = np.array([0.5, 1.0])


def operation(value, *vjps):
    """A user's operation with the given rules."""
    made = primitive(value)
    rule(made, *vjps)
    return made


def raises(kind, *args, **options):
    """The error of a check."""
    with pytest.raises(kind) as found:
        check_derivatives(*args, **options)
    return found.value


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_point_that_is_not_finite_is_refused_with_its_entry(value):
    error = raises(ValueError, np.sin, np.array([1.0, value]))
    assert str(error).startswith(f"np.sin: x[1] is {value}, and a derivative is checked at finite numbers.")


@pytest.mark.parametrize(("value", "shown"), [(None, "None"), ("a", "'a'"), ([], "a list")])
def test_a_function_that_returns_no_numbers_is_refused(value, shown):
    assert str(raises(TypeError, lambda x: value, X)).startswith(f"f returned {shown}, and")


@pytest.mark.parametrize("value", [3, 3.0, np.zeros((2, 2))])
def test_a_result_that_does_not_depend_on_the_arguments_is_right_and_mentioned(value):
    report = check_derivatives(lambda x: value, X)
    assert report.verdict == "right"
    assert "does not depend on the arguments" in str(report)


def test_a_result_that_depends_on_the_arguments_is_not_called_constant():
    assert not check_derivatives(np.sin, X).notes
    assert not check_derivatives(lambda x, y: x, X, X).notes


def test_arrays_without_entries_say_that_nothing_was_compared():
    report = check_derivatives(np.sin, np.zeros((0, 3)))
    assert not report.entries
    assert "no derivative to compare; shapes, dtypes and memory were checked" in str(report)


@pytest.mark.parametrize(
    ("args", "options", "kind", "says"),
    [
        ((np.sum, X), {"gradient": np.ones_like, "vjp": np.ones_like}, ValueError, "Write one of them"),
        ((np.sin, X), {"gradient": np.cos}, ValueError, "`vjp=lambda g, x: g * np.cos(x)`"),
        ((np.sin, X), {"gradient": lambda x: x}, ValueError, "`vjp=lambda g, x: g * slope(x)`"),
        ((np.sum, X), {"gradient": X}, TypeError, "Write `gradient=lambda x: ...`"),
        ((np.sin, X), {"vjp": X}, TypeError, "Write `vjp=lambda g, x: ...`"),
        ((np.sum, X), {"gradient": lambda a: None}, TypeError, "gradient returned None as the gradient by a"),
        ((np.sin, X), {"vjp": lambda g, x: None}, TypeError, "vjp returned None as the gradient by x"),
        ((X, np.sin), {}, TypeError, "The function comes first"),
        ((np.sin, np.array([1, 2])), {}, TypeError, "an array of dtype int64 and shape (2,), so"),
        ((np.sin, np.array([1, 2])), {}, TypeError, "`x.astype(float)`"),
        ((np.sin,), {}, TypeError, "with no arguments"),
        ((np.sin, arrays()), {}, TypeError, "`derivatives.check(f, strategy)`; or decorate the test with `@given("),
        ((np.sin, X), {"order": "2"}, ValueError, "order='2'"),
    ],
)
def test_what_cannot_be_checked_is_refused_with_what_to_write(args, options, kind, says):
    assert says in str(raises(kind, *args, **options))


def test_gradient_of_a_result_with_one_entry_is_taken():
    assert check_derivatives(lambda x: np.sum(x, keepdims=True), X, gradient=np.ones_like).verdict == "right"


@pytest.mark.parametrize("changed", ["the cotangent", "x"])
def test_a_gradient_that_changes_an_array_is_told_in_a_sentence(changed):
    def doubling(g, x):
        array = g if changed == "the cotangent" else x
        array *= 2
        return 2 * g

    error = raises(DerivativeError, lambda x: 2 * x, X, vjp=doubling)
    assert str(error).startswith(f"f: the gradient changes {changed}: copy it instead of writing into it.")


def test_a_function_that_changes_its_argument_is_told_so():
    def shift(x):
        x += 1
        return x * x

    before = X.copy()
    error = raises(DerivativeError, shift, X, vjp=lambda g, x: 2 * g * (x + 1))
    np.testing.assert_array_equal(X, before)  # the caller's array is left alone
    assert str(error).startswith("shift: the function changes x:")


def test_an_operation_that_changes_its_argument_is_told_so():
    def doubling(x):
        x *= 2
        return 1 * x

    double = operation(doubling, lambda g, _out, _x: 2 * g)
    assert str(raises(DerivativeError, double, X)).startswith("doubling: the function changes x:")


def test_a_missing_conjugate_is_guessed():
    error = raises(DerivativeError, lambda z: z**2, np.array([1 + 2j, 0.5 - 1j]), vjp=lambda g, z: g * 2 * z)
    assert "It looks like this: the conjugate" in str(error)


def test_a_missing_sum_over_a_broadcast_axis_in_a_rule_is_a_wrong_derivative():
    shift = operation(lambda x, b: x + b, lambda g, _out, _x, _b: 1.0 * g, lambda g, _out, _x, _b: 1.0 * g)
    error = raises(DerivativeError, shift, np.ones((3, 2)), np.ones(2))
    assert error.kind == "shape"
    assert "sum the gradient over axis 0." in str(error)
    assert "To see it again:\n" in str(error)


def test_an_error_of_a_rule_names_the_operation_and_the_order():
    square = operation(lambda x: x**2, lambda g, _out, x: 2 * g * np.asarray(x))
    notes = "\n".join(raises(TypeError, lambda x: square(x), X).__notes__)
    assert "The rule of " in notes
    assert "check_derivatives called f(np.array([0.5, 1.0])) last, for the derivative of order 2 of f." in notes


def test_an_error_of_the_users_function_is_told_with_its_call():
    def broken(x, power):
        raise KeyError(power)

    (note,) = raises(KeyError, broken, X, 3).__notes__
    assert (
        note
        == "check_derivatives called broken(np.array([0.5, 1.0]), 3) last, for the derivative of order 1 of broken."
    )


def test_an_error_of_the_users_gradient_is_told_with_its_call():
    def slope(x):
        return x @ np.ones((3, 3))

    error = raises(ValueError, np.sum, X, gradient=slope)
    assert "called slope(np.array([0.5, 1.0])) last, for the derivative of order 1 of np.sum." in error.__notes__[-1]


def test_the_first_line_says_what_is_wrong():
    error = raises(DerivativeError, np.sin, np.array([1.0]), vjp=lambda g, x: -g * np.cos(x))
    assert str(error).splitlines()[0] == "np.sin: wrong derivative by x[0]: expected 0.540302, got -0.540302"


def test_numbers_that_differ_late_are_shown_with_more_digits():
    error = raises(DerivativeError, lambda x: x, np.array(1.0), vjp=lambda g, x: (1 + 1e-8) * g)
    assert str(error).splitlines()[0] == "f: wrong derivative by x: expected 1, got 1.00000001"


def pasted(error):
    """The lines to paste."""
    return str(error).rpartition("To see it again:\n")[2].replace("    ", "")


def test_lambdas_are_written_out_in_the_lines_to_paste():
    error = raises(DerivativeError, lambda x: x**2, X, vjp=lambda g, x: g * x)
    lines = pasted(error)
    assert lines == "f = lambda x: x ** 2\nvjp = lambda g, x: g * x\ncheck_derivatives(f, np.array([0.5]), vjp=vjp)"
    with pytest.raises(DerivativeError) as again:
        exec(lines, {"np": np, "check_derivatives": check_derivatives})
    assert str(again.value).partition("To see")[0] == str(error).partition("To see")[0]


def test_functions_whose_source_is_unknown_have_a_place_in_the_lines_to_paste():
    class Square:
        def __call__(self, x):
            return x**2

    lines = pasted(raises(DerivativeError, Square(), X, vjp=eval("lambda g, x: g * x")))
    assert lines.startswith("f = ...  # your Square\nvjp = ...  # your function\ncheck_derivatives(f, ")


def test_the_module_lists_its_public_names_and_nothing_else():
    assert dir(testing) == sorted(testing.__all__)


def test_importing_the_checks_imports_no_hypothesis():
    code = (
        "import sys, numpy as np; from autograd_mini.testing import check_derivatives; "
        "check_derivatives(np.sin, 1.0); print('hypothesis' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_several_functions_have_names_of_their_own_in_the_lines_to_paste():
    code = code_of("laws.chain_rule", [lambda x: x + 1, lambda x: x * 2, X])
    assert code == "f = lambda x: x + 1\ng = lambda x: x * 2\nlaws.chain_rule(f, g, np.array([0.5, 1.0]))"


@pytest.mark.parametrize(
    "weights", [np.array([2.0, 3.0]), Tensor([2.0, 3.0], requires_grad=True)], ids=["array", "leaf"]
)
def test_tensors_that_require_grad_may_be_closed_over(weights):
    assert check_derivatives(lambda x: np.tanh(weights * x), X).verdict == "right"
    wrong = operation(np.tanh, lambda g, out, _x: g * (1 - out))
    raises(DerivativeError, lambda x: wrong(weights * x), X)
