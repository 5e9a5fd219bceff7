"""ONNX files: outputs as a model's columns, refusals before anything is written, files whole or not at all."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spark_deepnet.errors import FormatError
from spark_deepnet.formats.onnx import write as writing
from spark_deepnet.formats.onnx.export import model_of
from spark_deepnet.formats.onnx.write import write
from spark_deepnet.formats.onnx.writers import _registry
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.embedding import Embedding
from spark_deepnet.layers.layer import Activation, Layer
from spark_deepnet.layers.lstm import LSTM
from spark_deepnet.layers.output import Output
from spark_deepnet.losses.loss import Loss
from spark_deepnet.net.net import INPUT, Net
from spark_deepnet.plan.architecture import Architecture, InputSpec
from spark_deepnet.score.output import Output as Columns
from tests.formats.onnx_runs import run, scored, session
from tests.score.test_output import OUTPUTS, THRESHOLDS, OutputCase

NAMES = {"raw": "rawPrediction", "probability": "probability", "prediction": "prediction"}


def of_scores(loss: Any, units: int, **options: Any) -> Any:
    """A session over a network whose scores are its features."""
    architecture = Architecture((Layer.of("linear"),), (InputSpec((units,)),), Loss.of(loss))
    net = architecture.scores_net()
    return session(model_of(net, net.layout.zeros(), architecture.heads(), **options))


@pytest.mark.parametrize("case", OUTPUTS, ids=lambda case: f"{case.loss} {case.scores.shape}")
def test_outputs_are_the_columns_of_a_model(case: OutputCase) -> None:
    running = of_scores(case.loss, case.scores.shape[1])
    for n in (len(case.scores), 0):
        found = run(running, {INPUT: case.scores[:n]})
        expected = Columns.of(Loss.of(case.loss), case.scores.shape[1]).columns(case.scores[:n], None)
        assert list(found) == [NAMES[part] for part in expected]
        for part, array in expected.items():
            assert found[NAMES[part]].dtype == np.float32
            np.testing.assert_allclose(found[NAMES[part]], array, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("loss", "thresholds", "probability", "expected"), THRESHOLDS)
def test_thresholds_decide(loss: str, thresholds: list[float], probability: Any, expected: list[int]) -> None:
    p = np.array(probability, np.float32)
    scores = np.log(p[:, 1:] / p[:, :1]) if loss == "sigmoid_cross_entropy" else np.log(p)
    found = run(of_scores(loss, scores.shape[1], thresholds=thresholds), {INPUT: scores})
    assert found["prediction"].tolist() == expected


def test_each_output_and_the_link_that_training_leaves_out() -> None:
    layers = (
        Dense(4, "tanh", name="trunk"),
        Dense(3, "softmax", name="kind"),
        Output("softmax_cross_entropy"),
        Dense(1, name="age", inputs=("trunk",)),
        Output("squared"),
    )
    architecture = Architecture(tuple(map(Layer.of, layers)), (InputSpec((5,)),), None)
    net = architecture.scores_net()
    weights, x = net.layout.init_weights(3), {INPUT: np.random.default_rng(0).normal(size=(6, 5))}
    found = run(session(model_of(net, weights, architecture.heads())), x)
    scores = scored(net, weights, x)
    assert list(found) == ["rawPrediction", "probability", "prediction", "prediction_age"]
    np.testing.assert_allclose(found["rawPrediction"], scores["kind/output"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found["probability"].sum(1), 1, rtol=1e-6)
    np.testing.assert_allclose(found["prediction_age"], scores["age/output"][:, 0], rtol=1e-5, atol=1e-6)


def test_scores_of_every_step_come_with_their_lengths() -> None:
    layers = (Embedding(6, 3), LSTM(4, sequences=True), Dense(6, "softmax"))
    architecture = Architecture(
        tuple(map(Layer.of, layers)), (InputSpec((7,), steps=True, tokens=6),), Loss.of("softmax_cross_entropy")
    )
    net = architecture.scores_net()
    rng, lengths = np.random.default_rng(0), np.array([7, 0, 3])
    weights, x = net.layout.init_weights(3), {INPUT: rng.integers(0, 6, (3, 7))}
    found = run(session(model_of(net, weights, architecture.heads(), [INPUT])), x, lengths)
    scores = scored(net, weights, x, lengths)
    np.testing.assert_allclose(found["rawPrediction"], scores["dense"], rtol=1e-5, atol=1e-6)
    assert found["prediction"].shape == (3, 7)
    assert found["prediction_lengths"].tolist() == lengths.tolist()


@pytest.fixture
def own() -> Iterator[type[Layer]]:
    """A user's own layer."""

    @dataclass(frozen=True, repr=False)
    class Own(Activation, kind="own_of_test"):
        def value(self, x: np.ndarray, y: np.ndarray) -> None:
            y[:] = x

    yield Own
    Layer._book.pop("own_of_test", None)


SMALL = Net.of((Dense(2, name="fc"),), {INPUT: (3,)})
WEIGHTS = SMALL.layout.init_weights(1)


def test_a_layer_of_the_user_is_refused_before_anything_is_written(own: type[Layer], tmp_path: Path) -> None:
    net = Net.of((Dense(2), own(name="mine")), {INPUT: (3,)})
    with pytest.raises(
        FormatError, match=r"layer 'mine' is of the kind 'own_of_test' \(Own\), which cannot be written"
    ):
        write(tmp_path / "a.onnx", net, net.layout.zeros())
    assert not list(tmp_path.iterdir())


def test_a_kind_without_writer_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(_registry.writers(), "dense")
    with pytest.raises(FormatError, match=r"toOnnx: layer 'fc' is of the kind 'dense' \(Dense\)"):
        write(tmp_path / "a.onnx", SMALL, WEIGHTS)
    assert not list(tmp_path.iterdir())


REFUSED: list[tuple[str, Mapping[str, Any], str]] = [
    ("a.onnx", {"opset": 13}, "opset must be 17, found 13"),
    ("a.onnx", {"values": ["fd"]}, "there is no layer 'fd'; known are fc, features"),
    ("nowhere/a.onnx", {}, "must be the path of a file in a folder that exists"),
    (".", {}, "must be the path of a file"),
]


@pytest.mark.parametrize(("path", "options", "fragment"), REFUSED)
def test_what_cannot_be_is_refused(path: str, options: Any, fragment: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=f"toOnnx: .*{fragment}"):
        write(tmp_path / path, SMALL, WEIGHTS, **options)
    assert not list(tmp_path.iterdir())


def test_the_package_onnx_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("onnx", "onnx.helper", "onnx.numpy_helper", "onnx.checker"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(FormatError, match=r'not installed: pip install "spark_deepnet\[onnx\]"'):
        write(tmp_path / "a.onnx", SMALL, WEIGHTS)
    assert not list(tmp_path.iterdir())


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.onnx"
    path.write_text("what was there")
    monkeypatch.setattr(writing, "model_of", lambda *_: (_ for _ in ()).throw(OSError("no room")))
    with pytest.raises(OSError, match="no room"):
        write(path, SMALL, WEIGHTS)
    broken = model_of(SMALL, WEIGHTS)
    broken.graph.node[0].op_type = "Gem"
    with pytest.raises(Exception, match="Gem"):
        writing.save(path, broken)
    assert path.read_text() == "what was there"
    assert list(tmp_path.iterdir()) == [path]
    monkeypatch.undo()
    write(path, SMALL, WEIGHTS)
    assert list(tmp_path.iterdir()) == [path]
    assert list(run(session(str(path)), {INPUT: np.ones((2, 3))})) == ["fc"]


def test_large_weights_lie_beside_the_graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net = Net.of((Dense(2000, name="fc"),), {INPUT: (30,)})
    weights, x = net.layout.init_weights(1), {INPUT: np.random.default_rng(0).normal(size=(2, 30))}
    monkeypatch.setattr(writing, "EXTERNAL_BYTES", 100_000)
    write(tmp_path / "a.onnx", net, weights)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.onnx", "a.onnx.data"]
    assert (tmp_path / "a.onnx").stat().st_size < 10_000
    found = run(session(str(tmp_path / "a.onnx")), x)
    np.testing.assert_allclose(found["fc"], scored(net, weights, x)["fc"], rtol=1e-4, atol=1e-5)
