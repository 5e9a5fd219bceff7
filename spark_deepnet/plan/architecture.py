"""A network with its loss: what a model is made of beside its weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from spark_deepnet.layers.layer import Shape
from spark_deepnet.losses.loss import Loss
from spark_deepnet.net.net import INPUT, Net


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
class Architecture:
    """Layers and loss as JSON values, and the inputs."""

    layers: tuple[Any, ...]
    entries: tuple[Entry, ...]
    loss: Any

    @staticmethod
    def from_json(values: dict[str, Any]) -> Architecture:
        entries = (dict(e, shape=tuple(e["shape"]), columns=tuple(e["columns"])) for e in values["entries"])
        return Architecture(tuple(values["layers"]), tuple(Entry(**e) for e in entries), values["loss"])

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def made_loss(self) -> Loss:
        return Loss.of(self.loss)

    def net(self) -> Net:
        return Net.of(self.layers, {entry.name: entry.shape for entry in self.entries})

    def scores_net(self) -> Net:
        """The network as the loss sees it: without a top layer that is the loss's own link."""
        return self.net().without_top(self.made_loss().link)
