"""Arithmetic that several layers share; numba's flags are only in ``jit``."""
