"""Dense."""

from __future__ import annotations

from spark_deepnet.formats.onnx.writers._registry import writes
from spark_deepnet.formats.onnx.writers._step import Step


@writes("dense", to="Gemm or MatMul, Add")
def dense(step: Step) -> str:
    """Gemm over vectors, MatMul over rows of more axes"""
    W, b = step.constant(step.w["W"], "W"), step.w.get("b")
    if len(step.x) == 1:
        return step.op("Gemm", step.held(), W, *(() if b is None else (step.constant(b, "b"),)))
    y = step.op("MatMul", step.held(), W)
    return y if b is None else step.op("Add", y, step.constant(b, "b"))
