"""A rank's block of the network, and the ranks that hold the others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spark_deepnet.exchange.blocks import ChannelBlocks
from spark_deepnet.exchange.broadcast import broadcast
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.memory import memory_channels
from spark_deepnet.net.cut import cut
from spark_deepnet.net.net import Net
from spark_deepnet.net.weights import Layout
from spark_deepnet.plan.plan import Recipe


@dataclass(frozen=True)
class Block:
    """``net`` is the network of this block, the whole where there is one only; ``channel`` joins a replica's blocks."""

    net: Net
    channel: Channel

    @staticmethod
    def whole(recipe: Recipe) -> Block:
        return Block(recipe.scores_net(), memory_channels(1, 1.0)[0])

    @staticmethod
    def of(recipe: Recipe, channel: Channel) -> Block:
        """The block of the channel's rank."""
        return Block(cut(recipe.scores_net(), channel.rank, channel.size), channel)

    @property
    def exchange(self) -> ChannelBlocks | None:
        """What the layers of a network in blocks exchange by."""
        return ChannelBlocks(self.channel) if self.channel.size > 1 else None

    def agree(self, tail: np.ndarray) -> None:
        """What the first block knows, such as that the job should end, to all blocks."""
        if self.channel.size > 1:
            broadcast(self.channel, 0, tail)

    def own(self) -> list[slice]:
        """Stretches of the flat vector that together, over all blocks, are the network's weights once: what every
        block holds alike belongs to the first."""
        if self.channel.size == 1:
            return [slice(None)]
        slots = [s for s in Layout(self.net).slots if s.weight.trained]
        return [slice(s.start, s.stop) for s in slots if s.weight.part is not None or self.channel.rank == 0]

    def total(self, number: float) -> float:
        """The sum over the blocks."""
        found = np.array([number])
        if self.channel.size > 1:
            ChannelBlocks(self.channel).sum(found)
        return float(found[0])
