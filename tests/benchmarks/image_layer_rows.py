"""Convolutions beside PyTorch's on one thread: forward and backward of one layer over a batch of 128, PyTorch's with its
channels last, which is the faster of its layouts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from threadpoolctl import threadpool_limits

from spark_deepnet.layers.conv2d import Conv2D
from tests.benchmarks.harness import Row, in_turns, paired_row
from tests.benchmarks.one_layer import data, ours


@dataclass(frozen=True)
class Pass:
    layer: Conv2D
    x: tuple[int, int, int]
    repeats: int = 20
    inner: bool = True
    """Whether the gradient of x is wanted, as from any layer but the first."""


PASSES = {
    "layer Conv2D LeNet 1": Pass(Conv2D(20, 5), (28, 28, 1), 50, inner=False),
    "layer Conv2D LeNet 2": Pass(Conv2D(50, 5), (12, 12, 20), 30),
    "layer Conv2D CIFAR-10 quick 1": Pass(Conv2D(32, 5, padding=2), (32, 32, 3), 30, inner=False),
    "layer Conv2D CIFAR-10 quick 2": Pass(Conv2D(32, 5, padding=2), (16, 16, 32)),
    "layer Conv2D CIFAR-10 quick 3": Pass(Conv2D(64, 5, padding=2), (8, 8, 32), 30),
    "layer Conv2D 3x3, 64-64 on 32x32": Pass(Conv2D(64, 3, padding=1), (32, 32, 64), 7),
    "layer Conv2D 3x3, 64-64 on 16x16": Pass(Conv2D(64, 3, padding=1), (16, 16, 64)),
    "layer Conv2D 3x3, 64-128 on 16x16": Pass(Conv2D(128, 3, padding=1), (16, 16, 64), 12),
    "layer Conv2D 3x3, strides 2, 64-128 on 32x32": Pass(Conv2D(128, 3, strides=2, padding=1), (32, 32, 64), 12),
    "layer Conv2D 3x3, depthwise, 64 on 32x32": Pass(Conv2D(64, 3, padding=1, groups=64), (32, 32, 64)),
    "layer Conv2D 1x1, 64-128 on 32x32": Pass(Conv2D(128, 1), (32, 32, 64), 12),
}


def peer(found: Pass) -> Callable[[], object]:
    import torch

    torch.set_num_threads(1)
    layer = found.layer
    padding = 0 if layer.padding == "valid" else layer.padding
    net = torch.nn.Conv2d(found.x[2], layer.filters, layer.kernel_size, layer.strides, padding, groups=layer.groups)
    net = net.to(memory_format=torch.channels_last)
    x, dy = (torch.from_numpy(a).permute(0, 3, 1, 2) for a in data(found))
    x.requires_grad_(found.inner)

    def step() -> None:
        net.zero_grad()
        x.grad = None
        net(x).backward(dy)

    return step


def bench(name: str) -> Row:
    found = PASSES[name]
    with threadpool_limits(1):
        times = in_turns((ours(found), peer(found)), found.repeats)
    return paired_row(name, "ms", *times, "PyTorch eager, 1 thread", 1.0, 1e3)


BENCHES: dict[str, Callable[[], Row]] = {name: partial(bench, name) for name in PASSES}
