"""Files of Keras and PyTorch written by the tests, without either, and layers run over the weights that are read."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from safetensors.numpy import save_file

from spark_deepnet.formats.given import given_net
from spark_deepnet.net.run import Runner

Arrays = Mapping[str, np.ndarray]


def scores(layers: Any, shape: Any, arrays: Arrays, x: Any) -> np.ndarray:
    """What the layers give for rows x, or for rows by inputs."""
    net = given_net(layers, shape)
    rows = x if isinstance(x, Mapping) else {next(iter(net.inputs)): x}
    n = len(next(iter(rows.values())))
    runner = Runner(net, net.layout.packed(arrays), n, training=False)
    for name, array in rows.items():
        runner.feed(n)[name][...] = array
    return runner.forward(n).copy()


def weights_h5(path: Path, groups: Mapping[str, Sequence[np.ndarray]], names: Mapping[str, str] | None = None) -> Path:
    """Keras 3's .weights.h5: the path of a group, as "layers/dense" or "layers/lstm/cell" -> its variables."""
    with h5py.File(path, "w") as file:
        for group, arrays in groups.items():
            variables = file.create_group(f"{group}/vars")
            if names is not None and group in names:
                variables.attrs["name"] = names[group]
            for k, array in enumerate(arrays):
                variables.create_dataset(str(k), data=array)
    return path


def legacy_h5(path: Path, layers: Mapping[str, Arrays], config: Any = None, whole: bool = True) -> Path:
    """A legacy .h5 file: layer -> the names of its weights -> arrays. whole: of a model, not of weights alone."""
    with h5py.File(path, "w") as file:
        root = file.create_group("model_weights") if whole else file
        root.attrs["layer_names"] = [name.encode() for name in layers]
        if config is not None:
            file.attrs["model_config"] = json.dumps(config)
        for name, arrays in layers.items():
            group = root.create_group(name)
            group.attrs["weight_names"] = [weight.encode() for weight in arrays]
            for weight, array in arrays.items():
                group.create_dataset(weight, data=array)
    return path


def archive(
    path: Path, groups: Mapping[str, Sequence[np.ndarray]], layers: Sequence[tuple[str, dict[str, Any]]]
) -> Path:
    """A .keras file. layers: class and config of each."""
    config = {"config": {"layers": [{"class_name": name, "config": options} for name, options in layers]}}
    inner = weights_h5(path.with_suffix(".inner"), groups)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("metadata.json", "{}")
        file.writestr("config.json", json.dumps(config))
        file.writestr("model.weights.h5", inner.read_bytes())
    return path


def safetensors(path: Path, arrays: Arrays) -> Path:
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path)
    return path
