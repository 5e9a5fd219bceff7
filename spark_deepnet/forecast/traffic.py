"""The exchange between the blocks of one replica in a step, counted from the cut network."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from spark_deepnet.exchange import all_reduce
from spark_deepnet.kernels.memory import padded
from spark_deepnet.layers.layer import Exchange
from spark_deepnet.net.net import Net
from spark_deepnet.net.pieces import alike
from spark_deepnet.plan.plan import Recipe

FLOAT_BYTES, DOUBLE_BYTES = 4, 8
"""Bytes of a number in layers, and in the measures that ranks exchange."""
Sent = tuple[float, float]
"""Sequential messages, and the bytes of a rank."""


@dataclass(frozen=True)
class BlockTraffic:
    """The exchange of a network in ``blocks`` blocks; none if it is whole."""

    blocks: int = 1
    of_rows: tuple[Exchange, ...] = ()
    """What layers exchange in a step."""
    synchronous: tuple[int, ...] = ()
    """Bytes of other vectors that are summed over the blocks in a synchronous step, such as measures."""
    local: tuple[int, ...] = ()
    """The same in a round of local steps of replicas or blocks."""

    @staticmethod
    def of(recipe: Recipe, net: Net, blocks: int) -> BlockTraffic:
        """net: the first block's network."""
        if blocks == 1:
            return NO_TRAFFIC
        of_rows = tuple(exchange for node in net.nodes for exchange in node.layer.exchanges(node.x))
        heads, clipped = len(recipe.heads()), (DOUBLE_BYTES,) if recipe.clip_norm else ()
        same = sum(slot.stop - slot.start for slot in alike(net, recipe.block_net(blocks - 1, blocks)))
        reconciled = FLOAT_BYTES * same * (1 + len(recipe.optimizer.vectors))
        synchronous = (*clipped, FLOAT_BYTES * padded(2 + 2 * heads))
        local = (*clipped, DOUBLE_BYTES * (2 + 3 * heads), *((reconciled,) if same else ()))
        return BlockTraffic(blocks, of_rows, synchronous, local)

    def sent(self, rows: int, local: bool) -> Sent:
        """The exchange in a step of ``rows`` rows of the replica, or in a round of local steps."""
        if self.blocks == 1:
            return 0.0, 0.0
        costs = [self._row_cost(exchange, rows) for exchange in self.of_rows]
        costs += [self._sum_cost(nbytes) for nbytes in (self.local if local else self.synchronous)]
        return sum(messages for messages, _ in costs), sum(nbytes for _, nbytes in costs)

    def _row_cost(self, exchange: Exchange, rows: int) -> Sent:
        if exchange.summed:
            return self._sum_cost(FLOAT_BYTES * exchange.size * rows)
        others, largest = self.blocks - 1, ceil(exchange.size / self.blocks)
        return others, others * FLOAT_BYTES * largest * rows

    def _sum_cost(self, nbytes: int) -> Sent:
        return all_reduce.cost((1,) * self.blocks, nbytes)


NO_TRAFFIC = BlockTraffic()
"""The exchange of a network that is not cut."""
