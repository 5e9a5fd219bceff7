"""How a fit went: loss and measures by epoch, seconds and bytes by rank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from spark_deepnet.plotting.curves import plot_curves
from spark_deepnet.spark.fit.skew import rows_by_rank
from spark_deepnet.spark.shown import SummaryText


@dataclass(frozen=True, repr=False)
class TrainingSummary(SummaryText):
    """What ``model.summary`` tells; it is saved with the model. ``print`` shows it as a table of epochs."""

    history: list[dict[str, float]]
    """A row of measures an epoch: loss, accuracy (or rmse), seconds, rowsPerSecond; with validation rows also
    validationLoss and validationAccuracy (or validationRmse). Of several outputs loss and validationLoss are the
    weighted sums, and each output's measures stand behind its name: age_loss, age_rmse."""
    ranks: list[dict[str, Any]]
    """A row a rank and job: rows (of all ranks), ownRows, spilledBytes, bytesSent, and ``seconds`` in reading, meeting,
    compiling, computing, exchanging, waiting and total."""
    jobs: int
    """How many Spark jobs the fit took."""
    steps: int
    """Steps of the optimizer."""
    seconds: float
    """Seconds that fit took, jobs and all."""
    bestEpoch: int | None
    """The epoch, from 0, whose weights were kept; None without validation rows."""

    syncEvery: int
    """Steps between exchanges, at the end where the fit found the number by itself."""
    modelBlocks: int = 1
    """How many workers held one copy of the weights together."""

    initialWeights: tuple[str, ...] = ()
    """The weights ("layer/weight") that the initial model gave; all others started at random."""

    @property
    def objectiveHistory(self) -> list[float]:
        """The mean training loss of each epoch (with weight decay left out)."""
        return [row["loss"] for row in self.history]

    @property
    def totalIterations(self) -> int:
        """The number of epochs trained."""
        return len(self.history)

    @property
    def rowsPerSecond(self) -> float:
        """Rows a second of training, of all workers together, without set-up."""
        seconds = sum(row["seconds"] for row in self.history)
        return sum(row["seconds"] * row["rowsPerSecond"] for row in self.history) / max(seconds, 1e-9)

    @property
    def bytesExchanged(self) -> int:
        """Bytes that the workers sent to one another."""
        return sum(rank["bytesSent"] for rank in self.ranks)

    @property
    def rowsByRank(self) -> list[int]:
        """Rows of each worker, those for validation among them."""
        return rows_by_rank(self.ranks)

    @property
    def spilledBytes(self) -> int:
        """The most bytes of rows that a worker wrote to its disk."""
        return max((rank["spilledBytes"] for rank in self.ranks), default=0)

    def plot(self, *measures: str, ax: Any = None) -> Any:
        """Draw learning curves with matplotlib: a panel for each measure over the epochs, of training and validation rows,
        with a line at the epoch whose weights were kept.

        measures: such as "loss", "accuracy", "seconds"; none: all but times, or onto one Axes the loss. ax: the Axes for
        each of them; None: those of a new figure. Returns the Axes, of several measures an array of them.
        """
        return plot_curves(self.history, measures, self.bestEpoch, ax)

    def secondsIn(self, what: str) -> list[float]:
        """Seconds in reading, meeting, compiling, computing, exchanging, waiting or total, by rank, over all jobs."""
        needs_all_reduce: dict[int, float] = {}
        for row in self.ranks:
            needs_all_reduce[row["rank"]] = needs_all_reduce.get(row["rank"], 0.0) + row["seconds"][what]
        return [needs_all_reduce[rank] for rank in sorted(needs_all_reduce)]
