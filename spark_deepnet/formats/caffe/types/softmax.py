"""Softmax."""

from __future__ import annotations

from spark_deepnet.formats.axes import Value
from spark_deepnet.formats.caffe.registry import reads
from spark_deepnet.formats.caffe.step import Step
from spark_deepnet.layers.permute import Permute
from spark_deepnet.layers.softmax import Softmax


@reads("Softmax", param="softmax_param", gives="softmax")
def softmax(step: Step) -> Value:
    """Along any axis of a row."""
    (x,), axis = step.values, step.axis()
    last = len(x.shape) - 1
    if x.held_axis(axis) == last:
        return step.add(Softmax())
    if axis == last:
        return step.add_foreign(Softmax())
    order = tuple(k for k in range(1, last + 2) if k != axis + 1) + (axis + 1,)
    there = step.add_foreign(Softmax(), step.add_foreign(Permute(order), x, suffix="moved"), suffix="softmax")
    back = tuple(order.index(k) + 1 for k in range(1, last + 2))
    return step.add_foreign(Permute(back), there)
