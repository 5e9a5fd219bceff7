"""Reads a Caffe net and its weights."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import isfinite, prod
from typing import Any

import numpy as np

from spark_deepnet.errors import FormatError, ParamError
from spark_deepnet.formats.arguments import names_of, sizes_of
from spark_deepnet.formats.axes import Value
from spark_deepnet.formats.caffe.blobs import read_weights
from spark_deepnet.formats.caffe.heads import LOSSES, heads_of
from spark_deepnet.formats.caffe.layer_spec import LayerSpec, layer_specs
from spark_deepnet.formats.caffe.links import Blob, Links
from spark_deepnet.formats.caffe.preprocessing import Mean, mean_of, preprocessed, preprocessing_of
from spark_deepnet.formats.caffe.registry import DROPPED, RECURRENT, layer_type
from spark_deepnet.formats.caffe.sources import DATA_TYPES, batch_of, inputs_of, source_of
from spark_deepnet.formats.caffe.state import State, layers_in
from spark_deepnet.formats.caffe.step import Reading, checked_call
from spark_deepnet.formats.caffe.text import read_net
from spark_deepnet.formats.caffe.tops import marked
from spark_deepnet.formats.caffe.weights import weights_of
from spark_deepnet.formats.foreign import Foreign
from spark_deepnet.formats.rewrites import Rewritten, rewritten
from spark_deepnet.layers.layer import Shape
from spark_deepnet.losses.loss import Loss

Path = str | os.PathLike[str]
ORDERS = ("bgr", "rgb")


@dataclass(frozen=True)
class Options:
    """How a net is read; see ``read``."""

    phase: str = "test"
    level: int = 0
    stages: tuple[str, ...] = ()
    mean: Mean = None
    scale: float = 1.0
    channel_order: str = "bgr"
    input_shape: Shape | None = None
    outputs: Sequence[str] | None = None
    skip: Collection[str] = ()
    vectors: bool = False
    rewrites: bool = True

    def __post_init__(self) -> None:
        if self.channel_order not in ORDERS:
            raise ParamError(f"channelOrder must be 'bgr' or 'rgb', found {self.channel_order!r}")
        for name in ("outputs", "skip", "stages"):
            value = getattr(self, name)
            if name != "outputs" or value is not None:
                object.__setattr__(self, name, names_of(value, name))
        if self.input_shape is not None:
            object.__setattr__(self, "input_shape", sizes_of(self.input_shape))
        object.__setattr__(self, "mean", mean_of(self.mean))
        if not isinstance(self.scale, int | float | np.number) or not isfinite(self.scale):
            raise ParamError(f"scale must be a finite number, found {self.scale!r}")


def read(net: Path, weights: Path | None = None, **options: Any) -> Foreign:
    """The network of a prototxt, with the weights of a caffemodel.

    phase, level, stages: the state of the net, which its include and exclude rules ask for. mean: a binaryproto's path, a
    number a channel, or an array (channels, height, width); scale: a factor behind it. channel_order: "bgr" or "rgb", as
    the net wants its images. input_shape: of a row, (height, width, channels), where the file does not say. outputs: names
    of blobs or layers, those that no layer reads if None; the rest of the net is not looked at. skip: layers whose
    weights are not taken. vectors: whether outputs that are images become vectors in the file's order. rewrites: whether
    Permutes are removed where nothing changes.

    FormatError, with file, layer and type, for whatever cannot be read.
    """
    return CaffeNet.read(net, Options(**options)).foreign(weights)


@dataclass(frozen=True)
class CaffeNet:
    """A net that was read, before it has weights."""

    file: str
    options: Options
    reading: Reading
    unused: frozenset[str]
    """Layers of the file that are not needed."""
    rewritten: Rewritten
    names: dict[str, Value]
    loss: Loss | None
    training_batch: int | None
    """Rows of a batch, where a data layer says so; the sizes of Input layers are those of scoring."""

    @staticmethod
    def read(path: Path, options: Options) -> CaffeNet:
        text = read_net(path)
        every = [*inputs_of(text.file, text.net), *layer_specs(text)]
        own = text.net.state
        state = State(options.phase, options.level or int(own.level), (*own.stage, *options.stages))
        specs = layers_in(state, every)
        if not specs:
            raise FormatError(f"{path}: the net has no layers; expected layer {{ ... }} blocks")
        links = Links.of(specs)
        return _Converter(links, options).converted(every)

    def foreign(self, weights: Path | None) -> Foreign:
        """With the weights of a caffemodel."""
        own: dict[str, np.ndarray] = dict(self.reading.constants)
        if weights is not None:
            own |= weights_of(
                weights, read_weights(weights), self.reading.blobs, self.unused, self.rewritten, self.options.skip
            )
        return Foreign(
            tuple(self.rewritten.layers),
            self.reading.assembly.inputs,
            own,
            self.loss,
            self.names,
            self.rewritten.flat_images,
        )


class _Converter:
    """Turns the layers that are needed into those of this package, one after another."""

    def __init__(self, links: Links, options: Options) -> None:
        self.links, self.options = links, options
        self.heads = heads_of(links, options.outputs)
        self.needed = links.needed([head.scores for head in self.heads])
        self.reading = Reading(training=options.phase == "train")
        self.steps_first = any(links.specs[k].type in RECURRENT for k in self.needed)
        self.values: dict[Blob, Value] = {}
        read = {blob for k in self.needed for blob in links.values(k)} | {head.scores for head in self.heads}
        self.data = sorted(blob for blob in read if self._is_data(blob[0]))
        """The blobs of data layers that the net reads."""

    def _is_data(self, k: int) -> bool:
        return self.links.specs[k].type in DATA_TYPES

    def converted(self, every: Sequence[LayerSpec]) -> CaffeNet:
        links, assembly = self.links, self.reading.assembly
        layers = sorted(k for k in self.needed if not self._is_data(k))
        for k in layers:
            _check_type(links.specs[k])
            if self.reading.training:
                _check_gradient(links.specs[k])
        for blob in self.data:
            checked_call(links.specs[blob[0]], partial(self._input, blob))
        for k in layers:
            self._layer(k)
        loss = marked(self.links, self.heads, self.values, assembly, self.data, self.options.vectors)
        keep = [assembly.layers[-1].name or ""] if loss is not None else []
        names = {name: self.values[blob] for name, blob in links.last.items() if blob in self.values}
        ends = {head.name: Value(keep[0], (prod(self.values[head.scores].shape),)) for head in self.heads if keep}
        result = rewritten(assembly.layers, assembly.inputs, keep, self.options.rewrites)
        present = {layer.name for layer in result.layers}
        names = {name: replace(value, node=result.node(value.node)) for name, value in names.items()}
        names = {name: value for name, value in names.items() if value.node in present}
        names |= {name: value for name, value in ends.items() if name not in names}
        used = {blobs.layer for blobs in self.reading.blobs}
        unused = frozenset(spec.name for spec in every if spec.name not in used)
        return CaffeNet(
            links.specs[0].file, self.options, self.reading, unused, result, names, loss, _batch_of(links.specs)
        )

    def _input(self, blob: Blob) -> None:
        """The input of the network for a blob of a data layer, with its preprocessing."""
        spec, name = self.links.specs[blob[0]], self.links.name(blob)
        before, first = preprocessing_of(spec, self.options.mean, self.options.scale), blob == self.data[0]
        given = self.options.input_shape if first else None
        source = source_of(spec, blob[1], tuple(given) if given else None, before, self.steps_first)
        self.reading.batch = self.reading.batch or source.batch
        column = None if len(self.data) == 1 else name
        order = "rgb" if self.options.channel_order == "rgb" and len(source.shape) == 3 else None
        x = self.reading.assembly.input(name, source.shape, source.steps_first, column=column, channel_order=order)
        image = first or len(source.shape) == 3
        self.values[blob] = preprocessed(spec, self.reading, x, before) if image else x

    def _layer(self, k: int) -> None:
        spec = self.links.specs[k]
        bottoms = [self.values[blob] for blob in self.links.values(k)]
        tops = layer_type(spec).values(self.reading, spec, bottoms)
        self.values.update({(k, j): value for j, value in enumerate(tops)})


def _check_gradient(spec: LayerSpec) -> None:
    """Refuse what would change gradients."""
    layer = spec.message
    if any(layer.loss_weight):
        raise spec.refusal("loss_weight of a layer that is no loss is not supported")
    if not all(layer.propagate_down):
        raise spec.refusal("propagate_down: false is not supported; give the layers before it lr_mult: 0")


def _batch_of(specs: Sequence[LayerSpec]) -> int | None:
    """The batch of the first data layer that has one."""
    layers = (spec for spec in specs if spec.type in DATA_TYPES and spec.type != "Input")
    return next(filter(None, (batch_of(spec) for spec in layers)), None)


def _check_type(spec: LayerSpec) -> None:
    """Refuse a layer that is not read, whatever its inputs are."""
    try:
        if spec.type in DROPPED or spec.type in LOSSES:
            raise spec.refusal("another layer reads its result, which is not computed")
        layer_type(spec)
    except FormatError as error:
        if spec.fault is None:
            raise
        raise FormatError(f"{spec.fault.rpartition('; ')[0]}; {str(error).removeprefix(f'{spec.file}: ')}") from None
    if spec.fault is not None:
        raise FormatError(spec.fault)
