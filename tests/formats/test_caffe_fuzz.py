"""Damaged Caffe files end in a FormatError or in a network, quickly and in little memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from spark_deepnet.errors import DeepNetError
from spark_deepnet.formats import caffe
from spark_deepnet.formats.caffe.blobs import read_mean
from tests.cases.caffe_types import CASES
from tests.formats.caffe_files import binaryproto, input_text, layer_text, random_arrays, written

SECONDS = 2.0
TEXT = (
    input_text((2, 3, 8, 8))
    + layer_text("Convolution", "convolution_param { num_output: 4 kernel_size: 3 }", top="conv")
    + layer_text("Pooling", "pooling_param { kernel_size: 2 stride: 2 }", "conv", "pool")
    + layer_text("BatchNorm", "", "pool", "norm")
    + layer_text("InnerProduct", "inner_product_param { num_output: 5 }", "norm", "ip")
    + layer_text("Reshape", "reshape_param { shape { dim: 0 dim: 5 dim: 1 } }", "ip", "r")
    + layer_text("Softmax", "", "ip", "prob")
)
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
    began = time.perf_counter()
    try:
        read()
    except DeepNetError as error:
        if len(str(error)) > 5000:
            raise AssertionError(f"a sentence of {len(str(error))} characters for {data!r}") from error
    except Exception as error:
        raise AssertionError(f"{type(error).__name__}: {error} for {data!r}") from error
    assert time.perf_counter() - began < SECONDS, f"{data!r}"


def fuzz(folder: Path, count: int, seed: int) -> None:
    net, _ = written(folder, TEXT)
    net, weights = written(folder, TEXT, random_arrays(net))
    mean = folder / "mean.binaryproto"
    mean.write_bytes(binaryproto(np.zeros((3, 8, 8))))
    texts = [TEXT, *(input_text(case.shape) + case.text for case in CASES)]
    good_weights, good_mean = weights.read_bytes(), mean.read_bytes()
    rng = np.random.default_rng(seed)
    for k in range(count):
        kind = k % 3
        if kind == 0:
            data = mutated(texts[k // 3 % len(texts)].encode(), rng)
            net.write_bytes(data)
            survives(lambda: caffe.read(net).net(), data)
        elif kind == 1:
            net.write_text(TEXT)
            data = mutated(good_weights, rng)
            weights.write_bytes(data)
            survives(lambda: caffe.read(net, weights), data)
        else:
            data = mutated(good_mean, rng)
            mean.write_bytes(data)
            survives(lambda: read_mean(mean), data)


def test_some_damaged_files(tmp_path: Path) -> None:
    fuzz(tmp_path, 400, seed=0)


@pytest.mark.slow
def test_ten_thousand_damaged_files(tmp_path: Path) -> None:
    fuzz(tmp_path, 10_000, seed=1)
