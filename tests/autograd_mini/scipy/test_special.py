"""Rules of `scipy.special`: the checks that every rule gets, hard points, and the functions built from them."""

from pathlib import Path

import numpy as np
import pytest
from scipy import special

from autograd_mini import Tensor, grad
from autograd_mini.primitive import composites, constants, primitives
from tests.autograd_mini.rules import test_rule_sources, test_rules
from tests.autograd_mini.scipy.derivatives import (
    PRECISIONS,
    assert_complex_gradient,
    assert_derivatives,
    derivatives,
)
from tests.autograd_mini.scipy.registered import CALLS, FUNCTIONS, IDS, NAMES, UFUNCS, linalg, signal
from tests.autograd_mini.scipy.registered import special as ours
from tests.autograd_mini.testing.numeric import assert_close

every_call = pytest.mark.parametrize("call", CALLS, ids=IDS)
every_function = pytest.mark.parametrize("function", FUNCTIONS, ids=NAMES.values())


@every_function
@pytest.mark.parametrize(
    "check",
    [
        test_rules.test_rule_comes_with_example_calls,
        test_rules.test_option_defaults_are_those_of_numpy,
    ],
    ids=lambda check: check.__name__,
)
def test_of_every_function(function, check):
    check(function)


@every_call
@pytest.mark.parametrize(
    "check",
    [
        test_rules.test_derivatives_to_second_order,
        test_rules.test_float32_stays_float32,
        test_rules.test_a_second_derivative_in_float32_stays_float32,
    ],
    ids=lambda check: check.__name__,
)
def test_of_every_call(call, check):
    check(call)


class Functions:
    """The functions of NumPy and of `scipy.special`, which rules may both call."""

    def __getattr__(self, name):
        return getattr(np, name, None) or getattr(special, name)


@pytest.mark.parametrize("modules", [ours.TABLES, [linalg], [signal]], ids=lambda modules: modules[0].__name__)
def test_rules_do_only_what_rules_may_do(modules, monkeypatch):
    made = {
        name for module in modules for name, value in vars(module).items() if callable(value) and value in primitives
    }
    lower = {"keep_axes", "power_left", "power_right", "vjp"}  # helpers of the rules of NumPy, and a transform
    monkeypatch.setattr(test_rule_sources, "np", Functions())
    monkeypatch.setattr(test_rule_sources, "CLOSED", {*primitives, *composites, *constants})
    monkeypatch.setattr(test_rule_sources, "BUILTINS", {*test_rule_sources.BUILTINS, *made, *lower})
    source = "\n".join(Path(module.__file__).read_text() for module in modules)
    source = (
        source.replace("special.", "np.").replace("hasattr(special", "hasattr(np").replace("@precisely", "@primitive")
    )  # which has a body of its own too
    assert test_rule_sources.forbidden(source) == []


# Universal functions with a constant order, called as users do

X = np.array([[0.3, 0.7], [0.45, 0.9]])


WITH_ORDER = (
    "jn jv jve yv yve iv ive kv kve yn kn hankel1 gammainc gammaincc stdtr chdtr pdtr expn hyp0f1 struve eval_legendre "
    "eval_hermite"
)


@pytest.mark.parametrize("name", WITH_ORDER.split())
@pytest.mark.parametrize("order", [2, np.array([1, 3]), [1, 2]], ids=str)
def test_functions_with_an_order(name, order):
    function = getattr(special, name)
    expected = function(order, X)
    assert_close(function(order, Tensor(X)).data, expected, 1e-15)
    assert_derivatives(lambda x: np.real(function(order, x)), X)
    with pytest.raises(TypeError, match=r"keyword .*no gradient flows.*detach"):
        function(Tensor([1.0, 2.0], requires_grad=True), X)


@pytest.mark.parametrize("name", ["betainc", "betaincc"])
def test_incomplete_beta_functions(name):
    function = getattr(special, name)
    assert_close(function(2, [1.5, 3], Tensor(X)).data, function(2, [1.5, 3], X), 1e-15)
    assert_derivatives(lambda x: function(2, [1.5, 3], x), X)
    with pytest.raises(TypeError, match="keyword `a`"):
        function(Tensor(2.0, requires_grad=True), 1.0, X)


def test_orders_that_their_owner_overwrites():
    order = np.array([1.0, 2.0])
    x = Tensor([1.0, 2.0], requires_grad=True)
    out = special.jv(order, x)
    order[:] = 7
    out.backward(np.ones(2))
    assert_close(x.grad, special.jvp([1, 2], [1.0, 2.0]), 1e-14)


def test_polygamma_and_multigammaln():
    assert_close(ours.polygamma([1, 2], X), special.polygamma([1, 2], X), 1e-15)
    assert_derivatives(lambda x: ours.polygamma(1, x), X + 0.5)
    assert_close(ours.multigammaln(X + 3, 4), special.multigammaln(X + 3, 4), 1e-15)
    assert_derivatives(lambda x: ours.multigammaln(x, 3), X + 3)
    with pytest.raises(ValueError, match="dimension"):
        ours.multigammaln(3.0, 0)


@pytest.mark.parametrize("options", [{}, {"axis": 0}, {"axis": -1, "keepdims": True}, {"axis": (0, 1)}], ids=str)
@pytest.mark.parametrize("sign", [False, True])
def test_weighted_logsumexp(options, sign):
    b = np.array([[0.5, -2.0], [1.0, 3.0]]) if sign else np.array([[0.5, 2.0], [1.0, 0.0]])
    found = ours.logsumexp(X, b=b, return_sign=sign, **options)
    expected = special.logsumexp(X, b=b, return_sign=sign, **options)
    for part, reference in zip(*((found, expected) if sign else ([found], [expected])), strict=True):
        assert_close(part, reference, 1e-14)
    pick = (lambda r: r[0]) if sign else (lambda r: r)
    b = b + 0.1
    assert_derivatives(lambda a, b: pick(ours.logsumexp(a, b=b, return_sign=sign, **options)), X, b)


# Hard points: finite and right, in both precisions, with warnings as errors

FAR = [-1e4, -50.0, 0.0, 50.0, 1e4]


@PRECISIONS
def test_far_out(dtype):
    tiny = 4 * np.finfo(dtype).eps
    first, second = derivatives(special.expit, FAR, dtype)
    np.testing.assert_allclose(first, [0, np.exp(-50), 0.25, np.exp(-50), 0], atol=tiny)
    np.testing.assert_allclose(second, 0, atol=tiny)
    first, second = derivatives(special.log_expit, FAR, dtype)
    np.testing.assert_allclose(first, [1, 1, 0.5, np.exp(-50), 0], rtol=8 * tiny)
    np.testing.assert_allclose(second, [0, -np.exp(-50), -0.25, -np.exp(-50), 0], atol=tiny)
    first, second = derivatives(special.log_ndtr, FAR, dtype)
    np.testing.assert_allclose(first[:3], [1e4 + 1e-4, 50 + 1 / 50 - 2 / 50**3, np.sqrt(2 / np.pi)], rtol=1e-6)
    np.testing.assert_allclose(first[3:], 0, atol=tiny)
    np.testing.assert_allclose(second, [-1 + 1e-8, -1 + 1 / 50**2, -2 / np.pi, 0, 0], rtol=1e-5, atol=tiny)
    first, second = derivatives(special.erfcx, [9.9, 10.1, 50.0, 1e4], dtype)
    x = np.array([9.9, 10.1, 50.0, 1e4])
    mean = special.erfcx(x)
    exact = -(mean / x) * (1 - 1 / x**2 + 2.5 / x**4)  # the first terms of the ratio of the two series
    np.testing.assert_allclose(first, exact, rtol=1e-4)
    np.testing.assert_allclose(second[2:], 2 / np.sqrt(np.pi) / x[2:] ** 3, rtol=3e-3)


@PRECISIONS
@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_softmax_family_far_out(dtype, scale):
    x = np.array([[-scale, 0, scale], [scale, scale, -scale], [scale + 1, scale, scale]], dtype)
    p = special.softmax(x.astype(float), axis=1)
    weights = np.array([[1.0, 2.0, 3.0]] * 3, dtype)
    np.testing.assert_allclose(grad(lambda x: np.sum(ours.logsumexp(x, axis=1)))(x), p, rtol=1e-3, atol=1e-6)
    found = grad(lambda x: np.sum(weights * ours.log_softmax(x, axis=1)))(x)
    np.testing.assert_allclose(found, weights - 6 * p, rtol=1e-3, atol=1e-5)
    found = grad(lambda x: np.sum(weights * ours.softmax(x, axis=1)))(x)
    np.testing.assert_allclose(found, p * (weights - np.sum(weights * p, 1, keepdims=True)), atol=1e-5)
    assert found.dtype == dtype
    for f in (ours.logsumexp, ours.softmax, ours.log_softmax):
        second = grad(lambda x, f=f: np.sum(grad(lambda x: np.sum(np.square(f(x, axis=1)) / scale))(x)))(x)
        assert np.all(np.isfinite(second))


@pytest.mark.parametrize("infinity", [np.inf, -np.inf])
def test_logsumexp_of_equal_infinities_shares_the_slope(infinity):
    x = np.array([infinity, infinity]) if infinity < 0 else np.array([infinity, infinity, 0.0])
    np.testing.assert_array_equal(grad(ours.logsumexp)(x)[:2], [0.5, 0.5])
    assert grad(ours.logsumexp)(np.array([-np.inf, 0.0])).tolist() == [0, 1]


@PRECISIONS
def test_entropies_at_0(dtype):
    zero, one, two = np.zeros((), dtype), np.ones((), dtype), np.full((), 2, dtype)
    assert grad(special.xlogy)(zero, two) == np.log(two)
    assert grad(special.xlogy, 1)(zero, two) == 0
    assert grad(special.xlogy, 1)(zero, zero) == 0
    assert grad(lambda x: grad(special.xlogy, 1)(x, two))(zero) == 0.5
    assert grad(special.xlog1py)(zero, one) == np.log(two)
    assert grad(special.xlog1py, 1)(zero, -one) == 0
    for f, slope in ((special.rel_entr, 0), (special.kl_div, 1)):
        assert grad(f, 1)(zero, two) == slope
        assert grad(f, 1)(zero, zero) == slope
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        assert grad(special.entr)(zero) == np.inf
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        assert grad(special.rel_entr)(zero, two) == -np.inf


def test_functions_of_the_gamma_family_at_their_corners():
    slopes = [grad(special.rgamma)(-float(n)) for n in range(5)]
    np.testing.assert_allclose(slopes, [1, -1, 2, -6, 24], rtol=1e-14)
    density = [grad(lambda x, a=a: special.gammainc(a, x))(0.0) for a in (1, 2, 3)]
    assert density == [1, 0, 0]
    second = [grad(grad(lambda x, a=a: special.gammainc(a, x)))(0.0) for a in (1, 2, 3)]
    np.testing.assert_allclose(second, [-1, 1, 0], atol=1e-15)
    np.testing.assert_allclose(grad(lambda x: special.gammainc(1000, x))(1000.0), 0.012614611, rtol=1e-6)
    np.testing.assert_allclose([grad(lambda x: special.betainc(1, 2, x))(x) for x in (0.0, 1.0)], [2, 0], atol=1e-14)


def test_bessel_functions_at_0():
    x = np.zeros(())
    assert [float(grad(f)(x)) for f in (special.j0, special.j1, special.i0, special.i1)] == [0, 0.5, 0, 0.5]
    assert [float(grad(grad(f))(x)) for f in (special.j0, special.i0)] == [-0.5, 0.5]
    assert [float(grad(lambda x, n=n: special.jv(n, x))(x)) for n in range(3)] == [0, 0.5, 0]
    assert grad(special.i0e)(x) == 0  # a kink


COMPLEX = [name for name, f in UFUNCS.items() if any("D->" in kind for kind in f.types)]
CONSTANTS = {"elliprc": (1.5,), "elliprd": (1.5, 2.0), "elliprf": (1.5, 2.0), "elliprj": (1.5, 2.0, 3.0)}


@pytest.mark.parametrize("name", sorted(set(COMPLEX) - {"airye", "digamma", "psi"}))
def test_complex_arguments(name):
    function = UFUNCS[name]
    constants = CONSTANTS.get(name, (2.5, 1.5, 2.2)[: function.nin - 1])
    z, weights = np.array([0.7 + 0.4j, 1.3 - 0.6j, 2.1 + 1.2j]), np.array([1 + 0.5j, -0.7 + 0.2j, 0.3 - 1j])
    for i in range(function.nout):

        def f(z, i=i):
            out = function(*constants, z)
            return out[i] if function.nout > 1 else out

        assert_complex_gradient(f, z, weights)


def test_polygamma_of_complex_numbers_has_no_value():
    with pytest.raises(TypeError, match="real numbers only"):
        grad(lambda z: np.real(special.digamma(z)))(1 + 1j)


WITH_COUNTS = {name for name in UFUNCS if name.startswith(("mathieu", "pro_", "obl_", "lpmv", "bdtr", "nbdtr", "pdtr"))}


@pytest.mark.parametrize("name", sorted(UFUNCS))
def test_each_argument_has_its_derivative_or_raises(name):
    """No gradient is lost in silence: an argument without a rule is not taken for a constant."""
    function = UFUNCS[name]
    call = [1.3, 0.7, 0.6, 0.45, 0.8][: function.nin] if function.nin > 1 else [-0.7 if name == "ndtri_exp" else 0.7]
    if function.nin > 1 and (name in WITH_COUNTS or any("l" in kind for kind in function.types)):
        call[: function.nin - 1] = [1, 2, 1.5, 0.5][: function.nin - 1]
    for position in range(function.nin):
        for i in range(function.nout):

            def f(x, position=position, i=i):
                out = function(*call[:position], x, *call[position + 1 :])
                return out[i] if function.nout > 1 else out

            if not np.isfinite(f(call[position])):
                continue
            try:
                slope = grad(lambda x: np.real(f(x)))(float(call[position]))
            except TypeError as error:
                assert "detach" in str(error)  # noqa: PT017 (either is right)
                continue
            steps = 1e-4 * np.array([-2, -1, 1, 2])
            expected = np.real([f(call[position] + h) for h in steps]) @ [1, -8, 8, -1] / 12e-4
            np.testing.assert_allclose(slope, expected, rtol=1e-6, atol=1e-9)


def test_functions_that_are_not_universal_ones():
    q = np.array([0.5, 2.0])
    for theirs, call in (
        (special.zeta, lambda x: ours.zeta(2.5, x)),
        (special.lambertw, lambda x: np.real(ours.lambertw(x))),
        (special.spherical_jn, lambda x: ours.spherical_jn(2, x)),
        (special.spherical_yn, lambda x: ours.spherical_yn(2, x)),
        (special.spherical_in, lambda x: ours.spherical_in(2, x)),
        (special.spherical_kn, lambda x: ours.spherical_kn(2, x)),
    ):
        expected = theirs(q) if theirs is special.lambertw else theirs(2.5 if theirs is special.zeta else 2, q)
        assert_close(call(q), np.real(expected), 1e-14)
        assert_derivatives(call, q)
    for name in ("spherical_jn", "spherical_yn", "spherical_in", "spherical_kn"):
        own, theirs = getattr(ours, name), getattr(special, name)
        assert_close(own(3, q, derivative=True), theirs(3, q, derivative=True), 1e-13)
    with pytest.raises(TypeError, match="keyword `x`"):
        ours.zeta(Tensor(2.0, requires_grad=True), 1.0)
    assert grad(lambda x: special.zeta(2.0, x))(1.0) == grad(lambda x: ours.zeta(2.0, x))(
        1.0
    )  # SciPy's own hands it on


@PRECISIONS
def test_scaled_bessel_functions_keep_their_digits_far_out(dtype):
    first, second = derivatives(special.i0e, [1e8, 1e10, np.inf], dtype)
    np.testing.assert_allclose(first, [-1.99471141e-13, -1.99471140e-16, 0], rtol=1e-6)
    np.testing.assert_allclose(second, [2.99206710e-21, 2.99206710e-26, 0], rtol=1e-6)
    first, _ = derivatives(special.i1e, [1e10, -1e20, np.inf], dtype)
    np.testing.assert_allclose(first, [-1.99471140e-16, -1.99471140e-31, 0], rtol=1e-6)
    for function, scale in ((special.ive, 1 / np.sqrt(2 * np.pi)), (special.kve, np.sqrt(np.pi / 2))):
        x = np.array([1e8, 1e10])
        first, second = derivatives(lambda x, f=function: f(2.5, x), x, dtype)
        np.testing.assert_allclose(first, -scale / 2 * x**-1.5, rtol=2e-6)
        np.testing.assert_allclose(second, scale * 0.75 * x**-2.5, rtol=2e-6)
