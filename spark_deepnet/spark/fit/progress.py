"""A progress bar on the driver: epoch, loss, rows a second and time left."""

from __future__ import annotations

import json
import math
from typing import Any, Self

from tqdm.auto import tqdm

from spark_deepnet.plan.plan import ANY_EPOCHS


class _Bar(tqdm):
    """A bar without tqdm's thread, which would outlive it: each report refreshes it."""

    monitor_interval = 0


class ProgressBar:
    """Shows what rank 0 reports, or nothing where it is not wanted."""

    def __init__(self, wanted: bool, epochs: int) -> None:
        self.epochs = epochs
        start = f"epoch 1/{epochs}" if epochs < ANY_EPOCHS else "epoch 1"
        self.bar: Any = _Bar(disable=not wanted, unit=" rows", unit_scale=True, desc=start, leave=True)

    def receive(self, message: bytes) -> None:
        """Show a message of a worker, as JSON."""
        report = json.loads(message)
        self.limit(report.get("epochs", self.epochs))
        self.show(float(report["epoch"]), int(report["rows"]), report.get("measures") or {"loss": report.get("loss")})

    def show(self, epoch: float, rows: int, measures: dict[str, Any]) -> None:
        """Show the epochs done so far, of ``rows`` rows each, and the latest measures."""
        if self.bar.total is None:
            self.bar.reset(self.epochs * rows)  # rows a second of training, without the set-up
        self.bar.total = self.epochs * rows  # fewer where the fit ends before
        self.bar.n = max(self.bar.n, min(self.bar.total, round(epoch * rows)))
        self.bar.set_description_str(f"epoch {min(self.epochs, math.floor(epoch) + 1)}/{self.epochs}", refresh=False)
        shown = {name: f"{value:.4g}" for name, value in measures.items() if value is not None}
        self.bar.set_postfix({k: v for k, v in shown.items() if k not in ("seconds", "rowsPerSecond")}, refresh=False)
        self.bar.refresh()

    def limit(self, epochs: float) -> None:
        """Show that the fit ends after this many epochs, if it does not end before."""
        self.epochs = min(self.epochs, math.ceil(epochs))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()
