"""A graph of named boxes, drawn level by level from its inputs down, with the edges' ways kept free of boxes: levels by the
longest path, a place on every level that an edge passes, order by the mean place of the neighbours (Sugiyama et al., 1981).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from spark_deepnet.errors import ParamError
from spark_deepnet.plotting.figure import axes_or_new

MAX_BOXES = 500
SWEEPS = 8
BOX_INCHES = (2.5, 0.8)
"""Between the centres of boxes."""
HALF_BOX = 0.27
"""Half of a box's height, in levels."""
Place = tuple[float, int]
Levels = list[list[Any]]


def plot_graph(boxes: Mapping[str, str], sources: Mapping[str, Sequence[str]], ax: Any = None) -> Any:
    """Draw boxes (name -> text, in an order in which each comes behind its sources); returns the Axes. sources: the names
    of those that a box reads, none of an input."""
    if len(boxes) > MAX_BOXES:
        raise ParamError(f"draw: {len(boxes)} boxes do not fit one picture of {MAX_BOXES}; use plot() and Graphviz")
    ways, levels = _ways(_depths(sources), sources)
    places = _placed(levels, ways)
    breadth = max(map(len, levels))
    ax = axes_or_new(ax, BOX_INCHES[0] * breadth + 0.5, BOX_INCHES[1] * len(levels) + 0.3)
    for way in ways:
        _draw_way(ax, [places[name] for name in way])
    for name, text in boxes.items():
        _draw_box(ax, places[name], text, is_input=not sources[name])
    ax.set_xlim(-breadth / 2, breadth / 2)
    ax.set_ylim(len(levels) - 0.5, -0.5)
    ax.set_axis_off()
    return ax


def _depths(sources: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Edges of the longest path from an input."""
    depths: dict[str, int] = {}
    for name, own in sources.items():
        depths[name] = 1 + max((depths[source] for source in own), default=-1)
    return depths


def _ways(depths: Mapping[str, int], sources: Mapping[str, Sequence[str]]) -> tuple[list[list[Any]], Levels]:
    """Each edge as the names on its way, with a name of its own (a tuple) on each level between, and all names by level."""
    levels: Levels = [[] for _ in range(1 + max(depths.values()))]
    for name, depth in depths.items():
        levels[depth].append(name)
    ways = []
    for name, own in sources.items():
        for source in dict.fromkeys(own):
            between = range(depths[source] + 1, depths[name])
            ways.append([source, *((source, name, depth) for depth in between), name])
            for depth in between:
                levels[depth].append((source, name, depth))
    return ways, levels


def _placed(levels: Levels, ways: list[list[Any]]) -> dict[Any, Place]:
    """Each name's place (across, level): levels are ordered by their neighbours, up and down in turn, and centred."""
    neighbours: dict[Any, list[Any]] = {name: [] for level in levels for name in level}
    for way in ways:
        for a, b in pairwise(way):
            neighbours[a].append(b)
            neighbours[b].append(a)
    level_of = {name: depth for depth, level in enumerate(levels) for name in level}
    across: dict[Any, float] = {}
    for level in levels:
        _spread(level, across)
    for sweep in range(SWEEPS):
        step = 1 if sweep % 2 == 0 else -1
        for level in levels[::step]:
            behind = {n: [across[o] for o in neighbours[n] if (level_of[n] - level_of[o]) * step > 0] for n in level}
            level.sort(key=lambda name: float(np.mean(behind[name] or [across[name]])))
            _spread(level, across)
    return {name: (across[name], depth) for name, depth in level_of.items()}


def _spread(level: list[Any], across: dict[Any, float]) -> None:
    for k, name in enumerate(level):
        across[name] = k - (len(level) - 1) / 2


def _draw_way(ax: Any, places: list[Place]) -> None:
    """A line through the places, from the first box's lower edge to an arrow at the last one's upper edge."""
    (x0, y0), (x1, y1) = places[0], places[-1]
    points = [(x0, y0 + HALF_BOX), *places[1:-1], (x1, y1 - HALF_BOX)]
    ax.plot(*zip(*points[:-1], strict=True), color="gray", linewidth=1, zorder=1)
    arrow = {"arrowstyle": "-|>", "color": "gray", "linewidth": 1, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", xy=points[-1], xytext=points[-2], arrowprops=arrow, zorder=1)


def _draw_box(ax: Any, place: Place, text: str, is_input: bool) -> None:
    style = {"boxstyle": "round,pad=0.3" if is_input else "square,pad=0.3"}
    style |= {"facecolor": "whitesmoke" if is_input else "aliceblue", "edgecolor": "gray"}
    ax.text(*place, text, ha="center", va="center", fontsize=8, bbox=style, zorder=2)
