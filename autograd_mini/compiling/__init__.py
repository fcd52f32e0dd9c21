"""A step as a NumPy program: it is recorded, shortened, printed, tried against the step, and run in its place."""
