"""Keras: weights of .keras, .weights.h5 and .h5 files for given layers."""

from spark_deepnet.formats.keras.weights import weights

__all__ = ["weights"]
