"""What a fit has come to, as chunks of bytes and back."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from spark_deepnet.errors import ExchangeError
from spark_deepnet.net import chunks as codec
from spark_deepnet.train.messages import ChunkOwner, StateChunk
from spark_deepnet.train.state import Clock, State, clock_of
from tests.train.fits import plan_of


def started(optimizer: str = "adam", validated: bool = True, seed: int = 1) -> State:
    recipe = plan_of(optimizer=optimizer).recipe
    return State.initial(recipe.scores_net().layout, recipe.optimizer, seed, validated)


@pytest.mark.parametrize("own", [False, True], ids=["alike", "own"])
@pytest.mark.parametrize("chunk", [64, 100, 4096, 4 << 20])
@pytest.mark.parametrize(("optimizer", "validated"), [("adam", True), ("sgd", False), ("momentum", True)])
def test_restore_is_the_way_back_from_chunks(
    optimizer: str, validated: bool, chunk: int, own: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codec, "CHUNK_BYTES", chunk)
    one, other = started(optimizer, validated), started(optimizer, validated, seed=2)
    one.clock = Clock(epoch=2, step=1, history=[{"loss": 0.1}])
    for i, array in enumerate(one.shared(False)):
        array += np.random.default_rng(i).normal(size=array.size).astype(np.float32)
    owner = ChunkOwner(2, 3)
    chunks = [*one.shared_chunks(2, own), *one.own_chunks(owner, own)]
    lengths = [len(c.data) for c in chunks[1:]]
    assert max(lengths) <= chunk
    assert sum(lengths) == one.nbytes
    other.restore(reversed(chunks), owner, own)
    assert other.clock == one.clock
    for a, b in zip(other.shared(False), one.shared(False), strict=True):
        np.testing.assert_array_equal(a, b)
    assert clock_of(one.shared_chunks())["epoch"] == 2


def test_other_chunks_than_those_of_the_state_are_refused() -> None:
    one = started()
    chunks = list(one.shared_chunks())
    with pytest.raises(ExchangeError, match="expected 5 chunks, found 6"):
        one.restore([*chunks, StateChunk(ChunkOwner(0), 5, b"more")])
    with pytest.raises(ExchangeError, match="expected 5 chunks, found 4"):
        one.restore(chunks[1:])
    with pytest.raises(ExchangeError, match=r"chunk 2 should have \d+ bytes, found 3"):
        one.restore([*chunks[:2], replace(chunks[2], data=b"odd"), *chunks[3:]])
    with pytest.raises(ExchangeError, match="chunk 2 of block 0 came twice"):
        one.restore([*chunks, chunks[2]])
    with pytest.raises(ExchangeError, match="expected 5 chunks, found 5"):
        one.restore([*chunks[:4], replace(chunks[4], owner=ChunkOwner(1))])


def test_vectors_start_as_the_optimizer_says() -> None:
    recipe = plan_of(optimizer={"kind": "adagrad"}).recipe
    optimizer = recipe.optimizer
    found = State.initial(recipe.scores_net().layout, optimizer, 1, False)
    assert [set(v) for v in found.vectors] == [{np.float32(value)} for value in optimizer.start()]
    assert found.best is None


def test_the_clock_is_the_first_chunk() -> None:
    assert json.loads(next(started().shared_chunks()).data)["best_epoch"] == -1
