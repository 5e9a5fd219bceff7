"""PyTorch's modules from which the peers are built; imported only by them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import cat as concatenated
from torch import nn


class Last(nn.Module):
    """The last step of a recurrent module."""

    def __init__(self, module: Any) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Any) -> Any:
        return self.module(x)[0][:, -1]


class Residual(nn.Module):
    """body(x) + x, and what comes after."""

    def __init__(self, body: Any, *after: Any) -> None:
        super().__init__()
        self.body, self.after = body, nn.Sequential(*after)

    def forward(self, x: Any) -> Any:
        return self.after(self.body(x) + x)


class Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)

    def forward(self, x: Any) -> Any:
        return self.attention(x, x, x, need_weights=False)[0]


class Mean(nn.Module):
    def __init__(self, *axes: int) -> None:
        super().__init__()
        self.axes = axes

    def forward(self, x: Any) -> Any:
        return x.mean(self.axes)


class Largest(nn.Module):
    """The largest number of each channel over the steps: (n, channels, steps) to (n, channels)."""

    def forward(self, x: Any) -> Any:
        return x.amax(2)


class Transposed(nn.Module):
    """(n, steps, channels) to (n, channels, steps)."""

    def forward(self, x: Any) -> Any:
        return x.transpose(1, 2)


class Branches(nn.Module):
    """The outputs of several modules over the same input, side by side in their channels."""

    def __init__(self, branches: Iterable[Any]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Any) -> Any:
        return concatenated([branch(x) for branch in self.branches], 1)


def conv(ins: int, outs: int, size: int, **options: Any) -> list[Any]:
    """A convolution and a ReLU."""
    return [nn.Conv2d(ins, outs, size, **options), nn.ReLU()]


def norm(channels: int) -> Any:
    """With the epsilon of our BatchNorm."""
    return nn.BatchNorm2d(channels, eps=1e-3)
