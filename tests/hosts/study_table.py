"""The table of `tests/hosts/study.py`: seconds to the accuracy, measured and predicted, for each link, K and syncEvery."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from math import nan
from statistics import mean

from spark_deepnet.exchange.all_reduce import cost
from tests.hosts.link import Link

COLUMNS = ("link", "K", "syncEvery", "steps", "exchanges", "C", "S (link alone)", "seconds", "/ best fixed", "predicted",
           "clock here", "accuracy")  # fmt: skip
HEAD = f"| {' | '.join(COLUMNS)} |"
Row = Mapping[str, str]


def told(rows: list[dict[str, str]]) -> str:
    """A line for each cell whose C was measured, the mean of its seeds and half their range. C and S are those of ranks that
    do nothing else."""
    steps = {row["tau"]: float(row["step"]) for row in rows if row["workers"] == "1"}
    if not steps:
        return "no rows of one worker, which C is taken from: make them first"
    serial = next(float(row["steps"]) for row in rows if row["workers"] == "1" and row["tau"] == "1")
    lines = [HEAD, "|" + "---|" * HEAD.count(" |")]
    lines.append(
        f"| none | 1 | 1 | {serial:.0f} | 0 | {1e3 * steps['1']:.1f} ms | | {serial * steps['1']:.1f} | | | | |"
    )
    kept = sorted((row for row in rows if row["workers"] != "1"), key=_place)
    for _, of_link in groupby(kept, lambda row: _place(row)[:3]):
        cells = [list(cell) for _, cell in groupby(of_link, _place)]
        timed = [(cell, step) for cell in cells if (step := steps.get(_step_of(cell[0]))) is not None]
        best = min((_seconds(*each) for each in timed if each[0][0]["tau"] != "auto"), default=nan)
        lines += [_line(*each, best) for each in timed]
    return "\n".join(lines)


def _step_of(row: Row) -> str:
    """Which row of one worker has C."""
    return "1" if row["tau"] != "1" else f"shared by {row['workers']}"


def _seconds(cell: Sequence[Row], step: float) -> float:
    return mean(seconds_of(row, step, float(row["alone"])) for row in cell)


def _place(row: Row) -> tuple[float, float, int, float]:
    return (
        float(row["delay"]),
        -float(row["rate"]),
        int(row["workers"]),
        float("inf" if row["tau"] == "auto" else row["tau"]),
    )


def _line(each: Sequence[Row], step: float, best: float) -> str:
    """best: seconds of the best fixed tau."""
    first = each[0]
    link, size = Link(float(first["delay"]), float(first["rate"])), int(first["workers"])
    messages, sent = cost((1,) * size, 4 * int(first["weights"]))
    alone = messages * link.delay + link.seconds(round(sent))
    seconds = [seconds_of(row, step, float(row["alone"])) for row in each]
    predicted = mean(seconds_of(row, step, alone) for row in each)
    measured = _mean(each, "alone")
    tau = first["tau"] if first["tau"] != "auto" else f"auto, {_spread([float(row['syncEvery']) for row in each], 0)}"
    cells = [
        f"{1e3 * link.delay:g} ms, {link.rate / 1e6:g} Mbit/s", str(size), tau, f"{_mean(each, 'steps'):.0f}",
        f"{_mean(each, 'exchanges'):.0f}", f"{1e3 * step:.1f} ms", f"{1e3 * measured:.0f} ms ({1e3 * alone:.0f})",
        _spread(seconds), f"{_seconds(each, step) / best:.2f}", f"{predicted:.1f}",
        _spread([float(row["seconds"]) for row in each]),
        _spread([float(row["accuracy"]) for row in each], 3) if first["tau"] != "1" else "",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def seconds_of(row: Row, step: float, exchange: float) -> float:
    return float(row["steps"]) * step + float(row["exchanges"]) * exchange


def _mean(rows: Iterable[Row], name: str) -> float:
    return mean(float(row[name]) for row in rows)


def _spread(values: list[float], digits: int = 1) -> str:
    half = (max(values) - min(values)) / 2
    return f"{mean(values):.{digits}f}" + (f" ± {half:.{digits}f}" if len(values) > 1 else "")
