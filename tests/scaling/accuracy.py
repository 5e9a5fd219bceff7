"""Accuracies of fits by several ranks, which run as threads of this process, whatever its cores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from unittest.mock import patch

from spark_deepnet.net import cut
from tests.scaling.grid import RANKS
from tests.train.real import TASKS, accuracy

EPOCHS = {"MNIST FC": 3, "MNIST LeNet": 1, "MNIST rows RNN": 2, "JapaneseVowels LSTM": 10}
"""Few: ranks must agree, not be the best."""


def accuracies() -> Iterator[tuple[str, str, int, float]]:
    """(network, way, ranks, accuracy in %)"""
    for name, epochs in EPOCHS.items():
        task = replace(TASKS[name], recipe=TASKS[name].recipe | {"epochs": epochs})
        with patch.object(cut, "MIN_WEIGHTS", 0):  # small layers are cut too
            for ranks in RANKS:
                yield name, "data", ranks, 100 * accuracy(task.fitted(ranks))
                if ranks > 1:
                    yield name, "model", ranks, 100 * accuracy(task.fitted(ranks, ranks))
