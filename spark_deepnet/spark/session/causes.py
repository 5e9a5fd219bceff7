"""The deepest cause of a job that could not write or read, in a few words."""

from __future__ import annotations

import re

_KNOWN = re.compile(
    r"No space left on device|Permission denied|Read-only file system|Disk quota exceeded|Input/output error"
)
_CLASS = re.compile(r"^[:\s(]*(?:[\w$]+\.)+[\w$]+[)]?:?\s*")
_NOT_MADE = "Mkdirs failed to create "
_LONGEST = 160  # characters


def deepest_cause(error: BaseException) -> str:
    """What the last cause of an error says, without the classes and places of the JVM."""
    text = str(error)
    if known := _KNOWN.findall(text):
        return str(known[-1])
    if _NOT_MADE in text:
        return "no folder can be made there; is the place read-only?"
    causes = re.findall(r"^Caused by: (.+)$", text, re.MULTILINE)
    lines = [line for line in text.strip().split("\n") if not line.startswith("An error occurred while calling")]
    said = causes[-1] if causes else lines[0] if lines else type(error).__name__
    return _plain(said) or type(error).__name__


def _plain(said: str) -> str:
    """A line without the names of classes before it, with no name of a class left, and not too long."""
    while _CLASS.match(said):
        said = _CLASS.sub("", said, count=1)
    said = re.sub(r"\b(?:java|scala|org\.apache)[\w.$]*\.([A-Z]\w*)", r"\1", said).strip().rstrip(".")
    return said if len(said) <= _LONGEST else f"{said[: _LONGEST - 3]}..."
