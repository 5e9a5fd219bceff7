"""ONNX files written by the tests, and foreign networks run over rows in the file's order of axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from spark_deepnet.formats.axes import TO_FOREIGN, TO_HELD, Value
from spark_deepnet.formats.foreign import Foreign
from spark_deepnet.formats.onnx.read import read
from spark_deepnet.net.run import Runner


def scores(foreign: Foreign, inputs: Mapping[str, np.ndarray], outputs: Sequence[str]) -> list[np.ndarray]:
    """The values of these names, rows first and else in the file's order, for inputs in that order."""
    net = foreign.net()
    n = len(next(iter(inputs.values())))
    runner = Runner(net, foreign.flat(net), n, training=False)
    for name, x in inputs.items():
        value = foreign.names[name]
        x = x[:, None] if x.ndim == 1 else x
        runner.feed(n)[value.node][...] = _turned(x, value, TO_HELD)
    runner.forward(n)
    return [
        _turned(batch.y.copy(), foreign.names[name], TO_FOREIGN)
        for name, batch in zip(outputs, runner.batch(n).outputs, strict=True)
    ]


def _turned(x: np.ndarray, value: Value, orders: Mapping[int, tuple[int, ...]]) -> np.ndarray:
    order = None if value.steps_first else orders.get(x.ndim - 1)
    return x if order is None else x.transpose(0, *order)


def graph(
    nodes: Sequence[Any],
    inputs: Mapping[str, Sequence[int | str]],
    outputs: Sequence[str],
    arrays: Mapping[str, np.ndarray] | None = None,
    opset: int = 17,
    types: Mapping[str, int] | None = None,
) -> Any:
    """A model of nodes, each as ``node`` gives it. types: of inputs that are not float32."""
    kinds = dict.fromkeys(inputs, onnx.TensorProto.FLOAT) | dict(types or {})
    made = helper.make_graph(
        list(nodes),
        "graph",
        [helper.make_tensor_value_info(name, kinds[name], shape) for name, shape in inputs.items()],
        [helper.make_empty_tensor_value_info(name) for name in outputs],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in (arrays or {}).items()],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def node(op: str, inputs: str, outputs: str, name: str = "", **attributes: Any) -> Any:
    """A node; names are parted by blanks, and "-" is none."""
    return helper.make_node(op, _names(inputs), _names(outputs), name or None, **attributes)


def _names(text: str) -> list[str]:
    return ["" if name == "-" else name for name in text.split()]


def computed(model: Any, inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """What onnxruntime computes."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    running = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return list(running.run(None, dict(inputs)))


def check(model: Any, folder: Path, inputs: Mapping[str, np.ndarray], atol: float = 1e-4, **options: Any) -> Foreign:
    """Read a model and compare what it scores with onnxruntime, with and without the removal of Permutes."""
    path = folder / "net.onnx"
    path.write_bytes(model.SerializeToString())
    expected, names = computed(model, inputs), [each.name for each in model.graph.output]
    for rewrites in (False, True):
        foreign = read(path, rewrites=rewrites, **options)
        for y, right in zip(scores(foreign, inputs, names), expected, strict=True):
            np.testing.assert_allclose(y.reshape(right.shape), right, atol=atol)
    return foreign
