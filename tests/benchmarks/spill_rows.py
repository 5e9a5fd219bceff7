"""A lonely rank whose rows are three times the memory limit, beside one that holds them all: seconds an epoch, and the
peak of memory of both."""

from __future__ import annotations

import multiprocessing
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from threadpoolctl import threadpool_limits

from spark_deepnet.data.schema import ARRAY, BYTES, VECTOR, Columns, Source, Target
from spark_deepnet.data.shard import Reader
from spark_deepnet.exchange.memory import memory_channels
from spark_deepnet.layers import Dense
from spark_deepnet.losses.loss import Loss
from spark_deepnet.plan.architecture import Architecture, InputSpec
from spark_deepnet.plan.plan import Recipe, TrainPlan
from spark_deepnet.train.dataset_stats import take_stats
from spark_deepnet.train.loop import Loop
from spark_deepnet.train.measure import Meter
from spark_deepnet.train.state import State
from spark_deepnet.train.warm_up import warm_up
from tests.benchmarks.harness import Row, paired_row, row

FRAME = 10_000  # rows, as Spark sends them
KINDS = {"float32": (ARRAY, 784, 20), "uint8": (BYTES, 784, 40), "CSR": (VECTOR, 2000, 40)}
"""How a source comes, numbers a row, frames."""
ENTRIES = 100  # of a sparse row
TIMES = 3  # the limit
EPOCHS = 3  # the first is not counted
MB = 1e6
TURNS = 3
PARTS = ("epoch, file cached", "epoch, file not cached", "memory, spilled", "memory, not spilled")
NAMES = [f"spill {kind}, {part}" for kind in KINDS for part in PARTS]


def rows() -> Iterator[Row]:
    for kind in KINDS:
        names = [f"spill {kind}, {part}" for part in PARTS]
        turns = [turn(kind) for _ in range(TURNS)]
        held, *others = ([found["seconds"] for found in side] for side in zip(*turns, strict=True))
        for name, seconds in zip(names, others, strict=False):
            yield paired_row(name, "s", seconds, held, "an epoch in memory", 2.0)
        in_memory, spilled, _ = turns[-1]
        for name, found, times in (names[2], spilled, TIMES), (names[3], in_memory, 1):
            kept = in_memory["rows"] // times
            bound = 1.3 * kept + 4 * found["weights"]
            peers = f"1.3 of {kept / MB:.0f} MB of rows, 4 of weights"
            yield row(name, "MB", found["peak"] / MB, bound / MB, peers, 1.0)


def turn(kind: str) -> tuple[dict[str, Any], ...]:
    """Fits with the rows in memory, spilled, and spilled to a file that is not cached."""
    held = in_a_process(kind, 0, False)
    limit = held["rows"] // TIMES
    return held, in_a_process(kind, limit, False), in_a_process(kind, limit, True)


def in_a_process(kind: str, limit: int, cold: bool) -> dict[str, Any]:
    """Its memory is its own."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_told, args=(kind, limit, cold, there))
    process.start()
    there.close()
    found: dict[str, Any] = here.recv()
    process.join()
    return found


def _told(kind: str, limit: int, cold: bool, parent: Connection) -> None:
    with threadpool_limits(1):
        parent.send(fitted(kind, limit, cold))


def fitted(kind: str, limit: int, cold: bool) -> dict[str, Any]:
    """cold: before each epoch the file leaves the system's cache. Peak: beyond the process with its kernels."""
    plan = plan_of(kind)
    warm_up(plan)
    list(frames(kind, 1))
    base = memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak counts from here
    began = time.perf_counter()
    with closing(Reader(plan.columns, limit)) as reader:
        shard = reader.shard(reader.tables(frames(kind, KINDS[kind][2])))
        reading = time.perf_counter() - began
        (channel,) = memory_channels(1, 1.0)
        recipe = plan.recipe
        state = State.initial(recipe.scores_net().layout, recipe.optimizer, recipe.seed, False)
        file = reader.store._file

        def report(progress: dict[str, Any]) -> None:
            if cold and file is not None and "measures" in progress:
                os.fsync(file.number)
                os.posix_fadvise(file.number, 0, 0, os.POSIX_FADV_DONTNEED)

        loop = Loop(recipe, shard, channel, take_stats(shard, channel, plan), state, Meter())
        loop.run(lambda: False, report)
        return {
            "seconds": median(row["seconds"] for row in state.clock.history[1:]),
            "reading": reading,
            "rows": reader.store.size.bytes,
            "weights": state.weights.nbytes,
            "peak": memory("VmHWM") - base,
        }


def memory(what: str) -> int:
    """Of this process, in bytes."""
    found = re.search(rf"{what}:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    assert found is not None
    return 1024 * int(found[1])


def plan_of(kind: str) -> TrainPlan:
    how, width, _ = KINDS[kind]
    layers = (Dense(128, "relu").to_json(), Dense(10, "softmax").to_json())
    loss = Loss.of("softmax_cross_entropy").to_json()
    recipe = Recipe(Architecture(layers, (InputSpec((width,)),), loss), "adam", "constant", 0.001, 128, EPOCHS, 1)
    return TrainPlan(recipe, Columns((Source((width,), kind=how),), (Target("label", classes=10),)), 1, "", bytes(32))


def frames(kind: str, count: int) -> Iterator[pd.DataFrame]:
    """As a worker of Spark makes them of Arrow's batches, which another process sends."""
    command = [sys.executable, "-m", "tests.benchmarks.spill_rows", kind, str(count)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as sender:
        for batch in pa.ipc.open_stream(sender.stdout):
            yield batch.to_pandas()


def send(kind: str, count: int) -> None:
    """To whoever reads what this process prints."""
    how, width, _ = KINDS[kind]
    for number in range(count):
        chance = np.random.default_rng(number)
        label = pa.array(chance.integers(0, 10, FRAME).astype(np.float64))
        found = {f"features {name}": array for name, array in columns(how, width, chance).items()}
        batch = pa.record_batch(found | {"label": label})
        if number == 0:
            writer = pa.ipc.new_stream(sys.stdout.buffer, batch.schema)
        writer.write_batch(batch)
    writer.close()


def columns(how: str, width: int, chance: np.random.Generator) -> dict[str, pa.Array]:
    if how == ARRAY:
        return {"x": lists(chance.random(FRAME * width, np.float32), width)}
    if how == BYTES:
        ends = pa.py_buffer(np.arange(FRAME + 1, dtype=np.int32) * width)
        return {"x": pa.Array.from_buffers(pa.binary(), FRAME, [None, ends, pa.py_buffer(chance.bytes(FRAME * width))])}
    places = np.sort(chance.integers(0, width // ENTRIES, (FRAME, ENTRIES)) + np.arange(ENTRIES) * (width // ENTRIES))
    return {
        "type": pa.array(np.zeros(FRAME, np.int8)),
        "size": pa.array(np.full(FRAME, width, np.int32)),
        "indices": lists(places.astype(np.int32).reshape(-1), ENTRIES),
        "values": lists(chance.random(FRAME * ENTRIES, np.float32), ENTRIES),
    }


def lists(values: np.ndarray, each: int) -> pa.Array:
    return pa.ListArray.from_arrays(np.arange(0, len(values) + 1, each, dtype=np.int32), pa.array(values))


if __name__ == "__main__":
    send(sys.argv[1], int(sys.argv[2]))
