"""The frozen plan: all that a rank is sent, small enough to be shipped with every task."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from spark_deepnet.data.schema import Columns
from spark_deepnet.exchange.compressions.compression import Compression
from spark_deepnet.metrics.metric import Metric
from spark_deepnet.net.cut import cut
from spark_deepnet.net.net import Net
from spark_deepnet.optimizers.optimizer import Optimizer
from spark_deepnet.plan.architecture import Architecture, OutputSpec
from spark_deepnet.plan.grid import Grid
from spark_deepnet.plan.once import once
from spark_deepnet.plan.portable import Portable
from spark_deepnet.registry import Member
from spark_deepnet.schedules.schedule import Schedule

ANY_EPOCHS = 1 << 31
"""The number of epochs of a fit that its steps alone end."""
USUAL_BATCH_SIZE = 128
"""That of a fit whose rows decide, before they are counted."""
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
    max_steps: int = 0
    """Steps after which the fit ends, within an epoch too; 0: no such limit."""
    class_weights: tuple[float, ...] = ()
    """By which the rows' weights are multiplied, before they are sent; empty: all are 1."""
    l1: float = 0.0
    l2: float = 0.0
    clip_norm: float = 0.0
    """Maximum global gradient norm; 0: no clipping."""
    clip_value: float = 0.0
    """Maximum absolute gradient value; 0: no clipping."""
    patience: int = 0
    tol: float = 0.0
    validated: bool = False
    """Whether there are validation rows; then the best epoch's weights are kept."""
    ordered: str = ""
    """The column by whose numbers rows come in order; empty: they are shuffled."""
    sync_every: int = 1
    """Steps between exchanges. 1: synchronous steps of all ranks; more: local steps, after which weights are averaged;
    0: chosen from measured seconds."""
    sync_epochs: int = 0
    """Number of epochs at the start with synchronous steps."""
    sync_state: str = "average"
    """What happens to the optimizer's vectors when weights are averaged: keep, average or reset."""

    sync_momentum: float = 0.0
    """Of the step from the last average of the weights to the next."""
    sync_rate: float = 1.0
    """The length of this step."""

    @property
    def outer_steps(self) -> bool:
        """Whether the weights go on from such a step, not from the plain average."""
        return self.sync_every != 1 and (self.sync_momentum != 0 or self.sync_rate != 1)

    @property
    def steps_together(self) -> bool:
        """Whether all ranks make every step together, from exact gradients: one rank alone would make the same steps."""
        return self.sync_every == 1 and self.compression is None and not self.overlap

    @property
    def keeps_own(self) -> bool:
        """Whether each replica's optimizer keeps its own vectors."""
        return self.sync_every != 1 and self.sync_state == "keep"

    automatic: tuple[str, ...] = ()
    """The fields that follow from the number of rows once it is known: batch_size, epochs, l2."""
    overlap: bool = False
    """Whether gradients are summed over the ranks during the backward pass, which takes a core of its own."""

    compression: Compression | None = field(default_factory=lambda: None)  # no class attribute, as Portable needs it
    """How gradients are compressed between hosts; None: they are sent whole."""

    metrics: tuple[Metric, ...] = field(default_factory=tuple)
    """What is measured at the end of every epoch, over all training and validation rows."""
    monitor: str = "loss"
    """The figure of the validation rows by which the best epoch is known: the loss, or a metric's name in the history."""

    def metrics_of(self, head: OutputSpec) -> list[Metric]:
        """Those that an output's loss allows."""
        return [each for each in self.metrics if each.misfit(head.loss.task, head.units, head.loss.link) is None]

    @property
    def keeps_residual(self) -> bool:
        """Whether each rank keeps what it has not sent yet."""
        return self.compression is not None and self.compression.keeps_residual

    def scores_net(self) -> Net:
        return self.architecture.scores_net()

    @once
    def block_net(self, block: int, blocks: int) -> Net:
        """The network of one of ``blocks`` blocks."""
        num_stats = [None if self.metrics else head.num_stats for head in self.heads()]  # metrics need whole scores
        return cut(self.scores_net(), block, blocks, remembers=self.sync_every != 1, num_stats=num_stats)

    def heads(self) -> tuple[OutputSpec, ...]:
        return self.architecture.heads()

    members: ClassVar[dict[str, type[Member]]] = {
        "optimizer": Optimizer,
        "schedule": Schedule,
        "compression": Compression,
        "metrics": Metric,
    }


@dataclass(frozen=True)
class TrainPlan:
    """One job of a fit."""

    recipe: Recipe
    columns: Columns
    workers: int
    """Ranks: replicas times blocks."""
    job: str
    """The job's name: part of the ranks' proof, so that an earlier job's messages cannot be replayed."""
    secret: bytes = field(repr=False)
    blocks: int = 1
    """Number of ranks that together hold one copy of the weights."""
    initial: str = ""
    """A hash of the weights that the fit starts from; empty: random ones."""
    start_arrays: int = 0
    """Of the first job of such a fit: the number of flat vectors whose chunks are among the rows."""
    state_chunks: int = 0
    """Number of chunks of the last job's state, or of the initial one, among the rows; 0: the fit starts here."""
    job_seconds: float = 30.0
    """After this time, and 20 times its set-up, the job returns its state, and the next job continues."""
    deadline: float = 300.0
    """Seconds that any wait for another rank may last."""
    checkpoint_every: int = 0
    """Epochs after which the job ends at its next exchange; 0: no such limit."""
    report_every: int = 0
    """Epochs after which the job ends so that callbacks are heard, in the same way."""
    stops: bool = False
    """Whether the job makes no more steps: the fit ends as it is."""
    resumed: str | None = None
    """The folder of the checkpoint from which the fit resumes."""
    threads: int = 1
    """Threads that a rank computes on: Spark's cores for a task."""
    row_memory: int = 0
    """Bytes of rows that a rank keeps in memory, the rest is spilled; 0: no limit."""
    listener: tuple[str, int] | None = None
    """The driver's address for progress; None if it cannot be reached."""
    meeting: tuple[str, int] | None = None
    """The driver's address where ranks meet; None: they meet by the barrier."""
    ports: tuple[int, int] = ANY_PORT
    """The first and the last port on which ranks, and the driver for progress, listen."""
    identity: bytes = field(default=b"", repr=False)
    """Key and certificate with which ranks encrypt their connections; empty: no encryption."""
    may_train_alone: bool = False
    """Whether one rank may make the fit, where exchanges would take longer than all ranks save: their number was not set."""
    fingerprint: str | None = None
    """The fingerprint of the earlier jobs' rows; other rows now would be another fit."""

    def until(self, epoch: int) -> float:
        """The number of epochs after which a job that starts in this epoch ends."""
        intervals = [every for every in (self.checkpoint_every, self.report_every) if every]
        return min(((epoch // every + 1) * every for every in intervals), default=float("inf"))

    @property
    def listening(self) -> range:
        """The ports to try, in their order."""
        return range(self.ports[0], self.ports[1] + 1)

    @property
    def grid(self) -> Grid:
        return Grid(self.workers // self.blocks, self.blocks)
