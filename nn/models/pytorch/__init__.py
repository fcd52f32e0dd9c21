"""PyTorch's modules: `reading` makes a program of what torch.export finds; the other files are tables.

A table says for ATen's name of an operation which function of NumPy's, or of nn's, computes it. Arguments come in the
order that ATen has; dtypes are NumPy's, and what is said of memory and devices is left out. PyTorch itself is imported
by `reading` alone, and not needed any more once a model was read.
"""
