"""Frames to arrays: the numbers that come out, and each fault counted once under its sentence."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest

from spark_deepnet.data.decode.features import Faults, features_of
from spark_deepnet.data.decode.frame import table_of
from spark_deepnet.data.decode.targets import targets_of, weights_of
from spark_deepnet.data.schema import Columns, Target
from spark_deepnet.data.table import Dense, Sparse
from tests.data.frames import NULL, arrays, dense, matrix, sources, sparse, vectors

ARRAYS = Columns(sources(3, "f"), (Target("y", classes=2),))
VECTORS = Columns(sources(3, "f", vectors=True), (Target("y", classes=2),))
ROWS = np.array([[1, 0, 2], [0, 0, 0], [0, -1.5, 0]], np.float32)
NAN, INF = float("nan"), float("inf")

NULLS = "column 'f': null; fill or drop them first"
SHORT = (
    "column 'f': rows of length 2, but the first layer takes 3; give layers or inputShape for 2, or rows of length 3"
)
STRANGE = "column 'f': NaN or infinite values; fill or drop them first"


def found(read: Any, frame: pd.DataFrame, columns: Any) -> tuple[Any, dict[str, int]]:
    faults: Faults = Counter()
    return read(frame, columns, faults), dict(faults)


GOOD = [
    (ARRAYS, arrays(list(ROWS)), Dense),
    (ARRAYS, arrays([row.astype(np.float64) for row in ROWS]), Dense),
    (VECTORS, vectors([dense(row) for row in ROWS]), Dense),
    (VECTORS, vectors([sparse(row) for row in ROWS]), Sparse),
    (VECTORS, vectors([dense(ROWS[0]), sparse(ROWS[1]), sparse(ROWS[2])]), Sparse),
    (VECTORS, vectors([sparse(ROWS[0]), sparse(ROWS[1]), dense(ROWS[2])]), Sparse),
]


@pytest.mark.parametrize(("columns", "frame", "kind"), GOOD)
def test_features_come_out_as_they_went_in(columns: Columns, frame: pd.DataFrame, kind: type) -> None:
    features, faults = found(features_of, frame, columns.sources[0])
    assert (type(features), faults) == (kind, {})
    np.testing.assert_array_equal(matrix(features), ROWS)


@pytest.mark.parametrize(("columns", "frame"), [(ARRAYS, arrays([])), (VECTORS, vectors([]))])
def test_no_rows_are_no_fault(columns: Columns, frame: pd.DataFrame) -> None:
    features, faults = found(features_of, frame, columns.sources[0])
    assert (len(features), features.width, faults) == (0, 3, {})


BAD = [
    (ARRAYS, arrays([[1, 2, 3], None, None]), {NULLS: 2}),
    (ARRAYS, arrays([[1, 2], [1, 2, 3], [1, 2]]), {SHORT: 2}),
    (ARRAYS, arrays([[1, 2, 3], [NAN, 2, INF]]), {STRANGE: 2}),
    (ARRAYS, arrays([None, [1, 2], [-INF, NAN, NAN]]), {NULLS: 1, SHORT: 1, STRANGE: 3}),
    (VECTORS, vectors([NULL, dense([1, 2, 3])]), {NULLS: 1}),
    (VECTORS, vectors([NULL, NULL]), {NULLS: 2}),
    (VECTORS, vectors([dense([1, 2]), dense([1, 2, NAN])]), {SHORT: 1, STRANGE: 1}),
    (VECTORS, vectors([NULL, sparse([1, 0, 3])]), {NULLS: 1}),
    (VECTORS, vectors([sparse([1, 0]), sparse([1, 0, 3])]), {SHORT: 1}),
    (VECTORS, vectors([sparse([NAN, 0, INF]), sparse([1, 0, 3])]), {STRANGE: 2}),
    (VECTORS, vectors([dense([1, 2]), sparse([1, 0, 3]), dense([1, 2, 3])]), {SHORT: 1}),
    (
        VECTORS,
        vectors([NULL, dense([NAN, 2, 3]), sparse([1, 0]), sparse([0, 0, INF])]),
        {NULLS: 1, SHORT: 1, STRANGE: 2},
    ),
]


@pytest.mark.parametrize(("columns", "frame", "expected"), BAD)
def test_each_bad_row_or_value_is_counted_once(columns: Columns, frame: pd.DataFrame, expected: Faults) -> None:
    features, faults = found(features_of, frame, columns.sources[0])
    assert faults == expected
    assert len(features) == len(frame)


def test_rows_that_are_null_or_misfit_are_marked_with_nan() -> None:
    for columns, frame in (
        (ARRAYS, arrays([None, [1, 2, 3], [1, 2]])),
        (VECTORS, vectors([NULL, dense([1, 2, 3]), dense([1, 2])])),
        (VECTORS, vectors([NULL, sparse([1, 2, 3]), dense([1, 2])])),
    ):
        features, _ = found(features_of, frame, columns.sources[0])
        assert np.isnan(matrix(features)).any(1).tolist() == [True, False, True]


def labels_and(*values: Any) -> pd.DataFrame:
    return pd.DataFrame({"label": values})


CLASSES = "the network's 3 outputs need whole numbers from 0 to 2"
MEANT = "; for regression end layers in Dense(1) under a loss such as 'squared'"
COUNTED = ": classes count from 0 (StringIndexer makes 0..k-1 of any labels)"
LABELS = [
    (labels_and(0.0, 2.0, 1.0), [0, 2, 1], {}),
    (labels_and(0, 2, 1), [0, 2, 1], {}),
    (labels_and(0.0, None, NAN), [0, 0, 0], {f"column 'y': null labels; {CLASSES}": 2}),
    (labels_and(0.5, 2.0, 1.5), [0, 2, 0], {f"column 'y': fractional labels such as 0.5; {CLASSES}{MEANT}": 2}),
    (
        labels_and(1.0, 3.0, 2.0),
        [1, 0, 2],
        {f"column 'y': unknown labels such as 3; {CLASSES}{COUNTED}": 1},
    ),
    (labels_and(3.0, -1.0, 1.0), [0, 0, 1], {f"column 'y': unknown labels such as 3; {CLASSES}": 2}),
    (labels_and(INF, 1.0), [0, 1], {f"column 'y': unknown labels such as inf; {CLASSES}": 1}),
    (
        labels_and(None, 0.1, 9.0),
        [0, 0, 0],
        {
            f"column 'y': null labels; {CLASSES}": 1,
            f"column 'y': fractional labels such as 0.1; {CLASSES}{MEANT}": 1,
            f"column 'y': unknown labels such as 9; {CLASSES}": 1,
        },
    ),
]


@pytest.mark.parametrize(("frame", "labels", "expected"), LABELS)
def test_labels_are_classes(frame: pd.DataFrame, labels: list[int], expected: dict[str, int]) -> None:
    targets, faults = found(targets_of, frame, Target("y", classes=3))
    assert (targets.dtype, targets.tolist(), faults) == (np.int32, labels, expected)


ONE = Target("y", labels=1)
TWO = Target("y", labels=2)
YES = Target("y", labels=2, indicators=True)
LONE = Target("y", labels=1, indicators=True)
COUNTS = Target("y", labels=1, least=0.0)
BELOW = "column 'y': targets such as -3 below 0; the loss needs numbers of 0 or more"
MISSING = "column 'y': null, NaN or infinite targets; fill or drop them first"
OUTSIDE = "column 'y': labels such as {} outside 0..1; the loss needs 0 for no, 1 for yes"
TARGETS = [
    (ONE, [1.5, -2.0], [[1.5], [-2.0]], {}),
    (ONE, [3, 4], [[3], [4]], {}),
    (ONE, [1.5, None, INF], [[1.5], [0], [0]], {MISSING: 2}),
    (LONE, [0.0, 1.0, 2.0, NAN], [[0], [1], [0], [0]], {MISSING: 1, OUTSIDE.format(2): 1}),
    (TWO, [[1, 2], [3, -4]], [[1, 2], [3, -4]], {}),
    (TWO, [[1, 2], None, [NAN, 1]], [[1, 2], [0, 0], [0, 0]], {MISSING: 2}),
    (TWO, [[1, 2, 3], [1, 2]], [[0, 0], [1, 2]], {"column 'y': 3 targets per row, but the network has 2 outputs": 1}),
    (YES, [[0, 1], [0.5, 1]], [[0, 1], [0.5, 1]], {}),
    (YES, [[0, 1], [0.5, -2], [7, 0]], [[0, 1], [0, 0], [0, 0]], {OUTSIDE.format(-2): 2}),
    (YES, [None, None], [[0, 0], [0, 0]], {MISSING: 2}),
    (ONE, [1e9 + 1, 1e9 + 2], [[1e9 + 1], [1e9 + 2]], {}),
    (
        ONE,
        [1e39, 1.0],
        [[0], [1]],
        {"column 'y': targets such as 1e+39 beyond the range of float32, the type of predictions; scale them": 1},
    ),
    (COUNTS, [0.0, 2.5, -3.0, NAN], [[0], [2.5], [0], [0]], {MISSING: 1, BELOW: 1}),
]


@pytest.mark.parametrize(("target", "values", "expected", "faulty"), TARGETS)
def test_targets_are_numbers(target: Target, values: list[Any], expected: Any, faulty: dict[str, int]) -> None:
    lists = [None if v is None or np.ndim(v) == 0 else np.asarray(v, np.float32) for v in values]
    series = pd.Series(values, dtype=float) if target.labels == 1 else pd.Series(lists, dtype=object)
    targets, faults = found(targets_of, pd.DataFrame({"label": series}), target)
    assert (targets.dtype, targets.tolist(), faults) == (target.dtype, expected, faulty)


def test_no_rows_give_targets_of_their_shape() -> None:
    for target, shape in ((ONE, (0, 1)), (TWO, (0, 2)), (ARRAYS.targets[0], (0,))):
        for series in (pd.Series([], dtype=float), pd.Series([], dtype=object))[target.labels > 1 :]:
            assert targets_of(pd.DataFrame({"label": series}), target, Counter()).shape == shape


def test_weights_are_at_least_0() -> None:
    columns = Columns(sources(3), weight="w")
    weights, faults = found(weights_of, pd.DataFrame({"weight": [0.0, 2.0, -1.0, NAN, INF, None]}), columns)
    assert weights.tolist() == [0, 2, 0, 0, 0, 0]
    assert weights.dtype == np.float64
    assert faults == {"column 'w': negative, null or infinite weights; they must be 0 or more": 4}


def test_without_a_weight_column_every_row_weighs_1() -> None:
    assert weights_of(pd.DataFrame({"label": [1, 2]}), ARRAYS, Counter()).tolist() == [1, 1]


@pytest.mark.parametrize("flags", [[True, False, None], np.array([True, False, False]), [None, None, None]])
def test_validation_rows_are_those_that_are_true(flags: Any) -> None:
    columns = Columns(sources(3), (Target("y", classes=2),), validation="v")
    frame = arrays(list(ROWS), label=[0.0, 1.0, 1.0], validation=flags)
    table = table_of(frame, columns, Counter())
    assert table.validation.dtype == bool
    assert table.validation.tolist() == [flag is not None and bool(flag) for flag in flags]
