"""Draws docs/pictures/*.svg: colours that can be read on white and on dark.

python .ci/site/figures.py
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
GREY, BLUE, ORANGE, GREEN = "#6e7781", "#2f81f7", "#e8710a", "#2da44e"
STYLE = "font-family='system-ui, sans-serif' font-size='15'"
LEARNING = (
    1.3582,
    0.3735,
    0.2008,
    0.1283,
    0.0904,
    0.0668,
    0.0502,
    0.04,
    0.0315,
    0.0252,
    0.0206,
    0.0174,
    0.0148,
    0.0125,
    0.0108,
)
HELD_OUT = (
    0.541,
    0.2658,
    0.1973,
    0.1652,
    0.1496,
    0.1429,
    0.1371,
    0.1334,
    0.134,
    0.1335,
    0.1325,
    0.1312,
    0.1327,
    0.1334,
    0.1324,
)
"""loss and validationLoss of a fit of docs/howto/early_stopping.md."""


def svg(width: int, height: int, parts: Iterable[str]) -> str:
    inner = "\n".join(parts)
    return f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' {STYLE}>\n{inner}\n</svg>\n"


def text(x: float, y: float, words: str, colour: str = GREY, anchor: str = "middle", more: str = "") -> str:
    return f"<text x='{x:g}' y='{y:g}' fill='{colour}' text-anchor='{anchor}' {more}>{words}</text>"


def line(x1: float, y1: float, x2: float, y2: float, colour: str = GREY, more: str = "") -> str:
    return f"<line x1='{x1:g}' y1='{y1:g}' x2='{x2:g}' y2='{y2:g}' stroke='{colour}' stroke-width='1.5' {more}/>"


def box(x: float, y: float, width: float, height: float, colour: str, opacity: float = 0.08) -> str:
    place = f"x='{x:g}' y='{y:g}' width='{width:g}' height='{height:g}' rx='8'"
    return f"<rect {place} fill='{colour}' fill-opacity='{opacity}' stroke='{colour}' stroke-width='1.5'/>"


def arrows(*colours: str) -> str:
    """The heads of arrows, by colour."""
    heads = [
        f"<marker id='a{c[1:]}' viewBox='0 0 10 10' refX='9' refY='5' markerWidth='7' markerHeight='7' "
        f"orient='auto-start-reverse'><path d='M0 0L10 5L0 10z' fill='{c}'/></marker>"
        for c in colours
    ]
    return "<defs>" + "".join(heads) + "</defs>"


def arrow(x1: float, y1: float, x2: float, y2: float, colour: str, both: bool = False) -> str:
    head = f"url(#a{colour[1:]})"
    return line(x1, y1, x2, y2, colour, f"marker-end='{head}'" + (f" marker-start='{head}'" if both else ""))


def learning_curve() -> str:
    left, bottom, step, high = 70, 290, 38, 180.0

    def place(k: int, loss: float) -> tuple[float, float]:
        return left + step * k, bottom - high * loss

    parts = [line(left, bottom, left + 15.5 * step, bottom), line(left, bottom, left, 30)]
    for tick in (0.0, 0.4, 0.8, 1.2):
        parts.append(text(left - 10, bottom - high * tick + 5, f"{tick:.1f}", anchor="end"))
    parts += [text(left + step * k, bottom + 22, str(k)) for k in range(0, 16, 3)]
    for losses, colour in ((LEARNING, BLUE), (HELD_OUT, ORANGE)):
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(k, loss) for k, loss in enumerate(losses)))
        parts.append(f"<polyline points='{points}' fill='none' stroke='{colour}' stroke-width='2.5'/>")
    best = min(range(len(HELD_OUT)), key=HELD_OUT.__getitem__)
    x, y = place(best, HELD_OUT[best])
    parts.append(f"<circle cx='{x}' cy='{y}' r='6' fill='none' stroke='{GREEN}' stroke-width='2.5'/>")
    parts.append(line(x, y - 10, x, 165, GREEN, "stroke-dasharray='4 4'"))
    parts.append(text(x, 153, "best epoch: its weights are kept", GREEN))
    parts.append(text(left + 14.6 * step, bottom - 35, "rows held out", ORANGE, "end"))
    parts.append(text(left + 14.6 * step, bottom - 9, "training rows", BLUE, "end"))
    parts += [text(left + 7.5 * step, bottom + 45, "epoch"), text(left - 50, 22, "loss", anchor="start")]
    return svg(700, 350, parts)


def replicas_blocks() -> str:
    """Six ranks: rows of the grid are replicas, columns are blocks."""
    parts = [arrows(BLUE, ORANGE)]
    for block in range(3):
        parts.append(text(265 + 160 * block, 40, f"weights, part {block}", BLUE))
    for replica in range(2):
        y = 70 + 130 * replica
        parts += [text(20, y + 32, f"replica {replica}", ORANGE, "start", "font-weight='bold'")]
        parts += [
            text(
                20,
                y + 54,
                ("first" if replica == 0 else "second") + " half of the rows",
                ORANGE,
                "start",
                "font-size='13'",
            )
        ]
        for block in range(3):
            x = 205 + 160 * block
            parts += [box(x, y, 120, 70, GREY), text(x + 60, y + 32, f"rank {3 * replica + block}", GREY)]
            parts.append(text(x + 60, y + 52, f"block {block}", BLUE, "middle", "font-size='13'"))
            if block:
                parts.append(arrow(x - 36, y + 35, x - 4, y + 35, ORANGE, both=True))
    parts += [arrow(265 + 160 * block, 144, 265 + 160 * block, 196, BLUE, both=True) for block in range(3)]
    parts.append(text(20, 312, "across: values of the replica's rows, in each layer that is cut", ORANGE, "start"))
    parts.append(text(20, 338, "down: gradients of the same block, once a step (all-reduce)", BLUE, "start"))
    return svg(690, 360, parts)


def architecture() -> str:
    """Driver, tasks of one barrier job, sockets between them, and storage."""
    parts = [arrows(GREY, BLUE, GREEN, ORANGE)]
    parts += [box(20, 30, 190, 290, BLUE), text(115, 58, "Driver", BLUE, more="font-weight='bold'")]
    for k, words in enumerate(
        ("DeepNetEstimator.fit", "Params, schema", "a frozen plan", "", "DeepNetModel", "weights, summary")
    ):
        parts.append(text(115, 92 + 34 * k, words, more="font-size='14'"))
    parts += [
        box(330, 30, 350, 290, GREY),
        text(505, 58, "One barrier job: a task is a rank", more="font-weight='bold'"),
    ]
    for rank in range(3):
        y = 76 + 80 * rank
        parts += [box(350, y, 230, 62, GREEN), text(465, y + 26, f"rank {rank}: its rows as arrays", GREEN)]
        parts.append(text(465, y + 48, "forward, backward, step", more="font-size='13'"))
    for rank in range(2):
        parts.append(arrow(620, 112 + 80 * rank, 620, 182 + 80 * rank, ORANGE, both=True))
    parts += [line(580, 107 + 80 * rank, 620, 107 + 80 * rank, ORANGE) for rank in range(3)]
    parts.append(
        text(638, 187, "all-reduce over sockets", ORANGE, "middle", "font-size='14' transform='rotate(90 638 187)'")
    )
    parts.append(arrow(212, 110, 326, 110, BLUE) + text(269, 100, "plan, rows", BLUE, more="font-size='13'"))
    parts.append(arrow(326, 250, 212, 250, GREEN) + text(269, 240, "weights,", GREEN, more="font-size='13'"))
    parts.append(text(269, 270, "measures", GREEN, more="font-size='13'"))
    parts += [
        box(20, 375, 660, 60, GREY),
        text(350, 402, "Storage that Spark knows: tables, checkpoints, saved models"),
    ]
    parts.append(text(350, 423, "(Parquet and JSON, checksummed, no pickle)", more="font-size='13'"))
    parts.append(
        arrow(505, 371, 505, 324, GREY, both=True)
        + text(515, 353, "rows, state", anchor="start", more="font-size='13'")
    )
    parts.append(
        arrow(115, 371, 115, 324, GREY, both=True) + text(125, 353, "save, load", anchor="start", more="font-size='13'")
    )
    return svg(700, 450, parts)


TERMINAL = """\
>>> model = net.setShowProgress(True).fit(train)
epoch 7/12 |███████       | loss 0.1331 (val 0.143), accuracy 0.9564 (val 0.9545), 4.81k rows/s [00:23<00:23]
>>> print(model.summary)
12 epochs, 552 steps, 2 workers, 1 Spark job, 27.6 s; weights of epoch 12
epoch     loss  accuracy  validationLoss  validationAccuracy  seconds  rowsPerSecond
    1    1.551    0.6228          0.6164              0.8693   0.2901          4,980
    2    0.406     0.892           0.297              0.9091   0.2772          5,213
    3   0.2409    0.9308          0.2196              0.9233   0.2597          5,565
  ...      ...       ...             ...                 ...      ...            ...
   11  0.06336    0.9806          0.1181              0.9517   0.4766          3,032
   12  0.05824    0.9785         0.09775              0.9744   0.3499          4,130
"""
"""What a fit on two cores printed, of a network of two convolutions on scikit-learn's digits; some rows are left out."""


def terminal() -> str:
    """The progress bar in the middle of a fit, and the summary after it."""
    lines = TERMINAL.splitlines()
    parts = [f"<rect width='920' height='{22 * len(lines) + 30}' rx='8' fill='#1f2328'/>"]
    for k, words in enumerate(lines):
        colour = "#7ee787" if words.startswith(">>>") else "#e6edf3"
        shown = words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        more = "xml:space='preserve' font-family='monospace' font-size='13.5'"
        parts.append(text(18, 32 + 22 * k, shown, colour, "start", more))
    return svg(920, 22 * len(lines) + 30, parts)


def results() -> Any:
    """What fits of docs/quickstart.md and docs/howto/sequences.md have predicted of test rows."""
    return json.loads(Path(__file__).with_name("results.json").read_text(encoding="utf-8"))


def digits() -> str:
    """Pixels, and what is predicted of them."""
    parts = []
    for k, (pixels, label, predicted) in enumerate(results()["digits"]):
        left, top = 20 + 112 * (k % 6), 15 + 135 * (k // 6)
        for i, grey in enumerate(pixels):
            place = f"x='{left + 11 * (i % 8)}' y='{top + 11 * (i // 8)}' width='11' height='11'"
            parts.append(f"<rect {place} fill='{BLUE}' fill-opacity='{grey / 16:.2f}'/>")
        parts.append(
            f"<rect x='{left}' y='{top}' width='88' height='88' fill='none' stroke='{GREY}' stroke-opacity='0.4'/>"
        )
        words = f"{predicted}" if label == predicted else f"{predicted}, is {label}"
        parts.append(text(left + 44, top + 110, words, GREEN if label == predicted else ORANGE))
    return svg(690, 275, parts)


def forecast() -> str:
    """Measured values as points, the forecast as a line."""
    rows = results()["forecast"]
    left, bottom, step, high, low = 60, 250, 6.4, 17.0, 14.0

    def place(k: int, value: float) -> tuple[float, float]:
        return left + step * k, bottom - high * (value - low)

    parts = [line(left, bottom, left + step * len(rows), bottom), line(left, bottom, left, 20)]
    parts += [text(left - 10, bottom - high * (tick - low) + 5, str(tick), anchor="end") for tick in (15, 20, 25)]
    parts += [text(left + step * k, bottom + 22, str(rows[k][0])) for k in range(0, len(rows), 24)]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(k, row[2]) for k, row in enumerate(rows)))
    parts.append(f"<polyline points='{points}' fill='none' stroke='{BLUE}' stroke-width='2'/>")
    for k, row in enumerate(rows):
        x, y = place(k, row[1])
        parts.append(f"<circle cx='{x:.1f}' cy='{y:.1f}' r='2.5' fill='{ORANGE}'/>")
    parts += [text(left + step * 48, bottom + 45, "hour"), text(15, 15, "value", anchor="start")]
    parts += [text(left + step * 70, 16, "forecast", BLUE), text(left + step * 86, 16, "measured", ORANGE)]
    return svg(690, 305, parts)


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    for draw in (architecture, digits, forecast, learning_curve, replicas_blocks, terminal):
        (PICTURES / f"{draw.__name__}.svg").write_text(draw(), encoding="utf-8")
