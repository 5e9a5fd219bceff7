"""Groups of a legacy .h5 file: attributes layer_names and weight_names say what there is, in the model's order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from spark_deepnet.errors import FormatError
from spark_deepnet.formats.groups import Group, StoredArray
from spark_deepnet.formats.keras.config import LayerConfig
from spark_deepnet.formats.keras.hdf5 import Hdf5
from spark_deepnet.formats.keras.saved import described

PART = re.compile(r"(.*_cell|forward_.*|backward_.*|query|key|value|attention_output)(_\d+)?")
"""Names within a layer's weights that are no layers of their own."""


def is_legacy(file: Hdf5) -> bool:
    return "model_weights" in file.file or _has(file.file, "layer_names")


def legacy_groups(file: Hdf5, configs: Mapping[str, LayerConfig]) -> list[Group]:
    """The groups of layers that have arrays, in the model's order. configs: by the layers' names."""
    root = _member(file, file.file, "model_weights") if "model_weights" in file.file else file.file
    names = [*_texts(file, root, "layer_names")]
    names += ["top_level_model_weights"] if "top_level_model_weights" in root else []
    groups: list[Group] = []
    for name in names:
        own = _member(file, root, name)
        arrays = [(text, file.array(_member(file, own, text))) for text in _texts(file, own, "weight_names")]
        groups += _groups(name, arrays, configs)
    return groups


def _groups(name: str, arrays: list[tuple[str, StoredArray]], configs: Mapping[str, LayerConfig]) -> Iterator[Group]:
    """The layer's group, or those of the layers within it, where it is a model."""
    layers: dict[str, list[StoredArray]] = {}
    for text, array in arrays:
        layers.setdefault(_layer_of(text), []).append(array)
    for path, own in layers.items():
        inner = name if len(layers) == 1 else path.rpartition("/")[2]
        numbered = {str(k): array for k, array in enumerate(own)}
        yield described(Group(inner, numbered, name if len(layers) == 1 else path), configs.get(inner))


def _layer_of(weight: str) -> str:
    """The path of the layer that a weight's name begins with: block/lstm/lstm_cell/kernel:0 -> block/lstm."""
    parts = weight.split("/")[:-1]
    while len(parts) > 1 and PART.fullmatch(parts[-1]):
        parts.pop()
    return "/".join(parts)


def _texts(file: Hdf5, group: Any, name: str) -> list[str]:
    """An attribute of texts, which is in several parts where it is long."""
    attrs = group.attrs
    names = [name] if name in attrs else []
    while not (names and names[0] == name) and f"{name}{len(names)}" in attrs:
        names.append(f"{name}{len(names)}")
    if not names:
        raise FormatError(f"{file.path}: {group.name!r} has no attribute {name!r}")
    values = [value for each in names for value in list(attrs[each])]
    texts = [value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in values]
    if not all(isinstance(text, str) for text in texts):
        raise FormatError(f"{file.path}: {name!r} of {group.name!r} is no list of names")
    return texts


def _has(group: Any, name: str) -> bool:
    return name in group.attrs or f"{name}0" in group.attrs


def _member(file: Hdf5, group: Any, path: str) -> Any:
    """What is at a path in a group, by way of groups of the same file alone."""
    for name in filter(None, path.split("/")):
        group = file.member(group, name)
    return group
