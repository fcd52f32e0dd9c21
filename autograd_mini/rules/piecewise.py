"""Derivatives of functions made of pieces: roundings, remainders, signs, and those that choose by value."""
