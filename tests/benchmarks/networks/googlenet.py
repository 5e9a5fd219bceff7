"""GoogLeNet, inception v1 (Szegedy et al., CVPR 2015) as in Caffe, with its main classifier alone."""

from __future__ import annotations

from typing import Any

from spark_deepnet.layers import (
    Concatenate,
    Conv2D,
    Dense,
    Dropout,
    GlobalAveragePool2D,
    LocalResponseNorm,
    MaxPool2D,
)
from tests.benchmarks.networks.network import Network

MODULES: dict[str, tuple[int, int, int, int, int, int]] = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
"""Filters of the 1x1, of the 3x3's reduction and the 3x3, of the 5x5's reduction and the 5x5, and behind the pooling."""
POOLED = ("3a", "4a", "5a")
"""A max pooling stands before these."""


def conv(filters: int, size: int, **options: Any) -> Conv2D:
    return Conv2D(filters, size, padding=size // 2, activation="relu", **options)


def inception(name: str, source: str) -> list[Any]:
    one, before3, three, before5, five, after = MODULES[name]
    return [
        conv(one, 1, inputs=(source,), name=f"{name}_1"),
        conv(before3, 1, inputs=(source,)), conv(three, 3, name=f"{name}_3"),
        conv(before5, 1, inputs=(source,)), conv(five, 5, name=f"{name}_5"),
        MaxPool2D(3, 1, padding=1, inputs=(source,)), conv(after, 1, name=f"{name}_pool"),
        Concatenate(inputs=tuple(f"{name}_{end}" for end in ("1", "3", "5", "pool")), name=name),
    ]  # fmt: skip


def googlenet() -> list[Any]:
    layers = [
        conv(64, 7, strides=2), MaxPool2D(3, 2, ceil=True), LocalResponseNorm(5, 1e-4),
        conv(64, 1), conv(192, 3), LocalResponseNorm(5, 1e-4, name="2"),
    ]  # fmt: skip
    source = "2"
    for name in MODULES:
        if name in POOLED:
            layers.append(MaxPool2D(3, 2, ceil=True, inputs=(source,), name=f"{name}_in"))
            source = f"{name}_in"
        layers += inception(name, source)
        source = name
    return [*layers, GlobalAveragePool2D(), Dropout(0.4), Dense(1000)]


def torch_googlenet() -> Any:
    from torch import nn

    from tests.benchmarks.networks.torch_parts import Branches, Mean, conv

    layers = [
        *conv(3, 64, 7, stride=2, padding=3), nn.MaxPool2d(3, 2, ceil_mode=True), nn.LocalResponseNorm(5, 1e-4),
        *conv(64, 64, 1), *conv(64, 192, 3, padding=1), nn.LocalResponseNorm(5, 1e-4),
    ]  # fmt: skip
    ins = 192
    for name, (one, before3, three, before5, five, after) in MODULES.items():
        if name in POOLED:
            layers.append(nn.MaxPool2d(3, 2, ceil_mode=True))
        branches = (
            conv(ins, one, 1),
            [*conv(ins, before3, 1), *conv(before3, three, 3, padding=1)],
            [*conv(ins, before5, 1), *conv(before5, five, 5, padding=2)],
            [nn.MaxPool2d(3, 1, padding=1), *conv(ins, after, 1)],
        )
        layers.append(Branches(nn.Sequential(*branch) for branch in branches))
        ins = one + three + five + after
    return nn.Sequential(*layers, Mean(2, 3), nn.Dropout(0.4), nn.Linear(1024, 1000))


NETWORKS = {"GoogLeNet 224x224": Network(googlenet(), (224, 224, 3), torch_googlenet, 4, rows=16, classes=1000)}
