"""What the modules of rows share: how a row looks, and how two sides are timed fairly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median
from time import perf_counter
from typing import Any

Row = dict[str, Any]


def row(
    name: str,
    unit: str,
    ours: float,
    peer: float | None = None,
    peer_name: str | None = None,
    target: float | None = None,
) -> Row:
    """One line of the table; ours and peer in the unit, less is better."""
    return {
        "name": name,
        "unit": unit,
        "ours": ours,
        "peer": peer,
        "peer_name": peer_name,
        "ratio": ours / peer if peer else None,
        "target": target,
    }


def side_by_side(ours: Callable[[], Any], peer: Callable[[], Any], repeats: int) -> tuple[float, float]:
    """The median seconds of a call of each, called in turn; the first call of each is not counted."""
    found = in_turn((ours, peer), repeats)
    return found[0], found[1]


def in_turn(calls: Sequence[Callable[[], Any]], repeats: int) -> list[float]:
    """The same for any number of calls."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(repeats + 1):
        for call, found in zip(calls, times, strict=True):
            found.append(seconds(call))
    return [median(found[1:]) for found in times]


def seconds(call: Callable[[], Any]) -> float:
    start = perf_counter()
    call()
    return perf_counter() - start
