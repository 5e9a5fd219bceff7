"""A rank's block of the network, and the ranks that hold the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from spark_deepnet.exchange.blocks import ChannelBlocks
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.memory import memory_channels
from spark_deepnet.net.net import Net
from spark_deepnet.net.pieces import alike
from spark_deepnet.plan.plan import Recipe


@dataclass(frozen=True)
class Block:
    """``net`` is the network of this block, the whole where there is one only; ``channel`` joins a replica's blocks."""

    net: Net
    channel: Channel
    alike: tuple[slice, ...] = ()
    """Stretches of the flat vector that every block holds: of layers that run whole."""

    @staticmethod
    def whole(recipe: Recipe) -> Block:
        return Block(recipe.scores_net(), memory_channels(1, 1.0)[0])

    @staticmethod
    def of(recipe: Recipe, channel: Channel) -> Block:
        """The block of the channel's rank."""
        nets = [recipe.block_net(b, channel.size) for b in (channel.rank, channel.size - 1)]
        stretches = tuple(
            slice(slot.start, slot.stop) for slot in alike(*nets) if channel.size > 1 and not slot.weight.fixed
        )
        return Block(nets[0], channel, stretches)

    @cached_property
    def exchange(self) -> ChannelBlocks | None:
        """What the layers of a network in blocks exchange by."""
        return ChannelBlocks(self.channel) if self.channel.size > 1 else None

    @property
    def first(self) -> bool:
        """Whether it is the block that counts what all blocks know alike."""
        return self.channel.rank == 0

    def reconcile(self, vectors: Sequence[np.ndarray]) -> None:
        """What every block holds becomes the mean of the blocks'."""
        if self.alike:
            means = np.concatenate([vector[stretch] for vector in vectors for stretch in self.alike])
            self.sum(means)
            means /= self.channel.size
            start = 0
            for vector in vectors:
                for stretch in self.alike:
                    length = stretch.stop - stretch.start
                    vector[stretch] = means[start : start + length]
                    start += length

    def own(self) -> list[slice]:
        """Stretches of the flat vector that together, over all blocks, are the weights that steps change, once: what every
        block holds alike belongs to the first."""
        if self.channel.size == 1:
            return [slice(0, self.net.layout.varying)]
        slots = [s for s in self.net.layout.slots if s.weight.moves]
        return [slice(s.start, s.stop) for s in slots if s.weight.part is not None or self.first]

    def total(self, number: float) -> float:
        """The sum over the blocks."""
        total = np.array([number])
        self.sum(total)
        return float(total[0])

    def sum(self, vector: np.ndarray) -> None:
        """The vector becomes the sum over the blocks, of the same bits in all."""
        if self.exchange is not None:
            self.exchange.sum(vector)
