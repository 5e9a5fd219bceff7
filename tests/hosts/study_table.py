"""The table of `tests/hosts/study.py`: seconds to the accuracy, measured and predicted, for each link, K and syncEvery."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from statistics import mean

from spark_deepnet.exchange.all_reduce import cost
from tests.hosts.link import Link

HEAD = "| link | K | syncEvery | steps | exchanges | C | S (link alone) | seconds | predicted | clock here |"
Row = Mapping[str, str]


def told(rows: list[dict[str, str]]) -> str:
    """A line for each cell whose C was measured, the mean of its seeds and half their range. C and S are those of ranks that
    do nothing else."""
    steps = {row["tau"]: float(row["step"]) for row in rows if row["workers"] == "1"}
    if not steps:
        return "no rows of one worker, which C is taken from: make them first"
    serial = next(float(row["steps"]) for row in rows if row["workers"] == "1" and row["tau"] == "1")
    lines = [HEAD, "|" + "---|" * HEAD.count(" |")]
    lines.append(f"| none | 1 | 1 | {serial:.0f} | 0 | {1e3 * steps['1']:.1f} ms | | {serial * steps['1']:.1f} | | |")
    kept = sorted((row for row in rows if row["workers"] != "1"), key=_place)
    for _, cell in groupby(kept, _place):
        each = list(cell)
        rows = "1" if each[0]["tau"] != "1" else f"shared by {each[0]['workers']}"
        if rows in steps:
            lines.append(_line(each, steps[rows]))
    return "\n".join(lines)


def _place(row: Row) -> tuple[float, float, int, float]:
    return (
        float(row["delay"]),
        -float(row["rate"]),
        int(row["workers"]),
        float("inf" if row["tau"] == "auto" else row["tau"]),
    )


def _line(each: list[dict[str, str]], step: float) -> str:
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
        _spread(seconds), f"{predicted:.1f}", _spread([float(row["seconds"]) for row in each]),
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def seconds_of(row: Row, step: float, exchange: float) -> float:
    return float(row["steps"]) * step + float(row["exchanges"]) * exchange


def _mean(rows: Iterable[Row], name: str) -> float:
    return mean(float(row[name]) for row in rows)


def _spread(values: list[float], digits: int = 1) -> str:
    half = (max(values) - min(values)) / 2
    return f"{mean(values):.{digits}f}" + (f" ± {half:.{digits}f}" if len(values) > 1 else "")
