"""Readers of other frameworks' files: each gives layers, inputs and weights as this package has them, without Spark."""

from spark_deepnet.formats import caffe, keras, torch

__all__ = ["caffe", "keras", "torch"]
