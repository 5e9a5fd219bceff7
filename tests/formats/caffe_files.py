"""Caffe files written by the tests, and foreign networks run over rows in the file's order of axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spark_deepnet.formats.axes import TO_FOREIGN, TO_HELD
from spark_deepnet.formats.caffe.messages import message
from spark_deepnet.formats.caffe.read import CaffeNet, Options
from spark_deepnet.formats.foreign import Foreign
from spark_deepnet.layers.permute import Permute
from spark_deepnet.net.net import Net
from spark_deepnet.net.run import Runner

Arrays = Mapping[str, Sequence[np.ndarray]]


def input_text(shape: Sequence[int], name: str = "data") -> str:
    dims = " ".join(f"dim: {size}" for size in shape)
    return f'layer {{ name: "{name}" type: "Input" top: "{name}" input_param {{ shape {{ {dims} }} }} }}\n'


def layer_text(kind: str, options: str = "", bottom: str = "data", top: str = "y", name: str = "") -> str:
    bottoms = " ".join(f'bottom: "{each}"' for each in bottom.split())
    tops = " ".join(f'top: "{each}"' for each in top.split())
    return f'layer {{ name: "{name or top.split()[0]}" type: "{kind}" {bottoms} {tops} {options} }}\n'


def written(folder: Path, text: str, arrays: Arrays | None = None) -> tuple[Path, Path]:
    """The paths of a prototxt and of a caffemodel with these arrays by layer."""
    net, weights = folder / "net.prototxt", folder / "net.caffemodel"
    net.write_text(text, encoding="utf-8")
    weights.write_bytes(caffemodel(arrays or {}))
    return net, weights


def caffemodel(arrays: Arrays) -> bytes:
    model = message("NetParameter")
    model.name = "test"
    for name, blobs in {"data": (), **arrays}.items():  # Caffe writes layers without blobs too
        layer = model.layer.add()
        layer.name = name
        for array in blobs:
            fill_blob(layer.blobs.add(), array)
    return model.SerializeToString()


def fill_blob(blob: Any, array: np.ndarray) -> None:
    blob.shape.dim.extend(array.shape)
    blob.data.extend(np.asarray(array, np.float32).reshape(-1).tolist())


def binaryproto(array: np.ndarray) -> bytes:
    blob = message("Blob")
    blob.num, (blob.channels, blob.height, blob.width) = 1, array.shape
    blob.data.extend(array.astype(np.float32).reshape(-1).tolist())
    return blob.SerializeToString()


def solver_state(iteration: int, *arrays: np.ndarray) -> bytes:
    state = message("SolverState")
    state.iter = iteration
    for array in arrays:
        blob = state.history.add()
        blob.shape.dim.extend(array.shape)
        blob.data.append(array.astype("<f4").tobytes())
    return state.SerializeToString()


def random_arrays(net: Path, seed: int = 0, **options: Any) -> dict[str, list[np.ndarray]]:
    """Random blobs for every layer of a net that has some; those of a BatchNorm are above 0."""
    rng, arrays = np.random.default_rng(seed), {}
    for blobs in CaffeNet.read(net, Options(**options)).reading.blobs:
        own = [rng.normal(size=shape) / np.sqrt(max(1, np.prod(shape[1:]))) for shape in blobs.shapes]
        arrays[blobs.layer] = [np.abs(a) + 0.1 for a in own] if blobs.type == "BatchNorm" else own
    return arrays


def held(x: np.ndarray) -> np.ndarray:
    """Rows in the file's order of axes as the network takes them."""
    order = TO_HELD.get(x.ndim - 1)
    return x if order is None else x.transpose(0, *order)


def scores(foreign: Foreign, as_held: bool = False, **inputs: np.ndarray) -> dict[str, np.ndarray]:
    """Each output's scores, in the file's order of axes, for rows in that order; as_held: in the order held."""
    net = foreign.net()
    n = len(next(iter(inputs.values())))
    runner = Runner(net, foreign.flat(net), n, training=False)
    for name, x in inputs.items():
        runner.feed(n)[name][...] = x if as_held else held(x)
    runner.forward(n)
    found = {}
    for out, batch in zip(net.outputs, runner.batch(n).outputs, strict=True):
        order = None if as_held else TO_FOREIGN.get(batch.y.ndim - 1)
        found[out.name.removesuffix("/output")] = batch.y.copy() if order is None else batch.y.transpose(0, *order)
    return found


def count_permutes(net: Net) -> int:
    return sum(isinstance(node.layer, Permute) for node in net.nodes)
