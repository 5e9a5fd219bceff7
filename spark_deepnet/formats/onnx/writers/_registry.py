"""Writers of layers by kind; each file beside this one registers those of its layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from spark_deepnet.formats.notes import note_of
from spark_deepnet.formats.onnx.writers._step import Step
from spark_deepnet.formats.onnx.writers._value import Value
from spark_deepnet.registry import open_folder

Write = Callable[[Step], Value | str]


@dataclass(frozen=True)
class Writer:
    """How a kind of layer is written."""

    kind: str
    operators: str
    """The operators that it becomes, for the documentation."""
    write: Write
    keeps_zeros: bool
    """Whether zeros behind a row's end stay zeros."""
    by_length: bool
    """Whether it can run rows of each length as if they were alone, where the layer asks for that."""

    @property
    def note(self) -> str:
        return note_of(self.write)


_WRITERS: dict[str, Writer] = {}


def writes(*kinds: str, to: str, keeps_zeros: bool = False, by_length: bool = False) -> Callable[[Write], Write]:
    """Register a function as the writer of these kinds. to: the operators, for the documentation. The function returns
    a value, or a tensor in this package's order of axes."""

    def register(write: Write) -> Write:
        for kind in kinds:
            _WRITERS[kind] = Writer(kind, to, write, keeps_zeros, by_length)
        return write

    return register


@cache
def writers() -> dict[str, Writer]:
    """All writers, by the kind of layer."""
    open_folder(__name__.rpartition(".")[0])
    return _WRITERS
