"""A block of a transformer (Vaswani et al., NIPS 2017)."""

from __future__ import annotations

from typing import Any

from spark_deepnet.layers import Add, Dense, LayerNorm, MultiHeadAttention
from spark_deepnet.layers.global_average_pool1d import GlobalAveragePool1D
from tests.benchmarks.networks.network import Network

BLOCK = [
    MultiHeadAttention(4, name="attention"), Add(inputs=("attention", "features")), LayerNorm(name="first"),
    Dense(512, "relu"), Dense(128, name="second"), Add(inputs=("second", "first")), LayerNorm(),
    GlobalAveragePool1D(), Dense(10),
]  # fmt: skip


def torch_block() -> Any:
    from torch import nn

    from tests.benchmarks.networks.torch_parts import Attention, Mean, Residual

    dense = nn.Sequential(nn.Linear(128, 512), nn.ReLU(), nn.Linear(512, 128))
    blocks = Residual(Attention(128, 4), nn.LayerNorm(128)), Residual(dense, nn.LayerNorm(128))
    return nn.Sequential(*blocks, Mean(1), nn.Linear(128, 10))


NETWORKS = {"self-attention block 64x128": Network(BLOCK, (64, 128), torch_block, 10)}
