"""A training from data to a saved model: batches, the loop, what it calls, what it remembers, what it writes.

No layer, no loss and no rule of an optimizer lives here.
"""
