"""Networks that standardize: Normalization layers put between inputs and their readers, and at the top of outputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from spark_deepnet.layers.input import Input
from spark_deepnet.layers.layer import Layer
from spark_deepnet.layers.normalization import Normalization
from spark_deepnet.layers.output import Output
from spark_deepnet.net.net import Net
from spark_deepnet.net.node import Node
from spark_deepnet.net.wires import INPUT, unused

KIND = "normalization"


def input_names(layers: Sequence[Layer], inputs: Iterable[str]) -> dict[str, str]:
    """Input -> the name of the Normalization behind it."""
    taken = _names(layers)
    return {name: unused(KIND if name == INPUT else f"{name}_{KIND}", taken) for name in inputs}


def target_names(layers: Sequence[Layer], net: Net, outputs: Iterable[int]) -> dict[int, str]:
    """Output -> the name of the Normalization at its top. net: the network of the layers."""
    taken = _names(layers) | {node.name for node in net.nodes}
    return {k: unused(f"{_name(net.outputs[k]) or 'target'}_{KIND}", taken) for k in outputs}


def standardize_inputs(layers: Sequence[Layer], names: Mapping[str, str]) -> list[Layer]:
    """The layers with a Normalization of the given name behind each of these inputs, which all its readers read instead."""
    made: list[Layer] = []
    if INPUT in names and not any(isinstance(layer, Input) for layer in layers):
        made.append(Normalization(name=names[INPUT], inputs=(INPUT,)))
    for layer in layers:
        if isinstance(layer, Input):
            made.append(layer)
            name = layer.name or INPUT
            if name in names:
                made.append(Normalization(name=names[name], inputs=(name,)))
        else:
            sources = (layer.inputs,) if isinstance(layer.inputs, str) else layer.inputs
            made.append(layer if not sources else replace(layer, inputs=tuple(names.get(s, s) for s in sources)))
    return made


def standardize_targets(layers: Sequence[Layer], net: Net, names: Mapping[int, str]) -> list[Layer]:
    """The layers with an inverted Normalization of the given name at the top of these outputs. net: their network."""
    if not names:
        return list(layers)
    marks = [layer for layer in layers if isinstance(layer, Output)]
    if not marks:
        return [*layers, Normalization(True, name=names[0])]
    made = [layer for layer in layers if not isinstance(layer, Output)]
    for k, (mark, out, top) in enumerate(zip(marks, net.outputs, net.tops, strict=True)):
        if k in names:
            made.append(Normalization(True, name=names[k], inputs=(top.name,)))
        made.append(replace(mark, name=_name(out), inputs=(names.get(k, top.name),)))
    return made


def _name(out: Node) -> str:
    """Of an Output."""
    return str(out.layer.name) if isinstance(out.layer, Output) else ""


def _names(layers: Iterable[Layer]) -> set[str]:
    """All that a layer or an input is called, and those that it would be called by its kind."""
    return {layer.name or layer.kind for layer in layers} | {INPUT}
