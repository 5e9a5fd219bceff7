"""RandomSearch: samples of Params in place of a CrossValidator's grid."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Self

import numpy as np
from pyspark import keyword_only
from pyspark.ml.base import Estimator
from pyspark.ml.evaluation import Evaluator
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.param.shared import HasParallelism, HasSeed
from pyspark.sql import DataFrame

from spark_deepnet.errors import ParamError
from spark_deepnet.spark.names import check_frame
from spark_deepnet.spark.tuning.held_out import folds, metrics_of, one_split
from spark_deepnet.spark.tuning.search_model import RandomSearchModel
from spark_deepnet.spark.tuning.space import ParamMap, check_space, draw

_log = logging.getLogger(__name__)


class RandomSearch(Estimator[RandomSearchModel], HasSeed, HasParallelism):
    """Fits samples of an estimator's Params, keeps the best by an evaluator, and fits that on all rows.

    It goes where a CrossValidator would, into a Pipeline too, and splits the rows as one does (as a TrainValidationSplit
    where ``trainRatio`` is set). A DeepNetEstimator's samples take one Spark job a fold. A sample whose loss grows without
    bound is left out, with NaN for its metric and a warning.

    >>> space = {"layers": [[64, 32, 10], [64, 128, 10]], "learningRate": loguniform(1e-4, 1e-1)}  # doctest: +SKIP
    >>> search = RandomSearch(estimator=net, space=space, evaluator=accuracy, numSamples=20)  # doctest: +SKIP
    >>> search.fit(train).table  # doctest: +SKIP

    ``space``: Params, or names of the estimator's own, with lists to choose from or distributions of scipy.stats. Equal
    samples are drawn once. ``halving``: 0, or the factor of successive halving (Jamieson and Talwalkar, AISTATS 2016), such
    as 3: in each round the best third of the samples goes on, with three times the epochs, up to the estimator's maxIter
    in the last; a round's fits start again from the beginning.
    """

    numSamples: Param[int] = Param(
        Params._dummy(), "numSamples", "Number of samples, at least 1.", TypeConverters.toInt
    )
    numFolds: Param[int] = Param(
        Params._dummy(), "numFolds", "Number of folds of a cross-validation, at least 2.", TypeConverters.toInt
    )
    trainRatio: Param[float] = Param(
        Params._dummy(),
        "trainRatio",
        "Part of the rows to train on, above 0 and below 1, the others being evaluated once. Unset: folds.",
        TypeConverters.toFloat,
    )
    halving: Param[int] = Param(
        Params._dummy(), "halving", "Factor of successive halving, at least 2; 0: none.", TypeConverters.toInt
    )
    _input_kwargs: dict[str, Any]

    @keyword_only
    def __init__(
        self,
        *,
        estimator: Estimator[Any] | None = None,
        space: Mapping[Any, Any] | None = None,
        evaluator: Evaluator | None = None,
        numSamples: int = 10,
        seed: int = 0,
        numFolds: int = 3,
        trainRatio: float | None = None,
        parallelism: int = 1,
        halving: int = 0,
    ) -> None:
        """estimator, space, evaluator: what is fitted, what is sampled, and by what the best is known."""
        kwargs = {name: value for name, value in self._input_kwargs.items() if value is not None}
        super().__init__()
        self.estimator, self.space, self.evaluator = (
            kwargs.pop(name, None) for name in ("estimator", "space", "evaluator")
        )
        self._setDefault(numSamples=10, numFolds=3, halving=0, parallelism=1, seed=0)
        self._set(**kwargs)

    def copy(self, extra: dict[Any, Any] | None = None) -> Self:
        """A copy, and of the estimator and the evaluator too, with these Params."""
        own = {param: value for param, value in (extra or {}).items() if param.parent == self.uid}
        copied = super().copy(own)
        copied.estimator = None if self.estimator is None else self.estimator.copy(extra or {})
        copied.evaluator = None if self.evaluator is None else self.evaluator.copy(extra or {})
        return copied

    def _fit(self, dataset: DataFrame) -> RandomSearchModel:
        check_frame(dataset, "fit")
        self._check()
        estimator, evaluator = self.estimator, self.evaluator
        samples = draw(estimator, self.space, self.getOrDefault(self.numSamples), self.getSeed())
        rounds = self._rounds(len(samples))
        left, rows = list(range(len(samples))), [_row(sample) for sample in samples]
        for epochs in rounds:
            given = {} if epochs is None else {estimator.getParam("maxIter"): epochs}
            _log.info("RandomSearch: %d samples%s", len(left), "" if epochs is None else f", {epochs} epochs")
            metrics = self._metrics([samples[k] | given for k in left], dataset)
            for k, own in zip(left, metrics, strict=True):
                rows[k] |= {"metric": float(own.mean()), "deviation": float(own.std()), "epochs": epochs}
            left = self._best(left, metrics.mean(1))
        best = estimator.fit(dataset, samples[left[0]] | given)
        return RandomSearchModel(best, rows, _metric_of(evaluator), left[0])._resetUid(self.uid)

    def _check(self) -> None:
        for name, kind in (("estimator", Estimator), ("evaluator", Evaluator)):
            if not isinstance(getattr(self, name), kind):
                raise ParamError(f"RandomSearch: {name} must be an {kind.__name__}, found {getattr(self, name)!r:.80}")
        check_space(self.space)
        limits = {"numSamples": lambda v: v >= 1, "numFolds": lambda v: v >= 2, "halving": lambda v: v == 0 or v >= 2}
        limits["trainRatio"] = lambda v: 0 < v < 1
        for name, allows in limits.items():
            param = self.getParam(name)
            if self.isDefined(param) and not allows(self.getOrDefault(param)):
                raise ParamError(f"{name}: {param.doc.rstrip('.')}; found {self.getOrDefault(param)!r}")

    def _rounds(self, count: int) -> list[int | None]:
        """The epochs of each round; one round of what the estimator has, without halving."""
        factor = self.getOrDefault(self.halving)
        if not factor:
            return [None]
        estimator = self.estimator
        if not estimator.hasParam("maxIter") or not estimator.isDefined("maxIter"):
            raise ParamError("halving: the estimator needs maxIter, the epochs of the last round; set it there")
        if "maxIter" in [getattr(key, "name", key) for key in self.space]:
            raise ParamError("halving: it gives each round its maxIter, which is in the space too; leave it out there")
        last, more = int(estimator.getOrDefault("maxIter")), 0
        while factor ** (more + 1) <= min(count, last):
            more += 1
        return [max(1, last // factor**k) for k in range(more, -1, -1)]

    def _best(self, numbers: Sequence[int], metrics: Any) -> list[int]:
        """The best of these samples, the best one first: as many as go on."""
        sign = -1.0 if self.evaluator.isLargerBetter() else 1.0
        ranked = sorted(range(len(numbers)), key=lambda k: math.inf if math.isnan(metrics[k]) else sign * metrics[k])
        keep = max(1, len(numbers) // (self.getOrDefault(self.halving) or len(numbers)))
        return [numbers[k] for k in ranked[:keep]]

    def _metrics(self, maps: list[ParamMap], dataset: DataFrame) -> np.ndarray:
        """The metric of each sample, in a row, on each split, in a column."""
        seed, ratio = self.getSeed(), self.trainRatio
        splits = (
            one_split(dataset, self.getOrDefault(ratio), seed)
            if self.isSet(ratio)
            else folds(dataset, self.getOrDefault(self.numFolds), seed)
        )
        of = partial(metrics_of, self.estimator, maps, self.evaluator, threads=self.getParallelism())
        return np.array([of(split) for split in splits]).T


def _row(sample: ParamMap) -> dict[str, Any]:
    """A sample's row of the table, its values as JSON; of Params of one name each has its stage's uid."""
    names = [param.name for param in sample]
    params = {
        param.name if names.count(param.name) == 1 else f"{param.parent}.{param.name}": param.typeConverter(value)
        for param, value in sample.items()
    }
    return {"params": params}


def _metric_of(evaluator: Evaluator) -> str:
    """The name of its metric."""
    name = evaluator.getOrDefault("metricName") if evaluator.hasParam("metricName") else None
    return str(name or "metric")
