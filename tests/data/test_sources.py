"""Inputs in steps, bytes and tokens, and targets for every step: what comes out, and each fault under its sentence."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest

from spark_deepnet.data.decode.features import Faults, features_of
from spark_deepnet.data.decode.frame import table_of
from spark_deepnet.data.decode.targets import targets_of
from spark_deepnet.data.feed import fill_batch
from spark_deepnet.data.ragged import Ragged
from spark_deepnet.data.schema import ARRAY, BYTES, STEPS, VECTOR, Columns, Source, Target
from spark_deepnet.data.table import Dense, Sparse, Table
from spark_deepnet.net.net import INPUT, Net
from spark_deepnet.net.run import Runner
from tests.data.frames import NULL, arrays, dense, lists, matrix, ordered, sparse, vectors
from tests.data.shards import read_shard

NAN, INF = float("nan"), float("inf")
PAIRS = Source((4, 2), name="f", kind=STEPS)
WORDS = Source((4,), name="f", kind=STEPS, tokens=10)
NULLS = "column 'f': null; fill or drop them first"
STRANGE = "column 'f': NaN or infinite values; fill or drop them first"
UNEVEN = "column 'f': rows of {} numbers, which do not divide into steps of 2"
UNKNOWN = "column 'f': tokens such as {}; the embedding needs whole numbers from 0 to 9"


def own(found: Any) -> list[list[Any]]:
    assert isinstance(found, Ragged)
    return [found.values[a:b].tolist() for a, b in zip(found.starts[:-1], found.starts[1:], strict=True)]


STEPPED = [
    (PAIRS, [[1, 2, 3, 4], [], [5, 6]], [[[1, 2], [3, 4]], [], [[5, 6]]], {}),
    (PAIRS, [range(12)], [[[0, 1], [2, 3], [4, 5], [6, 7], [8, 9], [10, 11]]], {}),  # longer than the network's longest
    (PAIRS, [None, [1, 2], None], [[[NAN, NAN]], [[1, 2]], [[NAN, NAN]]], {NULLS: 2}),
    (
        PAIRS,
        [[1, 2, 3], [1, 2], [7]],
        [[[NAN, NAN]], [[1, 2]], [[NAN, NAN]]],
        {UNEVEN.format(3): 1, UNEVEN.format(1): 1},
    ),
    (PAIRS, [None, [1, NAN, INF, 2]], [[[NAN, NAN]], [[1, NAN], [INF, 2]]], {NULLS: 1, STRANGE: 2}),
    (PAIRS, [], [], {}),
    (WORDS, [[0, 9], [], [3]], [[0, 9], [], [3]], {}),
    (WORDS, [[0, 10, 1], [-1], [2]], [[0, -1, 1], [-1], [2]], {UNKNOWN.format(10): 2}),
    (WORDS, [[0.5], [2]], [[-1], [2]], {UNKNOWN.format(0.5): 1}),
    (WORDS, [None, [NAN, 12, INF]], [[-1], [-1, -1, -1]], {NULLS: 1, STRANGE: 2, UNKNOWN.format(12): 1}),
]


@pytest.mark.parametrize(("source", "rows", "expected", "faulty"), STEPPED)
def test_lists_become_rows_of_steps(
    source: Source, rows: list[Any], expected: list[Any], faulty: dict[str, int]
) -> None:
    faults: Faults = Counter()
    found = features_of(arrays(rows), source, faults)
    assert isinstance(found, Ragged)
    assert (found.values.dtype, found.values.shape[1:], len(found)) == (source.held_as, source.shape[1:], len(rows))
    for a, b in zip(own(found), expected, strict=True):
        np.testing.assert_array_equal(a, b)
    assert faults == faulty


TOKENS = [
    (ARRAY, arrays([[0, 9, 3], [10, 2, -4]])),
    (VECTOR, vectors([dense([0, 9, 3]), dense([10, 2, -4])])),
    (VECTOR, vectors([sparse([0, 9, 3]), sparse([10, 2, -4])])),
    (BYTES, pd.DataFrame({"features x": [bytes([0, 9, 3]), bytes([10, 2, 252])]})),
]


@pytest.mark.parametrize(("kind", "frame"), TOKENS)
def test_unknown_tokens_are_faults_and_marked_in_every_kind_of_column(kind: str, frame: pd.DataFrame) -> None:
    faults: Faults = Counter()
    found = features_of(frame, Source((3,), name="f", kind=kind, tokens=10), faults)
    assert isinstance(found, Dense)
    assert found.matrix.dtype == np.int32
    np.testing.assert_array_equal(found.matrix, [[0, 9, 3], [-1, 2, -1]])
    assert faults == {UNKNOWN.format(10): 2}


def test_null_tokens_are_one_fault_alone() -> None:
    for kind, frame in ((ARRAY, arrays([None, [1, 2, 3]])), (VECTOR, vectors([NULL, dense([1, 2, 3])]))):
        faults: Faults = Counter()
        features_of(frame, Source((3,), name="f", kind=kind, tokens=10), faults)
        assert faults == {NULLS: 1}


def test_bytes_stay_bytes() -> None:
    source = Source((2, 2), name="f", kind=BYTES)
    frame = pd.DataFrame({"features x": [bytes([0, 255, 3, 4]), None, bytes(3), bytearray([9, 8, 7, 6])]})
    faults: Faults = Counter()
    found = features_of(frame, source, faults)
    assert isinstance(found, Dense)
    assert found.matrix.dtype == np.uint8
    assert found.matrix.tolist() == [[0, 255, 3, 4], [0] * 4, [0] * 4, [9, 8, 7, 6]]
    short = "column 'f': rows of length 3, but the first layer takes 4; give layers or inputShape for 3, or rows of length 4"
    assert faults == {NULLS: 1, short: 1}
    np.testing.assert_array_equal(matrix(found), found.matrix)


CLASSES = Columns((PAIRS,), (Target("y", classes=3, steps=True),))
NUMBERS = Columns((PAIRS,), (Target("y", labels=2, steps=True),))
YES = Columns((PAIRS,), (Target("y", labels=1, indicators=True, steps=True),))
RANGE = "the network's 3 outputs need whole numbers from 0 to 2"
COUNTED = ": classes count from 0 (StringIndexer makes 0..k-1 of any labels)"
MEANT = "; for regression end layers in Dense(1) under a loss such as 'squared'"
MISSING = "column 'y': null, NaN or infinite targets; fill or drop them first"
TARGETS = [
    (CLASSES, [[0, 2], [], [1]], [[0, 2], [], [1]], {}),
    (CLASSES, [], [], {}),
    (CLASSES, [None, [1]], [[], [1]], {"column 'y': null, but every step needs a target": 1}),
    (
        CLASSES,
        [[0, NAN], [3, 0.5]],
        [[0, 0], [0, 0]],
        {
            f"column 'y': null labels; {RANGE}": 1,
            f"column 'y': unknown labels such as 3; {RANGE}{COUNTED}": 1,
            f"column 'y': fractional labels such as 0.5; {RANGE}{MEANT}": 1,
        },
    ),
    (NUMBERS, [[1, 2, 3, 4], [], [5, 6]], [[[1, 2], [3, 4]], [], [[5, 6]]], {}),
    (NUMBERS, [], [], {}),
    (
        NUMBERS,
        [[1, 2, 3], [INF, 2]],
        [[], [[0, 2]]],
        {
            "column 'y': 3 numbers, which do not divide into steps of 2, but every step needs a target": 1,
            MISSING: 1,
        },
    ),
    (
        YES,
        [[0, 1], [0.5, 2]],
        [[[0], [1]], [[0.5], [0]]],
        {"column 'y': labels such as 2 outside 0..1; the loss needs 0 for no, 1 for yes": 1},
    ),
]


@pytest.mark.parametrize(("columns", "labels", "expected", "faulty"), TARGETS)
def test_every_step_has_a_target(
    columns: Columns, labels: list[Any], expected: list[Any], faulty: dict[str, int]
) -> None:
    faults: Faults = Counter()
    found = targets_of(pd.DataFrame({"label": lists(labels)}), columns.targets[0], faults)
    assert own(found) == expected
    assert isinstance(found, Ragged)
    assert found.values.dtype == columns.targets[0].dtype
    assert found.values.shape[1:] == ((columns.targets[0].labels,) if columns.targets[0].labels else ())
    assert faults == faulty


def counted(columns: Columns, rows: list[Any], labels: list[Any]) -> dict[str, int]:
    faults: Faults = Counter()
    table_of(arrays(rows, label=lists(labels)), columns, faults)
    return dict(faults)


FIXED = Columns((Source((2, 2), name="f"),), (Target("y", classes=3, steps=True),))
MATCHED = [
    (CLASSES, [[1, 2, 3, 4], [], [5, 6]], [[0, 2], [], [1]], 0),
    (CLASSES, [[1, 2, 3, 4], [], [5, 6]], [[0, 2, 1], [], [1]], 1),
    (CLASSES, [[1, 2, 3, 4], [], [5, 6]], [[0], [1], []], 3),
    (FIXED, [[1, 2, 3, 4], [5, 6, 7, 8]], [[0, 2], [1, 1]], 0),
    (FIXED, [[1, 2, 3, 4], [5, 6, 7, 8]], [[0, 2], [1]], 1),
]


@pytest.mark.parametrize(("columns", "rows", "labels", "count"), MATCHED)
def test_targets_are_as_many_as_steps(columns: Columns, rows: list[Any], labels: list[Any], count: int) -> None:
    found = counted(columns, rows, labels)
    assert sum(found.values()) == count
    assert all(what.startswith("column 'y': rows with ") for what in found)


def test_other_faults_go_before_the_number_of_targets() -> None:
    assert list(counted(CLASSES, [None, [1, 2]], [[0, 1], [0]])) == [NULLS]


MANY = Columns(
    (
        Source((3,), "plain", "p"),
        Source((3,), "mixed", "m", VECTOR),
        Source((2, 2), "image", "i", BYTES),
        Source((5, 2), "pairs", "s", STEPS),
    ),
    (Target("y", classes=2),),
)


def frame_of_many(n: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, 3, (n, 3)).astype(float)
    wrapped = vectors([(dense, sparse)[i % 2](row) for i, row in enumerate(rows)])
    return pd.DataFrame(
        {
            "plain x": lists(list(rng.normal(size=(n, 3)))),
            "image x": [rng.bytes(4) for _ in range(n)],
            "pairs x": lists([rng.normal(size=2 * rng.integers(0, 5)) for _ in range(n)]),
            "label": rng.integers(0, 2, n).astype(float),
        }
        | {name.replace(INPUT, "mixed"): values for name, values in wrapped.items()}
    )


def test_several_sources_are_read_side_by_side() -> None:
    faults: Faults = Counter()
    table = table_of(frame_of_many(9), MANY, faults)
    assert not faults
    kinds = {name: type(found) for name, found in table.features.items()}
    assert kinds == {"plain": Dense, "mixed": Sparse, "image": Dense, "pairs": Ragged}
    assert all(len(found) == 9 for found in table.features.values())


def test_a_fault_bears_the_name_of_its_column() -> None:
    frame = frame_of_many(4)
    frame.at[1, "plain x"] = None
    frame.at[2, "image x"] = None
    frame.at[3, "pairs x"] = np.array([NAN, 1], np.float32)
    faults: Faults = Counter()
    table_of(frame, MANY, faults)
    assert {what[:10]: count for what, count in faults.items()} == {"column 'p'": 1, "column 'i'": 1, "column 's'": 1}


@pytest.mark.parametrize("cuts", [[], [4], [0, 3, 3, 8]], ids=str)
def test_a_shard_of_several_sources_does_not_depend_on_the_frames(cuts: list[int]) -> None:
    frame = frame_of_many(12)
    whole = read_shard([frame], MANY)
    order = np.random.default_rng(5).permutation(12)
    found = read_shard([frame.iloc[part] for part in np.split(order, cuts)], MANY)
    a, b = ordered(found.train), ordered(whole.train)
    np.testing.assert_array_equal(a.keys(), b.keys())
    for name in ("plain", "mixed", "image"):
        np.testing.assert_array_equal(matrix(a.features[name]), matrix(b.features[name]))  # type: ignore[arg-type]
    assert own(a.features["pairs"]) == own(b.features["pairs"])


@pytest.mark.parametrize("frames", [[], [frame_of_many(0)]], ids=["no frame", "an empty frame"])
@pytest.mark.parametrize("steps", [False, True])
def test_a_rank_may_have_no_rows_of_several_sources(frames: list[pd.DataFrame], steps: bool) -> None:
    shard = read_shard(frames, Columns(MANY.sources, (Target("y", classes=2, steps=steps),)))
    assert (len(shard.train), shard.fingerprint, dict(shard.faults)) == (0, 0, {})
    image = ordered(shard.train).features["image"]
    assert isinstance(image, Dense)
    assert image.matrix.dtype == np.uint8


def test_a_batch_is_as_long_as_its_longest_row() -> None:
    net = Net.of([{"kind": "dense", "units": 1}], {INPUT: (4, 2)})
    runner = Runner(net, np.zeros(64, np.float32), 8)
    found = features_of(arrays([[1, 2, 3, 4, 5, 6], [], [7, 8]]), PAIRS, Counter())
    for rows, lengths, expected in (
        ([0, 2], [3, 1], [[[1, 2], [3, 4], [5, 6]], [[7, 8], [0, 0], [0, 0]]]),
        ([2, 1], [1, 0], [[[7, 8]], [[0, 0]]]),
        ([1], [0], [[[0, 0]]]),
    ):
        batch, told = fill_batch(runner, {INPUT: found}, np.array(rows))
        assert told[INPUT].tolist() == lengths
        assert told[INPUT].dtype == np.int32
        assert batch.feed[INPUT].tolist() == expected
    batch, told = fill_batch(runner, {INPUT: found}, np.zeros(0, np.int64))
    assert (batch.feed[INPUT].shape, told[INPUT].shape) == ((0, 1, 2), (0,))


def test_rows_of_fixed_shape_are_fed_without_lengths() -> None:
    net = Net.of([{"kind": "flatten"}, {"kind": "dense", "units": 1}], {INPUT: (2, 2)})
    runner = Runner(net, np.zeros(64, np.float32), 8)
    batch, lengths = fill_batch(runner, {INPUT: Dense(np.arange(12, dtype=np.uint8).reshape(3, 4))}, np.array([2, 0]))
    assert lengths == {}
    assert batch.feed[INPUT].tolist() == [[[8, 9], [10, 11]], [[0, 1], [2, 3]]]


def test_a_table_of_several_sources_is_picked_and_joined() -> None:
    faults: Faults = Counter()
    table = table_of(frame_of_many(10), MANY, faults)
    index = np.array([7, 0, 7])
    picked = table.picked(index)
    np.testing.assert_array_equal(picked.keys(), table.keys()[index])
    np.testing.assert_array_equal(Table.joined([picked, table]).keys(), np.append(picked.keys(), table.keys()))
