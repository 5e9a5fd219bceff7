"""Networks over images of up to 32x32, and blocks of larger ones."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from spark_deepnet.layers import Add, BatchNorm, Conv2D, Dense, Flatten, GlobalAveragePool2D, MaxPool2D, Relu
from spark_deepnet.layers.average_pool2d import AveragePool2D
from tests.benchmarks.networks.network import Network


def conv3(filters: int, **options: Any) -> Conv2D:
    return Conv2D(filters, 3, padding=1, **options)


LENET = [Conv2D(20, 5), MaxPool2D(2, 2), Conv2D(50, 5), MaxPool2D(2, 2), Flatten(), Dense(500, "relu"), Dense(10)]
CIFAR = [
    Conv2D(32, 5, padding=2), MaxPool2D(3, 2, ceil=True), Relu(),
    Conv2D(32, 5, padding=2, activation="relu"), AveragePool2D(3, 2, ceil=True),
    Conv2D(64, 5, padding=2, activation="relu"), AveragePool2D(3, 2, ceil=True),
    Flatten(), Dense(64), Dense(10),
]  # fmt: skip
THREE = [*(conv3(filters, activation="relu") for filters in (64, 64, 128)), GlobalAveragePool2D(), Dense(10)]
DEPTHWISE = [
    conv3(64, groups=64), BatchNorm(), Relu(), Conv2D(128, 1), BatchNorm(), Relu(), GlobalAveragePool2D(), Dense(10),
]  # fmt: skip
RESNET = [
    conv3(64, bias=False), BatchNorm(), Relu(), conv3(64, bias=False), BatchNorm(name="end"),
    Add(inputs=("end", "features")), Relu(), GlobalAveragePool2D(), Dense(10),
]  # fmt: skip


def torch_lenet() -> Any:
    from torch import nn

    maps = [nn.Conv2d(1, 20, 5), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.MaxPool2d(2)]
    return nn.Sequential(*maps, nn.Flatten(), nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10))


def torch_cifar() -> Any:
    from torch import nn

    return nn.Sequential(
        nn.Conv2d(3, 32, 5, padding=2), nn.MaxPool2d(3, 2, ceil_mode=True), nn.ReLU(),
        nn.Conv2d(32, 32, 5, padding=2), nn.ReLU(), nn.AvgPool2d(3, 2, ceil_mode=True),
        nn.Conv2d(32, 64, 5, padding=2), nn.ReLU(), nn.AvgPool2d(3, 2, ceil_mode=True),
        nn.Flatten(), nn.Linear(1024, 64), nn.Linear(64, 10),
    )  # fmt: skip


def torch_three() -> Any:
    from torch import nn

    from tests.benchmarks.networks.torch_parts import Mean, conv

    maps = [part for a, b in pairwise((3, 64, 64, 128)) for part in conv(a, b, 3, padding=1)]
    return nn.Sequential(*maps, Mean(2, 3), nn.Linear(128, 10))


def torch_depthwise() -> Any:
    from torch import nn

    from tests.benchmarks.networks.torch_parts import Mean, norm

    return nn.Sequential(
        nn.Conv2d(64, 64, 3, padding=1, groups=64), norm(64), nn.ReLU(),
        nn.Conv2d(64, 128, 1), norm(128), nn.ReLU(), Mean(2, 3), nn.Linear(128, 10),
    )  # fmt: skip


def torch_resnet() -> Any:
    from torch import nn

    from tests.benchmarks.networks.torch_parts import Mean, Residual, norm

    first, second = (nn.Conv2d(64, 64, 3, padding=1, bias=False) for _ in range(2))
    body = nn.Sequential(first, norm(64), nn.ReLU(), second, norm(64))
    return nn.Sequential(Residual(body, nn.ReLU()), Mean(2, 3), nn.Linear(64, 10))


NETWORKS = {
    "LeNet": Network(LENET, (28, 28, 1), torch_lenet, 20),
    "CIFAR-10 quick": Network(CIFAR, (32, 32, 3), torch_cifar, 10),
    "three 3x3 convolutions": Network(THREE, (32, 32, 3), torch_three, 5),
    "depthwise-separable block": Network(DEPTHWISE, (32, 32, 64), torch_depthwise, 7),
    "ResNet block": Network(RESNET, (16, 16, 64), torch_resnet, 7),
}
