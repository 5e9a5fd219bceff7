"""LeNet on handwritten digits: bytes in the DataFrame, convolutions in the network.

python examples/lenet.py                        # scikit-learn's digits of 8x8, with smaller kernels
python examples/lenet.py --data DIR             # MNIST's four idx files in DIR, gzipped or not
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from example_data import digits, frame, mnist, session
from pyspark.ml.evaluation import MulticlassClassificationEvaluator

from spark_deepnet import DeepNetEstimator
from spark_deepnet.layers import Conv2D, Dense, Dropout, Flatten, MaxPool2D, Rescaling

SCHEMA = "image binary, label double"


def lenet(kernel: int) -> list[object]:
    """LeNet as Caffe's example has it (20 and 50 maps, 500 units), for kernels of that size, with dropout."""
    return [
        Rescaling(1 / 255),
        Conv2D(20, kernel, activation="relu", initializer="he_normal"),
        MaxPool2D(2, 2),
        Conv2D(50, kernel, activation="relu", initializer="he_normal"),
        MaxPool2D(2, 2),
        Flatten(),
        Dense(500, "relu", initializer="he_normal"),
        Dropout(0.5),
        Dense(10, "softmax"),
    ]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--data", type=Path, help="a folder with MNIST's idx files")
    arguments.add_argument("--epochs", type=int)
    options = arguments.parse_args()

    spark = session("lenet")
    images, labels, test_images, test_labels = mnist(options.data) if options.data else digits()
    train = frame(spark, {"image": map(np.ndarray.tobytes, images), "label": labels}, SCHEMA)
    test = frame(spark, {"image": map(np.ndarray.tobytes, test_images), "label": test_labels}, SCHEMA)
    net = DeepNetEstimator(
        layers=lenet(5 if options.data else 2),
        inputShape=[*images.shape[1:], 1],
        featuresCol="image",
        solver="adam",
        learningRate=0.002,
        schedule="cosine",
        maxIter=options.epochs or (3 if options.data else 40),
        batchSize=64,
        numTrainWorkers=2,
        showProgress=True,
    )
    model = net.fit(train)
    accuracy = MulticlassClassificationEvaluator(metricName="accuracy").evaluate(model.transform(test))
    print(f"{model.summary.seconds:.1f} s, {model.summary.rowsPerSecond:,.0f} rows/s, test accuracy {accuracy:.4f}")
    spark.stop()


if __name__ == "__main__":
    main()
