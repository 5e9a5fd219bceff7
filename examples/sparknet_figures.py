"""The figures of docs/sparknet_study.md."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from sparknet_speedups import Seeds, by_tau, means, naive, sizes_of, speedup, taus_of

TAU = "tau, steps between exchanges"
RATIO = "S / C, seconds of an exchange over a step's"


def draw(seeds: Seeds, ours: Mapping[str, float], folder: Path) -> None:
    """Figures as PNG files; ours: names of exchanges and their S / C."""
    try:
        from matplotlib import pyplot
    except ImportError:
        raise SystemExit('figures need matplotlib: pip install "spark_deepnet[study]"') from None
    pyplot.rcParams.update({"font.size": 8, "axes.grid": True, "grid.alpha": 0.3, "savefig.dpi": 90})
    for name, drawn in (("sparknet_free", _free), ("sparknet_ratios", _ratios), ("sparknet_surface", _surface)):
        figure = drawn(pyplot, seeds, ours)
        if figure.get_layout_engine() is None:
            figure.tight_layout()
        figure.savefig(folder / f"{name}.png")
        pyplot.close(figure)


def _free(pyplot: Any, seeds: Seeds, _: Mapping[str, float]) -> Any:
    """Speedup over tau if exchange costs nothing, one line per K, and the range of its seeds."""
    figure, axes = pyplot.subplots(figsize=(6, 3.6))
    cells = means(seeds)
    for number, size in enumerate(sizes_of(cells)):
        taus = np.array(list(by_tau(cells, size)))
        gains = [np.divide(cells[1, 1], seeds[size, tau]) for tau in taus.tolist()]
        middle = np.array([speedup(cells[1, 1], cells[size, tau], tau, 0) for tau in taus.tolist()])
        spread = [middle - [min(each) for each in gains], [max(each) for each in gains] - middle]
        axes.errorbar(taus * 1.03**number, middle, spread, fmt="o-", ms=3, lw=1, capsize=2, label=f"K = {size}")
    axes.set(xscale="log", xlabel=TAU, ylabel="speedup over serial, exchange free", ylim=(0, None))
    axes.legend(ncols=2)
    return figure


def _ratios(pyplot: Any, seeds: Seeds, ours: Mapping[str, float]) -> Any:
    """Speedup over S / C for some K, one line per tau, beside naive parallelization."""
    cells = means(seeds)
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
        axes.set(xscale="log", yscale="log", xlabel=RATIO, title=f"K = {size} replicas", ylim=(0.05, 12))
    panels[0].set_ylabel("speedup over serial")
    panels[0].legend(fontsize=6)
    return figure


def _surface(pyplot: Any, seeds: Seeds, _: Mapping[str, float]) -> Any:
    """Speedup over K and tau for some S / C."""
    cells = means(seeds)
    sizes, taus = sizes_of(cells), taus_of(cells)
    figure, panels = pyplot.subplots(1, 4, figsize=(10, 2.6), sharey=True, layout="constrained")
    for axes, ratio in zip(panels, (0.0, 0.1, 1.0, 10.0), strict=True):
        speedups = np.array(
            [[speedup(cells[1, 1], cells.get((k, tau), np.nan), tau, ratio) for tau in taus] for k in sizes]
        )
        image = axes.imshow(speedups, origin="lower", aspect="auto", vmin=0, vmax=3, cmap="viridis")
        for (i, j), value in np.ndenumerate(speedups):
            axes.text(j, i, f"{value:.1f}", ha="center", va="center", fontsize=6, color="w" if value < 2 else "k")
        axes.set(title=f"S / C = {ratio:g}", xlabel=TAU)
        axes.set_xticks(range(len(taus)), taus)
        axes.set_yticks(range(len(sizes)), sizes)
        axes.grid(visible=False)
    panels[0].set_ylabel("K, replicas")
    bar = figure.colorbar(image, ax=panels, pad=0.01)
    bar.set_label("speedup over serial")
    return figure
