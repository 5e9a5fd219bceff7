"""What the modules of rows share: how a row looks, and how two sides are timed fairly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

Row = dict[str, Any]
MAX_SPREAD = 0.1
"""A row is noisy whose ratio spreads more."""
MAX_GROUPS = 20
"""Ratios of a row: with more turns than this, some neighbouring ones make one ratio."""


class Skipped(Exception):
    """Why a row cannot be measured here: one sentence, which says what would be needed."""


def row(
    name: str,
    unit: str,
    ours: float,
    peer: float | None = None,
    peer_name: str | None = None,
    target: float | None = None,
    spread: float | None = None,
) -> Row:
    """One line of the table; ours and peer in the unit, less is better. ``spread`` is that of the ratio, None if the two
    were not measured in turns."""
    ratio = ours / peer if peer else None
    noisy = spread is not None and spread > MAX_SPREAD
    return {
        "name": name,
        "unit": unit,
        "ours": ours,
        "peer": peer,
        "peer_name": peer_name,
        "ratio": ratio,
        "spread": spread,
        "target": target,
        "noisy": noisy,
        "verdict": _verdict(ratio, target, noisy),
    }


def _verdict(ratio: float | None, target: float | None, noisy: bool) -> str:
    met = "" if ratio is None or target is None else "met" if ratio <= target else "missed"
    return ", ".join(filter(None, (met, "noisy" if noisy else "")))


def paired_row(
    name: str,
    unit: str,
    ours: Sequence[float],
    peer: Sequence[float],
    peer_name: str,
    target: float | None = None,
    scale: float = 1.0,
) -> Row:
    """A row of the seconds of two sides that took turns, times ``scale`` in the unit: their medians, and the median ratio
    with its spread (see ``ratio_of``)."""
    ratio, spread = ratio_of(ours, peer)
    made = row(name, unit, scale * median(ours), scale * median(peer), peer_name, target, spread)
    return made | {"ratio": ratio, "verdict": _verdict(ratio, target, made["noisy"]), "turns": len(ours)}


def ratio_of(ours: Sequence[float], peer: Sequence[float]) -> tuple[float, float]:
    """(median, spread) of the ratios ours / peer of the turns; the spread is the distance between the quartiles of the
    ratios over their median. More than MAX_GROUPS turns are divided into that many groups of neighbours, each of which
    gives the ratio of its medians: a single call of microseconds says little."""
    groups = np.array_split(np.arange(len(ours)), min(len(ours), MAX_GROUPS))
    mine, theirs = np.asarray(ours, float), np.asarray(peer, float)
    low, middle, high = np.quantile([np.median(mine[g]) / np.median(theirs[g]) for g in groups], (0.25, 0.5, 0.75))
    return float(middle), float((high - low) / middle)


def in_turns(calls: Sequence[Callable[[], Any]], repeats: int, uncounted: int = 1) -> list[list[float]]:
    """The seconds of each call of each side, called one after the other ``repeats`` times, behind some that are not
    counted. So a busy machine slows all sides alike."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(uncounted + repeats):
        for call, taken in zip(calls, times, strict=True):
            taken.append(seconds(call))
    return [taken[uncounted:] for taken in times]


def seconds(call: Callable[[], Any]) -> float:
    start = perf_counter()
    call()
    return perf_counter() - start
