"""Every Param is declared once, and unknown names are answered with near ones; none of this needs a session."""

from __future__ import annotations

import inspect
import pydoc
import re
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest

from spark_deepnet import DeepNetEstimator, DeepNetModel
from spark_deepnet.errors import UnknownParamError
from spark_deepnet.plan.plan import Recipe, TrainPlan
from spark_deepnet.spark.params.declaration import UNSET
from spark_deepnet.spark.params.synonyms import SYNONYMS
from spark_deepnet.spark.params.table import DECLARATIONS
from tests.spark import accessors


def test_keywords_getters_and_setters_are_those_of_the_declarations() -> None:
    assert accessors.FILE.read_text(encoding="utf-8") == accessors.text(), "run `make docs`"


@pytest.mark.parametrize("stage", [DeepNetEstimator(), DeepNetModel()])
def test_every_param_is_declared_and_described_so(stage: Any) -> None:
    assert {param.name: param.doc for param in stage.params} == {d.name: d.doc for d in DECLARATIONS.values()}
    assert {getattr(type(stage), name).doc for name in DECLARATIONS} == {d.doc for d in DECLARATIONS.values()}


@pytest.mark.parametrize("declared", DECLARATIONS.values(), ids=lambda declared: declared.name)
def test_a_description_is_a_sentence(declared: Any) -> None:
    assert re.fullmatch(r"[A-Z].*\.", declared.doc)
    assert declared.allowed is None or declared.default is UNSET or declared.allowed.test(declared.default)


def test_values_go_to_fields_of_the_plan() -> None:
    assert {d.recipe for d in DECLARATIONS.values()} - {""} <= {f.name for f in fields(Recipe)}
    assert {d.plan for d in DECLARATIONS.values()} - {""} <= {f.name for f in fields(TrainPlan)}


@pytest.mark.parametrize("method", [DeepNetEstimator.__init__, DeepNetEstimator.setParams])
def test_help_shows_every_param(method: Callable[..., Any]) -> None:
    assert [p.name for p in inspect.signature(method).parameters.values()] == ["self", *DECLARATIONS]
    text = pydoc.render_doc(method, renderer=pydoc.plaintext)
    assert [d.name for d in DECLARATIONS.values() if d.doc not in text] == []


UNKNOWN = {
    "lerningRate": "did you mean 'learningRate'",
    "batch_size": "did you mean 'batchSize'",
    "batchsize": "did you mean 'batchSize'",
    "max_iter": "did you mean 'maxIter'",
    "clipnorm": "did you mean 'clipNorm'",
    "layer": "did you mean 'layers'",
    "epochs": "use 'maxIter'",
    "hidden_layer_sizes": "use 'layers'",
    "stepSize": "use 'learningRate'",
    "blockSize": "use 'batchSize'",
    "learning_rate_init": "use 'learningRate'",
    "validation_split": "use 'validationIndicatorCol'",
    "class_weight": "use 'weightCol'",
    "somethingElse": "known are batchSize, checkpointDir",
}
"""A name -> how the sentence about it ends."""


@pytest.mark.parametrize("name", UNKNOWN)
@pytest.mark.parametrize(
    "given",
    [
        lambda values: DeepNetEstimator(**values),
        lambda values: DeepNetEstimator().setParams(**values),
        lambda values: DeepNetEstimator().copy(values),
        lambda values: DeepNetEstimator().fit(None, values),
    ],
    ids=["constructor", "setParams", "copy", "fit"],
)
def test_an_unknown_name_is_answered_with_near_ones(given: Callable[[Any], Any], name: str) -> None:
    with pytest.raises(
        UnknownParamError, match=f"DeepNetEstimator: there is no Param '{name}'; {UNKNOWN[name]}"
    ) as told:
        given({name: 1})
    assert isinstance(told.value, TypeError)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("make", [DeepNetEstimator, DeepNetModel])
def test_an_unknown_setter_is_answered_with_near_params(make: type) -> None:
    stage = make()
    for name in "setLerningRate", "getLerningRate", "lerningRate":
        with pytest.raises(AttributeError, match=f"no attribute '{name}'.*; did you mean 'learningRate'?"):
            getattr(stage, name)
    with pytest.raises(AttributeError, match="use 'maxIter'"):
        stage.getParam("epochs")
    with pytest.raises(AttributeError, match=r"has no attribute 'somethingElse'$"):
        stage.somethingElse  # noqa: B018
    assert not hasattr(stage, "_lerningRate")


def test_every_synonym_leads_to_a_param() -> None:
    assert [name for name, text in SYNONYMS.items() if text.split("'")[1] not in DECLARATIONS] == []


def test_a_copy_takes_values_by_name() -> None:
    net = DeepNetEstimator(maxIter=2)
    other = net.copy({"maxIter": 7, net.seed: 3})
    assert (other.getMaxIter(), other.getSeed(), net.getMaxIter()) == (7, 3, 2)
