"""Input computes nothing: what it is told, and how it is written down."""

from __future__ import annotations

import json
from typing import Any

import pytest

from spark_deepnet.errors import ParamError
from spark_deepnet.layers.input import Input
from spark_deepnet.layers.layer import Layer

GOOD = [
    (Input(), "Input()", ()),
    (Input((28, 28, 1)), "Input(sizes=(28, 28, 1))", ()),
    (Input((-1, 3), "x", name="words"), "Input(name='words', sizes=(-1, 3), column='x')", ("x",)),
    (Input((-1,)), "Input(sizes=(-1,))", ()),
    (Input(column=("a", "b")), "Input(column=('a', 'b'))", ("a", "b")),
]


@pytest.mark.parametrize(("layer", "code", "columns"), GOOD, ids=[g[1] for g in GOOD])
def test_an_input_survives_json_and_prints_as_its_code(layer: Input, code: str, columns: tuple[str, ...]) -> None:
    assert Layer.of(json.loads(json.dumps(layer.to_json()))) == layer
    assert repr(layer) == code
    assert eval(code) == layer
    assert layer.columns == columns


@pytest.mark.parametrize("sizes", [(0,), (-2, 3), (4, 0), (4, -1), (2.0,), ("3",), (), 5], ids=str)
def test_sizes_are_of_at_least_1(sizes: Any) -> None:
    with pytest.raises(ParamError) as caught:
        Input(sizes)
    assert f"Input: sizes must be a tuple of ints of at least 1 (the first may be -1), found {sizes!r}" in str(
        caught.value
    )
