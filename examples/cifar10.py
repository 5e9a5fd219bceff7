"""Caffe's CIFAR-10 quick: color images as bytes in the DataFrame; mean subtraction, random crops and flips are layers.

python examples/cifar10.py --data DIR           # CIFAR-10's binary version, or an .npz with its images
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from example_data import arguments, pictures, result, session

from spark_deepnet import DeepNetEstimator
from spark_deepnet.layers import (
    AveragePool2D,
    Conv2D,
    Dense,
    Flatten,
    MaxPool2D,
    MeanSubtraction,
    RandomCrop,
    RandomFlip,
    Relu,
    Rescaling,
    ZeroPadding2D,
)

SIDE = 32
UNPACKED = Path("cifar-10-batches-bin")


def cifar10(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(training images, labels, test images, labels): (n, 32, 32, 3) uint8, red first, and (n,) float64."""
    if archives := sorted(folder.glob("*.npz")):
        arrays = np.load(archives[0])
        parts = [(arrays[f"x_{part}"], arrays[f"y_{part}"]) for part in ("train", "test")]
    else:
        parts = [binary(sorted(folder.glob(name))) for name in ("data_batch_*.bin", "test_batch.bin")]
    (images, labels), (test_images, test_labels) = parts
    return images, labels.astype(float), test_images, test_labels.astype(float)


def binary(files: list[Path]) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of files of the binary version: a row is a label, then a plane of each color."""
    if not files:
        raise SystemExit(
            "There is no CIFAR-10 here: unpack its binary version from https://www.cs.toronto.edu/~kriz/cifar.html and "
            "give the folder of its data_batch_*.bin and test_batch.bin as --data."
        )
    rows = np.concatenate([np.fromfile(file, np.uint8) for file in files]).reshape(-1, 1 + 3 * SIDE * SIDE)
    planes = rows[:, 1:].reshape(-1, 3, SIDE, SIDE)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), rows[:, 0]


def quick(mean: np.ndarray) -> list[object]:
    """Data augmentation, then the layers of cifar10_quick_train_test.prototxt."""
    return [
        MeanSubtraction(tuple(map(float, mean))),
        Rescaling(1 / 64),
        ZeroPadding2D(4),
        RandomCrop(SIDE, SIDE),
        RandomFlip(),
        Conv2D(32, 5, padding=2, initializer="he_normal"),
        MaxPool2D(3, 2, ceil=True),
        Relu(),
        Conv2D(32, 5, padding=2, activation="relu", initializer="he_normal"),
        AveragePool2D(3, 2, ceil=True),
        Conv2D(64, 5, padding=2, activation="relu", initializer="he_normal"),
        AveragePool2D(3, 2, ceil=True),
        Flatten(),
        Dense(64),
        Dense(10, "softmax"),
    ]


def main() -> None:
    parser = arguments(
        __doc__, "a folder with CIFAR-10's binary version, or an .npz of x_train, y_train, x_test, y_test"
    )
    options = parser.parse_args()
    images, labels, test_images, test_labels = cifar10(options.data or UNPACKED)
    spark = session("cifar10")
    train, test = pictures(spark, images, labels), pictures(spark, test_images, test_labels)
    net = DeepNetEstimator(
        layers=quick(images.mean((0, 1, 2))),
        inputShape=[SIDE, SIDE, 3],
        featuresCol="image",
        learningRate=0.002,
        schedule="cosine",
        maxIter=options.epochs or 20,
        batchSize=64,
        numTrainWorkers=2,
        showProgress=True,
    )
    print(result(net.fit(train), test))
    spark.stop()


if __name__ == "__main__":
    main()
