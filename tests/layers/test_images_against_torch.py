"""Layers for images against another implementation: values and gradients of PyTorch, which has the channels first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from spark_deepnet.kernels.memory import aligned
from spark_deepnet.layers.average_pool2d import AveragePool2D
from spark_deepnet.layers.batch_norm import BatchNorm
from spark_deepnet.layers.conv1d import Conv1D
from spark_deepnet.layers.conv2d import Conv2D
from spark_deepnet.layers.conv2d_transpose import Conv2DTranspose
from spark_deepnet.layers.global_average_pool2d import GlobalAveragePool2D
from spark_deepnet.layers.global_max_pool2d import GlobalMaxPool2D
from spark_deepnet.layers.layer import Call, Layer
from spark_deepnet.layers.layer_norm import LayerNorm
from spark_deepnet.layers.local_response_norm import LocalResponseNorm
from spark_deepnet.layers.max_pool2d import MaxPool2D
from spark_deepnet.layers.resizing import Resizing
from spark_deepnet.layers.up_sampling2d import UpSampling2D
from spark_deepnet.layers.zero_padding2d import ZeroPadding2D

torch = pytest.importorskip("torch", reason="torch, the peer to compare with, is absent: pip install torch")
F = torch.nn.functional
Peer = Callable[[Any, dict[str, Any]], Any]


@dataclass
class Setting:
    layer: Layer
    x: tuple[int, ...]
    peer: Peer
    n: int = 13


def bias(w: dict[str, Any]) -> Any:
    return w.get("b")


def conv(**options: Any) -> Peer:
    return lambda x, w: F.conv2d(x, w["W"].permute(3, 2, 0, 1), bias(w), **options)


def line(left: int = 0, right: int = 0, **options: Any) -> Peer:
    return lambda x, w: F.conv1d(F.pad(x, (left, right)), w["W"].permute(2, 1, 0), bias(w), **options)


def transposed(groups: int = 1, **options: Any) -> Peer:
    def peer(x: Any, w: dict[str, Any]) -> Any:
        W = w["W"].permute(3, 2, 0, 1)
        return F.conv_transpose2d(x, W, bias(w), groups=groups, **options)

    return peer


def padded(top: int, bottom: int, left: int, right: int, then: Peer) -> Peer:
    return lambda x, w: then(F.pad(x, (left, right, top, bottom)), w)


def max_pool(*sizes: Any, **options: Any) -> Peer:
    return lambda x, w: F.max_pool2d(x, *sizes, **options)


def average_pool(*sizes: Any, **options: Any) -> Peer:
    return lambda x, w: F.avg_pool2d(x, *sizes, **options)


def batch_norm(x: Any, w: dict[str, Any]) -> Any:
    return F.batch_norm(x, None, None, w.get("gamma"), w.get("beta"), training=True, eps=1e-3)


def layer_norm(axes: int) -> Peer:
    """Over the last axes of ours; the channels are last while it works."""
    return lambda x, w: last(F.layer_norm(first(x), w["gamma"].shape, w["gamma"], w["beta"], 1e-3))


def first(x: Any) -> Any:
    return torch.movedim(x, 1, -1)


def last(x: Any) -> Any:
    return torch.movedim(x, -1, 1)


def response(size: int, alpha: float, beta: float, k: float) -> Peer:
    return lambda x, w: F.local_response_norm(x, size, alpha, beta, k)


SETTINGS = [
    Setting(Conv2D(8, 3), (9, 7, 4), conv()),
    Setting(Conv2D(20, 5), (28, 28, 1), conv(), n=2),
    Setting(Conv2D(32, 5, padding="same"), (12, 12, 3), conv(padding=2), n=2),
    Setting(Conv2D(64, 3, padding=1), (8, 8, 64), conv(padding=1), n=3),
    Setting(Conv2D(50, 5), (12, 12, 20), conv(), n=3),
    Setting(Conv2D(17, (3, 1), padding=(1, 0)), (5, 33, 31), conv(padding=(1, 0))),
    Setting(Conv2D(6, 2, strides=3), (11, 8, 3), conv(stride=3)),  # a stride over the kernel
    Setting(Conv2D(6, 3, strides=(2, 1), padding=2, dilation=2, groups=3), (9, 8, 6),
            conv(stride=(2, 1), padding=2, dilation=2, groups=3)),
    Setting(Conv2D(16, 3, strides=2, padding=1), (16, 16, 32), conv(stride=2, padding=1)),
    Setting(Conv2D(40, 3, dilation=2), (9, 9, 16), conv(dilation=2)),
    Setting(Conv2D(96, 11, strides=4), (35, 35, 3), conv(stride=4), n=1),
    Setting(Conv2D(33, 1), (4, 5, 20), conv()),
    Setting(Conv2D(12, 1, strides=2), (5, 5, 7), conv(stride=2)),
    Setting(Conv2D(4, 3, padding=((0, 1), (2, 0))), (5, 6, 2), padded(0, 1, 2, 0, conv()), n=1),
    Setting(Conv2D(3, 3, padding=1), (1, 1, 5), conv(padding=1), n=1),
    Setting(Conv2D(24, 3, groups=24, padding=1, bias=False), (7, 6, 24), conv(groups=24, padding=1)),
    Setting(Conv2D(32, 3, groups=32, padding=1, strides=2), (8, 9, 32), conv(groups=32, padding=1, stride=2)),
    Setting(Conv2D(24, 3, groups=12), (7, 6, 12), conv(groups=12)),
    Setting(Conv1D(6, 3), (11, 4), line()),
    Setting(Conv1D(6, 3, padding="causal", dilation=3), (11, 4), line(6, 0, dilation=3)),
    Setting(Conv1D(6, 1, strides=2, groups=2), (9, 4), line(stride=2, groups=2)),
    Setting(Conv1D(64, 5, padding="same"), (30, 32), line(2, 2)),
    Setting(Conv1D(6, 2, padding=(0, 1)), (1, 3), line(0, 1), n=1),
    Setting(Conv1D(4, 3, strides=5, padding=1, bias=False), (13, 4), line(1, 1, stride=5)),
    Setting(Conv2DTranspose(6, 3), (4, 5, 3), transposed()),
    Setting(Conv2DTranspose(16, 3, strides=2, padding=((1, 0), (1, 0))), (4, 5, 32),
            transposed(stride=2, padding=1, output_padding=1)),
    Setting(Conv2DTranspose(3, 2, strides=3), (4, 5, 3), transposed(stride=3)),
    Setting(Conv2DTranspose(4, 4, strides=2, padding="same", bias=False), (1, 1, 3), transposed(stride=2, padding=1), n=1),
    Setting(Conv2DTranspose(4, 3, dilation=2, groups=2, padding=1), (4, 5, 6),
            lambda x, w: torch.cat([
                F.conv_transpose2d(p, W.permute(3, 2, 0, 1), None, padding=1, dilation=2)
                for p, W in zip(x.chunk(2, 1), w["W"].chunk(2, 3), strict=True)
            ], 1) + w["b"][:, None, None]),
    Setting(MaxPool2D(), (6, 8, 3), max_pool(2)),
    Setting(MaxPool2D(3, strides=2, ceil=True), (8, 8, 20), max_pool(3, 2, ceil_mode=True)),
    Setting(MaxPool2D(3, strides=1, padding=1), (5, 6, 3), max_pool(3, 1, padding=1)),
    Setting(MaxPool2D((1, 4), strides=(2, 3), padding=(0, 2)), (5, 6, 17), max_pool((1, 4), (2, 3), padding=(0, 2))),
    Setting(MaxPool2D(2, strides=3), (8, 9, 3), max_pool(2, 3), n=1),
    Setting(AveragePool2D(), (6, 8, 3), average_pool(2)),
    Setting(AveragePool2D(3, strides=2, ceil=True), (8, 8, 20), average_pool(3, 2, ceil_mode=True)),
    Setting(AveragePool2D(3, strides=2, padding=1, ceil=True), (8, 9, 4), average_pool(3, 2, padding=1, ceil_mode=True)),
    Setting(AveragePool2D(3, strides=1, padding=1, count_padding=False), (5, 6, 3),
            average_pool(3, 1, padding=1, count_include_pad=False)),
    Setting(AveragePool2D((1, 2), strides=(2, 3)), (5, 9, 17), average_pool((1, 2), (2, 3)), n=1),
    Setting(GlobalMaxPool2D(), (4, 5, 19), lambda x, w: x.amax(dim=(2, 3))),
    Setting(GlobalMaxPool2D(), (1, 1, 1), lambda x, w: x.amax(dim=(2, 3)), n=1),
    Setting(GlobalAveragePool2D(), (4, 5, 19), lambda x, w: x.mean(dim=(2, 3))),
    Setting(GlobalAveragePool2D(), (1, 7, 1), lambda x, w: x.mean(dim=(2, 3)), n=1),
    Setting(BatchNorm(), (4, 5, 19), batch_norm),
    Setting(BatchNorm(), (7,), batch_norm),
    Setting(BatchNorm(), (3, 1), batch_norm),
    Setting(BatchNorm(scale=False, center=False), (2, 2, 6), batch_norm),
    Setting(BatchNorm(center=False), (3, 3, 33), batch_norm, n=2),
    Setting(LayerNorm(), (7,), layer_norm(1)),
    Setting(LayerNorm(), (4, 19), layer_norm(1)),
    Setting(LayerNorm(2), (3, 4, 5), layer_norm(2)),
    Setting(LayerNorm(3), (3, 4, 5), layer_norm(3), n=1),
    Setting(LayerNorm(), (2, 2, 64), layer_norm(1)),
    Setting(LocalResponseNorm(), (3, 4, 19), response(5, 1.0, 0.75, 1.0)),
    Setting(LocalResponseNorm(5, 1e-4, 0.75, 2.0), (3, 4, 32), response(5, 1e-4, 0.75, 2.0)),
    Setting(LocalResponseNorm(3, 0.5, 0.5), (1, 2, 1), response(3, 0.5, 0.5, 1.0)),
    Setting(LocalResponseNorm(1, 2.0, 1.0, 0.5), (2, 1, 5), response(1, 2.0, 1.0, 0.5), n=1),
    Setting(LocalResponseNorm(9), (2, 2, 4), response(9, 1.0, 0.75, 1.0)),
    Setting(UpSampling2D(), (3, 4, 5), lambda x, w: F.interpolate(x, scale_factor=2)),
    Setting(Resizing(5, 3), (3, 4, 5), lambda x, w: F.interpolate(x, size=(5, 3), mode="bilinear")),
    Setting(UpSampling2D((1, 3)), (3, 4, 5), lambda x, w: F.interpolate(x, scale_factor=(1, 3))),
    Setting(ZeroPadding2D(((1, 0), (2, 3))), (3, 4, 5), lambda x, w: F.pad(x, (2, 3, 1, 0))),
]  # fmt: skip
"""(layer, shape of a row of x, the peer over channels-first tensors, rows)"""


def near(found: np.ndarray, peer: Any, dtype: Any) -> None:
    """To float32's precision, the sums of gradients over all rows included."""
    peer = peer.detach().numpy()
    tolerance = 3e-6 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(found, peer, rtol=tolerance, atol=tolerance * max(1.0, np.abs(peer).max(initial=0)))


def drawn(setting: Setting, dtype: Any) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    rng, layer = np.random.default_rng(0), setting.layer
    w = {name: rng.normal(size=a.shape).astype(dtype) for name, a in layer.weights(setting.x).items()}
    x, dy = (rng.normal(size=(setting.n, *s)).astype(dtype) for s in (setting.x, layer.shape(setting.x)))
    return w, x, dy


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: f"{s.layer!r} {s.x}")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_image_layer(setting: Setting, dtype: Any) -> None:
    layer, (w, x, dy) = setting.layer, drawn(setting, dtype)
    saved = {name: aligned((setting.n, *s), t or dtype) for name, (s, t) in layer.saves(setting.x).items()}
    y, dx, gradients = np.empty_like(dy), np.empty_like(x), {name: np.empty_like(a) for name, a in w.items()}
    call = Call(training=True, saved=saved)
    layer.forward(w, x, y, call)
    layer.backward(w, x, y, dy, dx, gradients, call)
    x_peer = last(torch.tensor(x)).requires_grad_()
    w_peer = {name: torch.tensor(a, requires_grad=True) for name, a in w.items()}
    y_peer = setting.peer(x_peer, w_peer)
    y_peer.backward(last(torch.tensor(dy)))
    near(y, first(y_peer), dtype)
    near(dx, first(x_peer.grad), dtype)
    for name, a in w_peer.items():
        if a.grad is not None:  # moving statistics have none
            near(gradients[name], a.grad, dtype)
