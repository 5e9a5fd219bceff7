"""Fits that were broken off go on from their last checkpoint, and no others do."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from spark_deepnet.errors import DataError, DeepNetError, ParamError, SaveError
from spark_deepnet.layers import Dense
from spark_deepnet.plan.checkpoint import sealed
from spark_deepnet.plan.plan import TrainPlan
from spark_deepnet.spark.fit.checkpoints import FOLDER, Checkpoints
from tests.spark.data import blobs, estimator, frame, same
from tests.spark.test_bad_input import SOON, check_sentence

BOTH = pytest.mark.sessions("classic", "connect")
MODES: dict[str, dict[str, Any]] = {
    "data": {"validationIndicatorCol": "held", "solver": "momentum"},
    "tau": {"syncEvery": 4, "syncState": "keep"},
    "blocks": {"modelBlocks": 2},
    "rounds": {"syncEvery": 3, "exchange": "spark", "syncMomentum": 0.5},
}
KEPT = {"batchSize": 16, "maxIter": 3, "numTrainWorkers": 2, "checkpointInterval": 1}


class BrokenOff(Exception):
    """As if the driver had died."""


@contextmanager
def broken_off(after: int) -> Iterator[None]:
    """The fit ends behind its checkpoint of this number."""
    save = Checkpoints.save

    def saved(self: Checkpoints, state: Any, plan: TrainPlan, epoch: int) -> None:
        save(self, state, plan, epoch)
        if self.numbers[-1] == after:
            raise BrokenOff

    with pytest.MonkeyPatch.context() as patch, pytest.raises(BrokenOff):
        patch.setattr(Checkpoints, "save", saved)
        yield


@pytest.fixture(scope="session")
def rows(spark: Any) -> Any:
    x, y = blobs()
    return frame(spark, x, y, held=[i % 3 == 2 for i in range(len(y))]).cache()


@pytest.mark.parametrize("mode", MODES)
def test_a_fit_goes_on_from_its_last_checkpoint(rows: Any, tmp_path: Path, mode: str) -> None:
    check_resumed(rows, tmp_path, MODES[mode])


@pytest.mark.sessions("connect")
@pytest.mark.parametrize("mode", ["tau", "rounds"])
def test_and_over_connect(rows: Any, tmp_path: Path, mode: str) -> None:
    check_resumed(rows, tmp_path, MODES[mode])


def check_resumed(rows: Any, tmp_path: Path, params: Any) -> None:
    whole = estimator(**(KEPT | params)).fit(rows)
    net = estimator(**(KEPT | params), keepCheckpoints=1, checkpointDir=str(tmp_path))
    with broken_off(after=2):
        net.fit(rows)
    assert [p.name for p in (tmp_path / FOLDER).iterdir()] == ["2"]
    again = net.fit(rows)
    assert same(again, whole)
    assert again.summary.steps == whole.summary.steps
    for a, b in zip(again.summary.history, whole.summary.history, strict=True):
        told = [name for name in a if name not in ("seconds", "rowsPerSecond")]
        assert [a[name] for name in told] == [b[name] for name in told]
    assert list(tmp_path.iterdir()) == [], "a fit that has come to its end leaves nothing behind"


def test_a_checkpoint_that_is_not_whole_is_left_out(rows: Any, tmp_path: Path) -> None:
    """Files cut off, a folder without metadata: the one before them is taken."""
    net = estimator(**(KEPT | {"maxIter": 4}), keepCheckpoints=3, checkpointDir=str(tmp_path))
    with broken_off(after=3):
        net.fit(rows)
    folder = tmp_path / FOLDER
    for cut in (folder / "3" / "data").glob("*.parquet"):
        cut.write_bytes(cut.read_bytes()[:-20])
    for part in (folder / "2" / "metadata").glob("*"):
        part.unlink()
    found: list[int] = []
    resumed = Checkpoints.resumed

    def noted(self: Checkpoints, plan: TrainPlan) -> Any:
        plan, state = resumed(self, plan)
        found.extend([plan.state_chunks, int(state.inputFiles()[0].split("/")[-3])])
        return plan, state

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Checkpoints, "resumed", noted)
        again = net.fit(rows)
    assert found == [4, 1]
    assert same(again, estimator(**(KEPT | {"maxIter": 4})).fit(rows))


@pytest.fixture(scope="session")
def broken(rows: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with a checkpoint."""
    folder = str(tmp_path_factory.mktemp("broken"))
    with broken_off(after=1):
        estimator(**KEPT, checkpointDir=folder).fit(rows)
    return folder


@pytest.mark.parametrize(
    ("params", "tells"),
    [
        ({"seed": 1}, ("seed is 0 there, found 1",)),
        ({"layers": [4, 6, 3]}, ("layers[0].units is 5 there, found 6",)),
        ({"layers": [Dense(3, "softmax")]}, ("layers is 2 of them there, found 1 of them",)),
        ({"solver": "sgd"}, ("solver.", "found")),
        ({"maxIter": 6}, ("maxIter is 3 there, found 6",)),
        ({"numTrainWorkers": 1}, ("numTrainWorkers is 2 there, found 1",)),
        ({"exchange": "spark", "syncEvery": 4}, ("syncEvery is 1 there, found 4",)),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_checkpoint_of_another_fit_is_refused(rows: Any, broken: str, params: Any, tells: tuple[str, ...]) -> None:
    check_refused(rows, broken, ParamError, tells, **params)


@BOTH
@pytest.mark.parametrize("exchange", [{}, {"exchange": "spark", "syncEvery": 4}], ids=["sockets", "spark"])
def test_so_is_one_of_other_rows(spark: Any, rows: Any, tmp_path: Path, exchange: Any) -> None:
    with broken_off(after=1):
        estimator(**KEPT, **exchange, checkpointDir=str(tmp_path)).fit(rows)
    other = frame(spark, *blobs(80))
    check_refused(other, str(tmp_path), DataError, ("other rows", "fingerprint"), **exchange)
    assert (tmp_path / FOLDER / "1").exists(), "what is refused stays as it is"


def check_refused(rows: Any, folder: str, error: type[DeepNetError], tells: tuple[str, ...], **params: Any) -> None:
    began = time.perf_counter()
    with pytest.raises(error, match="checkpointDir: ") as raised:
        estimator(**(KEPT | params), checkpointDir=folder).fit(rows)
    assert time.perf_counter() - began < SOON
    check_sentence(raised.value)
    assert [part for part in (folder, *tells) if part not in str(raised.value)] == []


def test_a_later_format_is_refused(rows: Any, tmp_path: Path) -> None:
    line = tmp_path / FOLDER / "1" / "metadata" / "part-0.txt"
    line.parent.mkdir(parents=True)
    line.write_text(sealed({"format": 3, "number": 1}) + "\n")
    check_refused(rows, str(tmp_path), ParamError, ("format 3", "reads 2"))


def test_two_fits_at_once_do_not_share_a_folder(spark: Any, rows: Any, tmp_path: Path) -> None:
    net = estimator(**KEPT, checkpointDir=str(tmp_path))
    save = Checkpoints.save

    def saved(self: Checkpoints, state: Any, plan: TrainPlan, epoch: int) -> None:
        save(self, state, plan, epoch)
        with pytest.raises(ParamError, match="another fit of this process"):
            net.fit(rows)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Checkpoints, "save", saved)
        assert net.copy({net.maxIter: 2}).fit(rows).summary.jobs == 2


def test_an_empty_name_is_no_folder(rows: Any) -> None:
    assert estimator(**KEPT, checkpointDir="").fit(rows).summary.jobs == 1


def test_no_checkpoints_where_none_are_wanted(rows: Any, tmp_path: Path) -> None:
    fit = estimator(**(KEPT | {"checkpointInterval": -1}), checkpointDir=str(tmp_path)).fit(rows)
    assert fit.summary.jobs == 1
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"this user may not mount a small file system: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_is_told_and_the_checkpoint_before_stays(rows: Any, small_disk: Path) -> None:
    net = estimator(**KEPT, layers=[4, 5000, 3], keepCheckpoints=9, checkpointDir=str(small_disk))
    with pytest.raises(SaveError, match="No space left on device") as raised:
        net.fit(rows)
    check_sentence(raised.value)
    assert [p.name for p in (small_disk / FOLDER).iterdir()] == ["1"]
