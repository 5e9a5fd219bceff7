"""Rows in a file: the same as in memory, in an order of their own that is close to uniform."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kstest

from spark_deepnet.data.arrays import table_bytes
from spark_deepnet.data.dataset import InMemoryDataset, Rows
from spark_deepnet.data.ragged import Ragged
from spark_deepnet.data.sampler import Epoch
from spark_deepnet.data.spill.dataset import WINDOW_BLOCKS, Spilled
from spark_deepnet.data.spill.row_store import RowStore
from spark_deepnet.data.table import Dense, Sparse, Table
from spark_deepnet.kernels.jit import JIT
from spark_deepnet.kernels.random import key_of
from spark_deepnet.net.net import INPUT
from tests.data.frames import ordered

N = 400
LIMITS = [8000, 2000, 1]
"""Bytes: about a third of the rows, less, and less than one row."""


def ragged(rng: np.random.Generator, *shape: int) -> Ragged:
    starts = np.concatenate([[0], np.cumsum(rng.integers(0, 6, N))])
    return Ragged(rng.normal(size=(starts[-1], *shape)).astype(np.float32), starts)


def sparse(rng: np.random.Generator) -> Sparse:
    mask = rng.random((N, 30)) < 0.1
    columns = np.nonzero(mask)[1].astype(np.int32)
    starts = np.concatenate([[0], np.cumsum(mask.sum(1))])
    return Sparse(starts, columns, rng.normal(size=len(columns)).astype(np.float32), 30)


KINDS = {
    "float32": lambda rng: Dense(rng.normal(size=(N, 12)).astype(np.float32)),
    "uint8": lambda rng: Dense(rng.integers(0, 255, (N, 50)).astype(np.uint8)),
    "CSR": sparse,
    "ragged": lambda rng: ragged(rng, 2),
}
each_kind = pytest.mark.parametrize("kind", KINDS)
each_limit = pytest.mark.parametrize("limit", LIMITS)


def table_of(kind: str) -> Table:
    """With a target for every step too, weights of which some are 0, and some rows that are there twice."""
    rng = np.random.default_rng(3)
    features = KINDS[kind](rng)
    steps = ragged(rng) if kind != "ragged" else Ragged(features.values[:, 0].copy(), features.starts)
    targets = rng.integers(0, 3, N).astype(np.int32), steps, rng.random((N, 2)).astype(np.float32)
    table = Table({INPUT: features}, targets, rng.integers(0, 4, N).astype(np.float32), rng.random(N) < 0.2)
    return table.picked(np.concatenate([np.arange(N), np.arange(20)]))


TABLES = {kind: table_of(kind) for kind in KINDS}


@pytest.fixture(autouse=True, scope="module")
def _small_pieces() -> Iterator[None]:
    """Runs are written in many pieces."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("spark_deepnet.data.spill.sorted_run.WRITE_BYTES", 500)
        yield


@contextmanager
def shelved(table: Table, limit: int, seed: int = 0, cuts: int = 7) -> Iterator[RowStore]:
    """The rows in an order of their own, cut into several tables."""
    order = np.random.default_rng(seed).permutation(len(table))
    with closing(RowStore(table.picked(np.zeros(0, np.int64)), limit)) as store:
        for part in np.array_split(order, cuts):
            store.add(table.picked(part))
        yield store


def batches(rows: Rows, batch: int = 32, epoch: int = 0) -> list[Table]:
    found = Epoch(rows, len(rows), batch, 1, epoch, 0, 1)
    return [picked.table.picked(picked.rows) for picked in map(found.rows, range(found.steps))]


def same(a: Table, b: Table) -> None:
    np.testing.assert_array_equal(a.keys(), b.keys())
    np.testing.assert_array_equal(a.weights, b.weights)
    np.testing.assert_array_equal(a.validation, b.validation)


@each_kind
@each_limit
def test_an_epoch_has_the_same_rows_each_once(kind: str, limit: int) -> None:
    with shelved(TABLES[kind], 0) as store, shelved(TABLES[kind], limit) as other:
        (held, held_valid), (spilled, spilled_valid) = store.rows(), other.rows()
        assert isinstance(spilled, Spilled)
        assert isinstance(held, InMemoryDataset)
        for epoch in range(2):
            found = Table.joined(batches(spilled, epoch=epoch))
            same(found.picked(np.argsort(found.keys(), kind="stable")), ordered(held))
        same(ordered(spilled), ordered(held))
        same(ordered(spilled_valid), ordered(held_valid))
        assert (spilled.sums, spilled_valid.sums) == (held.sums, held_valid.sums)
        assert store.fingerprint % (1 << 64) == other.fingerprint % (1 << 64)


@each_kind
def test_rows_in_memory_stay_below_the_limit(kind: str) -> None:
    """Also while the next come: those before go to the file first."""
    table = TABLES[kind]
    like = table.picked(np.zeros(0, np.int64))
    with closing(RowStore(like, LIMITS[0])) as store:
        held = []
        for part in np.array_split(np.arange(len(table)), 20):
            store.add(table.picked(part))
            held.append(table_bytes(store._held.table()))
        assert max(held) <= LIMITS[0]
        assert store.spilled > 0


@each_kind
def test_rows_that_take_just_the_limit_are_not_spilled(kind: str) -> None:
    with shelved(TABLES[kind], 0) as store:
        limit = store.size.bytes
    for less, expected in (0, InMemoryDataset), (1, Spilled):
        with shelved(TABLES[kind], limit - less) as store:
            assert isinstance(store.rows()[0], expected)


@each_kind
@each_limit
@pytest.mark.parametrize("batch", [1, 32, 1000] if JIT else [32])
def test_batches_are_the_same_however_rows_come(kind: str, limit: int, batch: int) -> None:
    with shelved(TABLES[kind], limit) as a, shelved(TABLES[kind], limit, seed=1, cuts=31) as b:
        (one, _), (other, _) = a.rows(), b.rows()
        for x, y in zip(batches(one, batch), batches(other, batch), strict=True):
            np.testing.assert_array_equal(x.keys(), y.keys())
        assert [t.keys().tolist() for t in batches(one, epoch=1)] != [t.keys().tolist() for t in batches(one)]


@each_kind
def test_weights_of_steps_are_those_of_their_rows(kind: str) -> None:
    with shelved(TABLES[kind], LIMITS[1]) as store:
        rows, _ = store.rows()
        expected = [[weights.sum(dtype=np.float64) for weights in table.loss_weights] for table in batches(rows)]
        found = Epoch(rows, len(rows), 32, 1, 0, 0, 1).weight_sums()
        np.testing.assert_allclose(found.T, expected, rtol=1e-12)


@each_kind
def test_a_pass_may_be_entered_anywhere(kind: str) -> None:
    """As where a job goes on within an epoch."""
    with shelved(TABLES[kind], LIMITS[1]) as store:
        rows, _ = store.rows()
        whole = batches(rows)
        again = Epoch(rows, len(rows), 32, 1, 0, 0, 1)
        for step in (5, 9, 2):
            picked = again.rows(step)
            np.testing.assert_array_equal(picked.keys[picked.rows], whole[step].keys())


@each_kind
def test_what_is_spilled_is_decided_by_the_rows_alone(kind: str) -> None:
    table = TABLES[kind]
    with shelved(table, 0) as store:
        size = store.size.bytes
    for cuts in (1, 3, 50):
        with shelved(table, size, cuts=cuts) as enough, shelved(table, size - 1, cuts=cuts) as too_little:
            assert isinstance(enough.rows()[0], InMemoryDataset)
            assert isinstance(too_little.rows()[0], Spilled)


def mixed(limit: int, backwards: bool) -> RowStore:
    """Dense tables first, or sparse ones."""
    table = TABLES["CSR"]
    out = np.zeros((len(table), 30), np.float32)
    table.features[INPUT].take(np.arange(len(table)), out)
    dense = Table({INPUT: Dense(out)}, table.targets, table.weights, table.validation)
    parts = [
        (table if k >= 15 else dense).picked(part) for k, part in enumerate(np.array_split(np.arange(len(table)), 20))
    ]
    store = RowStore(dense.picked(np.zeros(0, np.int64)), limit)
    for part in parts[::-1] if backwards else parts:
        store.add(part)
    return store


@pytest.mark.parametrize("less", [0, 1, 1000, 90000], ids=lambda v: f"{v} bytes too little")
def test_sparse_rows_among_dense_ones_are_the_same_in_any_order(less: int) -> None:
    with closing(mixed(0, False)) as store:
        limit = store.size.bytes - less
    with closing(mixed(limit, False)) as a, closing(mixed(limit, True)) as b, shelved(TABLES["CSR"], 0) as c:
        (one, valid), (other, other_valid), (sparse, _) = a.rows(), b.rows(), c.rows()
        assert {isinstance(rows, Spilled) for rows in (one, other)} == {less > 0}
        same(ordered(one), ordered(sparse))
        same(ordered(valid), ordered(other_valid))
        for x, y in zip(batches(one), batches(other), strict=True):
            same(x, y)
            assert {type(part.features[INPUT]) for part in (x, y)} == {Sparse}


@pytest.mark.parametrize("limit", [0, 100])
@pytest.mark.parametrize("n", [0, 1, 2])
@pytest.mark.parametrize("held", [False, True])
def test_few_rows_or_none(limit: int, n: int, held: bool) -> None:
    table = TABLES["ragged"].picked(np.arange(n))
    table = Table(table.features, table.targets, table.weights, np.full(n, held))
    with shelved(table, limit, cuts=2) as store:
        train, valid = store.rows()
        assert (len(train), len(valid)) == ((0, n) if held else (n, 0))
        assert (len(ordered(train)), len(ordered(valid))) == (len(train), len(valid))
        assert sum(map(len, batches(train, 1))) == len(train)


def places(store: RowStore, passes: int) -> tuple[Spilled, np.ndarray]:
    """(passes, n): at which place of each pass each row comes, in canonical order; weights are the rows' numbers."""
    rows, _ = store.rows()
    assert isinstance(rows, Spilled)
    rows._loss_weights = [np.arange(len(rows))]
    orders = [np.concatenate(list(rows.shuffled(key_of("pass", k)).loss_weights(0))) for k in range(passes)]
    return rows, np.argsort(orders, axis=1)


@pytest.fixture(scope="module")
def shuffles() -> Iterator[tuple[Spilled, np.ndarray]]:
    n = 960
    x = Dense(np.arange(n, dtype=np.float32)[:, None])
    table = Table({INPUT: x}, (np.zeros(n, np.int32),), np.ones(n, np.float32), np.zeros(n, bool))
    with shelved(table, 8000) as store:
        yield places(store, 800)


def test_every_row_comes_at_every_place_equally_often(shuffles: tuple[Spilled, np.ndarray]) -> None:
    rows, found = shuffles
    assert rows.blocks > 3 * WINDOW_BLOCKS
    chances = [kstest((found[:, row] + 0.5) / len(rows), "uniform").pvalue for row in range(0, len(rows), 40)]
    assert min(chances) > 0.05 / len(chances)


def test_rows_of_different_blocks_meet_in_a_window_as_often_as_is_told(shuffles: tuple[Spilled, np.ndarray]) -> None:
    rows, found = shuffles
    full = rows.blocks // WINDOW_BLOCKS
    sizes = [WINDOW_BLOCKS] * full + [rows.blocks - full * WINDOW_BLOCKS]
    expected = sum(s * (s - 1) for s in sizes) / (rows.blocks * (rows.blocks - 1))
    assert expected == pytest.approx((WINDOW_BLOCKS - 1) / (rows.blocks - 1), rel=0.25)
    window = found // (WINDOW_BLOCKS * rows.block)  # the last block, which may be shorter, shifts places by a few
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, len(rows) - rows.block, (2, 400))
    apart = a // rows.block != b // rows.block
    together = (window[:, a[apart]] == window[:, b[apart]]).mean()
    assert together == pytest.approx(expected, rel=0.05)
    mates = np.arange(0, len(rows) - 2 * rows.block, rows.block)
    assert (window[:, mates] == window[:, mates + 1]).mean() > 0.9


def test_batches_mix_labels_like_a_uniform_shuffle(shuffles: tuple[Spilled, np.ndarray]) -> None:
    """The variance of a batch's count of a class, beside that of drawing without replacement."""
    rows, found = shuffles
    n, batch = len(rows), 32
    label = np.random.default_rng(1).random(n) < 0.3
    order = np.argsort(found, axis=1)
    counts = label[order].reshape(len(found), n // batch, batch).sum(2)
    share = label.mean()
    uniform = batch * share * (1 - share) * (n - batch) / (n - 1)
    assert counts.var() == pytest.approx(uniform, rel=0.05)


def test_the_file_has_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So it is gone with the process, by SIGKILL too."""
    monkeypatch.setenv("SPARK_LOCAL_DIRS", f"{tmp_path},/not/there")
    with shelved(TABLES["float32"], 2000) as store:
        rows, _ = store.rows()
        assert store.spilled > 10000
        assert list(tmp_path.iterdir()) == []
        assert any(str(tmp_path) in os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd"))
        assert len(batches(rows)) > 1


FULL = "MiB of a worker's rows cannot be spilled"


def check_full(folder: Path) -> None:
    with shelved(TABLES["float32"], 2000) as whole, shelved(TABLES["float32"], 2000) as store:
        assert store.failure is not None
        assert str(folder) in store.failure
        assert "MiB are free" in store.failure
        assert store.size.bytes == whole.size.bytes  # what is wanted is known to the last row
        assert [len(rows) for rows in store.rows()] == [0, 0]
        assert store.spilled == 0
    assert list(folder.iterdir()) == []


def test_a_full_disk_is_told_and_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16k", "none", tmp_path], capture_output=True, check=False
    )
    if mount.returncode:
        pytest.skip(f"no file system may be mounted here: {mount.stderr.decode().strip()}")
    monkeypatch.setenv("SPARK_LOCAL_DIRS", str(tmp_path))
    try:
        check_full(tmp_path)
        assert os.statvfs(tmp_path).f_bfree == os.statvfs(tmp_path).f_blocks
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_a_bound_on_files_is_told_like_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARK_LOCAL_DIRS", str(tmp_path))
    bounds = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, bounds[1]))
    try:
        check_full(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, bounds)
        signal.signal(signal.SIGXFSZ, before)


def test_a_folder_that_is_not_there_or_cannot_be_written_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARK_LOCAL_DIRS", "/proc/self")
    with shelved(TABLES["CSR"], 2000) as store:
        assert store.failure is not None
        assert store.failure.startswith("/proc/self on ")
