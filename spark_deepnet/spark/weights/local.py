"""Saved models in a folder of this machine, written and read without a Spark session.

The files are those that Spark writes: a model that was saved here is loaded by ``DeepNetModel.load`` and
``PipelineModel.load``, and one of whole weights that Spark saved is read here, with the same checks.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pyspark
from pyspark.ml import PipelineModel
from pyspark.ml.util import DefaultParamsWriter

from spark_deepnet.errors import ModelFormatError, SaveError
from spark_deepnet.net.chunks import CHUNK_BYTES, checksum, chunks_of
from spark_deepnet.net.pieces import pieces_of
from spark_deepnet.spark.weights.metadata import MAX_LINE_BYTES, newest_of
from spark_deepnet.spark.weights.parquet import DATA, FOOTER_BYTES, weights_of
from spark_deepnet.spark.weights.saved import facts_of, load_errors, model_of

_SCHEMA = pa.schema(
    {
        "name": pa.string(), "block": pa.int32(), "part": pa.int32(), "shape": pa.list_(pa.int32()),
        "data": pa.binary(), "sha256": pa.string(),
    }
)  # fmt: skip
SPARK_VERSION: str = pyspark.__version__
_SESSION = SimpleNamespace(version=SPARK_VERSION)
"""All that Spark ML asks a session for when it writes metadata."""


def save_pipeline(model: Any, folder: str | os.PathLike[str]) -> None:
    """Write a model as the only stage of a PipelineModel to a folder that is not there; SizeError where its weights stay on
    storage, SaveError where it cannot be written."""
    if os.sep in model.uid:
        raise SaveError(f"save: the uid {model.uid!r} is no name of a folder; give the model another one")
    weights = model.weights
    try:
        stages = {"stageUids": [model.uid], "language": "Python"}
        _write_line(
            Path(folder), DefaultParamsWriter._get_metadata_to_save(PipelineModel([model]), _SESSION, None, stages)
        )
        stage = Path(folder) / "stages" / f"0_{model.uid}"
        facts = facts_of(model, pieces_of(model.architecture.scores_net(), 1))
        _write_weights(weights, stage / DATA)
        _write_line(
            stage, DefaultParamsWriter._get_metadata_to_save(model, _SESSION, facts | {"data": DATA, "save": 1})
        )
    except OSError as error:
        raise SaveError(f"save: {os.fspath(folder)!r} could not be written: {error}") from None


def load_pipeline(cls: Any, folder: str | os.PathLike[str], modules: list[str]) -> Any:
    """The model that is the only stage of a saved PipelineModel."""
    stages = sorted((Path(folder) / "stages").glob("*"))
    if len(stages) != 1:
        raise ModelFormatError(f"load: {os.fspath(folder)!r} holds {len(stages)} stages, but a model alone is one")
    return load_stage(cls, stages[0], modules)


def load_stage(cls: Any, folder: Path, modules: list[str]) -> Any:
    """The saved model in a folder."""
    path = str(folder)
    with load_errors(path):
        metadata = newest_of(_lines(folder), path, cls, modules)
        return model_of(cls, path, metadata, lambda a, blocks, data: weights_of(data, a, blocks, lambda: _Files(data)))


def _write_line(folder: Path, line: str) -> None:
    metadata = folder / "metadata"
    metadata.mkdir(parents=True)
    (metadata / "part-00000").write_text(f"{line}\n", encoding="utf-8")


def _write_weights(weights: Any, folder: Path) -> None:
    """A row group for each chunk, so that none is large."""
    folder.mkdir(parents=True)
    with pq.ParquetWriter(folder / "part-00000.parquet", _SCHEMA, compression="none", use_dictionary=False) as writer:
        for chunk in chunks_of(weights):
            row = chunk._asdict() | {"block": 0}
            writer.write_table(pa.table({name: [row[name]] for name in _SCHEMA.names}, schema=_SCHEMA))


def _lines(folder: Path) -> Iterator[str]:
    for file in sorted((folder / "metadata").glob("part-*")):
        if file.stat().st_size <= MAX_LINE_BYTES:
            yield from file.read_text(encoding="utf-8").splitlines()


class _Chunk(NamedTuple):
    """A chunk, and what was found out about it."""

    name: str
    block: int
    part: int
    shape: list[int]
    size: int
    sound: bool
    data: bytes | None


class _Files:
    """The Parquet files in a folder of this machine."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.files = sorted(Path(path).glob("part-*"))

    def size(self) -> int:
        return sum(file.stat().st_size for file in self.files)

    def ends(self) -> list[bytes]:
        ends = []
        for file in self.files:
            with file.open("rb") as opened:
                opened.seek(max(0, file.stat().st_size - FOOTER_BYTES))
                ends.append(opened.read())
        return ends

    def count(self) -> int:
        return sum(pq.read_metadata(file).num_rows for file in self.files)

    def rows(self, longest: int, deepest: int, with_data: bool) -> list[_Chunk]:
        return [_chunk(row, longest, deepest, with_data) for file in self.files for row in _rows_of(file)]


def _rows_of(file: Path) -> Iterator[dict[str, Any]]:
    with pq.ParquetFile(file) as parquet:
        for batch in parquet.iter_batches(batch_size=1):
            yield from batch.to_pylist()


def _chunk(row: dict[str, Any], longest: int, deepest: int, with_data: bool) -> _Chunk:
    data = row["data"] or b""
    kept = data if with_data and len(data) <= CHUNK_BYTES else None
    sound = checksum(data) == row["sha256"]
    name, shape = str(row["name"])[:longest], list(row["shape"] or ())[:deepest]
    return _Chunk(name, row.get("block") or 0, row["part"], shape, len(data), sound, kept)
