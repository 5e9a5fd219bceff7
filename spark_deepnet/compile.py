"""Compiles the kernels of common networks into the cache, such as while an image of a cluster's machines is built:

    python -m spark_deepnet.compile              # all of them, about a minute
    python -m spark_deepnet.compile dense images

Each network is trained for two epochs on a few made-up rows by one rank, without Spark, and so compiles what a fit
compiles. What a fit needs beyond that is compiled at its start, as always.
"""

from __future__ import annotations

import argparse
import secrets
import time
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from spark_deepnet.data.schema import ARRAY, BYTES, LABEL, Columns, Source, Target
from spark_deepnet.errors import ClusterError
from spark_deepnet.kernels.jit import CACHE_DIR, JIT
from spark_deepnet.layers import (
    GRU,
    LSTM,
    AveragePool2D,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePool1D,
    GlobalAveragePool2D,
    LayerNorm,
    MaxPool2D,
    MultiHeadAttention,
    PositionalEmbedding,
    Relu,
    SimpleRNN,
)
from spark_deepnet.losses.loss import Loss
from spark_deepnet.optimizers.optimizer import Optimizer
from spark_deepnet.plan.architecture import Architecture, InputSpec
from spark_deepnet.plan.plan import Recipe, TrainPlan
from spark_deepnet.schedules.schedule import Schedule
from spark_deepnet.train.messages import decode, raise_worker_error
from spark_deepnet.train.rank import RankContext, run

ROWS, BATCH, CLASSES, TOKENS = 80, 32, 3, 9


class Example(NamedTuple):
    """A network, and what its rows are."""

    layers: Sequence[Any]
    shape: tuple[int, ...]
    kind: str = ARRAY
    optimizer: str = "momentum"
    tokens: int = 0


def _images() -> list[Example]:
    lenet = [
        Conv2D(20, 5, activation="relu"),
        MaxPool2D(2, 2),
        Conv2D(50, 5),
        AveragePool2D(2, 2),
        Flatten(),
        Dense(CLASSES),
    ]
    deep = [
        Conv2D(64, 3, padding=1, bias=False), BatchNorm(), Relu(), Conv2D(64, 3, padding=1, groups=64), Conv2D(64, 3),
        Conv2D(64, 1), GlobalAveragePool2D(), Dense(CLASSES),
    ]  # fmt: skip
    return [Example(lenet, (16, 16, 1), BYTES), Example(deep, (8, 8, 3))]


def _dense() -> list[Example]:
    layers = [Dense(8, "relu"), Dropout(0.5), Dense(8, "tanh"), BatchNorm(), Dense(CLASSES)]
    return [
        Example(layers, (6,), optimizer=name) for name in ("momentum", "sgd", "nesterov", "adam", "adamw", "rmsprop")
    ]


def _sequences() -> list[Example]:
    recurrent = [LSTM(8), GRU(8), SimpleRNN(8)]
    return [Example([layer, Dense(CLASSES)], (5, 4)) for layer in recurrent] + [
        Example([Embedding(TOKENS, 8), LSTM(8), Dense(CLASSES)], (5,), tokens=TOKENS)
    ]


def _attention() -> list[Example]:
    layers = [
        Embedding(TOKENS, 8), PositionalEmbedding(5), MultiHeadAttention(2), LayerNorm(), Dense(8, "gelu"),
        GlobalAveragePool1D(), Dense(CLASSES),
    ]  # fmt: skip
    return [Example(layers, (5,), optimizer="adam", tokens=TOKENS)]


EXAMPLES = {"dense": _dense, "images": _images, "sequences": _sequences, "attention": _attention}


def plan_of(example: Example) -> TrainPlan:
    """The plan of a short fit of the network on one rank."""
    entry = InputSpec(example.shape, tokens=example.tokens)
    layers = tuple(layer.to_json() for layer in example.layers)
    architecture = Architecture(layers, (entry,), Loss.of("softmax_cross_entropy"))
    recipe = Recipe(
        architecture,
        Optimizer.of(example.optimizer),
        Schedule.of("constant"),
        learning_rate=0.01,
        batch_size=BATCH,
        epochs=2,
        seed=0,
        validated=True,
    )
    source = Source(example.shape, kind=example.kind, tokens=example.tokens)
    columns = Columns((source,), (Target(LABEL, classes=CLASSES),), None, "validation")
    return TrainPlan(recipe, columns, 1, "", secrets.token_bytes(32))


def frame_of(example: Example) -> pd.DataFrame:
    """Made-up rows, a quarter of them for validation."""
    numbers = np.random.default_rng(0).integers(0, example.tokens or 255, (ROWS, prod(example.shape)))
    rows = (
        [row.tobytes() for row in numbers.astype(np.uint8)]
        if example.kind == BYTES
        else list(numbers.astype(np.float32))
    )
    held = np.arange(ROWS) % 4 == 0
    return pd.DataFrame({"features x": rows, LABEL: np.arange(ROWS) % CLASSES * 1.0, "validation": held})


def train(example: Example) -> None:
    """Train the network as one rank does."""
    messages = run(plan_of(example), iter([frame_of(example)]), RankContext(0, 1, "127.0.0.1", lambda text: [text]))
    raise_worker_error(decode(row for frame in messages for row in frame.to_dict("records")))


def kernels_kept() -> int:
    return sum(1 for _ in Path(CACHE_DIR).rglob("*.nbc"))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m spark_deepnet.compile", description="Compile kernels into the cache."
    )
    parser.add_argument(
        "networks", nargs="*", metavar="NETWORK", help=f"any of {', '.join(EXAMPLES)}; all if none is named"
    )
    names = parser.parse_args(arguments).networks or list(EXAMPLES)
    unknown = [name for name in names if name not in EXAMPLES]
    if unknown:
        parser.error(f"there is no {unknown[0]!r}; choose from {', '.join(EXAMPLES)}")
    if not JIT:
        raise ClusterError("spark_deepnet.compile: NUMBA_DISABLE_JIT is set, so there is nothing to compile; unset it")
    for name in names:
        before, start = kernels_kept(), time.perf_counter()
        for example in EXAMPLES[name]():
            train(example)
        print(f"{name}: {kernels_kept() - before} kernels compiled in {time.perf_counter() - start:.0f} s", flush=True)
    print(f"{kernels_kept()} kernels are kept in {CACHE_DIR}")


if __name__ == "__main__":
    main()
