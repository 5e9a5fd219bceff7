"""Params as Spark ML has them; none of this needs a session."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import numpy as np
import pytest
from pyspark.ml.param import Param
from pyspark.ml.tuning import ParamGridBuilder

from spark_deepnet import DeepNetEstimator, DeepNetModel
from spark_deepnet.errors import ParamError, UnknownNameError
from spark_deepnet.exchange.compressions.compression import Compression
from spark_deepnet.layers import Dense
from spark_deepnet.losses import Hinge
from spark_deepnet.optimizers import Adam
from spark_deepnet.schedules import Step

VALUES: dict[str, Any] = {
    "layers": [4, 3],
    "classWeights": [1.0, 2.5],
    "metrics": ["accuracy", {"kind": "metrics.top_k.v1", "k": 3}],
    "monitor": "auc",
    "inputShape": [2, 2],
    "loss": "hinge",
    "solver": "sgd",
    "schedule": "cosine",
    "thresholds": [0.5, 0.5],
    "featuresCols": ["a", "b"],
    "labelCols": ["a", "b"],
    "outputLayers": ["conv1", "pool1"],
    "outputCols": ["a", "b"],
    "handleInvalid": "skip",
    "showProgress": True,
    "standardization": True,
    "syncState": "reset",
    "exchange": "spark",
    "compression": {"kind": "topk", "ratio": 0.1},
    "overlap": True,
    "encryption": "off",
    "portRange": "40000-40100",
}
"""A value for the Params that do not take any text or number."""
NO_RATIOS = [{"kind": "topk"} | wrong for wrong in ({"k": 3}, {"ratio": 0}, {"ratio": 1.1}, {"ratio": "0.1"})]
NAMES = [param.name for param in DeepNetEstimator().params]


def value_of(param: Param[Any]) -> Any:
    if param.name in VALUES:
        return VALUES[param.name]
    return "x" if param.name.endswith(("Col", "Dir")) else 7


@pytest.mark.parametrize("make", [DeepNetEstimator, DeepNetModel])
@pytest.mark.parametrize("name", NAMES)
def test_every_param_is_set_and_got(make: type, name: str) -> None:
    stage = make()
    value = value_of(stage.getParam(name))
    title = name[0].upper() + name[1:]
    assert getattr(stage, f"set{title}")(value) is stage
    assert getattr(stage, f"get{title}")() == value
    assert stage.isSet(name)
    assert len(stage.getParam(name).doc) > 5


@pytest.mark.parametrize("name", NAMES)
def test_every_param_is_an_argument(name: str) -> None:
    value = value_of(DeepNetEstimator().getParam(name))
    by_constructor, later = DeepNetEstimator(**{name: value}), DeepNetEstimator()
    assert later.setParams(**{name: value}) is later
    for net in by_constructor, later:
        assert net.getOrDefault(name) == value
        assert {param.name for param in net.params if net.isSet(param)} == {name}


def test_arguments_have_names() -> None:
    with pytest.raises(TypeError):
        DeepNetEstimator([4, 3])
    with pytest.raises(TypeError, match="layer"):
        DeepNetEstimator(layer=[4, 3])


def test_what_is_not_set_has_these_defaults() -> None:
    net = DeepNetEstimator()
    told = {param.name: net.getOrDefault(param) for param in net.params if net.isDefined(param)}
    assert told == {
        "featuresCol": "features", "labelCol": "label", "predictionCol": "prediction", "probabilityCol": "probability",
        "rawPredictionCol": "rawPrediction", "predictedLabelsCol": "predictedLabels",
        "loss": "auto", "solver": "auto", "schedule": "auto",
        "learningRate": 0.001, "momentum": 0.9, "validationFraction": 0.0, "maxSteps": 0, "regParam": 0.0,
        "elasticNetParam": 0.0, "tol": 0.0, "patience": 5, "metrics": [], "monitor": "loss",
        "seed": 0, "numTrainWorkers": 0, "handleInvalid": "error",
        "clipNorm": 0.0, "clipValue": 0.0, "modelBlocks": 1, "syncEvery": 1,
        "syncEpochs": 0, "syncState": "average", "syncMomentum": 0.0, "syncRate": 1.0, "exchange": "auto",
        "encryption": "auto", "compression": "none", "overlap": False,
        "checkpointInterval": 10, "keepCheckpoints": 2, "maxMemoryInMB": 0,
        "jobSeconds": 30.0, "timeout": 300.0, "showProgress": False,
    }  # fmt: skip


def test_all_is_explained() -> None:
    text = DeepNetEstimator(layers=[Dense(3, "softmax")]).explainParams()
    assert [name for name in NAMES if f"{name}: " not in text] == []
    assert "layers.dense.v1" in text


def test_values_are_json() -> None:
    net = DeepNetEstimator(
        layers=[Dense(3, "relu"), "flatten", {"kind": "dense", "units": 2}],
        loss=Hinge(),
        solver=Adam(),
        schedule=Step(2),
    )
    values = [net.getOrDefault(name) for name in ("layers", "loss", "solver", "schedule")]
    assert json.loads(json.dumps(values)) == values
    again = DeepNetEstimator(layers=values[0], loss=values[1], solver=values[2], schedule=values[3])
    assert [again.getOrDefault(name) for name in ("layers", "loss", "solver", "schedule")] == values


def test_sizes_may_be_numpys() -> None:
    assert DeepNetEstimator(layers=np.array([4, 3])).getLayers() == [4, 3]
    assert DeepNetEstimator(layers=(4, 3)).getLayers() == [4, 3]


NUMPYS = [
    ("learningRate", np.float32(0.5), 0.5),
    ("learningRate", np.array(0.5), 0.5),
    ("regParam", np.float16(0), 0.0),
    ("tol", np.int32(1), 1.0),
    *(("maxIter", kind(3), 3) for kind in (np.int8, np.int16, np.uint32, np.uint64, np.float32, np.array)),
    ("batchSize", np.int16(8), 8),
    ("seed", np.uint8(7), 7),
    ("syncEvery", np.int32(4), 4),
    ("modelBlocks", np.int64(2), 2),
    ("overlap", np.bool_(True), True),
    ("showProgress", np.array(False), False),
    ("handleInvalid", np.str_("skip"), "skip"),
    ("featuresCols", np.array(["a", "b"]), ["a", "b"]),
    ("inputShape", np.array([2, 2], np.int32), [2, 2]),
    ("thresholds", np.array([0.5, 0.25], np.float32), [0.5, 0.25]),
    ("layers", np.array([4, 3], np.int16), [4, 3]),
    ("layers", [np.int32(4), np.uint8(3)], [4, 3]),
    ("loss", {"kind": "huber", "delta": np.float32(0.5)}, {"kind": "losses.huber.v1", "delta": 0.5}),
    ("compression", {"kind": "topk", "ratio": np.float32(0.25)}, {"kind": "topk", "ratio": 0.25}),
]


@pytest.mark.parametrize("kind", ["none", *Compression.names()])
def test_a_compression_is_a_value_of_its_param(kind: str) -> None:
    assert DeepNetEstimator(compression=kind).getCompression() == kind


@pytest.mark.parametrize(("name", "value", "expected"), NUMPYS)
def test_numpys_values_become_pythons(name: str, value: Any, expected: Any) -> None:
    net = DeepNetEstimator()
    param = net.getParam(name)
    (grid,) = ParamGridBuilder().addGrid(param, [value]).build()
    setter = getattr(DeepNetModel(), f"set{name[0].upper()}{name[1:]}")
    for stage in DeepNetEstimator(**{name: value}), setter(value), net.copy({param: value}), net.copy(grid):
        found = stage.getOrDefault(name)
        assert found == expected
        assert type(found) is type(expected)
        assert json.loads(json.dumps(found)) == found


def test_grids_are_made_with_numpy() -> None:
    net = DeepNetEstimator()
    rates, sizes = np.linspace(0, 1, 3, dtype=np.float32), np.arange(1, 3)
    maps = ParamGridBuilder().addGrid(net.learningRate, rates).addGrid(net.batchSize, sizes).build()
    found = [[made[param] for param in (net.learningRate, net.batchSize)] for made in maps]
    assert sorted(found) == [[rate, size] for rate in (0.0, 0.5, 1.0) for size in (1, 2)]
    assert {(type(rate), type(size)) for rate, size in found} == {(float, int)}


@pytest.mark.parametrize(
    ("name", "value"), [("maxIter", np.bool_(True)), ("maxIter", np.float32(0.5)), ("overlap", np.int8(1))]
)
def test_numpys_values_of_another_kind_are_refused(name: str, value: Any) -> None:
    with pytest.raises(TypeError, match=name):
        DeepNetEstimator(**{name: value})


def test_a_copy_is_its_own() -> None:
    net = DeepNetEstimator(layers=[4, 3], maxIter=2)
    other = net.copy({net.layers: [4, 5, 3], net.maxIter: 7})
    assert (other.getLayers(), other.getMaxIter(), other.uid) == ([4, 5, 3], 7, net.uid)
    assert (net.getLayers(), net.getMaxIter()) == ([4, 3], 2)


def test_none_leaves_a_param_as_it_is() -> None:
    net = DeepNetEstimator(patience=None, maxIter=None, weightCol=None)
    assert (net.getPatience(), net.isDefined(net.maxIter)) == (5, False)
    assert not DeepNetEstimator(weightCol=None).isDefined("weightCol")


@pytest.mark.parametrize(
    ("name", "value", "error", "tells"),
    [
        ("layers", [], ParamError, "layers: expected a list"),
        ("layers", [4, "dense", True], ParamError, "layers"),
        ("loss", "hinged", UnknownNameError, "'hinge'"),
        ("solver", 7, ParamError, "optimizers: expected"),
        ("schedule", {"kind": "step", "eppochs": 2}, ParamError, "'eppochs'"),
        ("maxIter", "ten", TypeError, "maxIter"),
        *(
            (name, "automatic", TypeError, f"{name}.*expected a whole number or 'auto', found 'automatic'")
            for name in ("syncEvery", "modelBlocks")
        ),
        *(
            ("compression", value, ParamError, "^compression: must be 'none', 'fp16'")
            for value in ("half", 0.01, {"ratio": 0.1}, {"kind": "fp16", "ratio": 0.1}, *NO_RATIOS)
        ),
        *(
            ("portRange", value, ParamError, f"^portRange: must be .*'40000-40100', found {value!r}$")
            for value in ("", "40000", "40100-40000", "0-10", "60000-65536", "-40000", "40000-40100-", "a-b", 40000)
        ),
    ],
)
def test_a_wrong_value_is_refused_when_set(name: str, value: Any, error: type[Exception], tells: str) -> None:
    with pytest.raises(error, match=tells):
        DeepNetEstimator(**{name: value})


@pytest.mark.parametrize("again", [lambda it: pickle.loads(pickle.dumps(it)), copy.deepcopy])
def test_an_estimator_is_pickled_and_copied(again: Any) -> None:
    net = DeepNetEstimator(**{name: value_of(DeepNetEstimator().getParam(name)) for name in NAMES})
    other = again(net)
    assert (other.uid, other.extractParamMap()) == (net.uid, net.extractParamMap())
    assert other.setMaxIter(3).getMaxIter() == 3
    assert net.getMaxIter() == 7
    with pytest.raises(ParamError, match="layers"):
        other.setLayers([])
