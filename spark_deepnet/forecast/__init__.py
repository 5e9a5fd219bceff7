"""Predicts seconds, bytes and memory of a fit before it runs, by formulas or from a few timed steps."""
