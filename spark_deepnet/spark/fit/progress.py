"""Progress on the driver: a bar where it can stand in its place, else a line for each epoch."""

from __future__ import annotations

import json
import math
import sys
import time
import warnings
from collections.abc import Mapping
from typing import Any, Self, TextIO

with warnings.catch_warnings():
    warnings.filterwarnings(
        "ignore", "IProgress not found"
    )  # without ipywidgets a notebook gets a line that is redrawn
    from tqdm.auto import tqdm

from spark_deepnet.measures import SPEEDS, paired
from spark_deepnet.plan.plan import ANY_EPOCHS

FORMAT = "{desc} |{bar}| {figures} [{elapsed}<{remaining}]"
LINE_SECONDS = 1.0
"""Between two lines, but for the last one."""
STARTING, COMPILING = "starting", "compiling kernels, some 10 s"


class _Bar(tqdm):
    """A bar without tqdm's thread, which would outlive it: each report refreshes it."""

    monitor_interval = 0
    figures = ""

    @property
    def format_dict(self) -> Any:
        return super().format_dict | {"figures": self.figures}


class ProgressBar:
    """Shows what rank 0 reports, or nothing where it is not wanted."""

    def __init__(self, wanted: bool, epochs: int, shared: bool = False, start: str = STARTING) -> None:
        """shared: whether Spark draws a bar of its own on the same terminal; start: shown before the first report."""
        self.epochs, self.wanted = epochs, wanted
        self.lines = wanted and not _redraws(sys.stderr, shared)
        self.bar: Any = _Bar(
            disable=not wanted or self.lines, total=1.0, desc=start, bar_format=FORMAT, dynamic_ncols=True, leave=True
        )
        self.measures: dict[str, Any] = {}
        self.last, self.latest = 0.0, ""

    def receive(self, message: bytes) -> None:
        """Show a message of a worker, as JSON."""
        report = json.loads(message)
        self.limit(report.get("epochs", self.epochs))
        self.show(float(report["epoch"]), report.get("measures") or {"loss": report.get("loss")})

    def show(self, epoch: float, measures: Mapping[str, Any]) -> None:
        """Show the epochs done so far, and the latest measures."""
        self.measures |= {name: value for name, value in measures.items() if value is not None}
        if self.lines and "rowsPerSecond" in measures:
            self._line(f"epoch {self._of(round(epoch))}: {figures(self.measures)}", epoch >= self.epochs)
        if self.bar.disable:
            return
        self.bar.total = max(float(self.epochs), epoch)
        self.bar.n = max(self.bar.n, epoch)
        self.bar.set_description_str(f"epoch {self._of(min(self.epochs, math.floor(epoch) + 1))}", refresh=False)
        self.bar.figures = figures(self.measures)
        self.bar.refresh()

    def _of(self, epoch: int) -> str:
        """3/10, or 3 where only steps end the fit."""
        return f"{epoch}/{self.epochs}" if self.epochs < ANY_EPOCHS else str(epoch)

    def _line(self, text: str, ends: bool) -> None:
        self.latest = text
        if ends or time.monotonic() - self.last >= LINE_SECONDS:
            self._print()

    def _print(self) -> None:
        if self.latest:
            print(self.latest, file=sys.stderr, flush=True)
        self.last, self.latest = time.monotonic(), ""

    def limit(self, epochs: float) -> None:
        """Show that the fit ends after this many epochs, if it does not end before."""
        self.epochs = min(self.epochs, math.ceil(epochs))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._print()
        self.bar.close()


def figures(measures: Mapping[str, Any]) -> str:
    """Measures in few characters, those of the validation rows in brackets: loss 0.1234 (val 0.2345), 12k rows/s."""
    shown = {name: value for name, value in measures.items() if value is not None and name not in SPEEDS}
    parts = []
    for name, validation in paired(shown).items():
        parts.append(f"{name} {shown[name]:.4g}" + (f" (val {shown[validation]:.4g})" if validation else ""))
    if speed := measures.get("rowsPerSecond"):
        parts.append(f"{tqdm.format_sizeof(speed)} rows/s")
    return ", ".join(parts)


def _redraws(stream: TextIO, shared: bool) -> bool:
    """Whether a bar can be drawn again in its place: in a notebook, or on a terminal of its own."""
    if any(cls.__module__ == "tqdm.notebook" for cls in tqdm.__mro__) or type(stream).__module__.startswith(
        "ipykernel."
    ):
        return True
    return bool(stream.isatty()) and not shared
