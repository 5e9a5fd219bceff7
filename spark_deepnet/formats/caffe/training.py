"""A Caffe net, its solver and where it was left, as what an estimator needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from spark_deepnet.errors import FormatError
from spark_deepnet.formats.caffe.read import CaffeNet, Options, Path
from spark_deepnet.formats.caffe.solver import Solver, read_solver
from spark_deepnet.formats.caffe.solver_state import SolverState, read_state
from spark_deepnet.formats.foreign import Foreign


@dataclass(frozen=True)
class Training:
    """A net to be trained."""

    foreign: Foreign
    params: dict[str, Any]
    """Keywords of an estimator, from the solver."""
    state: SolverState | None = None


def read_training(
    net: Path,
    solver: Path | None = None,
    weights: Path | None = None,
    state: Path | None = None,
    **options: Any,
) -> Training:
    """The net in its training phase. options: those of ``read``."""
    own = None if solver is None else read_solver(solver)
    if state is not None and own is None:
        raise FormatError(f"{state}: a solverstate needs its solver; give solver= too")
    if own is not None:
        train = own.fields.train_state
        options = {"level": int(train.level), "stages": tuple(train.stage), **options}
    caffe_net = CaffeNet.read(net, Options(phase="train", **options))
    foreign = caffe_net.foreign(weights)
    if own is None:
        return Training(foreign, {})
    left = None if state is None else _state(own, state, caffe_net)
    params = own.params(caffe_net.training_batch)
    if own.fields.max_iter:
        params["maxSteps"] = _steps_left(own, 0 if left is None else left.iteration)
    return Training(foreign, params, left)


def _steps_left(solver: Solver, made: int) -> int:
    """Of max_iter, which counts those before the state."""
    if solver.fields.max_iter <= made:
        raise solver.refusal(
            f"max_iter {solver.fields.max_iter} is not above the {made} iterations of the solver state"
        )
    return int(solver.fields.max_iter) - made


def _state(solver: Solver, path: Path, net: CaffeNet) -> SolverState:
    return read_state(path, net.reading.blobs, net.rewritten, solver.vectors)
