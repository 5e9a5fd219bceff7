"""What a fit would take, foretold from a few steps on this machine: as fields, and in words."""

from __future__ import annotations

from dataclasses import dataclass

from spark_deepnet.net.seen import sparse_readers
from spark_deepnet.plan.cost import Costs, Link
from spark_deepnet.plan.memory import Memory, NodeCost, memory, nodes, row_bytes
from spark_deepnet.plan.plan import Recipe, TrainPlan
from spark_deepnet.train.loop import EVALUATED
from spark_deepnet.train.probe import probe
from spark_deepnet.train.tempo import steps_between

WORKERS = tuple(2**i for i in range(11))
TAUS = (1, 10, 50, 100)
_NODE = "{:<28} {:<18} {:>12} {:>14} {:>14} {:>12}"
_SPEED = "{:>8} {:>8}" + " {:>14}" * len(TAUS)


@dataclass(frozen=True)
class Forecast:
    """What ``explainPlan`` found; it prints as a table. Seconds are for rows of the longest sequences and workers like
    this machine, each with a core of its own."""

    nodes: tuple[NodeCost, ...]
    """Each input and layer: parameters, multiply_adds, bytes."""
    memory: Memory
    """Bytes of one worker, beside its rows."""
    rowBytes: int
    """Bytes of one of its rows, where features are dense; vectors of 4,096 or more are taken to be sparse, with 64
    entries a row."""
    workers: int
    syncEvery: int
    """As set, or as ``auto`` would find it."""
    rounds: bool
    """Whether weights would be exchanged by Spark jobs, which are not foretold."""
    blocks: int
    """modelBlocks, which are not in these figures: they are of workers that each hold all weights."""
    costs: Costs
    """Seconds, bytes and speedup for any workers and syncEvery."""

    @property
    def share(self) -> int:
        """Rows of one worker's step."""
        return self.costs.share(self.workers, self.syncEvery)

    @property
    def computeSeconds(self) -> float:
        """Of one worker's step, without exchange."""
        return self.costs.compute.at(self.share)

    @property
    def exchangeSeconds(self) -> float:
        """Of one exchange: every syncEvery steps there is one."""
        return self.costs.exchange_seconds(self.workers, self.syncEvery)

    @property
    def stepSeconds(self) -> float:
        """Of a step with its part of an exchange."""
        return self.costs.round_seconds(self.workers, self.syncEvery) / self.syncEvery

    @property
    def stepBytes(self) -> float:
        """Bytes that a worker sends for a step."""
        return self.costs.exchanged(self.workers, self.syncEvery)[1] / self.syncEvery

    @property
    def rowsPerSecond(self) -> float:
        """Of all workers together."""
        return self.costs.rows_per_second(self.workers, self.syncEvery)

    def speedup(self, workers: int, syncEvery: int = 1) -> float:
        """Rows a second, relative to one worker's."""
        return self.costs.speedup(workers, syncEvery)

    def __str__(self) -> str:
        return "\n".join([*_layers(self), "", *_whole(self), "", *_speeds(self.costs)])


def forecast(plan: TrainPlan, link: Link, rounds: bool = False) -> Forecast:
    """Times a few steps; rounds: whether the fit goes in rounds of Spark jobs."""
    recipe, found = plan.recipe, probe(plan)
    costs = Costs(recipe.batch_size, found.compute, link, found.together, found.alone)
    tau = _tau(recipe, plan.workers, costs)
    rows = max(costs.share(plan.workers, recipe.sync_every), EVALUATED if recipe.validated else 1)
    sparse = foretold_sparse(plan)
    layers, held = nodes(recipe, sparse), memory(recipe, rows, sparse=sparse)
    return Forecast(layers, held, row_bytes(plan.columns), plan.workers, tau, rounds, plan.blocks, costs)


def foretold_sparse(plan: TrainPlan) -> list[str]:
    """The inputs that are taken to be fed as sparse rows."""
    readers = sparse_readers(plan.recipe.scores_net())
    return [source.input for source in plan.columns.sources if source.wide and source.input in readers]


def _tau(recipe: Recipe, workers: int, costs: Costs) -> int:
    """Steps between exchanges; a lonely worker has none."""
    if workers == 1:
        return 1
    return recipe.sync_every or steps_between(
        costs.compute.at(costs.batch), costs.exchange_seconds(workers, 2), workers
    )


def _layers(f: Forecast) -> list[str]:
    lines = [_NODE.format("name (kind)", "shape", "parameters", "multiply-adds", "weights' bytes", "bytes/row")]
    for n in f.nodes:
        lines.append(_row(f"{n.name} ({n.kind})", str(n.shape), n))
    return [*lines, _row("in all", "", *f.nodes)]


def _row(name: str, shape: str, *found: NodeCost) -> str:
    columns = zip(*((n.parameters, n.multiply_adds, n.weight_bytes, n.row_bytes) for n in found), strict=True)
    return _NODE.format(name, shape, *(f"{sum(column):,}" for column in columns))


def _whole(f: Forecast) -> list[str]:
    m = f.memory
    parts = {"weights": m.weights, "slopes": m.slopes, "optimizer": m.vectors, "best weights": m.best}
    parts[f"activations of {m.rows:,} rows"] = m.activations
    shown = ", ".join(f"{name} {size / 2**20:.2f}" for name, size in parts.items() if size)
    lines = [
        f"memory of a worker: {m.total / 2**20:.2f} MiB ({shown}), and {f.rowBytes:,} bytes for each row that it keeps",
        f"step on {f.workers:,} {'worker' if f.workers == 1 else 'workers'}, syncEvery={f.syncEvery}: "
        f"{f.share:,} rows each in {_ms(f.computeSeconds)}, an exchange in {_ms(f.exchangeSeconds)}; "
        f"a step takes {_ms(f.stepSeconds)} and {f.stepBytes:,.0f} bytes of each worker, {f.rowsPerSecond:,.0f} rows/s",
        f"exchange reckoned with {1e6 * f.costs.link.latency:g} us a message and {f.costs.link.bandwidth / 1e9:g} GB/s",
    ]
    if f.rounds:
        lines.append("exchange by Spark jobs: every round also takes a job's seconds, which are not in these figures")
    if f.blocks > 1:
        lines.append(f"modelBlocks={f.blocks} is not in these figures: they are of workers that each hold all weights")
    return lines


def _ms(seconds: float) -> str:
    return f"{1e3 * seconds:.3g} ms"


def _speeds(costs: Costs) -> list[str]:
    """Rows a second relative to one worker's, by workers and syncEvery."""
    lines = [
        "speedup: rows a second, relative to one worker (the more rows that the same accuracy may take are not in it); "
        "naive: C / (C / workers + S)",
        _SPEED.format("workers", "naive", *(f"syncEvery={tau}" for tau in TAUS)),
    ]
    for workers in WORKERS:
        found = (f"{costs.speedup(workers, tau):.1f}" for tau in TAUS)
        lines.append(_SPEED.format(f"{workers:,}", f"{costs.naive(workers):.1f}", *found))
    return lines
