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
from spark_deepnet.kernels.threads import threads
from spark_deepnet.net.chunks import check_finite, fill, parts_of
from spark_deepnet.net.cut import cut, cuts
from spark_deepnet.net.net import Net
from spark_deepnet.plan.grid import Grid
from spark_deepnet.score.blocks import max_rows_per_frame, score_in_blocks
from spark_deepnet.score.score import ScorePlan
from spark_deepnet.spark.session.cluster import Cluster
from spark_deepnet.spark.session.task_address import task_address
from spark_deepnet.spark.session.task_cpus import task_cpus
from spark_deepnet.spark.weights.on_storage import Stored
from spark_deepnet.train.messages import ChunkOwner
from spark_deepnet.train.rank import READING_TIMEOUT_SECONDS
from spark_deepnet.train.redistribute import redistribute_state

ROW, INPUTS, SCORES = "row", "inputs", "scores"


@dataclass(frozen=True)
class Connections:
    """How ranks connect: as those of a fit do."""

    timeout: float
    ports: tuple[int, int]
    identity: bytes = field(repr=False)
    secret: bytes = field(default_factory=partial(secrets.token_bytes, 32), repr=False)


@dataclass(frozen=True)
class RankPlan:
    """All that a rank is sent."""

    score: ScorePlan
    grid: Grid
    scores: Any
    """The type of what ``score`` gives for a row."""
    connections: Connections


@dataclass(frozen=True)
class BarrierTransform:
    """A scoring job over weights on storage."""

    stored: Stored
    grid: Grid
    connections: Connections

    @staticmethod
    def of(cluster: Cluster, stored: Stored, connections: Connections) -> BarrierTransform:
        """As many replicas as there are slots for."""
        replicas = (cluster.slots or stored.blocks) // stored.blocks
        return BarrierTransform(stored, Grid(replicas, stored.blocks), connections)

    def transform(self, dataset: DataFrame, inputs: list[Column], plan: ScorePlan, scores: StructField) -> DataFrame:
        """The rows with all their columns, and one more of what the network gives for each."""
        rows = dataset.select(F.struct("*").alias(ROW), F.struct(*inputs).alias(INPUTS))
        chunks = self.stored.frame(dataset.sparkSession).select("name", "block", "part", "data")
        both = rows.unionByName(chunks, allowMissingColumns=True)
        dealt = both.repartition(self.grid.size, F.xxhash64(INPUTS, "name", "block", "part"))
        chunks_first = dealt.sortWithinPartitions(F.col("name").isNull())
        task = partial(score_task, RankPlan(plan, self.grid, scores.dataType, self.connections))
        schema = StructType([rows.schema[ROW], StructField(SCORES, scores.dataType)])
        results = chunks_first.mapInArrow(task, schema, barrier=True).repartition(self.grid.size)
        return results.select(f"{ROW}.*", F.col(SCORES).alias(scores.name))


def can_run(dataset: DataFrame, cluster: Cluster, stored: Stored) -> bool:
    """Whether ranks can hold all blocks at once, in a barrier job."""
    if dataset.isStreaming or cluster.dynamic_allocation:
        return False
    return cluster.slots is None or cluster.slots >= stored.blocks


def score_task(plan: RankPlan, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """What every task runs: connects to the others, takes its block of the weights, and scores its rows with theirs."""
    context = BarrierTaskContext.get()
    number, host = task_address(context)
    job, own = str(context.stageId()), plan.connections
    ports = range(own.ports[0], own.ports[1] + 1)
    channel = rendezvous(
        number, plan.grid.size, host, context.allGather, own.secret, job, own.timeout, ports, own.identity
    )  # fmt: skip
    channel.liveness_timeout = max(own.timeout, READING_TIMEOUT_SECONDS)  # for ranks whose rows are still on their way
    try:
        with threads(task_cpus()):
            yield from _scores(plan, batches, channel)
    finally:
        channel.close()


def _scores(plan: RankPlan, batches: Iterable[pa.RecordBatch], channel: Channel) -> Iterator[pa.RecordBatch]:
    grid, whole = plan.grid, plan.score.architecture.scores_net()
    chunks, rows = _split(iter(batches))
    block = grid.block(channel.rank)
    net = cut(whole, block, grid.blocks)
    weights = _weights(chunks, whole, net, channel, grid)
    if not plan.score.wanted.whole:
        net, weights = _narrowed(plan, net, weights, block)
    others: list[pa.Array] = []
    frames = _frames(rows, max_rows_per_frame(plan.score, grid.blocks), others)
    own = grid.of_replica(grid.replica(channel.rank))
    channel.watched_ranks = own  # other replicas may have fewer rows, and leave
    replica = SubChannel(channel, own)
    for frame in score_in_blocks(plan.score, net, weights, replica, frames):
        yield pa.RecordBatch.from_arrays([others.pop(0), _struct(frame, plan.scores)], [ROW, SCORES])


def _narrowed(plan: RankPlan, net: Net, weights: np.ndarray, block: int) -> tuple[Net, np.ndarray]:
    """Of the block's network and weights what is wanted."""
    wanted, arrays = plan.score.wanted, net.layout.named(weights)
    scores_net = wanted.architecture.scores_net()
    narrowed = cut(scores_net, block, plan.grid.blocks, ends=wanted.ends, more=wanted.tops)
    return narrowed, narrowed.layout.packed({slot.name: arrays[slot.name] for slot in narrowed.layout.slots})


Chunks = dict[tuple[ChunkOwner, str, int], Any]
"""Owner, array and part -> the bytes, within the batch that brought them."""


def _split(batches: Iterator[pa.RecordBatch]) -> tuple[Chunks, Iterator[pa.RecordBatch]]:
    """The chunks of weights, by their owner, and the rows behind them."""
    chunks: Chunks = {}
    for batch in batches:
        count = len(batch) - batch.column("name").null_count
        keys = batch.slice(0, count).select(["block", "name", "part"]).to_pylist()
        for key, data in zip(keys, batch.column("data")[:count], strict=True):
            chunks[ChunkOwner(key["block"]), key["name"], key["part"]] = data.as_buffer()
        if count < len(batch):
            return chunks, chain([batch.slice(count)], batches)
    return chunks, iter(())


def _weights(chunks: Chunks, whole: Net, net: Net, channel: Channel, grid: Grid) -> np.ndarray:
    """The block's flat vector."""
    slots = [slot for each in cuts(whole, grid.blocks) for slot in each.layout.slots]
    layout = net.layout
    flat = layout.zeros()
    arrays = layout.named(flat)
    for (_, name, part), data in redistribute_state(
        chunks, sum(parts_of(slot.weight.shape) for slot in slots), channel, grid
    ):
        fill(arrays[name], part, data)
    check_finite(arrays, "transform: the model is damaged")
    return flat


def _frames(batches: Iterator[pa.RecordBatch], max_rows: int, others: list[pa.Array]) -> Iterator[pd.DataFrame]:
    """The features of at most ``max_rows`` rows at once; their other columns go into the list."""
    for batch in batches:
        for start in range(0, len(batch), max_rows):
            rows = batch.slice(start, max_rows)
            others.append(rows.column(ROW))
            yield pa.RecordBatch.from_struct_array(rows.column(INPUTS)).to_pandas()


def _struct(frame: pd.DataFrame, kind: Any) -> pa.Array:
    fields = list(to_arrow_type(kind))
    return pa.StructArray.from_arrays([pa.array(frame[f.name].tolist(), f.type) for f in fields], fields=fields)
