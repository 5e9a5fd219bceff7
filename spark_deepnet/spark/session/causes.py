"""The deepest cause of a job that could not write or read, in a few words."""

from __future__ import annotations

import re

_PLAIN_CAUSES = re.compile(
    r"No space left on device|Permission denied|Read-only file system|Disk quota exceeded|Input/output error"
)
_CLASS = re.compile(r"^[:\s(]*(?:[\w$]+\.)+[\w$]+[)]?:?\s*")
_MKDIRS_FAILED = "Mkdirs failed to create "
_MAX_CHARS = 160


def deepest_cause(error: BaseException) -> str:
    """The message of an error's last cause, without the classes and source lines of the JVM."""
    text = str(error)
    if plain := _PLAIN_CAUSES.findall(text):
        return str(plain[-1])
    if _MKDIRS_FAILED in text:
        return "no folder can be made there; is the filesystem read-only?"
    causes = re.findall(r"^Caused by: (.+)$", text, re.MULTILINE)
    lines = [line for line in text.strip().split("\n") if not line.startswith("An error occurred while calling")]
    message = causes[-1] if causes else lines[0] if lines else type(error).__name__
    return _without_classes(message) or type(error).__name__


def _without_classes(message: str) -> str:
    """A message of limited length without the classes before it, and without the packages of others."""
    while _CLASS.match(message):
        message = _CLASS.sub("", message, count=1)
    message = re.sub(r"\b(?:java|scala|org\.apache)[\w.$]*\.([A-Z]\w*)", r"\1", message).strip().rstrip(".")
    return message if len(message) <= _MAX_CHARS else f"{message[: _MAX_CHARS - 3]}..."
