"""Learning curves: a panel for each measure, over epochs, of training and validation rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, isfinite
from typing import Any

import numpy as np

from spark_deepnet.errors import ParamError, near
from spark_deepnet.measures import SPEEDS, VALIDATION, paired
from spark_deepnet.plotting.figure import label, pyplot

History = Sequence[Mapping[str, float]]
PANEL_INCHES = (4.6, 3.2)
PANELS_PER_ROW = 3
MAX_PANELS = 30
MAX_POINTS = 40
"""Epochs of which each is marked by a point."""
UNITS = {"seconds": "seconds per epoch", "rowsPerSecond": "rows per second"}


def plot_curves(history: History, measures: Sequence[str] = (), best: int | None = None, ax: Any = None) -> Any:
    """Draw measures (none named: all but times) onto ax, one Axes for each, or onto a new figure; returns the Axes, of
    several as an array. best: the epoch, from 0, that is marked."""
    names = _chosen(paired(name for row in history for name in row), measures, ax)
    panels = _new_panels(len(names)) if ax is None else list(np.ravel(np.array(ax, dtype=object)))
    if len(panels) != len(names):
        raise ParamError(f"plot: {len(names)} measures need as many Axes, found {len(panels)}")
    for panel, (name, validation) in zip(panels, names.items(), strict=True):
        _draw(panel, history, name, validation, best)
    return panels[0] if len(panels) == 1 else np.array(panels, dtype=object)


def _chosen(known: dict[str, str | None], measures: Sequence[str], ax: Any) -> dict[str, str | None]:
    for name in measures:
        if name not in known:
            raise ParamError(f"plot: there is no measure {name!r}; {near(str(name), known)}")
    all_names = [name for name in known if name not in SPEEDS] or ["loss"]
    wanted = list(measures) or (all_names if ax is None or np.size(np.array(ax, dtype=object)) > 1 else ["loss"])
    if len(wanted) > MAX_PANELS:
        raise ParamError(f"plot: {len(wanted)} measures do not fit one figure; name up to {MAX_PANELS} of them")
    return {name: known.get(name) for name in wanted}


def _new_panels(count: int) -> list[Any]:
    columns = min(count, PANELS_PER_ROW)
    rows = ceil(count / columns)
    size = (PANEL_INCHES[0] * columns, PANEL_INCHES[1] * rows)
    figure, axes = pyplot().subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    for spare in axes.flat[count:]:
        figure.delaxes(spare)
    return list(axes.flat[:count])


def _draw(ax: Any, history: History, name: str, validation: str | None, best: int | None) -> None:
    lines = {"training": name} | ({VALIDATION: validation} if validation else {})
    marker = "o" if len(history) <= MAX_POINTS else ""
    any_finite = False
    for rows, key in lines.items():
        values = [_finite(row.get(key)) for row in history]
        any_finite |= any(map(isfinite, values))
        ax.plot(range(1, len(history) + 1), values, marker=marker, markersize=3, label=rows)
    if not any_finite:
        ax.text(0.5, 0.5, "no finite values", transform=ax.transAxes, ha="center", va="center")
        ax.set_yticks([])
    if best is not None:
        ax.axvline(best + 1, color="gray", linestyle=":", label=f"kept: epoch {best + 1}")
    if len(lines) > 1 or best is not None:
        ax.legend()
    ax.set_xlabel("epoch")
    ax.set_ylabel(UNITS.get(name) or label(name))
    ax.xaxis.get_major_locator().set_params(integer=True)
    if len(history) < 2:
        ax.set_xlim(0.5, 1.5)
        ax.set_xticks([1])


def _finite(value: float | None) -> float:
    """Infinite numbers leave a gap, as NaN does: a line to them would leave the scale."""
    return value if value is not None and isfinite(value) else float("nan")
