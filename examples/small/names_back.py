"""Labels that are texts: StringIndexer makes classes of them, IndexToString makes texts of the predictions."""

from pyspark.ml import Pipeline
from pyspark.ml.feature import IndexToString, StringIndexer
from pyspark.sql import SparkSession
from sklearn.datasets import load_iris

from spark_deepnet import DeepNetEstimator

spark = SparkSession.builder.getOrCreate()
iris = load_iris(as_frame=True)
table = iris.data.assign(species=iris.target_names[iris.target])
train, test = spark.createDataFrame(table).randomSplit([0.7, 0.3], seed=1)
net = DeepNetEstimator(featuresCols=list(iris.data.columns), layers=[4, 16, 3], maxIter=80, batchSize=16)
net.setLearningRate(0.02).setNumTrainWorkers(1)
names = StringIndexer(inputCol="species", outputCol="label")
back = IndexToString(inputCol="prediction", outputCol="predicted")
scored = Pipeline(stages=[names, net, back]).fit(train).transform(test)
scored.select("species", "predicted").show(5)
print(f"accuracy: {scored.where('species = predicted').count() / scored.count():.3f}")
