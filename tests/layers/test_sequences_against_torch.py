"""Layers for sequences against another implementation: values and gradients of PyTorch, rows of unequal lengths packed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from spark_deepnet.kernels.lengths import zero_beyond
from spark_deepnet.kernels.memory import aligned
from spark_deepnet.layers._recurrent import Recurrent
from spark_deepnet.layers.bidirectional import Bidirectional
from spark_deepnet.layers.embedding import Embedding
from spark_deepnet.layers.global_average_pool1d import GlobalAveragePool1D
from spark_deepnet.layers.global_max_pool1d import GlobalMaxPool1D
from spark_deepnet.layers.gru import GRU
from spark_deepnet.layers.layer import Arrays, Call, Layer
from spark_deepnet.layers.lstm import LSTM
from spark_deepnet.layers.multi_head_attention import MultiHeadAttention
from spark_deepnet.layers.positional_embedding import PositionalEmbedding
from spark_deepnet.layers.simple_rnn import SimpleRNN

torch = pytest.importorskip("torch", reason="torch, the peer to compare with, is absent: pip install torch")
F = torch.nn.functional
Peer = Callable[[Any, dict[str, Any], Any], Any]
KINDS = {"simple_rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}


@dataclass
class Setting:
    layer: Layer
    x: tuple[int, ...]
    lengths: tuple[int, ...] | None = None
    n: int = 5


def matrices(layer: Recurrent, w: dict[str, Any]) -> dict[str, Any]:
    """PyTorch's weights: transposed, two biases, and the GRU's gates in the order r, z, n."""

    def columns(a: Any) -> Any:
        if layer.kind != "gru":
            return a
        z, r, n = a.chunk(3, dim=-1)
        return torch.cat((r, z, n), dim=-1)

    b = w["b"] if layer.kind == "gru" else (w["b"], torch.zeros_like(w["b"]))
    return {
        "weight_ih_l0": columns(w["W"]).T,
        "weight_hh_l0": columns(w["U"]).T,
        "bias_ih_l0": columns(b[0]),
        "bias_hh_l0": columns(b[1]),
    }


def flipped(x: Any, lengths: Any) -> Any:
    """Each row's own steps from the last to the first."""
    rows = [torch.cat((row[: int(m)].flip(0), row[int(m) :])) for row, m in zip(x, lengths, strict=True)]
    return torch.stack(rows)


def recurrent(layer: Recurrent, x: Any, w: dict[str, Any], lengths: Any) -> Any:
    options = {"nonlinearity": layer.activation} if isinstance(layer, SimpleRNN) else {}
    module = KINDS[layer.kind](x.shape[2], layer.units, batch_first=True, dtype=x.dtype, **options)
    x = flipped(x, lengths) if layer.reverse else x
    packed = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    found, state = torch.func.functional_call(module, matrices(layer, w), (packed,))
    if not layer.sequences:
        return (state[0] if layer.kind == "lstm" else state)[0]
    y, _ = torch.nn.utils.rnn.pad_packed_sequence(found, batch_first=True, total_length=x.shape[1])
    return flipped(y, lengths) if layer.reverse else y


def truncated(layer: Recurrent, x: Any, w: dict[str, Any], lengths: Any) -> Any:
    """Pieces of so many steps, each from the detached state of the one before; rows of full length."""
    module = KINDS[layer.kind](x.shape[2], layer.units, batch_first=True, dtype=x.dtype)
    x = x.flip(1) if layer.reverse else x
    state, found = None, []
    for piece in x.split(layer.truncate, dim=1):
        y, state = torch.func.functional_call(module, matrices(layer, w), (piece, state))
        state = tuple(s.detach() for s in state) if layer.kind == "lstm" else state.detach()
        found.append(y)
    y = torch.cat(found, dim=1)
    if not layer.sequences:
        return y[:, -1]
    return y.flip(1) if layer.reverse else y


def bidirectional(layer: Bidirectional, x: Any, w: dict[str, Any], lengths: Any) -> Any:
    found = []
    for way, part in layer.ways.items():
        own = {k.removeprefix(f"{way}_"): a for k, a in w.items() if k.startswith(way)}
        found.append(recurrent(part, x, own, lengths))
    f, b = found
    return {"concat": torch.cat((f, b), -1), "sum": f + b, "mul": f * b, "ave": (f + b) / 2}[layer.merge]


def attention(layer: MultiHeadAttention, x: Any, w: dict[str, Any], lengths: Any) -> Any:
    steps = x.shape[1]
    unseen = torch.arange(steps)[None, :] >= lengths[:, None]
    if layer.key_dim is None:  # PyTorch's own layer
        later = torch.triu(torch.ones(steps, steps, dtype=torch.bool), 1) if layer.causal else None
        found, _ = F.multi_head_attention_forward(
            *[x.transpose(0, 1)] * 3, x.shape[2], layer.heads, torch.cat([w[f"W{k}"] for k in "qkv"], dim=1).T,
            torch.cat([w[f"b{k}"] for k in "qkv"]), None, None, False, 0.0, w["Wo"].T, w["bo"],
            key_padding_mask=unseen, attn_mask=later, need_weights=False,
        )  # fmt: skip
        return found.transpose(0, 1)
    q, k, v = ((x @ w[f"W{a}"] + w[f"b{a}"]).unflatten(2, (layer.heads, -1)).transpose(1, 2) for a in "qkv")
    seen = ~unseen[:, None, None, :]
    if layer.causal:
        seen = seen & torch.ones(steps, steps, dtype=torch.bool).tril()
    heads = F.scaled_dot_product_attention(q, k, v, attn_mask=seen)
    return heads.transpose(1, 2).flatten(2) @ w["Wo"] + w["bo"]


def peer(layer: Any, x: Any, w: dict[str, Any], lengths: Any) -> Any:
    own = torch.arange(x.shape[1])[None, :, None] < lengths[:, None, None]
    if isinstance(layer, Recurrent):
        return truncated(layer, x, w, lengths) if layer.truncate else recurrent(layer, x, w, lengths)
    if isinstance(layer, Bidirectional):
        return bidirectional(layer, x, w, lengths)
    if isinstance(layer, MultiHeadAttention):
        return attention(layer, x, w, lengths) * own
    if isinstance(layer, Embedding):
        return F.embedding(x.detach().long(), w["E"])
    if isinstance(layer, PositionalEmbedding):
        return (x + w["P"][: x.shape[1]]) * own
    if isinstance(layer, GlobalMaxPool1D):
        return x.masked_fill(~own, -torch.inf).amax(dim=1)
    assert isinstance(layer, GlobalAveragePool1D)
    return (x * own).sum(dim=1) / lengths[:, None]


SOME = (3, 7, 1, 7, 5)
SETTINGS = [
    Setting(SimpleRNN(6), (7, 4)),
    Setting(SimpleRNN(6, sequences=True), (7, 4), SOME),
    Setting(SimpleRNN(19, activation="relu", sequences=True, reverse=True), (7, 3), SOME),
    Setting(SimpleRNN(5, reverse=True), (7, 4), SOME),
    Setting(SimpleRNN(1, sequences=True), (1, 1), n=1),
    Setting(SimpleRNN(33, activation="relu"), (17, 20), n=1),
    Setting(SimpleRNN(6, sequences=True, truncate=3), (20, 4)),
    Setting(LSTM(6), (7, 4)),
    Setting(LSTM(6, sequences=True), (7, 4), SOME),
    Setting(LSTM(17, sequences=True, reverse=True), (7, 3), SOME),
    Setting(LSTM(5, reverse=True), (7, 4), SOME),
    Setting(LSTM(1), (1, 1), n=1),
    Setting(LSTM(33, sequences=True), (26, 20), n=2),
    Setting(LSTM(6, truncate=4), (19, 4)),
    Setting(LSTM(6, sequences=True, reverse=True, truncate=8), (19, 4)),
    Setting(GRU(6), (7, 4)),
    Setting(GRU(6, sequences=True), (7, 4), SOME),
    Setting(GRU(17, sequences=True, reverse=True), (7, 3), SOME),
    Setting(GRU(5, reverse=True), (7, 4), SOME),
    Setting(GRU(1), (1, 1), n=1),
    Setting(GRU(33, sequences=True), (26, 20), n=2),
    Setting(GRU(6, sequences=True, truncate=5), (19, 4)),
    Setting(Bidirectional(LSTM(4)), (7, 3), SOME),
    Setting(Bidirectional(LSTM(4, sequences=True)), (7, 3), SOME),
    Setting(Bidirectional(GRU(4, sequences=True), "sum"), (7, 3), SOME),
    Setting(Bidirectional(SimpleRNN(4, activation="relu"), "mul"), (7, 3), SOME),
    Setting(Bidirectional(GRU(4), "ave"), (1, 3), n=1),
    Setting(Bidirectional(SimpleRNN(9, sequences=True)), (17, 2)),
    Setting(MultiHeadAttention(2), (7, 4)),
    Setting(MultiHeadAttention(4, causal=True), (7, 8)),
    Setting(MultiHeadAttention(3), (7, 9), SOME),
    Setting(MultiHeadAttention(1, causal=True), (7, 5), SOME),
    Setting(MultiHeadAttention(2, key_dim=5), (7, 3), SOME),
    Setting(MultiHeadAttention(2, key_dim=3, causal=True), (7, 9), SOME),
    Setting(MultiHeadAttention(2), (1, 2), n=1),
    Setting(MultiHeadAttention(4), (64, 32), (64, 33, 2, 17, 1)),
    Setting(MultiHeadAttention(2, causal=True), (150, 8), (150, 64, 65, 1, 129)),
    Setting(MultiHeadAttention(2), (150, 8), (150, 64, 65, 1, 129)),
    Setting(Embedding(11, 4), (7,)),
    Setting(Embedding(3, 1), (1,), n=1),
    Setting(Embedding(11, 19), (4, 2)),
    Setting(PositionalEmbedding(7), (7, 4), SOME),
    Setting(PositionalEmbedding(9), (7, 1)),
    Setting(GlobalAveragePool1D(), (7, 4), SOME),
    Setting(GlobalAveragePool1D(), (7, 19)),
    Setting(GlobalAveragePool1D(), (1, 1), n=1),
    Setting(GlobalMaxPool1D(), (7, 4), SOME),
    Setting(GlobalMaxPool1D(), (7, 19)),
    Setting(GlobalMaxPool1D(), (1, 1), n=1),
]


def near(found: np.ndarray, other: Any, dtype: Any) -> None:
    """To float32's precision, the sums of gradients over all rows and steps included."""
    other = other.detach().numpy()
    tolerance = 1e-5 if dtype == np.float32 else 1e-11
    np.testing.assert_allclose(found, other, rtol=tolerance, atol=tolerance * max(1.0, np.abs(other).max(initial=0)))


def drawn(setting: Setting, lengths: np.ndarray, dtype: Any) -> tuple[Arrays, np.ndarray, np.ndarray]:
    rng, layer = np.random.default_rng(0), setting.layer
    shapes = {name: a.shape for name, a in layer.weights(setting.x).items()}
    w = {name: (rng.normal(size=s) / np.sqrt(s[0])).astype(dtype) for name, s in shapes.items()}
    x, dy = (rng.normal(size=(setting.n, *s)).astype(dtype) for s in (setting.x, layer.shape(setting.x)))
    if isinstance(layer, Embedding):
        x[...] = rng.integers(0, layer.vocabulary, x.shape)
    zero_beyond(lengths, x.reshape(*x.shape[:2], -1))
    return w, x, dy


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: f"{s.layer!r} {s.x} {s.lengths}")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sequence_layer(setting: Setting, dtype: Any) -> None:
    layer, n = setting.layer, setting.n
    lengths = np.array(setting.lengths or [setting.x[0]] * n, np.int32)
    w, x, dy = drawn(setting, lengths, dtype)
    saved = {name: aligned((n, *s), t or dtype) for name, (s, t) in layer.saves(setting.x).items()}
    y, dx, gradients = np.empty_like(dy), np.empty_like(x), {name: np.empty_like(a) for name, a in w.items()}
    call = Call(training=True, saved=saved, lengths=None if setting.lengths is None else lengths)
    layer.forward(w, x, y, call)
    ends = layer.lengths(setting.x, lengths)
    if ends is not None:
        zero_beyond(ends, y.reshape(*y.shape[:2], -1))
        zero_beyond(ends, dy.reshape(*dy.shape[:2], -1))
    layer.backward(w, x, y, dy, dx, gradients, call)
    x_peer = torch.tensor(x, requires_grad=True)
    w_peer = {name: torch.tensor(a, requires_grad=True) for name, a in w.items()}
    y_peer = peer(layer, x_peer, w_peer, torch.tensor(lengths).long())
    y_peer.backward(torch.tensor(dy))
    near(y, y_peer, dtype)
    near(dx, torch.zeros_like(x_peer) if x_peer.grad is None else x_peer.grad, dtype)
    for name, a in w_peer.items():
        near(gradients[name], a.grad, dtype)
