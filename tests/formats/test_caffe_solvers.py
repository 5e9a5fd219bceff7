"""Solvers of Caffe: each policy, optimizer and option makes the steps of a solver in float64."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from spark_deepnet.data.schema import Source
from spark_deepnet.errors import FormatError
from spark_deepnet.formats.caffe.training import Training, read_training
from spark_deepnet.plan.architecture import InputSpec
from spark_deepnet.plan.plan import TrainPlan
from tests.cases.caffe_solvers import OPTIMIZERS, OTHERS, POLICIES, ROWS, Reference, SolverCase
from tests.formats.caffe_files import caffemodel, layer_text, solver_state
from tests.train.fits import fit, plan_of

STEPS, WIDTH, CLASSES = 20, 4, 3
DATA = 'layer { name: "data" type: "Data" top: "data" top: "label" data_param { batch_size: %d } }\n'
LOSS = layer_text("SoftmaxWithLoss", "", "ip label", "loss")


SOURCE = Source((WIDTH,), "data")


def net_text(batch: int = ROWS, params: str = "") -> str:
    ip = layer_text("InnerProduct", f"{params} inner_product_param {{ num_output: {CLASSES} }}", top="ip")
    return DATA % batch + ip + LOSS


def training(folder: Path, net: str, solver: str, **options: Any) -> Training:
    (folder / "net.prototxt").write_text(net)
    (folder / "solver.prototxt").write_text(solver)
    return read_training(folder / "net.prototxt", folder / "solver.prototxt", input_shape=(WIDTH,), **options)


def plan_for(read: Training) -> TrainPlan:
    """A plan whose only job makes 20 steps over all rows."""
    keywords, names = read.params, {"learningRate": "learning_rate", "batchSize": "batch_size", "clipNorm": "clip_norm"}
    recipe = {names[name]: value for name, value in keywords.items() if name in names}
    regularization, part = keywords["regParam"], keywords["elasticNetParam"]
    recipe |= {"l1": regularization * part, "l2": regularization * (1 - part), "epochs": STEPS}
    recipe |= {"optimizer": keywords["solver"], "schedule": keywords["schedule"]}
    return plan_of(
        read.foreign.layers, entries=(InputSpec((WIDTH,), "data"),), columns={"sources": (SOURCE,)}, **recipe
    )


@pytest.mark.parametrize("case", [*POLICIES, *OPTIMIZERS, *OTHERS], ids=lambda case: case.name)
def test_twenty_steps_are_those_of_caffe(case: SolverCase, tmp_path: Path) -> None:
    read = training(tmp_path, net_text(ROWS // case.iter_size, case.params), case.whole_text)
    assert read.params["batchSize"] == ROWS
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, WIDTH)).astype(np.float32)
    labels = rng.integers(0, CLASSES, ROWS)
    plan = plan_for(read)
    layout = plan.recipe.scores_net().layout
    start = layout.named(layout.init_weights(plan.recipe.seed, np.float64))
    reference = Reference(case, [start["ip/W"].T, start["ip/b"]])
    for iteration in range(STEPS):
        reference.step(iteration, gradients(reference.w, x.astype(np.float64), labels))
    frame = pd.DataFrame({SOURCE.columns[0]: list(x), "label": labels.astype(np.float64)})
    found = layout.named(fit(plan, [[frame]]).weights)
    np.testing.assert_allclose(found["ip/W"].T, reference.w[0], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found["ip/b"], reference.w[1], rtol=1e-5, atol=1e-5)


def gradients(w: list[np.ndarray], x: np.ndarray, labels: np.ndarray) -> list[np.ndarray]:
    z = x @ w[0].T + w[1]
    p = np.exp(z - z.max(1, keepdims=True))
    d = (p / p.sum(1, keepdims=True) - np.eye(CLASSES)[labels]) / len(x)
    return [d.T @ x, d.sum(0)]


def test_what_caffe_prints_and_saves_is_named_in_one_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    text = "base_lr: 0.1 test_iter: 5 display: 10 snapshot: 100 solver_mode: GPU random_seed: 5"
    with caplog.at_level(logging.WARNING):
        read = training(tmp_path, net_text(), text)
    (record,) = caplog.records
    assert "display, snapshot, solver_mode, test_iter" in record.getMessage()
    assert read.params["seed"] == 5


@pytest.mark.parametrize(
    ("solver", "says"),
    [
        ("momentum: 0.9", "it has no base_lr"),
        ('layer { name: "a" }', r"expected a solver's prototxt, found a file with the field 'layer', which is a net's"),
        ('base_lr: 1 type: "Adagrad"', r"no solver of type 'Adagrad'; did you mean 'AdaGrad'"),
        ('base_lr: 1 lr_policy: "stp"', r"no lr_policy 'stp'; did you mean 'step'"),
        ('base_lr: 1 lr_policy: "step" gamma: 0.1', "'step' needs stepsize"),
        ('base_lr: 1 lr_policy: "multistep" gamma: 0.1', "'multistep' needs stepvalue"),
        ('base_lr: 1 lr_policy: "poly" power: 1', "'poly' needs max_iter"),
        ('base_lr: 1 regularization_type: "L3"', "must be L1 or L2, found 'L3'"),
        ('base_lr: 1 type: "AdaGrad" momentum: 0.9', "momentum cannot go with AdaGrad"),
        ("base_lr: 1 iter_size: 0", "iter_size must be at least 1"),
        ("base_lr: 1 momentun: 0", r"line 1, column 12: SolverParameter has no field 'momentun'.*'momentum'"),
    ],
)
def test_a_solver_is_refused_in_a_sentence(solver: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=says):
        training(tmp_path, net_text(), solver)


def test_the_batch_is_that_of_training(tmp_path: Path) -> None:
    """Sizes of Input layers are those of scoring."""
    deploy = f'input: "data" input_shape {{ dim: 10 dim: {WIDTH} }}\n' + layer_text(
        "InnerProduct", "inner_product_param { num_output: 3 }", top="ip"
    )
    with pytest.raises(FormatError, match="the training batch is not known"):
        training(tmp_path, deploy, "base_lr: 1")


def state_file(folder: Path, *arrays: np.ndarray) -> Path:
    path = folder / "net.solverstate"
    path.write_bytes(solver_state(40, *arrays))
    return path


@pytest.mark.parametrize(("type_name", "names"), [("SGD", ("v",)), ("AdaDelta", ("v", "u")), ("Adam", ("m", "v"))])
def test_the_vectors_of_a_state_are_those_of_the_weights(
    type_name: str, names: tuple[str, ...], tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=shape).astype(np.float32) for _ in names for shape in ((CLASSES, WIDTH), (CLASSES,))]
    state = state_file(tmp_path, *arrays)
    read = training(tmp_path, net_text(), f'base_lr: 1 momentum: 0.9 type: "{type_name}"', state=state).state
    assert read is not None
    assert read.iteration == 40
    assert tuple(read.vectors) == names
    for k, vector in enumerate(read.vectors.values()):
        np.testing.assert_array_equal(vector["ip/W"], arrays[2 * k].T)
        np.testing.assert_array_equal(vector["ip/b"], arrays[2 * k + 1])


def test_max_iter_counts_the_iterations_of_the_state(tmp_path: Path) -> None:
    state = state_file(tmp_path, np.zeros((CLASSES, WIDTH)), np.zeros(CLASSES))
    text = "base_lr: 1 momentum: 0.9 max_iter: "
    assert training(tmp_path, net_text(), text + "100").params["maxSteps"] == 100
    assert training(tmp_path, net_text(), text + "100", state=state).params["maxSteps"] == 60
    with pytest.raises(FormatError, match="max_iter 40 is not above the 40 iterations of the solver state"):
        training(tmp_path, net_text(), text + "40", state=state)


def test_a_state_of_another_net_or_solver_is_refused(tmp_path: Path) -> None:
    W, b = np.zeros((CLASSES, WIDTH)), np.zeros(CLASSES)
    text = "base_lr: 1 momentum: 0.9"
    with pytest.raises(FormatError, match=r"4 arrays; .*\(v\) need 2: it is the state of another net or solver"):
        training(tmp_path, net_text(), text, state=state_file(tmp_path, W, b, W, b))
    with pytest.raises(FormatError, match=r"layer 'ip' \(InnerProduct\) needs \(3, 4\), the history has \(3, 5\)"):
        training(tmp_path, net_text(), text, state=state_file(tmp_path, np.zeros((CLASSES, 5)), b))
    with pytest.raises(FormatError, match=r"no solver of type 'adam'; did you mean 'Adam'"):
        training(tmp_path, net_text(), text + ' type: "adam"', state=tmp_path / "net.solverstate")
    with pytest.raises(FormatError, match="a solverstate needs its solver"):
        read_training(tmp_path / "net.prototxt", state=tmp_path / "net.solverstate")
    (tmp_path / "net.solverstate").write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(FormatError, match="that is HDF5"):
        training(tmp_path, net_text(), text, state=tmp_path / "net.solverstate")
    (tmp_path / "net.solverstate").write_bytes(caffemodel({}))
    with pytest.raises(FormatError, match="expected a solverstate"):
        training(tmp_path, net_text(), text, state=tmp_path / "net.solverstate")
