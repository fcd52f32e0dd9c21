"""`signals` and `SignalLog`: where a model's signal shrinks, for one batch and while it trains.

What is measured, said and drawn is the engine's; here a model, its loss and its optimizer are brought to it.
"""
