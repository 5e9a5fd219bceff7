"""An architecture from a file is data: no metadata takes memory, time or another's module before it is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from spark_deepnet.errors import DeepNetError
from spark_deepnet.plan.architecture import Architecture
from spark_deepnet.registry import check_modules
from tests.cases.hostile_models import MODULES, PARAMS, SHAPES, Hostile, layer, net

IN_A_PROCESS = """
import json, resource, sys, time
resource.setrlimit(resource.RLIMIT_DATA, (1 << 30, 1 << 30))
from spark_deepnet.net.pieces import pieces_of
from spark_deepnet.net.weights import Layout
from spark_deepnet.plan.architecture import Architecture
for line in sys.stdin:
    values, blocks = json.loads(line)
    began = time.process_time()
    architecture = Architecture.from_json(values)
    architecture.check_shapes()
    found = architecture.scores_net()
    print(json.dumps([Layout(found).count, len(pieces_of(found, blocks)), time.process_time() - began]))
"""
"""Counts the weights of architectures, and cuts them into blocks."""


@pytest.mark.parametrize("hostile", MODULES + PARAMS[:4], ids=lambda hostile: hostile.name)
def test_no_module_is_imported_because_a_file_says_so(hostile: Hostile) -> None:
    with pytest.raises(DeepNetError, match=hostile.num_stats):
        check_modules(hostile.values)
    assert not {"evil_module", "this_exits"} & set(sys.modules)


@pytest.mark.parametrize("hostile", SHAPES, ids=lambda hostile: hostile.name)
def test_no_odd_architecture_is_taken(hostile: Hostile) -> None:
    with pytest.raises(Exception) as raised:
        architecture = Architecture.from_json(hostile.values["architecture"])
        architecture.check_shapes()
    assert not isinstance(raised.value, MemoryError | SystemExit)


@pytest.mark.long
def test_counting_takes_little_time_and_memory() -> None:
    wanted: list[tuple[Any, int, int]] = [
        (net(layer(units=2 * 10**9))["architecture"], 1, 10**10),
        (net(*[layer(units=3)] * 6_000)["architecture"], 1, 15 + 5_999 * 12),
        (net(*[layer(units=4, activation="relu", share=None)] * 3_000)["architecture"], 1, 20 * 3_000),
        (net(*[layer(units=4096)] * 2)["architecture"], 1024, 5 * 4096 + 4097 * 4096),
    ]
    lines = "".join(json.dumps([values, blocks]) + "\n" for values, blocks, _ in wanted)
    told = subprocess.run(
        [sys.executable, "-c", IN_A_PROCESS], input=lines, stdout=subprocess.PIPE, text=True, check=True
    )
    found = [json.loads(line) for line in told.stdout.splitlines()]
    assert [count for count, _, _ in found] == [count for _, _, count in wanted]
    assert [blocks for _, blocks, _ in found] == [blocks for _, blocks, _ in wanted]
    assert max(seconds for _, _, seconds in found) < 6
