"""Pictures: what is drawn of summaries, matrices and networks that a stranger may have, and what stands on them."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spark_deepnet import plotting
from spark_deepnet.errors import DeepNetError, MissingPackageError, ParamError
from spark_deepnet.layers import Concatenate, Dense
from spark_deepnet.net.net import Net
from spark_deepnet.plotting.confusion import plot_confusion
from spark_deepnet.plotting.curves import plot_curves

matplotlib = pytest.importorskip("matplotlib", reason='matplotlib is absent: pip install "spark_deepnet[plot]"')
matplotlib.use("agg")
from matplotlib import pyplot as plt  # noqa: E402 - after importorskip

NAN = float("nan")


@pytest.fixture(autouse=True)
def _closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No picture shows itself."""
    monkeypatch.setattr(plt, "show", lambda *_, **__: pytest.fail("show() was called"))
    yield
    plt.close("all")


def history(epochs: int, validation: bool = True, **more: float) -> list[dict[str, float]]:
    training = [
        {"loss": 1 / (k + 1), "accuracy": k / epochs, "seconds": 0.1, "rowsPerSecond": 9.0} for k in range(epochs)
    ]
    of_validation = {"validationLoss": 2.0, "validationAccuracy": 0.5} if validation else {}
    return [row | of_validation | more for row in training]


def draw(ax: Any) -> None:
    """As when it is saved: texts that matplotlib cannot write fail here."""
    ax.figure.canvas.draw()


def legend(ax: Any) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()] if ax.get_legend() else []


def texts(ax: Any) -> list[str]:
    return [text.get_text() for text in ax.texts if text.get_text()]


def test_each_measure_has_a_panel_with_training_and_validation() -> None:
    panels = plot_curves(history(12), best=8)
    assert [ax.get_ylabel() for ax in panels] == ["loss", "accuracy"]
    assert legend(panels[0]) == ["training", "validation", "kept: epoch 9"]
    x, y = panels[0].lines[0].get_data()
    assert (x.tolist(), y[1], panels[0].get_xlabel()) == (list(range(1, 13)), 0.5, "epoch")
    draw(panels[0])
    assert all(float(tick).is_integer() for tick in panels[0].get_xticks())


def test_curves_without_validation_have_one_line_and_no_legend() -> None:
    ax = plot_curves(history(3, validation=False), ["rowsPerSecond"])
    assert (len(ax.lines), legend(ax), ax.get_ylabel()) == (1, [], "rows per second")


def test_of_one_epoch_there_is_a_point_and_of_no_finite_loss_a_sentence() -> None:
    ax = plot_curves([{"loss": 1.5}])
    assert (ax.lines[0].get_marker(), ax.get_xticks().tolist()) == ("o", [1])
    ax = plot_curves([{"loss": NAN}, {"loss": float("inf")}])
    assert texts(ax) == ["no finite values"]
    draw(ax)
    ax = plot_curves([{"loss": 3.0}, {"loss": NAN}, {"loss": float("inf")}, {"loss": 1.0}])
    assert np.isnan(ax.lines[0].get_ydata()).tolist() == [False, True, True, False]
    assert texts(ax) == []
    assert texts(plot_curves([])) == ["no finite values"]


def test_curves_are_drawn_onto_given_axes() -> None:
    _, axes = plt.subplots(1, 2)
    assert plot_curves(history(2), ax=axes[0]) is axes[0]
    assert axes[0].get_ylabel() == "loss"
    assert plot_curves(history(2), ["accuracy", "seconds"], ax=axes)[1] is axes[1]
    with pytest.raises(ParamError, match="2 measures need as many Axes, found 1"):
        plot_curves(history(2), ["loss", "accuracy"], ax=axes[0])


def test_measures_are_named_and_not_too_many() -> None:
    with pytest.raises(ParamError, match="no measure 'acuracy'; did you mean 'accuracy'"):
        plot_curves(history(2), ["acuracy"])
    many = history(2, **{f"output{k}_loss": 1.0 for k in range(40)})
    with pytest.raises(ParamError, match="42 measures do not fit one figure; name up to 30 of them"):
        plot_curves(many)
    assert len(plot_curves(many, [f"output{k}_loss" for k in range(30)])) == 30


def test_a_measure_of_an_output_named_by_a_stranger_is_written_as_it_is() -> None:
    panels = plot_curves(history(2, **{"$x_1$ <b>größe</b>_loss": 1.0, "$x_1$ <b>größe</b>_validationLoss": 2.0}))
    draw(panels[2])
    assert panels[2].get_ylabel().replace(r"\$", "$") == "$x_1$ <b>größe</b>_loss"
    assert legend(panels[2]) == ["training", "validation"]


def test_a_confusion_matrix_has_numbers_names_and_shares() -> None:
    matrix = np.array([[8.0, 2.0, 0.0], [0.0, 0.0, 0.0], [1.0, 0.0, 3.0]])
    ax = plot_confusion(matrix, ["Größe", "<b>$a$ $</b>", "a name that is too long for a tick"])
    draw(ax)
    assert texts(ax) == [*("8", "2", "0"), *("0", "0", "0"), *("1", "0", "3")]
    assert ax.get_yticklabels()[0].get_text() == "Größe"
    assert ax.get_yticklabels()[2].get_text() == "a name that is too long…"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("prediction", "label")
    shares = np.array(ax.images[0].get_array().filled(NAN))
    np.testing.assert_allclose(shares, [[0.8, 0.2, 0], [NAN] * 3, [0.25, 0, 0.75]])
    normalized = plot_confusion(matrix, ["a", "b", "c"], normalize=True)
    assert texts(normalized) == ["0.8", "0.2", "0", "0.25", "0", "0.75"]
    assert texts(plot_confusion(matrix / 3, ["a", "b", "c"]))[0] == "2.67"


def test_of_many_classes_no_single_cell_vanishes() -> None:
    matrix = 50 * np.eye(1000)
    matrix[3, 700] = 50
    matrix[600:610] = 0
    ax = plot_confusion(matrix, [f"class {k}" for k in range(1000)])
    draw(ax)
    cells = np.array(ax.images[0].get_array().filled(NAN))
    assert cells.shape == (200, 200)
    assert cells[0, 140] == 0.5
    assert np.isnan(cells[120]).all()
    assert texts(ax) == []
    assert len(ax.get_xticks()) <= 30
    assert ax.get_xticklabels()[1].get_text() == "class 34"


def graph() -> Net:
    layers = [
        Dense(8, "relu", name="a", inputs="deep"), Dense(4, name="b"),
        Concatenate(name="joined", inputs=["b", "wide", "deep"]), Dense(2, name="scores"),
    ]  # fmt: skip
    return Net.of(layers, {"deep": (10,), "wide": (6,)})


def test_a_network_is_drawn_from_its_inputs_down() -> None:
    ax = graph().draw()
    draw(ax)
    places = {text.get_text().partition("\n")[0]: text.get_position() for text in ax.texts if text.get_text()}
    assert [places[name][1] for name in ("deep", "wide", "a", "a/relu", "b", "joined", "scores")] == [
        0,
        0,
        1,
        2,
        3,
        4,
        5,
    ]
    assert len(set(places.values())) == 7
    assert "a\ndense 8" in texts(ax)
    assert "joined\nconcatenate 20" in texts(ax)
    boxes = [text.get_window_extent() for text in ax.texts if text.get_text()]
    assert not any(a.overlaps(b) for k, a in enumerate(boxes) for b in boxes[:k])


def test_no_line_of_a_network_passes_through_a_box() -> None:
    ax = graph().draw()
    draw(ax)
    boxes = [text.get_window_extent() for text in ax.texts if text.get_text()]
    for line in ax.lines:
        points = ax.transData.transform(line.get_xydata()[1:])
        assert not any(box.contains(*point) for box in boxes for point in points)


def test_a_network_too_large_for_a_picture_is_refused() -> None:
    net = Net.of([Dense(2) for _ in range(501)], {"x": (2,)})
    with pytest.raises(ParamError, match=r"502 boxes do not fit one picture of 500; use plot\(\) and Graphviz"):
        net.draw()


def test_a_deep_network_is_drawn() -> None:
    ax = Net.of([Dense(2) for _ in range(100)], {"x": (2,)}).draw()
    assert ax.figure.get_size_inches()[1] == pytest.approx(0.8 * 101 + 0.3)


def test_without_matplotlib_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingPackageError, match=r'matplotlib.*pip install "spark_deepnet\[plot\]"') as raised:
        plot_curves(history(2))
    assert isinstance(raised.value, DeepNetError | ImportError)


def test_matplotlib_is_imported_when_a_picture_is_drawn() -> None:
    for file in Path(plotting.__file__).parent.glob("*.py"):
        at_import = [node for node in ast.parse(file.read_text()).body if isinstance(node, ast.Import | ast.ImportFrom)]
        assert not any("matplotlib" in ast.unparse(node) for node in at_import)
