"""Derivatives of functions that take complex numbers apart; see the convention in the docs of `grad`.

In a rule a cotangent g means dL/dRe - i dL/dIm, so that dL = Re(g dz): where f has a complex derivative the rule is
g f'(z) with nothing conjugated.
"""

import numpy as np

from autograd_mini.domains import case
from autograd_mini.primitive import rule

COMPLEX = frozenset(map(np.dtype, (np.complex64, np.complex128, np.clongdouble)))
EXAMPLES = (case(()), case((2, 3)), case((0, 3)))


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
rule(np.angle, angle, kinks=lambda a, deg=False: a, cases=(*EXAMPLES, case((3,), deg=True)))
rule(
    np.absolute,
    lambda g, _out, a: g * np.conjugate(np.sign(a)) if a.dtype in COMPLEX else g * np.sign(a),
    kinks=lambda a: a,
)
rule(
    np.sign,
    lambda g, _out, a: sign_of_complex(g, a) if a.dtype in COMPLEX else np.zeros_like(g),
    kinks=lambda a: a,
)
