"""Rows that no honest table would hold, of every kind of column, through decode and kernels.

Run in a process of its own, as ``python -m tests.data.hostile ROWS`` for so many of each kind: it prints what became of them
as JSON, or ends as a process does whose memory was written over.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from spark_deepnet.data.decode.frame import table_of
from spark_deepnet.data.schema import BYTES, IMAGE, STEPS, VECTOR, Source, Target
from spark_deepnet.data.table import Table
from spark_deepnet.errors import DeepNetError
from spark_deepnet.layers import LSTM, Dense, Embedding, Flatten, GlobalMaxPool1D
from spark_deepnet.net.weights import Layout
from spark_deepnet.plan.architecture import InputSpec
from spark_deepnet.score.output import Output
from spark_deepnet.score.score import ScorePlan, _scored
from spark_deepnet.train.measure import Meter
from spark_deepnet.train.state import State
from spark_deepnet.train.step import Stepper
from tests.train.fits import plan_of

CHUNK = 40
NUMBERS = [-1, 0.5, 10, 1e300, -1e300, np.nan, np.inf, -np.inf, 1e-42, 2**24 + 1, 2**31, -(2**31), 2**53 + 1, 2.0**63]
Draw = np.random.Generator
Cells = dict[str, Any]
DENSE_TOP = [Dense(3, "softmax")]
LOOKED_UP = [Embedding(10, 4), GlobalMaxPool1D(), *DENSE_TOP]


def odd(draw: Draw, share: float, good: Any, *bad: Any) -> Any:
    """Mostly what is good."""
    return bad[draw.integers(len(bad))] if draw.random() < share else good


def numbers(draw: Draw, share: float, count: int) -> np.ndarray:
    found = draw.integers(0, 10, count).astype(np.float64)
    if count and draw.random() < share:
        found[draw.integers(count)] = NUMBERS[draw.integers(len(NUMBERS))]
    whole = bool((np.abs(np.nan_to_num(found, nan=0.5)) < 2**62).all() and (found == np.floor(found)).all())
    kinds = [np.float32, np.float64, np.int64] if whole else [np.float32, np.float64]
    with np.errstate(all="ignore"):
        found = found.astype(kinds[draw.integers(len(kinds))])
    return odd(draw, share / 3, found, np.array([None, *found[1:]], object))


def flat(width: int) -> Callable[[Draw, float], Cells]:
    def cells(draw: Draw, share: float) -> Cells:
        count = odd(draw, share, width, 0, 1, 2 * width, int(draw.integers(3 * width)))
        return {"x": odd(draw, share / 3, numbers(draw, share, count), None)}

    return cells


def nested(draw: Draw, share: float) -> Cells:
    found = flat(6)(draw, share)
    shape = odd(draw, share, "", None, "(3, 2)", "(2, 1 to 5)")
    return {"x": None if shape else found["x"], "shape": shape}


def steps(width: int) -> Callable[[Draw, float], Cells]:
    return lambda draw, share: {
        "x": odd(draw, share / 3, numbers(draw, share, width * int(draw.integers(7)) + odd(draw, share, 0, 1)), None)
    }


def vector(width: int) -> Callable[[Draw, float], Cells]:
    def cells(draw: Draw, share: float) -> Cells:
        if draw.random() < (0.3 if width < 100 else share):
            values = numbers(draw, share, odd(draw, share, width, 0, 3))
            told = {
                "type": 1.0,
                "size": odd(draw, share, None, 3, width, -1),
                "indices": odd(draw, share, np.zeros(0, np.int32), None, [1]),
            }
            return told | {"values": values}
        count = int(draw.integers(4))
        indices: Any = np.sort(draw.choice(width, count, replace=False)).astype(np.int32)
        places = [-1, width, width + 1, 50_000_000, -2_000_000, 2**31 - 1, -(2**31)]
        if count and draw.random() < share:
            indices[draw.integers(count)] = places[draw.integers(len(places))]
        backward, twice = indices[::-1].copy(), np.repeat(indices, 2)
        indices = odd(draw, share, indices, None, backward, twice, indices[1:], np.array([None, *indices[1:]], object))
        return {
            "type": odd(draw, share, 0.0, None, 1.0, 2.0, -1.0, 127.0),
            "size": odd(draw, share, float(width), None, 0.0, -1.0, width - 1.0, width + 1.0, 2.0**31 - 1),
            "indices": indices,
            "values": odd(draw, share, numbers(draw, share, count), None, numbers(draw, share, count + 1)),
        }

    return cells


def blob(width: int) -> Callable[[Draw, float], Cells]:
    return lambda draw, share: {
        "x": odd(
            draw, share, bytes(draw.integers(0, 10, width, np.uint8)), None, b"", draw.bytes(width), draw.bytes(99)
        )
    }


def image(draw: Draw, share: float) -> Cells:
    sizes = {
        name: odd(draw, share / 3, good, None, -1, 0, 3, 2**31 - 1)
        for name, good in zip(("height", "width", "channels"), (2, 2, 3), strict=True)
    }
    origin = odd(draw, share, "file:/a.png", None, "", "'\n" * 9)
    mode = odd(draw, share, 16, None, -1, 0, 5, 17, 21, 2**31 - 1)
    return blob(12)(draw, share) | sizes | {"mode": mode, "origin": origin}


KINDS: dict[str, tuple[Source, list[Any], Callable[[Draw, float], Cells]]] = {
    "arrays": (Source((3,)), DENSE_TOP, flat(3)),
    "arrays of arrays": (Source((2, 3), nested=True), [Flatten(), *DENSE_TOP], nested),
    "vectors": (Source((64,), kind=VECTOR), [Dense(4, "tanh"), *DENSE_TOP], vector(64)),
    "wide vectors": (Source((5000,), kind=VECTOR), DENSE_TOP, vector(5000)),
    "sequences": (Source((6, 2), kind=STEPS), [LSTM(3), *DENSE_TOP], steps(2)),
    "sequences of tokens": (Source((6,), kind=STEPS, tokens=10), LOOKED_UP, steps(1)),
    "arrays of tokens": (Source((6,), tokens=10), LOOKED_UP, flat(6)),
    "vectors of tokens": (Source((6,), kind=VECTOR, tokens=10), LOOKED_UP, vector(6)),
    "bytes": (Source((12,), kind=BYTES), DENSE_TOP, blob(12)),
    "bytes as tokens": (Source((12,), kind=BYTES, tokens=10), LOOKED_UP, blob(12)),
    "images": (Source((2, 2, 3), kind=IMAGE), [Flatten(), *DENSE_TOP], image),
    "images of any size": (Source((3, 1, 3), kind=IMAGE, resized=True), [Flatten(), *DENSE_TOP], image),
}  # fmt: skip


def frame_of(source: Source, cells: Callable[[Draw, float], Cells], draw: Draw, share: float, n: int) -> pd.DataFrame:
    """Some rows, of which about such a share has something odd in each place."""
    rows = [cells(draw, share) for _ in range(n)]
    names = [name.removeprefix(f"{source.input} ") for name in source.columns]
    columns: dict[str, Any] = {}
    for full, name in zip(source.columns, names, strict=True):
        found = [row[name] for row in rows]
        plain = name in ("type", "size", "height", "width", "channels", "mode")
        columns[full] = pd.Series(found, dtype=("Int64" if draw.random() < 0.3 else float) if plain else object)
    columns["label"] = [odd(draw, share / 3, float(draw.integers(3)), None, *NUMBERS) for _ in range(n)]
    columns["weight"] = [odd(draw, share / 3, 1.0, None, *NUMBERS) for _ in range(n)]
    columns["validation"] = pd.Series([odd(draw, share / 3, False, None, True) for _ in range(n)], dtype=object)
    return pd.DataFrame(columns)


def frames(source: Source, cells: Callable[[Draw, float], Cells], count: int) -> Iterator[pd.DataFrame]:
    draw = np.random.default_rng(11)
    for number in range(count // CHUNK):
        yield frame_of(source, cells, draw, (0.0, 0.003, 0.02, 0.4)[number % 4], CHUNK)


def run(source: Source, layers: list[Any], cells: Callable[[Draw, float], Cells], count: int) -> dict[str, int]:
    """What became of the frames: decoded without a fault, scored, refused."""
    steps = source.kind == STEPS
    entry = InputSpec(source.shape, steps=steps, tokens=source.tokens)
    plan = plan_of(layers, columns={"sources": (source,)}, entries=(entry,), weighted=True)
    columns = replace(plan.columns, validation="v", targets=(Target("y", classes=3),))
    good: list[Table] = []
    told: Counter[str] = Counter(rows=0, good=0, faulty=0, scored=0, refused=0)
    scorer = scoring(plan.recipe.architecture, source)
    for frame in frames(source, cells, count):
        faults: Counter[str] = Counter()
        table = table_of(frame, columns, faults)
        told["rows"] += len(frame)
        told["faulty" if faults else "good"] += 1
        good += [] if faults else [table]
        try:
            assert len(_scored(scorer, frame, Counter())) == len(frame)
            told["scored"] += 1
        except DeepNetError:
            told["refused"] += 1
    told["finite"] = train(plan.recipe, Table.joined(good))
    return told


def scoring(architecture: Any, source: Source) -> ScorePlan:
    net = architecture.scores_net()
    outputs = tuple(Output.of(head.loss, head.units, head.steps) for head in architecture.heads())
    weights = Layout(net).init_weights(3).tobytes()
    return ScorePlan(architecture, outputs, (source,), "keep", None, repr((source, architecture)), weights)


def train(recipe: Any, table: Table) -> int:
    """Two steps over all rows; whether the weights are finite afterwards."""
    state = State.initial(recipe.scores_net().layout, recipe.optimizer, recipe.seed, False)
    stepper = Stepper(recipe, state, len(table), lambda _: None, lambda _: None, Meter())
    for _ in range(2):
        stepper.step(table, table.keys(), np.arange(len(table)), np.full(1, 1e-4), 1e-3, False)
    return int(np.isfinite(state.weights).all())


if __name__ == "__main__":
    print(json.dumps({name: run(*kind, int(sys.argv[1])) for name, kind in KINDS.items()}))
