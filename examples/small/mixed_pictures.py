"""A folder of pictures of all sizes, with a folder for each class; where none is given, circles and squares are drawn."""

import sys
import tempfile

from drawing import draw_pictures
from pyspark.ml.feature import StringIndexer
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from spark_deepnet import DeepNetEstimator
from spark_deepnet.layers import Conv2D, Dense, Rescaling, Resizing

spark = SparkSession.builder.getOrCreate()
folder = sys.argv[1] if len(sys.argv) > 1 else draw_pictures(tempfile.mkdtemp())
pictures = spark.read.format("image").option("recursiveFileLookup", True).load(folder)
classes = pictures.withColumn("class", F.element_at(F.split("image.origin", "/"), -2))
labelled = StringIndexer(inputCol="class", outputCol="label").fit(classes).transform(classes)
train, test = labelled.randomSplit([0.75, 0.25], seed=0)
layers = [Resizing(24, 24), Rescaling(1 / 255), Conv2D(8, 3, activation="relu"), "flatten", Dense(2, "softmax")]
net = DeepNetEstimator(featuresCol="image", layers=layers, maxIter=30, batchSize=16, learningRate=0.005)
scored = net.fit(train).transform(test)
print(f"accuracy: {scored.where('label = prediction').count() / scored.count():.3f}")
