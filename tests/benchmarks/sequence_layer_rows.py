"""Layers for sequences beside PyTorch's on one thread: forward and backward of one layer over a batch of 128."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from threadpoolctl import threadpool_limits

from spark_deepnet.layers.gru import GRU
from spark_deepnet.layers.layer import Layer
from spark_deepnet.layers.lstm import LSTM
from spark_deepnet.layers.multi_head_attention import MultiHeadAttention
from spark_deepnet.layers.simple_rnn import SimpleRNN
from tests.benchmarks.harness import Row, in_turns, paired_row
from tests.benchmarks.one_layer import data, ours


@dataclass(frozen=True)
class Pass:
    layer: Layer
    x: tuple[int, int]
    """Steps and features."""
    repeats: int
    inner: bool = False
    """Whether the gradient of x is wanted, as from any layer but the first."""


PASSES = {
    "layer SimpleRNN 28x28-128": Pass(SimpleRNN(128), (28, 28), 40),
    "layer LSTM 28x28-128": Pass(LSTM(128), (28, 28), 30),
    "layer LSTM 28x128-128, all steps, inner": Pass(LSTM(128, sequences=True), (28, 128), 20, inner=True),
    "layer LSTM 100x64-256": Pass(LSTM(256), (100, 64), 7),
    "layer GRU 28x28-128": Pass(GRU(128), (28, 28), 30),
    "layer MultiHeadAttention 64x128, 4 heads, all steps": Pass(MultiHeadAttention(4), (64, 128), 20, inner=True),
    "layer MultiHeadAttention 64x128, 4 heads, causal": Pass(
        MultiHeadAttention(4, causal=True), (64, 128), 20, inner=True
    ),
}


def peer(found: Pass) -> Callable[[], object]:
    import torch

    torch.set_num_threads(1)
    layer: Any = found.layer
    kinds = {"simple_rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}
    if layer.kind in kinds:
        net = kinds[layer.kind](found.x[1], layer.units, batch_first=True)
        run = (lambda x: net(x)[0]) if layer.sequences else (lambda x: net(x)[0][:, -1])
    else:
        net, run = attention(layer, found.x[1])
    x, dy = map(torch.from_numpy, data(found))
    x.requires_grad_(found.inner)

    def step() -> None:
        net.zero_grad()
        x.grad = None
        run(x).backward(dy)

    return step


def attention(layer: Any, d: int) -> tuple[Any, Callable[[Any], Any]]:
    """Linear layers around PyTorch's fused kernel: faster than its MultiheadAttention."""
    import torch

    net = torch.nn.ModuleDict({"qkv": torch.nn.Linear(d, 3 * d), "o": torch.nn.Linear(d, d)})

    def run(x: Any) -> Any:
        q, k, v = (a.unflatten(2, (layer.heads, -1)).transpose(1, 2) for a in net["qkv"](x).chunk(3, dim=2))
        heads = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=layer.causal)
        return net["o"](heads.transpose(1, 2).flatten(2))

    return net, run


def bench(name: str) -> Row:
    found = PASSES[name]
    with threadpool_limits(1):
        times = in_turns((ours(found), peer(found)), found.repeats)
    return paired_row(name, "ms", *times, "PyTorch eager, 1 thread", 0.8, 1e3)


BENCHES: dict[str, Callable[[], Row]] = {name: partial(bench, name) for name in PASSES}
