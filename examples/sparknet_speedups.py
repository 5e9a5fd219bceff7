"""Speedups from the counts of sparknet_study.py, and tables of them.

With C seconds per step and S seconds per exchange (Moritz et al., SparkNet, arXiv 1511.06051):
    serial          N C,            N: iterations to the accuracy
    naive           N (C / K + S),  every step divided over K machines and summed
    SparkNet's      M (tau C + S),  M: rounds of tau local steps to the same accuracy
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from math import nan
from typing import Any

import numpy as np

Cells = dict[tuple[int, int], float]
"""(K, tau) -> iterations"""
Seeds = dict[tuple[int, int], list[float]]
"""(K, tau) -> iterations of each seed"""
RATIOS = (0.01, 0.1, 1.0, 10.0, 100.0)


def reached(rows: Iterable[Mapping[str, Any]], target: float) -> Cells:
    """Iterations to the accuracy, the mean over seeds. A cell is infinite if a seed never reached it."""
    return means(by_seed(rows, target))


def means(seeds: Seeds) -> Cells:
    return {cell: float(np.mean(each)) for cell, each in seeds.items()}


def by_seed(rows: Iterable[Mapping[str, Any]], target: float) -> Seeds:
    """Iterations of each seed to the accuracy, on a line between the first evaluation there and the one before."""
    curves: dict[tuple[int, int, int], list[tuple[int, float]]] = defaultdict(list)
    for row in rows:
        name = int(row["replicas"]), int(row["tau"]), int(row["seed"])
        curves[name].append((int(row["iterations"]), float(row["accuracy"])))
    iterations = defaultdict(list)
    for (size, tau, _), curve in curves.items():
        iterations[size, tau].append(first(curve, target))
    return dict(sorted(iterations.items()))


def first(curve: list[tuple[int, float]], target: float) -> float:
    """Where a curve of (iteration, accuracy) first is at the target."""
    before, low = 0, 0.0
    for iteration, accuracy in curve:
        if accuracy >= target:
            return before + (iteration - before) * (target - low) / (accuracy - low)
        before, low = iteration, accuracy
    return float("inf")


def speedup(serial: float, iterations: float, tau: int, ratio: float) -> float:
    """N C / ((tau C + S) M) with M = iterations / tau; ratio: S / C."""
    return serial * tau / ((tau + ratio) * iterations)


def naive(size: int, ratio: float) -> float:
    """C / (C / K + S)"""
    return 1 / (1 / size + ratio)


def by_tau(cells: Cells, size: int) -> dict[int, float]:
    return {tau: iterations for (k, tau), iterations in cells.items() if k == size}


def best(cells: Cells, size: int, ratio: float) -> tuple[int, float]:
    """The tau of the largest speedup, and that."""
    speedups = {tau: speedup(cells[1, 1], n, tau, ratio) for tau, n in by_tau(cells, size).items()}
    tau = max(speedups, key=speedups.__getitem__)
    return tau, speedups[tau]


def break_even(cells: Cells, size: int, ratio: float, least: float = 1.0) -> int | None:
    """The smallest tau of the grid whose speedup is above ``least``; None if there is none."""
    taus = by_tau(cells, size).items()
    return min((tau for tau, n in taus if speedup(cells[1, 1], n, tau, ratio) > least), default=None)


def sizes_of(cells: Cells) -> list[int]:
    return sorted({size for size, _ in cells if size > 1})


def taus_of(cells: Cells) -> list[int]:
    return sorted({tau for size, tau in cells if size > 1})


def table(head: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    lines = [list(map(str, line)) for line in (head, *rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def tell(rows: list[dict[str, Any]], target: float) -> str:
    """The tables of the page."""
    seeds = by_seed(rows, target)
    cells = means(seeds)
    serial, sizes, taus = cells[1, 1], sizes_of(cells), taus_of(cells)
    head = ["K", *(f"tau {tau}" for tau in taus)]
    counts = [[size, *(_with_spread(seeds.get((size, tau), [nan])) for tau in taus)] for size in sizes]
    free = [[size, *(f"{serial / cells.get((size, tau), nan):.2f}" for tau in taus)] for size in sizes]
    return "\n\n".join(
        (
            f"Iterations to {target}, mean and half the range of the seeds; serial: {_with_spread(seeds[1, 1])}",
            table(head, counts),
            "Speedup where an exchange costs nothing, N / (tau M)",
            table(head, free),
            "At S / C: naive speedup, SparkNet's best with its tau, the least tau that gains",
            table(["K", *(f"S / C = {ratio:g}" for ratio in RATIOS)], [_at_ratios(cells, size) for size in sizes]),
        )
    )


def _with_spread(each: list[float]) -> str:
    return f"{np.mean(each):.0f}" + (f" ± {np.ptp(each) / 2:.0f}" if len(each) > 1 else "")


def _at_ratios(cells: Cells, size: int) -> list[object]:
    cells_of_row: list[object] = [size]
    for ratio in RATIOS:
        tau, gain = best(cells, size, ratio)
        cells_of_row.append(
            f"{naive(size, ratio):.2f}; {gain:.2f} (tau {tau}); {break_even(cells, size, ratio) or 'none'}"
        )
    return cells_of_row


def tell_batches(rows: list[dict[str, Any]], target: float, cell: tuple[int, int] = (5, 10)) -> str:
    """The gain of a cell for each batch size."""
    lines = []
    for batch in sorted({int(row["batch"]) for row in rows}):
        counts = reached((row for row in rows if int(row["batch"]) == batch), target)
        serial, own = counts.get((1, 1), nan), counts.get(cell, nan)
        lines.append([batch, f"{serial:.0f}", f"{own:.0f}", f"{serial / own:.2f}"])
    return table(["batch", "serial", "K = {}, tau = {}".format(*cell), "N / (tau M)"], lines)


def tell_states(rows: list[dict[str, Any]]) -> str:
    """Mean loss and accuracy over seeds, a column for each way to treat the optimizer's vectors."""
    results: dict[tuple[str, int, int], dict[str, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        cell = row["optimizer"], int(row["replicas"]), int(row["tau"])
        results[cell][row["state"]].append((float(row["loss"]), float(row["accuracy"])))
    states = sorted({row["state"] for row in rows})
    lines = [[*cell, *(_mean(each[state]) for state in states)] for cell, each in results.items()]
    return table(["solver", "K", "tau", *states], lines)


def _mean(each: list[tuple[float, float]]) -> str:
    if not each:
        return "not run"
    loss, accuracy = np.array(each).T
    spread = f" ± {np.ptp(loss) / 2:.4f}" if len(each) > 1 else ""
    return f"{loss.mean():.4f}{spread}, {accuracy.mean():.4f}"


def tell_seconds(rows: list[dict[str, Any]]) -> str:
    """A step, and exchanges as seconds and as S / C."""
    lines = [[name, f"{1000 * float(value):.1f} ms", f"{ratio:.2f}"] for name, value, ratio in ratios_of(rows)]
    return table(["", "seconds", "S / C"], lines)


def ratios_of(rows: list[dict[str, Any]]) -> list[tuple[str, float, float]]:
    """(name, seconds, in steps), the least of all measurements."""
    least = {name: min(float(row[name]) for row in rows) for name in (rows[0] if rows else ())}
    return [(name, value, value / least["step"]) for name, value in least.items()]
