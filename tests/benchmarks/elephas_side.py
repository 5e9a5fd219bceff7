"""Elephas's side of a row, run by a Python of its own: ``python elephas_side.py DATA.npz EPOCHS BATCH RATE MOMENTUM``
prints the seconds of fit and the test accuracy. Nothing of this project is imported."""

import json
import os
import sys
from time import perf_counter

os.environ |= {"CUDA_VISIBLE_DEVICES": "", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
os.environ["PYSPARK_PYTHON"] = sys.executable

import keras
import numpy as np
from elephas.spark_model import SparkModel
from elephas.utils.rdd_utils import to_simple_rdd
from keras.layers import Conv2D, Dense, Flatten, Input, MaxPooling2D, Rescaling
from pyspark.sql import SparkSession


def main(data: str, epochs: int, batch: int, rate: float, momentum: float) -> None:
    config = {"spark.driver.memory": "6g", "spark.ui.enabled": "false", "spark.rpc.message.maxSize": "512"}
    spark = SparkSession.builder.master("local[2]").config(map=config).getOrCreate()
    with np.load(data) as arrays:
        images, labels, test_images, test_labels = (arrays[name] for name in ("x", "y", "test_x", "test_y"))
    rows = to_simple_rdd(spark.sparkContext, images[..., None], np.eye(10, dtype=np.float32)[labels]).cache()
    rows.count()
    model = SparkModel(lenet(rate, momentum), mode="synchronous", num_workers=2)
    start = perf_counter()
    model.fit(rows, epochs=epochs, batch_size=batch, verbose=0, validation_split=0.0)
    seconds = perf_counter() - start
    found = model.master_network.predict(test_images[..., None], verbose=0).argmax(1)
    print(json.dumps({"seconds": seconds, "accuracy": float((found == test_labels).mean())}))


def lenet(rate: float, momentum: float) -> keras.Model:
    maps = [Conv2D(20, 5, activation="relu"), MaxPooling2D(2), Conv2D(50, 5, activation="relu"), MaxPooling2D(2)]
    top = [Flatten(), Dense(500, activation="relu"), Dense(10, activation="softmax")]
    model = keras.Sequential([Input((28, 28, 1)), Rescaling(1 / 255), *maps, *top])
    model.compile(keras.optimizers.SGD(rate, momentum=momentum), "categorical_crossentropy", metrics=["accuracy"])
    return model


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:4]), *map(float, sys.argv[4:6]))
