"""Derivatives of trigonometric and hyperbolic functions and their inverses."""
