"""Event files: what TensorBoard's own reader finds in them. Without a session."""

from __future__ import annotations

import math
import os
import pickle
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from spark_deepnet import DeepNetEstimator
from spark_deepnet.errors import MissingPackageError, ParamError
from spark_deepnet.spark.callback import Callbacks
from spark_deepnet.tracking import TensorBoard

reader = pytest.importorskip(
    "tensorboard.backend.event_processing.event_accumulator",
    reason='tensorboard is absent: pip install "spark_deepnet[tensorboard]"',
)


def fit(board: TensorBoard, *jobs: Sequence[Mapping[str, float]], fails: bool = False) -> None:
    """What a callback hears of a fit whose jobs brought these epochs."""
    callbacks, history = Callbacks([board]), list[Any]()
    callbacks.begin({"workers": 2})
    for number, job in enumerate(jobs):
        history += job
        callbacks.job_end(number, {"history": history, "count": len(history), "started": 0})
    if not fails:
        callbacks.end(history)


def events(folder: Path) -> Any:
    accumulator = reader.EventAccumulator(str(folder))
    accumulator.Reload()
    return accumulator


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    read = events(folder)
    return {tag: [(event.step, event.value) for event in read.Scalars(tag)] for tag in read.Tags()["scalars"]}


def epoch(loss: float, **more: float) -> dict[str, float]:
    return {"loss": loss, "seconds": 2.0, "rowsPerSecond": 9.0} | more


def test_epochs_of_all_jobs_are_read_back(tmp_path: Path) -> None:
    rows = [epoch(3.0, validationLoss=4.0), epoch(2.0, validationLoss=3.5), epoch(1.0, validationLoss=3.0)]
    fit(TensorBoard(tmp_path / "not" / "there"), rows[:2], rows[2:])
    run = tmp_path / "not" / "there" / "fit_1"
    assert scalars(run / "train") == {
        "loss": [(1, 3.0), (2, 2.0), (3, 1.0)],
        "seconds": [(1, 2.0), (2, 2.0), (3, 2.0)],
        "rowsPerSecond": [(1, 9.0), (2, 9.0), (3, 9.0)],
    }
    assert scalars(run / "validation") == {"loss": [(1, 4.0), (2, 3.5), (3, 3.0)]}
    times = [event.wall_time for event in events(run / "train").Scalars("loss")]
    assert times[1] - times[0] == pytest.approx(2.0)


def test_without_validation_rows_there_is_no_such_folder_and_nan_is_kept(tmp_path: Path) -> None:
    name = "<script>größe</script>_loss"
    fit(TensorBoard(str(tmp_path)), [epoch(math.nan, **{name: math.inf})])
    assert [path.name for path in (tmp_path / "fit_1").iterdir()] == ["train"]
    found = scalars(tmp_path / "fit_1" / "train")
    assert math.isnan(found["loss"][0][1])
    assert found[name] == [(1, math.inf)]


def test_each_fit_has_a_folder_and_what_a_failed_one_wrote_is_there(tmp_path: Path) -> None:
    board = TensorBoard(tmp_path)
    fit(board, [epoch(2.0)], fails=True)
    assert scalars(tmp_path / "fit_1" / "train")["loss"] == [(1, 2.0)]
    fit(board, [epoch(1.0)])
    assert scalars(tmp_path / "fit_2" / "train")["loss"] == [(1, 1.0)]


def test_fits_in_several_threads_are_kept_apart(tmp_path: Path) -> None:
    board = TensorBoard(tmp_path)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda k: fit(board, *[[epoch(float(k))] for _ in range(5)]), range(8)))
    losses = [scalars(folder / "train")["loss"] for folder in tmp_path.iterdir()]
    assert sorted(losses) == [[(step, float(k)) for step in range(1, 6)] for k in range(8)]


def test_an_estimator_with_the_callback_is_copied_and_pickled(tmp_path: Path) -> None:
    net = DeepNetEstimator().setCallbacks([TensorBoard(tmp_path)])
    (board,) = pickle.loads(pickle.dumps(net.copy())).getCallbacks()
    fit(board, [epoch(1.0)])
    assert scalars(tmp_path / "fit_1" / "train")["loss"] == [(1, 1.0)]


@pytest.mark.parametrize(
    ("folder", "sentence"),
    [
        ("dbfs:/runs/a", r"'dbfs:/runs/a' is an address that Spark alone reads.*; give '/dbfs/runs/a'"),
        ("hdfs:/runs", "'hdfs:/runs' is an address that Spark alone reads"),
        ("nowhere://runs", "'nowhere://runs' is on no filesystem that the package tensorboard knows"),
        ("", "expected the path of a folder, found ''"),
        (7, "expected the path of a folder, found 7"),
    ],
)
def test_a_folder_that_cannot_be_written_is_refused_at_once(folder: Any, sentence: str) -> None:
    with pytest.raises(ParamError, match=f"^TensorBoard: {sentence}"):
        TensorBoard(folder)
    assert not os.path.exists("dbfs:")


def test_an_address_of_a_local_file_is_its_path(tmp_path: Path) -> None:
    assert TensorBoard(f"file://{tmp_path}/").folder == str(tmp_path)
    assert TensorBoard(f"file:{tmp_path}").folder == str(tmp_path)


def test_without_tensorboard_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    monkeypatch.setitem(sys.modules, "tensorboard.compat", None)
    with pytest.raises(MissingPackageError, match=r'tensorboard.*pip install "spark_deepnet\[tensorboard\]"'):
        TensorBoard(tmp_path)
