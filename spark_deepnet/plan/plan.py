"""The frozen plan: all that a rank is sent, small enough to be shipped with every task."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from spark_deepnet.data.schema import Columns
from spark_deepnet.exchange.compressions.compression import Compression
from spark_deepnet.net.cut import cut
from spark_deepnet.net.net import Net
from spark_deepnet.optimizers.optimizer import Optimizer
from spark_deepnet.plan.architecture import Architecture, OutputSpec
from spark_deepnet.plan.grid import Grid
from spark_deepnet.plan.once import once
from spark_deepnet.plan.portable import Portable
from spark_deepnet.registry import Member
from spark_deepnet.schedules.schedule import Schedule

ANY_PORT = (0, 0)
"""Whichever the system gives."""


@dataclass(frozen=True)
class Recipe(Portable):
    """The network and how it learns: what decides the weights at the end, with seed and rows."""

    architecture: Architecture
    optimizer: Optimizer
    schedule: Schedule
    learning_rate: float
    batch_size: int
    epochs: int
    seed: int
    l1: float = 0.0
    l2: float = 0.0
    clip_norm: float = 0.0
    """Maximum global gradient norm; 0: no clipping."""
    clip_value: float = 0.0
    """Maximum absolute gradient value; 0: no clipping."""
    patience: int = 0
    tol: float = 0.0
    validated: bool = False
    """Whether some rows are kept for validation, and the best epoch's weights are kept."""
    sync_every: int = 1
    """Steps between exchanges: 1, all ranks step together; more, each steps alone and weights are averaged; 0, found
    from measured seconds."""
    sync_epochs: int = 0
    """So many epochs at the start all ranks step together."""
    sync_state: str = "average"
    """What becomes of the optimizer's vectors where weights are averaged: keep, average or reset."""

    @property
    def keeps_own(self) -> bool:
        """Whether each replica's optimizer goes on with vectors of its own."""
        return self.sync_every != 1 and self.sync_state == "keep"

    overlap: bool = False
    """Whether gradients are summed over the ranks while the backward pass goes on, which takes a core of its own."""

    compression: Compression | None = field(default_factory=lambda: None)  # no class attribute, as Portable needs it
    """How gradients are compressed between hosts; None: they are sent whole."""

    @property
    def keeps_residual(self) -> bool:
        """Whether each rank keeps what it has not sent yet."""
        return self.compression is not None and self.compression.keeps_residual

    def scores_net(self) -> Net:
        return self.architecture.scores_net()

    @once
    def block_net(self, block: int, blocks: int) -> Net:
        """The network that one of so many blocks trains."""
        num_stats = [head.num_stats for head in self.heads()]
        return cut(self.scores_net(), block, blocks, remembers=self.sync_every != 1, num_stats=num_stats)

    def heads(self) -> tuple[OutputSpec, ...]:
        return self.architecture.heads()

    members: ClassVar[dict[str, type[Member]]] = {
        "optimizer": Optimizer,
        "schedule": Schedule,
        "compression": Compression,
    }


@dataclass(frozen=True)
class TrainPlan:
    """One job of a fit."""

    recipe: Recipe
    columns: Columns
    workers: int
    """Ranks: replicas times blocks."""
    job: str
    """The job's name: it enters the ranks' proof, so that no earlier job's words can be replayed."""
    secret: bytes = field(repr=False)
    blocks: int = 1
    """How many ranks hold one copy of the weights together."""
    state_chunks: int = 0
    """How many chunks of the last job's state come among the rows; 0: the fit starts here."""
    job_seconds: float = 30.0
    """After this long, and 20 times its set-up, the job hands back its state, so that the next one goes on."""
    deadline: float = 300.0
    """Seconds that any wait for another rank may last."""
    checkpoint_every: int = 0
    """Epochs after which the job ends at its next exchange; 0: that is nothing to end for."""
    resumed: str | None = None
    """The folder of the checkpoint that the fit goes on from."""
    threads: int = 1
    row_memory: int = 0
    """Bytes of rows that a rank keeps in memory, the rest being spilled; 0: all."""
    listener: tuple[str, int] | None = None
    """Where the driver hears of progress; None where it cannot be reached."""
    ports: tuple[int, int] = ANY_PORT
    """The first and the last of those that ranks, and the driver for progress, listen on."""
    identity: bytes = field(default=b"", repr=False)
    """Key and certificate by which ranks encrypt what they say; empty: they do not."""
    fingerprint: str | None = None
    """What the earlier jobs' rows added up to; other rows now would be another fit."""

    def until(self, epoch: int) -> float:
        """The number of epochs at which a job that starts in this one ends."""
        every = self.checkpoint_every
        return (epoch // every + 1) * every if every else float("inf")

    @property
    def listening(self) -> range:
        """The ports to try, in their order."""
        return range(self.ports[0], self.ports[1] + 1)

    @property
    def grid(self) -> Grid:
        return Grid(self.workers // self.blocks, self.blocks)
