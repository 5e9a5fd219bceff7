"""A new member of a family is one file and one row of a table: tried in a scratch copy, where the laws accept a right one
and refuse a faulty one."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

ROOT = Path(__file__).parents[1]
OUTCOME = re.compile(r"^(PASSED|FAILED) \S*?::(\w+)\[(.*?)\]", re.MULTILINE)


@dataclass(frozen=True)
class Trial:
    """A member's file, its row, and what is wrong in its faulty twin, which is called Wrong."""

    name: str
    folder: str
    source: str
    table: str
    head: str
    """The line of the table under which the rows stand."""
    row: str
    laws: tuple[str, ...]
    right: str
    wrong: str
    """Stands in the place of ``right``."""
    broken: str
    """The law that the faulty twin breaks."""


STAR = Trial(
    "Star",
    "exchange/algorithms",
    '''"""All-reduce by one rank. Chosen by none but this test."""

from dataclasses import dataclass

from spark_deepnet.exchange.algorithms.algorithm import Algorithm
from spark_deepnet.exchange.channel import parts, pieces
from spark_deepnet.exchange.reduce import add_from


@dataclass(frozen=True, repr=False)
class Star(Algorithm, kind="star"):
    """2 steps, 2 (P - 1) N bytes at the root: rank 0 adds all vectors up and sends the sum to all."""

    def cost(self, hosts, nbytes):
        others = sum(hosts) - 1
        return 2 * (others > 0), 2 * others * nbytes

    def run(self, channel, vector, scratch):
        segments = parts(vector, pieces(vector.size, scratch))
        others = range(1, channel.size)
        if channel.rank == 0:
            for rank in others:
                add_from(channel, rank, segments, scratch)
            for rank in others:
                channel.send(rank, vector)
        else:
            for segment in segments:
                channel.send(0, segment)
            channel.receive(0, vector)
''',
    "algorithms.py",
    "ALGORITHMS = [",
    "AlgorithmCase(Star())",
    ("exchange/test_algorithms.py", "exchange/test_hosts.py", "exchange/test_costs.py"),
    "2 * others * nbytes",
    "others * nbytes",
    "test_on_one_host_bytes_are_the_formulas_and_steps_are_not_more",
)

BF16 = Trial(
    "BF16",
    "exchange/compressions",
    '''"""All-reduce of the upper halves of numbers. Chosen by none but this test."""

from dataclasses import dataclass

import numpy as np

from spark_deepnet.exchange.compressions.compression import Compression
from spark_deepnet.exchange.gather import all_gather


@dataclass(frozen=True, repr=False)
class BF16(Compression, kind="bf16"):
    """P - 1 steps, (P - 1)/2 N bytes a rank: the vector becomes the sum of values cut to 16 bits."""

    def cost(self, size, nbytes):
        return size - 1, (size - 1) * nbytes / 2

    def run(self, channel, vector, scratch, residual=None):
        messages = np.empty((channel.size, vector.size), np.uint16)
        messages[channel.rank] = vector.view(np.uint32) >> 16
        all_gather(channel, list(messages))
        addends = (messages.astype(np.uint32) << 16).view(np.float32)
        vector[:] = addends.sum(0)
''',
    "compressions.py",
    "COMPRESSIONS = [",
    "CompressionCase(BF16(), 2**-7, 2**-37)",
    ("exchange/test_compression.py", "exchange/test_costs.py"),
    "vector[:] = addends",
    "addends[channel.rank] = vector  # whole, while the others have it cut\n        vector[:] = addends",
    "test_nothing_is_lost_but_the_last_places",
)

SNAKE = Trial(
    "Snake",
    "layers",
    '''"""Snake (Ziyin, Hartwig and Ueda, NeurIPS 2020)."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spark_deepnet.layers.layer import Activation


@dataclass(frozen=True, repr=False)
class Snake(Activation, kind="snake"):
    """y = x + sin^2(a x) / a, any shape."""

    a: float = 1.0
    reads: ClassVar[str] = "x"

    def value(self, x, y):
        np.add(x, np.sin(self.a * x) ** 2 / self.a, out=y)

    def gradient(self, x, y, dy, dx):
        np.multiply(dy, 1 + np.sin(2 * self.a * x), out=dx)
''',
    "layers.py",
    "LAYERS = [",
    "LayerCase(Snake(2.0), (5,), lambda w, x: x + np.sin(2 * x) ** 2 / 2)",
    ("layers/test_laws.py",),
    "1 + np.sin(",
    "1 - np.sin(",
    "test_backward_is_the_gradient_of_forward",
)


def written(scratch: Path, trial: Trial, name: str, source: str, row: str) -> None:
    """Write one file and one row, with its import."""
    kind, package = name.lower(), trial.folder.replace("/", ".")
    (scratch / "spark_deepnet" / trial.folder / f"{kind}.py").write_text(source, encoding="utf-8")
    table = scratch / "tests" / "cases" / trial.table
    text = table.read_text(encoding="utf-8")
    assert text.count(trial.head) == 1
    imported = f"from spark_deepnet.{package}.{kind} import {name}"
    table.write_text(text.replace(trial.head, f"{imported}\n\n{trial.head}\n    {row},"), encoding="utf-8")


def outcomes(scratch: Path, trial: Trial) -> list[tuple[str, str, str]]:
    """(PASSED or FAILED, law, row) of all laws over the two new rows."""
    laws = [f"tests/{file}" for file in (*trial.laws, "test_registry.py")]
    select = f"{trial.name} or Wrong or test_every_kind"
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "--tb=no", "-p", "no:cacheprovider", "-k", select, *laws]
    done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr  # some tests fail, none is an error
    return OUTCOME.findall(done.stdout)


@pytest.mark.parametrize("trial", [STAR, BF16, SNAKE], ids=lambda trial: trial.name)
def test_one_file_and_one_row_are_a_new_member(tmp_path: Path, trial: Trial) -> None:
    for folder in ("spark_deepnet", "tests"):
        copytree(ROOT / folder, tmp_path / folder, ignore=ignore_patterns("benchmarks", "spark", "examples"))
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text(encoding="utf-8"), encoding="utf-8")
    wrong, kinds = trial.source.replace(trial.right, trial.wrong), (f'"{trial.name.lower()}"', '"wrong"')
    assert wrong != trial.source
    written(tmp_path, trial, trial.name, trial.source, trial.row)
    written(
        tmp_path,
        trial,
        "Wrong",
        wrong.replace(trial.name, "Wrong").replace(*kinds),
        trial.row.replace(trial.name, "Wrong"),
    )

    found = outcomes(tmp_path, trial)
    right = [(outcome, law) for outcome, law, row in found if "wrong" not in row.lower()]
    assert {outcome for outcome, _ in right} == {"PASSED"}
    assert {law for _, law in right} >= {trial.broken, "test_every_kind_is_in_a_table"}
    assert trial.broken in {law for outcome, law, row in found if outcome == "FAILED" and "wrong" in row.lower()}
