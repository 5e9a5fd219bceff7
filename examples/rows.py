"""Digits read row by row: a recurrent network sees an image as a sequence of its rows.

python examples/rows.py                         # scikit-learn's digits: 8 rows of 8
python examples/rows.py --data DIR --layer simple_rnn   # MNIST's files: 28 rows of 28
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from example_data import digits, frame, mnist, session
from pyspark.ml.evaluation import MulticlassClassificationEvaluator

from spark_deepnet import DeepNetEstimator
from spark_deepnet.layers import GRU, LSTM, Dense, Rescaling, SimpleRNN

LAYERS = {"lstm": LSTM, "gru": GRU, "simple_rnn": SimpleRNN}
SCHEMA = "image binary, label double"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--data", type=Path, help="a folder with MNIST's idx files")
    arguments.add_argument("--layer", choices=LAYERS, default="lstm")
    arguments.add_argument("--epochs", type=int)
    options = arguments.parse_args()

    spark = session("rows")
    images, labels, test_images, test_labels = mnist(options.data) if options.data else digits()
    train = frame(spark, {"image": map(np.ndarray.tobytes, images), "label": labels}, SCHEMA)
    test = frame(spark, {"image": map(np.ndarray.tobytes, test_images), "label": test_labels}, SCHEMA)
    net = DeepNetEstimator(
        layers=[Rescaling(1 / 255), LAYERS[options.layer](128), Dense(10, "softmax")],
        inputShape=list(images.shape[1:]),
        featuresCol="image",
        learningRate=0.003 if options.layer != "simple_rnn" else 0.001,
        schedule="cosine",
        clipNorm=1.0,
        maxIter=options.epochs or (4 if options.data else 30),
        batchSize=128,
        numTrainWorkers=2,
        showProgress=True,
    )
    model = net.fit(train)
    accuracy = MulticlassClassificationEvaluator(metricName="accuracy").evaluate(model.transform(test))
    print(f"{options.layer}: {model.summary.seconds:.1f} s, test accuracy {accuracy:.4f}")
    spark.stop()


if __name__ == "__main__":
    main()
