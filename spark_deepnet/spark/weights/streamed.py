"""Weights that workers read from storage by themselves, array by array: used where blocks are more than slots."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote

import numpy as np
import pyarrow.dataset as ds
from pyarrow.fs import FileSystem
from pyspark.sql import SparkSession

from spark_deepnet.errors import ClusterError, ModelFormatError
from spark_deepnet.layers.layer import Arrays
from spark_deepnet.net.chunks import check_finite, fill, parts_of
from spark_deepnet.net.cut import cuts
from spark_deepnet.net.net import Net
from spark_deepnet.net.weights import Slot
from spark_deepnet.spark.weights.on_storage import Stored

_ASCII = "".join(map(chr, range(33, 127)))


@dataclass(frozen=True)
class Shards:
    """A function from a node's name to its arrays, each assembled from the blocks' pieces."""

    net: Net
    blocks: int
    files: tuple[str, ...]

    @staticmethod
    def of(spark: SparkSession, net: Net, stored: Stored) -> Shards:
        return Shards(net, stored.blocks, tuple(stored.frame(spark).inputFiles()))

    def __call__(self, node: str) -> Arrays:
        arrays: Arrays = {}
        for block, slots in enumerate(self._slots):
            for slot in slots:
                if slot.node == node and (slot.weight.part is not None or slot.key not in arrays):
                    piece = self._piece(slot.name, block, slot.weight.shape)
                    if slot.weight.part is None:
                        arrays[slot.key] = piece
                    else:
                        whole = arrays.setdefault(slot.key, np.empty(slot.weight.part.shape, np.float32))
                        whole[slot.weight.part.index] = piece
        return arrays

    @cached_property
    def _slots(self) -> list[list[Slot]]:
        """Of each block."""
        return [net.layout.slots for net in cuts(self.net, self.blocks)]

    def _piece(self, name: str, block: int, shape: tuple[int, ...]) -> np.ndarray:
        piece, parts = np.zeros(shape, np.float32), set()
        for batch in self._batches(name, block):
            for part, data in zip(batch.column("part").to_pylist(), batch.column("data"), strict=True):
                fill(piece, part, data.as_buffer())
                parts.add(part)
        if len(parts) < parts_of(shape):
            raise ModelFormatError(
                f"transform: {len(parts)} of {parts_of(shape)} chunks of {name!r}, block {block}, were found; the model "
                f"is damaged"
            )
        check_finite({name: piece}, "transform: the model is damaged")
        return piece

    def _batches(self, name: str, block: int) -> Any:
        """The rows of an array's piece; of all others only the files' footers are read."""
        wanted = (ds.field("name") == name) & (ds.field("block") == block)
        one_at_a_time = {"use_threads": False, "batch_readahead": 0, "fragment_readahead": 0}
        try:
            filesystem, _ = FileSystem.from_uri(_uri(self.files[0]))
            paths = [FileSystem.from_uri(_uri(file))[1] for file in self.files]
            return ds.dataset(paths, filesystem=filesystem, format="parquet").to_batches(filter=wanted, **one_at_a_time)
        except (OSError, ValueError) as error:
            raise ClusterError(
                f"transform: workers cannot read {self.files[0]!r} by themselves ({error}); with as many free slots as "
                f"the model has blocks, {self.blocks}, Spark brings the weights"
            ) from None


def _uri(file: str) -> str:
    """The address as pyarrow takes it: in ASCII, unlike Spark's where a folder's name is not."""
    return quote(re.sub("^s3[an]:", "s3:", file), safe=_ASCII)
