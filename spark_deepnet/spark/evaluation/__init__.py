"""Summaries of a model's predictions beside the labels: what ``model.evaluate`` returns."""
