"""Small fits by one rank: where a step is so short that an exchange takes longer than the ranks save."""

from __future__ import annotations

from math import ceil, log2

from spark_deepnet.data.everyones import joined, packed, shards_of_all
from spark_deepnet.data.shard import Shard
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.gather import all_gather_bytes
from spark_deepnet.plan.automatic import resolved
from spark_deepnet.plan.plan import Recipe, TrainPlan

MAX_BYTES = 16 << 20
"""Of the rows of all ranks, which travel to the one."""
MULTIPLY_ADDS_PER_SECOND = 1e10
"""Of a core, in small networks."""
MESSAGE_SECONDS = 150e-6
"""Of a short message between processes that wait for it, with their waking up."""
BYTES_PER_SECOND = 1.3e9


def gathered(plan: TrainPlan, rows: int, shard: Shard, replicas: Channel) -> Shard | None:
    """What each rank goes on with where rank 0 makes the fit by itself: there the rows of all ranks, elsewhere its own.
    None: all ranks make it. All decide alike. rows: of all ranks."""
    if not (plan.may_train_alone and plan.recipe.steps_together and pays(plan.recipe, rows, replicas.size)):
        return None
    own = packed(shard)
    if sum(map(int, all_gather_bytes(replicas, str(own.nbytes).encode()))) > MAX_BYTES:
        return None
    shards = shards_of_all(shard, own, replicas)
    return joined(shards) if replicas.rank == 0 else shard


def pays(recipe: Recipe, rows: int, ranks: int) -> bool:
    """C (1 - 1/K) < S,   C: seconds of a step of one rank, K: ranks, S: of an exchange of the gradients"""
    recipe, net = resolved(recipe, rows), recipe.scores_net()
    batch = rows if recipe.optimizer.full_batch else min(rows, recipe.batch_size)
    multiply_adds = sum(node.layer.multiply_adds(node.x) for node in net.nodes)
    step = 3 * batch * multiply_adds / MULTIPLY_ADDS_PER_SECOND
    exchange = MESSAGE_SECONDS * ceil(log2(ranks)) + 8 * net.layout.size / BYTES_PER_SECOND
    return ranks > 1 and step * (1 - 1 / ranks) < exchange
