"""Stacks of 3x3 convolutions, as in VGG (Simonyan and Zisserman, ICLR 2015), over images of 64x64."""

from __future__ import annotations

from typing import Any

from spark_deepnet.layers import Conv2D, Dense, Flatten, MaxPool2D
from tests.benchmarks.networks.network import Network

STACKS = ((64, 64), (128, 128), (256, 256, 256))
"""The filters of each stack, behind which a max pooling stands."""
UNITS = 512


def vgg() -> list[Any]:
    maps = [
        layer
        for stack in STACKS
        for layer in (*(Conv2D(filters, 3, padding=1, activation="relu") for filters in stack), MaxPool2D(2))
    ]
    return [*maps, Flatten(), Dense(UNITS, "relu"), Dense(10)]


def torch_vgg() -> Any:
    from torch import nn

    from tests.benchmarks.networks.torch_parts import conv

    maps: list[Any] = []
    ins = 3
    for stack in STACKS:
        for filters in stack:
            maps += conv(ins, filters, 3, padding=1)
            ins = filters
        maps.append(nn.MaxPool2d(2))
    return nn.Sequential(*maps, nn.Flatten(), nn.Linear(8 * 8 * ins, UNITS), nn.ReLU(), nn.Linear(UNITS, 10))


NETWORKS = {"VGG stacks 64x64": Network(vgg(), (64, 64, 3), torch_vgg, 5, rows=16)}
