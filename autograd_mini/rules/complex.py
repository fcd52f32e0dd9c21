"""Derivatives of functions that take complex numbers apart; see the convention in the docs of `grad`."""
