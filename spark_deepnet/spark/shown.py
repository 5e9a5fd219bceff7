"""How estimators, models and summaries print, and how a notebook shows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pyspark.ml.param import Params

from spark_deepnet.net.html import html_table
from spark_deepnet.score.output import Output
from spark_deepnet.spark.params.converters import members_of

MAX_CHARS = 100
"""Of a line, beyond which each Param has a line of its own."""
MAX_EPOCHS = 10
"""Epochs of which all are shown."""


def set_params(stage: Params) -> dict[str, str]:
    """The Params that were set, as the code that sets them."""
    return {p.name: repr(members_of(stage.getOrDefault(p))) for p in stage.params if stage.isSet(p)}


def stage_text(stage: Params) -> str:
    """An estimator as the code that makes it."""
    name, parts = type(stage).__name__, [f"{key}={value}" for key, value in set_params(stage).items()]
    line = f"{name}({', '.join(parts)})"
    return line if len(line) <= MAX_CHARS else "\n".join([f"{name}(", *(f"    {part}," for part in parts), ")"])


def stage_html(stage: Params, title: str) -> str:
    return html_table(("Param", "value"), set_params(stage).items(), title)


def outputs_text(outputs: Sequence[Output]) -> str:
    """What a network predicts: 3 classes, 2 labels, 1 number."""
    return " and ".join(_one(output) + " a step" * output.steps for output in outputs)


def _one(output: Output) -> str:
    count, word = (output.classes, "class") if output.classes else (output.units, "label" if output.raw else "number")
    return f"{count:,} {word}{'es' if word == 'class' and count > 1 else 's' * (count > 1)}"


class SummaryText:
    """The printed form of a TrainingSummary."""

    history: list[dict[str, float]]
    jobs: int
    steps: int
    seconds: float
    bestEpoch: int | None
    ranks: list[dict[str, Any]]

    def __repr__(self) -> str:
        last = self.history[-1] if self.history else {}
        measures = [f"{name}={value:.4g}" for name, value in last.items() if name not in ("seconds", "rowsPerSecond")]
        counts = (f"epochs={len(self.history)}", f"steps={self.steps}", *measures, f"seconds={self.seconds:.3g}")
        return f"TrainingSummary({', '.join(counts)})"

    def __str__(self) -> str:
        rows = list(self._rows())
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ("  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) for row in rows)
        return "\n".join([self._title(), *lines])

    def _repr_html_(self) -> str:
        head, *rows = self._rows()
        return html_table(head, rows, self._title())

    def _title(self) -> str:
        workers = len({rank["rank"] for rank in self.ranks})
        counts = ((len(self.history), "epoch"), (self.steps, "step"), (workers, "worker"), (self.jobs, "Spark job"))
        best = "" if self.bestEpoch is None else f"; weights of epoch {self.bestEpoch + 1}"
        return ", ".join(f"{n:,} {word}{'s' * (n != 1)}" for n, word in counts) + f", {self.seconds:.3g} s{best}"

    def _rows(self) -> Iterator[tuple[str, ...]]:
        """The head and the epochs, counted from 1, of many the first, the best and the last."""
        names = list(dict.fromkeys(name for row in self.history for name in row))
        yield "epoch", *names
        last = -1
        for k in self._shown():
            if k > last + 1:
                yield ("...",) * (1 + len(names))
            yield str(k + 1), *(_figure(self.history[k], name) for name in names)
            last = k

    def _shown(self) -> list[int]:
        count, half = len(self.history), MAX_EPOCHS // 2
        if count <= MAX_EPOCHS:
            return list(range(count))
        best = [] if self.bestEpoch is None else [self.bestEpoch]
        return sorted({*range(half), *best, *range(count - half, count)})


def _figure(row: Mapping[str, float], name: str) -> str:
    value = row.get(name)
    return "" if value is None else f"{value:,.0f}" if name == "rowsPerSecond" else f"{value:.4g}"
