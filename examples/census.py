"""Wide and deep: a census table with categories as embeddings beside numbers (Cheng et al., DLRS 2016).

python examples/census.py --data DIR            # UCI's adult census: adult-train.csv and adult-test.csv, gzipped or not
"""

from __future__ import annotations

import argparse
from pathlib import Path

from example_data import file_in, session
from pyspark.ml import Pipeline
from pyspark.ml.evaluation import MulticlassClassificationEvaluator
from pyspark.ml.feature import OneHotEncoder, StandardScaler, StringIndexer, VectorAssembler
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from spark_deepnet import DeepNetEstimator
from spark_deepnet.layers import Concatenate, Dense, Dropout, Embedding, Flatten, Input

SOURCE = "https://archive.ics.uci.edu/dataset/2/adult, where the two are adult.data and adult.test"
NUMBERS = ["age", "education_num", "capital_gain", "capital_loss", "hours"]
WORDS = ["workclass", "education", "marital", "occupation", "relationship", "race", "sex", "country"]
COLUMNS = ["age", "workclass", "weight", "education", "education_num", "marital", "occupation", "relationship", "race",
           "sex", "capital_gain", "capital_loss", "hours", "country", "income"]  # fmt: skip


def stats(spark: SparkSession, folder: Path, part: str) -> DataFrame:
    path = file_in(folder, f"adult-{part}.csv", SOURCE)
    schema = ", ".join(f"{name} {'double' if name in NUMBERS else 'string'}" for name in COLUMNS)
    df = spark.read.csv(str(path), schema=schema, ignoreLeadingWhiteSpace=True, mode="DROPMALFORMED")
    rich = F.col("income").startswith(">50K").cast("double")
    logs = {name: F.log1p(name) for name in ("capital_gain", "capital_loss")}
    return df.withColumns({"label": rich} | logs).drop("income", "weight").cache()


def layers(sizes: dict[str, int]) -> list[object]:
    """Embeddings of the categories and the numbers feed the deep part; one-hot categories feed the wide part."""
    parts: list[object] = [Input(name="wide", column="wide"), Input(name="numbers", column="scaled")]
    for name in sizes:
        parts += [Input((1,), name=name, column=f"{name}_index")]
    for name, size in sizes.items():
        parts += [Embedding(size, 8, name=f"{name}_embedding", inputs=(name,)), Flatten(name=f"{name}_flat")]
    deep = ("numbers", *(f"{name}_flat" for name in sizes))
    return [
        *parts,
        Concatenate(inputs=deep),
        Dense(64, "relu"),
        Dropout(0.3),
        Dense(32, "relu", name="deep"),
        Concatenate(inputs=("wide", "deep")),
        Dense(2, "softmax"),
    ]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--data", type=Path, required=True)
    arguments.add_argument("--epochs", type=int, default=10)
    options = arguments.parse_args()

    spark = session("census")
    train, test = stats(spark, options.data, "train"), stats(spark, options.data, "test")
    indices = [f"{name}_index" for name in WORDS]
    indexer = StringIndexer(inputCols=WORDS, outputCols=indices, handleInvalid="keep")
    sizes = {name: len(labels) + 1 for name, labels in zip(WORDS, indexer.fit(train).labelsArray, strict=True)}
    stages = [
        indexer,
        OneHotEncoder(inputCols=indices, outputCols=[f"{name}_hot" for name in WORDS], dropLast=False),
        VectorAssembler(inputCols=[f"{name}_hot" for name in WORDS], outputCol="wide"),
        VectorAssembler(inputCols=NUMBERS, outputCol="numbers"),
        StandardScaler(inputCol="numbers", outputCol="scaled", withMean=True),
        DeepNetEstimator(
            layers=layers(sizes),
            standardization=False,  # numbers are, and one-hot categories stay sparse
            learningRate=0.002,
            schedule="cosine",
            maxIter=options.epochs,
            batchSize=256,
            numTrainWorkers=2,
            showProgress=True,
        ),
    ]
    model = Pipeline(stages=stages).fit(train)
    accuracy = MulticlassClassificationEvaluator(metricName="accuracy").evaluate(model.transform(test))
    print(f"{model.stages[-1].summary.seconds:.1f} s, test accuracy {accuracy:.4f}")
    spark.stop()


if __name__ == "__main__":
    main()
