"""Converts scores to predictions: the contents of each task's columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from spark_deepnet.errors import ParamError
from spark_deepnet.layers.layer import Call, Layer, Shape
from spark_deepnet.losses.loss import Loss

RAW, PROBABILITY, PREDICTION = "raw", "probability", "prediction"


@dataclass(frozen=True)
class Output:
    """The columns of a network with ``units`` outputs under a loss.

    Classes that exclude one another, and a single yes-or-no output, give raw and probability vectors with one entry per
    class, and the class as prediction. Several yes-or-no outputs give one entry per label, and an array of zeros and
    ones as prediction. Regression gives the number, or a vector of numbers. An image of scores gives the vector of all of
    its numbers as prediction, whatever the loss.
    """

    task: str
    link: str | None
    units: int
    steps: bool = False
    """Whether every step of a row has scores."""

    name: str = ""
    """The output's name in its columns, if it is not the first output."""
    image: Shape = ()
    """The shape of a row's scores, if they are an image: (height, width, channels)."""

    @staticmethod
    def of(loss: Loss, units: int, steps: bool = False, name: str = "", image: Shape = ()) -> Output:
        if image:
            return Output("regression", loss.link, prod(image), False, name, image)
        return Output(loss.task, loss.link, units, steps, name)

    @property
    def parts(self) -> tuple[str, ...]:
        """The columns that ``columns`` returns, in order."""
        return (RAW,) * self.raw + (PROBABILITY,) * self.probability + (PREDICTION,)

    @property
    def binary(self) -> bool:
        """Whether the output is a single yes-or-no score, whose vectors have two entries."""
        return self.units == 1 and self.task != "regression"

    @property
    def classes(self) -> int:
        """The number of classes; 0 if there are none."""
        if self.task == "regression" or (self.task == "multilabel" and not self.binary):
            return 0
        return 2 if self.binary else self.units

    @property
    def raw(self) -> bool:
        return self.task != "regression"

    @property
    def probability(self) -> bool:
        return self.raw and self.link is not None

    @property
    def several(self) -> bool:
        """Whether a prediction consists of several numbers."""
        return (self.units > 1 and not self.classes) or bool(self.image)

    def check_thresholds(self, thresholds: Sequence[float] | None) -> None:
        if thresholds is None:
            return
        if not self.probability or not self.classes:
            raise ParamError("thresholds: this network gives no class probabilities; leave them unset")
        if len(thresholds) != self.classes:
            raise ParamError(f"thresholds: expected one for each of {self.classes} classes, found {len(thresholds)}")
        if not (np.isfinite(thresholds).all() and min(thresholds) >= 0) or sum(t == 0 for t in thresholds) > 1:
            raise ParamError(f"thresholds: must be 0 or more, with at most one 0, found {list(thresholds)}")

    def columns(self, scores: np.ndarray, thresholds: Sequence[float] | None) -> dict[str, np.ndarray]:
        """The columns for scores (n, units), as arrays with n rows."""
        linked = self._linked(scores)
        if self.task == "regression":
            return {PREDICTION: linked if self.several else linked[:, 0]}
        if self.several:
            return {RAW: scores, PROBABILITY: linked, PREDICTION: (scores > 0).astype(np.float64)}
        raw = np.concatenate((-scores, scores), 1) if self.binary else scores
        if not self.probability:
            return {RAW: raw, PREDICTION: raw.argmax(1).astype(np.float64)}
        probability = np.concatenate((1 - linked, linked), 1) if self.binary else linked
        return {RAW: raw, PROBABILITY: probability, PREDICTION: _decided(raw, probability, thresholds)}

    def sound(self, scores: np.ndarray) -> np.ndarray:
        """(n,) bool: the rows whose scores and predictions are finite."""
        finite = np.isfinite(scores).all(1)
        if self.task == "regression" and self.link is not None:  # a mean may be infinite though its score is finite
            finite &= np.isfinite(self._linked(scores)).all(1)
        return finite  # type: ignore[no-any-return]

    def _linked(self, scores: np.ndarray) -> np.ndarray:
        if self.link is None:
            return scores
        rows = scores.reshape(len(scores), *self.image) if self.image else scores
        out = np.empty_like(rows)
        Layer.of(self.link).forward({}, rows, out, Call())
        return out.reshape(scores.shape)


def _decided(raw: np.ndarray, probability: np.ndarray, thresholds: Sequence[float] | None) -> np.ndarray:
    """The class with the highest score, or with thresholds t the highest p / t (MLlib's rule; t = 0 wins)."""
    if thresholds is None:
        return raw.argmax(1).astype(np.float64)
    t = np.asarray(thresholds, np.float64)
    scaled = np.divide(probability, t, out=np.full(probability.shape, np.inf), where=t > 0)
    return scaled.argmax(1).astype(np.float64)
