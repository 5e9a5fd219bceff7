"""Weights as Parquet under a model's path, checked chunk by chunk when they are loaded.

A model may come from anyone. So before an array is allocated or a row is brought to the driver, the network's size is
compared with the bytes and the rows on storage, and a row brings at most a chunk.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from spark_deepnet.errors import DeepNetError, ModelFormatError, SaveError
from spark_deepnet.net.chunks import CHUNK_BYTES, arrays_of, bytes_of, check_finite, chunks_of, parts_of
from spark_deepnet.net.pieces import Pieces, assembled, pieces_of
from spark_deepnet.plan.architecture import Architecture
from spark_deepnet.plan.storage import is_stored
from spark_deepnet.spark.session.causes import deepest_cause
from spark_deepnet.spark.session.paths import files_under, tails
from spark_deepnet.spark.weights.on_storage import SCHEMA, Stored, write_chunks

DATA = "data"
MAX_BLOCKS = 4096
FOOTER_BYTES = 1 << 18
"""Bytes at the end of a Parquet file that must hold its footer."""
MAX_CHECKED_BYTES = 16 << 20
"""Bytes of a file above which its footer is not checked: Spark would have to read the whole file for that."""
CODECS = {"UNCOMPRESSED", "SNAPPY"}
"""Compressions that are read: models of format 1 may be in snappy. Others can turn kilobytes into gigabytes."""
MAX_COMPRESSION_RATIO = 32
"""Bytes of weights for each byte on storage, under snappy."""


def save_weights(spark: SparkSession, model: Any, path: str) -> list[Pieces]:
    """Write a model's weights, and return the pieces that each of their blocks holds."""
    stored = model.stored
    if stored is None:
        chunks = [(c.name, 0, *c[1:]) for c in chunks_of(model.weights)]
        write_chunks(spark.createDataFrame(chunks, SCHEMA), path, "overwrite")
    else:
        write_chunks(stored.frame(spark), path, "overwrite")
    return pieces_of(model.architecture.scores_net(), 1 if stored is None else stored.blocks)


def check_apart(spark: SparkSession, stored: Stored, path: str) -> None:
    """Refuse to overwrite a path under which the weights that are to be saved lie."""
    below = f"{stored.path}/".startswith(f"{path.rstrip('/')}/")  # what Spark lists leaves out hidden folders
    if below or files_under(spark, path).keys() & files_under(spark, stored.path).keys():
        raise SaveError(
            f"save: the model's own weights lie under {path!r}, and overwriting would lose them; save it to another path"
        )


def data_of(metadata: dict[str, Any]) -> str:
    """The name of the folder of the weights beside the metadata."""
    name = metadata.get("data", DATA)
    if not (isinstance(name, str) and re.fullmatch(rf"{DATA}(-[0-9a-f]+)?", name)):
        raise ModelFormatError(f"load: data must be the name of a folder beside the metadata, found {str(name)[:60]!r}")
    return name


class Files(Protocol):
    """The Parquet files of saved weights, wherever they are."""

    path: str

    def size(self) -> int:
        """Bytes of all of them."""

    def ends(self) -> list[bytes]:
        """The last bytes of each, at most FOOTER_BYTES; of files above MAX_CHECKED_BYTES it may leave them out."""

    def count(self) -> int:
        """Rows of all of them."""

    def rows(self, longest: int, deepest: int, with_data: bool) -> list[Any]:
        """A row for each chunk: name (its first ``longest`` characters), block, part, shape (its first ``deepest`` numbers),
        size, sound (whether the checksum agrees), and data where it is wanted and no longer than a chunk."""


class OnStorage:
    """Files that Spark reads: executors check every chunk."""

    def __init__(self, spark: SparkSession, path: str) -> None:
        self.spark, self.path = spark, path

    @cached_property
    def frame(self) -> DataFrame:
        return Stored(self.path, 1).frame(self.spark)

    def size(self) -> int:
        return sum(files_under(self.spark, self.path).values())

    def ends(self) -> list[bytes]:
        return tails(self.spark, self.path, MAX_CHECKED_BYTES, FOOTER_BYTES)

    def count(self) -> int:
        return self.frame.count()

    def rows(self, longest: int, deepest: int, with_data: bool) -> list[Row]:
        size = F.octet_length("data")
        return self.frame.select(
            F.substring("name", 1, longest).alias("name"),
            F.coalesce("block", F.lit(0)).alias("block"),
            "part",
            F.slice("shape", 1, deepest).alias("shape"),
            size.alias("size"),
            (F.sha2("data", 256) == F.col("sha256")).alias("sound"),
            *([F.when(size <= CHUNK_BYTES, F.col("data")).alias("data")] if with_data else []),
        ).collect()


def load_weights(spark: SparkSession, architecture: Architecture, blocks: Any, path: str) -> np.ndarray | Stored:
    """The flat vector of weights; where they are too large for the driver, their place."""
    return weights_of(path, architecture, blocks, lambda: OnStorage(spark, path))


def weights_of(path: str, architecture: Architecture, blocks: Any, files: Callable[[], Files]) -> np.ndarray | Stored:
    """The same of any files; opened where they cannot be read, they are damaged."""
    try:
        return _loaded(files(), architecture, blocks)
    except DeepNetError:
        raise
    except Exception as error:
        raise ModelFormatError(
            f"load: the weights under {path!r} cannot be read, so the model is damaged: {deepest_cause(error)}"
        ) from None


def _loaded(files: Files, architecture: Architecture, blocks: Any) -> np.ndarray | Stored:
    path, count = files.path, 1 if blocks is None else len(blocks) if isinstance(blocks, list) else 0
    if not 0 < count <= MAX_BLOCKS:
        raise _damaged(path, f"blocks must be a list of 1 to {MAX_BLOCKS}, found {str(blocks)[:40]}")
    net = architecture.scores_net()
    check_bytes(path, 4 * net.layout.count, files.size())
    check_footers(path, files.ends())
    pieces = pieces_of(net, count)
    if blocks is not None and blocks != pieces:
        raise ModelFormatError(
            f"load: the weights under {path!r} are cut differently from how this version cuts them into {count} "
            f"blocks; load them with the version that saved them"
        )
    on_storage = is_stored(architecture, count)
    rows = _rows(files, pieces, not on_storage)
    check_chunks(path, pieces, rows)
    if on_storage:
        return Stored(path, count)
    arrays = [arrays_of(row for row in rows if row.block == b) for b in range(count)]
    for own in arrays:
        check_finite(own, f"load: the model under {path!r} is damaged")
    return assembled(net, arrays)


def _rows(files: Files, pieces: list[Pieces], with_data: bool) -> list[Any]:
    """A row for each chunk; there are as many as expected, and none brings more than a chunk's bytes."""
    wanted, count = _shapes(pieces), files.count()
    if count != len(wanted):
        raise _damaged(files.path, f"found {count} chunks, expected {len(wanted)}")
    longest, deepest = max(len(name) for name, _, _ in wanted), max(len(shape) for shape in wanted.values())
    return files.rows(longest + 1, deepest + 1, with_data)


def check_bytes(path: str, wanted: int, stored: int) -> None:
    """Refuse a network that is larger than the bytes on storage can hold."""
    if wanted > MAX_COMPRESSION_RATIO * stored:
        raise _damaged(path, f"the network has {wanted} bytes of weights, but {stored} bytes are on storage")


def check_footers(path: str, ends: list[bytes]) -> None:
    """Refuse Parquet files that would be much larger in memory than on storage, by the last bytes of each."""
    for end in ends:
        try:
            footer = pq.read_metadata(pa.BufferReader(end))
            groups = [footer.row_group(k) for k in range(footer.num_row_groups)]
            codecs = {group.column(k).compression for group in groups for k in range(group.num_columns)}
        except (OSError, ValueError, pa.ArrowException) as error:
            raise _damaged(path, f"a file of its weights is no Parquet ({deepest_cause(error)})") from None
        for codec in codecs - CODECS:
            raise _damaged(
                path,
                f"a file of its weights is compressed by {codec}, expected {' or '.join(sorted(CODECS, reverse=True))}",
            )


def _shapes(pieces: list[Pieces]) -> dict[tuple[str, int, int], list[int]]:
    """Each chunk's array, block and part -> the array's shape."""
    arrays = [(name, b, shape) for b, own in enumerate(pieces) for name, (shape, _) in own.items()]
    return {(name, b, part): shape for name, b, shape in arrays for part in range(parts_of(shape))}


def check_chunks(path: str, pieces: list[Pieces], rows: list[Any]) -> None:
    """Refuse chunks unless each is there once, with the right shape, length and checksum."""
    wanted = _shapes(pieces)
    chunks = Counter((row.name, row.block, row.part) for row in rows)
    if chunks != Counter(wanted.keys()):
        count = len(chunks.keys() & wanted.keys())
        raise _damaged(path, f"found {count} of {len(wanted)} chunks, in {len(rows)} rows")
    for row in rows:
        shape, who = wanted[row.name, row.block, row.part], f"{row.name!r}, part {row.part},"
        if not row.sound:
            raise _damaged(path, f"the checksum of {who} does not agree with its data")
        if row.shape != shape:
            raise _damaged(path, f"{row.name!r} has shape {row.shape}")
        if row.size != bytes_of(shape, row.part):
            raise _damaged(path, f"{who} has {row.size} bytes, expected {bytes_of(shape, row.part)}")


def _damaged(path: str, what: str) -> ModelFormatError:
    return ModelFormatError(f"load: the model under {path!r} is damaged: {what}")
