"""A regression with two targets: each has a column of predictions, which evaluators take."""

import numpy as np
import pandas as pd
from pyspark.ml.evaluation import RegressionEvaluator
from pyspark.sql import SparkSession
from sklearn.datasets import make_regression

from spark_deepnet import DeepNetEstimator
from spark_deepnet.layers import Dense

spark = SparkSession.builder.getOrCreate()
x, y = make_regression(600, 5, n_targets=2, noise=2.0, random_state=0)
df = spark.createDataFrame(pd.DataFrame(np.c_[x, y / y.std(0)], columns=[*"abcde", "height", "weight"]))
train, test = df.randomSplit([0.8, 0.2], seed=0)
net = DeepNetEstimator(
    featuresCols=list("abcde"), labelCols=["height", "weight"], layers=[Dense(32, "relu"), Dense(2)],
    maxIter=40, batchSize=32, learningRate=0.01, numTrainWorkers=1,
)  # fmt: skip
scored = net.fit(train).transform(test)
for name in net.getLabelCols():
    r2 = RegressionEvaluator(labelCol=name, predictionCol=f"prediction_{name}", metricName="r2").evaluate(scored)
    print(f"R2 of {name}: {r2:.3f}")
