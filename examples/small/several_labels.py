"""Several labels a row: the ids of those that are predicted, as Spark ML's evaluator wants them."""

from pyspark.ml.evaluation import MultilabelClassificationEvaluator
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from sklearn.datasets import make_multilabel_classification

from spark_deepnet import DeepNetEstimator
from spark_deepnet.layers import Dense

spark = SparkSession.builder.getOrCreate()
x, flags = make_multilabel_classification(600, n_features=20, n_classes=4, random_state=0)
df = spark.createDataFrame(
    list(zip(x.tolist(), flags.tolist(), strict=True)), "features array<double>, label array<int>"
)
ids = F.transform("label", lambda yes, k: F.when(yes == 1, k.cast("double")))
df = df.withColumn("ids", F.filter(ids, lambda k: k.isNotNull()))
train, test = df.randomSplit([0.8, 0.2], seed=0)
net = DeepNetEstimator(layers=[Dense(32, "relu"), Dense(4, "sigmoid")], maxIter=30, batchSize=32, learningRate=0.01)
scored = net.fit(train).transform(test)
scored.select("ids", "predictedLabels").show(5)
f1 = MultilabelClassificationEvaluator(labelCol="ids", predictionCol="predictedLabels", metricName="microF1Measure")
print(f"F1: {f1.evaluate(scored):.3f}")
