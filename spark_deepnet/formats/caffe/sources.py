"""Where a Caffe net's data come from: its inputs and data layers, which become columns, and the shape of their rows."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from math import prod
from typing import Any

from spark_deepnet.errors import FormatError
from spark_deepnet.formats.caffe.layer_spec import LayerSpec
from spark_deepnet.formats.caffe.messages import message
from spark_deepnet.formats.caffe.preprocessing import Preprocessing
from spark_deepnet.formats.caffe.step import MAX_ROW_NUMBERS
from spark_deepnet.layers.layer import Shape

_log = logging.getLogger(__name__)
DATA_TYPES = ("Input", "Data", "ImageData", "MemoryData", "HDF5Data", "DummyData", "WindowData")


@dataclass(frozen=True)
class Source:
    """The file's side of an input."""

    batch: int | None
    """Rows in a batch; None: the file does not say."""
    shape: Shape
    """Of one row, in the file's order of axes."""
    steps_first: bool = False
    """Whether the file has it as (steps, rows, ...)."""


def inputs_of(file: str, net: Any) -> list[LayerSpec]:
    """The ``input`` fields of a net as Input layers."""
    names, shapes = list(net.input), [list(shape.dim) for shape in net.input_shape]
    dims = list(net.input_dim)
    if dims and shapes:
        raise FormatError(f"{file}: the net has both input_dim and input_shape; one of them is enough")
    if dims:
        shapes = [dims[k : k + 4] for k in range(0, len(dims), 4)]
    if len(shapes) != len(names) or any(len(shape) != 4 for shape in shapes if dims):
        raise FormatError(
            f"{file}: the net has {len(names)} inputs and {len(dims) or len(shapes)} "
            f"{'sizes in input_dim, of which each needs 4' if dims else 'in input_shape, of which each needs one'}"
        )
    return [_input(file, name, shape) for name, shape in zip(names, shapes, strict=True)]


def _input(file: str, name: str, shape: list[int]) -> LayerSpec:
    layer = message("LayerParameter")
    layer.name, layer.type = name, "Input"
    layer.top.append(name)
    layer.input_param.shape.add().dim.extend(shape)
    return LayerSpec(file, layer)


def source_of(
    spec: LayerSpec, top: int, given: Shape | None, before: Preprocessing, steps_first: bool = False
) -> Source:
    """What a data layer's top gives. given: the shape that the caller says rows have, (height, width, channels).
    steps_first: whether the net is recurrent, so that its inputs are (steps, rows, ...)."""
    dims = _dims(spec, top)
    if steps_first:
        return _sequence(spec, dims, given)
    batch = dims[0] if dims else batch_of(spec)
    if given is not None and top == 0:
        shape = (given[-1], *given[:-1]) if len(given) in (2, 3) else given
        _check_given(spec, dims, shape)
    elif dims:
        shape = tuple(dims[1:])
    else:
        shape = _of_images(spec, before)
    if not shape or min(shape) < 1 or prod(shape) > MAX_ROW_NUMBERS:
        raise spec.refusal(
            f"its rows have the shape {shape}; expected at least one axis, and from 1 to {MAX_ROW_NUMBERS} numbers"
        )
    return Source(batch, shape)


def _sequence(spec: LayerSpec, dims: list[int] | None, given: Shape | None) -> Source:
    if not dims or len(dims) < 2:
        raise spec.refusal(f"an input of a recurrent net has the axes (steps, rows, ...), found {dims}")
    shape = given or (dims[0], *dims[2:])
    if min(shape) < 1 or prod(shape) > MAX_ROW_NUMBERS:
        raise spec.refusal(f"its rows have the shape {shape}; expected from 1 to {MAX_ROW_NUMBERS} numbers")
    return Source(dims[1], shape, steps_first=True)


def _check_given(spec: LayerSpec, dims: list[int] | None, shape: Shape) -> None:
    """Refuse a shape that the file contradicts in more than the size of images."""
    if dims and (len(dims) - 1 != len(shape) or (len(shape) == 3 and dims[1] != shape[0])):
        raise spec.refusal(
            f"inputShape has {shape} as (channels, height, width), but the file's rows are {tuple(dims[1:])}; leave it unset"
        )


def _dims(spec: LayerSpec, top: int) -> list[int] | None:
    """All axes of a top, where the file has them."""
    layer = spec.message
    if spec.type == "Input":
        shapes = layer.input_param.shape
        if len(shapes) not in (1, len(spec.tops)):
            raise spec.refusal(f"input_param has {len(shapes)} shapes for {len(spec.tops)} tops")
        return list(shapes[top if len(shapes) > 1 else 0].dim)
    if spec.type == "DummyData":
        return _dummy(layer.dummy_data_param, top)
    if spec.type == "MemoryData" and top == 0:
        sizes = layer.memory_data_param
        return [sizes.batch_size, sizes.channels, sizes.height, sizes.width]
    return None


def _dummy(options: Any, top: int) -> list[int] | None:
    if options.shape:
        return list(options.shape[min(top, len(options.shape) - 1)].dim)
    sizes = [options.num, options.channels, options.height, options.width]
    return [each[min(top, len(each) - 1)] for each in sizes] if all(sizes) else None


def batch_of(spec: LayerSpec) -> int | None:
    """The batch size of a data layer."""
    layer = spec.message
    if spec.type == "DummyData":
        dims = _dummy(layer.dummy_data_param, 0)
        return dims[0] if dims else None
    for name in ("data_param", "image_data_param", "hdf5_data_param", "memory_data_param", "window_data_param"):
        if layer.HasField(name):
            return int(getattr(layer, name).batch_size) or None
    return None


def _of_images(spec: LayerSpec, before: Preprocessing) -> Shape:
    """The shape of a data layer's images, from the mean image, or from crop_size and the number of channels."""
    if before.mean is not None and before.mean.ndim == 3:
        return tuple(before.mean.shape)
    channels, crop = before.channels, before.crop
    if not (channels and crop):
        raise spec.refusal(
            "the file does not say how large its images are; give inputShape=(height, width, channels), or the mean image"
        )
    _log.warning(
        "%s: layer %r: images are taken to be of %d x %d, crop_size; give inputShape=(height, width, channels) where they "
        "are larger, so that training crops at random",
        spec.file,
        spec.name,
        crop,
        crop,
    )
    return (channels, crop, crop)
