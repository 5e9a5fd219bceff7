"""Reads Caffe's texts (prototxt): layers, solvers. Faults are named by line and column."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from spark_deepnet.errors import FormatError, near
from spark_deepnet.formats.caffe.messages import message
from spark_deepnet.formats.sniff import MIB, head_of, is_onnx, kind_of, looks_binary, read_file

TEXT_BYTES = MIB
_NO_FIELD = re.compile(r'Message type "[\w.]*?(\w+)" has no field named "([^"]*)"')
_NO_VALUE = re.compile(r'Enum type "[\w.]*?(\w+)\.(\w+)_values" has no value (?:named|with number) "?([^".]*)')
_NO_TEXT = re.compile(r"Expected string but found: '(\w+)'")
_PLACE = re.compile(r"^(\d+):(\d+) : (?:'.*?': )?(.*)$", re.DOTALL)
_OTHER = {
    "NetParameter": ("SolverParameter", "a solver's", "a net's prototxt"),
    "SolverParameter": ("NetParameter", "a net's", "a solver's prototxt"),
}
"""Message of a whole file -> the one that it is mistaken for, whose such a field is, and what is expected."""
_TOKEN = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|#[^\n]*|[{}<>]|[^"\'#{}<>]+|.')


class _UnknownFieldError(FormatError):
    """A field that is not in the table; it may belong to a layer that is not needed."""


@dataclass(frozen=True)
class Text:
    """A parsed net."""

    file: str
    net: Any
    unknown: dict[int, str] = field(default_factory=dict)
    """The number of a layer -> why it could not be parsed: an error if the layer is needed."""


def parse(file: str, text: str, kind: str, lenient: bool = False) -> Any:
    """A message from its text; FormatError with line and column. lenient: unknown fields are left out."""
    from google.protobuf import text_format

    try:
        return text_format.Parse(text, message(kind), allow_unknown_field=lenient)
    except text_format.ParseError as error:
        raise _refusal(file, str(error)) from None
    except RecursionError:
        raise FormatError(f"{file}: its blocks are nested too deeply; those of a net are a few levels deep") from None
    except (ValueError, UnicodeError) as error:
        raise FormatError(f"{file}: {type(error).__name__}: {str(error)[:200]}") from None


def _refusal(file: str, text: str) -> FormatError:
    place = _PLACE.match(text)
    where, what = (f"{file}, line {place[1]}, column {place[2]}", place[3]) if place else (file, text)
    unknown = _NO_FIELD.search(what)
    if unknown:
        fields = [each.name for each in message(unknown[1]).DESCRIPTOR.fields]
        name = unknown[2][:80]
        if unknown[1] in _OTHER and name in message(_OTHER[unknown[1]][0]).DESCRIPTOR.fields_by_name:
            own, right = _OTHER[unknown[1]][1:]
            raise FormatError(f"{where}: expected {right}, found a file with the field {name!r}, which is {own}")
        return _UnknownFieldError(f"{where}: {unknown[1]} has no field {name!r}; {near(name, fields)}")
    value, word = _NO_VALUE.search(what), _NO_TEXT.search(what)
    if value:
        known = message(value[1]).DESCRIPTOR.fields_by_name[value[2]].enum_type.values_by_name
        return FormatError(f"{where}: {value[2]} has no value {value[3][:80]!r}; {near(value[3], known)}")
    if word:
        return FormatError(f'{where}: expected a text in quotes, as "{word[1][:80]}", found {word[1][:80]} without any')
    return FormatError(f"{where}: {what[:300].strip()}")


def read_text(path: Any, kind: str, right: str) -> str:
    """The text of a file of at most 1 MiB."""
    message(kind)  # a missing package comes before a wrong file
    head = head_of(path, right)
    data = (
        head
        if looks_binary(head) and not kind_of(head) and not is_onnx(head)
        else read_file(path, "the text", TEXT_BYTES, right)
    )
    if looks_binary(data):
        raise FormatError(f"{path}: expected {right}, found a binary file; weights are given by another argument")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: the text is not UTF-8: byte {error.start} is {data[error.start]:#x}") from None


def read_net(path: Any) -> Text:
    """A net. Layers with unknown fields are left empty; why is in ``unknown``."""
    file, text = str(path), read_text(path, "NetParameter", "a prototxt, Caffe's text of a net")
    try:
        net = parse(file, text, "NetParameter")
    except _UnknownFieldError as error:
        return _by_layer(file, text, error)
    if not (net.layer or net.layers):
        raise FormatError(f"{file}: the net has no layers; expected layer {{ ... }} blocks")
    return Text(file, net)


def _by_layer(file: str, text: str, error: FormatError) -> Text:
    """The net with each layer parsed by itself."""
    blocks = _blocks(text)
    rest, start = "", 0
    for begin, end in blocks:
        rest += text[start:begin] + re.sub(r"[^\n]", " ", text[begin:end])
        start = end
    net, unknown = parse(file, rest + text[start:], "NetParameter"), {}
    for number, (begin, end) in enumerate(blocks):
        lines = "\n" * text.count("\n", 0, begin)
        column = begin - text.rfind("\n", 0, begin) - 1
        try:
            net.MergeFrom(parse(file, lines + " " * column + text[begin:end], "NetParameter"))
        except _UnknownFieldError as fault:
            unknown[number] = str(fault)
            net.MergeFrom(parse(file, lines + " " * column + text[begin:end], "NetParameter", lenient=True))
    if not unknown:
        raise error
    return Text(file, net, unknown)


def _blocks(text: str) -> list[tuple[int, int]]:
    """Where the outermost ``layer { ... }`` and ``layers { ... }`` begin and end."""
    blocks, depth, begin, name = [], 0, -1, ""
    for token in _TOKEN.finditer(text):
        word = token[0]
        if word in "{<":
            if depth == 0 and re.search(r"\blayers?\s*:?\s*$", name):
                begin = token.start() - len(name) + _start_of_name(name)
            depth += 1
        elif word in "}>":
            depth -= 1
            if depth == 0 and begin >= 0:
                blocks.append((begin, token.end()))
                begin = -1
            name = ""
        elif depth == 0:
            name = word
    return blocks


def _start_of_name(name: str) -> int:
    match = re.search(r"\blayers?\s*:?\s*$", name)
    return match.start() if match else 0
