"""The weights of a Keras file as arrays for given layers."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from spark_deepnet.errors import FormatError
from spark_deepnet.formats.arguments import path_of
from spark_deepnet.formats.given import InputShape, given_net
from spark_deepnet.formats.groups import Group
from spark_deepnet.formats.keras.archive import read_archive
from spark_deepnet.formats.keras.config import layer_configs
from spark_deepnet.formats.keras.hdf5 import Hdf5, hdf5_errors, opened
from spark_deepnet.formats.keras.layouts import expected_arrays
from spark_deepnet.formats.keras.legacy import is_legacy, legacy_groups
from spark_deepnet.formats.keras.parts import parts_of
from spark_deepnet.formats.keras.saved import saved_groups
from spark_deepnet.formats.matching import Matching, wanted_of
from spark_deepnet.formats.sniff import head_of, kind_of

RIGHT = "a file of Keras (.keras, .weights.h5 or .h5)"


def weights(
    path: str | os.PathLike[str],
    layers: Any,
    input_shape: InputShape = None,
    names: Mapping[str, str] | None = None,
    skip: Collection[str] = (),
) -> dict[str, np.ndarray]:
    """ "layer/weight" -> float32 array, from a .keras, .weights.h5 or legacy .h5 file (whole models and weights).

    layers: those of the network, as DeepNetEstimator takes them. input_shape: the shape of a row, (height, width, channels)
    for images, (steps, features) for sequences; of several inputs a mapping from their names. names: the layer's name ->
    the name in the file. Layers that are not in it are matched by equal names, then by order and shapes. skip: layers, of
    either side, that are left out.

    FormatError with all arrays of either side that have no match; for links, filters, damage, and files of other kinds.
    """
    net = given_net(layers, input_shape)
    wanted = wanted_of(net, expected_arrays)
    with _groups_of(path_of(path, RIGHT)) as (groups, ordered):
        return Matching(path, wanted, groups, ordered).arrays(names, skip)


@contextmanager
def _groups_of(path: str) -> Iterator[tuple[list[Group], bool]]:
    """The groups of a file, which is open, and whether they are in the model's order."""
    head = head_of(path)
    if not head.startswith((b"PK", b"\x89HDF")):
        raise FormatError(f"{path}: expected {RIGHT}, found a file that is {kind_of(head) or 'not HDF5'}")
    content, config = read_archive(path) if head.startswith(b"PK") else (None, None)
    with opened(path, content) as file:
        with hdf5_errors(path):
            groups, ordered = _read(file, config)
        yield [part for group in groups for part in parts_of(group)], ordered


def _read(file: Hdf5, config: bytes | None) -> tuple[list[Group], bool]:
    if not is_legacy(file):
        configs = layer_configs(file.path, config) if config else []
        return saved_groups(file, configs), bool(configs)
    text = file.file.attrs.get("model_config")
    configs = layer_configs(file.path, text) if isinstance(text, str | bytes) else []
    return legacy_groups(file, {config.name: config for config in configs}), True
