"""Softmax."""

from __future__ import annotations

from spark_deepnet.formats.axes import Value
from spark_deepnet.formats.caffe.registry import reads
from spark_deepnet.formats.caffe.step import Step
from spark_deepnet.layers.softmax import Softmax


@reads("Softmax", param="softmax_param", gives="softmax")
def softmax(step: Step) -> Value:
    """Along any axis of a row."""
    return step.add(Softmax(step.held_axis()))
