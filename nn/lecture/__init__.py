"""What the lecture tells on the way to networks: perceptrons with fixed weights, boosting, layer-wise pre-training.

Each is built from nn's layers and losses; nothing else in nn needs them.
"""
