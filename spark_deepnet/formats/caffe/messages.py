"""Caffe's messages as protobuf classes, made at run time from the table of fields in a descriptor pool of their own."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from spark_deepnet.errors import FormatError
from spark_deepnet.formats.caffe.fields import ENGINE, FIELDS, V1TYPES

_PACKAGE = "spark_deepnet.caffe"
_LINE = re.compile(r" +(\d+) (\w+[*+]?) (\{[^}]*\}|\w+) ?(\S*)")
_KNOWN_ENUMS = {"ENGINE": ENGINE, "V1TYPES": f"{{{' '.join(V1TYPES.split())}}}"}


def message(name: str) -> Any:
    """A new, empty message of this name in the table."""
    return _classes()[f"{_PACKAGE}.{name}"]()


@cache
def _classes() -> dict[str, Any]:
    try:
        from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    except ImportError:
        raise FormatError(
            'Caffe files are read with the package protobuf, which is not installed: pip install "spark_deepnet[caffe]"'
        ) from None
    file = descriptor_pb2.FileDescriptorProto(name="spark_deepnet_caffe.proto", package=_PACKAGE, syntax="proto2")
    own: Any = None
    for line in filter(None, FIELDS.splitlines()):
        if line.startswith(" "):
            _add_field(own, line)
        else:
            own = file.message_type.add(name=line)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    made = (pool.FindMessageTypeByName(f"{_PACKAGE}.{each.name}") for each in file.message_type)
    return {each.full_name: message_factory.GetMessageClass(each) for each in made}


def _add_field(own: Any, line: str) -> None:
    """Add a line of the table to its message's descriptor."""
    number, name, kind, default = _LINE.fullmatch(line).groups()  # type: ignore[union-attr]
    kind = _KNOWN_ENUMS.get(kind, kind)
    field = own.field.add(name=name.rstrip("*+"), number=int(number), label=3 if name[-1] in "*+" else 1)
    if kind.startswith("{"):
        field.type, field.type_name = field.TYPE_ENUM, f".{_PACKAGE}.{own.name}.{_add_enum(own, field.name, kind)}"
    elif kind[0].isupper():
        field.type, field.type_name = field.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
    else:
        field.type = getattr(field, f"TYPE_{kind.upper()}")
    if name.endswith("+"):
        field.options.packed = True
    if default:
        field.default_value = default


def _add_enum(own: Any, field: str, values: str) -> str:
    """Add an enum of a message for one of its fields; returns the enum's name. Two fields may have the same values."""
    pairs = [pair.split("=") for pair in values.strip("{}").split()]
    enum = own.enum_type.add(name=f"{field}_values")
    for value, number in pairs:
        enum.value.add(name=value, number=int(number))
    return str(enum.name)
