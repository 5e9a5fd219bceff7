"""What is said of rows whose numbers are so large or so small that training gets nowhere: one sentence a column."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from spark_deepnet.data.schema import Source, Target
from spark_deepnet.net.net import Net
from spark_deepnet.plan.architecture import OutputSpec
from spark_deepnet.plan.plan import TrainPlan

MAX_USUAL_SIZE, MIN_USUAL_SIZE = 1e3, 1e-4
"""The size (root of the mean square) of numbers from which, or below which, they are noted."""
COARSE = 0.05
"""Steps of float32, in parts of the targets' spread, from which targets are noted."""
SCALES = {"batch_norm", "layer_norm", "normalization", "rescaling"}
"""Layers behind an input that scale it."""


def notes(parts: Iterable[dict[str, Any]], plan: TrainPlan) -> tuple[str, ...]:
    """The notes on all ranks' rows, from each rank's counts."""
    scales = [part["scales"] for part in parts if part.get("scales")]
    net, columns = plan.recipe.scores_net(), plan.columns
    sentences = [_of_input(source, _all_of(scales, "inputs", source.input), net) for source in columns.sources]
    for k, (target, head) in enumerate(zip(columns.targets, plan.recipe.heads(), strict=False)):
        sentences.append(_of_targets(target, _all_of(scales, "targets", str(k)), head, net.tops[k].layer.kind))
    return tuple(note for note in sentences if note)


def _all_of(scales: list[dict[str, Any]], kind: str, name: str) -> list[dict[str, Any]]:
    return [scale[kind][name] for scale in scales if name in scale[kind]]


def _of_input(source: Source, scales: list[dict[str, Any]], net: Net) -> str | None:
    readers = [node.layer.kind for node in net.nodes if source.input in node.inputs]
    if source.tokens or not scales or all(kind in SCALES for kind in readers):
        return None
    worst = max(scales, key=lambda f: float(f["size"]))
    if not _far(worst["size"]):
        return None
    return (
        f"column {_name(source.name, worst)} holds numbers of about {worst['size']:.2g}, on which training may get "
        f"nowhere; scale it to about 1, as StandardScaler does, or begin the network with BatchNorm()"
    )


def _of_targets(target: Target, scales: list[dict[str, Any]], head: OutputSpec, top: str) -> str | None:
    if not scales or head.loss.task != "regression":
        return None
    closest = max(scales, key=lambda f: float(f["steps"]))
    if closest["steps"] > COARSE:
        return (
            f"column {_name(target.label, None)} holds targets around {closest['mean']:.6g} that differ by about "
            f"{closest['spread']:.2g}, where predictions, which are float32, come in steps of "
            f"{closest['steps'] * closest['spread']:.2g}; subtract the mean before the fit, and add it to the predictions"
        )
    worst = max(scales, key=lambda f: float(f["size"]))
    if head.loss.link is not None or top == "normalization" or not _far(worst["size"]):
        return None
    return (
        f"column {_name(target.label, None)} holds targets of about {worst['size']:.2g}, which training may not reach; "
        f"scale them to about 1 before the fit, and the predictions back"
    )


def _far(size: float) -> bool:
    return size > MAX_USUAL_SIZE or 0 < size < MIN_USUAL_SIZE


def _name(column: str, scale: dict[str, Any] | None) -> str:
    """The column, and which of its numbers: of several columns the one."""
    names = column.split(", ")
    if scale is None or scale["columns"] == 1:
        return repr(column)
    if len(names) == scale["columns"]:
        return repr(names[scale["column"]])
    return f"{column!r}, number {scale['column']} from 0,"
