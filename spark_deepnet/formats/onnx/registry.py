"""ONNX operators by name; each file in ``readers/`` registers those that it reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from spark_deepnet.errors import FormatError, NetworkError, ParamError, near
from spark_deepnet.formats.notes import note_of
from spark_deepnet.formats.onnx.node import Node
from spark_deepnet.formats.onnx.spec import NodeSpec
from spark_deepnet.formats.onnx.values import Attention, Const, Masked, Picked, Table, Tensor, Tokens, Within
from spark_deepnet.registry import open_folder

Result = Tensor | Const | Within | Tokens | Table | Masked | Picked | Attention
Read = Callable[[Node], "Result | Sequence[Result]"]


@dataclass(frozen=True)
class Operator:
    """How an operator is read."""

    name: str
    versions: range
    gives: str
    """The layers that it becomes, for the documentation."""
    note: str
    read: Read

    def results(self, node: Node) -> list[Result]:
        """The values of a node's first outputs."""
        try:
            result = self.read(node)
        except FormatError:
            raise
        except (NetworkError, ParamError) as error:
            raise node.refusal(str(error)) from None
        except (ValueError, IndexError, ZeroDivisionError, OverflowError) as error:
            raise node.refusal(f"its attributes or constants do not fit together: {str(error)[:200]}") from None
        node.check_attributes()
        results = [result] if isinstance(result, Result) else list(result)
        if max(node.used, default=0) >= len(results):
            output = max(node.used) + 1
            raise node.refusal(f"its output {output} is used, of which the first {len(results)} can be computed")
        return results


_OPERATORS: dict[str, Operator] = {}
REFUSED = {
    "If": "which branch runs is not known when the file is read; export the model without it",
    "Loop": "loops are not read; export the model with its steps written out",
    "Scan": "loops are not read; export the model with its steps written out",
    "NonMaxSuppression": "detection is not supported; give outputs= before it",
    "TopK": "the model's prediction is the class with the largest score; give outputs= before it",
    "ArgMax": "the model's prediction is the class with the largest score; give outputs= before it",
    "QuantizeLinear": "quantised models are not read; export the model in float32",
    "DequantizeLinear": "quantised models are not read; export the model in float32",
    "DynamicQuantizeLinear": "quantised models are not read; export the model in float32",
    "QLinearConv": "quantised models are not read; export the model in float32",
    "QLinearMatMul": "quantised models are not read; export the model in float32",
    "ConvInteger": "quantised models are not read; export the model in float32",
    "MatMulInteger": "quantised models are not read; export the model in float32",
    "RandomNormal": "it draws at random in scoring",
    "RandomUniform": "it draws at random in scoring",
    "NonZero": "how many numbers it gives depends on them",
}
"""Operators that are known and not read -> why."""


def reads(*names: str, to: int, since: int = 1, gives: str = "") -> Callable[[Read], Read]:
    """Register a function as the reader of operators, in the versions ``since`` to ``to``."""

    def register(read: Read) -> Read:
        for name in names:
            _OPERATORS[name] = Operator(name, range(since, to + 1), gives, note_of(read), read)
        return read

    return register


@cache
def operators() -> dict[str, Operator]:
    """All operators that are read, by name."""
    open_folder("spark_deepnet.formats.onnx.readers")
    return _OPERATORS


def operator(spec: NodeSpec) -> Operator:
    """How a node is read; FormatError if it is not."""
    known = operators()
    if spec.op in REFUSED:
        raise spec.refusal(f"the operator is not read: {REFUSED[spec.op]}")
    if spec.op not in known:
        raise spec.refusal(f"the operator is not read; {near(spec.op, known)}")
    reader = known[spec.op]
    if spec.version not in reader.versions:
        first, last = reader.versions[0], reader.versions[-1]
        raise spec.refusal(
            f"its versions {first} to {last} are read; export the model for an opset that has one of them"
        )
    return reader
