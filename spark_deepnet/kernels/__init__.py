"""Arithmetic that several layers share; numba's flags live in ``jit`` alone."""
