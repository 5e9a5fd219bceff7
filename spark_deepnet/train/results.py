"""What a rank sends to the driver at the end of a job: measures, and weights or state."""

from __future__ import annotations

from collections.abc import Iterator

from spark_deepnet.data.shard import Shard
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.net.chunks import chunks_of
from spark_deepnet.plan.plan import TrainPlan
from spark_deepnet.train.dataset_stats import DatasetStats
from spark_deepnet.train.measure import Meter
from spark_deepnet.train.messages import ChunkOwner, Measures, Message, WeightsChunk
from spark_deepnet.train.state import State


def results_of(
    plan: TrainPlan,
    stage: int,
    shard: Shard,
    state: State,
    stats: DatasetStats,
    channel: Channel,
    meter: Meter,
) -> Iterator[Message]:
    """Measures of every rank. The first replica adds its blocks' weights where the fit is finished; otherwise it adds the
    state that all replicas hold alike, and every rank the state that is its own."""
    yield _measures(stage, shard, stats, channel, meter)
    own, owner = plan.recipe.keeps_own, ChunkOwner(plan.grid.block(channel.rank), channel.rank)
    if plan.grid.replica(channel.rank) == 0:
        chunks = state.shared_chunks(owner.block, own)
        if state.clock.finished:
            yield next(chunks)
            yield from _weights(plan, owner.block, state)
        else:
            yield from chunks
    if not state.clock.finished:
        yield from state.own_chunks(owner, own)


def _measures(stage: int, shard: Shard, stats: DatasetStats, channel: Channel, meter: Meter) -> Measures:
    meter.seconds["waiting"] += channel.seconds_waiting
    meter.seconds["exchanging"] -= min(channel.seconds_waiting, meter.seconds["exchanging"])
    return Measures(
        rank=channel.rank,
        seconds=meter.seconds | {"total": meter.elapsed},
        bytesSent=channel.bytes_sent,
        ownRows=len(shard.train) + len(shard.valid),
        spilledBytes=shard.spilled,
        rounded=shard.rounded,
        fingerprint=stats.fingerprint,
        rows=stats.rows,
        validationRows=stats.validation_rows,
        stage=stage,
        notes=stats.sentences,
    )


def _weights(plan: TrainPlan, block: int, state: State) -> Iterator[WeightsChunk]:
    """The block's trained weights."""
    state.vectors.clear()  # their memory is wanted for what goes out
    layout = plan.recipe.block_net(block, plan.blocks).layout
    yield from (WeightsChunk(block, chunk) for chunk in chunks_of(layout.named(state.kept())))
