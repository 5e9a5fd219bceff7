"""Real data in blocks: as accurate as by data parallelism."""

from __future__ import annotations

import pytest

from tests.train.real import MNIST, TASKS, accuracy

pytestmark = pytest.mark.slow
EPOCHS = {"MNIST rows RNN": 30}
"""Where those of the curves end before it has settled."""


@pytest.mark.parametrize("name", TASKS)
def test_two_blocks_are_as_accurate_as_two_replicas(name: str) -> None:
    if "MNIST" in name and not MNIST.is_dir():
        pytest.skip(f"there is no {MNIST}: set the environment variable DATASETS to a folder that has mnist")
    task = TASKS[name]
    epochs = EPOCHS.get(name, task.recipe["epochs"])
    replicas, blocks = (accuracy(task.fitted(2, b, epochs=epochs)) for b in (1, 2))
    print(f"{name}: accuracy {replicas:.4f} by two replicas, {blocks:.4f} in two blocks")
    assert abs(replicas - blocks) <= 0.005
