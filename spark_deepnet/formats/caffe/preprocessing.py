"""Caffe's preprocessing as layers: crop, mirror, (x - mean) * scale."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from spark_deepnet.errors import ParamError
from spark_deepnet.formats.axes import Assembly, Value
from spark_deepnet.formats.caffe.blobs import read_mean
from spark_deepnet.formats.caffe.layer_spec import LayerSpec
from spark_deepnet.formats.caffe.step import Reading
from spark_deepnet.layers.mean_image import MeanImage
from spark_deepnet.layers.mean_subtraction import MeanSubtraction
from spark_deepnet.layers.random_crop import RandomCrop
from spark_deepnet.layers.random_flip import RandomFlip
from spark_deepnet.layers.rescaling import Rescaling

Mean = str | os.PathLike[str] | np.ndarray | list[float] | tuple[float, ...] | None


@dataclass(frozen=True)
class Preprocessing:
    """What is done to an image before the net."""

    mean: np.ndarray | None = None
    """(channels,), or an image (channels, height, width)."""
    scale: float = 1.0
    crop: int = 0
    mirror: bool = False
    gray: bool | None = None
    """Whether images are forced to be gray (True) or of three colours (False)."""

    @property
    def channels(self) -> int:
        """The number of channels, where it is known; else 0."""
        if self.gray is not None:
            return 1 if self.gray else 3
        return 0 if self.mean is None or self.mean.size == 1 else len(self.mean)


def preprocessing_of(spec: LayerSpec, mean: Mean, scale: float) -> Preprocessing:
    """From transform_param of a data layer, or from the arguments."""
    t = spec.message.transform_param
    array = mean_of(mean)
    if t.mean_file and t.mean_value:
        raise spec.refusal("transform_param has both mean_file and mean_value; Caffe takes one of them")
    if t.mean_file and array is None:
        raise spec.refusal(f"mean_file is {t.mean_file!r}, which is not looked for; give mean= with its path or array")
    if t.mean_value and array is None:
        array = np.array(t.mean_value, np.float32)
    gray = False if t.force_color else True if t.force_gray else None
    return Preprocessing(array, t.scale * scale, int(t.crop_size), t.mirror, gray)


def mean_of(mean: Mean) -> np.ndarray | None:
    """The mean as an array: one number a channel, or (channels, height, width)."""
    if mean is None:
        return None
    if isinstance(mean, str | os.PathLike):
        return read_mean(mean)
    try:
        array = np.asarray(mean, np.float32)
    except (ValueError, TypeError):
        array = np.empty(0, np.float32)
    if array.ndim not in (1, 3) or not array.size:
        shown = f"an array {array.shape}" if isinstance(mean, np.ndarray) else f"{mean!r}"[:80]
        raise ParamError(f"mean must be a path, a number a channel, or (channels, height, width), found {shown}")
    return array


def preprocessed(spec: LayerSpec, reading: Reading, x: Value, before: Preprocessing) -> Value:
    """The value of an input after all layers of preprocessing that do something."""
    into = reading.assembly
    if before.mean is not None:
        x = _centred(spec, reading, x, before.mean)
    name = x.node.removesuffix(".mean")
    if before.crop:
        x = _cropped(spec, into, x, name, before.crop)
    if before.mirror:
        x = into.add(f"{name}.mirror", RandomFlip(), x)
    return into.add(f"{name}.scale", Rescaling(before.scale), x) if before.scale != 1 else x


def _centred(spec: LayerSpec, reading: Reading, x: Value, mean: np.ndarray) -> Value:
    """x less the mean: numbers of channels as a field, an image as an untrained weight."""
    channels, name = x.shape[0], f"{x.node}.mean"
    if mean.ndim == 1:
        if len(mean) not in (1, channels):
            raise spec.refusal(f"the mean has {len(mean)} numbers, the images have {channels} channels")
        return reading.assembly.add(name, MeanSubtraction(tuple(map(float, np.broadcast_to(mean, channels)))), x)
    if mean.shape != x.shape:
        raise spec.refusal(
            f"the mean image is {mean.shape}, the net's images are {x.shape}, (channels, height, width); give a mean "
            f"of this size, or a number a channel, or inputShape"
        )
    x = reading.assembly.add(name, MeanImage(), x)
    reading.constants[f"{x.node}/mean"] = np.ascontiguousarray(mean.transpose(1, 2, 0))
    return x


def _cropped(spec: LayerSpec, into: Assembly, x: Value, name: str, crop: int) -> Value:
    """The crop; larger than the image is an error as in Caffe."""
    if len(x.shape) != 3 or min(x.shape[1:]) < crop:
        raise spec.refusal(f"crop_size {crop} does not fit into rows of {x.shape}")
    return x if x.shape[1:] == (crop, crop) else into.add(f"{name}.crop", RandomCrop(crop, crop), x)
