"""Layer types of Caffe by name; each file in ``types/`` registers those that it reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from spark_deepnet.errors import near
from spark_deepnet.formats.axes import Value
from spark_deepnet.formats.caffe.layer_spec import LayerSpec
from spark_deepnet.formats.caffe.step import Reading, Step, checked_call
from spark_deepnet.formats.notes import note_of
from spark_deepnet.registry import open_folder

Read = Callable[[Step], "Value | Sequence[Value]"]


@dataclass(frozen=True)
class LayerType:
    """How a type is read."""

    name: str
    param: str | None
    """The field with its options."""
    bottoms: range
    """How many values it may read."""
    gives: str
    """The layers that it becomes, for the documentation."""
    note: str
    read: Read

    def values(self, reading: Reading, spec: LayerSpec, bottoms: Sequence[Value]) -> list[Value]:
        """The values of a layer's tops."""
        if len(bottoms) not in self.bottoms:
            expected = self.bottoms[0] if len(self.bottoms) == 1 else f"at least {self.bottoms[0]}"
            raise spec.refusal(f"it reads {len(bottoms)} blobs, of which {expected} can be read")
        step = Step(reading, spec, bottoms, self.param)
        tops = checked_call(spec, lambda: self.read(step))
        step.check_options()
        values = [tops] if isinstance(tops, Value) else list(tops)
        if len(values) != len(spec.tops):
            raise spec.refusal(f"it has {len(spec.tops)} tops, expected {len(values)}")
        return values


_TYPES: dict[str, LayerType] = {}
RECURRENT = ("LSTM", "RNN")
"""Types that have steps first, rows second, and a second bottom that says where sequences begin."""
DROPPED = {"Accuracy": "a measure", "Silence": "reads and makes nothing"}
"""Types without which the network computes the same."""
REFUSED = {
    "Python": "its code is not in the file; put layers that compute the same, or an Input, in its place",
    "ArgMax": "the model's prediction is the class with the largest score; leave the layer out with outputs=",
    "Filter": "how many rows it gives depends on them",
    "BatchReindex": "it mixes rows",
    "Reduction": "it mixes rows where its axis is 0",
    "Tile": "there is no layer that repeats values",
    "SPP": "there is no spatial pyramid pooling",
    "Im2col": "it is a part of a convolution",
    "Threshold": "it has no gradient",
    "Parameter": "a weight that is a value of its own cannot be held",
    "InfogainLoss": "its matrix of gains has no counterpart",
    "ContrastiveLoss": "a loss of pairs of rows has no counterpart",
    "HDF5Output": "it writes a file",
    "PriorBox": "detection is not supported; give outputs= before it",
    "DetectionOutput": "detection is not supported; give outputs= before it",
    "MultiBoxLoss": "detection is not supported; give outputs= before it",
    "DetectionEvaluate": "detection is not supported; give outputs= before it",
    "Proposal": "detection is not supported; give outputs= before it",
    "ROIPooling": "detection is not supported; give outputs= before it",
}
"""Types that are known and not read -> why."""


def reads(
    *names: str, param: str | None = None, bottoms: int | tuple[int, int] = 1, gives: str = ""
) -> Callable[[Read], Read]:
    """Register a function as the reader of these types. bottoms: how many values, or (least, most)."""
    least, most = (bottoms, bottoms) if isinstance(bottoms, int) else bottoms

    def register(read: Read) -> Read:
        for name in names:
            _TYPES[name] = LayerType(name, param, range(least, most + 1), gives, note_of(read), read)
        return read

    return register


@cache
def layer_types() -> dict[str, LayerType]:
    """All types that are read, by name."""
    open_folder("spark_deepnet.formats.caffe.types")
    return _TYPES


def layer_type(spec: LayerSpec) -> LayerType:
    """How a layer is read; FormatError if it is not."""
    known = layer_types()
    if spec.type in REFUSED:
        raise spec.refusal(f"the type is not read: {REFUSED[spec.type]}")
    if spec.type not in known:
        raise spec.refusal(
            f"there is no type {spec.type!r}; outputs= before it leaves it out; {near(spec.type, known)}"
        )
    return known[spec.type]
