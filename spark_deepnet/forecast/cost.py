"""The time of a step or a round, predicted for any number of workers: seconds, bytes, speedup."""

from __future__ import annotations

from bisect import bisect
from dataclasses import dataclass

from spark_deepnet.errors import check_numbers
from spark_deepnet.exchange import all_reduce
from spark_deepnet.forecast.traffic import NO_TRAFFIC, BlockTraffic


@dataclass(frozen=True)
class Link:
    """What connects two ranks: the seconds of a message are latency + bytes / bandwidth.

    By default those seen between two processes of one machine, which are also those of a network of 10 Gbit/s.
    """

    latency: float = 50e-6
    """Seconds."""
    bandwidth: float = 1.3e9
    """Bytes a second, each way."""

    def __post_init__(self) -> None:
        check_numbers(self, "at least 0", "latency")
        check_numbers(self, "above 0", "bandwidth")

    def seconds(self, steps: float, nbytes: float) -> float:
        return steps * self.latency + nbytes / self.bandwidth


@dataclass(frozen=True)
class Compute:
    """Seconds of one rank's step, measured for some numbers of rows, ascending."""

    rows: tuple[int, ...]
    seconds: tuple[float, ...]

    def at(self, rows: int) -> float:
        """On the straight line through the two nearest measurements: a fixed part and so much a row."""
        if len(self.rows) == 1:
            return self.seconds[0]
        i = min(max(1, bisect(self.rows, rows)), len(self.rows) - 1)
        (a, b), (low, high) = self.rows[i - 1 : i + 1], self.seconds[i - 1 : i + 1]
        return low + (high - low) * (rows - a) / (b - a)


@dataclass(frozen=True)
class Costs:
    """A fit by K replicas with tau steps between exchanges (syncEvery), in rounds: one step of all together where tau is
    1, else tau steps of each alone and an average. A replica is one worker, or as many as the weights have blocks, which
    exchange once a round; the steps that blocks make alone are all over the same rows.

    In formulas C(n) is the seconds of a step over n rows, S those of an exchange, b the batchSize."""

    batch: int
    compute: Compute
    link: Link
    synchronous: tuple[int, ...]
    """Bytes of each vector that is summed over the replicas in a step of all together."""
    local: tuple[int, ...]
    """And where weights are averaged."""
    block_traffic: BlockTraffic = NO_TRAFFIC
    """Between the blocks of a replica."""

    def share(self, workers: int, tau: int) -> int:
        """Rows of a replica's step: b / K, or b where it steps alone."""
        return -(-self.batch // workers) if tau == 1 else self.batch

    def exchanged(self, workers: int, tau: int) -> tuple[float, float]:
        """Messages, and bytes that a worker sends, one after another, in a round."""
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
        """b rows a round, or tau K b, over its seconds; K b where blocks step alone."""
        batches = 1 if tau == 1 else workers * (tau if self.block_traffic.blocks == 1 else 1)
        return batches * self.batch / self.round_seconds(workers, tau)

    def speedup(self, workers: int, tau: int) -> float:
        """Rows a second, relative to one replica's. How many more rows the same accuracy then takes is not in it."""
        return self.rows_per_second(workers, tau) / self.rows_per_second(1, 1)

    def naive(self, workers: int) -> float:
        """C / (C / K + S): synchronous steps, were a share's seconds proportional to its rows (Moritz et al., SparkNet,
        arXiv 1511.06051); the first C with the exchange of one replica's blocks."""
        serial = self.compute.at(self.batch)
        return self.round_seconds(1, 1) / (serial / workers + self.exchange_seconds(workers, 1))
