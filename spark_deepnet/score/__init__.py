"""Computes prediction columns from weights and frames."""
