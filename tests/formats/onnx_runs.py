"""Networks exported to ONNX and run by onnxruntime, beside the same networks run here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from spark_deepnet.formats.onnx.export import model_of
from spark_deepnet.formats.onnx.package import onnx
from spark_deepnet.net.net import Net
from spark_deepnet.net.run import Runner

Arrays = Mapping[str, np.ndarray]


def session(model: Any) -> Any:
    """onnxruntime's session over a model in memory, or a file; the model has been checked."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    if not isinstance(model, str):
        onnx("checker").check_model(model, full_check=True)
        model = model.SerializeToString()
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def exported(net: Net, weights: np.ndarray, x: Arrays, lengths: np.ndarray | None = None, **options: Any) -> Arrays:
    """What onnxruntime computes; lengths: of the rows of every input."""
    return run(session(model_of(net, weights, sequences=() if lengths is None else tuple(x), **options)), x, lengths)


def run(running: Any, x: Arrays, lengths: np.ndarray | None = None) -> Arrays:
    feed = {}
    for each in running.get_inputs():
        array = x.get(each.name, lengths)
        assert array is not None
        feed[each.name] = array.astype(np.int64 if each.type == "tensor(int64)" else np.float32)
    return dict(zip([out.name for out in running.get_outputs()], running.run(None, feed), strict=True))


def scored(net: Net, weights: np.ndarray, x: Arrays, lengths: np.ndarray | None = None) -> Arrays:
    """Each output's values as this package computes them, and the lengths of those that have steps."""
    n = len(next(iter(x.values())))
    runner = Runner(net, weights, max(n, 1), training=False)
    known = {} if lengths is None else dict.fromkeys(x, lengths.astype(np.int32))
    batch = runner.batch(n)
    for name, room in batch.feed.items():
        room[...] = x[name] if lengths is None else cut(x[name], lengths)
    batch.forward(False, np.uint64(0), np.arange(n, dtype=np.uint64), known)
    found = {out.node.name: out.y.copy() for out in batch.outputs}
    return found | {f"{out.node.name}_lengths": out.ends.copy() for out in batch.outputs if out.ends is not None}


def cut(x: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Rows with zeros behind their ends."""
    real = np.arange(x.shape[1]) < lengths[:, None]
    return np.where(real.reshape(*real.shape, *(1,) * (x.ndim - 2)), x, 0)


def close(found: Arrays, expected: Arrays, tolerance: float = 1e-4) -> None:
    """Equal to the tolerance, of an array's largest number where this is above 1."""
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].shape == array.shape
        largest = max(1.0, float(np.abs(array).max(initial=0)))
        np.testing.assert_allclose(found[name], array, rtol=0, atol=tolerance * largest, err_msg=name)


def operators(model: Any) -> Collection[str]:
    return [node.op_type for node in model.graph.node]
