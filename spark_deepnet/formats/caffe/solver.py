"""A Caffe solver as the Params of an estimator: optimizer, learning-rate schedule, regularization, clipping."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from spark_deepnet.errors import FormatError, near
from spark_deepnet.formats.caffe.messages import message
from spark_deepnet.formats.caffe.text import parse, read_text

_log = logging.getLogger(__name__)
_OLD_TYPES = ("SGD", "Nesterov", "AdaGrad", "RMSProp", "AdaDelta", "Adam")
"""Values of solver_type, today's type."""
_NETS = {"net", "train_net", "test_net", "net_param", "train_net_param", "test_net_param", "test_state", "weights"}
_IGNORED = {
    "test_iter",
    "test_interval",
    "test_compute_loss",
    "test_initialization",
    "display",
    "average_loss",
    "snapshot",
    "snapshot_prefix",
    "snapshot_diff",
    "snapshot_format",
    "snapshot_after_train",
    "solver_mode",
    "device_id",
    "debug_info",
    "layer_wise_reduce",
}
"""What says how Caffe runs, not what it trains."""


class Solver:
    """A solver file."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.file = str(path)
        text = read_text(path, "SolverParameter", "a solver's prototxt")
        self.fields: Any = parse(self.file, text, "SolverParameter")
        if not self.fields.HasField("base_lr"):
            raise self.refusal("it has no base_lr; is it a net's file?")

    def refusal(self, why: str) -> FormatError:
        return FormatError(f"{self.file}: {why}")

    @property
    def type(self) -> str:
        """The optimizer's type, by its name of today."""
        fields = self.fields
        if fields.HasField("solver_type") and not fields.HasField("type"):
            return _OLD_TYPES[fields.solver_type]
        return str(fields.type)

    def params(self, batch: int | None) -> dict[str, Any]:
        """Keywords of a DeepNetEstimator, for training batches of that many rows."""
        fields = self.fields
        if not batch:
            raise self.refusal(
                "the training batch is not known, by which iterations become rows; give the net that has a data layer "
                "with a batch_size"
            )
        if fields.iter_size < 1:
            raise self.refusal(f"iter_size must be at least 1, found {fields.iter_size}")
        rows = batch * fields.iter_size
        if fields.regularization_type not in ("L1", "L2"):
            raise self.refusal(f"regularization_type must be L1 or L2, found {fields.regularization_type!r}")
        keywords: dict[str, Any] = {
            "solver": self.optimizer(),
            "learningRate": fields.base_lr,
            "schedule": self.schedule(rows),
            "batchSize": rows,
            "regParam": fields.weight_decay,
            "elasticNetParam": 1.0 if fields.regularization_type == "L1" else 0.0,
        }
        if fields.clip_gradients >= 0 and fields.HasField("clip_gradients"):
            keywords["clipNorm"] = fields.clip_gradients / fields.iter_size
        if fields.random_seed >= 0:
            keywords["seed"] = int(fields.random_seed)
        self._warn()
        return keywords

    def optimizer(self) -> dict[str, Any]:
        """The optimizer as JSON."""
        own = self._kind
        if self.type in ("AdaGrad", "RMSProp") and self.fields.momentum:
            raise self.refusal(f"momentum cannot go with {self.type}, found {self.fields.momentum}")
        return {"kind": own.kind, **own.fields(self.fields)}

    @property
    def _kind(self) -> Kind:
        if self.type not in OPTIMIZERS:
            raise self.refusal(f"there is no solver of type {self.type!r}; {near(self.type, OPTIMIZERS)}")
        return OPTIMIZERS[self.type]

    @property
    def vectors(self) -> tuple[str, ...]:
        """The optimizer's vectors that Caffe's state has."""
        return self._kind.vectors

    def schedule(self, rows: int) -> dict[str, Any]:
        """The learning-rate policy as JSON; rows: of an iteration."""
        policy = self.fields.lr_policy or "fixed"
        if policy not in POLICIES:
            raise self.refusal(f"there is no lr_policy {policy!r}; {near(policy, POLICIES)}")
        own = POLICIES[policy]
        for name in own.needs:
            if not (self.fields.stepvalue if name == "stepvalue" else self.fields.HasField(name)):
                raise self.refusal(f"lr_policy {policy!r} needs {name}")
        clock = {} if own.kind in ("constant", "polynomial") else {"unit": "rows"}
        return {"kind": own.kind, **own.fields(self.fields, rows), **clock}

    def _warn(self) -> None:
        """One warning that names what has no effect here."""
        names = {field.name for field, _ in self.fields.ListFields()} & _IGNORED
        if names:
            _log.warning("%s: has no effect here: %s", self.file, ", ".join(sorted(names)))


def read_solver(path: str | os.PathLike[str]) -> Solver:
    """The solver of a text file; FormatError, with line and column, if it cannot be read."""
    message("SolverParameter")
    return Solver(path)


@dataclass(frozen=True)
class Policy:
    """A learning-rate policy as a schedule."""

    kind: str
    fields: Callable[[Any, int], dict[str, Any]]
    """Fields of the schedule, from the solver and the rows of an iteration."""
    needs: tuple[str, ...] = ()
    """Fields that the solver must have."""


@dataclass(frozen=True)
class Kind:
    """A type of solver as an optimizer."""

    kind: str
    fields: Callable[[Any], dict[str, Any]]
    vectors: tuple[str, ...] = ("v",)
    """The optimizer's vectors, in the order in which Caffe saves them."""


OPTIMIZERS = {
    "SGD": Kind("momentum", lambda f: {"momentum": f.momentum}),
    "Nesterov": Kind("nesterov", lambda f: {"momentum": f.momentum}),
    "AdaGrad": Kind("adagrad", lambda f: {"initial": 0.0, "epsilon": f.delta}, ("total",)),
    "RMSProp": Kind("rmsprop", lambda f: {"rho": f.rms_decay, "epsilon": f.delta}),
    "AdaDelta": Kind("adadelta", lambda f: {"rho": f.momentum, "epsilon": f.delta}, ("v", "u")),
    "Adam": Kind(
        "adam",
        lambda f: {"beta1": f.momentum, "beta2": f.momentum2, "epsilon": f.delta, "epsilon_hat": True},
        ("m", "v"),
    ),
}
"""Type of solver -> optimizer."""

POLICIES = {
    "fixed": Policy("constant", lambda f, rows: {}),
    "step": Policy(
        "step", lambda f, rows: {"every": float(f.stepsize * rows), "gamma": f.gamma}, ("gamma", "stepsize")
    ),
    "exp": Policy("exponential", lambda f, rows: {"gamma": f.gamma ** (1 / rows)}, ("gamma",)),
    "inv": Policy("inverse", lambda f, rows: {"gamma": f.gamma / rows, "power": f.power}, ("gamma", "power")),
    "multistep": Policy(
        "multistep",
        lambda f, rows: {"at": tuple(float(value * rows) for value in f.stepvalue), "gamma": f.gamma},
        ("gamma", "stepvalue"),
    ),
    "poly": Policy("polynomial", lambda f, rows: {"power": f.power}, ("power", "max_iter")),
    "sigmoid": Policy(
        "sigmoid", lambda f, rows: {"gamma": f.gamma / rows, "at": float(f.stepsize * rows)}, ("gamma", "stepsize")
    ),
}
"""lr_policy -> schedule."""
