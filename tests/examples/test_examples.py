"""The examples run by themselves, on data that comes with a package, and come to what they promise; and on real data,
in the folder that the environment variable DATASETS names, where it is there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
DATASETS = Path(os.environ.get("DATASETS", EXAMPLES.parent / "../shared/data")).resolve()
PROMISED = [
    ("digits.py --master local[2]", 0.97),
    pytest.param("vowels.py", 0.95, marks=pytest.mark.slow),
    ("own_layer.py", 0.97),
    pytest.param("lenet.py", 0.96, marks=pytest.mark.slow),
    pytest.param("rows.py", 0.95, marks=pytest.mark.slow),
    pytest.param("rows.py --layer simple_rnn", 0.93, marks=pytest.mark.slow),
]
ON_REAL_DATA = [
    ("digits.py --master local[2] --data", "mnist", 0.975),
    ("lenet.py --data", "mnist", 0.990),
    ("rows.py --data", "mnist", 0.98),
    ("rows.py --layer simple_rnn --data", "mnist", 0.95),
    ("cifar10.py --data", "cifar10", 0.62),
    ("census.py --data", "adult", 0.85),
]


@pytest.mark.parametrize(("command", "least"), PROMISED)
def test_an_example_is_as_accurate_as_promised(command: str, least: float, tmp_path: Path) -> None:
    assert accuracy(told(command, tmp_path)) >= least


def test_a_caffe_nets_features_are_better_than_pixels(tmp_path: Path) -> None:
    """Saved and loaded they are the same; a new top on the frozen net is as good."""
    text = told("caffe_features.py", tmp_path)
    pixels, features = (float(number) for number in re.findall(r"on (?:pixels|features): (\d\.\d+)", text))
    loaded, top = (float(number) for number in re.findall(r"accuracy .*? (\d\.\d+)", text))
    assert features > pixels + 0.2
    assert loaded == features
    assert min(features, top) > 0.75
    assert "started from conv1/W, conv1/b, conv2/W, conv2/b\n" in text


@pytest.mark.slow
@pytest.mark.parametrize(("command", "data", "least"), ON_REAL_DATA)
def test_and_on_real_data(command: str, data: str, least: float, tmp_path: Path) -> None:
    assert accuracy(told(command, tmp_path, given(data))) >= least


@pytest.mark.slow
def test_characters_are_predicted_better_than_by_their_frequency(tmp_path: Path) -> None:
    assert nats(told("characters.py --epochs 2 --units 64", tmp_path)) < 3.0


@pytest.mark.slow
def test_characters_of_shakespeare_are_predicted(tmp_path: Path) -> None:
    assert nats(told("characters.py --text", tmp_path, given("text/tinyshakespeare.txt.gz"))) < 1.8


def test_the_binary_version_of_cifar10_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(EXAMPLES)
    chance = np.random.default_rng(0)
    pictures, labels = chance.integers(0, 256, (5, 32, 32, 3), np.uint8), np.arange(5, dtype=np.uint8)
    rows = np.hstack([labels[:, None], pictures.transpose(0, 3, 1, 2).reshape(5, -1)])
    for name, part in (("data_batch_1", rows[:2]), ("data_batch_2", rows[2:4]), ("test_batch", rows[4:])):
        part.tofile(tmp_path / f"{name}.bin")
    train, train_labels, test, test_labels = import_module("cifar10").cifar10(tmp_path)
    np.testing.assert_array_equal(np.concatenate([train, test]), pictures)
    np.testing.assert_array_equal(np.concatenate([train_labels, test_labels]), labels)


def test_data_that_is_not_there_is_asked_for_in_one_sentence(tmp_path: Path) -> None:
    done = run("cifar10.py", tmp_path)
    assert done.returncode == 1
    assert re.fullmatch(r"There is no CIFAR-10 .*cifar\.html.*--data\.\n", done.stderr)


def given(name: str) -> str:
    """Where that data is."""
    if not (DATASETS / name).exists():
        pytest.skip(f"there is no {DATASETS / name}: set the environment variable DATASETS to a folder that has {name}")
    return str(DATASETS / name)


def accuracy(text: str) -> float:
    """The lowest that an example tells."""
    return min(float(number) for number in re.findall(r"accuracy.*? (\d\.\d+)", text))


def nats(text: str) -> float:
    (number,) = re.findall(r"(\d\.\d+) nats", text)
    return float(number)


def told(command: str, folder: Path, *more: str) -> str:
    """What an example prints."""
    done = run(command, folder, *more)
    assert done.returncode == 0, done.stderr
    return done.stdout


def run(command: str, folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    script, *arguments = command.split()
    whole = [sys.executable, str(EXAMPLES / script), *arguments, *more]
    return subprocess.run(whole, cwd=folder, capture_output=True, text=True, timeout=1200)
