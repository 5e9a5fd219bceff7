"""Progress as a person sees it: on a terminal, in a log, beside Spark's own bar; and the log's lines."""

from __future__ import annotations

import io
import json
import logging
import os
import re
from typing import Any

import pytest

from spark_deepnet.plan.plan import ANY_EPOCHS
from spark_deepnet.spark.fit import first_fit, progress
from spark_deepnet.spark.fit.epoch_log import EpochLog
from spark_deepnet.spark.fit.progress import COMPILING, ProgressBar, figures
from tests.spark.data import blobs, estimator, frame

MEASURES = {
    "loss": 0.123456, "accuracy": 0.951234, "validationLoss": 0.234567, "validationAccuracy": 0.911111,
    "seconds": 0.5, "rowsPerSecond": 45_123.0,
}  # fmt: skip


class Stream(io.StringIO):
    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def fileno(self) -> int:
        return 2

    def isatty(self) -> bool:
        return self.terminal


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a fit of ten epochs with progress; returns what stood on the stream."""
    monkeypatch.setattr("os.get_terminal_size", lambda *_: os.terminal_size((100, 50)))

    def run(terminal: bool, shared: bool = False, wanted: bool = True) -> str:
        stream = Stream(terminal)
        monkeypatch.setattr("sys.stderr", stream)
        with ProgressBar(wanted, 10, shared, COMPILING) as bar:
            for epoch in range(1, 11):
                bar.receive(json.dumps({"epoch": epoch - 0.5, "epochs": 10, "rows": 900, "loss": 0.2}).encode())
                bar.receive(
                    json.dumps({"epoch": epoch, "epochs": 10, "rows": 900, "loss": None, "measures": MEASURES}).encode()
                )
        return stream.getvalue()

    return run


def test_a_bar_of_100_columns_has_all_figures(shown: Any) -> None:
    states = [state for state in shown(True).replace("\n", "").split("\r") if state.strip()]
    assert COMPILING in states[0]
    last = states[-1]
    assert len(last) <= 100
    assert last.startswith("epoch 10/10 |")
    assert "loss 0.1235 (val 0.2346), accuracy 0.9512 (val 0.9111)" in last
    assert re.search(r"\[00:\d\d<00:00\]$", last)
    assert any(state.startswith("epoch 5/10") and "loss 0.2 (val 0.2346)" in state for state in states), "the latest"


@pytest.mark.parametrize(("terminal", "shared"), [(False, False), (True, True)])
def test_logs_and_terminals_with_a_bar_of_spark_get_lines(
    shown: Any, terminal: bool, shared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = shown(terminal, shared)
    assert "\r" not in text
    assert text.splitlines()[-1].startswith("epoch 10/10: loss 0.1235 (val 0.2346), accuracy 0.9512 (val 0.9111), 45")
    assert len(text.splitlines()) <= 2, "of quick epochs the first and the last"
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.0)
    assert [line.partition(":")[0] for line in shown(terminal, shared).splitlines()] == [
        f"epoch {k}/10" for k in range(1, 11)
    ]


def test_a_notebook_without_widgets_gets_a_line_that_is_redrawn(shown: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Stream, "__module__", "ipykernel.iostream")
    states = shown(False, shared=True).split("\r")
    assert states[-1].startswith("epoch 10/10 |")
    assert len(states) > 10


def test_nothing_is_shown_where_it_is_not_wanted(shown: Any) -> None:
    assert shown(True, wanted=False) == shown(False, wanted=False) == ""


def test_figures_of_several_outputs_stand_beside_those_of_validation() -> None:
    measures = {"loss": 1.5, "age_loss": 1.0, "validationLoss": 2.0, "age_validationLoss": 3.0, "kind_loss": None}
    assert figures(measures) == "loss 1.5 (val 2), age_loss 1 (val 3)"
    assert figures({}) == ""


def test_an_output_called_validation_is_an_output() -> None:
    assert figures({"loss": 3.0, "validation_loss": 1.0, "validation_validationLoss": 2.0}) == (
        "loss 3, validation_loss 1 (val 2)"
    )


def test_every_epoch_is_a_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    epochs = EpochLog(10)
    with caplog.at_level(logging.INFO, "spark_deepnet"):
        epochs.log([MEASURES] * 2)
        epochs.log([MEASURES] * 3)
        EpochLog(ANY_EPOCHS).log([MEASURES])
    assert [message.partition(": loss")[0] for message in caplog.messages] == [
        "fit: epoch 1/10", "fit: epoch 2/10", "fit: epoch 3/10", "fit: epoch 1",
    ]  # fmt: skip
    assert caplog.messages[0].endswith("accuracy 0.9512 (val 0.9111), 45.1k rows/s, 0.5 s")


def test_a_first_fit_says_that_it_compiles(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr(first_fit, "_noted", [])
    monkeypatch.setattr(first_fit, "folders", lambda: (f"{tmp_path}/none", str(tmp_path / "kept")))
    assert not first_fit.note_first_fit("spark://host"), "other machines' folders are not known"
    assert [first_fit.note_first_fit("local[2]") for _ in range(2)] == [True, True]
    (message,) = caplog.messages
    assert message.startswith("fit: compiling kernels, some 10 s; kept in ")
    (tmp_path / "kept").mkdir()
    assert not first_fit.note_first_fit("local[2]")
    with caplog.at_level(logging.INFO, "spark_deepnet"):
        first_fit.log_compiling([{"seconds": {"compiling": 9.5}}, {"seconds": {"compiling": 1.0}}])
        first_fit.log_compiling([{"seconds": {"compiling": 1.0}}])
    assert caplog.messages[1:] == ["fit: workers compiled kernels for 9.5 s; later fits of such networks find them"]


@pytest.mark.sessions("classic", "connect")
def test_workers_report_to_a_driver_on_their_machine(spark: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    reports: list[dict[str, Any]] = []
    monkeypatch.setattr(ProgressBar, "receive", lambda _, message: reports.append(json.loads(message)))
    estimator(maxIter=4, showProgress=True).fit(frame(spark, *blobs()))
    assert [report["epoch"] for report in reports if report.get("measures")] == [1, 2, 3, 4]
