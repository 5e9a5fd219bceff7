"""A rank's block of the network, and the ranks that hold the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from spark_deepnet.exchange.blocks import ChannelBlocks
from spark_deepnet.exchange.broadcast import broadcast
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.memory import memory_channels
from spark_deepnet.net.cut import alike, cut
from spark_deepnet.net.net import Net
from spark_deepnet.net.weights import Layout
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
        whole, remembers = recipe.scores_net(), recipe.sync_every != 1
        nets = [cut(whole, b, channel.size, remembers=remembers) for b in (channel.rank, channel.size - 1)]
        stretches = tuple(slice(slot.start, slot.stop) for slot in alike(*nets) if channel.size > 1)
        return Block(nets[0], channel, stretches)

    @cached_property
    def exchange(self) -> ChannelBlocks | None:
        """What the layers of a network in blocks exchange by."""
        return ChannelBlocks(self.channel) if self.channel.size > 1 else None

    def agree(self, tail: np.ndarray) -> None:
        """What the first block knows, such as that the job should end, to all blocks."""
        if self.channel.size > 1:
            broadcast(self.channel, 0, tail)

    def settle(self, told: np.ndarray, broken: int) -> None:
        """What the first block knows to all blocks, and a sum of what is broken."""
        if self.channel.size > 1:
            total = self.total(float(told[broken]))
            self.agree(told)
            told[broken] = total

    def reconcile(self, vectors: Sequence[np.ndarray]) -> None:
        """What every block holds becomes the mean of the blocks'."""
        if self.alike:
            found = np.concatenate([vector[stretch] for vector in vectors for stretch in self.alike])
            self._sum(found)
            found /= self.channel.size
            start = 0
            for vector in vectors:
                for stretch in self.alike:
                    length = stretch.stop - stretch.start
                    vector[stretch] = found[start : start + length]
                    start += length

    def own(self) -> list[slice]:
        """Stretches of the flat vector that together, over all blocks, are the network's weights once: what every
        block holds alike belongs to the first."""
        if self.channel.size == 1:
            return [slice(0, Layout(self.net).size)]
        slots = [s for s in Layout(self.net).slots if s.weight.trained]
        return [slice(s.start, s.stop) for s in slots if s.weight.part is not None or self.channel.rank == 0]

    def total(self, number: float) -> float:
        """The sum over the blocks."""
        found = np.array([number])
        self._sum(found)
        return float(found[0])

    def _sum(self, vector: np.ndarray) -> None:
        if self.exchange is not None:
            self.exchange.sum(vector)
