"""Declarations: the columns that are read and written."""

from __future__ import annotations

from pyspark.ml.param import TypeConverters

from spark_deepnet.spark.params.converters import to_features_col, to_label_col
from spark_deepnet.spark.params.declaration import Declaration, one_of

COLUMNS = (
    Declaration(
        "featuresCol",
        to_features_col,
        "Features column: vectors, dense or sparse, arrays of numbers, arrays of arrays (images, sequences), binary "
        "tensors or images.",
        default="features",
        hint="str",
    ),
    Declaration(
        "featuresCols",
        TypeConverters.toListString,
        "Numeric columns that together are the features, in this order, instead of featuresCol.",
    ),
    Declaration(
        "labelCol",
        to_label_col,
        "Label column: a class 0..k-1 or the number to predict; a vector or an array for several targets or labels; an "
        "array with a target per step where the network scores every step.",
        default="label",
        hint="str",
    ),
    Declaration(
        "predictionCol",
        TypeConverters.toString,
        'Prediction column: the class, or the predicted number. "" leaves the column out.',
        default="prediction",
    ),
    Declaration(
        "rawPredictionCol",
        TypeConverters.toString,
        'Column of the scores before softmax or sigmoid, as a vector; only of classifiers. "" leaves the column out.',
        default="rawPrediction",
    ),
    Declaration(
        "probabilityCol",
        TypeConverters.toString,
        'Column of the probabilities, as a vector; only of softmax and sigmoid losses. "" leaves the column out.',
        default="probability",
    ),
    Declaration(
        "outputLayers",
        TypeConverters.toListString,
        "Layers whose values transform appends as columns: vectors, of images in the order of the file that the model came "
        "from, else (height, width, channels). What no column needs is not computed.",
    ),
    Declaration(
        "outputCols",
        TypeConverters.toListString,
        "Columns of the values of outputLayers, one for each.",
    ),
    Declaration(
        "thresholds",
        TypeConverters.toListFloat,
        "One threshold per class: the class with the highest ratio of probability to threshold is predicted.",
    ),
    Declaration(
        "weightCol",
        TypeConverters.toString,
        "Column of row weights: a weight of 2 counts as the row twice. Unset: every row has weight 1.",
    ),
    Declaration(
        "validationIndicatorCol",
        TypeConverters.toString,
        "Boolean column: rows where it is true are not trained on but evaluated after each epoch.",
    ),
    Declaration(
        "orderCol",
        TypeConverters.toString,
        "Numeric column, different in every row: training rows come in its order and are never shuffled. Step s takes the "
        "rows s * batchSize to (s + 1) * batchSize - 1, counted round and round, so every batch is full. Unset: rows are "
        "shuffled in every epoch.",
    ),
    Declaration(
        "handleInvalid",
        TypeConverters.toString,
        "Rows in transform with features or scores that are null, NaN or infinite: 'error' raises, 'skip' drops them, "
        "'keep' predicts NaN.",
        default="error",
        allowed=one_of("error", "skip", "keep"),
    ),
)
