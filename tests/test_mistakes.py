"""What a newcomer gets wrong before there is a DataFrame: each mistake is answered with what would be right."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from spark_deepnet.errors import UnknownParamError
from spark_deepnet.layers import LSTM, Dense
from spark_deepnet.losses.loss import Loss
from spark_deepnet.registry import class_in, modules_of
from tests import stubs

KEYWORDS = {
    "learningrate": "did you mean 'learningRate'?",
    "epochs": "use 'maxIter'",
    "batch_size": "did you mean 'batchSize'?",
    "hidden_layer_sizes": "use 'layers'",
    "stepSize": "use 'learningRate'",
    "blockSize": "use 'batchSize'",
}
FIELDS = [
    (lambda: LSTM(8, return_sequences=True), "LSTM has no field 'return_sequences'; use 'sequences'"),
    (lambda: Dense(64, input_shape=(4,)), "Dense has no field 'input_shape'; use the estimator's 'inputShape'"),
]
IMPORTS = [
    ("layers", "Dens", "did you mean 'Dense'?"),
    ("layers", "LSTN", "did you mean 'LSTM'?"),
    ("layers", "SiLU", "did you mean 'Swish'?"),
    ("layers", "Zzzz", "known are Abs, Add"),
    ("losses", "MSE", "did you mean 'Squared'?"),
    ("optimizers", "Adm", "did you mean 'Adam'"),
    ("schedules", "Cosin", "did you mean 'Cosine'?"),
    ("initializers", "HeNorml", "did you mean 'HeNormal'"),
]
LOSSES = {"mse": "squared", "mae": "absolute", "sparse_categorical_crossentropy": "softmax_cross_entropy"}


@pytest.mark.parametrize(("name", "right"), KEYWORDS.items())
def test_a_keyword_of_others_is_answered_with_ours(name: str, right: str) -> None:
    from spark_deepnet import DeepNetEstimator

    with pytest.raises(UnknownParamError) as raised:
        DeepNetEstimator(**{name: 3})
    assert f"there is no Param {name!r}; {right}" in str(raised.value)
    assert isinstance(raised.value, TypeError)


@pytest.mark.parametrize(("make", "right"), FIELDS)
def test_a_field_of_others_is_answered_with_ours(make: Any, right: str) -> None:
    with pytest.raises(UnknownParamError) as raised:
        make()
    assert str(raised.value).startswith(right)


@pytest.mark.parametrize(("family", "name", "right"), IMPORTS)
def test_an_import_is_answered_with_near_names(family: str, name: str, right: str) -> None:
    with pytest.raises(ImportError) as imported:
        exec(f"from spark_deepnet.{family} import {name}")
    with pytest.raises(AttributeError) as asked:
        getattr(import_module(f"spark_deepnet.{family}"), name)
    for raised in (imported, asked):
        assert f"module 'spark_deepnet.{family}' has no attribute {name!r}; {right}" in str(raised.value)


def test_what_asks_whether_a_name_is_there_gets_an_answer() -> None:
    layers = import_module("spark_deepnet.layers")
    assert getattr(layers, "Dens", None) is None
    exec("from spark_deepnet.layers import dense, _arrays")  # files are found as such


@pytest.mark.parametrize("family", stubs.FAMILIES)
def test_star_and_dir_and_completion_give_all_members(family: str) -> None:
    package = import_module(f"spark_deepnet.{family}")
    members = {class_in(import_module(f"{package.__name__}.{module}")) for module in modules_of(package.__name__)}
    own: dict[str, Any] = {}
    exec(f"from spark_deepnet.{family} import *", own)
    assert members == set(own) - {"__builtins__"}
    assert members <= set(dir(package))


@pytest.mark.parametrize(("path", "text"), list(stubs.stubs()), ids=stubs.FAMILIES)
def test_the_stub_is_made_from_the_folder(path: Path, text: str) -> None:
    assert path.read_text(encoding="utf-8") == text, "run `make docs`"


@pytest.mark.parametrize(("name", "kind"), LOSSES.items())
def test_losses_are_taken_by_the_names_of_others(name: str, kind: str) -> None:
    assert Loss.of(name).kind == kind
