"""The outputs of a net: its losses, or else the values that no layer reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from spark_deepnet.errors import FormatError, near
from spark_deepnet.formats.caffe.layer_spec import LayerSpec
from spark_deepnet.formats.caffe.links import Blob, Links
from spark_deepnet.formats.caffe.registry import DROPPED
from spark_deepnet.formats.caffe.sources import DATA_TYPES

_FULL, _VALID, _BATCH, _NONE = range(4)


@dataclass(frozen=True)
class Head:
    """One output: the blob of its scores, and its loss."""

    scores: Blob
    name: str
    loss: LayerSpec | None = None
    target: Blob | None = None
    weight: float = 1.0


@dataclass(frozen=True)
class LossType:
    """How a type of loss is read: the loss and its factor, from the layer and the number of scores a row."""

    read: Callable[[LayerSpec, int], tuple[dict[str, Any], float]]
    note: str
    gives: str
    classes: bool = True
    """Whether its scores are those of classes."""
    links: str | None = None
    """The type of layer that makes its scores, which the loss does itself."""


def _softmax(spec: LayerSpec, units: int) -> tuple[dict[str, Any], float]:
    options = spec.message.loss_param
    ignore = {"ignore": int(options.ignore_label)} if options.HasField("ignore_label") else {}
    return {"kind": "softmax_cross_entropy", **ignore}, _mean_over_rows(spec)


def _sigmoid(spec: LayerSpec, units: int) -> tuple[dict[str, Any], float]:
    if spec.message.loss_param.HasField("ignore_label"):
        raise spec.refusal("ignore_label is not supported")
    return {"kind": "sigmoid_cross_entropy"}, _mean_over_rows(spec, units)


def _euclidean(spec: LayerSpec, units: int) -> tuple[dict[str, Any], float]:
    return {"kind": "squared"}, units / 2


def _hinge(spec: LayerSpec, units: int) -> tuple[dict[str, Any], float]:
    return {"kind": "hinge", "power": int(spec.message.hinge_loss_param.norm)}, 1.0


def _logistic(spec: LayerSpec, units: int) -> tuple[dict[str, Any], float]:
    return {"kind": "softmax_cross_entropy"}, 1.0


def _mean_over_rows(spec: LayerSpec, units: int = 1) -> float:
    """1 for a mean over the rows of a batch; other means are by the layer's own counts."""
    options = spec.message.loss_param
    mode = options.normalization
    if not options.HasField("normalization"):
        mode = _BATCH if units > 1 else _VALID
        if options.HasField("normalize"):
            mode = _VALID if options.normalize else _BATCH
    if mode == _NONE:
        raise spec.refusal("normalization NONE depends on the size of a batch; use VALID or BATCH_SIZE")
    return 1.0 if mode == _BATCH else 1.0 / units


LOSSES = {
    "SoftmaxWithLoss": LossType(_softmax, "of rows; scores of places in an image are refused", "softmax_cross_entropy"),
    "SigmoidCrossEntropyLoss": LossType(_sigmoid, "a sum over the scores of a row", "sigmoid_cross_entropy", False),
    "EuclideanLoss": LossType(_euclidean, "half a sum over k scores: k / 2 times the mean", "squared", False),
    "HingeLoss": LossType(_hinge, "L1 and L2", "hinge"),
    "MultinomialLogisticLoss": LossType(_logistic, "behind a Softmax", "softmax_cross_entropy", links="Softmax"),
}
"""Type of loss -> how it is read."""


def heads_of(links: Links, outputs: Sequence[str] | None) -> list[Head]:
    """The outputs of a net, that with the largest weight first."""
    if outputs is not None:
        return [_named(links, blob, name) for blob, name in zip(links.wanted(outputs), outputs, strict=True)]
    losses = [_loss(links, k) for k, spec in enumerate(links.specs) if spec.type in LOSSES]
    heads = [head for head in losses if head is not None]
    if heads:
        return sorted(heads, key=lambda head: -head.weight)
    without = {*DROPPED, *LOSSES, *DATA_TYPES}
    heads = [Head(blob, links.name(blob)) for blob in links.unread(without)]
    if not heads:
        raise FormatError(f"{links.specs[0].file}: the net has no layer whose values could be an output")
    return heads


def _named(links: Links, blob: Blob, name: str) -> Head:
    spec = links.specs[blob[0]]
    if spec.type in LOSSES:
        head = _loss(links, blob[0])
        if head is not None:
            return head
    if spec.type in DATA_TYPES:
        raise spec.refusal(f"outputs: {name!r} is an input, which the DataFrame has already")
    if spec.type in DROPPED:
        known = [links.name(other) for other in links.unread({*DROPPED, *LOSSES, *DATA_TYPES})]
        raise spec.refusal(f"outputs: {name!r} is not computed, for it is {DROPPED[spec.type]}; {near(name, known)}")
    return Head(blob, name)


def _loss(links: Links, k: int) -> Head | None:
    """The output of a loss layer; None where its weight is 0."""
    spec, bottoms = links.specs[k], links.bottoms[k]
    if spec.message.softmax_param.axis != 1:
        raise spec.refusal(f"softmax_param: axis must be 1, the classes, found {spec.message.softmax_param.axis}")
    if len(bottoms) != 2:
        raise spec.refusal(f"it reads {len(bottoms)} blobs; expected scores and targets")
    weights = list(spec.message.loss_weight) or [1.0]
    scores, target = bottoms
    if weights[0] == 0:
        return None
    if weights[0] < 0 or any(weights[1:]):
        raise spec.refusal(f"loss_weight must be one number of at least 0, found {weights}")
    link, maker = LOSSES[spec.type].links, links.specs[scores[0]]
    if link is not None:
        if maker.type != link:
            raise spec.refusal(f"its scores must come from a {link} layer, found {maker.type}")
        scores = links.bottoms[scores[0]][0]
    return Head(scores, links.name(scores), spec, target, weights[0])
