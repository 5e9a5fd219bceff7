"""Embed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spark_deepnet.formats.axes import Value
from spark_deepnet.formats.caffe.registry import reads
from spark_deepnet.formats.caffe.step import Step
from spark_deepnet.layers.embedding import Embedding
from spark_deepnet.layers.layer import Arrays


def _weights(blobs: Sequence[np.ndarray]) -> Arrays:
    return dict(zip(("E", "b"), blobs, strict=False))


@reads("Embed", param="embed_param", gives="embedding")
def embed(step: Step) -> Value:
    """Of whole numbers, which are an input of the net."""
    vocabulary, units, bias = int(step.get("input_dim")), int(step.get("num_output")), bool(step.get("bias_term"))
    start, beta = step.filler("weight_filler"), step.filler("bias_filler")
    layer = Embedding(vocabulary, units, start, bias=bias, bias_initializer=beta)
    shapes = [(vocabulary, units), *([(units,)] if bias else [])]
    return step.add_weighted(layer, shapes, ("E", "b")[: len(shapes)], _weights, foreign=True)
