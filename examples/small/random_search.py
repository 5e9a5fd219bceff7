"""A random search over layers and learning rates: the losers end after few epochs, and all samples are a table."""

from pyspark.ml.evaluation import MulticlassClassificationEvaluator
from pyspark.sql import SparkSession
from scipy.stats import loguniform
from sklearn.datasets import load_wine

from spark_deepnet import DeepNetEstimator, RandomSearch
from spark_deepnet.layers import Dense

spark = SparkSession.builder.getOrCreate()
x, y = load_wine(return_X_y=True)
rows = list(zip(x.tolist(), map(float, y), strict=True))
df = spark.createDataFrame(rows, "features array<double>, label double").cache()
net = DeepNetEstimator(maxIter=18, batchSize=16, inputShape=[13])
nets = [[Dense(units, "relu"), Dense(3, "softmax")] for units in (2, 8, 32)]
space = {"layers": nets, "learningRate": loguniform(1e-4, 0.1)}
accuracy = MulticlassClassificationEvaluator(metricName="accuracy")
search = RandomSearch(estimator=net, space=space, evaluator=accuracy, numSamples=6, numFolds=2, halving=3)
tuned = search.fit(df)
print(tuned.table.to_string())
print(f"best: {tuned.bestModel.getLayers()}, accuracy {tuned.avgMetrics[tuned.bestIndex]:.3f}")
