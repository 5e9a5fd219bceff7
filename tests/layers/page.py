"""The tables of docs/networks.md on the number of steps, made from the layers: ``python -m tests.layers.page``."""

from __future__ import annotations

from typing import Any

import numpy as np

from spark_deepnet.layers import (
    GRU,
    LSTM,
    Add,
    AveragePool2D,
    BatchNorm,
    Bidirectional,
    Concatenate,
    Conv1D,
    Conv2D,
    Conv2DTranspose,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePool1D,
    GlobalAveragePool2D,
    GlobalMaxPool1D,
    GlobalMaxPool2D,
    InstanceNorm,
    LayerNorm,
    LocalResponseNorm,
    Maximum,
    MaxPool2D,
    MeanImage,
    MeanSubtraction,
    MultiHeadAttention,
    Multiply,
    Normalization,
    Permute,
    PositionalEmbedding,
    RandomCrop,
    RandomFlip,
    Rescaling,
    Reshape,
    Resizing,
    SimpleRNN,
    Slice,
    Softmax,
    SpatialDropout2D,
    UpSampling2D,
    ZeroPadding2D,
)
from spark_deepnet.layers._masking import Masking
from spark_deepnet.layers.layer import Layer
from tests.page import DOCS, rewrite, table

PAGE = DOCS / "networks.md"
LONGEST = 8
TOKENS, STEPS, IMAGE = (LONGEST,), (LONGEST, 4), (LONGEST, 4, 4)
SHORT = {
    Masking.ZEROS: "zeros",
    Masking.BY_LENGTH: "by length",
    Masking.FULL_LENGTH: "full length",
}
PLAIN = (
    *(
        "relu",
        "leaky_relu",
        "elu",
        "selu",
        "gelu",
        "erf",
        "swish",
        "sigmoid",
        "tanh",
        "softplus",
        "exponential",
        "linear",
    ),
    *(
        "hard_sigmoid",
        "hard_tanh",
        "hard_swish",
        "softmax",
        "log_softmax",
        "abs",
        "log",
        "power",
        "clip",
        "prelu",
        "scale",
    ),
    *("l2_normalize", "output"),
)
EXAMPLES: list[tuple[Any, Any]] = [
    *((Layer.named(kind)(), STEPS) for kind in PLAIN),
    *((layer, (STEPS, STEPS)) for layer in (Add(), Multiply(), Maximum(), Concatenate(), Concatenate(0))),
    (Embedding(9, 2), TOKENS),
    *(
        (layer, STEPS)
        for layer in (
            *(Rescaling(0.5), Dense(3), Dropout(0.5), BatchNorm(), LayerNorm(), MeanSubtraction((0.0,) * 4)),
            *(PositionalEmbedding(8), MultiHeadAttention(2), Permute((1, 2)), Slice(0, 2)),
            *(SimpleRNN(4, sequences=True), LSTM(4, sequences=True), GRU(4, sequences=True)),
            *(Bidirectional(GRU(4, sequences=True)), Conv1D(8, 3, padding="same"), Conv1D(8, 3)),
            *(Conv1D(8, 3, strides=2), Conv1D(8, 3, strides=2, padding="same"), Conv1D(8, 3, padding=2)),
            *(Reshape((-1, 2)), Reshape((-1, 8))),
            *(Slice(2, None, axis=0), Slice(-1, None, axis=0), Slice(1, -1, axis=0)),
            *(Softmax(0), InstanceNorm(), MeanImage(), Normalization()),
            *(SimpleRNN(4), LSTM(4), GRU(4), Bidirectional(LSTM(4)), GlobalMaxPool1D(), GlobalAveragePool1D()),
        )
    ),
    *(
        (layer, IMAGE)
        for layer in (
            *(SpatialDropout2D(0.5), LocalResponseNorm(), RandomFlip(), RandomFlip("vertical")),
            *(Conv2D(8, 3), Conv2D(8, 3, padding=1), Conv2DTranspose(8, 3, 2), MaxPool2D(2), AveragePool2D(2)),
            *(MaxPool2D(3, 2, padding="same"), AveragePool2D(3, 2, ceil=True), ZeroPadding2D(1), UpSampling2D(2)),
            *(GlobalMaxPool2D(), GlobalAveragePool2D(), RandomCrop(4, 4), Resizing(6, 6)),
        )
    ),
    *((layer, STEPS) for layer in (Flatten(), Permute((2, 1)), Reshape((32,)), Reshape((4, -1)))),
    *((layer, TOKENS) for layer in (Dense(3), Softmax())),
]


def tables() -> dict[str, str]:
    found: dict[tuple[str, ...], list[str]] = {}
    for layer, shape in EXAMPLES:
        steps = layer.lengths(shape, np.arange(LONGEST + 1, dtype=np.int32))
        sizes = ("-",) * (LONGEST + 1) if steps is None else tuple(map(str, steps))
        over = " over plain numbers" if shape == TOKENS and "Embedding" not in repr(layer) else ""
        found.setdefault((*sizes, SHORT[layer.masking(shape)]), []).append(f"`{layer!r}`{over}")
    rows = ((", ".join(names), *key) for key, names in found.items())
    return {
        "lengths": table(("layer", *map(str, range(LONGEST + 1)), "padding"), rows),
        "masking": table(("padding", "the layer"), ((SHORT[m], m.value) for m in Masking)),
    }


if __name__ == "__main__":
    rewrite(PAGE, tables())
