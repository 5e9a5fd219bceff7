"""A network with its loss: what a model is made of beside its weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from spark_deepnet.layers.layer import Shape
from spark_deepnet.layers.output import Output
from spark_deepnet.losses._metrics import METRICS, Metric
from spark_deepnet.losses.loss import Loss
from spark_deepnet.net.net import INPUT, Net, Node


@dataclass(frozen=True)
class Entry:
    """One input of the network."""

    shape: Shape
    """Of one row; of steps: the longest row's."""
    name: str = INPUT
    columns: tuple[str, ...] = ()
    """The columns that fill it; none: featuresCol or featuresCols."""
    steps: bool = False
    """Whether rows are sequences of any length."""
    tokens: int = 0
    """The numbers are tokens 0..tokens-1; 0: any numbers."""


@dataclass(frozen=True)
class Head:
    """One output of the network, and what is wanted of it."""

    name: str
    loss: Loss
    weight: float
    """Of its loss in the sum that is made small."""
    shape: Shape
    """Of one row's scores."""

    @property
    def units(self) -> int:
        return self.shape[-1]

    @property
    def metric(self) -> Metric:
        """The figure beside the loss."""
        return METRICS[self.loss.task]

    @property
    def tells(self) -> int | None:
        """How many numbers a row blocks tell each other where its scores are cut; None: they must be whole."""
        return None if self.loss.tells is None else self.loss.tells + self.metric.tells

    @property
    def steps(self) -> bool:
        """Whether every step of a row has scores."""
        return len(self.shape) == 2


@dataclass(frozen=True)
class Architecture:
    """Layers and loss as JSON values, and the inputs."""

    layers: tuple[Any, ...]
    entries: tuple[Entry, ...]
    loss: Any
    """Of every output that has none of its own."""

    @staticmethod
    def from_json(values: dict[str, Any]) -> Architecture:
        entries = (dict(e, shape=tuple(e["shape"]), columns=tuple(e["columns"])) for e in values["entries"])
        return Architecture(tuple(values["layers"]), tuple(Entry(**e) for e in entries), values["loss"])

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def net(self) -> Net:
        return Net.of(self.layers, {entry.name: entry.shape for entry in self.entries})

    def scores_net(self) -> Net:
        """The network as the losses see it: without top layers that are their losses' own links."""
        return self.net().without_links([head.loss.link for head in self.heads()])

    def heads(self) -> tuple[Head, ...]:
        """The network's outputs, the first of which is the main one."""
        return tuple(self._head(out) for out in self.net().outputs)

    def _head(self, out: Node) -> Head:
        mark = out.layer if isinstance(out.layer, Output) else Output(name=out.name)
        return Head(str(mark.name), Loss.of(mark.loss or self.loss), mark.weight, out.shape)
