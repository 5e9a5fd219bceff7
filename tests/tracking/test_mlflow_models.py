"""Models in MLflow's form, and what a pandas frame scores to, in a process without a Spark session."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark import SparkContext
from pyspark.ml.linalg import Vectors

from spark_deepnet import DeepNetModel
from spark_deepnet.errors import DataError, MissingPackageError, ModelFormatError, ParamError, SaveError
from spark_deepnet.layers import Concatenate, Dense, Embedding, Flatten, GlobalAveragePool1D, Output
from spark_deepnet.layers.layer import Layer
from spark_deepnet.losses import SigmoidCrossEntropy, SoftmaxCrossEntropy, Squared
from spark_deepnet.net.net import INPUT
from spark_deepnet.plan.architecture import Architecture, InputSpec
from spark_deepnet.spark.pandas_scoring import score_pandas
from spark_deepnet.spark.weights.local import load_pipeline, save_pipeline
from spark_deepnet.tracking._mlflow_names import MAX_VALUE, metric_names, param_value
from tests.spark.data import same

RNG = np.random.default_rng(3)
X = RNG.normal(size=(5, 4))
needs_mlflow = pytest.mark.filterwarnings("ignore::Warning")  # MLflow's own


def model_of(*layers: Any, entry: InputSpec | None = None, loss: Any = None, more: Any = ()) -> DeepNetModel:
    entries = (entry or InputSpec((4,), INPUT), *more)
    architecture = Architecture(layers, entries, loss or SoftmaxCrossEntropy())
    layout = architecture.scores_net().layout
    return DeepNetModel(architecture, RNG.normal(size=layout.size).astype(np.float32))


def classifier() -> DeepNetModel:
    return model_of(Dense(5, "relu"), Dense(3))


@pytest.fixture
def mlflow() -> Any:
    return pytest.importorskip("mlflow", reason='mlflow is absent: pip install "spark_deepnet[mlflow]"')


@needs_mlflow
def test_mlflow_scores_a_model_without_a_session(mlflow: Any, tmp_path: Path) -> None:
    from spark_deepnet.tracking import mlflow as tracking

    model = classifier()
    tracking.save_model(model, tmp_path / "m", metadata={"by": "me"})
    loaded = mlflow.pyfunc.load_model(str(tmp_path / "m"))
    scored = loaded.predict(pd.DataFrame({"features": X.tolist()}, index=list("abcde")))
    assert scored.index.tolist() == list("abcde")
    assert scored.columns.tolist() == ["prediction", "rawPrediction", "probability"]
    assert scored["prediction"].tolist() == [model.predict(row) for row in X]
    np.testing.assert_allclose(scored["probability"]["a"], model.predictProbability(X[0]).toArray())
    np.testing.assert_array_equal(loaded.predict(X)["prediction"], scored["prediction"])
    assert SparkContext._active_spark_context is None
    described = mlflow.models.Model.load(str(tmp_path / "m"))
    assert described.flavors["spark"]["model_data"] == "data/sparkml"
    assert described.metadata == {"by": "me"}
    assert "spark_deepnet==" in (tmp_path / "m" / "requirements.txt").read_text()
    again = tracking.load_model(str(tmp_path / "m"))
    assert same(again, model)


@needs_mlflow
def test_a_signature_is_kept_and_holds(mlflow: Any, tmp_path: Path) -> None:
    from spark_deepnet.tracking import mlflow as tracking

    model, frame = classifier(), pd.DataFrame({"features": X.tolist()})
    signature = mlflow.models.infer_signature(frame, score_pandas(model, frame))
    tracking.save_model(model, tmp_path / "m", signature=signature)
    loaded = mlflow.pyfunc.load_model(str(tmp_path / "m"))
    assert loaded.predict(frame)["prediction"].tolist() == [model.predict(row) for row in X]


@needs_mlflow
def test_layers_of_ones_own_come_with_their_file(mlflow: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from spark_deepnet.tracking import mlflow as tracking

    source = Path(__file__).parents[2] / "examples" / "own_maxout.py"
    monkeypatch.setattr(Layer, "_book", dict(Layer._book))  # no other test sees the layer
    monkeypatch.syspath_prepend(str(source.parent))
    own = importlib.import_module("own_maxout")
    model = model_of(Dense(6), own.Maxout(2), Dense(3))
    tracking.save_model(model, tmp_path / "m", modules=["own_maxout"], code_paths=[str(source)])
    expected = [model.predict(row) for row in X]
    monkeypatch.delitem(sys.modules, "own_maxout")
    del Layer._book["maxout"]
    with pytest.raises(ModelFormatError, match="it needs the module 'own_maxout'"):
        tracking.load_model(str(tmp_path / "m"))
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert mlflow.pyfunc.load_model(str(tmp_path / "m")).predict(X)["prediction"].tolist() == expected


@needs_mlflow
def test_what_is_no_model_is_refused(mlflow: Any, tmp_path: Path) -> None:
    from spark_deepnet.tracking import mlflow as tracking

    with pytest.raises(ParamError, match=r"expected a DeepNetModel, found str; mlflow\.spark saves pipelines"):
        tracking.save_model("model", tmp_path / "m")  # type: ignore[arg-type]


def test_a_column_may_hold_vectors_lists_and_numbers() -> None:
    model = classifier()
    expected = [model.predict(row) for row in X]
    sparse = [Vectors.sparse(4, range(4), row) if k % 2 else Vectors.dense(row) for k, row in enumerate(X)]
    for cells in (X.tolist(), list(X), list(X.astype(np.float32)), list(map(Vectors.dense, X)), sparse):
        assert score_pandas(model, pd.DataFrame({"features": cells}))["prediction"].tolist() == expected
    numbers = model.copy({model.featuresCols: ["a", "b", "c", "d"]})
    assert score_pandas(numbers, pd.DataFrame(X, columns=list("abcd")))["prediction"].tolist() == expected
    assert score_pandas(model, pd.DataFrame({"features": []})).shape == (0, 3)


def test_sequences_of_tokens_images_and_several_inputs_are_scored() -> None:
    tokens = model_of(
        Embedding(9, 3), GlobalAveragePool1D(), Dense(2), entry=InputSpec((6,), INPUT, steps=True, tokens=9)
    )
    rows = [[1, 2, 3], [8], [4, 4, 4, 4]]
    scored = score_pandas(tokens, pd.DataFrame({"features": rows}))
    assert scored["prediction"].tolist() == [tokens.predict(row) for row in rows]
    picture = model_of(Flatten(), Dense(2), entry=InputSpec((2, 2, 3), INPUT))
    image = {"height": 2, "width": 2, "nChannels": 3, "mode": 16, "data": bytes(range(12)), "origin": ""}
    for cell in (image, bytes(range(12)), np.arange(12).reshape(2, 2, 3), np.arange(12).reshape(2, 2, 3).tolist()):
        scored = score_pandas(picture, pd.DataFrame({"features": [cell]}))
        assert scored["prediction"].tolist() == [picture.predict(bytes(range(12)))]
    deep, wide = InputSpec((4,), "deep", ("x",)), InputSpec((1,), "wide", ("größe",))
    joined = model_of(
        Concatenate(inputs=["deep", "wide"], name="both"), Dense(1), entry=deep, more=(wide,), loss=Squared()
    )
    frame = pd.DataFrame({"größe": [1, 2], "x": X[:2].tolist()})
    by_hand = np.column_stack([X[:2], [1, 2]]) @ joined.weights["dense/W"] + joined.weights["dense/b"]
    np.testing.assert_allclose(score_pandas(joined, frame)["prediction"], by_hand[:, 0], rtol=1e-5)


def test_columns_of_targets_and_of_labels() -> None:
    model = model_of(Dense(2), loss=Squared()).setLabelCols(["a", "b"])
    scored = score_pandas(model, pd.DataFrame({"features": X.tolist()}))
    assert scored.columns.tolist() == ["prediction", "prediction_a", "prediction_b"]
    np.testing.assert_array_equal(scored[["prediction_a", "prediction_b"]].to_numpy(), np.stack(scored["prediction"]))
    labels = model_of(Dense(3), loss=SigmoidCrossEntropy())
    scored = score_pandas(labels, pd.DataFrame({"features": X.tolist()}))
    expected = [[float(k) for k in range(3) if row[k] == 1] for row in scored["prediction"]]
    assert scored["predictedLabels"].tolist() == expected


def test_several_outputs_and_names_that_are_left_out() -> None:
    layers = [Dense(4, name="base"), Dense(2, name="a", inputs="base"), Output(SoftmaxCrossEntropy(), name="kind"),
              Dense(1, name="b", inputs="base"), Output(Squared(), name="age")]  # fmt: skip
    model = model_of(*layers)
    scored = score_pandas(model, pd.DataFrame({"features": X.tolist()}))
    assert scored.columns.tolist() == ["prediction", "rawPrediction", "probability", "prediction_age"]
    alone = model.copy({model.rawPredictionCol: "", model.probabilityCol: "", model.predictionCol: "guess"})
    assert score_pandas(alone, pd.DataFrame({"features": X.tolist()})).columns.tolist() == ["guess", "guess_age"]
    values = alone.copy({alone.predictionCol: "", alone.outputLayers: ["base"], alone.outputCols: ["values"]})
    scored = score_pandas(values, pd.DataFrame({"features": X.tolist()}))
    assert [len(cell) for cell in scored["values"]] == [4] * 5


def test_rows_without_features_follow_handle_invalid() -> None:
    model = classifier()
    frame = pd.DataFrame({"features": [X[0].tolist(), None, [1.0, float("nan"), 0.0, 0.0]]})
    with pytest.raises(DataError, match="null; fill or drop them first"):
        score_pandas(model, frame)
    skipped = score_pandas(model.copy({model.handleInvalid: "skip"}), frame)
    assert skipped.index.tolist() == [0]
    kept = score_pandas(model.copy({model.handleInvalid: "keep"}), frame)
    assert np.isnan(kept["prediction"]).tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        ({"feature": X.tolist()}, "the frame has no column 'features'; did you mean 'feature'"),
        ({"features": [[1.0, 2.0]]}, "rows of length 2, but the first layer takes 4"),
        ({"features": ["text"]}, "expected numbers in the shape of a row"),
        ({"features": [b"1234", [1, 2, 3, 4]]}, "expected bytes, as in the first row, found list"),
    ],
)
def test_a_frame_that_does_not_fit_is_refused(cells: Any, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        score_pandas(classifier(), pd.DataFrame(cells))


def test_a_folder_keeps_all_that_a_model_is(tmp_path: Path) -> None:
    model = classifier()
    model.class_names = (("cat", "größe", "<b>"),)
    save_pipeline(model.copy({model.predictionCol: "guess"}), tmp_path / "a")
    loaded = load_pipeline(DeepNetModel, tmp_path / "a", [])
    assert loaded.getPredictionCol() == "guess"
    assert loaded.classNames == ["cat", "größe", "<b>"]
    assert loaded.uid == model.uid
    assert not loaded.hasSummary, "as of a model of an older format"
    with pytest.raises(SaveError, match="could not be written"):
        save_pipeline(model, tmp_path / "a")
    model._resetUid("../../x")
    with pytest.raises(SaveError, match="is no name of a folder"):
        save_pipeline(model, tmp_path / "b")


def test_a_damaged_folder_is_refused(tmp_path: Path) -> None:
    save_pipeline(classifier(), tmp_path / "a")
    (weights,) = tmp_path.glob("a/stages/*/data/*")
    raw = bytearray(weights.read_bytes())
    whole, place = bytes(raw), raw.index(b"dense/W") + 40
    raw[place : place + 8] = b"\xff" * 8
    weights.write_bytes(raw)
    with pytest.raises(ModelFormatError, match=r"^load: "):
        load_pipeline(DeepNetModel, tmp_path / "a", [])
    weights.write_bytes(whole[:100])
    with pytest.raises(ModelFormatError, match=r"^load: "):
        load_pipeline(DeepNetModel, tmp_path / "a", [])
    weights.unlink()
    with pytest.raises(ModelFormatError, match="bytes of weights, but 0 bytes are on storage"):
        load_pipeline(DeepNetModel, tmp_path / "a", [])
    with pytest.raises(ModelFormatError, match="holds 0 stages"):
        load_pipeline(DeepNetModel, tmp_path / "none", [])


def test_names_and_values_are_those_that_mlflow_takes() -> None:
    names = ["loss", "a<_loss", "a>_loss", "größe_loss", "x" * 300, "x" * 299, ".", ""]
    given = metric_names(names)
    assert given["loss"] == "loss"
    assert (given["a<_loss"], given["a>_loss"], given["größe_loss"]) == ("a__loss", "a__loss_2", "größe_loss")
    assert len(set(given.values())) == len(names)
    assert max(map(len, given.values())) <= 250
    assert param_value("x" * 600) == "x" * (MAX_VALUE - 3) + "..."
    assert param_value("x") == "x"


def test_without_mlflow_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from spark_deepnet.tracking import mlflow as tracking

    monkeypatch.setitem(sys.modules, "mlflow", None)
    for call in (tracking.autolog, tracking.MLflow, lambda: tracking.save_model(classifier(), "m")):
        with pytest.raises(MissingPackageError, match=r'mlflow.*pip install "spark_deepnet\[mlflow\]"'):
            call()
    tracking.autolog(disable=True)
