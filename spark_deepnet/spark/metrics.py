"""The Params metrics and monitor: what is measured after each epoch, and which figure early stopping watches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from spark_deepnet.errors import ParamError, near
from spark_deepnet.metrics.metric import Metric
from spark_deepnet.plan.architecture import OutputSpec
from spark_deepnet.spark.params.deepnet_params import DeepNetParams

LOSS = "loss"


@dataclass(frozen=True)
class Measured:
    """Metrics, and what early stopping watches, by its name in the history."""

    metrics: tuple[Metric, ...]
    monitor: str


def measured_by(params: DeepNetParams, heads: Sequence[OutputSpec], validated: bool) -> Measured:
    """The two Params, checked; a metric that is only watched is measured too."""
    metrics = [Metric.of(each) for each in params.getMetrics()]
    monitor = params.getMonitor()
    if monitor != LOSS and not validated:
        raise ParamError(
            f"monitor: {monitor!r} is watched over validation rows, of which there are none; set validationIndicatorCol or "
            f"validationFraction"
        )
    for metric in metrics:
        _check(metric, heads)
    names = [metric.name for metric in metrics]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ParamError(f"metrics: {sorted(twice)[0]!r} is there twice; each has a name of its own in the history")
    return _with_monitor(monitor, metrics, heads)


def _check(metric: Metric, heads: Sequence[OutputSpec]) -> None:
    """Refuse a metric that no output has."""
    needs = [metric.misfit(head.loss.task, head.units, head.loss.link) for head in heads]
    if all(needs):
        raise ParamError(f"metrics: {metric.kind} needs {needs[0]}; the loss here is {heads[0].loss.kind}")


def _with_monitor(monitor: str, metrics: list[Metric], heads: Sequence[OutputSpec]) -> Measured:
    if monitor == LOSS:
        return Measured(tuple(metrics), LOSS)
    known = _figures(metrics, heads)
    if monitor not in known and monitor in Metric.names():
        same = [metric for metric in metrics if metric.kind == monitor]
        if not same:
            metrics.append(Metric.of(monitor))
            _check(metrics[-1], heads)
            same, known = metrics[-1:], _figures(metrics, heads)
        if len(heads) == 1:
            monitor = same[0].name
    if monitor not in known:
        raise ParamError(f"monitor: there is no {monitor!r} in this fit; {near(monitor, [LOSS, *known])}")
    return Measured(tuple(metrics), monitor)


def _figures(metrics: Sequence[Metric], heads: Sequence[OutputSpec]) -> list[str]:
    """What the history has of every output."""
    names = []
    for head in heads:
        fitting = [each for each in metrics if each.misfit(head.loss.task, head.units, head.loss.link) is None]
        own = f"{head.name}_" if len(heads) > 1 else ""
        names += [own + name for name in dict.fromkeys([head.metric.name, *(each.name for each in fitting)])]
    return names
