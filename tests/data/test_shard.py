"""A rank's rows: the same rows give the same shard, however Spark cuts and orders them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from spark_deepnet.data.schema import Columns, Target
from spark_deepnet.data.shard import Shard
from spark_deepnet.net.net import INPUT
from tests.data.frames import arrays, dense, matrix, ordered, sources, sparse, vectors
from tests.data.shards import read_shard

COLUMNS = Columns(sources(3, "f"), (Target("y", classes=2),), weight="w", validation="v")
RNG = np.random.default_rng(2)
N = 30
ROWS = RNG.normal(size=(N, 3)).astype(np.float32)
ROWS[::3, 1:] = 0
LABELS, WEIGHTS, FLAGS = RNG.integers(0, 2, N).astype(float), RNG.random(N), RNG.random(N) < 0.3


def frame_of(index: np.ndarray) -> pd.DataFrame:
    return arrays(list(ROWS[index]), label=LABELS[index], weight=WEIGHTS[index], validation=FLAGS[index])


def same(a: Shard, b: Shard) -> None:
    for p, q in ((ordered(a.train), ordered(b.train)), (ordered(a.valid), ordered(b.valid))):
        np.testing.assert_array_equal(p.keys(), q.keys())
        np.testing.assert_array_equal(matrix(p.features[INPUT]), matrix(q.features[INPUT]))
        for own, other in zip(p.targets, q.targets, strict=True):
            np.testing.assert_array_equal(own, other)
        np.testing.assert_array_equal(p.weights, q.weights)
    assert a.fingerprint == b.fingerprint


@pytest.mark.parametrize("cuts", [[], [10], [1, 2, 3, 29], [0, 15, 15, 30]], ids=str)
def test_order_and_cutting_of_the_frames_do_not_matter(cuts: list[int]) -> None:
    order = np.random.default_rng(len(cuts)).permutation(N)
    frames = [frame_of(part) for part in np.split(order, cuts)]
    same(read_shard(frames, COLUMNS), read_shard([frame_of(np.arange(N))], COLUMNS))


def test_validation_rows_are_parted_from_training_rows() -> None:
    shard = read_shard([frame_of(np.arange(N))], COLUMNS)
    assert (len(shard.train), len(shard.valid)) == (int((~FLAGS).sum()), int(FLAGS.sum()))
    train, valid = ordered(shard.train), ordered(shard.valid)
    assert not train.validation.any()
    assert valid.validation.all()
    assert {tuple(row) for row in matrix(valid.features[INPUT])} == {tuple(row) for row in ROWS[FLAGS]}
    assert (np.diff(train.keys()) > 0).all()


def test_rows_stay_with_their_targets_and_weights() -> None:
    shard = read_shard([frame_of(np.arange(N))], COLUMNS)
    train = ordered(shard.train)
    rows = matrix(train.features[INPUT])
    place = {tuple(row): i for i, row in enumerate(ROWS)}
    for row, target, weight in zip(rows, *train.targets, train.weights, strict=True):
        i = place[tuple(row)]
        assert (target, weight) == (LABELS[i], WEIGHTS[i])


def test_dense_and_sparse_vectors_give_the_same_order_and_keys() -> None:
    columns = Columns(sources(3, "f", vectors=True), (Target("y", classes=2),))
    some = [[dense] * N, [sparse] * N, [dense, sparse] * (N // 2)]
    frames = [vectors([f(row) for f, row in zip(kinds, ROWS, strict=True)], label=LABELS) for kinds in some]
    shards = [read_shard([frame.iloc[:7], frame.iloc[7:]], columns) for frame in frames]
    same(shards[0], shards[1])
    same(shards[0], shards[2])


@pytest.mark.parametrize(
    ("columns", "shapes"),
    [
        (COLUMNS, [(0,)]),
        (Columns(sources(3), (Target("y", labels=2),)), [(0, 2)]),
        (Columns(sources(3, vectors=True)), []),
        (Columns(sources(3), (Target("y", labels=2), Target("z", column="label 1"))), [(0, 2), (0,)]),
    ],
)
@pytest.mark.parametrize("frames", [[], [frame_of(np.arange(0))]], ids=["no frame", "an empty frame"])
def test_a_rank_may_have_no_rows(columns: Columns, shapes: list[tuple[int, ...]], frames: list[pd.DataFrame]) -> None:
    shard = read_shard(frames, columns)
    assert (len(shard.train), len(shard.valid), shard.fingerprint) == (0, 0, 0)
    assert [targets.shape for targets in ordered(shard.train).targets] == shapes  # type: ignore[union-attr]


def test_faults_of_all_frames_add_up() -> None:
    bad = frame_of(np.arange(4)).assign(label=7.0)
    (count,) = read_shard([bad, bad.iloc[:1], frame_of(np.arange(9))], COLUMNS).faults.values()
    assert count == 5


@pytest.mark.parametrize("what", ["feature", "label", "weight", "mark"])
def test_the_fingerprint_sees_every_change_of_a_row(what: str) -> None:
    """Of one for training and of one for validation."""
    whole = read_shard([frame_of(np.arange(N))], COLUMNS)
    for row in (int(np.argmin(FLAGS)), int(np.argmax(FLAGS))):
        rows, labels, weights, flags = ROWS.copy(), LABELS.copy(), WEIGHTS.copy(), FLAGS.copy()
        if what == "feature":
            rows[row, 0] += 1
        elif what == "label":
            labels[row] = 1 - labels[row]
        elif what == "weight":
            weights[row] += 1
        else:
            flags[row] = not flags[row]
        other = read_shard([arrays(list(rows), label=labels, weight=weights, validation=flags)], COLUMNS)
        assert other.fingerprint != whole.fingerprint


def test_the_fingerprint_adds_up_over_ranks_and_sees_repeated_rows() -> None:
    whole = read_shard([frame_of(np.arange(N))], COLUMNS)
    parts = [read_shard([frame_of(part)], COLUMNS) for part in np.split(np.arange(N), [3, 20])]
    assert sum(p.fingerprint for p in parts) % (1 << 64) == whole.fingerprint
    twice = read_shard([frame_of(np.arange(N)), frame_of(np.arange(N))], COLUMNS)
    assert twice.fingerprint not in (0, whole.fingerprint)
