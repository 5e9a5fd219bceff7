"""Arrays in chunks and back, whole and of blocks."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.lstm import LSTM
from spark_deepnet.net import chunks
from spark_deepnet.net.chunks import arrays_of, chunks_of, parts_of
from spark_deepnet.net.cut import cut
from spark_deepnet.net.net import Net
from spark_deepnet.net.pieces import assembled, pieces_of
from spark_deepnet.net.weights import Layout

NET = Net.of([LSTM(24), Dense(50), Dense(3)], {"input": (4, 30)})


def test_arrays_go_in_chunks_and_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "CHUNK_BYTES", 64)
    flat = Layout(NET).init_weights(1)
    arrays = Layout(NET).named(flat) | {"none": np.zeros((0, 3), np.float32)}
    told = list(chunks_of(arrays))
    assert max(len(chunk.data) for chunk in told) == 64
    assert [hashlib.sha256(chunk.data).hexdigest() for chunk in told] == [chunk.sha256 for chunk in told]
    for name, array in arrays.items():
        assert sum(chunk.name == name for chunk in told) == parts_of(array.shape)
    found = arrays_of(reversed(told))
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
    with pytest.raises(ValueError, match="4 bytes, expected 64"):
        arrays_of([told[0]._replace(data=b"1234")])
    with pytest.raises(ValueError, match=f"chunk 1 of '{told[1].name}' is missing"):
        arrays_of([told[0], *told[2:]])
    with pytest.raises(ValueError, match=f"chunk 1 of '{told[1].name}' came twice"):
        arrays_of([*told, told[1]])


@pytest.mark.parametrize("blocks", [1, 3])
def test_pieces_tell_where_each_array_of_a_block_lies_in_the_whole(blocks: int) -> None:
    """As JSON they suffice to put the whole together."""
    whole = Layout(NET).init_weights(1)
    named = Layout(NET).named(whole)
    layouts = [Layout(cut(NET, block, blocks)) for block in range(blocks)]
    held = [layout.named(layout.init_weights(1)) for layout in layouts]
    for own, told in zip(held, json.loads(json.dumps(pieces_of(NET, blocks))), strict=True):
        assert own.keys() == told.keys()
        for name, (shape, entries) in told.items():
            assert own[name].shape == tuple(shape)
            axes = entries or [None] * len(shape)
            index = [
                np.arange(n) if runs is None else np.concatenate([np.arange(*run) for run in runs])
                for n, runs in zip(named[name].shape, axes, strict=True)
            ]
            np.testing.assert_array_equal(named[name][np.ix_(*index)], own[name])
    np.testing.assert_array_equal(assembled(NET, held), whole)
