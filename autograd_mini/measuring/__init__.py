"""Signals as numbers: sizes of cotangents, the layers of a graph, their factors, the spectrum of a Jacobian.

Nothing here is drawn or put into words; that is done in `drawing` and `signals`.
"""
