"""CaffeNet, Caffe's AlexNet (Krizhevsky et al., NIPS 2012), which SparkNet was measured with."""

from __future__ import annotations

from typing import Any

from spark_deepnet.layers import Conv2D, Dense, Dropout, Flatten, LocalResponseNorm, MaxPool2D
from tests.benchmarks.networks.network import Network

CAFFENET = [
    Conv2D(96, 11, strides=4, activation="relu"), MaxPool2D(3, 2), LocalResponseNorm(5, 1e-4),
    Conv2D(256, 5, padding=2, groups=2, activation="relu"), MaxPool2D(3, 2), LocalResponseNorm(5, 1e-4),
    Conv2D(384, 3, padding=1, activation="relu"),
    Conv2D(384, 3, padding=1, groups=2, activation="relu"),
    Conv2D(256, 3, padding=1, groups=2, activation="relu"), MaxPool2D(3, 2), Flatten(),
    Dense(4096, "relu"), Dropout(0.5), Dense(4096, "relu"), Dropout(0.5), Dense(1000),
]  # fmt: skip


def torch_caffenet() -> Any:
    from torch import nn

    from tests.benchmarks.networks.torch_parts import conv

    return nn.Sequential(
        *conv(3, 96, 11, stride=4), nn.MaxPool2d(3, 2), nn.LocalResponseNorm(5, 1e-4),
        *conv(96, 256, 5, padding=2, groups=2), nn.MaxPool2d(3, 2), nn.LocalResponseNorm(5, 1e-4),
        *conv(256, 384, 3, padding=1),
        *conv(384, 384, 3, padding=1, groups=2),
        *conv(384, 256, 3, padding=1, groups=2), nn.MaxPool2d(3, 2), nn.Flatten(),
        nn.Linear(9216, 4096), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(0.5),
        nn.Linear(4096, 1000),
    )  # fmt: skip


NETWORKS = {"AlexNet 227x227": Network(CAFFENET, (227, 227, 3), torch_caffenet, 5, rows=16, classes=1000)}
