"""Whatever befalls the newest checkpoint, the one before it is taken; where none is whole, a sentence says so."""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spark_deepnet.data.schema import Columns
from spark_deepnet.errors import CheckpointError, DeepNetError, ParamError
from spark_deepnet.layers import Dense
from spark_deepnet.plan.architecture import Architecture, InputSpec
from spark_deepnet.plan.checkpoint import sealed
from spark_deepnet.plan.plan import Recipe, TrainPlan
from spark_deepnet.spark.fit import barrier_fit
from spark_deepnet.spark.fit.checkpoints import FOLDER, Checkpoints, from_disk, to_disk
from spark_deepnet.train.inbox import STATE_SCHEMA
from tests.spark.data import blobs, estimator, frame, same
from tests.spark.test_bad_input import check_sentence

ARCHITECTURE = Architecture((Dense(3).to_json(),), (InputSpec((4,)),), "squared")
RECIPE = Recipe(ARCHITECTURE, "sgd", "constant", 0.1, 10, 3, 0)
PLAN = TrainPlan(RECIPE, Columns((), ()), 1, "", b"", state_chunks=3, fingerprint="7")
CHUNKS = [(0, k - 1, k, bytes([k]) * 3000) for k in range(3)]
Damage = Callable[[Path], None]


def fresh(spark: Any, folder: Path) -> Checkpoints:
    return Checkpoints(spark, str(folder), PLAN, False, 9)


@pytest.fixture(scope="module")
def whole(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two checkpoints."""
    folder = tmp_path_factory.mktemp("whole")
    checkpoints = fresh(spark, folder)
    for epoch in 1, 2:
        state = [(*place, data + bytes([epoch])) for *place, data in CHUNKS]
        checkpoints.save(spark.createDataFrame(state, STATE_SCHEMA).coalesce(1), PLAN, epoch)
    return folder


def parquet(checkpoint: Path) -> Path:
    return max((checkpoint / "data").glob("part-*"), key=lambda file: file.stat().st_size)


def line(checkpoint: Path) -> Path:
    return max((checkpoint / "metadata").glob("part-*"), key=lambda file: file.stat().st_size)


def flip(file: Path, place: int) -> None:
    raw = bytearray(file.read_bytes())
    raw[place % len(raw)] ^= 1
    file.write_bytes(raw)


def put(checkpoint: Path, **columns: Any) -> None:
    """Chunks with other columns in place of the checkpoint's own."""
    table = pq.read_table(parquet(checkpoint))
    for name, values in columns.items():
        at = table.column_names.index(name)
        table = table.set_column(at, table.schema.field(at), pa.chunked_array([values], table.schema.field(at).type))
    pq.write_table(table, parquet(checkpoint))


def each_place(length: int, count: int) -> Iterator[int]:
    yield from range(3, length, max(1, length // count))


DAMAGES: dict[str, Damage] = {
    "a data file cut": lambda c: parquet(c).write_bytes(parquet(c).read_bytes()[:-30]),
    "a data file cut to its half": lambda c: parquet(c).write_bytes(parquet(c).read_bytes()[:4000]),
    "a data file emptied": lambda c: parquet(c).write_bytes(b""),
    "a data file removed": lambda c: parquet(c).unlink(),
    "all data removed": lambda c: shutil.rmtree(c / "data"),
    "data that is text": lambda c: parquet(c).write_text("x" * 5000),
    "a data file twice": lambda c: shutil.copy(parquet(c), c / "data" / "part-9.parquet"),
    "chunks of another checkpoint": lambda c: shutil.copy(parquet(c.parent / "1"), parquet(c)),
    "no chunks": lambda c: pq.write_table(pq.read_table(parquet(c)).slice(0, 0), parquet(c)),
    "chunks that are null": lambda c: put(c, state=[None] * 3),
    "checksums that are null": lambda c: put(c, sha256=[None] * 3),
    "owners that are null": lambda c: put(c, owner=[None] * 3),
    "owners exchanged": lambda c: put(c, owner=[1, 0, -1]),
    "other columns": lambda c: pq.write_table(pa.table({"x": [1, 2, 3]}), parquet(c)),
    "metadata cut": lambda c: line(c).write_text(line(c).read_text()[:-20]),
    "metadata emptied": lambda c: line(c).write_text(""),
    "metadata of two lines": lambda c: line(c).write_text(line(c).read_text() * 2),
    "metadata of bytes": lambda c: line(c).write_bytes(bytes(range(256)) * 9),
    "metadata {}": lambda c: line(c).write_text("{}"),
    "metadata 5": lambda c: line(c).write_text("5"),
    "metadata null": lambda c: line(c).write_text("null"),
    "metadata nested": lambda c: line(c).write_text("[" * 100_000),
    "metadata of nulls": lambda c: line(c).write_text(sealed(dict.fromkeys(["format", "number", "epoch", "fit"]))),
    "metadata gone": lambda c: line(c).unlink(),
}
"""What is done to the checkpoint of this folder; "owner" and "state" are the columns' names in the file."""


def resumed(spark: Any, folder: Path) -> list[int]:
    """The last bytes of the chunks that a fit would resume from."""
    _, state = fresh(spark, folder).resumed(PLAN)
    return [] if state is None else sorted(bytes(row["data"])[-1] for row in state.collect())


def damaged(whole: Path, folder: Path, damage: Damage, *numbers: str) -> None:
    shutil.copytree(whole, folder, dirs_exist_ok=True)
    for crc in folder.rglob(".*.crc"):  # so that our checks are what is tried
        crc.unlink()
    for number in numbers:
        damage(folder / FOLDER / number)


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_one_before_is_taken(
    spark: Any, whole: Path, tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    damaged(whole, tmp_path, DAMAGES[damage], "2")
    with caplog.at_level(logging.WARNING):
        assert resumed(spark, tmp_path) == [1, 1, 1]
    said = [r.getMessage() for r in caplog.records if "skips the checkpoint" in r.getMessage()]
    assert len(said) == 1
    assert "\n" not in said[0]
    assert len(said[0]) < 400


def test_the_newest_is_taken_where_it_is_whole(spark: Any, whole: Path) -> None:
    assert resumed(spark, whole) == [2, 2, 2]


def test_chunks_lie_on_disk_as_format_2_has_them(spark: Any, whole: Path) -> None:
    """Fits of earlier versions resume from them: the owner is a rank, or -1 - block for all ranks of a block."""
    rows = pq.read_table(parquet(whole / FOLDER / "2")).to_pylist()
    assert sorted(row["owner"] for row in rows) == [-1, 0, 1]
    for row in rows:
        chunk = f"2/{row['owner']}/{row['part']}/".encode() + row["state"]
        assert row.keys() == {"state", "owner", "part", "sha256"}
        assert row["sha256"] == hashlib.sha256(chunk).hexdigest()
    owners = [(-1, 0, -1), (-2, 1, -1), (0, 0, 0), (3, 1, 3)]  # on disk, and as block and rank of two blocks
    state = spark.createDataFrame([(block, rank, owner, b"") for owner, block, rank in owners], STATE_SCHEMA)
    disk = to_disk(state)
    assert all(row["owner"] == row["part"] for row in disk.collect())
    assert sorted(map(tuple, from_disk(disk, 2).collect())) == sorted(map(tuple, state.collect()))


def test_no_altered_bit_is_trained_on(spark: Any, whole: Path, tmp_path: Path) -> None:
    """Some bits say nothing, such as those of statistics: then the state is what it was."""
    taken = []
    for kind in parquet, line:
        for place in each_place(kind(whole / FOLDER / "2").stat().st_size, 6):
            damaged(whole, tmp_path, lambda c, kind=kind, place=place: flip(kind(c), place), "2")  # type: ignore[misc]
            taken.append(resumed(spark, tmp_path))
    assert {tuple(found) for found in taken} <= {(1, 1, 1), (2, 2, 2)}
    assert taken.count([1, 1, 1]) > 6


@pytest.mark.parametrize("damage", [name for name in DAMAGES if name.endswith(("cut", "removed", "{}", "null"))])
def test_where_none_is_whole_a_sentence_says_so(spark: Any, whole: Path, tmp_path: Path, damage: str) -> None:
    damaged(whole, tmp_path, DAMAGES[damage], "1", "2")
    with pytest.raises(CheckpointError, match=r"no checkpoint in .* is intact .* to start over") as raised:
        resumed(spark, tmp_path)
    check_sentence(raised.value)
    assert (tmp_path / FOLDER / "2").exists()


def test_one_that_was_not_written_to_its_end_is_none(spark: Any, whole: Path, tmp_path: Path) -> None:
    """A driver that died over its first checkpoint leaves such a folder: the fit starts."""
    damaged(whole, tmp_path, lambda c: shutil.rmtree(c / "metadata"), "1", "2")
    assert resumed(spark, tmp_path) == []


def test_a_fit_whose_state_goes_over_storage_resumes_from_the_one_before(
    spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(barrier_fit, "DRIVER_STATE", 0)
    rows = frame(spark, *blobs()).cache()
    net = estimator(maxIter=4, batchSize=30, checkpointInterval=1, keepCheckpoints=9, checkpointDir=str(tmp_path))
    wanted = net.fit(rows)
    save = Checkpoints.save

    def saved(self: Checkpoints, state: Any, plan: TrainPlan, epoch: int) -> None:
        save(self, state, plan, epoch)
        if self.numbers[-1] == 3:
            raise DeepNetError("broken off")

    with monkeypatch.context() as patch, pytest.raises(DeepNetError, match="broken off"):
        patch.setattr(Checkpoints, "save", saved)
        net.fit(rows)
    for crc in tmp_path.rglob(".*.crc"):
        crc.unlink()
    flip(parquet(tmp_path / FOLDER / "3"), 60)
    again = net.fit(rows)
    assert same(again, wanted)
    assert again.summary.steps == wanted.summary.steps
    assert again.summary.jobs == 2


def test_a_chunk_of_the_state_that_was_altered_between_two_jobs_ends_the_fit(
    spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(barrier_fit, "DRIVER_STATE", 0)
    rows = frame(spark, *blobs())
    state = barrier_fit.Jobs._state

    def altered(self: barrier_fit.Jobs, found: Any) -> Any:
        for file in Path(str(self.folder)).rglob("part-*"):
            table = pq.read_table(file).to_pylist()
            wrong = [row | {"data": b"\1" + row["data"][1:]} if row["part"] else row for row in table]
            pq.write_table(pa.Table.from_pylist(wrong, pq.read_schema(file)), file)
            file.with_name(f".{file.name}.crc").unlink(missing_ok=True)
        return state(self, found)

    monkeypatch.setattr(barrier_fit.Jobs, "_state", altered)
    with pytest.raises(DeepNetError, match="does not match its checksum"):
        estimator(maxIter=2, checkpointInterval=1, checkpointDir=str(tmp_path)).fit(rows)


@pytest.mark.sessions("classic", "connect")
def test_two_names_of_a_folder_are_one_folder(spark: Any, tmp_path: Path) -> None:
    names = [f"{tmp_path}/", f"file:{tmp_path}", f"file://{tmp_path}/x/.."]
    with Checkpoints(spark, str(tmp_path), PLAN, False, 1):
        for name in names:
            with pytest.raises(ParamError, match="another fit of this process"):
                Checkpoints(spark, name, PLAN, False, 1).__enter__()


def test_a_folder_that_cannot_be_reached_is_told_before_any_job(spark: Any) -> None:
    rows = frame(spark, *blobs(9))
    for folder in ("nofs://host/fits", "hdfs://no.such.host.invalid:1/fits"):
        with pytest.raises(ParamError, match=r"checkpointDir: .* cannot be reached") as raised:
            estimator(checkpointDir=folder).fit(rows)
        check_sentence(raised.value)


def test_a_plan_of_other_numbers_is_another_fit(spark: Any, whole: Path) -> None:
    other = replace(PLAN, recipe=replace(RECIPE, seed=5))
    with pytest.raises(DeepNetError, match="another fit: seed is 0 there, found 5"):
        Checkpoints(spark, str(whole), other, False, 9).resumed(other)
