"""CrossValidator over layers and learning rates, and the layers of the best model."""

from pyspark.ml.evaluation import MulticlassClassificationEvaluator
from pyspark.ml.tuning import CrossValidator, ParamGridBuilder
from pyspark.sql import SparkSession
from sklearn.datasets import load_wine
from sklearn.preprocessing import scale

from spark_deepnet import DeepNetEstimator
from spark_deepnet.layers import Dense

spark = SparkSession.builder.getOrCreate()
x, y = load_wine(return_X_y=True)
rows = list(zip(scale(x).tolist(), map(float, y), strict=True))
df = spark.createDataFrame(rows, "features array<double>, label double").cache()
net = DeepNetEstimator(maxIter=15, batchSize=16, numTrainWorkers=1)
nets = [[Dense(units, "relu"), Dense(3, "softmax")] for units in (2, 32)]
grid = ParamGridBuilder().addGrid(net.layers, nets).addGrid(net.learningRate, [0.001, 0.01]).build()
accuracy = MulticlassClassificationEvaluator(metricName="accuracy")
tuned = CrossValidator(estimator=net, estimatorParamMaps=grid, evaluator=accuracy, numFolds=2, seed=1).fit(df)
for params, score in zip(grid, tuned.avgMetrics, strict=True):
    print(f"{score:.3f}", {param.name: value for param, value in params.items()})
print(f"best: {tuned.bestModel.getLayers()}, accuracy {max(tuned.avgMetrics):.3f}")
