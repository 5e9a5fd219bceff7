"""Rows with different numbers of steps, concatenated in one array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from spark_deepnet.kernels.gather import gather_steps, hash_sparse_entries, hash_words


@dataclass(frozen=True)
class Ragged:
    """Row n has the steps ``values[starts[n]:starts[n + 1]]``, each of values.shape[1:] numbers."""

    values: np.ndarray
    starts: np.ndarray

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> np.ndarray:
        """(n,) int32: steps of each row."""
        return np.diff(self.starts).astype(np.int32)

    def take(self, index: np.ndarray, out: np.ndarray) -> None:
        """out[n, t] = step t of row index[n], zeros after its last."""
        per_step = prod(self.values.shape[1:])
        flat = self.values.reshape(len(self.values), per_step)
        gather_steps(self.starts, flat, index, out.reshape(*out.shape[:2], per_step))

    def picked(self, index: np.ndarray) -> Ragged:
        lengths = np.diff(self.starts)[index]
        starts = np.concatenate(([0], np.cumsum(lengths)))
        steps = np.repeat(self.starts[:-1][index] - starts[:-1], lengths) + np.arange(starts[-1])
        return Ragged(self.values[steps], starts)

    def hash_into(self, out: np.ndarray) -> None:
        per_step = prod(self.values.shape[1:]) * self.values.itemsize // 4
        starts = self.starts * per_step
        places = (np.arange(starts[-1]) - np.repeat(starts[:-1], np.diff(starts))).astype(np.int32)
        words = np.ascontiguousarray(self.values).reshape(-1).view(np.uint32)
        hash_words(self.lengths.view(np.uint32)[:, None], out)
        hash_sparse_entries(starts, places, words, out)

    @staticmethod
    def joined(parts: Sequence[Ragged]) -> Ragged:
        ends = np.cumsum([0] + [len(p.values) for p in parts])
        starts = [p.starts[:-1] + end for p, end in zip(parts, ends, strict=False)]
        return Ragged(np.concatenate([p.values for p in parts]), np.concatenate([*starts, ends[-1:]]))
