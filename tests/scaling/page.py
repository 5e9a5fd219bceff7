"""docs/scaling.md: tables of speedups, a picture a network, and accuracies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.benchmarks.machine import cores, cpu_name
from tests.scaling.grid import LINKS, NETWORKS, RANKS, Cell

ROOT = Path(__file__).resolve().parents[2]
PAGE, PICTURES = ROOT / "docs/scaling.md", ROOT / "docs/pictures"
HEAD = """# How fits scale

Speedups of four kinds of networks by the number of ranks, over rows (each rank has all weights and a part of every batch)
and over weights (each rank has a block of the weights), after the tables of Shrivastava, Chaudhury and Jayadeva (arXiv
1708.05840, whose text was not available: networks and sizes are our own). Networks have three sizes, tables three numbers of
rows, whose batches are those of a fit with `batchSize` unset.

**Measured**: the seconds of a step on one rank, whole or of one block, on {machine}. **Modelled**: exchanges, from the
bytes and messages that ranks send and the link: 50 us a message and 1.3 GB/s (10 Gbit/s), or 100 us and 0.12 GB/s
(1 Gbit/s). `make bench ONLY=plan` compares such predictions with fits of one and two workers that were run. Each rank has a
core of its own.

    python -m tests.scaling               # this page and its pictures again, some minutes of a core
    python -m tests.scaling --accuracy    # with the accuracies
"""
ACCURACY = "## Accuracy\n"


def write(page: Path, made: Sequence[Cell], accuracy: str | None) -> None:
    """accuracy: its table; None: the one that the page has stays."""
    kept = re.search(f"^{ACCURACY}.*", page.read_text("utf-8"), re.S | re.M) if page.exists() else None
    machine = f"{cpu_name()}, {cores()} cores"
    parts = [HEAD.format(machine=machine), best(made), *(section(name, made) for name in NETWORKS)]
    parts.append(f"{ACCURACY}\n{accuracy}" if accuracy else kept[0] if kept else "")
    page.write_text("\n".join(part.rstrip() + "\n" for part in parts if part), encoding="utf-8")


def best(made: Sequence[Cell]) -> str:
    """The headline's question: how many ranks reach the paper's eleven times for a CNN."""
    cnn = [cell for cell in made if cell.network == "CNN"]
    if not cnn:
        return ""
    top = max(cnn, key=lambda cell: cell.speedup)
    enough = sorted((cell.ranks, cell.link) for cell in cnn if cell.speedup >= 11)
    reached = f"at {enough[0][0]} ranks, {enough[0][1]}" if enough else "by no number of ranks up to 16"
    slow = max(cell.speedup for cell in cnn if cell.link == "1 Gbit/s")
    over = "rows" if top.way == "data" else "weights"
    return (
        f"The paper's headline is 11 times for a CNN. Here it is reached {reached}; the most is {top.speedup:.1f} times, by "
        f"{top.ranks} ranks over {over}, {top.parameters:,} parameters, batches of {top.batch}, {top.link}; over 1 Gbit/s "
        f"{slow:.1f}. What stops it: the exchange of all gradients in each step, which does not shrink as ranks share a "
        f"batch, and steps of few rows, which take longer a row. Larger batches, `syncEvery` above 1 "
        f"([when averaging pays](sparknet_study.md)) and `compression` help.\n"
    )


def section(name: str, made: Sequence[Cell]) -> str:
    own = [cell for cell in made if cell.network == name]
    if not own:
        return ""
    picture = f"![Speedup of {name} over ranks](pictures/scaling_{name.lower()}.png)"
    reading = "To read: the diagonal would be perfect; a line that bends down pays more for exchange than it gains."
    lines = [f"## {name}", "", f"{NETWORKS[name].what}.", "", picture, "", reading, ""]
    lines.append("| parameters | rows | batch | over | link | " + " | ".join(f"{r} ranks" for r in RANKS[1:]) + " |")
    lines.append("|---" * (5 + len(RANKS) - 1) + "|")
    for parameters, rows, batch in dict.fromkeys((c.parameters, c.rows, c.batch) for c in own):
        for way in ("data", "model"):
            for link in LINKS:
                found = {
                    c.ranks: c.speedup
                    for c in own
                    if (c.parameters, c.rows, c.way, c.link) == (parameters, rows, way, link) and c.ranks > 1
                }
                over = "rows" if way == "data" else "weights"
                numbers = " | ".join(f"{found[r]:.2f}" for r in RANKS[1:])
                lines.append(f"| {parameters:,} | {rows:,} | {batch} | {over} | {link} | {numbers} |")
    return "\n".join(lines) + "\n"


def accuracy_table(found: Iterable[tuple[str, str, int, float]]) -> str:
    """Of fits by ranks in threads."""
    cells = {(name, way, ranks): value for name, way, ranks, value in found}
    lines = [
        "Test accuracy in % of short fits, really computed by the ranks, which are threads of one process. Over weights,",
        "ranks make the steps of one but for rounding. Over rows, each draws its part of a batch from the rows that it",
        "holds, so the batches are others, and accuracies differ as they do between seeds.",
        "",
        "| network | over | " + " | ".join(f"{r} ranks" for r in RANKS) + " |",
        "|---" * (2 + len(RANKS)) + "|",
    ]
    for name in dict.fromkeys(key[0] for key in cells):
        for way, over in ("data", "rows"), ("model", "weights"):
            values = (cells.get((name, way, r), cells.get((name, "data", 1))) for r in RANKS)
            lines.append(f"| {name} | {over} | " + " | ".join(f"{value:.1f}" for value in values) + " |")
    return "\n".join(lines) + "\n"


def draw(own: Sequence[Cell], folder: Path) -> None:
    """Four panels: over rows and over weights, by both links; a line for each size and table."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    name = own[0].network
    figure, panels = plt.subplots(2, 2, figsize=(9, 8), sharex=True, sharey=True, layout="constrained")
    sizes = list(dict.fromkeys(cell.parameters for cell in own))
    tables = list(dict.fromkeys((cell.rows, cell.batch) for cell in own))
    for row, way in enumerate(("data", "model")):
        for column, link in enumerate(LINKS):
            panel = panels[row][column]
            panel.plot(RANKS, RANKS, ":", color="grey", label="perfect")
            for colour, parameters in enumerate(sizes):
                for style, (rows, batch) in zip(("-", "--", "-."), tables, strict=True):
                    chosen = [c for c in own if (c.parameters, c.rows, c.link) == (parameters, rows, link)]
                    line = {c.ranks: c.speedup for c in chosen if c.way == way or c.ranks == 1}
                    label = f"{parameters:,} parameters, batch {batch}"
                    panel.plot(
                        list(line), list(line.values()), style, marker="o", ms=3, color=f"C{colour}", label=label
                    )
            panel.set(xscale="log", yscale="log", xticks=RANKS, yticks=RANKS)
            panel.set_xticklabels(RANKS)
            panel.set_yticklabels(RANKS)
            panel.set_title(f"{name} over {'rows' if way == 'data' else 'weights'}, {link}")
            panel.minorticks_off()
            panel.grid(alpha=0.3)
    for panel in panels[1]:
        panel.set_xlabel("ranks, a core each")
    for pair in panels:
        pair[0].set_ylabel("speedup over one rank")
    figure.legend(*panels[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize="small")
    figure.savefig(folder / f"scaling_{name.lower()}.png", dpi=110)
    plt.close(figure)
