"""What a fit tells of numbers on which training gets nowhere: without a session."""

from __future__ import annotations

import pytest

from spark_deepnet.spark.fit.advice import log_notes, warn_of_classes, warn_of_loss


def test_notes_are_warnings(caplog: pytest.LogCaptureFixture) -> None:
    log_notes(["column 'x' is large"])
    assert caplog.messages == ["fit: column 'x' is large"]


@pytest.mark.parametrize(
    ("losses", "told"),
    [
        ([1.0], False),
        ([1.0, 0.9], False),
        ([1.0, 2.0, 0.5], False),
        ([1.0, 1.0], True),
        ([1e12, 0.99999e12], True),
        ([-2.0, -1.9], True),
        ([-2.0, -2.1], False),
        ([0.0, 0.0], False),
    ],
)
def test_a_loss_that_never_fell_is_told(losses: list[float], told: bool, caplog: pytest.LogCaptureFixture) -> None:
    warn_of_loss([{"loss": loss} for loss in losses])
    assert bool(caplog.messages) == told


@pytest.mark.parametrize(
    ("classes", "rows", "told"), [(10, 20, False), (11, 20, True), (100, 1000, False), (250001, 90, True)]
)
def test_labels_taken_for_too_many_classes_are_told(
    classes: int, rows: int, told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    warn_of_classes("y", 0.0, classes, rows)
    assert bool(caplog.messages) == told
    assert all("set loss='squared'" in message for message in caplog.messages)


def test_labels_that_start_at_1_are_told(caplog: pytest.LogCaptureFixture) -> None:
    warn_of_classes("y", 1.0, 4, 100)
    (message,) = caplog.messages
    assert "labels 1 to 3, so the network gets 4 classes, of which no row has class 0" in message
    assert "StringIndexer" in message
