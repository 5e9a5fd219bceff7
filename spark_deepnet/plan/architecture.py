"""A network with its loss: what a model is made of beside its weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from spark_deepnet.layers.layer import Shape
from spark_deepnet.losses.loss import Loss
from spark_deepnet.net.net import INPUT, Net


@dataclass(frozen=True)
class Architecture:
    """Layers and loss as JSON values, and the shape of one row's features."""

    layers: tuple[Any, ...]
    input_shape: Shape
    loss: Any

    @staticmethod
    def from_json(values: dict[str, Any]) -> Architecture:
        return Architecture(tuple(values["layers"]), tuple(values["input_shape"]), values["loss"])

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def made_loss(self) -> Loss:
        return Loss.of(self.loss)

    def net(self) -> Net:
        return Net.of(self.layers, {INPUT: self.input_shape})

    def scores_net(self) -> Net:
        """The network as the loss sees it: without a top layer that is the loss's own link."""
        return self.net().without_top(self.made_loss().link)
