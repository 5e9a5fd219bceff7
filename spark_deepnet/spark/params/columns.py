"""Declarations: the columns that are read and written."""

from __future__ import annotations

from pyspark.ml.param import TypeConverters

from spark_deepnet.spark.params.class_weights import right_weights, to_class_weights
from spark_deepnet.spark.params.converters import to_features_col, to_label_col
from spark_deepnet.spark.params.declaration import Allowed, Declaration, one_of

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
        "labelCols",
        TypeConverters.toListString,
        "Numeric columns that together are the targets, or the labels of 0 and 1, instead of labelCol: one for each unit of "
        "the last layer, such as Dense(2). A model also writes the prediction of each, prediction_a for the column a.",
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
        "predictedLabelsCol",
        TypeConverters.toString,
        "Column of the ids of the predicted labels, as an array of doubles such as [0.0, 2.0], which "
        'MultilabelClassificationEvaluator reads; only of several labels of 0 and 1. "" leaves the column out.',
        default="predictedLabels",
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
        "classWeights",
        to_class_weights,
        "One weight per class, by which the weights of its rows are multiplied; or 'balanced': all rows' weight over the "
        "number of classes and the weight of the class's rows. Unset: every class has weight 1.",
        allowed=Allowed(right_weights, "'balanced', or one finite weight of 0 or more per class, not all 0"),
    ),
    Declaration(
        "validationIndicatorCol",
        TypeConverters.toString,
        "Boolean column: rows where it is true are not trained on but evaluated after each epoch.",
    ),
    Declaration(
        "validationFraction",
        TypeConverters.toFloat,
        "Fraction of the rows that are held out for validation, chosen by seed and content, so the same on any number of "
        "workers; from 0, none, to below 1. Not with validationIndicatorCol.",
        default=0.0,
        allowed=Allowed(lambda v: 0 <= v < 1, "at least 0 and below 1"),
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
        "Rows whose features are null, NaN or infinite, or whose scores become so: 'error' raises, 'skip' drops them, "
        "'keep' predicts NaN. In a fit 'skip' leaves out rows with such features or targets and logs how many; 'keep' "
        "raises as 'error' does.",
        default="error",
        allowed=one_of("error", "skip", "keep"),
    ),
)
