"""What a person sees of an estimator, a model, a summary and a network; none of this needs a session."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spark_deepnet import DeepNetEstimator, DeepNetModel
from spark_deepnet.layers import Conv2D, Dense, Flatten
from spark_deepnet.losses import SigmoidCrossEntropy, SoftmaxCrossEntropy, Squared
from spark_deepnet.net.net import INPUT, Net
from spark_deepnet.optimizers import Adam
from spark_deepnet.plan.architecture import Architecture, InputSpec
from spark_deepnet.spark.evaluation.classes import ClassificationSummary
from spark_deepnet.spark.evaluation.labels import MultilabelSummary
from spark_deepnet.spark.evaluation.numbers import RegressionSummary
from spark_deepnet.spark.evaluation.pairs import Pairs
from spark_deepnet.spark.summary import TrainingSummary

MARKUP = "<script>alert('größe')</script>"


def model_of(units: int, loss: Any) -> DeepNetModel:
    architecture = Architecture((Dense(5, "relu"), Dense(units)), (InputSpec((4,), INPUT),), loss)
    return DeepNetModel(architecture, np.zeros(architecture.scores_net().layout.size, np.float32))


def summary_of(epochs: int, best: int | None = None) -> TrainingSummary:
    history = [
        {"loss": 1 / (k + 1), "accuracy": 0.5, "seconds": 0.125, "rowsPerSecond": 12345.6} for k in range(epochs)
    ]
    ranks = [{"rank": rank, "rows": 9} for rank in (0, 1)]
    return TrainingSummary(history, ranks, jobs=1, steps=7 * epochs, seconds=1.5, bestEpoch=best, syncEvery=1)


def test_an_estimator_is_shown_as_the_code_that_makes_it() -> None:
    assert repr(DeepNetEstimator()) == "DeepNetEstimator()"
    net = DeepNetEstimator(layers=[784, 128, 10], maxIter=5, solver=Adam(0.8))
    assert repr(net) == str(net) == "DeepNetEstimator(layers=[784, 128, 10], maxIter=5, solver=Adam(beta1=0.8))"
    assert repr(eval(repr(net))) == repr(net)
    long = DeepNetEstimator(
        layers=[Conv2D(20, 5, activation="relu"), Flatten(), Dense(10, "softmax")], inputShape=[28, 28, 1]
    )
    assert repr(long).splitlines() == [
        "DeepNetEstimator(",
        "    inputShape=[28, 28, 1],",
        "    layers=[Conv2D(20, 5, activation='relu'), Flatten(), Dense(10, activation='softmax')],",
        ")",
    ]
    assert repr(eval(repr(long))) == repr(long)
    assert "<td>[784, 128, 10]</td>" in net._repr_html_()


@pytest.mark.parametrize(
    ("units", "loss", "what"),
    [
        (3, SoftmaxCrossEntropy(), "3 classes"),
        (1, SigmoidCrossEntropy(), "2 classes"),
        (2, SigmoidCrossEntropy(), "2 labels"),
        (1, Squared(), "1 number"),
        (2, Squared(), "2 numbers"),
    ],
)
def test_a_model_is_shown_by_what_it_predicts_of_what(units: int, loss: Any, what: str) -> None:
    model = model_of(units, loss)
    assert repr(model) == f"DeepNetModel({what} of 4 features, {25 + 6 * units} weights, uid={model.uid!r})"
    assert str(model) == f"{model!r}\n{model.net.summary()}"
    assert "<table>" in model._repr_html_()
    assert repr(DeepNetModel()) == "DeepNetModel()"


def test_a_network_is_shown_as_its_table() -> None:
    net = model_of(3, Squared()).net
    lines = repr(net).splitlines()
    assert lines == net.summary().splitlines()
    assert [line.split()[0] for line in lines] == ["name", "dense", "dense/relu", "dense_2", "in"]
    html = net._repr_html_()
    assert html.count("<tr>") == len(lines)
    assert "<td>dense_2 (dense)</td><td>(3,)</td><td>18</td>" in html


def test_a_summary_is_a_line_and_a_table_of_epochs() -> None:
    summary = summary_of(3, best=1)
    assert repr(summary) == "TrainingSummary(epochs=3, steps=21, loss=0.3333, accuracy=0.5, seconds=1.5)"
    assert str(summary).splitlines() == [
        "3 epochs, 21 steps, 2 workers, 1 Spark job, 1.5 s; weights of epoch 2",
        "epoch    loss  accuracy  seconds  rowsPerSecond",
        "    1       1       0.5    0.125         12,346",
        "    2     0.5       0.5    0.125         12,346",
        "    3  0.3333       0.5    0.125         12,346",
    ]
    assert summary._repr_html_().count("<tr>") == 4


def test_of_many_epochs_the_first_the_best_and_the_last_are_shown() -> None:
    lines = str(summary_of(100, best=41)).splitlines()[2:]
    assert [line.split()[0] for line in lines] == [
        *("1", "2", "3", "4", "5", "..."), "42", *("...", "96", "97", "98", "99", "100"),
    ]  # fmt: skip
    assert max(map(len, str(summary_of(1000)).splitlines())) <= 100
    assert str(replace(summary_of(0))).startswith("0 epochs, 0 steps")


def classified(matrix: Any, names: tuple[str, ...] | None = None) -> ClassificationSummary:
    return ClassificationSummary(Pairs(None, None, len(matrix), names), np.array(matrix, float), 0.25)  # type: ignore[arg-type]


def test_an_evaluation_is_a_line_and_a_table_of_classes() -> None:
    summary = classified([[8, 2], [1, 9]], ("cat", "dog"))
    assert repr(summary) == "ClassificationSummary(accuracy=0.85, weightedFMeasure=0.8496, logLoss=0.25, classes=2)"
    assert str(summary).splitlines()[1:] == [
        "label  name  weight  precision  recall  fMeasure  falsePositiveRate",
        "    0   cat      10     0.8889     0.8    0.8421                0.1",
        "    1   dog      10     0.8182     0.9    0.8571                0.2",
    ]
    assert "name" not in str(classified(np.eye(3)))
    assert len(str(classified(np.eye(1000))).splitlines()) == 23
    labels = MultilabelSummary(None, 0.5, 0.25, [1.0] * 900, [0.5] * 900, [0.6] * 900, 0.5, 0.5, 0.5)  # type: ignore[arg-type]
    assert len(str(labels).splitlines()) == 23
    assert repr(labels).endswith("microF1Measure=0.5, labels=900)")
    numbers = RegressionSummary(None, 9, 4.0, 1.5, 0.5, 3.0, [{"meanSquaredError": 4.0}], _rows=None)  # type: ignore[arg-type]
    assert repr(numbers) == "RegressionSummary(rmse=2, mae=1.5, r2=0.5, explainedVariance=3, numInstances=9)"
    assert numbers._repr_html_().count("<tr>") == 2


def test_no_name_of_a_stranger_is_markup_in_a_notebook() -> None:
    net = Net.of([Dense(2, name=MARKUP)], {INPUT: (3,)})
    summary = replace(summary_of(2), history=[{"loss": 1.0, f"{MARKUP}_loss": 2.0}])
    estimator = DeepNetEstimator(featuresCol=MARKUP, layers=[4, 3])
    for shown in (net, summary, estimator, classified([[1, 0], [0, 1]], ("a", MARKUP))):
        html = shown._repr_html_()
        assert "<script" not in html
        assert "&lt;script&gt;alert(" in html
        assert "größe" in html


def test_summaries_draw_themselves() -> None:
    plt = pytest.importorskip("matplotlib.pyplot", reason='matplotlib is absent: pip install "spark_deepnet[plot]"')
    plt.switch_backend("agg")
    panels = summary_of(3, best=1).plot()
    assert [ax.get_ylabel() for ax in panels] == ["loss", "accuracy"]
    assert summary_of(3).plot("loss", ax=panels[0]) is panels[0]
    ax = classified([[8, 2], [1, 9]]).plotConfusionMatrix(normalize=True)
    assert [text.get_text() for text in ax.texts] == ["0.8", "0.2", "0.1", "0.9"]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0", "1"]
    plt.close("all")
