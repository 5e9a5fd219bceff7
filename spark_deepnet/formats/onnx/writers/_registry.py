"""Writers of layers by kind; each file beside this one registers those of its layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from spark_deepnet.formats.onnx.writers._step import Step
from spark_deepnet.formats.onnx.writers._value import Value

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
        return (self.write.__doc__ or "").strip().split("\n\n")[0].replace("\n    ", " ")


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
    folder = __name__.rpartition(".")[0]
    for module in iter_modules(import_module(folder).__path__):
        if not module.name.startswith("_"):
            import_module(f"{folder}.{module.name}")
    return _WRITERS
