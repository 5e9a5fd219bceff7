"""transform where the weights stay on storage: their blocks spread over the ranks of one barrier job.

The chunks of the weights come among the rows, before them; so the job needs nothing but Spark, whatever filesystem they
lie on. All other columns go through it as they are. A shuffle behind the barrier lets Spark retry it whole, and lets
``limit`` ask for some rows. Each rank holds one block.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyspark import BarrierTaskContext
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import to_arrow_type
from pyspark.sql.types import StructField, StructType

from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.rendezvous import rendezvous
from spark_deepnet.exchange.sub_channel import SubChannel
from spark_deepnet.net.chunks import check_finite, fill, parts_of
from spark_deepnet.net.cut import cut
from spark_deepnet.net.net import Net
from spark_deepnet.net.weights import Layout
from spark_deepnet.plan.grid import Grid
from spark_deepnet.score.blocks import score_in_blocks, turn
from spark_deepnet.score.score import ScorePlan
from spark_deepnet.spark.fit.task_address import task_address
from spark_deepnet.spark.session import cluster
from spark_deepnet.spark.weights.on_storage import Stored
from spark_deepnet.train.rank import READING
from spark_deepnet.train.redistribute import redistribute_state
from spark_deepnet.train.state import ALL

ROW, SENT, SCORED = "row", "sent", "scored"


@dataclass(frozen=True)
class Wire:
    """How ranks speak: as those of a fit do."""

    deadline: float
    ports: tuple[int, int]
    identity: bytes = field(repr=False)
    secret: bytes = field(default_factory=partial(secrets.token_bytes, 32), repr=False)


@dataclass(frozen=True)
class SpreadPlan:
    """All that a rank is told."""

    score: ScorePlan
    grid: Grid
    scored: Any
    """What ``score`` gives for a row."""
    wire: Wire


def spread(
    dataset: DataFrame, inputs: list[Column], plan: ScorePlan, scored: StructField, stored: Stored, wire: Wire
) -> DataFrame:
    """The rows with all their columns, and one more of what the network gives for each."""
    spark = dataset.sparkSession
    grid = Grid((cluster.slots_of(spark) or stored.blocks) // stored.blocks, stored.blocks)
    rows = dataset.select(F.struct("*").alias(ROW), F.struct(*inputs).alias(SENT))
    chunks = stored.frame(spark).select("name", "block", "part", "data")
    both = rows.unionByName(chunks, allowMissingColumns=True)
    dealt = both.repartition(grid.size, F.xxhash64(SENT, "name", "block", "part"))
    first = dealt.sortWithinPartitions(F.col("name").isNull())
    told = SpreadPlan(plan, grid, scored.dataType, wire)
    schema = StructType([rows.schema[ROW], StructField(SCORED, scored.dataType)])
    found = first.mapInArrow(partial(spread_task, told), schema, barrier=True).repartition(grid.size)
    return found.select(f"{ROW}.*", F.col(SCORED).alias(scored.name))


def possible(dataset: DataFrame, stored: Stored) -> bool:
    """Whether ranks can hold all blocks at once, in a barrier job."""
    spark = dataset.sparkSession
    if dataset.isStreaming or cluster.elastic(spark):
        return False
    slots = cluster.slots_of(spark)
    return slots is None or slots >= stored.blocks


def spread_task(plan: SpreadPlan, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """What every task runs: takes its seat from the barrier, then its block, and scores its rows with the others'."""
    context = BarrierTaskContext.get()
    number, host = task_address(context)
    job, wire = str(context.stageId()), plan.wire
    ports = range(wire.ports[0], wire.ports[1] + 1)
    channel = rendezvous(
        number, plan.grid.size, host, context.allGather, wire.secret, job, wire.deadline, ports, wire.identity
    )  # fmt: skip
    channel.liveness_timeout = max(wire.deadline, READING)  # for ranks whose rows are still on their way
    try:
        yield from _scored(plan, batches, channel)
    finally:
        channel.close()


def _scored(plan: SpreadPlan, batches: Iterable[pa.RecordBatch], channel: Channel) -> Iterator[pa.RecordBatch]:
    grid, whole = plan.grid, plan.score.architecture.scores_net()
    chunks, rest = _parted(iter(batches))
    block = grid.block(channel.rank)
    net = cut(whole, block, grid.blocks)
    weights = _weights(chunks, whole, net, channel, grid)
    told: list[pa.Array] = []
    frames = _frames(rest, turn(plan.score, grid.blocks), told)
    own = grid.of_replica(grid.replica(channel.rank))
    channel.watched_ranks = own  # other replicas may have fewer rows, and leave
    replica = SubChannel(channel, own)
    for frame in score_in_blocks(plan.score, net, weights, replica, frames):
        yield pa.RecordBatch.from_arrays([told.pop(0), _struct(frame, plan.scored)], [ROW, SCORED])


Chunks = dict[tuple[Any, ...], Any]
"""Whose, of which array, which part -> what lies in the batch that brought it."""


def _parted(batches: Iterator[pa.RecordBatch]) -> tuple[Chunks, Iterator[pa.RecordBatch]]:
    """The chunks of weights, by whose they are, and the rows behind them."""
    chunks: Chunks = {}
    for batch in batches:
        count = len(batch) - batch.column("name").null_count
        names = batch.slice(0, count).select(["block", "name", "part"]).to_pylist()
        for told, data in zip(names, batch.column("data")[:count], strict=True):
            chunks[ALL - told["block"], told["name"], told["part"]] = data.as_buffer()
        if count < len(batch):
            return chunks, chain([batch.slice(count)], batches)
    return chunks, iter(())


def _weights(came: Chunks, whole: Net, net: Net, channel: Channel, grid: Grid) -> np.ndarray:
    """The block's flat vector."""
    slots = [slot for b in range(grid.blocks) for slot in Layout(cut(whole, b, grid.blocks)).slots]
    layout = Layout(net)
    flat = layout.zeros()
    arrays = layout.named(flat)
    for (_, name, part), data in redistribute_state(
        came, sum(parts_of(slot.weight.shape) for slot in slots), channel, grid
    ):
        fill(arrays[name], part, data)
    check_finite(arrays, "transform: the model is damaged")
    return flat


def _frames(batches: Iterator[pa.RecordBatch], most: int, told: list[pa.Array]) -> Iterator[pd.DataFrame]:
    """The features of so many rows at once; their other columns go into the list."""
    for batch in batches:
        for start in range(0, len(batch), most):
            rows = batch.slice(start, most)
            told.append(rows.column(ROW))
            yield pa.RecordBatch.from_struct_array(rows.column(SENT)).to_pandas()


def _struct(frame: pd.DataFrame, kind: Any) -> pa.Array:
    fields = list(to_arrow_type(kind))
    return pa.StructArray.from_arrays([pa.array(frame[f.name].tolist(), f.type) for f in fields], fields=fields)
