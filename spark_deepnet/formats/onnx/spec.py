"""A node of an ONNX graph as its reader sees it: operator, version, name and attributes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from spark_deepnet.errors import FormatError
from spark_deepnet.formats.onnx.arrays import Arrays
from spark_deepnet.formats.onnx.package import onnx

TENSOR, GRAPHS = 4, (5, 10)
SHOWN = 80
"""Characters of a name that a sentence shows."""


@dataclass(frozen=True)
class NodeSpec:
    """A node of the file."""

    file: str | os.PathLike[str]
    proto: Any
    version: int
    """Of the operator: the opset in which it last changed."""
    arrays: Arrays

    @property
    def op(self) -> str:
        return str(self.proto.op_type)

    @property
    def name(self) -> str:
        """The node's name, or that of its first output."""
        return str(self.proto.name or next(filter(None, self.proto.output), self.op))

    def refusal(self, why: str) -> FormatError:
        return FormatError(f"{self.file}: node {self.name[:SHOWN]!r} ({self.op}, version {self.version}): {why}")

    def attributes(self) -> dict[str, Any]:
        """Those that the file sets."""
        known = self._schema().attributes
        for each in self.proto.attribute:
            if each.name in known and each.type != known[each.name].type.value:
                raise self.refusal(f"its attribute {each.name!r} is not of the type that the operator asks for")
        return {each.name: self._value(each) for each in self.proto.attribute}

    def defaults(self) -> dict[str, Any]:
        """Those that have a default."""
        known = self._schema().attributes
        given = {name: each.default_value for name, each in known.items() if each.default_value.name}
        return {name: self._value(each) for name, each in given.items()}

    def check(self) -> None:
        """Refuse a node without what its operator needs."""
        schema, inputs = self._schema(), list(self.proto.input)
        if not schema.min_input <= len(inputs) <= schema.max_input or not all(inputs[: schema.min_input]):
            raise self.refusal(
                f"it has {len(inputs)} inputs, or names missing among them; expected {schema.min_input} or more"
            )
        present = {each.name for each in self.proto.attribute}
        for name, each in schema.attributes.items():
            if each.required and name not in present:
                raise self.refusal(f"it has no attribute {name!r}")
        if not self.proto.output:
            raise self.refusal("it has no outputs")

    def _schema(self) -> Any:
        return onnx("defs").get_schema(self.op, self.version, "")

    def _value(self, attribute: Any) -> Any:
        if attribute.type == TENSOR:
            return self.arrays.array(attribute.t)
        if attribute.type in GRAPHS or attribute.ref_attr_name:
            raise self.refusal(f"its attribute {attribute.name!r} is a graph or a reference, which is not read")
        try:
            value = onnx("helper").get_attribute_value(attribute)
        except ValueError as error:
            raise self.refusal(f"its attribute {attribute.name!r} cannot be read: {error}") from None
        if isinstance(value, bytes):
            return value.decode("utf-8", "replace")
        if attribute.type in (6, 7):
            return list(value)
        return [each.decode("utf-8", "replace") for each in value] if attribute.type == 8 else value
