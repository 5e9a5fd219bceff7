"""A custom layer in a network: written in own_maxout.py, sent to the executors, trained, saved and loaded.

python examples/own_layer.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from example_data import digits, frame, session
from own_maxout import Maxout
from pyspark.ml.evaluation import MulticlassClassificationEvaluator

from spark_deepnet import DeepNetEstimator, DeepNetModel
from spark_deepnet.layers import Dense

SCHEMA = "pixels array<float>, label double"


def main() -> None:
    spark = session("own layer")
    spark.addArtifact(str(Path(__file__).with_name("own_maxout.py")), pyfile=True)  # so that executors can import it
    images, labels, test_images, test_labels = digits()
    train, test = (
        frame(spark, {"pixels": x.reshape(len(x), -1).astype(np.float32) / 255, "label": y}, SCHEMA)
        for x, y in ((images, labels), (test_images, test_labels))
    )
    net = DeepNetEstimator(
        layers=[Dense(256), Maxout(4), Dense(10, "softmax")],
        featuresCol="pixels",
        learningRate=0.005,
        schedule="cosine",
        maxIter=20,
        batchSize=64,
        numTrainWorkers=2,
    )
    model = net.fit(train)
    accuracy = MulticlassClassificationEvaluator(metricName="accuracy")
    with tempfile.TemporaryDirectory() as folder:
        model.write().overwrite().save(folder)
        again = DeepNetModel.load(folder)
        accuracies = [accuracy.evaluate(m.transform(test)) for m in (model, again)]
        print("test accuracy {:.4f}, of the model saved and loaded {:.4f}".format(*accuracies))
    print(again.net.summary())
    spark.stop()


if __name__ == "__main__":
    main()
