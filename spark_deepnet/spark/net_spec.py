"""Params and a DataFrame's schema to the network: its layers, its inputs, and the loss of each output."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import pairwise
from typing import Any

from pyspark.sql import DataFrame

from spark_deepnet.errors import NetworkError, ParamError
from spark_deepnet.layers.input import Input
from spark_deepnet.layers.layer import Layer, Shape
from spark_deepnet.layers.output import Output as OutputLayer
from spark_deepnet.layers.resizing import Resizing
from spark_deepnet.losses.loss import Loss
from spark_deepnet.net.net import INPUT, Net, perceptron
from spark_deepnet.net.node import Node
from spark_deepnet.net.tokens import check_vocabularies, vocabulary_of
from spark_deepnet.net.wires import wired
from spark_deepnet.plan.architecture import Architecture, InputSpec, loss_of_top
from spark_deepnet.spark.columns.labels import count_classes, is_one_label
from spark_deepnet.spark.columns.shapes import ANY, entry_of, resized_entry
from spark_deepnet.spark.columns.types import is_image
from spark_deepnet.spark.names import field
from spark_deepnet.spark.params.deepnet_params import DeepNetParams
from spark_deepnet.spark.params.values import names_of, param_or_none
from spark_deepnet.spark.standardization import standardized
from spark_deepnet.train.standardization import adapted

_log = logging.getLogger(__name__)


class NetSpec:
    """The network of a fit; each part is made when it is first asked for."""

    def __init__(self, params: DeepNetParams, df: DataFrame, label: str, initial: Collection[str] = ()) -> None:
        """label: the column; initial: the names of the weights that the fit starts from."""
        self.params, self.df, self.label, self.initial = params, df, label, initial

    @cached_property
    def layers(self) -> list[Layer]:
        layers = param_or_none(self.params, "layers")
        if layers is None:
            raise ParamError("layers: not set; give sizes such as [784, 128, 10] or layers such as [Dense(10)]")
        return self._perceptron(layers) if isinstance(layers[0], int) else [Layer.of(layer) for layer in layers]

    def _perceptron(self, sizes: list[int]) -> list[Layer]:
        """Sizes as layers, with MLlib's softmax on top, or the link of the loss that is set."""
        if len(sizes) < 2:
            raise ParamError(f"layers: sizes need an input and an output at least, as in [784, 10], found {sizes}")
        if sizes[-1] == ANY:
            loss = self.params.getLoss()
            ignored = None if loss == "auto" else Loss.of(loss).ignored
            sizes = [*sizes[:-1], count_classes(self.df, self.label, ignored)]
        if min(sizes[1:]) < 1:
            raise _wrong_sizes(sizes)
        if sizes[-1] == 1 and self._is_softmax():
            raise ParamError(
                f"layers: sizes make a classifier, whose last size is the number of classes, 2 or more, found 1 in {sizes}; "
                f"for regression end layers in Dense(1), or set loss='squared'"
            )
        return perceptron(sizes, "softmax" if self.params.getLoss() == "auto" else Loss.of(self.params.getLoss()).link)

    def _is_softmax(self) -> bool:
        """Whether sizes end in classes that exclude one another."""
        loss = self.params.getLoss()
        return loss == "auto" or Loss.of(loss).link == "softmax"

    @cached_property
    def labels(self) -> list[str]:
        """Each output's label column."""
        outputs = [layer for layer in self.layers if isinstance(layer, OutputLayer)]
        return [layer.column or self.label for layer in outputs or [OutputLayer()]]

    @cached_property
    def entries(self) -> tuple[InputSpec, ...]:
        """The network's inputs: its Input layers, or one that is the features."""
        wired(self.layers)  # refuses what needs no shapes before a job looks for these
        inputs = [layer for layer in self.layers if isinstance(layer, Input)]
        if not inputs:
            return (self._entry(INPUT, (), self._shape_set(), self.layers[0]),)
        return tuple(
            replace(
                self._entry(layer.name or INPUT, layer.columns, layer.sizes or self._shape_set()),
                rgb=layer.channel_order == "rgb",
            )
            for layer in inputs
        )

    def _entry(self, name: str, columns: tuple[str, ...], sizes: Shape | None, first: Layer | None = None) -> InputSpec:
        readers = [layer for layer in self.layers if name in (layer.inputs or ()) or layer is first]
        readers += [
            b
            for a, b in pairwise(self.layers)
            if isinstance(a, Input) and (a.name or INPUT) == name and b.inputs is None
        ]
        tokens = max(map(vocabulary_of, readers), default=0)
        names = names_of(self.params, columns)
        if (size := _resizes_to(readers)) and is_image(field(self.df, names[0], "featuresCol")):
            return resized_entry(self.df, name, columns, names[0], sizes, size)
        return entry_of(self.df, name, columns, names, sizes, tokens)

    def _shape_set(self) -> Shape | None:
        """The features' shape, where inputShape or the first of layers' sizes gives it."""
        layers, shape = param_or_none(self.params, "layers") or [None], param_or_none(self.params, "inputShape")
        first = layers[0] if isinstance(layers[0], int) and layers[0] != ANY else None
        if shape is not None and (min([*shape[1:], 1]) < 1 or (shape[0] < 1 and shape[0] != ANY)):
            raise ParamError(f"inputShape: sizes must be at least 1 (the first may be -1: any number), found {shape}")
        if first is not None and first < 1:
            raise _wrong_sizes(layers)
        if shape is not None and first is not None and [first] != shape:
            raise ParamError(f"inputShape: {shape} does not agree with the first of layers, {first}; leave it unset")
        return tuple(shape) if shape is not None else (first,) if first is not None else None

    @cached_property
    def net(self) -> Net:
        net = Net.of(self.layers, {entry.name: entry.shape for entry in self.entries})
        check_vocabularies(net)
        steps = self.entries[0].shape[0]
        for top in net.tops:
            if len(top.shape) != 1 and not (len(top.shape) == 2 and top.shape[0] == steps):
                raise NetworkError(
                    f"layers: {top.name!r} gives {top.shape} a row, expected of an output one axis, or steps and one axis "
                    f"for scores of every step of the input; put Flatten() before the end"
                )
        return net

    @cached_property
    def architecture(self) -> Architecture:
        """The network with the loss of each output, and with what standardizes; the first's loss is that of all whose
        Output has none."""
        ends = zip(self.net.outputs, self.net.tops, self.labels, strict=True)
        losses = [self._loss(out, top, label) for out, top, label in ends]
        own = iter(losses)
        layers = (replace(each, loss=next(own)) if isinstance(each, OutputLayer) else each for each in self.layers)
        plain = Architecture(tuple(layers), self.entries, losses[0])
        architecture = replace(plain, layers=tuple(standardized(self.params, self.df, plain, self.initial)))
        adapted(architecture.scores_net())
        return architecture

    def _loss(self, out: Node, top: Node, label: str) -> Loss:
        """The Output's loss, or the Param's; where that is auto, by the last layer and the label."""
        loss: Any = (out.layer.loss if isinstance(out.layer, OutputLayer) else None) or self.params.getLoss()
        return Loss.of(self._auto_loss(top, label) if loss == "auto" else loss)

    def _auto_loss(self, top: Node, label: str) -> str:
        """By the activation at the top; of several scores for one label, that can only be a class, softmax's."""
        loss = loss_of_top(top.layer, top.shape)
        if loss != "squared" or top.shape[-1] == 1 or not is_one_label(self.df, label, len(top.shape) == 2):
            return loss
        _log.warning(
            "fit: loss='auto' takes 'softmax_cross_entropy' for column %r: one label for %d outputs is a class, and the "
            "model gives probabilities; end layers in Softmax(), or set loss, to say so",
            label,
            top.shape[-1],
        )
        return "softmax_cross_entropy"


def _resizes_to(readers: Sequence[Layer]) -> Shape | None:
    """The height and width to which all layers that read an input resize its images."""
    sizes = {(layer.height, layer.width) if isinstance(layer, Resizing) else None for layer in readers}
    return sizes.pop() if len(sizes) == 1 else None


def _wrong_sizes(sizes: Sequence[Any]) -> ParamError:
    return ParamError(f"layers: sizes must be at least 1 (the first or last may be -1, from data), found {sizes}")
