"""The classes, names and order of a Keras model's layers, from its config; no layer is made of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from spark_deepnet.errors import FormatError
from spark_deepnet.formats.groups import StoredArray

MAX_LAYERS = 100_000
MAX_DEPTH = 32
FIELDS = ("name", "epsilon", "groups")
"""Of a layer's config."""


@dataclass(frozen=True)
class LayerConfig:
    """A layer of a model that was saved."""

    path: str
    """Its group in a .weights.h5 file."""
    name: str
    kind: str
    """Its class as groups are named: batch_normalization."""
    epsilon: float | None
    groups: int | None = None

    def why_unread(self, arrays: Mapping[str, StoredArray]) -> str:
        """Why no layer computes what this one does, where its arrays do not tell; "" if one does."""
        channels = next(iter(arrays.values())).shape[-1:] if arrays else ()
        if self.kind != "group_normalization" or self.groups in (None, -1, *channels):
            return ""
        return f"a GroupNormalization of {self.groups} groups; here each channel is normalized by itself"


def layer_configs(path: str, text: str | bytes) -> list[LayerConfig]:
    """The layers in the model's order, those of models within it in their place. FormatError if the text is no config."""
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path}: the model's config is no JSON: {str(error)[:100]}") from None
    layers = list(_layers(path, config, "", 0))
    _check_lambda(path, layers)
    return layers


def _layers(path: str, config: Any, at: str, depth: int) -> Iterator[LayerConfig]:
    inner = config.get("config") if isinstance(config, dict) else None
    layers = inner if isinstance(inner, list) else inner.get("layers") if isinstance(inner, dict) else None
    if not isinstance(layers, list):
        return
    if depth > MAX_DEPTH or len(layers) > MAX_LAYERS:
        raise FormatError(f"{path}: the config has models nested deeper than {MAX_DEPTH}, or above {MAX_LAYERS} layers")
    used: dict[str, int] = {}
    for layer in layers:
        if not isinstance(layer, dict) or not isinstance(layer.get("class_name"), str):
            raise FormatError(f"{path}: a layer of the config has no class_name")
        kind = snake_case(layer["class_name"])
        used[kind] = used.get(kind, -1) + 1
        own = f"{at}layers/{kind}" + (f"_{used[kind]}" if used[kind] else "")
        options: Any = layer.get("config")
        name, epsilon, groups = (options.get(key) if isinstance(options, dict) else None for key in FIELDS)
        yield LayerConfig(
            own,
            name if isinstance(name, str) else own,
            kind,
            float(epsilon) if isinstance(epsilon, int | float) else None,
            groups if isinstance(groups, int) else None,
        )
        yield from _layers(path, layer, f"{own}/", depth + 1)


def _check_lambda(path: str, layers: list[LayerConfig]) -> None:
    for layer in layers:
        if layer.kind == "lambda":
            raise FormatError(
                f"{path}: the model has a Lambda, {layer.name!r}, whose code is not run; if your layers compute the same "
                f"without it, save the weights alone: model.save_weights('net.weights.h5')"
            )


def snake_case(name: str) -> str:
    """As Keras names groups: BatchNormalization -> batch_normalization, PReLU -> p_re_lu."""
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
