"""A checkpoint's line of metadata: no altered byte and no odd JSON passes for one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from spark_deepnet.errors import CheckpointError, ParamError
from spark_deepnet.plan.checkpoint import FORMAT, sealed, unsealed

TOLD: dict[str, Any] = {
    "format": FORMAT, "number": 3, "epoch": 1, "chunks": 4, "rows": "12.34", "rowMemory": 0,
    "fit": {"layers": [{"kind": "layers.dense.v1", "units": 3}], "tol": float("inf"), "é": None},
}  # fmt: skip

ODD = {
    "empty": "",
    "text": "checkpoint",
    "number": "5",
    "null": "null",
    "true": "true",
    "list": "[]",
    "object": "{}",
    "cut": sealed(TOLD)[:-20],
    "twice": sealed(TOLD) * 2,
    "nested lists": "[" * 100_000,
    "nested objects": '{"fit":' * 100_000,
    "nested in the fit": sealed(TOLD).replace("null", "[" * 900 + "]" * 900),
    "no checksum": json.dumps(TOLD),
    "a null checksum": json.dumps(TOLD | {"sha256": None}),
    "another's checksum": json.dumps(TOLD | {"sha256": "0" * 64}),
    "a later format without its checksum": json.dumps(TOLD | {"format": FORMAT + 1}),
    "of another number": sealed(TOLD | {"number": 2}),
    "no chunks": sealed(TOLD | {"chunks": 0}),
    "an epoch before the first": sealed(TOLD | {"epoch": -1}),
    **{f"{key} is {value!r}": sealed(TOLD | {key: value}) for key in TOLD for value in (None, [], "x", 1.5, True)
       if not (key == "rows" and value == "x")},
    **{f"without {key}": sealed({k: v for k, v in TOLD.items() if k != key}) for key in TOLD},
}  # fmt: skip


def test_a_line_comes_back() -> None:
    assert unsealed(sealed(TOLD), 3) == TOLD


@pytest.mark.parametrize("line", ODD.values(), ids=ODD)
def test_an_odd_line_is_no_checkpoint(line: str) -> None:
    with pytest.raises(CheckpointError, match="metadata"):
        unsealed(line, 3)


def test_nor_is_one_with_an_altered_bit() -> None:
    line, refused = sealed(TOLD).encode(), 0
    for place in range(len(line) * 8):
        raw = bytearray(line)
        raw[place // 8] ^= 1 << place % 8
        try:
            assert unsealed(raw.decode("utf-8", "replace"), 3) == TOLD  # such as \\u00E9 for \\u00e9
        except CheckpointError:
            refused += 1
    assert refused > len(line) * 8 - 10


@pytest.mark.parametrize("line", [sealed(TOLD | {"format": 3}), json.dumps(TOLD | {"format": 1})])
def test_another_format_is_told(line: str) -> None:
    with pytest.raises(ParamError, match=r"format \d, but this installation reads 2"):
        unsealed(line, 3)
