"""Derivatives of functions that take complex numbers apart; see the convention in the docs of `grad`.

In a rule a cotangent g means dL/dRe - i dL/dIm, so that dL = Re(g dz): where f has a complex derivative the rule is
g f'(z) with nothing conjugated.
"""

import numpy as np

from autograd_mini.domains import case
from autograd_mini.primitive import primitive, rule

COMPLEX = frozenset(map(np.dtype, (np.complex64, np.complex128, np.clongdouble)))
EXAMPLES = (case(()), case((2, 3)), case((0, 3)))


@primitive
def direction(a):
    """`np.sign`, which takes several times as long for complex numbers; it is left those of extreme size."""
    if isinstance(a, np.ndarray) and a.dtype in COMPLEX and a.size:
        with np.errstate(over="ignore"):
            size = np.abs(a)
        tiny = np.finfo(size.dtype).tiny
        if np.min(size) >= tiny and np.isfinite(np.max(size)):
            unit = np.empty_like(a)
            unit.real, unit.imag = a.real / size, a.imag / size
            return unit
    return np.sign(a)


def sign_of_complex(g, a):
    """Along z the sign z / |z| does not change, across it turns; at 0 the slope is 0."""
    s, size = np.sign(a), np.abs(a)
    return 1j * np.conj(s) * (np.imag(g * s) / np.where(size == 0, np.inf, size))


def angle(g, _out, a, deg=False):
    """d arg z = Im(dz / z); the slope at 0 is 0, and so is that of a real number."""
    if a.dtype not in COMPLEX:
        return np.zeros_like(g)
    return g * (-180j / np.pi if deg else -1j) / np.where(a == 0, np.inf, a)


rule(np.conjugate, lambda g, _out, _a: np.conjugate(g))
rule(np.real, lambda g, _out, _a: g, cases=EXAMPLES)  # the engine brings a real cotangent to the complex dtype
rule(np.imag, lambda g, _out, _a: g * -1j if _a.dtype in COMPLEX else np.zeros_like(g), cases=EXAMPLES)
rule(np.real_if_close, lambda g, _out, _a, tol=100: g, cases=EXAMPLES)
rule(np.angle, angle, kinks=lambda a, deg=False: a, cases=(*EXAMPLES, case((3,), deg=True)), pole=True)
rule(
    np.absolute,
    lambda g, _out, a: g * np.conjugate(direction(a)) if a.dtype in COMPLEX else g * np.sign(a),
    kinks=lambda a: a,
    pole=True,
)


def of_sign(g, _out, a):
    return sign_of_complex(g, a) if a.dtype in COMPLEX else np.zeros_like(g)


rule(np.sign, of_sign, kinks=lambda a: a, chooses=True)
rule(direction, of_sign, kinks=lambda a: a, cases=EXAMPLES, chooses=True)
