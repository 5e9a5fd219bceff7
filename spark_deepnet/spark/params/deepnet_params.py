"""The Params that estimator and model share: upstream's where upstream has them, under upstream's names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from pyspark.ml.param import Param
from pyspark.ml.param.shared import (
    HasBatchSize,
    HasCheckpointInterval,
    HasElasticNetParam,
    HasFeaturesCol,
    HasHandleInvalid,
    HasLabelCol,
    HasLearningRate,
    HasLoss,
    HasMaxIter,
    HasMomentum,
    HasNumTrainWorkers,
    HasOutputCols,
    HasPredictionCol,
    HasProbabilityCol,
    HasRawPredictionCol,
    HasRegParam,
    HasSeed,
    HasSolver,
    HasThresholds,
    HasTol,
    HasValidationIndicatorCol,
    HasWeightCol,
)

from spark_deepnet.spark.params.accessors import Accessors
from spark_deepnet.spark.params.table import DECLARATIONS, DEFAULTS
from spark_deepnet.spark.params.unknown import unknown_attribute, unknown_param


class DeepNetParams(
    Accessors,
    HasLabelCol,  # in the order of upstream's Predictor
    HasFeaturesCol,
    HasPredictionCol,
    HasRawPredictionCol,
    HasProbabilityCol,
    HasOutputCols,
    HasThresholds,
    HasWeightCol,
    HasValidationIndicatorCol,
    HasHandleInvalid,
    HasMaxIter,
    HasBatchSize,
    HasLearningRate,
    HasMomentum,
    HasRegParam,
    HasElasticNetParam,
    HasTol,
    HasSeed,
    HasLoss,
    HasSolver,
    HasNumTrainWorkers,
    HasCheckpointInterval,
):
    """Params that estimator and model share: a model keeps those that it was trained with."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._setDefault(**DEFAULTS)

    def copy(self, extra: dict[Any, Any] | None = None) -> Self:
        """A copy with the same uid. extra: values by Param, or by a Param's name."""
        return super().copy({self._param_of(key): value for key, value in (extra or {}).items()})

    def _param_of(self, key: Param[Any] | str) -> Param[Any]:
        if isinstance(key, str):
            if key not in DECLARATIONS:
                raise unknown_param(self, key)
            return self.getParam(key)
        return key

    if not TYPE_CHECKING:  # a type checker should go on to refuse unknown attributes

        def __getattr__(self, name: str) -> Any:
            raise unknown_attribute(self, name)
