"""The grid of ranks: replicas, which divide the rows (data parallel), times blocks, which divide the weights (model
parallel)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Grid:
    """Rank r is block r % blocks of replica r // blocks: the blocks of one replica, which exchange within each step,
    are neighbours."""

    replicas: int
    blocks: int = 1

    @property
    def size(self) -> int:
        return self.replicas * self.blocks

    def replica(self, rank: int) -> int:
        return rank // self.blocks

    def block(self, rank: int) -> int:
        return rank % self.blocks

    def of_replica(self, replica: int) -> list[int]:
        """The ranks that hold one copy of the weights together."""
        return list(range(replica * self.blocks, (replica + 1) * self.blocks))

    def of_block(self, block: int) -> list[int]:
        """The ranks that hold the same weights."""
        return list(range(block, self.size, self.blocks))
