"""Multi-head attention."""

from __future__ import annotations

import numpy as np

from spark_deepnet.formats.onnx.writers._registry import writes
from spark_deepnet.formats.onnx.writers._step import Step

MASKED = np.float32(-1e9)
"""The score of a step that is not seen: finite, so that a row of no steps gives no NaN."""


@writes("multi_head_attention", to="MatMul, Add, Mul, Softmax")
def multi_head_attention(step: Step) -> str:
    """With finite masks"""
    (steps, _), heads, width = step.x, step.layer.heads, step.layer.width(step.x)
    each = width // heads
    q, k, v = (_heads(step, name, steps, heads, each) for name in "qkv")
    scaled = step.op("Mul", q, step.constant(np.float32(1 / np.sqrt(each))))
    scores = step.op("MatMul", scaled, step.op("Transpose", k, perm=[0, 1, 3, 2]))
    shares = step.op("Softmax", _masked(step, scores, steps), axis=-1)
    seen = step.op("Transpose", step.op("MatMul", shares, v), perm=[0, 2, 1, 3])
    return _projected(step, step.op("Reshape", seen, step.integers(0, steps, width)), "o")


def _projected(step: Step, x: str, name: str) -> str:
    y = step.op("MatMul", x, step.constant(step.w[f"W{name}"], f"W{name}"))
    return str(step.op("Add", y, step.constant(step.w[f"b{name}"], f"b{name}")))


def _heads(step: Step, name: str, steps: int, heads: int, each: int) -> str:
    """(N, heads, steps, columns of a head)"""
    wide = _projected(step, step.held(), name)
    return str(step.op("Transpose", step.op("Reshape", wide, step.integers(0, steps, heads, each)), perm=[0, 2, 1, 3]))


def _masked(step: Step, scores: str, steps: int) -> str:
    masked = step.constant(MASKED)
    if step.padded is not None:
        real = step.op("Unsqueeze", step.padded.real(1), step.integers(1, 2))
        scores = step.op("Where", real, scores, masked)
    if step.layer.causal:
        ahead = np.triu(np.full((steps, steps), MASKED), 1)
        scores = step.op("Add", scores, step.constant(ahead, "ahead"))
    return scores
