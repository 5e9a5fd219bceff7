"""What users do wrong: for each mistake how it is made, the error, and what its sentence must tell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from pyspark.ml.feature import StringIndexer, VectorAssembler
from pyspark.ml.functions import array_to_vector
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - as everywhere in Spark

from spark_deepnet import DeepNetEstimator
from spark_deepnet.errors import (
    ClusterError,
    DataError,
    DeepNetError,
    NetworkError,
    ParamError,
    TrainingError,
    UnknownNameError,
)
from spark_deepnet.layers import Add, BatchNorm, Dense, Dropout, Flatten, Input, Output
from spark_deepnet.optimizers import Adam
from tests.spark.data import estimator


class Mistake(NamedTuple):
    """``make`` gets twelve good rows: features (4 numbers), label (0, 1, 2), weight, held, text, a, b, c, d."""

    name: str
    make: Callable[[DataFrame], Any]
    error: type[DeepNetError]
    num_stats: tuple[str, ...]
    in_job: bool = False
    """Whether it takes a worker to see it."""


def fit(**params: Any) -> Callable[[DataFrame], Any]:
    return lambda df: estimator(**params).fit(df)


def lbfgs(**params: Any) -> Callable[[DataFrame], Any]:
    return lambda df: DeepNetEstimator(**({"layers": [4, 5, 3], "solver": "lbfgs"} | params)).fit(df)


def fit_on(change: Callable[[DataFrame], DataFrame], **params: Any) -> Callable[[DataFrame], Any]:
    """Two workers, of which one alone may meet what is wrong."""
    return lambda df: estimator(**({"numTrainWorkers": 2} | params)).fit(change(df))


def first(name: str, value: Any) -> Callable[[DataFrame], DataFrame]:
    """Another value in the first row's column."""
    return lambda df: df.withColumn(name, F.when(F.col("number") == 0, F.lit(value)).otherwise(F.col(name)))


def every(name: str, value: Any) -> Callable[[DataFrame], DataFrame]:
    return lambda df: df.withColumn(name, F.lit(value))


def assembled(df: DataFrame) -> DataFrame:
    return VectorAssembler(inputCols=["a", "b", "c", "d"], outputCol="features").transform(df.drop("features"))


def lists(df: DataFrame) -> DataFrame:
    """Features as an array of a, b, c, d."""
    return df.withColumn("features", F.array("a", "b", "c", "d"))


def lists_with(value: float | None) -> Callable[[DataFrame], DataFrame]:
    return lambda df: lists(first("b", value)(df))


def indexed(df: DataFrame) -> DataFrame:
    return StringIndexer(inputCol="text", outputCol="class").fit(df).transform(df)


def words(df: DataFrame) -> DataFrame:
    return df.withColumn("features", F.array("text"))


def pictures(df: DataFrame) -> DataFrame:
    """As of a folder, the first of another size."""
    height = F.when(F.col("number") == 0, 4).otherwise(2)
    fields = (
        F.concat(F.lit("file:/pictures/"), F.col("number").cast("string"), F.lit(".png")).alias("origin"),
        height.alias("height"),
        F.lit(3).alias("width"),
        F.lit(3).alias("nChannels"),
        F.lit(16).alias("mode"),
        F.unhex(F.repeat(F.lit("00"), height * 9)).alias("data"),
    )
    return df.withColumn("features", F.struct(*fields))


def one_vector_of(length: int) -> Callable[[DataFrame], DataFrame]:
    return lambda df: first("features", array_to_vector(F.array([F.lit(0.0)] * length)))(df)


def sizes(*told: int) -> Callable[[DataFrame], Any]:
    return fit(layers=list(told))


def fit_without_layers(df: DataFrame) -> Any:
    net = estimator()
    net.clear(net.layers)
    return net.fit(df)


SUM_OF_UNLIKE = [Dense(3, name="left"), Dense(2, name="right", inputs=("features",)), Add(inputs=("left", "right"))]
TRUNK = Dense(3, name="trunk")


def stream(df: DataFrame) -> DataFrame:
    """Without an end."""
    rates = df.sparkSession.readStream.format("rate").load().select(F.col("value").cast("double").alias("label"))
    return rates.withColumn("features", F.array(*[F.lit(1.0)] * 4))


def twice(df: DataFrame) -> DataFrame:
    return df.toDF(*["label" if name == "a" else name for name in df.columns])


def twins(df: DataFrame) -> DataFrame:
    return df.toDF(*["Features" if name == "text" else name for name in df.columns])


UNREAD = [Input(name="left", column="features"), Input(name="right", column="features"), Dense(3, "softmax")]
COLUMNS = [
    Mistake("features not there", fit(featuresCol="featurs"), DataError, ("featuresCol", "'featurs'", "'features'")),
    Mistake("one of features not there", fit(featuresCols=["a", "bb", "c", "d"]), DataError, ("featuresCols", "'bb'")),
    Mistake("label not there", fit(labelCol="labl"), DataError, ("labelCol", "'labl'", "did you mean 'label'?")),
    Mistake("weight not there", fit(weightCol="wight"), DataError, ("weightCol", "'wight'", "'weight'")),
    Mistake("indicator not there", fit(validationIndicatorCol="hold"), DataError, ("validationIndicatorCol", "'held'")),
    Mistake("text as features", fit(featuresCol="text"), DataError, ("'text'", "string", "vector", "VectorAssembler")),
    Mistake("text among features", fit(featuresCols=["a", "text", "c", "d"]), DataError, ("'text'", "string", "numeric")),
    Mistake("texts as features", fit_on(lambda df: df.withColumn("features", F.array("text"))), DataError,
            ("'features'", "array<string>")),
    Mistake("text as label", fit(labelCol="text"), DataError, ("'text'", "string", "StringIndexer")),
    Mistake("text as weight", fit(weightCol="text"), DataError, ("weightCol", "'text'", "string", "numeric")),
    Mistake("number as indicator", fit(validationIndicatorCol="label"), DataError, ("'label'", "double", "booleans")),
    Mistake("one target for several outputs", fit(layers=[Dense(2)], loss="squared"), DataError,
            ("'label'", "double", "several outputs")),
    Mistake("label of an output not there", fit(layers=[TRUNK, Output(), Dense(1), Output(column="wight")]), DataError,
            ("labelCol", "'wight'", "'weight'")),
    Mistake("a stream", fit_on(stream), DataError, ("stream", "transform")),
    Mistake("a stream whose width is not known", fit_on(stream, layers=[-1, 3]), DataError, ("stream", "transform")),
    Mistake("a frame of pandas", lambda df: estimator().fit(df.limit(2).toPandas()), DataError,
            ("pandas.DataFrame", "createDataFrame")),
    Mistake("no frame at all", lambda df: estimator().fit(df.collect()), DataError, ("DataFrame", "list")),
    Mistake("two columns of one name", fit_on(twice), DataError, ("labelCol", "'label'", "2 columns", "rename")),
    Mistake("two names that differ by case", fit_on(twins), DataError, ("featuresCol", "'Features'", "caseSensitive")),
    Mistake("a list of features", fit(featuresCol=["a", "b"]), ParamError, ("featuresCol", "featuresCols=['a', 'b']")),
    Mistake("texts as features of any number", fit_on(words, layers=[-1, 5, 3]), DataError,
            ("'features'", "array<string>", "vector", "CountVectorizer or spark_deepnet.TokenIds")),
    Mistake("text as features of any number", fit(featuresCol="text", layers=[-1, 5, 3]), DataError,
            ("'text'", "string", "vector", "StringIndexer")),
    Mistake("text as label of any number of classes", fit(labelCol="text", layers=[4, 5, -1]), DataError,
            ("'text'", "string", "StringIndexer")),
    Mistake("numbers to predict under sizes", fit(labelCol="a", layers=[-1, 5, -1]), DataError,
            ("'a'", "fractional", "sizes make a classifier", "Dense(1)")),
    Mistake("vector as class", fit(labelCol="features"), DataError, ("labelCol", "'features'", "numeric")),
]  # fmt: skip

LENGTHS = [
    Mistake("metadata tell another length", fit_on(assembled, layers=[5, 3]), NetworkError, ("'features'", "4", "5")),
    Mistake("as many columns as another length", fit(featuresCols=["a", "b", "c"]), NetworkError, ("3", "4")),
    Mistake("all vectors of another length", fit_on(lambda df: df, layers=[5, 3]), DataError,
            ("'features'", "length 4", "takes 5", "12 found"), True),
    Mistake("one vector of another length", fit_on(one_vector_of(7)), DataError,
            ("'features'", "length 7", "takes 4", "1 found"), True),
    Mistake("targets of another number", fit_on(lambda df: df, layers=[Dense(3)], labelCol="targets"), DataError,
            ("'targets'", "2 targets", "3 outputs"), True),
]  # fmt: skip

VALUES = [
    Mistake("label beyond the classes", fit_on(first("label", 3.0)), DataError,
            ("'label'", "such as 3", "0 to 2", "1 found"), True),
    Mistake("label below 0", fit_on(first("label", -1.0)), DataError, ("'label'", "such as -1", "0 to 2"), True),
    Mistake("fractional label", fit_on(first("label", 0.5)), DataError,
            ("'label'", "fractional", "0.5", "for regression end layers in Dense(1)"), True),
    Mistake("labels 1..k", fit_on(lambda df: df.withColumn("label", F.col("label") + 1)), DataError,
            ("'label'", "such as 3", "0 to 2", "StringIndexer"), True),
    Mistake("pictures of two sizes", fit_on(pictures, layers=[Flatten(), Dense(3)], inputShape=[2, 3, 3]), DataError,
            ("'features'", "(4, 3, 3)", "(2, 3, 3)", "file:/pictures/0.png", "Resizing(2, 3)", "1 found"), True),
    Mistake("label null", fit_on(first("label", None)), DataError, ("'label'", "null", "1 found"), True),
    Mistake("target NaN", fit_on(first("label", float("nan")), layers=[4, 1], loss="squared"), DataError,
            ("'label'", "NaN", "1 found"), True),
    Mistake("label of several not 0 or 1", fit_on(lambda df: df, layers=[Dense(2, "sigmoid")], labelCol="targets"),
            DataError, ("'targets'", "0..1"), True),
    Mistake("feature NaN", fit_on(lists_with(float("nan"))), DataError, ("'features'", "NaN", "1 found"), True),
    Mistake("feature infinite", fit_on(lists_with(float("inf"))), DataError, ("'features'", "infinite", "1 found"), True),
    Mistake("feature too large for float32", fit_on(lists_with(1e300)), DataError, ("'features'", "infinite"), True),
    Mistake("feature null in a list", fit_on(lists_with(None)), DataError, ("'features'", "1 found"), True),
    Mistake("features null", fit_on(first("features", None)), DataError,
            ("'features'", "null", "1 found", "handleInvalid='skip'"), True),
    Mistake("one of features null", fit_on(first("b", None), featuresCols=["a", "b", "c", "d"]), DataError,
            ("a, b, c, d", "1 found"), True),
    Mistake("weight negative", fit_on(first("weight", -1.0), weightCol="weight"), DataError,
            ("'weight'", "negative", "1 found"), True),
    Mistake("weight null", fit_on(first("weight", None), weightCol="weight"), DataError, ("'weight'", "null"), True),
    Mistake("null as indicator", fit_on(first("held", None), validationIndicatorCol="held"), DataError,
            ("'held'", "null", "1 found"), True),
    Mistake("all weights 0", fit_on(every("weight", 0.0), weightCol="weight"), DataError, ("'weight'", "all", "0"), True),
    Mistake("no rows", fit_on(lambda df: df.limit(0)), DataError, ("no rows",), True),
    Mistake("all rows for validation", fit_on(every("held", True), validationIndicatorCol="held"), DataError,
            ("no rows to train on", "validation"), True),
    Mistake("no row for validation", fit_on(every("held", False), validationIndicatorCol="held"), DataError,
            ("'held'", "validat"), True),
    Mistake("more classes than units", fit_on(indexed, layers=[4, 2], labelCol="class"), DataError,
            ("'class'", "3 classes", "2 units")),
    Mistake("learning rate too high", fit_on(lambda df: df, layers=[Dense(1)], solver="sgd", learningRate=1e30, maxIter=9),
            TrainingError, ("epoch", "step", "1e+30", "learningRate"), True),
]  # fmt: skip

NAMES = [
    Mistake("no such layer", fit(layers=["dens"]), UnknownNameError, ("layers", "'dens'", "'dense'")),
    Mistake("no such loss", fit(loss="softmax_crossentropy"), UnknownNameError, ("losses", "'softmax_cross_entropy'")),
    Mistake(
        "no such loss of an output", fit(layers=[TRUNK, Output("sqared")]), UnknownNameError, ("losses", "'squared'")
    ),
    Mistake("no such solver", fit(solver="adamm"), UnknownNameError, ("optimizers", "'adamm'", "'adam'")),
    Mistake("no such schedule", fit(schedule="cosin"), UnknownNameError, ("schedules", "'cosin'", "'cosine'")),
    Mistake("no such activation", fit(layers=[Dense(3, "rellu")]), UnknownNameError, ("'rellu'", "'relu'")),
    Mistake("no such field", fit(layers=[{"kind": "dense", "unit": 3}]), ParamError, ("'unit'", "'units'")),
]

SHAPES = [
    Mistake("sum of unlike layers", fit(layers=SUM_OF_UNLIKE), NetworkError, ("'add'", "'left'", "'right'", "3", "2")),
    Mistake("reads no layer", fit(layers=[Dense(3, inputs=("feature",))]), NetworkError, ("'feature'", "'features'")),
    Mistake("two ends", fit(layers=[Dense(3, name="left"), Dense(3, name="right", inputs=("features",))]), NetworkError,
            ("'left'", "'right'", "one output")),
    Mistake("an end without a mark", fit(layers=[TRUNK, Output(), Dense(3, name="right")]), NetworkError,
            ("'right'", "marked by no Output")),
    Mistake("two outputs of one name", fit(layers=[TRUNK, Output(), Output()]), NetworkError, ("'trunk'", "different")),
    Mistake("an input that nobody reads", fit(layers=UNREAD), NetworkError, ("'left'", "read by no layer")),
    Mistake("several axes at the end", fit(layers=[Dense(3)], inputShape=[1, 2, 2]), NetworkError,
            ("(1, 2, 3)", "one axis", "Flatten")),
    Mistake("inputShape of another size", fit_on(assembled, layers=[Flatten(), Dense(3)], inputShape=[2, 3]), NetworkError,
            ("'features'", "4", "6")),
    Mistake("inputShape beside sizes", fit(inputShape=[5]), ParamError, ("inputShape", "5", "4")),
    Mistake("inputShape of 0", fit(layers=[Dense(3)], inputShape=[0]), ParamError, ("inputShape", "at least 1")),
    Mistake("one size", sizes(4), ParamError, ("layers", "[4]")),
    Mistake("size 0", sizes(4, 0, 3), ParamError, ("layers", "[4, 0, 3]", "at least 1")),
    Mistake("input of size 0", sizes(0, 3), ParamError, ("layers", "[0, 3]", "at least 1")),
    Mistake("no layers", fit(layers=[]), ParamError, ("layers", "[]")),
    Mistake("a name for layers", fit(layers="dense"), ParamError, ("layers", "'dense'")),
    Mistake("layers not set", fit_without_layers, ParamError,
            ("layers", "not set")),
    Mistake("one unit for classes", sizes(4, 1), ParamError,
            ("sizes make a classifier", "2 or more", "found 1", "for regression end layers in Dense(1)")),
    Mistake("sizes among layers", fit(layers=[64, "relu", 10]), ParamError, ("layers", "int 64", "Dense(64)")),
    Mistake("a class for a solver", fit(solver=Adam), ParamError, ("optimizers", "the class Adam", "write Adam()")),
]  # fmt: skip


OTHERS = [
    Mistake("more workers than slots", fit(numTrainWorkers=99), ClusterError, ("numTrainWorkers", "99", "slots")),
    Mistake("too few thresholds", fit(thresholds=[0.5, 0.5]), ParamError, ("thresholds", "3 classes", "2")),
    Mistake(
        "class weights of another number", fit(classWeights=[1.0, 2.0]), ParamError, ("classWeights", "3 classes", "2")
    ),
    Mistake(
        "negative class weight", fit(classWeights=[1.0, -2.0, 1.0]), ParamError, ("classWeights", "0 or more", "-2.0")
    ),
    Mistake(
        "class weight NaN", fit(classWeights=[1.0, float("nan"), 1.0]), ParamError, ("classWeights", "finite", "nan")
    ),
    Mistake("class weights all 0", fit(classWeights=[0, 0, 0]), ParamError, ("classWeights", "not all 0")),
    Mistake(
        "class weights of a class left out",
        fit(classWeights={0: 1.0, 2: 5.0}),
        ParamError,
        ("classWeights", "every class", "{0: 1.0, 2: 5.0}"),
    ),
    Mistake(
        "class weights that are texts", fit(classWeights=["a", "b"]), ParamError, ("classWeights", "'a'", "'balanced'")
    ),
    Mistake(
        "class weights of a regression",
        fit(layers=[4, 1], loss="squared", classWeights="balanced"),
        ParamError,
        ("classWeights", "no classes", "weightCol"),
    ),
    Mistake(
        "class weights of several outputs",
        fit(layers=[TRUNK, Output(), Dense(1), Output(column="weight")], loss="squared", classWeights=[1.0, 1.0]),
        ParamError,
        ("classWeights", "several outputs", "weightCol"),
    ),
    Mistake(
        "class weights of classes without rows",
        fit_on(every("label", 0.0), classWeights=[0.0, 1.0, 1.0]),
        DataError,
        ("classWeights", "(0.0, 1.0, 1.0)", "has rows"),
        True,
    ),
    Mistake("an unknown metric", fit(metrics=["f2"]), ParamError, ("metrics", "'f2'", "f1")),
    Mistake("one metric for a list", fit(metrics="f1"), ParamError, ("metrics", "list", "'f1'")),
    Mistake(
        "a metric of numbers for classes",
        fit(metrics=["rmse"]),
        ParamError,
        ("rmse", "numbers", "softmax_cross_entropy"),
    ),
    Mistake("one metric twice", fit(metrics=["f1", {"kind": "f1", "average": "macro"}]), ParamError, ("'f1'", "twice")),
    Mistake("top five of three", fit(metrics=["top_k"]), ParamError, ("top_k", "more than 5 classes")),
    Mistake("nothing to monitor", fit(monitor="f1"), ParamError, ("monitor", "validationIndicatorCol")),
    Mistake(
        "an unknown monitor",
        fit(monitor="acuracy", validationIndicatorCol="held"),
        ParamError,
        ("monitor", "'acuracy'", "'accuracy'"),
    ),
    Mistake("negative threshold", fit(thresholds=[0.5, -0.5, 1.0]), ParamError, ("thresholds", "-0.5")),
    Mistake(
        "compression of averages", fit(compression="fp16", syncEvery=5), ParamError, ("compression", "syncEvery=5")
    ),
    Mistake(
        "compression beside overlap", fit(compression="topk", overlap=True), ParamError, ("compression", "overlap")
    ),
    Mistake("overlap of averages", fit(overlap=True, syncEvery=5), ParamError, ("overlap", "syncEvery=5")),
    Mistake(
        "overlap of what may be averages",
        fit(overlap=True, syncEvery="auto"),
        ParamError,
        ("overlap", "syncEvery=auto"),
    ),
    Mistake(
        "overlap of blocks",
        fit(overlap=True, modelBlocks=2, numTrainWorkers=2),
        ParamError,
        ("overlap", "2 blocks", "modelBlocks"),
    ),
    Mistake(
        "compression without sockets",
        fit(compression="fp16", exchange="spark"),
        ParamError,
        ("compression", "exchange='spark'", "'sockets'"),
    ),
    Mistake(
        "overlap without sockets", fit(overlap=True, exchange="spark"), ParamError, ("overlap", "exchange='spark'")
    ),
    *(
        Mistake(f"lbfgs with {name}", lbfgs(**params), ParamError, (name, "lbfgs", "adam"))
        for name, params in {
            "learningRate": {"learningRate": 0.1},
            "schedule": {"schedule": "cosine"},
            "clipNorm": {"clipNorm": 1.0},
            "elasticNetParam": {"regParam": 0.1, "elasticNetParam": 0.5},
            "syncEvery": {"syncEvery": 5},
            "compression": {"compression": "fp16"},
            "overlap": {"overlap": True},
            "modelBlocks": {"modelBlocks": 2, "numTrainWorkers": 2},
            "exchange='spark'": {"exchange": "spark"},
            "'dropout'": {"layers": [Dense(4), Dropout(0.5), Dense(3)]},
            "'batch_norm'": {"layers": [Dense(4), BatchNorm(), Dense(3)]},
            "'dense/W'": {"layers": [Dense(4, rates={"W": 2.0}), Dense(3)]},
        }.items()
    ),
    Mistake(
        "explainPlan of lbfgs",
        lambda df: DeepNetEstimator(layers=[4, 5, 3], solver="lbfgs").explainPlan(df),
        ParamError,
        ("explainPlan", "lbfgs", "passes over all rows"),
    ),
    Mistake("thresholds of a regression", fit(layers=[Dense(1)], thresholds=[0.5]), ParamError, ("thresholds",)),
]

MISTAKES = COLUMNS + LENGTHS + VALUES + NAMES + SHAPES + OTHERS

RANGES: dict[str, tuple[Any, ...]] = {
    "maxIter": (0,),
    "maxSteps": (-1,),
    "batchSize": (0,),
    "learningRate": (0.0, -1.0, float("nan"), float("inf")),
    "momentum": (1.0, -0.1),
    "validationFraction": (-0.1, 1.0, float("nan")),
    "regParam": (-0.1, float("nan")),
    "elasticNetParam": (-0.1, 1.1),
    "tol": (-1.0,),
    "patience": (-1,),
    "clipNorm": (-1.0,),
    "clipValue": (-1.0,),
    "numTrainWorkers": (-1,),
    "modelBlocks": (0,),
    "syncEvery": (0,),
    "syncEpochs": (-1,),
    "syncState": ("sum",),
    "syncMomentum": (1.0, -0.1, float("nan")),
    "syncRate": (0.0, -1.0, float("nan"), float("inf")),
    "exchange": ("mpi",),
    "maxMemoryInMB": (-1,),
    "encryption": ("yes",),
    "checkpointInterval": (0, -2),
    "keepCheckpoints": (0,),
    "jobSeconds": (-1.0,),
    "timeout": (0.0,),
    "handleInvalid": ("ignore",),
    "classWeights": ("even",),
}
"""Values that a Param must refuse."""
