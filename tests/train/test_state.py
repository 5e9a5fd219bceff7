"""What a fit has come to, as chunks of bytes and back."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest

from spark_deepnet.errors import ExchangeError
from spark_deepnet.net.weights import Layout
from spark_deepnet.train import state
from spark_deepnet.train.state import ALL, Clock, State, clock_of, joined, pieces
from tests.train.fits import plan_of


def started(optimizer: str = "adam", validated: bool = True, seed: int = 1) -> State:
    recipe = plan_of(optimizer=optimizer).recipe
    return State.started(Layout(recipe.scores_net()), recipe.optimizer, seed, validated)


def named(chunks: Iterator[bytes], owner: int = ALL) -> dict[tuple[int, int], bytes]:
    return {(owner, number): chunk for number, chunk in enumerate(chunks)}


@pytest.mark.parametrize("own", [False, True], ids=["alike", "own"])
@pytest.mark.parametrize("chunk", [64, 100, 4096, 4 << 20])
@pytest.mark.parametrize(("optimizer", "validated"), [("adam", True), ("sgd", False), ("momentum", True)])
def test_restore_is_the_way_back_from_chunks(
    optimizer: str, validated: bool, chunk: int, own: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "CHUNK", chunk)
    one, other = started(optimizer, validated), started(optimizer, validated, seed=2)
    one.clock = Clock(epoch=2, step=1, history=[{"loss": 0.1}])
    for i, array in enumerate(one.shared(False)):
        array += np.random.default_rng(i).normal(size=array.size).astype(np.float32)
    chunks = named(one.chunks(own)) | named(one.own_chunks(own), 3)
    lengths = [len(c) for name, c in chunks.items() if name != (ALL, 0)]
    assert max(lengths) <= chunk
    assert sum(lengths) == one.nbytes
    other.restore(reversed(chunks.items()), 3, own)
    assert other.clock == one.clock
    for a, b in zip(other.shared(False), one.shared(False), strict=True):
        np.testing.assert_array_equal(a, b)
    assert clock_of(chunks[ALL, 0])["epoch"] == 2


def test_too_many_chunks_are_refused() -> None:
    one = started()
    chunks = named(one.chunks())
    with pytest.raises(ExchangeError, match="expected 5 chunks, found 6"):
        one.restore([*chunks.items(), ((ALL, 5), b"more")])
    with pytest.raises(ExchangeError, match="expected 5 chunks, found 4"):
        one.restore(list(chunks.items())[1:])
    with pytest.raises(ExchangeError, match=r"chunk 2 should have \d+ bytes, found 3"):
        one.restore((chunks | {(ALL, 2): b"odd"}).items())


def test_pieces_joined_are_the_array(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "CHUNK", 12)
    flat = np.arange(100, dtype=np.float32)
    parts = dict(enumerate(pieces(flat)))
    assert len(parts) == 34
    np.testing.assert_array_equal(joined(dict(reversed(parts.items()))), flat)


def test_vectors_start_as_the_optimizer_says() -> None:
    recipe = plan_of(optimizer={"kind": "adagrad"}).recipe
    optimizer = recipe.optimizer
    found = State.started(Layout(recipe.scores_net()), optimizer, 1, False)
    assert [set(v) for v in found.vectors] == [{np.float32(value)} for value in optimizer.start()]
    assert found.best is None


def test_the_clock_is_the_first_chunk() -> None:
    assert json.loads(next(started().chunks()))["best_epoch"] == -1
