"""Blocks of MobileNet (Howard et al., arXiv 1704.04861): a 3x3 convolution of each channel, 1x1 over all."""

from __future__ import annotations

from typing import Any

from spark_deepnet.layers import BatchNorm, Conv2D, Dense, GlobalAveragePool2D, Relu
from tests.benchmarks.networks.network import Network

BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1))
"""Filters, and the strides of the convolution before them."""
FIRST = 32


def mobile() -> list[Any]:
    layers: list[Any] = [Conv2D(FIRST, 3, strides=2, padding=1, bias=False), BatchNorm(), Relu()]
    channels = FIRST
    for filters, strides in BLOCKS:
        layers += [Conv2D(channels, 3, strides=strides, padding=1, groups=channels, bias=False), BatchNorm(), Relu()]
        layers += [Conv2D(filters, 1, bias=False), BatchNorm(), Relu()]
        channels = filters
    return [*layers, GlobalAveragePool2D(), Dense(10)]


def torch_mobile() -> Any:
    from torch import nn

    from tests.benchmarks.networks.torch_parts import Mean, norm

    layers: list[Any] = [nn.Conv2d(3, FIRST, 3, 2, 1, bias=False), norm(FIRST), nn.ReLU()]
    channels = FIRST
    for filters, strides in BLOCKS:
        depthwise = nn.Conv2d(channels, channels, 3, strides, 1, groups=channels, bias=False)
        layers += [depthwise, norm(channels), nn.ReLU()]
        layers += [nn.Conv2d(channels, filters, 1, bias=False), norm(filters), nn.ReLU()]
        channels = filters
    return nn.Sequential(*layers, Mean(2, 3), nn.Linear(channels, 10))


NETWORKS = {"MobileNet 112x112": Network(mobile(), (112, 112, 3), torch_mobile, 7, rows=16)}
