"""Malformed vectors, images and tokens: each is counted once under its sentence, and no kernel sees it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest

from spark_deepnet.data.decode.faults import MAX_SENTENCES, Faults
from spark_deepnet.data.decode.features import features_of
from spark_deepnet.data.decode.targets import targets_of, validation_of
from spark_deepnet.data.ragged import Ragged
from spark_deepnet.data.schema import IMAGE, STEPS, VECTOR, Columns, Source, Target
from spark_deepnet.data.table import Dense, Sparse
from spark_deepnet.errors import DataError
from spark_deepnet.layers.layer import Call
from spark_deepnet.layers.resizing import Resizing
from spark_deepnet.plan.architecture import InputSpec
from spark_deepnet.score.rows import one_row
from tests.cases.odd_rows import BIG, IMAGES, MALFORMED, TOKENS, WIDTH
from tests.data.frames import arrays, dense, sparse, vectors

VECTORS = Source((WIDTH,), name="f", kind=VECTOR)
WIDE = Source((5000,), name="f", kind=VECTOR)
PICTURES = Source((4, 6, 1), name="f", kind=IMAGE)
GOOD = np.eye(WIDTH)


def parts(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """As Arrow brings them."""
    kind, size, indices, values = row
    whole = indices is None or None not in indices
    index = None if indices is None else np.array(indices, np.int32 if whole else object)
    return kind, size, index, None if values is None else np.array(values, np.float32)


@pytest.mark.parametrize("beside", [[sparse(GOOD[1])], [dense(GOOD[1])], []], ids=["sparse", "dense", "alone"])
@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_vector_is_counted_and_stands_as_one_hole(name: str, beside: list[Any]) -> None:
    faults: Faults = Counter()
    found = features_of(vectors([*beside, parts(MALFORMED[name]), *beside]), VECTORS, faults)
    assert [(what[:43], count) for what, count in faults.items()] == [
        ("column 'f': rows of malformed vectors; a sp", 1)
    ]
    assert isinstance(found, Dense | Sparse)
    out = np.zeros((len(found), WIDTH), np.float32)
    found.take(np.arange(len(found)), out)
    rows = np.isnan(out).any(1).tolist()
    assert rows == [*(False for _ in beside), True, *(False for _ in beside)]
    if beside:
        np.testing.assert_array_equal(out[[0, -1]], GOOD[[1, 1]])


@pytest.mark.parametrize("kind", ["Int64", float])
def test_malformed_null_and_sound_vectors_side_by_side(kind: Any) -> None:
    rows = [
        sparse(GOOD[0]),
        (None,) * 4,
        *(parts(row) for row in MALFORMED.values()),
        dense(GOOD[2]),
        sparse(0 * GOOD[0]),
    ]
    frame = vectors(rows)
    for name in ("features type", "features size"):
        frame[name] = frame[name].astype(kind)
    faults: Faults = Counter()
    found = features_of(frame, VECTORS, faults)
    assert isinstance(found, Sparse)
    assert sorted(faults.values()) == [1, len(MALFORMED)]
    assert (found.columns >= 0).all()
    assert (found.columns < WIDTH).all()
    assert len(found.columns) == len(found.values) == found.starts[-1]


def test_rows_without_a_vector_of_a_wide_column_take_no_memory() -> None:
    found = features_of(vectors([(None,) * 4] * 3), WIDE, Counter())
    assert isinstance(found, Sparse)
    assert len(found.values) == 3
    assert isinstance(features_of(vectors([]), WIDE, Counter()), Dense)
    assert isinstance(features_of(vectors([(None,) * 4, dense(np.ones(5000))]), WIDE, Counter()), Dense)


def test_dense_and_sparse_rows_of_equal_values_have_equal_keys() -> None:
    """Also where an entry is kept that is 0, or a zero has a sign."""
    values = np.array([0.0, 2.0, -0.0, 3.0, 0, 0, 0, 0], np.float32)
    forms = [
        dense(values),
        sparse(values),
        (0, WIDTH, np.array([0, 1, 3], np.int32), values[[0, 1, 3]]),
        (0, WIDTH, np.array([1, 2, 3], np.int32), values[[1, 2, 3]]),
    ]
    keys = set()
    for form in forms:
        out = np.zeros(1, np.uint64)
        features_of(vectors([form]), VECTORS, Counter()).hash_into(out)
        keys.add(int(out[0]))
    assert len(keys) == 1


def images(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    height, width, channels, mode, data = (pd.Series(cells) for cells in zip(*rows, strict=True))
    told = {"x": data, "height": height, "width": width, "channels": channels, "mode": mode}
    told["origin"] = pd.Series([f"{i}.png" for i in range(len(rows))])
    return pd.DataFrame({f"features {name}": cells for name, cells in told.items()})


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_that_is_not_as_expected_is_counted(name: str) -> None:
    row, said = IMAGES[name]
    faults: Faults = Counter()
    found = features_of(images([(4, 6, 1, 0, bytes(range(24))), row]), PICTURES, faults)
    assert isinstance(found, Dense)
    assert found.matrix.tolist() == [list(range(24)), [0] * 24]
    assert [count for what, count in faults.items() if said in what] == [1] == list(faults.values())


def test_images_of_many_sizes_are_not_each_a_sentence() -> None:
    rows = [(4, 6 + i, 1, 0, bytes(1)) for i in range(1, 4 * MAX_SENTENCES)]
    faults: Faults = Counter()
    features_of(images(rows), PICTURES, faults)
    assert len(faults) == MAX_SENTENCES + 1
    assert sum(faults.values()) == len(rows)


def test_images_of_another_size_are_one_sentence_with_the_first_ones_file() -> None:
    faults: Faults = Counter()
    for _ in range(2):
        features_of(images([(4, 6, 1, 0, bytes(24)), *[(4, 7, 1, 0, bytes(28))] * 2]), PICTURES, faults)
    ((sentence, count),) = faults.items()
    assert count == 4
    assert (
        "shape (4, 7, 1), such as 1.png, but the first layer takes (4, 6, 1); begin layers with Resizing(4, 6)"
        in sentence
    )


def test_images_of_any_size_are_brought_to_one() -> None:
    """Each as the layer resizes it, in whole numbers; only images of other channels are counted."""
    rng, faults = np.random.default_rng(0), Counter[str]()
    pixels = [rng.integers(0, 256, (h, w, 3), np.uint8) for h, w in ((4, 6), (9, 5), (1, 1), (2, 20))]
    rows = [(*p.shape[:2], 3, 16, p.tobytes()) for p in pixels]
    for rgb in (False, True):
        source = Source((4, 6, 3), kind=IMAGE, resized=True, rgb=rgb)
        found = features_of(images([*rows, (2, 2, 1, 0, bytes(4)), (2, 2, 3, 16, bytes(5))]), source, faults)
        assert isinstance(found, Dense)
        for row, p in zip(found.matrix, pixels, strict=False):
            y = np.empty((1, 4, 6, 3), np.float32)
            Resizing(4, 6).forward({}, p[None].astype(np.float32), y, Call())
            np.testing.assert_array_equal(row.reshape(y.shape), np.rint(y[..., ::-1] if rgb else y))
    assert found.matrix[4:].tolist() == [[0] * 72] * 2
    assert sorted(faults.values()) == [2, 2]
    assert any("(2, 2, 1), such as 4.png, but the first layer takes images of 3 channels" in fault for fault in faults)


@pytest.mark.parametrize("kind", ["array", STEPS])
@pytest.mark.parametrize(("dtype", "numbers", "vocabulary", "expected", "said"), TOKENS)
def test_tokens_are_whole_numbers_or_refused(
    kind: str, dtype: Any, numbers: list[Any], vocabulary: int, expected: list[int], said: str
) -> None:
    source = Source((len(numbers),), name="f", kind=kind, tokens=vocabulary)
    cells = pd.Series([np.array(numbers, dtype)])
    faults: Faults = Counter()
    found = features_of(pd.DataFrame({"features x": cells}), source, faults)
    values = found.values if isinstance(found, Ragged) else found.matrix.reshape(-1)  # type: ignore[union-attr]
    assert values.dtype == np.int32
    assert values.tolist()[: len(expected)] == expected
    assert [said in what for what in faults] == [True] * bool(said)


LABELS = Target("y", classes=BIG + 1)


@pytest.mark.parametrize("steps", [False, True])
@pytest.mark.parametrize("dtype", [np.int64, np.float64])
def test_classes_are_whole_numbers(dtype: Any, steps: bool) -> None:
    target = Target("y", classes=BIG + 1, steps=steps)
    told = [BIG - 1, BIG, BIG - 2]
    labels = pd.Series([np.array(told, dtype)]) if steps else pd.Series(told, dtype=dtype)
    faults: Faults = Counter()
    found = targets_of(pd.DataFrame({"label": labels}), target, faults)
    values = found.values if isinstance(found, Ragged) else found
    assert (values.dtype, values.tolist(), dict(faults)) == (np.int32, told, {})
    wrong = pd.Series([np.array([2**53 + 1, 2], np.int64)]) if steps else pd.Series([2**53 + 1, 2])
    targets_of(pd.DataFrame({"label": wrong}), target, faults)
    assert [f"unknown labels such as {2**53 + 1};" in what for what in faults] == [True]


def test_labels_of_every_step_may_have_nulls() -> None:
    faults: Faults = Counter()
    target = Target("y", classes=3, steps=True)
    targets_of(pd.DataFrame({"label": pd.Series([np.array([1, None], object), np.array([2])])}), target, faults)
    assert [what for what in faults if "null labels" in what]
    assert list(faults.values()) == [1]


PAIRS = InputSpec((4, 2), steps=True)
SQUARE = InputSpec((2, 3))


@pytest.mark.parametrize(
    ("value", "entry", "said"),
    [
        (np.zeros((3, 2)), SQUARE, "expected a row of shape (2, 3), or flat, found (3, 2)"),
        (np.zeros((1, 2, 3)), SQUARE, "found (1, 2, 3)"),
        (np.float64(3), SQUARE, "found ()"),
        ([[1.0, 2.0], [3.0]], SQUARE, "ragged"),
        (["a", "b"], SQUARE, "expected numbers"),
        (np.zeros((5, 3)), PAIRS, "expected a row of shape ('any steps', 2), or flat, found (5, 3)"),
    ],
)
def test_predict_refuses_a_row_of_another_shape(value: Any, entry: InputSpec, said: str) -> None:
    with pytest.raises(DataError) as raised:
        one_row(value, entry)
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("value", "entry"),
    [(np.zeros((2, 3)), SQUARE), (np.zeros(6), SQUARE), ([[1, 2, 3], [4, 5, 6]], SQUARE), (np.zeros((7, 2)), PAIRS)],
)
def test_predict_takes_a_row_in_its_shape_or_flat(value: Any, entry: InputSpec) -> None:
    source, frame = one_row(value, entry)
    faults: Faults = Counter()
    assert len(features_of(frame, source, faults)) == 1
    assert not faults


def test_texts_of_shapes_are_counted() -> None:
    source = Source((2, 3), name="f", nested=True)
    frame = arrays([np.zeros(6), None, None, None]).assign(**{"features shape": ["", "(3, 2)", "(3, 2)", ""]})
    faults: Faults = Counter()
    features_of(frame, source, faults)
    assert {what[:60]: count for what, count in faults.items()} == {
        "column 'f': rows of shape (3, 2), but the first layer takes ": 2,
        "column 'f': null; fill or drop them first": 1,
    }


def test_null_marks_for_validation_are_refused() -> None:
    for marks in (pd.Series([True, None], dtype=object), pd.Series([True, None], dtype="boolean")):
        faults: Faults = Counter()
        found = validation_of(pd.DataFrame({"validation": marks}), Columns((), validation="v"), faults)
        assert found.tolist() == [True, False]
        assert list(faults.values()) == [1]
        assert "column 'v': null" in next(iter(faults))
