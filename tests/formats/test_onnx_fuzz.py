"""Damaged ONNX files end in a FormatError or in a network, quickly and in little memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf.message import DecodeError

from spark_deepnet.formats.onnx.export import model_of
from spark_deepnet.formats.onnx.read import read
from tests.formats.onnx_files import graph, node
from tests.formats.onnx_nodes import cases
from tests.formats.test_caffe_fuzz import mutated, peak_bytes, survives
from tests.formats.test_onnx_back import EVERY

NUMBERS = (0, 1, -1, 2, 3, 7, 1000, 2**31 - 1, -(2**31), 10**12, -(10**12), 2**63 - 1)
NODES = [
    node("Conv", "x W b", "c", "conv", pads=[1, 1, 1, 1], strides=[2, 2]),
    node("BatchNormalization", "c b b b v", "n"),
    node("AveragePool", "n", "p", kernel_shape=[2, 2]),
    node("Shape", "p", "s"),
    node("Gather", "s zero", "n0", axis=0),
    node("Concat", "n0 rest", "to", axis=0),
    node("Reshape", "p to", "f"),
    node("Gemm", "f B", "g"),
    node("Clip", "g low", "k"),
    node("Softmax", "k", "y"),
]
ARRAYS = {"W": np.ones((4, 3, 3, 3), np.float32), "b": np.ones(4, np.float32), "v": np.ones(4, np.float32)}
ARRAYS |= {"zero": np.array([0]), "rest": np.array([-1]), "low": np.array(0, np.float32)}
MODEL = graph(NODES, {"x": ["n", 3, 8, 8]}, ["y"], ARRAYS | {"B": np.ones((4 * 3 * 3, 5), np.float32)})


OWN = model_of(EVERY.net(), EVERY.net().layout.init_weights(0), sequences=EVERY.net().inputs)


def models(every: bool) -> list[tuple[Any, dict[str, Any]]]:
    """Models, with constants for their inputs behind the first."""
    found: list[tuple[Any, dict[str, Any]]] = [(MODEL, {}), (OWN, {})]
    for case in cases()[0][:: 1 if every else 10]:
        found.append((case.model, dict(list(case.inputs.items())[1:])))
    return found


def damaged(model: Any, rng: np.random.Generator) -> bytes:
    """The bytes of a model of which fields or bytes were changed."""
    if rng.random() < 0.3:
        return mutated(model.SerializeToString(), rng)
    copy = type(model)()
    copy.CopyFrom(model)
    for _ in range(int(rng.integers(1, 4))):
        places = list(_places(copy))
        message, field = places[int(rng.integers(len(places)))]
        _change(message, field, rng)
    return copy.SerializeToString()


def _places(message: Any) -> Iterator[tuple[Any, Any]]:
    """Every field that is set, of a message and of those within."""
    for field, value in message.ListFields():
        yield message, field
        for inner in (value if field.is_repeated else [value]) if field.message_type else ():
            yield from _places(inner)


def _change(message: Any, field: Any, rng: np.random.Generator) -> None:
    """Another value, none, or one more."""
    value, choice = getattr(message, field.name), rng.random()
    number = int(rng.choice(NUMBERS))
    if field.message_type or choice < 0.2:
        if field.message_type and field.is_repeated and choice < 0.5:
            value.add().CopyFrom(value[int(rng.integers(len(value)))])
        else:
            message.ClearField(field.name)
    elif field.type in (field.TYPE_STRING, field.TYPE_BYTES):
        _set(message, field, value[:1] if field.is_repeated else value[: len(value) // 2])
    else:
        _set(message, field, [number, *list(value)[1:]] if field.is_repeated else number)


def _set(message: Any, field: Any, value: Any) -> None:
    try:
        if field.is_repeated:
            del getattr(message, field.name)[:]
            getattr(message, field.name).extend(value)
        else:
            setattr(message, field.name, value)
    except (ValueError, DecodeError):
        message.ClearField(field.name)


def fuzz(folder: Path, count: int, seed: int) -> None:
    rng, before, path = np.random.default_rng(seed), peak_bytes(), folder / "net.onnx"
    sources = models(every=count > 1000)
    for k in range(count):
        model, constants = sources[k % len(sources)] if k % 3 else sources[k % 2]
        data = damaged(model, rng)
        path.write_bytes(data)
        survives(lambda bound=constants: read(path, constants=bound).net(), data)  # type: ignore[misc]
    assert peak_bytes() - before < 1 << 30


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_some_damaged_files(tmp_path: Path) -> None:
    fuzz(tmp_path, 400, seed=0)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_ten_thousand_damaged_files(tmp_path: Path) -> None:
    fuzz(tmp_path, 10_000, seed=1)
