"""Which inputs and targets a fit standardizes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from pyspark.sql import DataFrame
from pyspark.sql.types import BinaryType

from spark_deepnet.data.schema import WIDE_COLUMNS
from spark_deepnet.layers.layer import Layer
from spark_deepnet.layers.normalization import Normalization
from spark_deepnet.net.net import Net
from spark_deepnet.net.node import Node
from spark_deepnet.net.standardized import input_names, standardize_inputs, standardize_targets, target_names
from spark_deepnet.net.wires import wired
from spark_deepnet.plan.architecture import Architecture, InputSpec, OutputSpec
from spark_deepnet.spark.columns.types import is_bare_vector, is_image, is_vector
from spark_deepnet.spark.names import field
from spark_deepnet.spark.params.deepnet_params import DeepNetParams
from spark_deepnet.spark.params.values import names_of

OWN_SCALES = {
    "batch_norm", "instance_norm", "l2_normalize", "layer_norm", "mean_image", "mean_subtraction", "normalization", "power",
    "rescaling", "scale",
}  # fmt: skip
"""Layers behind an input that scale it, or that were made for its own numbers."""
LINEAR_TOPS = {"dense", "conv1d"}
"""Layers whose scores reach any number."""


def wanted(params: DeepNetParams) -> bool | None:
    """The Param; None: it is unset."""
    return params.getStandardization() if params.isDefined(params.standardization) else None


def inputs_of(params: DeepNetParams, df: DataFrame, net: Net, entries: Sequence[InputSpec]) -> list[str]:
    """The inputs to standardize: where the Param is unset, plain numbers that no layer scales."""
    if wanted(params) is False:
        return []
    test = (lambda entry: True) if wanted(params) else (lambda entry: _is_table(params, df, entry))
    return [entry.name for entry in entries if not entry.tokens and not _scaled(net, entry.name) and test(entry)]


def _is_table(params: DeepNetParams, df: DataFrame, entry: InputSpec) -> bool:
    """Whether rows are plain numbers: not images, sequences, bytes, or vectors so long that they are taken to be sparse."""
    f = field(df, names_of(params, entry.columns)[0], "featuresCol")
    if len(entry.shape) != 1 or entry.steps or is_image(f) or isinstance(f.dataType, BinaryType):
        return False
    return not ((is_vector(f) or is_bare_vector(f)) and entry.shape[0] >= WIDE_COLUMNS)


def _scaled(net: Net, name: str) -> bool:
    """Whether all that read the input scale it."""
    return all(node.layer.kind in OWN_SCALES for node in _readers(net, name))


def outputs_of(params: DeepNetParams, net: Net, heads: Sequence[OutputSpec]) -> list[int]:
    """The outputs whose targets are standardized: of a regression whose scores may be any number."""
    if wanted(params) is False:
        return []
    pairs = enumerate(zip(heads, net.tops, strict=True))
    return [
        k for k, (h, top) in pairs if h.loss.task == "regression" and not h.loss.link and top.layer.kind in LINEAR_TOPS
    ]


def standardized(
    params: DeepNetParams,
    df: DataFrame,
    architecture: Architecture,
    initial: Collection[str] = (),
) -> list[Layer]:
    """The layers of an architecture and those that standardize. initial: the names of weights that the fit starts from;
    what they were trained to standardize by stays, and where they were trained on other numbers these stay too."""
    net, layers = architecture.net(), list(architecture.layers)
    inputs = input_names(layers, inputs_of(params, df, net, architecture.entries))
    targets = target_names(layers, net, outputs_of(params, net, architecture.heads()))
    if wanted(params) is None:
        inputs = {k: name for k, name in inputs.items() if _suits(name, initial, _readers(net, k))}
        targets = {k: name for k, name in targets.items() if _suits(name, initial, [net.tops[k]])}
    made = standardize_targets(standardize_inputs(layers, inputs), net, targets)
    known = {id(wire.layer): f"{wire.name}/mean" in initial for wire in wired(made)}
    return [replace(x, adapt=False) if isinstance(x, Normalization) and known[id(x)] else x for x in made]


def _suits(name: str, initial: Collection[str], neighbours: Iterable[Node]) -> bool:
    """Whether a Normalization of this name may stand beside layers whose weights may be initial ones."""
    names = [f"{node.owner}/{key}" for node in neighbours for key in node.weights()]
    return f"{name}/mean" in initial or not any(each in initial for each in names)


def _readers(net: Net, name: str) -> list[Node]:
    return [node for node in net.nodes if name in node.inputs]
