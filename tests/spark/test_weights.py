"""Weights of other frameworks as an ordinary model: scored, saved, loaded and trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spark_deepnet import DeepNetEstimator, DeepNetModel, formats
from spark_deepnet.errors import FormatError, ParamError
from spark_deepnet.layers.concatenate import Concatenate
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.embedding import Embedding
from spark_deepnet.layers.flatten import Flatten
from spark_deepnet.layers.input import Input
from tests.formats.weight_files import safetensors, weights_h5
from tests.spark.data import frame

RNG = np.random.default_rng(0)
W, B = RNG.normal(size=(4, 3)).astype(np.float32), RNG.normal(size=3).astype(np.float32)
LAYERS = [Dense(3, activation="softmax", name="top")]
ROWS = RNG.normal(size=(5, 4))


def softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(-1, keepdims=True))
    return np.asarray(e / e.sum(-1, keepdims=True))


def model_of(path: Path) -> DeepNetModel:
    reader = formats.torch if path.suffix == ".safetensors" else formats.keras
    return DeepNetModel.fromWeights(LAYERS, (4,), reader.weights(path, LAYERS, (4,)))


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    keras = weights_h5(tmp_path / "net.weights.h5", {"layers/dense": [W, B]})
    return [keras, safetensors(tmp_path / "net.safetensors", {"fc.weight": W.T, "fc.bias": B})]


@pytest.mark.sessions("classic", "connect")
def test_a_model_scores_saves_loads_and_trains_on(spark: Any, files: list[Path], tmp_path: Path) -> None:
    df = frame(spark, ROWS, np.arange(5) % 3)
    expected = softmax(ROWS @ W + B)
    for k, path in enumerate(files):
        model = model_of(path)
        model.write().overwrite().save(str(tmp_path / f"model-{k}"))
        for each in (model, DeepNetModel.load(str(tmp_path / f"model-{k}"))):
            scored = each.transform(df).collect()
            np.testing.assert_allclose([row.probability.toArray() for row in scored], expected, atol=1e-6)
            assert [row.prediction for row in scored] == expected.argmax(1).tolist()
    net = DeepNetEstimator(layers=LAYERS, learningRate=1e-30, maxIter=1, numTrainWorkers=1).setInitialModel(
        model_of(files[0])
    )
    np.testing.assert_array_equal(net.fit(df).weights["top/W"], W)


def test_predictions_follow_the_loss(files: list[Path]) -> None:
    layers = [Dense(3, name="top")]
    arrays = {"top/W": W, "top/b": B}
    assert DeepNetModel.fromWeights(LAYERS, (4,), arrays).numClasses == 3
    assert DeepNetModel.fromWeights(layers, (4,), arrays).numClasses == 0
    assert DeepNetModel.fromWeights(layers, (4,), arrays, loss="softmax_cross_entropy").numClasses == 3


def test_several_inputs_have_shapes_by_their_names() -> None:
    a, b = Input(name="a", column="x"), Input(name="b", column="word")
    end = Dense(2)(Concatenate()(a, Flatten()(Embedding(7, 3)(b))))
    shapes = {"a": (4,), "b": (2,)}
    arrays = {"embedding/E": np.ones((7, 3)), "dense/W": np.ones((10, 2)), "dense/b": np.ones(2)}
    model = DeepNetModel.fromWeights(end, shapes, arrays)
    assert [(entry.name, entry.shape, entry.tokens) for entry in model.architecture.entries] == [
        ("a", (4,), 0), ("b", (2,), 7),
    ]  # fmt: skip
    with pytest.raises(ParamError, match=r"inputs \['a', 'b'\]; give a mapping"):
        DeepNetModel.fromWeights(end, (4,), arrays)
    with pytest.raises(ParamError, match=r"the shape of a row of 'b'"):
        DeepNetModel.fromWeights(end, {"a": (4,)}, arrays)


@pytest.mark.parametrize("shape", ["4", (), (-1,), (0,), (1.5,), 4])
def test_a_shape_is_sizes_of_at_least_one(shape: Any) -> None:
    with pytest.raises(ParamError, match="inputShape: the shape of a row of 'features' is a tuple of ints"):
        DeepNetModel.fromWeights(LAYERS, shape, {})


def test_all_wrong_arrays_are_listed() -> None:
    with pytest.raises(FormatError) as error:
        DeepNetModel.fromWeights(LAYERS, (4,), {"top/W": W.T, "fc/b": B})
    for part in ("'top/b' (3,) is missing", "'fc/b' is no weight of the layers", "'top/W' is (3, 4), expected (4, 3)"):
        assert part in str(error.value)
