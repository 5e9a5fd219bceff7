"""Layers against another implementation: values and gradients of PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.layer import Activation, Call, Layer

torch = pytest.importorskip("torch", reason="torch, the peer to compare with, is absent: pip install torch")
F = torch.nn.functional

PEERS: dict[str, tuple[Layer, Callable[[Any], Any]]] = {
    str(layer): (layer, peer)
    for layer, peer in [
        (Layer.of("relu"), F.relu),
        (Layer.of("leaky_relu"), F.leaky_relu),
        (Layer.of({"kind": "leaky_relu", "negative_slope": 0.2}), lambda x: F.leaky_relu(x, 0.2)),
        (Layer.of("elu"), F.elu),
        (Layer.of({"kind": "elu", "alpha": 0.5}), lambda x: F.elu(x, 0.5)),
        (Layer.of("selu"), F.selu),
        (Layer.of("gelu"), F.gelu),
        (Layer.of({"kind": "gelu", "approximate": True}), lambda x: F.gelu(x, approximate="tanh")),
        (Layer.of("swish"), F.silu),
        (Layer.of("sigmoid"), torch.sigmoid),
        (Layer.of("tanh"), torch.tanh),
        (Layer.of("exponential"), torch.exp),
        (Layer.of("softplus"), F.softplus),
        (Layer.of("erf"), torch.erf),
        (Layer.of("abs"), torch.abs),
        (Layer.of({"kind": "log", "shift": 20.0}), lambda x: torch.log(x + 20)),
        (Layer.of({"kind": "power", "power": 2.0, "scale": 0.5, "shift": 1.0}), lambda x: (0.5 * x + 1) ** 2),
        (Layer.of({"kind": "clip", "low": -1.0, "high": 2.0}), lambda x: torch.clamp(x, -1, 2)),
        (Layer.of("hard_sigmoid"), lambda x: F.relu6(x + 3) / 6),  # the gradient of F.hardsigmoid holds a float32 1/6
        (Layer.of("hard_tanh"), F.hardtanh),
        (Layer.of("hard_swish"), F.hardswish),
        (Layer.of("linear"), torch.clone),
        (Layer.of("softmax"), lambda x: torch.softmax(x, dim=-1)),
    ]
}


def near(found: np.ndarray, peer: Any, dtype: Any) -> None:
    tolerance = 2e-6 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(found, peer.detach().numpy(), rtol=tolerance, atol=tolerance)


def test_every_activation_has_a_peer() -> None:
    activations = {kind for kind in Layer.names() if issubclass(Layer.named(kind), Activation)}
    assert activations <= {layer.kind for layer, _ in PEERS.values()}


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_activation(name: str, dtype: Any) -> None:
    layer, peer = PEERS[name]
    rng = np.random.default_rng(0)
    x, dy = rng.normal(0, 3, (16, 10)).astype(dtype), rng.normal(size=(16, 10)).astype(dtype)
    y, dx = np.empty_like(x), np.empty_like(x)
    layer.forward({}, x, y, Call())
    layer.backward({}, x, y, dy, dx, {}, Call())
    x_peer = torch.tensor(x, requires_grad=True)
    y_peer = peer(x_peer)
    y_peer.backward(torch.tensor(dy))
    near(y, y_peer, dtype)
    near(dx, x_peer.grad, dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bias", [True, False])
def test_dense(dtype: Any, bias: bool) -> None:
    rng = np.random.default_rng(0)
    x, dy = rng.normal(size=(16, 7)).astype(dtype), rng.normal(size=(16, 5)).astype(dtype)
    layer = Dense(5, bias=bias)
    w = {name: rng.normal(size=a.shape).astype(dtype) for name, a in layer.weights((7,)).items()}
    y, dx, gradients = np.empty_like(dy), np.empty_like(x), {name: np.empty_like(a) for name, a in w.items()}
    layer.forward(w, x, y, Call())
    layer.backward(w, x, y, dy, dx, gradients, Call())
    x_peer, w_peer = torch.tensor(x, requires_grad=True), torch.tensor(w["W"].T.copy(), requires_grad=True)
    b_peer = torch.tensor(w["b"], requires_grad=True) if bias else None
    y_peer = F.linear(x_peer, w_peer, b_peer)
    y_peer.backward(torch.tensor(dy))
    near(y, y_peer, dtype)
    near(dx, x_peer.grad, dtype)
    near(gradients["W"], w_peer.grad.T, dtype)
    if bias:
        near(gradients["b"], b_peer.grad, dtype)
