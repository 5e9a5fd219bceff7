"""Weights and frames to prediction columns."""
