"""The derivative of each NumPy function, in tables by topic; nothing but calculus lives in them."""

from autograd_mini.rules import constants, elementwise, indexing, products, reductions, shapes

__all__ = ["constants", "elementwise", "indexing", "products", "reductions", "shapes"]
