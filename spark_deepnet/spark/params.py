"""The Params of estimator and model: upstream's where upstream has them, under upstream's names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.param.shared import (
    HasBatchSize,
    HasCheckpointInterval,
    HasElasticNetParam,
    HasHandleInvalid,
    HasLearningRate,
    HasLoss,
    HasMaxIter,
    HasMomentum,
    HasNumTrainWorkers,
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

from spark_deepnet.errors import ParamError
from spark_deepnet.layers._handle import Handle
from spark_deepnet.losses.loss import Loss
from spark_deepnet.net.handles import layers_of
from spark_deepnet.optimizers.optimizer import Optimizer
from spark_deepnet.plan.connections import to_compression, to_port_range
from spark_deepnet.registry import Member, plain
from spark_deepnet.schedules.schedule import Schedule


class ToJson:
    """A converter to what the metadata keeps: a name as it is, an object or its JSON as JSON."""

    def __init__(self, family: type[Member], *others: str) -> None:
        self.family, self.others = family, others

    def __call__(self, value: Any) -> Any:
        if isinstance(value, str) and value in self.others:
            return value
        made = self.family.of(value)
        return value if isinstance(value, str) else made.to_json()


def to_layers(value: Any) -> list[Any]:
    """Sizes, or layers as JSON; handles as the layers that say the same."""
    if isinstance(value, Handle):
        value = [value]
    if not isinstance(value, list | tuple | np.ndarray) or len(value) == 0:
        raise ParamError(f"layers: expected a list such as [784, 128, 10] or [Dense(10)], found {value!r}")
    if all(isinstance(v, int | np.integer) and not isinstance(v, bool) for v in value):
        return [int(v) for v in value]
    return [layer.to_json() for layer in layers_of(value)]


def to_number_or_auto(value: Any) -> Any:
    """A whole number, or auto."""
    return value if value == "auto" else TypeConverters.toInt(value)


class Plain:
    """A converter that takes NumPy's numbers and arrays too: grids are made with ``linspace`` and ``arange``."""

    def __init__(self, converter: Callable[[Any], Any]) -> None:
        self.converter = converter

    def __call__(self, value: Any) -> Any:
        return self.converter(plain(value))


to_loss = ToJson(Loss, "auto")
to_optimizer = ToJson(Optimizer, "auto")
to_schedule = ToJson(Schedule)


class DeepNetParams(
    HasRawPredictionCol,
    HasProbabilityCol,
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
    """Params that estimator and model share: a model tells how it was trained."""

    featuresCols: "Param[list[str]]" = Param(
        Params._dummy(),
        "featuresCols",
        "several numeric columns that together are the features, instead of featuresCol",
        typeConverter=TypeConverters.toListString,  # type: ignore[arg-type]
    )
    layers: "Param[Any]" = Param(
        Params._dummy(),
        "layers",
        "the network: sizes as in MLlib's perceptron ([784, 128, 10]: inputs, sigmoid layers, softmax "
        "classes; a first or last -1 is taken from the data), or layers, their names or their JSON in a list; "
        "a layer with inputs reads the layers of those names, which makes a graph; or the handle of the output, or a "
        "list of handles, where layers were called on one another",
        typeConverter=to_layers,  # type: ignore[arg-type]
    )
    inputShape: "Param[list[int]]" = Param(
        Params._dummy(),
        "inputShape",
        "the shape of one row's features, where layers does not tell it; unset: a vector of the data's length",
        typeConverter=TypeConverters.toListInt,  # type: ignore[arg-type]
    )
    loss: "Param[Any]" = Param(
        Params._dummy(),
        "loss",
        "the loss: its name, object or JSON; auto takes softmax_cross_entropy under a softmax layer, "
        "sigmoid_cross_entropy under a sigmoid layer, poisson under an exponential layer, else squared",
        typeConverter=to_loss,  # type: ignore[arg-type]
    )
    solver: "Param[Any]" = Param(
        Params._dummy(),
        "solver",
        "the optimizer: its name, object or JSON; auto is adam",
        typeConverter=to_optimizer,  # type: ignore[arg-type]
    )
    schedule: "Param[Any]" = Param(
        Params._dummy(),
        "schedule",
        "the law of the learning rate over the rows seen: its name, object or JSON",
        typeConverter=to_schedule,  # type: ignore[arg-type]
    )
    patience: "Param[int]" = Param(
        Params._dummy(),
        "patience",
        "with validationIndicatorCol: stop after so many epochs in a row without a better validation loss "
        "(better by tol at least); 0: never before maxIter. The best epoch's weights are kept in any case",
        typeConverter=TypeConverters.toInt,  # type: ignore[arg-type]
    )
    clipNorm: "Param[float]" = Param(
        Params._dummy(),
        "clipNorm",
        "the longest that the vector of all gradients may be (>= 0; 0: any length)",
        typeConverter=TypeConverters.toFloat,  # type: ignore[arg-type]
    )
    clipValue: "Param[float]" = Param(
        Params._dummy(),
        "clipValue",
        "the largest that one gradient may be (>= 0; 0: any size)",
        typeConverter=TypeConverters.toFloat,  # type: ignore[arg-type]
    )
    modelBlocks: "Param[Any]" = Param(
        Params._dummy(),
        "modelBlocks",
        "how many workers hold one copy of the weights together, each a block of every large layer (>= 1); "
        "numTrainWorkers is a multiple of it; auto: as few as fit a worker's memory and are nearly the fastest",
        typeConverter=to_number_or_auto,  # type: ignore[arg-type]
    )
    syncEvery: "Param[Any]" = Param(
        Params._dummy(),
        "syncEvery",
        "steps between exchanges (>= 1): 1, all workers make one step of batchSize rows together; more, every worker "
        "steps alone with batchSize rows of its own, and after so many steps their weights are averaged; auto finds a "
        "number from measured seconds, so that exchange takes under a tenth of them",
        typeConverter=to_number_or_auto,  # type: ignore[arg-type]
    )
    syncEpochs: "Param[int]" = Param(
        Params._dummy(),
        "syncEpochs",
        "with syncEvery above 1: so many epochs at the start all workers step together (>= 0)",
        typeConverter=TypeConverters.toInt,  # type: ignore[arg-type]
    )
    syncState: "Param[str]" = Param(
        Params._dummy(),
        "syncState",
        "with syncEvery above 1: what becomes of the optimizer's state (momentum and the like) where weights are "
        "averaged: average, keep (each worker its own) or reset",
        typeConverter=TypeConverters.toString,  # type: ignore[arg-type]
    )
    exchange: "Param[str]" = Param(
        Params._dummy(),
        "exchange",
        "how workers exchange weights: sockets (between the tasks of a barrier job), spark (every round of syncEvery "
        "steps is a Spark job of its own, without sockets or barrier), or auto: spark where the session refuses a barrier",
        typeConverter=TypeConverters.toString,  # type: ignore[arg-type]
    )
    compression: "Param[Any]" = Param(
        Params._dummy(),
        "compression",
        "how gradients go between hosts: none (as they are), fp16 (in half precision), or topk (of each host the largest "
        "hundredth, or the ratio in {'kind': 'topk', 'ratio': 0.05}; the rest is sent later)",
        typeConverter=to_compression,  # type: ignore[arg-type]
    )
    overlap: "Param[bool]" = Param(
        Params._dummy(),
        "overlap",
        "whether gradients are summed over the workers while the backward pass goes on; it takes a core of its own",
        typeConverter=TypeConverters.toBoolean,  # type: ignore[arg-type]
    )
    encryption: "Param[str]" = Param(
        Params._dummy(),
        "encryption",
        "whether what workers say to one another, and to the driver, is encrypted by TLS: on, off, or auto, where Spark "
        "encrypts what its own processes say",
        typeConverter=TypeConverters.toString,  # type: ignore[arg-type]
    )
    portRange: "Param[str]" = Param(
        Params._dummy(),
        "portRange",
        "the first and the last port, as in 40000-40100, of which workers, and the driver for progress, listen on the "
        "first that is free; unset: on any",
        typeConverter=to_port_range,  # type: ignore[arg-type]
    )
    checkpointDir: "Param[str]" = Param(
        Params._dummy(),
        "checkpointDir",
        "a folder on any filesystem that Spark knows, for the fit's checkpoints, from which fit goes on after it was "
        "broken off, and for state of more than 64 MiB between its jobs",
        typeConverter=TypeConverters.toString,  # type: ignore[arg-type]
    )
    maxMemoryInMB: "Param[int]" = Param(
        Params._dummy(),
        "maxMemoryInMB",
        "MiB of rows that a worker keeps in memory (>= 0); more are spilled to a local file. 0: half of what an executor "
        "has for Python, shared by its tasks",
        typeConverter=TypeConverters.toInt,  # type: ignore[arg-type]
    )
    checkpointInterval: "Param[int]" = Param(
        Params._dummy(),
        "checkpointInterval",
        "with checkpointDir: a checkpoint after so many epochs at the latest (>= 1), or none (-1)",
        typeConverter=TypeConverters.toInt,  # type: ignore[arg-type]
    )
    keepCheckpoints: "Param[int]" = Param(
        Params._dummy(),
        "keepCheckpoints",
        "how many of a fit's last checkpoints stay (>= 1)",
        typeConverter=TypeConverters.toInt,  # type: ignore[arg-type]
    )
    jobSeconds: "Param[float]" = Param(
        Params._dummy(),
        "jobSeconds",
        "the least seconds that one Spark job of a fit trains before it hands its state to the next (>= 0); a "
        "fault costs at most one job",
        typeConverter=TypeConverters.toFloat,  # type: ignore[arg-type]
    )
    timeout: "Param[float]" = Param(
        Params._dummy(),
        "timeout",
        "seconds that a worker waits for another before the fit ends with an error (> 0)",
        typeConverter=TypeConverters.toFloat,  # type: ignore[arg-type]
    )
    showProgress: "Param[bool]" = Param(
        Params._dummy(),
        "showProgress",
        "whether fit draws a progress bar of epochs, loss and rows a second",
        typeConverter=TypeConverters.toBoolean,  # type: ignore[arg-type]
    )

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        for param in self.params:
            param.typeConverter = Plain(param.typeConverter)
        self._setDefault(
            loss="auto",
            schedule="constant",
            learningRate=0.001,
            momentum=0.9,
            batchSize=128,
            maxIter=10,
            regParam=0.0,
            elasticNetParam=0.0,
            tol=0.0,
            patience=5,
            seed=0,
            numTrainWorkers=0,
            handleInvalid="error",
            clipNorm=0.0,
            clipValue=0.0,
            modelBlocks=1,
            syncEvery=1,
            syncEpochs=0,
            syncState="average",
            exchange="auto",
            maxMemoryInMB=0,
            compression="none",
            overlap=False,
            encryption="auto",
            checkpointInterval=10,
            keepCheckpoints=2,
            jobSeconds=30.0,
            timeout=300.0,
            showProgress=False,
        )

    def getFeaturesCols(self) -> list[str]:
        """The value of featuresCols, or its default."""
        return self.getOrDefault(self.featuresCols)

    def getLayers(self) -> Any:
        """The value of layers, or its default."""
        return self.getOrDefault(self.layers)

    def getInputShape(self) -> list[int]:
        """The value of inputShape, or its default."""
        return self.getOrDefault(self.inputShape)

    def getSchedule(self) -> Any:
        """The value of schedule, or its default."""
        return self.getOrDefault(self.schedule)

    def getPatience(self) -> int:
        """The value of patience, or its default."""
        return self.getOrDefault(self.patience)

    def getClipNorm(self) -> float:
        """The value of clipNorm, or its default."""
        return self.getOrDefault(self.clipNorm)

    def getClipValue(self) -> float:
        """The value of clipValue, or its default."""
        return self.getOrDefault(self.clipValue)

    def getModelBlocks(self) -> Any:
        """The value of modelBlocks, or its default."""
        return self.getOrDefault(self.modelBlocks)

    def getSyncEvery(self) -> Any:
        """The value of syncEvery, or its default."""
        return self.getOrDefault(self.syncEvery)

    def getSyncEpochs(self) -> int:
        """The value of syncEpochs, or its default."""
        return self.getOrDefault(self.syncEpochs)

    def getSyncState(self) -> str:
        """The value of syncState, or its default."""
        return self.getOrDefault(self.syncState)

    def getExchange(self) -> str:
        """The value of exchange, or its default."""
        return self.getOrDefault(self.exchange)

    def getCompression(self) -> Any:
        """The value of compression, or its default."""
        return self.getOrDefault(self.compression)

    def getOverlap(self) -> bool:
        """The value of overlap, or its default."""
        return self.getOrDefault(self.overlap)

    def getEncryption(self) -> str:
        """The value of encryption, or its default."""
        return self.getOrDefault(self.encryption)

    def getPortRange(self) -> str:
        """The value of portRange, or its default."""
        return self.getOrDefault(self.portRange)

    def getCheckpointDir(self) -> str:
        """The value of checkpointDir, or its default."""
        return self.getOrDefault(self.checkpointDir)

    def getMaxMemoryInMB(self) -> int:
        """The value of maxMemoryInMB, or its default."""
        return self.getOrDefault(self.maxMemoryInMB)

    def getKeepCheckpoints(self) -> int:
        """The value of keepCheckpoints, or its default."""
        return self.getOrDefault(self.keepCheckpoints)

    def getJobSeconds(self) -> float:
        """The value of jobSeconds, or its default."""
        return self.getOrDefault(self.jobSeconds)

    def getTimeout(self) -> float:
        """The value of timeout, or its default."""
        return self.getOrDefault(self.timeout)

    def getShowProgress(self) -> bool:
        """The value of showProgress, or its default."""
        return self.getOrDefault(self.showProgress)

    def setLabelCol(self, value: str) -> Self:
        """Set labelCol."""
        return self._set(labelCol=value)

    def setFeaturesCol(self, value: str) -> Self:
        """Set featuresCol."""
        return self._set(featuresCol=value)

    def setPredictionCol(self, value: str) -> Self:
        """Set predictionCol."""
        return self._set(predictionCol=value)

    def setRawPredictionCol(self, value: str) -> Self:
        """Set rawPredictionCol."""
        return self._set(rawPredictionCol=value)

    def setProbabilityCol(self, value: str) -> Self:
        """Set probabilityCol."""
        return self._set(probabilityCol=value)

    def setThresholds(self, value: list[float]) -> Self:
        """Set thresholds."""
        return self._set(thresholds=value)

    def setWeightCol(self, value: str) -> Self:
        """Set weightCol."""
        return self._set(weightCol=value)

    def setValidationIndicatorCol(self, value: str) -> Self:
        """Set validationIndicatorCol."""
        return self._set(validationIndicatorCol=value)

    def setHandleInvalid(self, value: str) -> Self:
        """Set handleInvalid."""
        return self._set(handleInvalid=value)

    def setMaxIter(self, value: int) -> Self:
        """Set maxIter."""
        return self._set(maxIter=value)

    def setBatchSize(self, value: int) -> Self:
        """Set batchSize."""
        return self._set(batchSize=value)

    def setLearningRate(self, value: float) -> Self:
        """Set learningRate."""
        return self._set(learningRate=value)

    def setMomentum(self, value: float) -> Self:
        """Set momentum."""
        return self._set(momentum=value)

    def setRegParam(self, value: float) -> Self:
        """Set regParam."""
        return self._set(regParam=value)

    def setElasticNetParam(self, value: float) -> Self:
        """Set elasticNetParam."""
        return self._set(elasticNetParam=value)

    def setTol(self, value: float) -> Self:
        """Set tol."""
        return self._set(tol=value)

    def setSeed(self, value: int) -> Self:
        """Set seed."""
        return self._set(seed=value)

    def setNumTrainWorkers(self, value: int) -> Self:
        """Set numTrainWorkers."""
        return self._set(numTrainWorkers=value)

    def setFeaturesCols(self, value: list[str]) -> Self:
        """Set featuresCols."""
        return self._set(featuresCols=value)

    def setLayers(self, value: Any) -> Self:
        """Set layers."""
        return self._set(layers=value)

    def setInputShape(self, value: list[int]) -> Self:
        """Set inputShape."""
        return self._set(inputShape=value)

    def setLoss(self, value: Any) -> Self:
        """Set loss."""
        return self._set(loss=value)

    def setSolver(self, value: Any) -> Self:
        """Set solver."""
        return self._set(solver=value)

    def setSchedule(self, value: Any) -> Self:
        """Set schedule."""
        return self._set(schedule=value)

    def setPatience(self, value: int) -> Self:
        """Set patience."""
        return self._set(patience=value)

    def setClipNorm(self, value: float) -> Self:
        """Set clipNorm."""
        return self._set(clipNorm=value)

    def setClipValue(self, value: float) -> Self:
        """Set clipValue."""
        return self._set(clipValue=value)

    def setModelBlocks(self, value: Any) -> Self:
        """Set modelBlocks."""
        return self._set(modelBlocks=value)

    def setSyncEvery(self, value: Any) -> Self:
        """Set syncEvery."""
        return self._set(syncEvery=value)

    def setSyncEpochs(self, value: int) -> Self:
        """Set syncEpochs."""
        return self._set(syncEpochs=value)

    def setSyncState(self, value: str) -> Self:
        """Set syncState."""
        return self._set(syncState=value)

    def setExchange(self, value: str) -> Self:
        """Set exchange."""
        return self._set(exchange=value)

    def setCompression(self, value: Any) -> Self:
        """Set compression."""
        return self._set(compression=value)

    def setOverlap(self, value: bool) -> Self:
        """Set overlap."""
        return self._set(overlap=value)

    def setEncryption(self, value: str) -> Self:
        """Set encryption."""
        return self._set(encryption=value)

    def setPortRange(self, value: str) -> Self:
        """Set portRange."""
        return self._set(portRange=value)

    def setCheckpointDir(self, value: str) -> Self:
        """Set checkpointDir."""
        return self._set(checkpointDir=value)

    def setMaxMemoryInMB(self, value: int) -> Self:
        """Set maxMemoryInMB."""
        return self._set(maxMemoryInMB=value)

    def setCheckpointInterval(self, value: int) -> Self:
        """Set checkpointInterval."""
        return self._set(checkpointInterval=value)

    def setKeepCheckpoints(self, value: int) -> Self:
        """Set keepCheckpoints."""
        return self._set(keepCheckpoints=value)

    def setJobSeconds(self, value: float) -> Self:
        """Set jobSeconds."""
        return self._set(jobSeconds=value)

    def setTimeout(self, value: float) -> Self:
        """Set timeout."""
        return self._set(timeout=value)

    def setShowProgress(self, value: bool) -> Self:
        """Set showProgress."""
        return self._set(showProgress=value)
