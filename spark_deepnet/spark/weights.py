"""Weights as Parquet under a model's path: by whoever holds them, checked chunk by chunk when they are loaded."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from spark_deepnet.errors import ModelFormatError, SaveError
from spark_deepnet.net.chunks import arrays_of, chunks_of, parts_of
from spark_deepnet.net.pieces import Pieces, assembled, pieces_of
from spark_deepnet.plan.architecture import Architecture
from spark_deepnet.spark.failures import first_line
from spark_deepnet.spark.found import found
from spark_deepnet.spark.stored import SCHEMA, Stored, is_stored, write_chunks


def save_weights(spark: SparkSession, model: Any, path: str) -> list[Pieces]:
    """Write a model's weights; what each of their blocks holds."""
    stored = model.stored
    if stored is None:
        chunks = [(c.name, 0, *c[1:]) for c in chunks_of(model.weights)]
        write_chunks(spark.createDataFrame(chunks, SCHEMA), path)
    else:
        write_chunks(stored.frame(spark), path)
    return pieces_of(model.architecture.scores_net(), 1 if stored is None else stored.blocks)


def check_apart(spark: SparkSession, stored: Stored, path: str) -> None:
    """Refuse to remove the files that are to be saved, however deep under the path they lie."""
    alike = f"{stored.path}/".startswith(f"{path.rstrip('/')}/")  # what Spark lists leaves out hidden folders
    if alike or _files(spark, path) & set(stored.frame(spark).inputFiles()):
        raise SaveError(
            f"save: the model's own weights lie under {path!r}, and overwriting would lose them; save it to another path"
        )


def _files(spark: SparkSession, path: str) -> set[str]:
    """All files below a path, with their whole addresses, however the path is told."""
    reader = spark.read.format("binaryFile").option("recursiveFileLookup", "true")
    below = found(reader.load, path)
    return set() if below is None else set(below.inputFiles())


def load_weights(
    spark: SparkSession, architecture: Architecture, blocks: list[Pieces] | None, path: str
) -> np.ndarray | Stored:
    """The flat vector; or, of what is too large for the driver, where it lies. Executors check every chunk."""
    net, count = architecture.scores_net(), len(blocks or [0])
    known = pieces_of(net, count)
    if blocks is not None and blocks != known:
        raise ModelFormatError(
            f"load: the weights under {path!r} are cut otherwise than this version cuts them into {count} blocks; load "
            f"them with the version that saved them"
        )
    stored, stays = Stored(f"{path}/data", count), is_stored(architecture, count)
    block = F.coalesce("block", F.lit(0)).alias("block")
    sound = (F.sha2("data", 256) == F.col("sha256")).alias("sound")
    frame = stored.frame(spark).select("name", block, "part", "shape", sound, *([] if stays else ["data"]))
    found = _checked(frame, known, path)
    if stays:
        return stored
    return assembled(net, [arrays_of(row for row in found if row["block"] == b) for b in range(count)])


def _checked(frame: DataFrame, known: list[Pieces], path: str) -> list[Row]:
    """The chunks, each of which is there once, in its shape, and has its checksum."""
    arrays = [(name, b, shape) for b, own in enumerate(known) for name, (shape, _) in own.items()]
    wanted = {(name, b, part): shape for name, b, shape in arrays for part in range(parts_of(shape))}
    try:
        rows = frame.collect()
    except Exception as error:
        raise ModelFormatError(
            f"load: the weights under {path!r} cannot be read, so the model is damaged: {first_line(error)}"
        ) from None
    found = Counter((row["name"], row["block"], row["part"]) for row in rows)
    if found != Counter(wanted.keys()):
        there = len(found.keys() & wanted.keys())
        raise ModelFormatError(
            f"load: the model under {path!r} is damaged: {there} of {len(wanted)} chunks are there, in {len(rows)} rows"
        )
    for row in rows:
        if not row["sound"]:
            raise ModelFormatError(
                f"load: the model under {path!r} is damaged: the checksum of {row['name']!r}, part {row['part']}, "
                f"does not agree with its data"
            )
        if row["shape"] != wanted[row["name"], row["block"], row["part"]]:
            raise ModelFormatError(
                f"load: the model under {path!r} is damaged: {row['name']!r} has shape {row['shape']}"
            )
    return rows
