"""Rows of different numbers of steps: what comes out is each row's own, and keys are of the content alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spark_deepnet.data.ragged import Ragged
from spark_deepnet.data.table import Dense, Features, Table
from spark_deepnet.net.net import INPUT

LENGTHS = [3, 0, 1, 5, 2, 1, 0, 4]
SHAPES = [(), (2,), (2, 3)]
INDICES = [[0, 1, 2], [7, 3, 3, 0], [], [1], [1, 6], list(range(8))]
each_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)
each_kind = pytest.mark.parametrize("kind", [np.float32, np.int32])


def rows_of(shape: tuple[int, ...], lengths: list[int] = LENGTHS, kind: Any = np.float32) -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [rng.integers(-2, 9, (length, *shape)).astype(kind) for length in lengths]


def ragged(rows: list[np.ndarray]) -> Ragged:
    return Ragged(np.concatenate(rows), np.concatenate(([0], np.cumsum([len(row) for row in rows], dtype=np.int64))))


def own(found: Ragged) -> list[list[Any]]:
    return [found.values[a:b].tolist() for a, b in zip(found.starts[:-1], found.starts[1:], strict=True)]


@each_shape
@each_kind
@pytest.mark.parametrize("index", INDICES, ids=str)
def test_take_gives_the_rows_padded_with_zeros(shape: tuple[int, ...], kind: Any, index: list[int]) -> None:
    rows = rows_of(shape, kind=kind)
    out = np.full((len(index), 6, *shape), 99, np.float32)
    ragged(rows).take(np.array(index, np.int64), out)
    for found, i in zip(out, index, strict=True):
        np.testing.assert_array_equal(found[: LENGTHS[i]], rows[i])
        assert not found[LENGTHS[i] :].any()


@each_shape
@pytest.mark.parametrize("index", INDICES, ids=str)
def test_picked_rows_are_their_own(shape: tuple[int, ...], index: list[int]) -> None:
    rows = rows_of(shape)
    picked = ragged(rows).picked(np.array(index, np.int64))
    assert (len(picked), picked.lengths.dtype) == (len(index), np.int32)
    assert picked.lengths.tolist() == [LENGTHS[i] for i in index]
    assert own(picked) == [rows[i].tolist() for i in index]
    assert picked.values.shape[1:] == shape


@each_shape
@pytest.mark.parametrize("cuts", [[], [3], [0, 1, 2, 8], [4, 4]], ids=str)
def test_joined_parts_hold_all_rows_in_order(shape: tuple[int, ...], cuts: list[int]) -> None:
    whole = ragged(rows_of(shape))
    parts = [whole.picked(part) for part in np.split(np.arange(8), cuts)]
    joined = Ragged.joined(parts)
    assert own(joined) == own(whole)
    np.testing.assert_array_equal(joined.starts, whole.starts)


@each_shape
def test_rows_without_steps_are_rows(shape: tuple[int, ...]) -> None:
    for count in (0, 3):
        found = ragged([np.zeros((0, *shape), np.float32)] * (count + 1)).picked(np.arange(count))
        out = np.full((count, 2, *shape), 9, np.float32)
        found.take(np.arange(count), out)
        assert not out.any()
        assert len(Ragged.joined([found, found])) == 2 * count
        assert table(found).keys().shape == (count,)


def table(features: Features, targets: Any = None, **more: Features) -> Table:
    n = len(features)
    targets = np.zeros(n, np.int32) if targets is None else targets
    return Table({INPUT: features} | more, (targets,), np.ones(n, np.float32), np.zeros(n, bool))


@each_shape
@each_kind
def test_keys_are_of_the_content_alone(shape: tuple[int, ...], kind: Any) -> None:
    whole = table(ragged(rows_of(shape)), ragged(rows_of(shape, kind=kind)))
    order, keys = np.random.default_rng(1).permutation(8), whole.keys()
    np.testing.assert_array_equal(whole.picked(order).keys(), keys[order])
    for i in range(8):
        assert whole.picked(np.array([i])).keys() == keys[i], (
            "what else lies in the table, and its padding, is no matter"
        )
    np.testing.assert_array_equal(Table.joined([whole, whole]).keys(), np.tile(keys, 2))


ZEROS = [np.zeros((length, 2), np.float32) for length in range(6)]


def test_rows_of_other_lengths_have_other_keys_even_where_all_is_zero() -> None:
    assert len(set(table(ragged(ZEROS)).keys())) == 6
    features = ragged([ZEROS[3]] * 6)
    assert len(set(table(features, ragged(ZEROS)).keys())) == 6
    across = table(ragged([ZEROS[2], ZEROS[3]]), other=ragged([ZEROS[3], ZEROS[2]]))
    assert len(set(across.keys())) == 2


def test_rows_that_differ_in_order_or_cut_have_other_keys() -> None:
    steps = np.array([[1, 2], [3, 4]], np.float32)
    found = [
        steps,
        steps[::-1],
        steps[:, ::-1],
        steps[:1],
        np.concatenate([steps, ZEROS[1]]),
        np.concatenate([ZEROS[1], steps]),
    ]
    assert len(set(table(ragged(found)).keys())) == 6


def test_the_same_entries_in_another_input_give_another_key() -> None:
    one, none = Dense(np.array([[1, 0], [0, 0]], np.float32)), Dense(np.array([[0, 0], [1, 0]], np.float32))
    assert len(set(table(one, other=none).keys())) == 2


def test_bytes_have_keys_of_their_content() -> None:
    found = np.random.default_rng(0).integers(0, 256, (9, 5)).astype(np.uint8)
    keys = table(Dense(found)).keys()
    assert len(set(keys)) == 9
    np.testing.assert_array_equal(table(Dense(found[::-1])).keys(), keys[::-1])
    assert table(Dense(found)).picked(np.arange(2)).features[INPUT].matrix.dtype == np.uint8  # type: ignore[union-attr]


def test_mass_counts_the_steps_that_have_targets() -> None:
    targets, weights = ragged(rows_of((), kind=np.int32)), np.arange(8, dtype=np.float32)
    features = {INPUT: Dense(np.zeros((8, 1), np.float32))}
    one, each = Table(features, (np.zeros(8, np.int32), targets), weights, np.zeros(8, bool)).loss_weights
    assert one.tolist() == weights.tolist()
    assert each.tolist() == [w * n for w, n in zip(weights, LENGTHS, strict=True)]
