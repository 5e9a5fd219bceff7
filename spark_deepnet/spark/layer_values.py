"""outputLayers and outputCols: which columns of layers' values a model writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spark_deepnet.errors import ModelFormatError, ParamError, near
from spark_deepnet.formats.foreign import FileValue
from spark_deepnet.net.net import Net
from spark_deepnet.net.wires import values_by_layer
from spark_deepnet.plan.architecture import Architecture
from spark_deepnet.score.values import LayerValue, sequences
from spark_deepnet.spark.params.deepnet_params import DeepNetParams
from spark_deepnet.spark.params.values import param_or_none

FileValues = Mapping[str, FileValue]
"""The names of values in the file that a model came from."""


def file_values_to_json(names: FileValues) -> dict[str, Any]:
    return {name: [value.node, list(value.shape), list(value.order)] for name, value in names.items()}


def file_values_from_json(json: Any, architecture: Architecture) -> FileValues:
    """The names that a saved model's metadata hold; ModelFormatError where they are not of its network."""
    names = json if isinstance(json, dict) else {}
    values = {name: _file_value(parts) for name, parts in names.items()}
    net = architecture.net()
    if not isinstance(json, dict | None) or not all(value and value.fits(net) for value in values.values()):
        raise ModelFormatError("load: the names of a file's values are not those of the model's layers")
    return {name: value for name, value in values.items() if value is not None}


def _file_value(parts: Any) -> FileValue | None:
    """None: it is damaged."""
    if not (isinstance(parts, list) and len(parts) == 3 and isinstance(parts[0], str)):
        return None
    node, *sizes = parts
    if not all(isinstance(each, list) and len(each) < 32 and all(type(n) is int for n in each) for each in sizes):
        return None
    return FileValue(node, tuple(sizes[0]), tuple(sizes[1]))


def layer_values(params: DeepNetParams, architecture: Architecture, names: FileValues) -> dict[str, LayerValue]:
    """Column -> the layer's value, in the order of the Params; ParamError where they do not fit each other or the
    network."""
    layers: list[str] = param_or_none(params, "outputLayers") or []
    columns: list[str] = param_or_none(params, "outputCols") or []
    if len(layers) != len(columns):
        raise ParamError(
            f"outputCols: expected one column for each of outputLayers, found {len(layers)} layers {layers} and "
            f"{len(columns)} columns {columns}"
        )
    if "" in columns or len(set(columns)) < len(columns):
        raise ParamError(f"outputCols: expected columns of different names, none of them empty, found {columns}")
    return dict(zip(columns, _values(layers, architecture, names), strict=True)) if layers else {}


def _values(layers: list[str], architecture: Architecture, names: FileValues) -> list[LayerValue]:
    net = architecture.net()
    nodes = {node.name: node for node in net.nodes}
    known = _nodes_by_name(net, architecture, names)
    with_steps = sequences(net, [entry.name for entry in architecture.entries if entry.steps])
    by_node = {value.node: value for value in names.values()}
    values = []
    for layer in layers:
        if layer not in known:
            raise ParamError(f"outputLayers: {_unknown(layer, net, known)}")
        node = nodes[known[layer]]
        held = by_node.get(node.name, FileValue(node.name))
        values.append(LayerValue.of(layer, node, node.name in with_steps, held.shape, held.order))
    return values


def _nodes_by_name(net: Net, architecture: Architecture, names: FileValues) -> dict[str, str]:
    """A file's name, or a layer's or a node's, -> the node; of names that agree the first one counts."""
    own = values_by_layer(architecture.layers, net.inputs)
    return {node.name: node.name for node in net.nodes} | own | {name: value.node for name, value in names.items()}


def _unknown(layer: str, net: Net, known: Mapping[str, Any]) -> str:
    if layer in net.inputs:
        return f"{layer!r} is an input of the network, which the DataFrame has already; {near(layer, known)}"
    return f"there is no layer {layer!r}; {near(layer, known)}"
