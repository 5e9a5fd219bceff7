"""Declarations: the network and how it is trained."""

from __future__ import annotations

from pyspark.ml.param import TypeConverters

from spark_deepnet.spark.params.converters import to_layers, to_loss, to_metrics, to_optimizer, to_schedule
from spark_deepnet.spark.params.declaration import Allowed, Declaration, above, at_least

TRAINING = (
    Declaration(
        "layers",
        to_layers,
        "Network: sizes as in MLlib's multilayer perceptron ([784, 128, 10]: inputs, sigmoid layers, softmax classes; a "
        "first or last -1 is inferred from the data); or a list of layers, their names or JSON, in which a layer with "
        "inputs reads the layers of those names; or the handle of the output, or several, of layers called on one another.",
        members=True,
    ),
    Declaration(
        "inputShape",
        TypeConverters.toListInt,
        "Shape of one row's features, such as [28, 28, 1]; a first size of -1 means sequences of any length. Unset: "
        "inferred from layers, the column's metadata or the first row.",
    ),
    Declaration(
        "standardization",
        TypeConverters.toBoolean,
        "Whether features, but for tokens, and the targets of a regression are standardized by the means and deviations of "
        "the training rows, which the model keeps: it takes and predicts numbers in the units of the columns. Unset: "
        "features of one axis (vectors of fewer than 4,096 numbers, arrays, numeric columns) are, unless a layer that "
        "reads them scales them, and targets of linear tops; images, sequences and bytes are not.",
    ),
    Declaration(
        "loss",
        to_loss,
        "Loss function: its name, object or JSON. 'auto' chooses by the last layer: softmax_cross_entropy for softmax, "
        "sigmoid_cross_entropy for sigmoid, poisson for exponential, softmax_cross_entropy where several outputs have one "
        "label, else squared.",
        default="auto",
        members=True,
    ),
    Declaration(
        "solver", to_optimizer, "Optimizer: its name, object or JSON. 'auto' is adam.", default="auto", members=True
    ),
    Declaration(
        "schedule",
        to_schedule,
        "Learning-rate schedule: its name, object or JSON. 'auto' is constant where learningRate or solver are set, else "
        "warmup_stable_decay: the rate rises over 5 % of the fit and falls to 0 over its last 30 %.",
        default="auto",
        members=True,
    ),
    Declaration(
        "learningRate",
        TypeConverters.toFloat,
        "Learning rate, which the schedule multiplies; above 0.",
        default=0.001,
        allowed=above(0),
        recipe="learning_rate",
    ),
    Declaration(
        "momentum",
        TypeConverters.toFloat,
        "Momentum, at least 0 and below 1, of the solvers momentum and nesterov where these are given by name; set "
        "together with the solver sgd, it makes that momentum.",
        default=0.9,
        allowed=Allowed(lambda v: 0 <= v < 1, "at least 0 and below 1"),
    ),
    Declaration(
        "maxIter",
        TypeConverters.toInt,
        "Maximum number of epochs, which are passes over the training rows; at least 1. Unset, without maxSteps: as many as "
        "make 2,000 steps, at least 10; fewer where the loss (of validation rows, if there are some) no longer improves.",
        allowed=at_least(1),
        recipe="epochs",
    ),
    Declaration(
        "maxSteps",
        TypeConverters.toInt,
        "Maximum number of optimizer steps, after which the fit ends, within an epoch too; schedules that depend on the end "
        "take it for the end. Where maxIter is not set, it alone decides. 0: no such limit.",
        default=0,
        allowed=at_least(0),
        recipe="max_steps",
    ),
    Declaration(
        "batchSize",
        TypeConverters.toInt,
        "Rows per optimizer step, of all workers together; with syncEvery above 1, of each worker. At least 1. Unset: a "
        "power of two from 32 to 512 that follows from the number of rows.",
        allowed=at_least(1),
        recipe="batch_size",
    ),
    Declaration(
        "regParam",
        TypeConverters.toFloat,
        "Regularization strength of weights, not of biases; at least 0. elasticNetParam divides it into L1 and L2. Unset: "
        "0, and where maxIter and maxSteps are unset too, 4 / rows, of a regression with standardized targets 24 / rows.",
        default=0.0,
        allowed=at_least(0),
    ),
    Declaration(
        "elasticNetParam",
        TypeConverters.toFloat,
        "Part of regParam that is L1, from 0 (all is L2) to 1 (all is L1).",
        default=0.0,
        allowed=Allowed(lambda v: 0 <= v <= 1, "from 0 to 1"),
    ),
    Declaration(
        "clipNorm",
        TypeConverters.toFloat,
        "Maximum global gradient norm; 0 disables clipping.",
        default=0.0,
        allowed=at_least(0),
        recipe="clip_norm",
    ),
    Declaration(
        "clipValue",
        TypeConverters.toFloat,
        "Maximum absolute gradient value; 0 disables clipping.",
        default=0.0,
        allowed=at_least(0),
        recipe="clip_value",
    ),
    Declaration(
        "tol",
        TypeConverters.toFloat,
        "Minimum improvement of the watched figure, the validation loss or what monitor names, that counts; at least 0.",
        default=0.0,
        allowed=at_least(0),
        recipe="tol",
    ),
    Declaration(
        "patience",
        TypeConverters.toInt,
        "Early stopping with validationIndicatorCol: training stops after this many epochs in a row without an improved "
        "validation loss (or what monitor names); 0 never stops early. The weights of the best epoch are kept in any case.",
        default=5,
        allowed=at_least(0),
        recipe="patience",
    ),
    Declaration(
        "metrics",
        to_metrics,
        "Metrics, by their names, objects or JSON, measured over all training and validation rows after each epoch: "
        "accuracy, balanced_accuracy, f1, auc, top_k, log_loss, rmse, mae, r2. They are in the summary's history.",
        default=[],
        hint="list[Any]",
    ),
    Declaration(
        "monitor",
        TypeConverters.toString,
        "Figure of the validation rows by which the best epoch is kept and early stopping decides: 'loss', or a metric by "
        "its name or by that in the history.",
        default="loss",
        hint="str",
    ),
    Declaration(
        "seed",
        TypeConverters.toInt,
        "Random seed for weight initialisation, shuffling and dropout.",
        default=0,
        recipe="seed",
    ),
)
