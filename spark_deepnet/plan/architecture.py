"""A network with its loss: a model without its weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from math import prod
from typing import Any, ClassVar

from spark_deepnet.errors import ParamError
from spark_deepnet.layers._axis import runs_along_scores
from spark_deepnet.layers.layer import Layer, Shape
from spark_deepnet.layers.output import Output
from spark_deepnet.losses._metrics import METRICS, Metric
from spark_deepnet.losses.loss import Loss
from spark_deepnet.net.net import INPUT, Net
from spark_deepnet.net.node import Node
from spark_deepnet.plan.once import once
from spark_deepnet.plan.portable import Portable
from spark_deepnet.registry import Member

LOSS_OF_TOP = {"softmax": "softmax_cross_entropy", "sigmoid": "sigmoid_cross_entropy", "exponential": "poisson"}
"""Kind of the last layer -> the loss whose link it is."""


def loss_of_top(top: Layer, shape: Shape) -> str:
    """The loss whose link the layer is at the top of an output of this shape, else squared; a softmax along another axis
    than the last is no loss's."""
    return LOSS_OF_TOP.get(top.kind, "squared") if runs_along_scores(top, shape) else "squared"


@dataclass(frozen=True)
class InputSpec:
    """One input of the network."""

    shape: Shape
    """Shape of one row; for sequences, of the longest row."""
    name: str = INPUT
    columns: tuple[str, ...] = ()
    """Its columns; none: featuresCol or featuresCols."""
    steps: bool = False
    """Whether rows are sequences of any length."""
    tokens: int = 0
    """If above 0, the numbers are tokens 0..tokens-1."""
    rgb: bool = False
    """Whether the channels of Spark's images, blue, green and red, are turned."""
    resized: bool = False
    """Whether Spark's images come in any size, and are brought to this one as they are read."""


@dataclass(frozen=True)
class OutputSpec:
    """One output of the network, and its loss."""

    name: str
    loss: Loss
    weight: float
    """Weight of its loss in the minimized sum."""
    shape: Shape
    """Shape of one row's scores."""

    @property
    def units(self) -> int:
        return self.shape[-1]

    @property
    def metric(self) -> Metric:
        """The metric reported beside the loss."""
        return METRICS[self.loss.task]

    @property
    def num_stats(self) -> int | None:
        """Numbers per row that blocks exchange if its scores are cut; None: they must be whole."""
        return None if self.loss.num_stats is None else self.loss.num_stats + self.metric.num_stats

    @property
    def steps(self) -> bool:
        """Whether every step of a row has scores."""
        return len(self.shape) == 2

    @property
    def image(self) -> Shape:
        """The shape of a row's scores, if they are an image."""
        return self.shape if len(self.shape) > 2 else ()


@dataclass(frozen=True)
class Architecture(Portable):
    """Layers and loss, and the inputs."""

    layers: tuple[Layer, ...]
    entries: tuple[InputSpec, ...]
    loss: Loss | None
    """Of every output that has none of its own."""
    members: ClassVar[dict[str, type[Member]]] = {"layers": Layer, "loss": Loss}

    @staticmethod
    def from_json(values: dict[str, Any]) -> Architecture:
        """The architecture from the values of ``to_json``; ParamError if they are not valid."""
        layers, entries = values.get("layers"), values.get("entries")
        if not (isinstance(layers, list) and layers and isinstance(entries, list) and entries):
            raise ParamError("architecture: layers and entries must be lists that are not empty")
        return Architecture(tuple(layers), tuple(map(_entry, entries)), values.get("loss"))

    def to_json(self) -> dict[str, Any]:
        return self.plain_fields() | {"entries": tuple(map(asdict, self.entries))}

    def check_shapes(self) -> None:
        """Refuse an architecture from a file that no fit creates: impossible sizes, tokens or losses."""
        net = self.net()
        self.heads()
        for name, shape in (*net.inputs.items(), *((node.name, node.shape) for node in net.nodes)):
            if prod(shape) > MAX_SIZE:
                raise ParamError(
                    f"architecture: {name!r} would have {prod(shape)} numbers per row; the maximum is {MAX_SIZE}"
                )
        for entry in self.entries:
            tables = [getattr(n.layer, "vocabulary", 0) for n in net.nodes if entry.name in n.inputs]
            if max(tables, default=0) and not 0 < entry.tokens <= max(tables):
                raise ParamError(
                    f"architecture: the input {entry.name!r} has tokens up to {entry.tokens}, its layers {max(tables)}"
                )

    @once
    def net(self) -> Net:
        return Net.of(self.layers, {entry.name: entry.shape for entry in self.entries})

    @once
    def scores_net(self) -> Net:
        """The network that computes the losses' scores: without top layers that are the losses' own links."""
        return self.net().without_links([head.loss.link for head in self.heads()])

    @once
    def heads(self) -> tuple[OutputSpec, ...]:
        """The network's outputs, the first of which is the main one."""
        return tuple(self._head(out) for out in self.net().outputs)

    def _head(self, out: Node) -> OutputSpec:
        layer = out.layer if isinstance(out.layer, Output) else Output(name=out.name)
        return OutputSpec(str(layer.name), Loss.of(layer.loss or self.loss), layer.weight, out.shape)


MAX_SIZE = (1 << 31) - 1
"""Maximum numbers of a row's value: the maximum length of a Spark array."""


def _entry(values: Any) -> InputSpec:
    """An input from its JSON values, all of them checked."""
    if not isinstance(values, dict) or not values.keys() <= {f.name for f in fields(InputSpec)}:
        raise ParamError(f"architecture: an input has the fields of an InputSpec, found {str(values)[:80]}")
    shape, columns, least = values.get("shape"), values.get("columns", []), 0 if values.get("steps") else 1
    right = {
        "shape": isinstance(shape, list) and 0 < len(shape) <= 32 and all(type(s) is int for s in shape)
        and min([*shape[1:], 1]) > 0 and least <= shape[0] <= MAX_SIZE,
        "name": isinstance(values.get("name", INPUT), str),
        "columns": isinstance(columns, list) and all(isinstance(column, str) for column in columns),
        "steps": isinstance(values.get("steps", False), bool),
        "rgb": isinstance(values.get("rgb", False), bool),
        "resized": isinstance(values.get("resized", False), bool) and (not values.get("resized") or len(shape or ()) == 3),
        "tokens": type(values.get("tokens", 0)) is int and 0 <= values.get("tokens", 0) <= MAX_SIZE,
    }  # fmt: skip
    for field, sound in right.items():
        if not sound:
            raise ParamError(f"architecture: {field} of an input cannot be {str(values.get(field))[:80]}")
    return InputSpec(**(values | {"shape": tuple(shape or ()), "columns": tuple(columns)}))
