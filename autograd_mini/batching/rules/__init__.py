"""How NumPy's functions, and the engine's own, are computed for all examples of a vmap at once: tables like `rules`.

A rule moves axes and calls the same function on all values. No derivative lives here, and nothing that loops.
"""

from autograd_mini.batching.rules import (  # noqa: F401
    constants,
    elementwise,
    fourier,
    indexing,
    linalg,
    order,
    polynomials,
    products,
    ranges,
    reductions,
    shapes,
    statistics,
)
