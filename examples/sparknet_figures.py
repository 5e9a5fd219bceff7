"""What the counts of sparknet_study.py come to: speedups, tables, figures.

With C seconds a step and S seconds an exchange (Moritz et al., SparkNet, arXiv 1511.06051):
    serial          N C,            N: iterations to the accuracy
    naive           N (C / K + S),  every step shared out over K machines and summed
    SparkNet's      M (tau C + S),  M: rounds of tau steps alone to the same accuracy
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

Cells = dict[tuple[int, int], float]
"""(K, tau) -> iterations"""
RATIOS = (0.01, 0.1, 1.0, 10.0, 100.0)


def reached(rows: Iterable[Mapping[str, Any]], target: float) -> Cells:
    """Iterations to the accuracy, on a line between the first evaluation there and the one before; the mean over seeds.
    A cell of which a seed never came there has infinitely many."""
    curves: dict[tuple[int, int, int], list[tuple[int, float]]] = defaultdict(list)
    for row in rows:
        name = int(row["replicas"]), int(row["tau"]), int(row["seed"])
        curves[name].append((int(row["iterations"]), float(row["accuracy"])))
    found = defaultdict(list)
    for (size, tau, _), curve in curves.items():
        found[size, tau].append(first(curve, target))
    return {cell: float(np.mean(each)) for cell, each in sorted(found.items())}


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
    found = {tau: speedup(cells[1, 1], n, tau, ratio) for tau, n in by_tau(cells, size).items()}
    tau = max(found, key=found.__getitem__)
    return tau, found[tau]


def break_even(cells: Cells, size: int, ratio: float, least: float = 1.0) -> int | None:
    """The least tau of the grid whose speedup is above ``least``; None where there is none."""
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
    cells = reached(rows, target)
    serial, sizes, taus = cells[1, 1], sizes_of(cells), taus_of(cells)
    head = ["K", *(f"tau {tau}" for tau in taus)]
    counts = [[size, *(f"{cells[size, tau]:.0f}" for tau in taus)] for size in sizes]
    free = [[size, *(f"{speedup(serial, cells[size, tau], tau, 0):.2f}" for tau in taus)] for size in sizes]
    return "\n\n".join(
        (
            f"Iterations to {target}; serial: {serial:.0f}",
            table(head, counts),
            "Speedup where an exchange costs nothing, N / (tau M)",
            table(head, free),
            "At S / C: naive speedup, SparkNet's best with its tau, the least tau that gains",
            table(["K", *(f"S / C = {ratio:g}" for ratio in RATIOS)], [_at_ratios(cells, size) for size in sizes]),
        )
    )


def _at_ratios(cells: Cells, size: int) -> list[object]:
    found: list[object] = [size]
    for ratio in RATIOS:
        tau, gain = best(cells, size, ratio)
        found.append(f"{naive(size, ratio):.2f}; {gain:.2f} (tau {tau}); {break_even(cells, size, ratio) or 'none'}")
    return found


def tell_states(rows: list[dict[str, Any]]) -> str:
    """Mean loss and accuracy over seeds, a column for each way to treat the optimizer's vectors."""
    found: dict[tuple[str, int, int], dict[str, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        cell = row["optimizer"], int(row["replicas"]), int(row["tau"])
        found[cell][row["state"]].append((float(row["loss"]), float(row["accuracy"])))
    states = sorted({row["state"] for row in rows})
    lines = [[*cell, *(_mean(each[state]) for state in states)] for cell, each in found.items()]
    return table(["solver", "K", "tau", *states], lines)


def _mean(each: list[tuple[float, float]]) -> str:
    loss, accuracy = np.array(each).T
    return f"{loss.mean():.4f} ± {np.ptp(loss) / 2:.4f}, {accuracy.mean():.4f}"


def tell_seconds(rows: list[dict[str, Any]]) -> str:
    """A step, and exchanges as seconds and as S / C."""
    lines = [[name, f"{1000 * float(value):.1f} ms", f"{ratio:.2f}"] for name, value, ratio in ratios_of(rows)]
    return table(["", "seconds", "S / C"], lines)


def ratios_of(rows: list[dict[str, Any]]) -> list[tuple[str, float, float]]:
    """(name, seconds, in steps), the least of all measurements."""
    least = {name: min(float(row[name]) for row in rows) for name in (rows[0] if rows else ())}
    return [(name, value, value / least["step"]) for name, value in least.items()]


def draw(cells: Cells, ours: Mapping[str, float], folder: Path) -> None:
    """Figures as PNG files; ours: names of exchanges and their S / C."""
    try:
        from matplotlib import pyplot
    except ImportError:
        raise SystemExit('figures need matplotlib: pip install "spark_deepnet[study]"') from None
    pyplot.rcParams.update({"font.size": 8, "axes.grid": True, "grid.alpha": 0.3, "savefig.dpi": 110})
    for name, drawn in (("sparknet_free", _free), ("sparknet_ratios", _ratios), ("sparknet_surface", _surface)):
        figure = drawn(pyplot, cells, ours)
        figure.tight_layout()
        figure.savefig(folder / f"{name}.png")
        pyplot.close(figure)


def _free(pyplot: Any, cells: Cells, _: Mapping[str, float]) -> Any:
    """Speedup over tau where exchange costs nothing, a line for each K."""
    figure, axes = pyplot.subplots(figsize=(5, 3.2))
    for size in sizes_of(cells):
        found = by_tau(cells, size)
        axes.plot(
            list(found), [speedup(cells[1, 1], n, t, 0) for t, n in found.items()], "o-", ms=3, label=f"K = {size}"
        )
    axes.set(xscale="log", xlabel="tau", ylabel="speedup with S = 0", ylim=(0, None))
    axes.legend(ncols=2)
    return figure


def _ratios(pyplot: Any, cells: Cells, ours: Mapping[str, float]) -> Any:
    """Speedup over S / C for some K, a line for each tau, beside naive parallelisation."""
    sizes = sizes_of(cells)
    chosen = sorted({sizes[0], sizes[len(sizes) // 2], sizes[-1]})
    figure, (panels,) = pyplot.subplots(1, len(chosen), figsize=(10, 3.4), sharey=True, squeeze=False)
    ratio = np.geomspace(0.003, 300, 100)
    for axes, size in zip(panels, chosen, strict=True):
        for tau, n in by_tau(cells, size).items():
            axes.plot(ratio, speedup(cells[1, 1], n, tau, ratio), lw=1, label=f"tau = {tau}")  # type: ignore[arg-type]
        axes.plot(ratio, naive(size, ratio), "k--", lw=1, label="naive")  # type: ignore[arg-type]
        axes.axhline(1, color="k", lw=0.5)
        for name, at in ours.items():
            axes.axvline(at, color="grey", ls=":", lw=1)
            axes.text(at, 0.02, f" {name}", rotation=90, fontsize=6, va="bottom", transform=axes.get_xaxis_transform())
        axes.set(xscale="log", yscale="log", xlabel="S / C", title=f"K = {size}", ylim=(0.05, 12))
    panels[0].set_ylabel("speedup over serial")
    panels[0].legend(fontsize=6)
    return figure


def _surface(pyplot: Any, cells: Cells, _: Mapping[str, float]) -> Any:
    """Speedup over K and tau for some S / C."""
    sizes, taus = sizes_of(cells), taus_of(cells)
    figure, panels = pyplot.subplots(1, 4, figsize=(10, 2.6), sharey=True)
    for axes, ratio in zip(panels, (0.0, 0.1, 1.0, 10.0), strict=True):
        found = np.array([[speedup(cells[1, 1], cells[k, tau], tau, ratio) for tau in taus] for k in sizes])
        axes.imshow(found, origin="lower", aspect="auto", vmin=0, vmax=3, cmap="viridis")
        for (i, j), value in np.ndenumerate(found):
            axes.text(j, i, f"{value:.1f}", ha="center", va="center", fontsize=6, color="w" if value < 2 else "k")
        axes.set(title=f"S / C = {ratio:g}", xlabel="tau")
        axes.set_xticks(range(len(taus)), taus)
        axes.set_yticks(range(len(sizes)), sizes)
        axes.grid(visible=False)
    panels[0].set_ylabel("K")
    return figure
