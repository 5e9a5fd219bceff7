"""Attributes, getters, setters and keywords of all Params, for editors, type checkers and help.

Made by `make docs` from the declarations in this folder: change these instead.
"""

from __future__ import annotations

from typing import Any, Self

from pyspark import keyword_only
from pyspark.ml.param import Param, Params

from spark_deepnet.spark.params.converters import members_of
from spark_deepnet.spark.params.table import param
from spark_deepnet.spark.params.unknown import known_keywords


class Accessors(Params):
    """Attributes, getters and setters."""

    layers: Param[Any] = param("layers")
    inputShape: Param[list[int]] = param("inputShape")
    standardization: Param[bool] = param("standardization")
    loss: Param[Any] = param("loss")
    solver: Param[Any] = param("solver")
    schedule: Param[Any] = param("schedule")
    learningRate: Param[float] = param("learningRate")
    momentum: Param[float] = param("momentum")
    maxIter: Param[int] = param("maxIter")
    maxSteps: Param[int] = param("maxSteps")
    batchSize: Param[int] = param("batchSize")
    regParam: Param[float] = param("regParam")
    elasticNetParam: Param[float] = param("elasticNetParam")
    clipNorm: Param[float] = param("clipNorm")
    clipValue: Param[float] = param("clipValue")
    tol: Param[float] = param("tol")
    patience: Param[int] = param("patience")
    metrics: Param[list[Any]] = param("metrics")
    monitor: Param[str] = param("monitor")
    seed: Param[int] = param("seed")
    featuresCol: Param[str] = param("featuresCol")
    featuresCols: Param[list[str]] = param("featuresCols")
    labelCol: Param[str] = param("labelCol")
    labelCols: Param[list[str]] = param("labelCols")
    predictionCol: Param[str] = param("predictionCol")
    rawPredictionCol: Param[str] = param("rawPredictionCol")
    probabilityCol: Param[str] = param("probabilityCol")
    predictedLabelsCol: Param[str] = param("predictedLabelsCol")
    outputLayers: Param[list[str]] = param("outputLayers")
    outputCols: Param[list[str]] = param("outputCols")
    thresholds: Param[list[float]] = param("thresholds")
    weightCol: Param[str] = param("weightCol")
    classWeights: Param[Any] = param("classWeights")
    validationIndicatorCol: Param[str] = param("validationIndicatorCol")
    validationFraction: Param[float] = param("validationFraction")
    orderCol: Param[str] = param("orderCol")
    handleInvalid: Param[str] = param("handleInvalid")
    numTrainWorkers: Param[int] = param("numTrainWorkers")
    modelBlocks: Param[Any] = param("modelBlocks")
    syncEvery: Param[Any] = param("syncEvery")
    syncEpochs: Param[int] = param("syncEpochs")
    syncState: Param[str] = param("syncState")
    syncMomentum: Param[float] = param("syncMomentum")
    syncRate: Param[float] = param("syncRate")
    exchange: Param[str] = param("exchange")
    compression: Param[Any] = param("compression")
    overlap: Param[bool] = param("overlap")
    encryption: Param[str] = param("encryption")
    portRange: Param[str] = param("portRange")
    checkpointDir: Param[str] = param("checkpointDir")
    maxMemoryInMB: Param[int] = param("maxMemoryInMB")
    checkpointInterval: Param[int] = param("checkpointInterval")
    keepCheckpoints: Param[int] = param("keepCheckpoints")
    jobSeconds: Param[float] = param("jobSeconds")
    timeout: Param[float] = param("timeout")
    showProgress: Param[bool] = param("showProgress")

    def getLayers(self) -> Any:
        """The value of layers, or its default, as objects."""
        return members_of(self.getOrDefault(self.layers))

    def setLayers(self, value: Any) -> Self:
        """Network: sizes as in MLlib's multilayer perceptron ([784, 128, 10]: inputs, sigmoid layers, softmax classes;
        a first or last -1 is inferred from the data); or a list of layers, their names or JSON, in which a layer with
        inputs reads the layers of those names; or the handle of the output, or several, of layers called on one
        another."""
        return self._set(layers=value)

    def getInputShape(self) -> list[int]:
        """The value of inputShape, or its default."""
        return self.getOrDefault(self.inputShape)

    def setInputShape(self, value: list[int]) -> Self:
        """Shape of one row's features, such as [28, 28, 1]; a first size of -1 means sequences of any length. Unset:
        inferred from layers, the column's metadata or the first row."""
        return self._set(inputShape=value)

    def getStandardization(self) -> bool:
        """The value of standardization, or its default."""
        return self.getOrDefault(self.standardization)

    def setStandardization(self, value: bool) -> Self:
        """Whether features, but for tokens, and the targets of a regression are standardized by the means and
        deviations of the training rows, which the model keeps: it takes and predicts numbers in the units of the
        columns. Unset: features of one axis (vectors of fewer than 4,096 numbers, arrays, numeric columns) are, unless
        a layer that reads them scales them, and targets of linear tops; images, sequences and bytes are not."""
        return self._set(standardization=value)

    def getLoss(self) -> Any:
        """The value of loss, or its default, as objects."""
        return members_of(self.getOrDefault(self.loss))

    def setLoss(self, value: Any) -> Self:
        """Loss function: its name, object or JSON. 'auto' chooses by the last layer: softmax_cross_entropy for softmax,
        sigmoid_cross_entropy for sigmoid, poisson for exponential, softmax_cross_entropy where several outputs have one
        label, else squared."""
        return self._set(loss=value)

    def getSolver(self) -> Any:
        """The value of solver, or its default, as objects."""
        return members_of(self.getOrDefault(self.solver))

    def setSolver(self, value: Any) -> Self:
        """Optimizer: its name, object or JSON. 'auto' is adam."""
        return self._set(solver=value)

    def getSchedule(self) -> Any:
        """The value of schedule, or its default, as objects."""
        return members_of(self.getOrDefault(self.schedule))

    def setSchedule(self, value: Any) -> Self:
        """Learning-rate schedule: its name, object or JSON. 'auto' is constant where learningRate or solver are set,
        else warmup_stable_decay: the rate rises over 5 % of the fit and falls to 0 over its last 30 %."""
        return self._set(schedule=value)

    def getLearningRate(self) -> float:
        """The value of learningRate, or its default."""
        return self.getOrDefault(self.learningRate)

    def setLearningRate(self, value: float) -> Self:
        """Learning rate, which the schedule multiplies; above 0."""
        return self._set(learningRate=value)

    def getMomentum(self) -> float:
        """The value of momentum, or its default."""
        return self.getOrDefault(self.momentum)

    def setMomentum(self, value: float) -> Self:
        """Momentum, at least 0 and below 1, of the solvers momentum and nesterov where these are given by name; set
        together with the solver sgd, it makes that momentum."""
        return self._set(momentum=value)

    def getMaxIter(self) -> int:
        """The value of maxIter, or its default."""
        return self.getOrDefault(self.maxIter)

    def setMaxIter(self, value: int) -> Self:
        """Maximum number of epochs, which are passes over the training rows; at least 1. Unset, without maxSteps: as
        many as make 2,000 steps, at least 10; fewer where the loss (of validation rows, if there are some) no longer
        improves."""
        return self._set(maxIter=value)

    def getMaxSteps(self) -> int:
        """The value of maxSteps, or its default."""
        return self.getOrDefault(self.maxSteps)

    def setMaxSteps(self, value: int) -> Self:
        """Maximum number of optimizer steps, after which the fit ends, within an epoch too; schedules that depend on
        the end take it for the end. Where maxIter is not set, it alone decides. 0: no such limit."""
        return self._set(maxSteps=value)

    def getBatchSize(self) -> int:
        """The value of batchSize, or its default."""
        return self.getOrDefault(self.batchSize)

    def setBatchSize(self, value: int) -> Self:
        """Rows per optimizer step, of all workers together; with syncEvery above 1, of each worker. At least 1. Unset:
        a power of two from 32 to 512 that follows from the number of rows."""
        return self._set(batchSize=value)

    def getRegParam(self) -> float:
        """The value of regParam, or its default."""
        return self.getOrDefault(self.regParam)

    def setRegParam(self, value: float) -> Self:
        """Regularization strength of weights, not of biases; at least 0. elasticNetParam divides it into L1 and L2.
        Unset: 0, and where maxIter and maxSteps are unset too, 4 / rows, of a regression with standardized targets 24 /
        rows."""
        return self._set(regParam=value)

    def getElasticNetParam(self) -> float:
        """The value of elasticNetParam, or its default."""
        return self.getOrDefault(self.elasticNetParam)

    def setElasticNetParam(self, value: float) -> Self:
        """Part of regParam that is L1, from 0 (all is L2) to 1 (all is L1)."""
        return self._set(elasticNetParam=value)

    def getClipNorm(self) -> float:
        """The value of clipNorm, or its default."""
        return self.getOrDefault(self.clipNorm)

    def setClipNorm(self, value: float) -> Self:
        """Maximum global gradient norm; 0 disables clipping."""
        return self._set(clipNorm=value)

    def getClipValue(self) -> float:
        """The value of clipValue, or its default."""
        return self.getOrDefault(self.clipValue)

    def setClipValue(self, value: float) -> Self:
        """Maximum absolute gradient value; 0 disables clipping."""
        return self._set(clipValue=value)

    def getTol(self) -> float:
        """The value of tol, or its default."""
        return self.getOrDefault(self.tol)

    def setTol(self, value: float) -> Self:
        """Minimum improvement of the watched figure, the validation loss or what monitor names, that counts; at least
        0."""
        return self._set(tol=value)

    def getPatience(self) -> int:
        """The value of patience, or its default."""
        return self.getOrDefault(self.patience)

    def setPatience(self, value: int) -> Self:
        """Early stopping with validationIndicatorCol: training stops after this many epochs in a row without an
        improved validation loss (or what monitor names); 0 never stops early. The weights of the best epoch are kept in
        any case."""
        return self._set(patience=value)

    def getMetrics(self) -> list[Any]:
        """The value of metrics, or its default."""
        return self.getOrDefault(self.metrics)

    def setMetrics(self, value: list[Any]) -> Self:
        """Metrics, by their names, objects or JSON, measured over all training and validation rows after each epoch:
        accuracy, balanced_accuracy, f1, auc, top_k, log_loss, rmse, mae, r2. They are in the summary's history."""
        return self._set(metrics=value)

    def getMonitor(self) -> str:
        """The value of monitor, or its default."""
        return self.getOrDefault(self.monitor)

    def setMonitor(self, value: str) -> Self:
        """Figure of the validation rows by which the best epoch is kept and early stopping decides: 'loss', or a metric
        by its name or by that in the history."""
        return self._set(monitor=value)

    def getSeed(self) -> int:
        """The value of seed, or its default."""
        return self.getOrDefault(self.seed)

    def setSeed(self, value: int) -> Self:
        """Random seed for weight initialisation, shuffling and dropout."""
        return self._set(seed=value)

    def getFeaturesCol(self) -> str:
        """The value of featuresCol, or its default."""
        return self.getOrDefault(self.featuresCol)

    def setFeaturesCol(self, value: str) -> Self:
        """Features column: vectors, dense or sparse, arrays of numbers, arrays of arrays (images, sequences), binary
        tensors or images."""
        return self._set(featuresCol=value)

    def getFeaturesCols(self) -> list[str]:
        """The value of featuresCols, or its default."""
        return self.getOrDefault(self.featuresCols)

    def setFeaturesCols(self, value: list[str]) -> Self:
        """Numeric columns that together are the features, in this order, instead of featuresCol."""
        return self._set(featuresCols=value)

    def getLabelCol(self) -> str:
        """The value of labelCol, or its default."""
        return self.getOrDefault(self.labelCol)

    def setLabelCol(self, value: str) -> Self:
        """Label column: a class 0..k-1 or the number to predict; a vector or an array for several targets or labels; an
        array with a target per step where the network scores every step."""
        return self._set(labelCol=value)

    def getLabelCols(self) -> list[str]:
        """The value of labelCols, or its default."""
        return self.getOrDefault(self.labelCols)

    def setLabelCols(self, value: list[str]) -> Self:
        """Numeric columns that together are the targets, or the labels of 0 and 1, instead of labelCol: one for each
        unit of the last layer, such as Dense(2). A model also writes the prediction of each, prediction_a for the
        column a."""
        return self._set(labelCols=value)

    def getPredictionCol(self) -> str:
        """The value of predictionCol, or its default."""
        return self.getOrDefault(self.predictionCol)

    def setPredictionCol(self, value: str) -> Self:
        """Prediction column: the class, or the predicted number. "" leaves the column out."""
        return self._set(predictionCol=value)

    def getRawPredictionCol(self) -> str:
        """The value of rawPredictionCol, or its default."""
        return self.getOrDefault(self.rawPredictionCol)

    def setRawPredictionCol(self, value: str) -> Self:
        """Column of the scores before softmax or sigmoid, as a vector; only of classifiers. "" leaves the column
        out."""
        return self._set(rawPredictionCol=value)

    def getProbabilityCol(self) -> str:
        """The value of probabilityCol, or its default."""
        return self.getOrDefault(self.probabilityCol)

    def setProbabilityCol(self, value: str) -> Self:
        """Column of the probabilities, as a vector; only of softmax and sigmoid losses. "" leaves the column out."""
        return self._set(probabilityCol=value)

    def getPredictedLabelsCol(self) -> str:
        """The value of predictedLabelsCol, or its default."""
        return self.getOrDefault(self.predictedLabelsCol)

    def setPredictedLabelsCol(self, value: str) -> Self:
        """Column of the ids of the predicted labels, as an array of doubles such as [0.0, 2.0], which
        MultilabelClassificationEvaluator reads; only of several labels of 0 and 1. "" leaves the column out."""
        return self._set(predictedLabelsCol=value)

    def getOutputLayers(self) -> list[str]:
        """The value of outputLayers, or its default."""
        return self.getOrDefault(self.outputLayers)

    def setOutputLayers(self, value: list[str]) -> Self:
        """Layers whose values transform appends as columns: vectors, of images in the order of the file that the model
        came from, else (height, width, channels). What no column needs is not computed."""
        return self._set(outputLayers=value)

    def getOutputCols(self) -> list[str]:
        """The value of outputCols, or its default."""
        return self.getOrDefault(self.outputCols)

    def setOutputCols(self, value: list[str]) -> Self:
        """Columns of the values of outputLayers, one for each."""
        return self._set(outputCols=value)

    def getThresholds(self) -> list[float]:
        """The value of thresholds, or its default."""
        return self.getOrDefault(self.thresholds)

    def setThresholds(self, value: list[float]) -> Self:
        """One threshold per class: the class with the highest ratio of probability to threshold is predicted."""
        return self._set(thresholds=value)

    def getWeightCol(self) -> str:
        """The value of weightCol, or its default."""
        return self.getOrDefault(self.weightCol)

    def setWeightCol(self, value: str) -> Self:
        """Column of row weights: a weight of 2 counts as the row twice. Unset: every row has weight 1."""
        return self._set(weightCol=value)

    def getClassWeights(self) -> Any:
        """The value of classWeights, or its default."""
        return self.getOrDefault(self.classWeights)

    def setClassWeights(self, value: Any) -> Self:
        """One weight per class, by which the weights of its rows are multiplied; or 'balanced': all rows' weight over
        the number of classes and the weight of the class's rows. Unset: every class has weight 1."""
        return self._set(classWeights=value)

    def getValidationIndicatorCol(self) -> str:
        """The value of validationIndicatorCol, or its default."""
        return self.getOrDefault(self.validationIndicatorCol)

    def setValidationIndicatorCol(self, value: str) -> Self:
        """Boolean column: rows where it is true are not trained on but evaluated after each epoch."""
        return self._set(validationIndicatorCol=value)

    def getValidationFraction(self) -> float:
        """The value of validationFraction, or its default."""
        return self.getOrDefault(self.validationFraction)

    def setValidationFraction(self, value: float) -> Self:
        """Fraction of the rows that are held out for validation, chosen by seed and content, so the same on any number
        of workers; from 0, none, to below 1. Not with validationIndicatorCol."""
        return self._set(validationFraction=value)

    def getOrderCol(self) -> str:
        """The value of orderCol, or its default."""
        return self.getOrDefault(self.orderCol)

    def setOrderCol(self, value: str) -> Self:
        """Numeric column, different in every row: training rows come in its order and are never shuffled. Step s takes
        the rows s * batchSize to (s + 1) * batchSize - 1, counted round and round, so every batch is full. Unset: rows
        are shuffled in every epoch."""
        return self._set(orderCol=value)

    def getHandleInvalid(self) -> str:
        """The value of handleInvalid, or its default."""
        return self.getOrDefault(self.handleInvalid)

    def setHandleInvalid(self, value: str) -> Self:
        """Rows whose features are null, NaN or infinite, or whose scores become so: 'error' raises, 'skip' drops them,
        'keep' predicts NaN. In a fit 'skip' leaves out rows with such features or targets and logs how many; 'keep'
        raises as 'error' does."""
        return self._set(handleInvalid=value)

    def getNumTrainWorkers(self) -> int:
        """The value of numTrainWorkers, or its default."""
        return self.getOrDefault(self.numTrainWorkers)

    def setNumTrainWorkers(self, value: int) -> Self:
        """Number of workers, each one Spark task; all run at the same time. 0: one per task slot, of which one makes
        the steps alone where these are so short that exchanging would take longer than it saves."""
        return self._set(numTrainWorkers=value)

    def getModelBlocks(self) -> Any:
        """The value of modelBlocks, or its default."""
        return self.getOrDefault(self.modelBlocks)

    def setModelBlocks(self, value: Any) -> Self:
        """Model parallelism: number of workers that together hold one copy of the weights, each a block of every large
        layer; numTrainWorkers must be a multiple of it. 'auto': the fewest that fit a worker's memory and are nearly
        the fastest."""
        return self._set(modelBlocks=value)

    def getSyncEvery(self) -> Any:
        """The value of syncEvery, or its default."""
        return self.getOrDefault(self.syncEvery)

    def setSyncEvery(self, value: Any) -> Self:
        """Optimizer steps between exchanges. 1: all workers make every step together, on batchSize rows in all. n above
        1: each worker makes n local steps of batchSize rows, then their weights are averaged. 'auto': n is chosen from
        measured times, so that exchange takes less than a tenth of them."""
        return self._set(syncEvery=value)

    def getSyncEpochs(self) -> int:
        """The value of syncEpochs, or its default."""
        return self.getOrDefault(self.syncEpochs)

    def setSyncEpochs(self, value: int) -> Self:
        """With syncEvery above 1: number of epochs at the start in which all workers step together."""
        return self._set(syncEpochs=value)

    def getSyncState(self) -> str:
        """The value of syncState, or its default."""
        return self.getOrDefault(self.syncState)

    def setSyncState(self, value: str) -> Self:
        """With syncEvery above 1: optimizer state, such as momentum, when weights are averaged: 'average' averages it
        too, 'keep' leaves each worker its own, 'reset' clears it."""
        return self._set(syncState=value)

    def getSyncMomentum(self) -> float:
        """The value of syncMomentum, or its default."""
        return self.getOrDefault(self.syncMomentum)

    def setSyncMomentum(self, value: float) -> Self:
        """With syncEvery above 1: momentum, at least 0 and below 1, of the step from the last average of the weights to
        the next (block momentum, SlowMo). 0: the weights go on from the average itself."""
        return self._set(syncMomentum=value)

    def getSyncRate(self) -> float:
        """The value of syncRate, or its default."""
        return self.getOrDefault(self.syncRate)

    def setSyncRate(self, value: float) -> Self:
        """With syncEvery above 1: factor of that step, above 0."""
        return self._set(syncRate=value)

    def getExchange(self) -> str:
        """The value of exchange, or its default."""
        return self.getOrDefault(self.exchange)

    def setExchange(self, value: str) -> Self:
        """How workers exchange: 'sockets', between the tasks of a barrier job; 'spark', by a Spark job for every round
        of syncEvery steps, without sockets or barrier; 'auto': spark where the session refuses barrier jobs, else
        sockets."""
        return self._set(exchange=value)

    def getCompression(self) -> Any:
        """The value of compression, or its default."""
        return self.getOrDefault(self.compression)

    def setCompression(self, value: Any) -> Self:
        """Gradient compression between hosts: 'none', 'fp16' (half precision) or 'topk' (of each host the hundredth of
        the gradients that is largest, the rest being sent later; {'kind': 'topk', 'ratio': 0.05} sets the part)."""
        return self._set(compression=value)

    def getOverlap(self) -> bool:
        """The value of overlap, or its default."""
        return self.getOrDefault(self.overlap)

    def setOverlap(self, value: bool) -> Self:
        """Whether gradients are summed over the workers during the backward pass; this needs a spare core per
        worker."""
        return self._set(overlap=value)

    def getEncryption(self) -> str:
        """The value of encryption, or its default."""
        return self.getOrDefault(self.encryption)

    def setEncryption(self, value: str) -> Self:
        """TLS between workers, and from workers to the driver: 'on', 'off', or 'auto': on where Spark encrypts its own
        connections."""
        return self._set(encryption=value)

    def getPortRange(self) -> str:
        """The value of portRange, or its default."""
        return self.getOrDefault(self.portRange)

    def setPortRange(self, value: str) -> Self:
        """Ports that workers, and the driver with showProgress, listen on, as in 40000-40100; each takes the first free
        one. Unset: any port."""
        return self._set(portRange=value)

    def getCheckpointDir(self) -> str:
        """The value of checkpointDir, or its default."""
        return self.getOrDefault(self.checkpointDir)

    def setCheckpointDir(self, value: str) -> Self:
        """Folder on any filesystem that Spark knows, for checkpoints, from which an interrupted fit resumes, and for
        training state of more than 64 MiB between jobs."""
        return self._set(checkpointDir=value)

    def getMaxMemoryInMB(self) -> int:
        """The value of maxMemoryInMB, or its default."""
        return self.getOrDefault(self.maxMemoryInMB)

    def setMaxMemoryInMB(self, value: int) -> Self:
        """MiB of rows that a worker keeps in memory; more are spilled to local disk. 0: half of what an executor has
        for Python, divided among its tasks."""
        return self._set(maxMemoryInMB=value)

    def getCheckpointInterval(self) -> int:
        """The value of checkpointInterval, or its default."""
        return self.getOrDefault(self.checkpointInterval)

    def setCheckpointInterval(self, value: int) -> Self:
        """With checkpointDir: maximum number of epochs between checkpoints, at least 1; -1 disables them."""
        return self._set(checkpointInterval=value)

    def getKeepCheckpoints(self) -> int:
        """The value of keepCheckpoints, or its default."""
        return self.getOrDefault(self.keepCheckpoints)

    def setKeepCheckpoints(self, value: int) -> Self:
        """Number of a fit's latest checkpoints to keep, at least 1."""
        return self._set(keepCheckpoints=value)

    def getJobSeconds(self) -> float:
        """The value of jobSeconds, or its default."""
        return self.getOrDefault(self.jobSeconds)

    def setJobSeconds(self, value: float) -> Self:
        """Minimum seconds that one Spark job of a fit trains before it hands its state to the next; a failure costs at
        most the work of one job."""
        return self._set(jobSeconds=value)

    def getTimeout(self) -> float:
        """The value of timeout, or its default."""
        return self.getOrDefault(self.timeout)

    def setTimeout(self, value: float) -> Self:
        """Seconds that a worker waits for another before the fit fails; above 0."""
        return self._set(timeout=value)

    def getShowProgress(self) -> bool:
        """The value of showProgress, or its default."""
        return self.getOrDefault(self.showProgress)

    def setShowProgress(self, value: bool) -> Self:
        """Whether fit shows a progress bar of epochs, loss and rows per second."""
        return self._set(showProgress=value)


class Keywords(Params):
    """The constructor and setParams."""

    _input_kwargs: dict[str, Any]

    @known_keywords
    @keyword_only
    def __init__(
        self,
        *,
        layers: Any = None,
        inputShape: list[int] | None = None,
        standardization: bool | None = None,
        loss: Any = None,
        solver: Any = None,
        schedule: Any = None,
        learningRate: float | None = None,
        momentum: float | None = None,
        maxIter: int | None = None,
        maxSteps: int | None = None,
        batchSize: int | None = None,
        regParam: float | None = None,
        elasticNetParam: float | None = None,
        clipNorm: float | None = None,
        clipValue: float | None = None,
        tol: float | None = None,
        patience: int | None = None,
        metrics: list[Any] | None = None,
        monitor: str | None = None,
        seed: int | None = None,
        featuresCol: str | None = None,
        featuresCols: list[str] | None = None,
        labelCol: str | None = None,
        labelCols: list[str] | None = None,
        predictionCol: str | None = None,
        rawPredictionCol: str | None = None,
        probabilityCol: str | None = None,
        predictedLabelsCol: str | None = None,
        outputLayers: list[str] | None = None,
        outputCols: list[str] | None = None,
        thresholds: list[float] | None = None,
        weightCol: str | None = None,
        classWeights: Any = None,
        validationIndicatorCol: str | None = None,
        validationFraction: float | None = None,
        orderCol: str | None = None,
        handleInvalid: str | None = None,
        numTrainWorkers: int | None = None,
        modelBlocks: Any = None,
        syncEvery: Any = None,
        syncEpochs: int | None = None,
        syncState: str | None = None,
        syncMomentum: float | None = None,
        syncRate: float | None = None,
        exchange: str | None = None,
        compression: Any = None,
        overlap: bool | None = None,
        encryption: str | None = None,
        portRange: str | None = None,
        checkpointDir: str | None = None,
        maxMemoryInMB: int | None = None,
        checkpointInterval: int | None = None,
        keepCheckpoints: int | None = None,
        jobSeconds: float | None = None,
        timeout: float | None = None,
        showProgress: bool | None = None,
    ) -> None:
        """Params are keywords; others keep their defaults."""
        kwargs = self._input_kwargs
        super().__init__()
        self.setParams(**kwargs)

    @known_keywords
    @keyword_only
    def setParams(
        self,
        *,
        layers: Any = None,
        inputShape: list[int] | None = None,
        standardization: bool | None = None,
        loss: Any = None,
        solver: Any = None,
        schedule: Any = None,
        learningRate: float | None = None,
        momentum: float | None = None,
        maxIter: int | None = None,
        maxSteps: int | None = None,
        batchSize: int | None = None,
        regParam: float | None = None,
        elasticNetParam: float | None = None,
        clipNorm: float | None = None,
        clipValue: float | None = None,
        tol: float | None = None,
        patience: int | None = None,
        metrics: list[Any] | None = None,
        monitor: str | None = None,
        seed: int | None = None,
        featuresCol: str | None = None,
        featuresCols: list[str] | None = None,
        labelCol: str | None = None,
        labelCols: list[str] | None = None,
        predictionCol: str | None = None,
        rawPredictionCol: str | None = None,
        probabilityCol: str | None = None,
        predictedLabelsCol: str | None = None,
        outputLayers: list[str] | None = None,
        outputCols: list[str] | None = None,
        thresholds: list[float] | None = None,
        weightCol: str | None = None,
        classWeights: Any = None,
        validationIndicatorCol: str | None = None,
        validationFraction: float | None = None,
        orderCol: str | None = None,
        handleInvalid: str | None = None,
        numTrainWorkers: int | None = None,
        modelBlocks: Any = None,
        syncEvery: Any = None,
        syncEpochs: int | None = None,
        syncState: str | None = None,
        syncMomentum: float | None = None,
        syncRate: float | None = None,
        exchange: str | None = None,
        compression: Any = None,
        overlap: bool | None = None,
        encryption: str | None = None,
        portRange: str | None = None,
        checkpointDir: str | None = None,
        maxMemoryInMB: int | None = None,
        checkpointInterval: int | None = None,
        keepCheckpoints: int | None = None,
        jobSeconds: float | None = None,
        timeout: float | None = None,
        showProgress: bool | None = None,
    ) -> Self:
        """Set several Params at once; those that are None stay as they are."""
        return self._set(**{name: value for name, value in self._input_kwargs.items() if value is not None})
