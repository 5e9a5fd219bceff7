"""Readers of other frameworks' files: each gives layers, inputs and weights as this package has them, without Spark."""
