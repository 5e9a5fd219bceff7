"""Fits on real data by ranks in threads: four networks, whole on several replicas, or in blocks.

python -m tests.train.real NAME [tau ...]    a curve of docs/model_parallelism.md (minutes)
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from spark_deepnet.data.schema import BYTES, LABEL, STEPS, VALIDATION, Source
from spark_deepnet.layers import LSTM, Bidirectional, Conv2D, Dense, Flatten, MaxPool2D, Rescaling, SimpleRNN
from spark_deepnet.plan.architecture import InputSpec
from spark_deepnet.plan.plan import TrainPlan
from tests.train.fits import Fit, fit, plan_of

EXAMPLES = Path(__file__).parents[2] / "examples"
MNIST = Path(os.environ.get("DATASETS", EXAMPLES.parent / "../shared/data")).resolve() / "mnist"
TRAIN, TEST = 6_000, 6_000
"""Of MNIST's digits."""
TAUS = (2, 5, 10)
Frame = pd.DataFrame


@dataclass(frozen=True)
class Task:
    """A network and the data that it learns."""

    layers: tuple[Any, ...]
    source: Source
    classes: int
    frame: Callable[[], Frame]
    """Training rows, and those that the accuracy is of, marked for validation."""
    recipe: dict[str, Any]

    def plan(self, blocks: int = 1, **recipe: Any) -> TrainPlan:
        entry = InputSpec(self.source.shape, steps=self.source.kind == STEPS)
        columns = {"sources": (self.source,), "classes": self.classes}
        told = {"validated": True, "optimizer": "adam", "schedule": "cosine", "clip_norm": 1.0, "patience": 0}
        plan = plan_of(self.layers, columns=columns, entries=(entry,), **told | self.recipe | recipe)
        return replace(plan, blocks=blocks, job_seconds=float("inf"), deadline=300.0)

    def fitted(self, workers: int, blocks: int = 1, **recipe: Any) -> Fit:
        frame = self.frame()
        dealt = [[frame.iloc[number::workers]] for number in range(workers)]
        return fit(self.plan(blocks, **recipe), dealt)


def accuracy(found: Fit) -> float:
    """After the last epoch."""
    return found.history[-1]["validationAccuracy"]


def megabytes(found: Fit) -> float:
    """That a rank sent in the fit."""
    return max(m["bytesSent"] for m in found.measures) / 1e6


def digits() -> Frame:
    sys.path.append(str(EXAMPLES))
    from example_data import mnist

    images, labels, test, test_labels = mnist(MNIST)
    return marked([(images[:TRAIN], labels[:TRAIN]), (test[:TEST], test_labels[:TEST])], np.ndarray.tobytes)


def vowels() -> Frame:
    sys.path.append(str(EXAMPLES))
    import vowels as example

    parts = [example.vowels(part) for part in ("TRAIN", "TEST")]
    return marked([(p["steps"], p["label"]) for p in parts], lambda steps: np.ravel(steps).astype(np.float32))


def marked(parts: list[tuple[Any, Any]], sent: Callable[[Any], Any]) -> Frame:
    """Rows as ranks are sent them, the second part for validation, mixed."""
    frames = [
        Frame({"features x": [sent(row) for row in x], LABEL: np.asarray(y, float), VALIDATION: bool(k)})
        for k, (x, y) in enumerate(parts)
    ]
    return pd.concat(frames).sample(frac=1.0, random_state=0)


def of_digits(*layers: Any, shape: tuple[int, ...], **recipe: Any) -> Task:
    return Task((Rescaling(1 / 255), *layers), Source(shape, kind=BYTES), 10, digits, {"batch_size": 64} | recipe)


MAPS = (Conv2D(20, 5, activation="relu"), MaxPool2D(2, 2), Conv2D(50, 5, activation="relu"), MaxPool2D(2, 2))
TASKS = {
    "MNIST FC": of_digits(
        Dense(512, "relu"), Dense(512, "relu"), Dense(10), shape=(784,), learning_rate=0.001, epochs=10
    ),
    "MNIST LeNet": of_digits(
        *MAPS, Flatten(), Dense(500, "relu"), Dense(10), shape=(28, 28, 1), learning_rate=0.001, epochs=6
    ),
    "MNIST rows RNN": of_digits(SimpleRNN(128), Dense(10), shape=(28, 28), learning_rate=0.001, epochs=10),
    "JapaneseVowels LSTM": Task(
        (Bidirectional(LSTM(64)), Dense(9)),
        Source((29, 12), kind=STEPS),
        9,
        vowels,
        {"batch_size": 32, "learning_rate": 0.01, "epochs": 40},
    ),
}


def curve(name: str, taus: Sequence[int]) -> None:
    """Accuracy and bytes of a rank by tau: at as many steps as the exact fit makes, beside an exact fit of as many bytes,
    and at as many passes."""
    task = TASKS[name]
    epochs, rate = task.recipe["epochs"], task.recipe["learning_rate"]
    line("tau", "rate", "passes", "steps", "MB", "accuracy")
    told("replicas", 1.0, task.fitted(2))
    told(1, 1.0, task.fitted(2, 2))
    for tau in taus:
        few = max(1, round(epochs / tau))
        told(1, 1.0, task.fitted(2, 2, epochs=few))
        for passes, share in ((few, 1.0), (few, 1 / tau), (epochs, 1.0)):
            found = task.fitted(2, 2, sync_every=tau, epochs=passes, learning_rate=rate * share)
            told(tau, share, found)


def told(tau: Any, share: float, found: Fit) -> None:
    numbers = (f"{megabytes(found):.1f}", f"{100 * accuracy(found):.2f}")
    line(tau, f"{share:.3g}", len(found.history), found.clock["count"], *numbers)


def line(*words: Any) -> None:
    print("  ".join(f"{word:>10}" for word in map(str, words)), flush=True)


if __name__ == "__main__":
    name, *taus = sys.argv[1:]
    curve(name, [int(tau) for tau in taus] or TAUS)
