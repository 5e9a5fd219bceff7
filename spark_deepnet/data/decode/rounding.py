"""Features that float32, the type of training, cannot distinguish: seconds since 1970, keys, sums of money."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from spark_deepnet.data.decode.lists import joined, lengths_of
from spark_deepnet.data.schema import STEPS, VECTOR, Columns, Source

MAX_VALUES = 1 << 20
"""Maximum number of values of each input that are checked."""
MIN_LOST_SHARE = 0.05
"""The share of a feature's neighbouring values from which on a loss is reported."""
RELATIVE_NOISE = 1e-12
"""Values whose relative difference is smaller count as one value, computed in two ways."""
NO_FEATURE = -1
"""The feature number of an entry of a malformed vector."""
Rounded = dict[str, tuple[int, float, float]]
"""The user's column -> the number of one of its features, and two values that are equal in float32."""


class Rounding:
    """Collects the doubles that are sent in addition to some rows."""

    def __init__(self, columns: Columns) -> None:
        self.sources = columns.sources
        self._gathered: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {s.input: [] for s in self.sources}

    def look(self, frame: pd.DataFrame) -> None:
        """Collect those of a frame."""
        for source in self.sources:
            gathered = self._gathered[source.input]
            if source.exact in frame and sum(len(values) for _, values in gathered) < MAX_VALUES:
                lengths = lengths_of(frame[source.exact])
                if (lengths > 0).any():
                    gathered.append(_entries(frame[lengths > 0], source))

    def summary(self) -> Rounded:
        """The worst such feature of each column."""
        rounded: Rounded = {}
        for source in self.sources:
            parts = self._gathered[source.input]
            if parts:
                places, values = (np.concatenate(each) for each in zip(*parts, strict=True))
                worst = next(_rounded(places, values), None)
                rounded |= {} if worst is None else {source.name: worst}
        return rounded


def _entries(frame: pd.DataFrame, source: Source) -> tuple[np.ndarray, np.ndarray]:
    """The feature number of each double, and the doubles."""
    lists = frame[source.exact]
    lengths = lengths_of(lists)
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    places = within % (source.step if source.kind == STEPS else source.width)
    if source.kind == VECTOR:
        indices = frame[source.columns[2]]
        sparse = lengths_of(indices) == lengths
        own = joined(indices, sparse, 0)
        places[np.repeat(sparse, lengths)] = np.where((own >= 0) & (own < source.width), own, NO_FEATURE)
    return places, joined(lists, lengths > 0, 0).astype(np.float64)


def _rounded(places: np.ndarray, values: np.ndarray) -> Iterator[tuple[int, float, float]]:
    """The feature that loses the largest share of its neighbours (pairs of different values with none in between)."""
    fits = (places != NO_FEATURE) & np.isfinite(values) & (np.abs(values) < np.finfo(np.float32).max)
    places, values = places[fits], values[fits]
    order = np.lexsort((values, places))
    places, values = places[order].astype(np.int64), values[order]
    rounded = values.astype(np.float32)
    differ = (places[1:] == places[:-1]) & (np.diff(values) > RELATIVE_NOISE * np.abs(values[1:]))
    lost = differ & (rounded[1:] == rounded[:-1])
    if lost.any():
        pairs, equal = (np.bincount(places[1:][which]) for which in (differ, lost))
        pairs = pairs[: len(equal)]
        shares = equal / np.maximum(pairs, 1)
        place = int(shares.argmax())
        if shares[place] >= MIN_LOST_SHARE:
            first = int(np.flatnonzero(lost & (places[1:] == place))[0])
            yield place, float(values[first]), float(values[first + 1])
