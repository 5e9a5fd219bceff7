"""Groups of a .weights.h5 file, also within .keras: layers/dense_1/vars/0, 1, ... by counted class names."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from spark_deepnet.errors import FormatError
from spark_deepnet.formats.groups import Group, StoredArray
from spark_deepnet.formats.keras.config import LayerConfig
from spark_deepnet.formats.keras.hdf5 import Hdf5
from spark_deepnet.formats.keras.layouts import KINDS

_log = logging.getLogger(__name__)
PARTS = {
    name: place
    for place, name in enumerate(
        ("layer", "cell", "forward_layer", "backward_layer", "query_dense", "key_dense", "value_dense", "output_dense")
    )
}
"""Groups within a layer's, in the order of its weights."""
CONTAINERS = ("layers", "_layer_checkpoint_dependencies")
OTHERS = ("optimizer", "metrics", "_metrics", "_compile_metrics", "loss_tracker", "_loss_tracker", "seed_generator")
"""What has arrays that are no weights."""

Place = tuple[int, ...]


@dataclass
class _Layer:
    """A layer's group, while the file is walked."""

    name: str | None = None
    arrays: dict[tuple[Place, int], StoredArray] = field(default_factory=dict)


def saved_groups(file: Hdf5, configs: Sequence[LayerConfig] = ()) -> list[Group]:
    """The groups of layers that have arrays. configs: of the model, where the file has them; their order is then that of
    the groups, otherwise groups are in the order of names and their numbers."""
    layers: dict[str, _Layer] = {}
    _walk(file, file.file, (), layers, 0)
    known = {config.path: config for config in configs}
    order = {config.path: k for k, config in enumerate(configs)}
    groups = [_group(path, layer, known.get(path)) for path, layer in layers.items() if layer.arrays]
    groups.sort(key=lambda group: group.order)
    groups.sort(key=lambda group: order.get(group.path, len(order)))
    names = [group.name for group in groups]
    return [group if names.count(group.name) == 1 else group.renamed(shown_path(group.path)) for group in groups]


def _walk(file: Hdf5, group: Any, path: tuple[str, ...], layers: dict[str, _Layer], depth: int) -> None:
    for name, member in file.members(group, depth):
        if name in OTHERS:
            continue
        if name == "vars" and hasattr(member, "keys"):
            own, place = _own_path(path)
            layer = layers.setdefault("/".join(own), _Layer())
            if own == path:
                layer.name = _text(member.attrs.get("name"))
            layer.arrays.update({(place, number): array for number, array in _variables(file, member, depth + 1)})
        elif hasattr(member, "keys"):
            _walk(file, member, (*path, name), layers, depth + 1)
        else:
            raise FormatError(f"{file.path}: {member.name!r} is an array outside a layer's group")


def _variables(file: Hdf5, group: Any, depth: int) -> Iterator[tuple[int, StoredArray]]:
    for name, member in file.members(group, depth):
        if not re.fullmatch(r"[0-9]{1,9}", name) or not hasattr(member, "shape"):
            raise FormatError(f"{file.path}: {member.name!r}: expected an array named by its number")
        yield int(name), file.array(member)


def _own_path(path: tuple[str, ...]) -> tuple[tuple[str, ...], Place]:
    """The path of the layer, and where in it these variables come."""
    own = path
    while len(own) > 1 and own[-1] in PARTS:
        own = own[:-1]
    return own, tuple(PARTS[name] for name in path[len(own) :])


def _group(path: str, layer: _Layer, config: LayerConfig | None) -> Group:
    arrays = {str(k): layer.arrays[key] for k, key in enumerate(sorted(layer.arrays))}
    above, _, own = path.rpartition("/")
    kind = config.kind if config else re.sub(r"_\d+$", "", own) if above.rpartition("/")[2] in CONTAINERS else ""
    name = (config.name if config else None) or layer.name or shown_path(path)
    if kind == "group_normalization" and config is None:
        _log.warning("%s: the file does not say how many groups it has; InstanceNorm has one for each channel", name)
    return described(Group(name, arrays, path, kinds_of(kind)), config)


def described(group: Group, config: LayerConfig | None) -> Group:
    """The group with what the model's config says of its layer."""
    if config is None:
        return group
    why = config.why_unread(group.arrays)
    kinds = frozenset[str]() if why else kinds_of(config.kind)
    return replace(group, epsilon=config.epsilon, kinds=kinds, note=why)


def kinds_of(kind: str) -> frozenset[str] | None:
    """The kinds of layers that a class of Keras can be here; None: any."""
    return frozenset([KINDS[kind]]) - {""} if kind in KINDS else None


def shown_path(path: str) -> str:
    return "/".join(part for part in path.split("/") if part not in CONTAINERS)


def _text(value: Any) -> str | None:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else None
