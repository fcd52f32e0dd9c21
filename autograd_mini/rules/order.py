"""Derivatives of functions that order entries or pick them by rank, and of those that skip NaN."""
