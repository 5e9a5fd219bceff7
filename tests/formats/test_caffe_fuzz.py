"""Damaged Caffe files end in a FormatError or in a network, quickly and in little memory."""

from __future__ import annotations

import faulthandler
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from spark_deepnet.errors import DeepNetError
from spark_deepnet.formats import caffe
from spark_deepnet.formats.caffe.blobs import read_mean
from spark_deepnet.formats.caffe.training import read_training
from tests.cases.caffe_types import CASES
from tests.formats.caffe_files import binaryproto, input_text, layer_text, random_arrays, solver_state, written

SECONDS = 2.0
HANGS = 120
"""Seconds after which nobody waits any more."""
TEXT = (
    input_text((2, 3, 8, 8))
    + layer_text("Convolution", "convolution_param { num_output: 4 kernel_size: 3 }", top="conv")
    + layer_text("Pooling", "pooling_param { kernel_size: 2 stride: 2 }", "conv", "pool")
    + layer_text("BatchNorm", "", "pool", "norm")
    + layer_text("InnerProduct", "inner_product_param { num_output: 5 }", "norm", "ip")
    + layer_text("Reshape", "reshape_param { shape { dim: 0 dim: 5 dim: 1 } }", "ip", "r")
    + layer_text("Softmax", "", "ip", "prob")
)
TRAIN = (
    'layer { name: "data" type: "MemoryData" top: "data" top: "label" memory_data_param { batch_size: 2 channels: 1 '
    "height: 2 width: 2 } }"
    + layer_text("InnerProduct", "inner_product_param { num_output: 3 }", top="ip")
    + layer_text("SoftmaxWithLoss", "", "ip label", "loss")
)
SOLVER = """
net: "train.prototxt" test_iter: 10 base_lr: 0.01 momentum: 0.9 weight_decay: 0.0005 lr_policy: "multistep" gamma: 0.1
stepvalue: 10 stepvalue: 30 max_iter: 100 clip_gradients: 5 iter_size: 2 random_seed: 3 type: "SGD"
"""
WORDS = ("0", "-1", "1000000000000", "1e30", "nan", '"\\377"', "{", "}", "true", "layer", "shape { dim: -1 }", "\x00")


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """Bytes changed, cut out, repeated or cut off."""
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 6))):
        at = int(rng.integers(0, len(out) + 1))
        kind = int(rng.integers(0, 6))
        if kind == 0 and at < len(out):
            out[at] = int(rng.integers(0, 256))
        elif kind == 1:
            del out[at : at + int(rng.integers(1, 40))]
        elif kind == 2:
            out[at:at] = out[at : at + int(rng.integers(1, 40))]
        elif kind == 3:
            out[at:at] = str(rng.choice(WORDS)).encode()
        elif kind == 4 and at < len(out):
            out[at] ^= 1 << int(rng.integers(0, 8))
        elif kind == 5 and rng.random() < 0.2:
            del out[at:]
    return bytes(out)


def survives(read: Callable[[], object], data: bytes) -> None:
    """A library that goes on for ever ends the process, with its traceback; the file is left where it is."""
    began = time.perf_counter()
    faulthandler.dump_traceback_later(HANGS, exit=True, file=sys.__stderr__)
    try:
        read()
    except DeepNetError as error:
        if len(str(error)) > 5000:
            raise AssertionError(f"a sentence of {len(str(error))} characters for {data!r}") from error
    except Exception as error:
        raise AssertionError(f"{type(error).__name__}: {error} for {data!r}") from error
    finally:
        faulthandler.cancel_dump_traceback_later()
    assert time.perf_counter() - began < SECONDS, f"{data!r}"


def fuzz(folder: Path, count: int, seed: int) -> None:
    """Damage each of the files in turn, over the texts of all layer types."""
    net, _ = written(folder, TEXT)
    net, weights = written(folder, TEXT, random_arrays(net))
    train, solver, state, mean = (folder / name for name in ("train.prototxt", "solver", "state", "mean"))
    train.write_text(TRAIN)
    texts = [TEXT, *(input_text(case.shape) + case.text for case in CASES)]
    reads: list[tuple[Path, bytes, Callable[[], object]]] = [
        (weights, weights.read_bytes(), lambda: caffe.read(net, weights)),
        (mean, binaryproto(np.zeros((3, 8, 8))), lambda: read_mean(mean)),
        (solver, SOLVER.encode(), lambda: read_training(train, solver, state=state)),
        (state, solver_state(40, np.ones((3, 4)), np.ones(3)), lambda: read_training(train, solver, state=state)),
    ]
    for path, data, _ in reads:
        path.write_bytes(data)
    rng, before = np.random.default_rng(seed), peak_bytes()
    for k in range(count):
        text = texts[k % len(texts)].encode()
        path, data, read = [*reads, (net, text, lambda: caffe.read(net).net())][k % 5]
        damaged = mutated(data, rng)
        path.write_bytes(damaged)
        survives(read, damaged)
        path.write_bytes(TEXT.encode() if path == net else data)
    assert peak_bytes() - before < 1 << 30


def peak_bytes() -> int:
    """The most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def test_some_damaged_files(tmp_path: Path) -> None:
    fuzz(tmp_path, 500, seed=0)


@pytest.mark.slow
def test_ten_thousand_damaged_files(tmp_path: Path) -> None:
    fuzz(tmp_path, 10_000, seed=1)
