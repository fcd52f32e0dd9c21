"""Every message of the library, raised by the mistake that it is about: what you wrote, why not, what to write."""

import copy
import pickle
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pytest

from autograd_mini import Tensor, checkpoint, errors, grad, jacobian, jvp, no_grad, primitive, rule, vjp, vmap
from autograd_mini.rules import methods
from autograd_mini.transforms import checkpointing, derivatives, gradients

ROOMS = (errors, methods, checkpointing, derivatives, gradients)  # whose messages are all here

MATRIX = np.ones((2, 3))


def variable(values: Any = MATRIX) -> Tensor:
    return Tensor(values, requires_grad=True)


class Mistake(NamedTuple):
    message: str
    error: type[Exception]
    says: tuple[str, ...]
    write: Callable[[], Any]


MISTAKES: list[Mistake] = []


def mistake(message: str, error: type[Exception], *says: str) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """Mark a function as an example of the mistake that a message is about; the text contains `says`."""

    def register(write: Callable[[], Any]) -> Callable[[], Any]:
        MISTAKES.append(Mistake(message, error, says, write))
        return write

    return register


@mistake("NOT_SCALAR", ValueError, "shape (2, 3)", "t.sum().backward()")
def backward_of_a_matrix():
    (variable() * 2).backward()


@mistake("NO_GRAPH", RuntimeError, "requires_grad=True")
def backward_of_a_constant():
    Tensor(1.0).backward()


@mistake("NO_GRAPH", RuntimeError, "requires_grad=True")
def backward_of_a_result_of_constants():
    (Tensor(1.0) * 2).backward()


@mistake("FREED", RuntimeError, "np.sum", "h = h.detach()", "retain_graph=True")
def backward_twice():
    loss = (variable() * variable()).sum()
    loss.backward()
    loss.backward()


@mistake("FREED", RuntimeError, "np.tanh")
def backward_over_a_shared_part_that_is_freed():
    shared = np.tanh(variable(1.0))
    (shared * 2).backward()
    (shared * 3).backward()


@mistake("SEED_SHAPE", ValueError, "shape (3,)", "shape (2, 3)", "backward")
def seed_of_another_shape():
    (variable() * 2).backward(np.ones(3))


@mistake("SEED_SHAPE", ValueError, "pullback")
def cotangent_of_another_shape():
    vjp(np.tanh, MATRIX)[1](np.ones(()))


@mistake("SEED_SHAPE", ValueError, "pullback")
def cotangent_tensor_of_another_shape():
    vjp(np.tanh, MATRIX)[1](variable(1.0))


@mistake("SEED_TYPE", TypeError, "complex128", "float64")
def seed_of_complex_numbers():
    (variable() * 2).backward(MATRIX * 1j)


@mistake("NO_RULE", TypeError, "np.histogram", "rule(np.histogram", "t.detach()")
def function_without_a_rule():
    np.histogram(variable())


@mistake("NO_RULE", TypeError, "triple (vectorized)", "rule(")
def ufunc_without_a_rule():
    def triple(x):
        return 3 * x

    np.frompyfunc(triple, 1, 1)(variable())


@mistake("NO_RULE", TypeError, "swish")
def own_primitive_without_a_rule():
    @primitive
    def swish(x):
        return x / (1 + np.exp(-x))

    swish(variable())


@mistake("NO_RULE_FOR_ARGUMENT", TypeError, "scaled", "argument 1", "t.detach()")
def own_primitive_with_too_few_rules():
    @primitive
    def scaled(x, factor):
        return x * factor

    rule(scaled, lambda g, _out, _x: g, bind=lambda args, kwargs: (args, kwargs))
    scaled(variable(), variable())


@mistake("RULE_SIGNATURE", TypeError, "(g)", "lambda g, out, a")
def rule_without_room_for_the_operands():
    rule(np.floor, lambda g: g)


@mistake("NO_METHOD", TypeError, "np.add.at")
def ufunc_method():
    np.add.at(MATRIX.copy(), 0, variable())


@mistake("NO_RESULT", TypeError, "halves returned a list", "a tuple of them")
def a_primitive_that_returns_a_list():
    halves = primitive(lambda x: [x / 2, x / 2])
    halves.__name__ = "halves"
    rule(halves, lambda g, _out, _x: g)
    halves(variable())


@mistake("NO_OUT", TypeError, "np.multiply", "result = np.multiply(...)")
def ufunc_writes_into_an_array():
    np.multiply(variable(), 2, out=np.empty((2, 3)))


@mistake("NO_OUT", TypeError, "np.add")
def array_adds_a_tensor_in_place():
    array = MATRIX.copy()
    array += variable()


@mistake("NO_OUT", TypeError, "np.sum")
def reduction_writes_into_an_array():
    np.sum(variable(), axis=0, out=np.empty(3))


@mistake("NO_OPTION", TypeError, "np.matmul", "`axis`")
def keyword_that_the_rule_does_not_know():
    np.matmul(variable(), variable(), axis=0)


@mistake("NO_OPTION", TypeError, "np.add", "`order`", "no keyword")
def ufunc_keyword_that_the_rule_does_not_know():
    np.add(variable(), 1, order="F")


@mistake("NO_IDENTITY", ValueError, "np.fmax.reduce", "initial=")
def masked_reduction_without_a_value_to_start_from():
    np.fmax.reduce(variable(), where=MATRIX > 0)


@mistake("TENSOR_OPTION", TypeError, "power_of", "`exponent`", "t.detach()")
def tensor_as_a_keyword():
    @primitive
    def power_of(x, *, exponent):
        return x**exponent

    rule(power_of, lambda g, _out, x, exponent: g * exponent * x ** (exponent - 1))
    power_of(variable(), exponent=variable(2.0))


@mistake("BAD_OPERAND", TypeError, "masked array", "m.filled(0)")
def masked_array_as_an_operand():
    variable() + np.ma.array(MATRIX, mask=MATRIX > 1)


@mistake("BAD_OPERAND", TypeError, "dtype object")
def fractions_as_operands():
    variable() * np.array([Fraction(1, 2)], object)


@mistake("GENERATOR", TypeError, "@no_grad()", "batches", "with no_grad():")
def generator_under_a_mode():
    @no_grad()
    def batches():
        yield 1


@mistake("IN_PLACE", TypeError, "t -= ...", "with no_grad(): t -= ...", "u = t - ...")
def update_of_a_parameter_while_recording():
    w = variable()
    w -= 1.0


@mistake("CHECKPOINT_CHANGED", RuntimeError, "checkpoint(noisy)", "random numbers outside")
def checkpoint_of_random_numbers():
    rng = np.random.default_rng(0)

    def noisy(x):
        return x * rng.normal(size=x.shape)

    np.sum(checkpoint(noisy)(variable())).backward()


@mistake("HOLOMORPHIC", TypeError, "jacobian was asked", "not holomorphic")
def jacobian_of_a_conjugate():
    jacobian(np.conj)(np.array([1 + 2j]))


@mistake("REAL_TANGENT", TypeError, "complex tangent", "x + 0j")
def complex_tangent_of_a_real_primal():
    jvp(np.square, (np.ones(2),), (np.full(2, 1j),))


@mistake("EXTRA_ARGUMENTS", TypeError, "scaled takes 2 arguments by position, but 3")
def too_many_arguments_of_a_primitive():
    @primitive
    def scaled(x, k=1.0):
        return x * k

    rule(scaled, lambda g, _out, _x, k=1.0: g * k)
    scaled(variable(), 3.0, 4.0)


@mistake("ARGNUMS", TypeError, "argnums='x'", "position of an argument")
def argnums_by_name():
    grad(np.sum, argnums="x")


@mistake("TO_ARRAY", TypeError, "plain array", "t.detach()", "t.data")
def tensor_to_an_array():
    np.asarray(variable())


@mistake("TO_ARRAY", TypeError, "plain number", "t.item()")
def tensor_to_a_number():
    float(variable(1.0))


@mistake("TO_ARRAY", TypeError, "plain list")
def tensor_to_a_list():
    variable().tolist()


@mistake("INTEGER_GRAD", TypeError, "int64", "dtype=float")
def integers_that_require_grad():
    Tensor([1, 2], requires_grad=True)


@mistake("INTEGER_GRAD", TypeError, "bool")
def booleans_are_made_to_require_grad():
    Tensor([True]).requires_grad = True


@mistake("BAD_DTYPE", TypeError, "dtype <U1", "np.asarray")
def text_as_values():
    Tensor(["a", "b"])


@mistake("BAD_DTYPE", TypeError, "dtype object")
def object_as_values():
    Tensor(None)


@mistake("BAD_DTYPE", ValueError, "inhomogeneous")
def ragged_values():
    Tensor([[1.0], [2.0, 3.0]])


@mistake("BAD_DTYPE", TypeError, "mask")
def masked_array_as_values():
    Tensor(np.ma.masked_array([1.0, 2.0], [True, False]))


@mistake("TENSOR_OF_TENSOR", TypeError, "np.stack", "t.detach()")
def tensor_of_a_tensor():
    Tensor(variable())


@mistake("ASSIGNMENT", TypeError, "t[index] = value", "t.at[index].set(value)")
def assignment_to_an_entry():
    variable()[0] = 1.0


@mistake("WRITING", TypeError, "np.copyto", "t.at[index].set(value)")
def writing_into_a_tensor():
    np.copyto(Tensor(MATRIX), 2 * MATRIX)


@mistake("WRITING", TypeError, "np.add.at")
def adding_into_a_tensor():
    np.add.at(Tensor(MATRIX), 0, 1.0)


@mistake("TRUTH", ValueError, "shape (2, 3)", "6 entries", ".any()", "np.where")
def truth_of_many():
    bool(variable() > 0)


@mistake("ITEM", ValueError, "shape (2, 3)", "t[i].item()")
def item_of_many():
    variable().item()


@mistake("CALL_FAILED", ValueError, "np.matmul", "(2, 3) float64 and shape (2, 3)", "mismatch")
def product_of_matrices_that_do_not_fit():
    variable() @ variable()


@mistake("CALL_FAILED", ValueError, "np.add", "(2, 3)", "(2,)", "broadcast")
def sum_of_arrays_that_do_not_broadcast():
    variable() + np.ones(2)


@mistake("CALL_FAILED", ValueError, "np.reshape", "(2, 3)", "cannot reshape array of size 6")
def reshape_to_another_size():
    variable().reshape(4, 2)


@mistake("COTANGENT", TypeError, "double", "argument 0", "shape (3,)", "shape (2, 3)")
def rule_with_a_result_of_another_shape():
    @primitive
    def double(x):
        return 2 * x

    rule(double, lambda g, _out, _x: 2 * np.sum(g, axis=0))
    double(variable()).sum().backward()


@mistake("COTANGENT", TypeError, "double", "float32", "float64")
def rule_with_a_result_of_another_dtype():
    @primitive
    def double(x):
        return 2 * x

    rule(double, lambda g, _out, _x: (2 * g).astype(np.float32))
    double(variable()).sum().backward()


@mistake("RULE_FAILED", ZeroDivisionError, "broken", "argument 0", "shape (2, 3) float64")
def rule_that_fails():
    @primitive
    def broken(x):
        return 2 * x

    rule(broken, lambda g, _out, _x: g * (1 // 0))
    broken(variable()).sum().backward()


@mistake("DATA_REPLACED", ValueError, "shape (3,)", "shape (2, 3)", "float64")
def data_of_another_shape():
    variable().data = np.ones(3)


@mistake("DATA_OF_VMAP", ValueError, "2 examples of a vmap", "Return them")
def data_of_single_examples():
    row = variable(MATRIX[0])

    def kept(x):
        row.data = x
        return x

    vmap(kept)(MATRIX)


@mistake("DATA_REPLACED", ValueError, "float32", "float64")
def data_of_another_dtype():
    variable().data = MATRIX.astype(np.float32)


@mistake("DATA_OF_RESULT", AttributeError, "np.multiply", "t.detach()")
def data_of_a_result():
    (variable() * 2).data = MATRIX


@mistake("REQUIRES_GRAD_OF_RESULT", AttributeError, "np.multiply", "t.detach()")
def requires_grad_of_a_result():
    (variable() * 2).requires_grad = False


@mistake("GRAD_SHAPE", ValueError, "shape (3,)", "shape (2, 3)", "t.grad = None")
def gradient_of_another_shape():
    variable().grad = np.ones(3)


@mistake("GRAD_SHAPE", ValueError, "value 0")
def gradient_as_a_number():
    variable().grad = 0


@mistake("GRAD_OF_RESULT", AttributeError, "leaf")
def gradient_of_a_result():
    (variable() * 2).grad = MATRIX


@mistake("GRAD_OF_RESULT", AttributeError, "requires_grad=True")
def gradient_of_a_constant():
    Tensor(MATRIX).grad = MATRIX


@mistake("PICKLE", TypeError, "np.multiply", "copy.deepcopy(t)")
def pickle_of_a_result():
    pickle.dumps(variable() * 2)


def backward_with(hook, x):
    h = np.exp(x)
    h.name = "h"
    h.register_hook(hook)
    return np.sum(h)


@mistake("NOT_A_HOOK", TypeError, "float")
def hook_that_is_a_number():
    variable().register_hook(0.5)


@mistake("NO_GRADIENT_FOR_HOOK", RuntimeError, "register_hook()", "a tensor without a name", "no_grad()")
def hook_of_a_constant():
    np.exp(variable().detach()).register_hook(np.negative)


@mistake("NO_GRADIENT_FOR_HOOK", RuntimeError, "retain_grad()", "'x'")
def retained_gradient_of_a_constant():
    Tensor(MATRIX, name="x").retain_grad()


@mistake("HOOK_RESULT", TypeError, "'h'", "shape (3,) float64", "shape (2, 3) float64")
def hook_that_returns_another_shape():
    backward_with(lambda g: g[0], variable()).backward()


@mistake("HOOK_RESULT", TypeError, "float32", "astype('float64')")
def hook_that_returns_another_dtype():
    grad(lambda x: backward_with(lambda g: g.astype(np.float32), x))(MATRIX)


@mistake("HOOK_RESULT", TypeError, "'h'", "a list")
def hook_that_returns_no_array():
    backward_with(lambda g: g.tolist(), variable()).backward()


@mistake("HOOK_HISTORY", TypeError, "'h'", ".detach()")
def hook_whose_history_would_be_lost():
    w = variable()
    grad(lambda x: backward_with(lambda g: g * w, x))(MATRIX)


@mistake("IN_HOOK", ValueError, "'h'")
def hook_that_writes_into_the_gradient():
    backward_with(lambda g: np.multiply(g, 2, out=g), variable()).backward()


@mistake("TRANSFORM_INPUT", TypeError, "grad", "argument 0", "int64")
def gradient_by_integers():
    grad(np.sum)(np.arange(3))


@mistake("TANGENTS", ValueError, "(2,)", "(3,)")
def direction_of_another_shape():
    jvp(np.tanh, (np.ones(3),), (np.ones(2),))


@mistake("CHECKPOINT", TypeError, "tuple")
def checkpoint_of_two_results():
    checkpoint(lambda x: (x, x))(Tensor(1.0, requires_grad=True))


@mistake("TRANSFORM_INPUT", TypeError, "vjp", "a str")
def vjp_by_text():
    vjp(np.sum, "x")


@mistake("TRANSFORM_ARGNUM", TypeError, "argument 2", "2 arguments")
def gradient_by_an_argument_that_is_not_there():
    grad(lambda x, y: x * y, argnums=2)(1.0, 2.0)


@mistake("TRANSFORM_OUTPUT", TypeError, "shape (2, 3)", "np.sum", "vjp", "tanh")
def gradient_of_a_function_to_arrays():
    grad(np.tanh)(MATRIX)


@mistake("TRANSFORM_OUTPUT", TypeError, "NoneType")
def gradient_of_a_function_that_returns_nothing():
    grad(lambda x: None)(1.0)


@mistake("TRANSFORM_OUTPUT", TypeError, "str")
def vjp_of_a_function_to_text():
    vjp(lambda x: "text", 1.0)


@mistake("TRANSFORM_OUTPUT", TypeError, "real number", "np.real")
def gradient_of_a_function_to_complex_numbers():
    grad(lambda x: x * 1j)(1.0)


@mistake("TENSOR_INSIDE", TypeError, "dict", "variadic=True")
def tensor_in_a_dict_among_the_operands():
    @primitive
    def scaled(x, options):
        return x * options["scale"]

    rule(scaled, lambda g, _out, _x, options: g * options["scale"], None)
    scaled(variable(), {"scale": variable()})


def pattern(template: str) -> str:
    """A regular expression that matches the template with its fields filled in."""
    pieces = re.split(r"\{\w+\}", template)
    return "(?s)" + ".*".join(map(re.escape, pieces))


@pytest.mark.parametrize("case", MISTAKES, ids=lambda case: case.write.__name__)
def test_message_says_what_why_and_what_instead(case):
    with pytest.raises(case.error) as caught:
        case.write()
    text = "\n".join([str(caught.value), *getattr(caught.value, "__notes__", [])])
    assert re.search(pattern(messages()[case.message]), text), text
    for part in case.says:
        assert part in text
    assert not re.search(r"\{\w*\}", text)


def messages() -> dict[str, str]:
    texts = ((name, value) for room in ROOMS for name, value in vars(room).items() if name.isupper())
    return {name: text for name, text in texts if isinstance(text, str) and " " in text}


def test_every_message_has_a_mistake_that_raises_it():
    assert {case.message for case in MISTAKES} == messages().keys()


@pytest.mark.parametrize("name", sorted(messages().keys() - {"CALL_FAILED", "RULE_FAILED"}))
def test_message_says_what_to_write(name):
    assert re.search(r"(?i)\b(write|pass|use|convert|index|leave|make|needs|returns|write)\b", messages()[name])


def test_an_error_inside_a_rule_keeps_its_type_and_names_the_operation():
    with pytest.raises(ZeroDivisionError) as caught:
        rule_that_fails()
    assert "broken" in caught.value.__notes__[0]


def test_a_failed_backward_changes_no_gradient():
    @primitive
    def fails(x):
        return 2 * x

    rule(fails, lambda g, _out, _x: g * (1 // 0))
    a, b = variable(1.0), variable(2.0)
    with pytest.raises(ZeroDivisionError):
        (a * 3 + fails(b)).backward()
    assert a.grad is None
    assert b.grad is None


def test_a_failed_call_leaves_its_operands_usable():
    t = variable()
    with pytest.raises(ValueError, match=r"np\.add"):
        t + np.ones(2)
    t.sum().backward()
    np.testing.assert_array_equal(t.grad, MATRIX)


def test_copies_of_a_result_are_offered_and_work():
    twin = copy.deepcopy(variable() * 2)
    assert twin.requires_grad
