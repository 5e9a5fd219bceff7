"""What a fit would take, predicted from a few steps on this machine: as fields, and in words."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from spark_deepnet.forecast.cost import Costs, Link
from spark_deepnet.forecast.grid_choice import Candidate, candidates, grids, tau_of
from spark_deepnet.forecast.memory import Memory, NodeCost, memory, nodes, row_bytes, taken_sparse
from spark_deepnet.forecast.probe import probe
from spark_deepnet.net.summary import name_width
from spark_deepnet.plan.automatic import resolved
from spark_deepnet.plan.plan import TrainPlan
from spark_deepnet.train.loop import MIN_EVALUATION_ROWS

WORKERS = tuple(2**i for i in range(11))
TAUS = (1, 10, 50, 100)
BUSY = 0.9
"""Of a core: where timed steps had less, the plan says so."""
_NODE = "{:<{wide}} {:<18} {:>12} {:>14} {:>14} {:>12}"
_CHOICE = "{:>8} {:>6} {:>9} {:>10} {:>10} {:>14} {:>12}  {}"
_SPEED = "{:>8} {:>8}" + " {:>14}" * len(TAUS)


@dataclass(frozen=True)
class Forecast:
    """The result of ``explainPlan``, which prints as a table. Seconds are for rows of the longest sequences and workers
    like this machine, each with a core of its own."""

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
    """Whether weights would be exchanged by Spark jobs, which are not predicted."""
    blocks: int
    """Workers of one replica, each with a block of the weights."""
    costs: Costs
    """Seconds, bytes and speedup for any number of replicas, with the plan's number of blocks, and any syncEvery."""
    candidates: tuple[Candidate, ...]
    """The ways to divide these workers into replicas and blocks, as ``modelBlocks="auto"`` estimates them without timing;
    none where there is one only."""
    coreShare: float = 1.0
    """The part of a core that the timed steps had: less than 1 where other processes ran beside them."""

    @property
    def replicas(self) -> int:
        return self.workers // self.blocks

    @property
    def share(self) -> int:
        """Rows of one worker's step."""
        return self.costs.share(self.replicas, self.syncEvery)

    @property
    def computeSeconds(self) -> float:
        """Of one worker's step, without exchange."""
        return self.costs.compute.at(self.share)

    @property
    def exchangeSeconds(self) -> float:
        """Of one exchange: every syncEvery steps there is one."""
        return self.costs.exchange_seconds(self.replicas, self.syncEvery)

    @property
    def stepSeconds(self) -> float:
        """Of a step with its part of an exchange."""
        return self.costs.round_seconds(self.replicas, self.syncEvery) / self.syncEvery

    @property
    def stepBytes(self) -> float:
        """Bytes that a worker sends for a step."""
        return self.costs.exchanged(self.replicas, self.syncEvery)[1] / self.syncEvery

    @property
    def rowsPerSecond(self) -> float:
        """Of all workers together."""
        return self.costs.rows_per_second(self.replicas, self.syncEvery)

    def speedup(self, workers: int, syncEvery: int = 1) -> float:
        """Rows per second of ``workers`` workers with all weights each, or of replicas in blocks, relative to one."""
        return self.costs.speedup(workers, syncEvery)

    def __str__(self) -> str:
        parts = [_layers(self), _whole(self), _choices(self), _speeds(self.costs)]
        return "\n\n".join("\n".join(lines) for lines in parts if lines)


def forecast(
    plan: TrainPlan, link: Link, rounds: bool = False, limit: int | None = None, training_rows: float = math.inf
) -> Forecast:
    """Times a few steps; rounds: whether the fit goes in rounds of Spark jobs; limit: bytes of a worker's memory;
    training_rows: how many there are, of which no step has more."""
    if training_rows < math.inf:
        plan = replace(plan, recipe=resolved(plan.recipe, int(training_rows)))
    recipe, grid = plan.recipe, plan.grid
    probed = probe(plan)
    costs = probed.costs(recipe.batch_size, link, training_rows)
    tau = tau_of(recipe, grid, costs)
    rows = max(costs.share(grid.replicas, recipe.sync_every), MIN_EVALUATION_ROWS if recipe.validated else 1)
    sparse = taken_sparse(recipe, plan.columns)
    among = [] if rounds or grid.size == 1 else grids(recipe, grid.size)
    return Forecast(
        nodes=nodes(recipe, sparse),
        memory=memory(recipe, rows, grid.blocks, sparse),
        rowBytes=row_bytes(plan.columns),
        workers=grid.size,
        syncEvery=tau,
        rounds=rounds,
        blocks=grid.blocks,
        costs=costs,
        candidates=candidates(recipe, among, link, limit, sparse, training_rows),
        coreShare=probed.core_share,
    )


def _layers(f: Forecast) -> list[str]:
    wide = name_width(f"{n.name} ({n.kind})" for n in f.nodes)
    head = ("name (kind)", "shape", "parameters", "multiply-adds", "weights' bytes", "bytes/row")
    lines = [_NODE.format(*head, wide=wide)]
    for n in f.nodes:
        lines.append(_row(wide, f"{n.name} ({n.kind})", str(n.shape), n))
    return [*lines, _row(wide, "in all", "", *f.nodes)]


def _row(wide: int, name: str, shape: str, *costs: NodeCost) -> str:
    columns = zip(*((n.parameters, n.multiply_adds, n.weight_bytes, n.row_bytes) for n in costs), strict=True)
    return _NODE.format(name, shape, *(f"{sum(column):,}" for column in columns), wide=wide)


def _whole(f: Forecast) -> list[str]:
    m = f.memory
    parts = {"weights": m.weights, "gradients": m.gradients, "optimizer": m.vectors, "best weights": m.best}
    parts[f"activations of {m.rows:,} rows"] = m.activations
    shown = ", ".join(f"{name} {size / 2**20:.2f}" for name, size in parts.items() if size)
    who = "worker" if f.workers == 1 else "workers"
    apart = f" ({f.replicas:,} x {f.blocks} blocks)" if f.blocks > 1 else ""
    lines = [
        f"memory of a worker: {m.total / 2**20:.2f} MiB ({shown}), and {f.rowBytes:,} bytes for each row that it keeps",
        f"step on {f.workers:,} {who}{apart}, syncEvery={f.syncEvery}: "
        f"{f.share:,} rows each in {_ms(f.computeSeconds)}, an exchange in {_ms(f.exchangeSeconds)}; "
        f"a step takes {_ms(f.stepSeconds)} and {f.stepBytes:,.0f} bytes of each worker, {f.rowsPerSecond:,.0f} rows/s",
        f"exchange estimated with {1e6 * f.costs.link.latency:g} us a message and {f.costs.link.bandwidth / 1e9:g} GB/s",
    ]
    if f.coreShare < BUSY:
        lines.append(
            f"the timed steps had {f.coreShare:.0%} of a core: other processes ran beside them; a fit that shares its cores "
            f"with them takes longer than predicted here"
        )
    if f.rounds:
        lines.append("exchange by Spark jobs: every round also takes a job's seconds, which are not in these figures")
    return lines


def _choices(f: Forecast) -> list[str]:
    """The ways to divide the workers, the one that is taken marked."""
    if not f.candidates:
        return []
    lines = [
        "replicas x blocks, estimated from multiply-adds without timing, as modelBlocks='auto' does",
        _CHOICE.format("replicas", "blocks", "syncEvery", "MiB", "step", "bytes", "rows/s", ""),
    ]
    for c in f.candidates:
        note = "taken" if c.blocks == f.blocks else "" if c.fits else "too large for a worker"
        numbers = f"{c.memory / 2**20:,.1f}", _ms(c.stepSeconds), f"{c.stepBytes:,.0f}", f"{c.rowsPerSecond:,.0f}"
        lines.append(_CHOICE.format(c.replicas, c.blocks, c.syncEvery, *numbers, note).rstrip())
    return lines


def _ms(seconds: float) -> str:
    return f"{1e3 * seconds:.3g} ms"


def _speeds(costs: Costs) -> list[str]:
    """Rows a second relative to one worker's (one replica's), by their number and syncEvery."""
    who = "worker" if costs.block_traffic.blocks == 1 else "replica"
    lines = [
        "a step of W workers takes W times batchSize rows where syncEvery is above 1; give rows=... for fewer"
        if costs.rows == math.inf
        else f"{int(costs.rows):,} training rows, of which no step has more",
        f"speedup: rows a second, relative to one {who} (the more rows that the same accuracy may take are not in it); "
        f"naive: C / (C / {who}s + S)",
        _SPEED.format(f"{who}s", "naive", *(f"syncEvery={tau}" for tau in TAUS)),
    ]
    for workers in WORKERS:
        speedups = (f"{costs.speedup(workers, tau):.1f}" for tau in TAUS)
        lines.append(_SPEED.format(f"{workers:,}", f"{costs.naive(workers):.1f}", *speedups))
    return lines
