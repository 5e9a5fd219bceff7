"""The model that an estimator starts from, with what an earlier fit of it has left: vectors of its optimizer, and steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from spark_deepnet.errors import ParamError
from spark_deepnet.plan.initial import InitialState
from spark_deepnet.spark.model import DeepNetModel


@dataclass(frozen=True)
class InitialModel:
    """A model, and flat vectors of the optimizer in the layout of its weights; none: it starts as in any fit."""

    model: DeepNetModel
    vectors: tuple[np.ndarray, ...] = ()
    steps: int = 0

    @staticmethod
    def of(model: Any) -> InitialModel:
        """ParamError unless it is a model, SizeError if its weights are too large for the driver."""
        if not isinstance(model, DeepNetModel):
            raise ParamError(
                f"setInitialModel: expected a DeepNetModel, as fit or DeepNetModel.load returns it, found "
                f"{type(model).__name__}"
            )
        model._flat("weights")
        return InitialModel(model)

    @property
    def state(self) -> InitialState:
        named = self.model._net.layout.named
        return InitialState(self.model.weights, tuple(map(named, self.vectors)), self.steps)

    @property
    def flats(self) -> dict[str, np.ndarray]:
        """Name of the folder -> what is saved in it."""
        arrays = [self.model._flat("weights"), *self.vectors]
        return dict(zip(folders(len(self.vectors)), arrays, strict=True))


def folders(vectors: int) -> list[str]:
    """The names of the folders of the weights and of this number of vectors."""
    return ["weights", *(f"vector-{k}" for k in range(vectors))]
