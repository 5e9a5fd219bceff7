"""Predicts a step or a round for any number of workers: seconds, bytes, speedup."""

from __future__ import annotations

import math
from bisect import bisect
from dataclasses import dataclass

from spark_deepnet.errors import check_numbers
from spark_deepnet.exchange import all_reduce
from spark_deepnet.forecast.traffic import NO_TRAFFIC, BlockTraffic


@dataclass(frozen=True)
class Link:
    """The link between two ranks: a message takes latency + bytes / bandwidth seconds. The defaults were measured
    between two processes of one machine, and are also those of a 10 Gbit/s network.
    """

    latency: float = 50e-6
    """Seconds."""
    bandwidth: float = 1.3e9
    """Bytes per second, each way."""

    def __post_init__(self) -> None:
        check_numbers(self, "at least 0", "latency")
        check_numbers(self, "above 0", "bandwidth")

    def seconds(self, steps: float, nbytes: float) -> float:
        return steps * self.latency + nbytes / self.bandwidth


@dataclass(frozen=True)
class Compute:
    """Seconds of one rank's step, measured for several numbers of rows, ascending."""

    rows: tuple[int, ...]
    seconds: tuple[float, ...]

    def at(self, rows: int) -> float:
        """Seconds on the straight line through the two nearest measurements: a fixed part and a part per row."""
        if len(self.rows) == 1:
            return self.seconds[0]
        i = min(max(1, bisect(self.rows, rows)), len(self.rows) - 1)
        (a, b), (low, high) = self.rows[i - 1 : i + 1], self.seconds[i - 1 : i + 1]
        return low + (high - low) * (rows - a) / (b - a)


@dataclass(frozen=True)
class Costs:
    """A fit by K replicas with tau steps between exchanges (syncEvery), in rounds. A round is one synchronous step if
    tau is 1, otherwise tau local steps and an average. A replica is one worker, or as many as the weights have blocks,
    which exchange once per round; all local steps of blocks are over the same rows.

    In formulas C(n) is the seconds of a step over n rows, S those of an exchange, b the batchSize."""

    batch: int
    compute: Compute
    link: Link
    synchronous: tuple[int, ...]
    """Bytes of each vector that is summed over the replicas in a synchronous step."""
    local: tuple[int, ...]
    """Bytes of each vector that is summed when weights are averaged."""
    block_traffic: BlockTraffic = NO_TRAFFIC
    """The exchange between the blocks of a replica."""
    rows: float = math.inf
    """Training rows, of which no step has more."""

    def share(self, workers: int, tau: int) -> int:
        """Rows of a replica's step: b / K, or b for a local step, and no more than all rows divided by K."""
        return -(-self.step_rows(workers, tau) // workers)

    def step_rows(self, workers: int, tau: int) -> int:
        """Rows of one step of all replicas: b, or K b of local steps; at most all."""
        return int(min(self.batch * (1 if tau == 1 else workers), self.rows))

    def exchanged(self, workers: int, tau: int) -> tuple[float, float]:
        """Sequential messages, and bytes that a worker sends, in a round."""
        parts = [all_reduce.cost((1,) * workers, nbytes) for nbytes in (self.synchronous if tau == 1 else self.local)]
        parts.append(self.block_traffic.sent(self.share(workers, tau), tau > 1))
        return sum(steps for steps, _ in parts), sum(nbytes for _, nbytes in parts)

    def exchange_seconds(self, workers: int, tau: int) -> float:
        """S"""
        return self.link.seconds(*self.exchanged(workers, tau))

    def round_seconds(self, workers: int, tau: int) -> float:
        """C(b / K) + S, or tau C(b) + S"""
        return tau * self.compute.at(self.share(workers, tau)) + self.exchange_seconds(workers, tau)

    def rows_per_second(self, workers: int, tau: int) -> float:
        """b rows per round, or tau K b, over its seconds; K b if blocks make local steps."""
        steps = tau if self.block_traffic.blocks == 1 else 1
        return steps * self.step_rows(workers, tau) / self.round_seconds(workers, tau)

    def speedup(self, workers: int, tau: int) -> float:
        """Rows per second, relative to one replica's. It ignores that the same accuracy may take more rows."""
        return self.rows_per_second(workers, tau) / self.rows_per_second(1, 1)

    def naive(self, workers: int) -> float:
        """C / (C / K + S): synchronous steps if a share's seconds were proportional to its rows (Moritz et al.,
        SparkNet, arXiv 1511.06051); the first C includes the exchange of one replica's blocks."""
        serial = self.compute.at(self.share(1, 1))
        return self.round_seconds(1, 1) / (serial / workers + self.exchange_seconds(workers, 1))
