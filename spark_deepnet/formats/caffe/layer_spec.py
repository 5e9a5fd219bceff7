"""A layer of a Caffe net in today's form, whichever form the file has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from spark_deepnet.errors import FormatError
from spark_deepnet.formats.caffe.fields import V1_NAMES
from spark_deepnet.formats.caffe.messages import message
from spark_deepnet.formats.caffe.text import Text

MAX_LAYERS = 10_000
OLD_TRANSFORMS = ("scale", "mean_file", "crop_size", "mirror")
"""Fields of data layers that belong to transform_param today."""


@dataclass(frozen=True)
class LayerSpec:
    """A layer of the file."""

    file: str
    message: Any
    """Its LayerParameter."""
    fault: str | None = None
    """Why it could not be parsed in full."""

    @property
    def name(self) -> str:
        return str(self.message.name)

    @property
    def type(self) -> str:
        return str(self.message.type)

    @property
    def bottoms(self) -> tuple[str, ...]:
        return tuple(self.message.bottom)

    @property
    def tops(self) -> tuple[str, ...]:
        return tuple(self.message.top)

    def refusal(self, why: str) -> FormatError:
        """The error that names the layer."""
        return FormatError(f"{self.file}: layer {self.name!r} ({self.type}): {why}")


def layer_specs(text: Text) -> list[LayerSpec]:
    """The layers of a net; FormatError for V0 files and for nets that mix both forms."""
    net, file = text.net, text.file
    old, new = list(net.layers), list(net.layer)
    if old and new:
        raise FormatError(f"{file}: the net has both 'layer' and 'layers' (V1); upgrade the file with Caffe's tools")
    if len(old) + len(new) > MAX_LAYERS:
        raise FormatError(f"{file}: the net has {len(old) + len(new)} layers; the limit is {MAX_LAYERS}")
    if any(each.HasField("layer") for each in old):
        raise FormatError(
            f"{file}: the net is in the form of 2013 (V0: layers {{ layer {{ ... }} }}), which is not read; "
            f"run Caffe's upgrade_net_proto_text on it"
        )
    messages = [_upgraded(file, each) for each in old] or new
    specs = [LayerSpec(file, each, text.unknown.get(k)) for k, each in enumerate(messages)]
    for spec in specs:
        _upgrade_transform(spec.message)
    return specs


def _upgraded(file: str, old: Any) -> Any:
    """A V1 layer as a LayerParameter."""
    new = message("LayerParameter")
    new.name = old.name
    type_name = old.DESCRIPTOR.fields_by_name["type"].enum_type.values_by_number[old.type].name
    if type_name not in V1_NAMES:
        raise FormatError(f"{file}: layer {old.name!r} has no type")
    new.type = V1_NAMES[type_name]
    for name in ("bottom", "top", "include", "exclude", "loss_weight"):
        getattr(new, name).MergeFrom(getattr(old, name))
    for field, value in old.ListFields():
        if field.name.endswith("_param"):
            getattr(new, field.name).CopyFrom(value)
    for k in range(max(len(old.blobs_lr), len(old.weight_decay), len(old.param))):
        _add_param(new, old, k)
    return new


def _add_param(new: Any, old: Any, k: int) -> None:
    """The k-th blob's name and multipliers."""
    param = new.param.add()
    if k < len(old.param) and old.param[k]:
        param.name = old.param[k]
    if k < len(old.blobs_lr):
        param.lr_mult = old.blobs_lr[k]
    if k < len(old.weight_decay):
        param.decay_mult = old.weight_decay[k]


def _upgrade_transform(layer: Any) -> None:
    """Move scale, mean, crop and mirror of old data layers to transform_param."""
    for name in ("data_param", "image_data_param", "window_data_param"):
        if layer.HasField(name):
            options = getattr(layer, name)
            for field in OLD_TRANSFORMS:
                if options.HasField(field) and not layer.transform_param.HasField(field):
                    setattr(layer.transform_param, field, getattr(options, field))
