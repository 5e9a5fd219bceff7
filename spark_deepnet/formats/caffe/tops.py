"""The outputs of the network: losses and marks behind the values that are a net's outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod

from spark_deepnet.formats.axes import Assembly, Value
from spark_deepnet.formats.caffe.heads import LOSSES, Head
from spark_deepnet.formats.caffe.layer_spec import LayerSpec
from spark_deepnet.formats.caffe.links import Blob, Links
from spark_deepnet.layers.flatten import Flatten
from spark_deepnet.layers.input import Input
from spark_deepnet.layers.layer import Layer
from spark_deepnet.layers.linear import Linear
from spark_deepnet.layers.output import Output
from spark_deepnet.losses.loss import Loss
from spark_deepnet.plan.architecture import LOSS_OF_TOP, loss_of_top


def marked(
    links: Links,
    heads: Sequence[Head],
    values: Mapping[Blob, Value],
    assembly: Assembly,
    data: Sequence[Blob],
    vectors: bool,
) -> Loss | None:
    """Add what stands behind the outputs. Returns the loss of the network's single output, which no Output marks."""
    labels = _labels(links, heads, data)
    ends = []
    for head in heads:
        value = values[head.scores]
        if head.loss is not None:
            _check_places(head.loss, value)
        if value.steps_first:
            vectors = False
        if vectors or head.loss is not None:
            value = _vector(assembly, value)
        ends.append(_output(links, head, value, assembly, labels))
    if len(ends) == 1 and heads[0].loss is None and assembly.layers[-1].name == (ends[0].inputs or ("",))[0]:
        return Loss.of(ends[0].loss)
    names = [assembly.unique(head.name) if len(heads) > len({h.name for h in heads}) else head.name for head in heads]
    assembly.layers += [replace(end, name=name) for end, name in zip(ends, names, strict=True)]
    return None


def _output(links: Links, head: Head, value: Value, assembly: Assembly, labels: Mapping[Blob, str | None]) -> Output:
    if isinstance(_layer(assembly, value.node), Input):
        value = assembly.add(f"{value.node}.output", Linear(), value)
    if head.loss is None or head.target is None:
        return Output(loss=loss_of_top(_layer(assembly, value.node), value.held), inputs=(value.node,))
    loss, factor = LOSSES[head.loss.type].read(head.loss, value.shape[0])
    return Output(loss=Loss.of(loss), column=labels[head.target], weight=head.weight * factor, inputs=(value.node,))


def _check_places(loss: LayerSpec, value: Value) -> None:
    if value.steps_first:
        raise loss.refusal("losses of every step are not read; its scores have steps first")
    if LOSSES[loss.type].classes and prod(value.shape[1:]) > 1:
        raise loss.refusal(
            f"its scores have the shape {value.shape} a row; expected classes alone, not those of places"
        )


def _labels(links: Links, heads: Sequence[Head], data: Sequence[Blob]) -> dict[Blob, str | None]:
    """Target -> its column; None: labelCol, which the only target that comes from a data layer has."""
    targets = {head.target for head in heads if head.target is not None}
    from_data = {blob for blob in targets if not links.bottoms[blob[0]] and blob not in data}
    return {blob: None if targets == from_data and len(targets) == 1 else links.name(blob) for blob in targets}


def _layer(assembly: Assembly, node: str) -> Layer:
    return next(layer for layer in assembly.layers if layer.name == node)


def _vector(assembly: Assembly, value: Value) -> Value:
    """The value as a vector in the file's order; a softmax or sigmoid over one place goes behind the Flatten, so that the
    loss sees it."""
    if len(value.shape) < 2:
        return value
    top = _layer(assembly, value.node)
    if top.kind in LOSS_OF_TOP and top.inputs and max(value.shape[1:]) == 1:
        flat = assembly.add_foreign(f"{value.node}.flat", Flatten(), Value(top.inputs[0], value.shape))
        return assembly.add(f"{value.node}.vector", top, flat)
    flat = assembly.add_foreign(f"{value.node}.flat", Flatten(), value)
    assert flat.shape == (prod(value.shape),)
    return flat
