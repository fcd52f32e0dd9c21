"""Complex numbers through the element-wise rules: for a real loss L the gradient is dL/dRe + i dL/dIm."""

import inspect
import re
from pathlib import Path

import numpy as np
import pytest

from autograd_mini import Tensor, elementwise_grad, grad, hessian, jacobian, jvp, vjp
from autograd_mini.primitive import primitives
from autograd_mini.rules.trigonometric import over_squares, sinc_derivative
from tests.autograd_mini.testing.numeric import assert_close, slope


def takes_complex(function):
    """Whether a universal function has a loop for complex numbers."""
    return (
        isinstance(function, np.ufunc)
        and function.signature is None
        and any(types.startswith("D" * function.nin) for types in function.types)
    )


UFUNCS = {f.__name__: f for f in primitives if takes_complex(f)}
OTHERS = {
    "real": np.real,
    "imag": np.imag,
    "real_if_close": np.real_if_close,
    "angle": np.angle,
    "angle in degrees": lambda z: np.angle(z, deg=True),
    "nan_to_num": np.nan_to_num,
    "round": np.round,
    "sinc": np.sinc,
    "sinc'": lambda z: sinc_derivative(z, order=1),
    "float_power": np.float_power,
    "where": lambda a, b: np.where([True, False, True], a, b),
    "select": lambda a, b: np.select([np.array([True, False, True])], [a], b),
    "interp": lambda a, b: np.interp([0.5, 1.5, 1.0], [0.0, 1.0, 2.0], a * b),
    "choose": lambda a, b: np.choose([1, 0, 1], [a, b]),
    "astype": lambda z: z.astype(complex),
    "Re and Im put together": lambda z: np.real(z) * np.imag(z) + 1j * np.angle(z),
}
FUNCTIONS = {**UFUNCS, **OTHERS}


def arity(f):
    return f.nin if isinstance(f, np.ufunc) else len(inspect.signature(f).parameters) - len(OPTIONAL & parameters(f))


OPTIONAL = {"tol", "deg", "copy", "nan", "posinf", "neginf", "decimals", "out"}


def parameters(f):
    return set(inspect.signature(f).parameters)


def draw(rng, *shape):
    """Numbers with positive parts, away from every cut and kink."""
    return rng.uniform(0.3, 0.9, shape) + 1j * rng.uniform(0.3, 0.9, shape)


def inner(c, values):
    """What a cotangent means: the loss grows by this much."""
    return np.sum(np.real(np.conj(c) * values))


def numeric_gradient(loss, primals, position):
    """dL/dRe + i dL/dIm of each entry of an operand, for a real operand dL/dRe; and how far off they may be."""
    values, errors = np.zeros_like(primals[position]), np.zeros(primals[position].shape)
    for index in np.ndindex(values.shape):
        for direction in (1, 1j) if np.iscomplexobj(values) else (1,):

            def phi(h, index=index, direction=direction):
                moved = [primal.copy() for primal in primals]
                moved[position][index] += h * direction
                return float(loss(*moved))

            value, error = slope(phi)
            values[index] += direction * value
            errors[index] += error
    return values, errors


def assert_gradient(loss, primals, found):
    for position, part in enumerate(found):
        expected, error = numeric_gradient(loss, primals, position)
        assert part.dtype == primals[position].dtype
        assert_close(part, expected, 1e-7, 10 * error)


def operands(name, kinds):
    rng = np.random.default_rng(len(name))
    drawn = [draw(rng, 3) for _ in kinds]
    return [np.real(z).copy() if kind == "real" else z for z, kind in zip(drawn, kinds, strict=True)]


KINDS = [
    pytest.param(name, kinds, id=f"{name}-{'-'.join(kinds)}")
    for name, f in FUNCTIONS.items()
    for kinds in (
        [("complex",)] if arity(f) == 1 else [("complex", "complex"), ("real", "complex"), ("complex", "real")]
    )
]


@pytest.mark.parametrize(("name", "kinds"), KINDS)
def test_first_and_second_derivative(name, kinds):
    f = FUNCTIONS[name]
    primals = operands(name, kinds)
    out, pullback = vjp(f, *primals)
    np.testing.assert_array_equal(out, f(*primals))
    rng = np.random.default_rng(0)
    c = draw(rng, *out.shape)
    c = c if np.iscomplexobj(out) else np.real(c)
    assert_gradient(lambda *primals: inner(c, np.asarray(f(*primals))), primals, pullback(c))

    weights = [draw(rng, *primal.shape) for primal in primals]

    def first(*values):
        *moved, cotangent = values
        return sum(inner(w, part) for w, part in zip(weights, vjp(f, *moved)[1](cotangent), strict=True))

    primals = [*primals, c]
    assert_gradient(first, primals, vjp(first, *primals)[1](np.ones(())))


@pytest.mark.parametrize(("name", "kinds"), KINDS)
def test_single_precision_stays_single(name, kinds):
    f = FUNCTIONS[name]
    primals = operands(name, kinds)
    narrow = [primal.astype("complex64" if np.iscomplexobj(primal) else "float32") for primal in primals]
    out, pullback = vjp(f, *narrow)
    if name not in {"float_power", "interp", "astype"}:
        assert out.dtype in {np.dtype("complex64"), np.dtype("float32")}
    expected = vjp(f, *primals)[1](np.ones_like(out, dtype=complex if np.iscomplexobj(out) else float))
    for part, primal, wide in zip(pullback(np.ones_like(out)), narrow, expected, strict=True):
        assert part.dtype == primal.dtype
        assert_close(part, wide, 1e-4)


def test_the_gradient_is_the_direction_of_steepest_ascent():
    target = np.array([1 + 2j, -3j])
    z = Tensor(np.zeros(2, complex), requires_grad=True)
    for _ in range(60):
        z.grad = None
        np.sum(np.square(np.abs(z - target))).backward()
        z.data = z.data - 0.2 * z.grad
    np.testing.assert_allclose(z.data, target, atol=1e-10)


def test_the_gradient_of_the_parts():
    z = np.array(3 - 4j)
    assert grad(np.real)(z) == 1
    assert grad(np.imag)(z) == 1j
    assert grad(np.abs)(z) == 0.6 - 0.8j
    assert grad(lambda z: np.real(np.conj(z) * z))(z) == 2 * z
    assert grad(np.angle)(z) == pytest.approx(1j * z / 25)
    assert grad(lambda z: np.imag(np.exp(z)))(np.array(0j)) == 1j


@pytest.mark.parametrize("f", [np.abs, np.angle, lambda z: np.real(np.sign(z)), lambda z: np.imag(np.sign(z))])
def test_at_zero_the_slopes_are_0(f):
    zero = np.zeros((), complex)
    assert grad(f)(zero) == 0
    assert grad(lambda z: np.real(grad(f)(z)))(zero) == 0


@pytest.mark.parametrize("f", [np.angle, np.imag])
def test_a_real_number_has_no_other_part(f):
    assert grad(f)(2.0) == 0
    assert grad(f)(np.float32(-2.0)).dtype == np.float32


def test_real_if_close_gives_a_gradient_either_way():
    near, far = np.array([1 + 1e-20j, 2]), np.array([1 + 1j, 2])
    for z, dtype in ((near, float), (far, complex)):
        out, pullback = vjp(np.real_if_close, z)
        assert out.dtype == dtype
        (part,) = pullback(np.full(2, 3.0, dtype))
        assert part.dtype == complex
        np.testing.assert_array_equal(part, [3, 3])


def test_nan_to_num_passes_on_the_part_that_is_finite():
    z = np.array([complex(np.nan, 1), complex(1, np.inf), 1 + 1j])
    _, pullback = vjp(np.nan_to_num, z)
    np.testing.assert_array_equal(pullback(np.full(3, 2 + 3j))[0], [3j, 2, 2 + 3j])


@pytest.mark.parametrize(("base", "exponent"), [(-2.0, 0.5 + 1j), (-2.0, 1j), (0.5, 2j)])
def test_a_negative_base_has_complex_powers(base, exponent):
    y = np.array(exponent)
    out, pullback = vjp(lambda y: np.power(base, y), y)
    np.testing.assert_allclose(np.conj(pullback(np.ones((), complex))[0]), out * np.log(base + 0j), rtol=1e-14)


@pytest.mark.parametrize("z", [2 + 1e-30j, 2 - 1e-30j, -2 + 1e-30j, -2 - 1e-30j, 2j, -2j, 0j], ids=str)
@pytest.mark.parametrize("f", [np.arcsin, np.arccos, np.arctan, np.arcsinh, np.arccosh, np.arctanh])
def test_inverse_functions_on_both_sides_of_their_cuts(f, z):
    inverse = {
        np.arcsin: np.sin, np.arccos: np.cos, np.arctan: np.tan,
        np.arcsinh: np.sinh, np.arccosh: np.cosh, np.arctanh: np.tanh,
    }[f]  # fmt: skip
    z = np.array(z)
    slope_of_f = vjp(f, z)[1](np.ones((), complex))[0]
    slope_of_inverse = vjp(inverse, f(z))[1](np.ones((), complex))[0]
    np.testing.assert_allclose(slope_of_f * slope_of_inverse, 1, rtol=1e-12)


@pytest.mark.parametrize("z", [1e30, 1e30j, 1e30 - 1e30j])
@pytest.mark.parametrize(
    ("f", "slope_of_f"),
    [
        (np.arcsin, lambda z: 1j * np.sign(z.imag or 1) / z), (np.arccos, lambda z: -1j * np.sign(z.imag or 1) / z),
        (np.arctan, lambda z: 1 / z / z), (np.arctanh, lambda z: -1 / z / z),
    ],
)  # fmt: skip
def test_slopes_far_out_in_single_precision(f, slope_of_f, z):
    z = np.array(z, np.complex64)
    found = np.conj(vjp(f, z)[1](np.ones((), np.complex64))[0])
    expected = slope_of_f(complex(z))
    if f in {np.arcsin, np.arccos} and z.imag == 0:  # on the cut, where the sign is that of the side
        found, expected = np.abs(found), np.abs(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-44)
    assert np.isfinite(grad(lambda z: np.abs(vjp(f, z)[1](np.ones((), np.complex64))[0]))(z))


def test_the_slopes_of_angles_do_not_overflow():
    b = np.array(1e200)
    np.testing.assert_allclose(over_squares(b, b), 0.5e-200)
    np.testing.assert_allclose(grad(np.angle)(np.array(1e200j)), -1e-200)


def test_the_page_says_what_comes_out(capsys):
    text = (Path(__file__).parents[3] / "docs" / "complex.md").read_text()
    example, transforms = re.findall(r"(?ms)^```python\n(.*?)^```", text)
    (printed,) = re.findall(r"(?ms)^```text\n(.*?)^```", text)
    exec(compile(example, "complex.md", "exec"), {})
    assert capsys.readouterr().out == printed
    exec(compile(transforms, "complex.md", "exec"), {})


@pytest.mark.parametrize("transform", [jacobian, elementwise_grad])
@pytest.mark.parametrize("f", [np.conj, lambda z: z + np.conj(z), lambda z: z * np.abs(z)])
def test_a_complex_function_that_is_not_holomorphic_has_no_jacobian(transform, f):
    with pytest.raises(TypeError, match="not holomorphic"):
        transform(f)(np.array([1 + 2j, 3.0]))


def test_a_real_function_of_complex_numbers_has_no_hessian():
    with pytest.raises(TypeError, match="not holomorphic"):
        hessian(lambda z: np.abs(z) ** 4)(np.array(1 + 2j))


def test_elementwise_grad_is_the_derivative_of_a_textbook():
    np.testing.assert_allclose(elementwise_grad(np.square)(np.array([1 + 2j])), [2 + 4j])
    np.testing.assert_allclose(elementwise_grad(lambda x: 1j * x)(np.array([2.0])), [1j])


def test_the_jacobian_of_a_complex_result_by_real_numbers_is_complex():
    np.testing.assert_allclose(jacobian(lambda x: np.exp(1j * x))(np.array(0.5)), 1j * np.exp(0.5j))


def test_a_complex_tangent_of_a_real_primal_is_refused():
    with pytest.raises(TypeError, match="complex tangent"):
        jvp(np.square, (np.ones(2),), (1j * np.ones(2),))


def test_jacobians_of_complex_functions_as_the_page_has_them():
    z, v = np.array(1 + 2j), np.array(3 - 1j)
    for f in (np.abs, np.imag, np.square, np.angle):
        change = jvp(f, (z,), (v,))[1]
        np.testing.assert_allclose(np.real(jacobian(f)(z) * v), np.real(change), rtol=1e-14)
        c = np.array(2 + 1j) if np.iscomplexobj(change) else np.array(2.0)
        np.testing.assert_allclose(
            vjp(f, z)[1](c)[0], grad(lambda z, c=c, f=f: np.real(np.conj(c) * f(z)))(z), rtol=1e-14
        )
