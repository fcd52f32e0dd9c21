"""The derivative of each NumPy function, in tables by topic; nothing but calculus lives in them."""

from autograd_mini.rules import (
    complex,
    constants,
    elementwise,
    fourier,
    indexing,
    linalg,
    order,
    piecewise,
    polynomials,
    products,
    ranges,
    reductions,
    shapes,
    statistics,
    transfer,
    trigonometric,
)

__all__ = [
    "complex",
    "constants",
    "elementwise",
    "fourier",
    "indexing",
    "linalg",
    "order",
    "piecewise",
    "polynomials",
    "products",
    "ranges",
    "reductions",
    "shapes",
    "statistics",
    "transfer",
    "trigonometric",
]
