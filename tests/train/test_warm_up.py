"""What a fit compiles before its first step, and what it says meanwhile."""

from __future__ import annotations

import time
from typing import Any

import pytest

from spark_deepnet.kernels import convolution
from spark_deepnet.kernels.cache import KernelCache
from spark_deepnet.kernels.tiles import TILE_ROWS
from spark_deepnet.layers.conv2d import Conv2D
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.flatten import Flatten
from spark_deepnet.plan.architecture import InputSpec
from spark_deepnet.train import warm_up as module
from spark_deepnet.train.warm_up import warm_up
from tests.data.frames import sources
from tests.train.fits import CLASSES, plan_of


@pytest.mark.parametrize(("batch_size", "expected"), [(100, "direct"), (TILE_ROWS - 1, "patches_forward")])
def test_the_convolution_of_whole_batches_is_compiled(
    batch_size: int, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = []
    for name in ("direct", "patches_forward"):
        kernel = getattr(convolution, name)

        def noted(*arguments: Any, kernel: Any = kernel, name: str = name) -> None:
            called.append(name)
            kernel(*arguments)

        monkeypatch.setattr(convolution, name, noted)
    layers = (Conv2D(2, 2), Flatten(), Dense(CLASSES))
    entry = InputSpec((3, 3, 1))
    plan = plan_of(layers, batch_size=batch_size, entries=(entry,), columns={"sources": sources(9, "f")})
    warm_up(plan)
    assert set(called[:1]) == {expected}


@pytest.mark.parametrize("misses", [0, 1])
def test_a_long_compilation_says_so_once(
    misses: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def slow(*_: Any) -> None:
        KernelCache.misses += misses
        time.sleep(0.3)

    monkeypatch.setattr(module, "_step", slow)
    monkeypatch.setattr(module, "NOTICE_SECONDS", 0.05)
    warm_up(plan_of())
    assert len(caplog.messages) == misses
    assert all("compiling kernels" in message and "for later fits" in message for message in caplog.messages)
